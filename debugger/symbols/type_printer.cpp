// Declarations are built from the inside out, as C reads them.
#include "debugger/symbols/type_printer.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>

namespace gnomon {
namespace {

constexpr unsigned kDeepest = 32;

std::string tag_name(const Type& type) {
    const char* tag = type.kind == TypeKind::Struct  ? "struct"
                      : type.kind == TypeKind::Union ? "union"
                                                     : "enum";
    return type.name.empty() ? fmt::format("{} {{…}}", tag) : fmt::format("{} {}", tag, type.name);
}

std::string declare(TypeSource& types, TypeId id, std::string inner, unsigned depth) {
    if (depth > kDeepest) return inner;
    const Type& type = types.type(id);
    switch (type.kind) {
        case TypeKind::Pointer: {
            const TypeKind target = types.type(type.target).kind;
            const bool binds = target == TypeKind::Array || target == TypeKind::Function;
            return declare(types, type.target, binds ? fmt::format("(*{})", inner) : "*" + inner, depth + 1);
        }
        case TypeKind::Array: {
            for (const u64 bound : type.dimensions)
                inner += bound == 0 ? std::string("[]") : fmt::format("[{}]", bound);
            return declare(types, type.target, inner, depth + 1);
        }
        case TypeKind::Function: {
            std::string parameters;
            for (const Type::Member& parameter : type.members) {
                if (!parameters.empty()) parameters += ", ";
                parameters += declare(types, parameter.type, "", depth + 1);
            }
            if (parameters.empty()) parameters = "void";
            return declare(types, type.target, fmt::format("{}({})", inner, parameters), depth + 1);
        }
        default: break;
    }
    std::string name;
    if (type.kind == TypeKind::Struct || type.kind == TypeKind::Union || type.kind == TypeKind::Enumeration)
        name = tag_name(type);
    else
        name = type.kind == TypeKind::Void ? "void" : type.name;
    if (type.qualified_const) name = "const " + name;
    return inner.empty() ? name : name + " " + inner;
}

u64 element_count(const Type& array) {
    u64 count = 1;
    for (const u64 bound : array.dimensions) count *= bound;
    return count;
}

class ValuePrinter {
  public:
    ValuePrinter(TypeSource& types, const MemoryReader& read, const ValueFormat& format)
        : types_(types), read_(read), format_(format) {}

    std::string print(TypeId id, u64 address, unsigned indent) {
        id = strip_typedefs(types_, id);
        const Type type = types_.type(id);
        switch (type.kind) {
            case TypeKind::Struct:
            case TypeKind::Union: return print_members(type, address, indent);
            case TypeKind::Array: return print_array(type, address, indent, 0);
            case TypeKind::Function: return fmt::format("{{{}}} {:#x}", type_name(types_, id), address);
            case TypeKind::Void: return "void";
            default: break;
        }
        const u64 size = size_of(types_, id, format_.pointer_size);
        std::array<u8, 16> bytes{};
        if (size == 0 || size > bytes.size()) return fmt::format("<value of {} bytes>", size);
        if (!read_(address, std::span(bytes).first(size))) return "<not mapped>";
        return scalar(type, bytes, size);
    }

  private:
    std::string scalar(const Type& type, const std::array<u8, 16>& bytes, u64 size) {
        u64 raw = 0;
        std::memcpy(&raw, bytes.data(), std::min<u64>(size, 8));
        if (type.kind == TypeKind::Float) return floating(bytes, size);
        return integer(type, raw, static_cast<unsigned>(std::min<u64>(size, 8) * 8));
    }
    std::string integer(const Type& type, u64 raw, unsigned bits) {
        const i64 value =
            bits >= 64 ? static_cast<i64>(raw) : static_cast<i64>(raw << (64 - bits)) >> (64 - bits);
        switch (type.kind) {
            case TypeKind::Pointer: {
                std::string text = fmt::format("{:#x}", raw);
                if (raw != 0 && format_.name_of)
                    if (const std::string name = format_.name_of(raw); !name.empty()) text += " " + name;
                const TypeId target = strip_typedefs(types_, type.target);
                if (raw != 0 && types_.type(target).kind == TypeKind::Character) text += " " + quote(raw);
                return text;
            }
            case TypeKind::Enumeration:
                for (const Type::Enumerator& one : type.enumerators)
                    if (one.value == value || static_cast<u64>(one.value) == raw) return one.name;
                return fmt::format("{}", value);
            case TypeKind::Boolean: return raw == 0 ? "false" : "true";
            case TypeKind::Character:
                return raw >= 32 && raw < 127 ? fmt::format("{} '{}'", raw, static_cast<char>(raw))
                                              : fmt::format("{}", value);
            default: break;
        }
        if (format_.hexadecimal) return fmt::format("{:#x}", raw);
        return type.kind == TypeKind::Integer ? fmt::format("{}", value) : fmt::format("{}", raw);
    }
    static std::string floating(const std::array<u8, 16>& bytes, u64 size) {
        if (size == 4) {
            float value;
            std::memcpy(&value, bytes.data(), 4);
            return fmt::format("{}", value);
        }
        if (size == 8) {
            double value;
            std::memcpy(&value, bytes.data(), 8);
            return fmt::format("{}", value);
        }
        long double value = 0;
        std::memcpy(&value, bytes.data(), 10);
        return fmt::format("{}", value);
    }
    std::string quote(u64 address) {
        std::string text = "\"";
        for (unsigned i = 0; i < format_.max_elements; i++) {
            u8 byte = 0;
            if (!read_(address + i, std::span(&byte, 1))) return i == 0 ? "<not mapped>" : text + "\"…";
            if (byte == 0) return text + "\"";
            append_character(text, byte);
        }
        return text + "\"…";
    }
    static void append_character(std::string& text, u8 byte) {
        if (byte == '"' || byte == '\\')
            text += fmt::format("\\{}", static_cast<char>(byte));
        else if (byte >= 32 && byte < 127)
            text += static_cast<char>(byte);
        else if (byte == '\n')
            text += "\\n";
        else
            text += fmt::format("\\{:03o}", byte);
    }
    std::string print_members(const Type& type, u64 address, unsigned indent) {
        if (!type.complete) return "<incomplete type>";
        if (indent > kDeepest) return "{…}";
        std::string text = "{\n";
        const std::string margin((indent + 1) * 2, ' ');
        for (const Type::Member& member : type.members) {
            text += margin;
            if (!member.name.empty()) text += member.name + " = ";
            text += member.bit_size != 0 ? bit_field(member, address)
                                         : print(member.type, address + member.offset, indent + 1);
            text += "\n";
        }
        return text + std::string(indent * 2, ' ') + "}";
    }
    std::string bit_field(const Type::Member& member, u64 address) {
        std::array<u8, 16> bytes{};
        const u64 first = member.offset + member.bit_offset / 8;
        const unsigned shift = member.bit_offset % 8;
        const unsigned size = (shift + member.bit_size + 7) / 8;
        if (!read_(address + first, std::span(bytes).first(size))) return "<not mapped>";
        u64 low = 0;
        std::memcpy(&low, bytes.data(), 8);
        u64 raw = low >> shift;
        if (shift != 0) raw |= u64{bytes[8]} << (64 - shift);
        if (member.bit_size < 64) raw &= (u64{1} << member.bit_size) - 1;
        return integer(types_.type(strip_typedefs(types_, member.type)), raw, member.bit_size);
    }
    std::string print_array(const Type& type, u64 address, unsigned indent, size_t dimension) {
        const TypeId element = strip_typedefs(types_, type.target);
        const bool last = dimension + 1 >= type.dimensions.size();
        const u64 count = type.dimensions.empty() ? 0 : type.dimensions[dimension];
        u64 stride = size_of(types_, element, format_.pointer_size);
        for (size_t i = dimension + 1; i < type.dimensions.size(); i++) stride *= type.dimensions[i];
        if (last && types_.type(element).kind == TypeKind::Character && stride == 1)
            return characters(address, count);
        std::string text = "{";
        for (u64 i = 0; i < count; i++) {
            if (i != 0) text += ", ";
            if (i == format_.max_elements) return text + fmt::format("… {} more}}", count - i);
            text += last ? print(element, address + i * stride, indent + 1)
                         : print_array(type, address + i * stride, indent, dimension + 1);
        }
        return text + "}";
    }
    /// An array of characters: as a string where the rest is zero.
    std::string characters(u64 address, u64 count) {
        std::vector<u8> bytes(std::min<u64>(count, 256));
        if (!read_(address, bytes)) return "<not mapped>";
        size_t used = bytes.size();
        while (used > 0 && bytes[used - 1] == 0) used--;
        std::string text = "\"";
        for (size_t i = 0; i < used; i++) append_character(text, bytes[i]);
        text += '"';
        return count > bytes.size() ? text + "…" : text;
    }

    TypeSource& types_;
    const MemoryReader& read_;
    const ValueFormat& format_;
};

}  // namespace

TypeId strip_typedefs(TypeSource& types, TypeId id) {
    for (unsigned depth = 0; depth < kDeepest && types.type(id).kind == TypeKind::Typedef; depth++)
        id = types.type(id).target;
    return id;
}

u64 size_of(TypeSource& types, TypeId id, unsigned pointer_size) {
    const Type& type = types.type(strip_typedefs(types, id));
    if (type.kind == TypeKind::Pointer) return type.size != 0 ? type.size : pointer_size;
    if (type.kind == TypeKind::Array) return element_count(type) * size_of(types, type.target, pointer_size);
    return type.size;
}

std::string declaration(TypeSource& types, TypeId id, const std::string& name) {
    return declare(types, id, name, 0);
}

std::string type_name(TypeSource& types, TypeId id) { return declare(types, id, "", 0); }

std::string describe_type(TypeSource& types, TypeId id) {
    std::string text;
    if (types.type(id).kind == TypeKind::Typedef)
        text = fmt::format("typedef {}\n", declaration(types, types.type(id).target, types.type(id).name));
    id = strip_typedefs(types, id);
    const Type type = types.type(id);
    if (type.kind == TypeKind::Enumeration) {
        text += tag_name(type) + " {\n";
        for (const Type::Enumerator& one : type.enumerators)
            text += fmt::format("    {} = {},\n", one.name, one.value);
        return text + "};\n";
    }
    if (type.kind != TypeKind::Struct && type.kind != TypeKind::Union)
        return text.empty() ? type_name(types, id) + "\n" : text;
    if (!type.complete) return text + tag_name(type) + ";  // only declared\n";
    text += fmt::format("{} {{  // {} bytes\n", tag_name(type), type.size);
    for (const Type::Member& member : type.members) {
        std::string line = declaration(types, member.type, member.name);
        if (member.bit_size != 0) line += fmt::format(" : {}", member.bit_size);
        std::string place = fmt::format("{:#x}", member.offset);
        if (member.bit_size != 0) place += fmt::format(", bit {}", member.bit_offset);
        text += fmt::format("    {:<40}  // {}\n", line + ";", place);
    }
    return text + "};\n";
}

std::string print_value(TypeSource& types, TypeId id, u64 address, const MemoryReader& read,
                        const ValueFormat& format) {
    return ValuePrinter(types, read, format).print(id, address, 0);
}

}  // namespace gnomon
