// A recursive-descent parser over: unary (* & casts), postfix (. -> []), names, numbers, parentheses.
#include "debugger/symbols/value_expression.h"

#include <cstring>
#include <memory>

namespace gnomon {
namespace {

/// An object in memory or, if `in_memory` is false, a number with a type.
struct Value {
    TypeSource* types = nullptr;  ///< null: an untyped word
    TypeId type = 0;
    bool in_memory = false;
    u64 address = 0;
    u64 number = 0;
    unsigned pointer_size = 8;
    unsigned indirections = 0;  ///< of a cast: pointers to `type` that no type of the program stands for
};

/// Reports errors to the nearest call of evaluate().
struct Trouble {
    std::string message;
};

class Evaluator {
  public:
    Evaluator(const Symbols& symbols, std::string_view text, const MemoryReader& read,
              const PrintOptions& options)
        : symbols_(symbols), rest_(text), read_(read), options_(options) {}

    Value whole() {
        const Value value = unary();
        skip_blanks();
        if (!rest_.empty()) throw Trouble{fmt::format("\"{}\" is not understood", rest_)};
        return value;
    }

    [[nodiscard]] std::string print(const Value& value) const {
        ValueFormat format;
        format.hexadecimal = options_.hexadecimal;
        format.pointer_size = value.pointer_size;
        format.name_of = [this](u64 address) {
            const std::string name = symbols_.describe_address(address);
            return name.empty() ? name : "<" + name + ">";
        };
        if (value.indirections != 0 || !value.types) {
            const u64 number = value.in_memory ? load(value.address, value.pointer_size) : value.number;
            std::string text;
            if (value.indirections != 0)
                text = fmt::format("({} {}) ", type_name(*value.types, value.type),
                                   std::string(value.indirections, '*'));
            text += fmt::format("{:#x}", number);
            const std::string name = format.name_of(number);
            return name.empty() ? text : text + " " + name;
        }
        if (value.in_memory) return print_value(*value.types, value.type, value.address, read_, format);
        // A number is printed as if it stood in memory.
        const MemoryReader number = [&](u64 address, std::span<u8> out) {
            if (address != 0 || out.size() > 8) return address != 0 && read_(address, out);
            std::memcpy(out.data(), &value.number, out.size());
            return true;
        };
        return print_value(*value.types, value.type, 0, number, format);
    }

  private:
    void skip_blanks() {
        while (!rest_.empty() && (rest_[0] == ' ' || rest_[0] == '\t')) rest_.remove_prefix(1);
    }
    bool take(std::string_view token) {
        skip_blanks();
        if (!rest_.starts_with(token)) return false;
        rest_.remove_prefix(token.size());
        return true;
    }
    std::string_view word() {
        skip_blanks();
        size_t length = 0;
        while (length < rest_.size() &&
               (std::isalnum(static_cast<unsigned char>(rest_[length])) != 0 || rest_[length] == '_' ||
                rest_[length] == '$' || (rest_.substr(length, 2) == "::" && (length += 1) != 0)))
            length++;
        const std::string_view result = rest_.substr(0, length);
        rest_.remove_prefix(length);
        return result;
    }

    [[nodiscard]] u64 load(u64 address, unsigned size) const {
        u64 value = 0;
        if (!read_(address, std::span(reinterpret_cast<u8*>(&value), size)))
            throw Trouble{fmt::format("{:#x} is not mapped", address)};
        return value;
    }
    [[nodiscard]] const Type& stripped(const Value& value) const {
        return value.types->type(strip_typedefs(*value.types, value.type));
    }
    /// The number that a scalar holds.
    [[nodiscard]] u64 scalar(const Value& value) const {
        if (!value.in_memory) return value.number;
        if (!value.types || value.indirections != 0) return load(value.address, value.pointer_size);
        if (stripped(value).kind == TypeKind::Array) return value.address;
        const u64 size = size_of(*value.types, value.type, value.pointer_size);
        if (size == 0 || size > 8) throw Trouble{"a number or a pointer is needed here"};
        return load(value.address, static_cast<unsigned>(size));
    }

    Value dereference(const Value& pointer) const {
        if (!pointer.types) {
            Value word;
            word.in_memory = true;
            word.address = scalar(pointer);
            word.pointer_size = pointer.pointer_size;
            return word;
        }
        Value target = pointer;
        target.address = scalar(pointer);
        target.in_memory = true;
        if (pointer.indirections != 0) {
            target.indirections--;
            return target;
        }
        const Type& type = stripped(pointer);
        if (type.kind != TypeKind::Pointer && type.kind != TypeKind::Array)
            throw Trouble{fmt::format("{} is no pointer", type_name(*pointer.types, pointer.type))};
        target.type = type.target;
        if (type.kind == TypeKind::Array && type.dimensions.size() > 1)
            throw Trouble{"arrays of arrays need all their indices"};
        return target;
    }

    Value unary() {
        if (take("*")) return dereference(unary());
        if (take("&")) {
            Value value = unary();
            if (!value.in_memory) throw Trouble{"only what is in memory has an address"};
            value.number = value.address;
            value.in_memory = false;
            if (value.types) value.indirections++;
            return value;
        }
        const std::string_view before = rest_;
        if (take("(")) {
            Value cast;
            if (cast_type(cast)) {
                const Value operand = unary();
                cast.number = scalar(operand);
                return cast;
            }
            rest_ = before;
        }
        return postfix();
    }

    /// "struct task **)"; false, with nothing taken, if it is no type.
    bool cast_type(Value& out) {
        std::string name;
        for (;;) {
            const std::string_view next = word();
            if (next.empty()) break;
            if (next == "const" || next == "volatile") continue;
            name += (name.empty() ? "" : " ") + std::string(next);
        }
        if (name.empty()) return false;
        const auto type = symbols_.find_type(name);
        unsigned indirections = 0;
        while (take("*")) indirections++;
        if (!type || !take(")")) return false;
        out.types = type->types;
        out.type = type->id;
        out.pointer_size = type->address_size;
        out.indirections = indirections;
        return true;
    }

    Value postfix() {
        Value value = primary();
        for (;;) {
            if (take("->"))
                value = member(dereference(value), word());
            else if (take("."))
                value = member(value, word());
            else if (take("["))
                value = element(value);
            else
                return value;
        }
    }

    Value primary() {
        if (take("(")) {
            const Value value = unary();
            if (!take(")")) throw Trouble{"a ) is missing"};
            return value;
        }
        const std::string_view name = word();
        if (name.empty()) throw Trouble{"a name or a number is missing"};
        Value value;
        if (std::isdigit(static_cast<unsigned char>(name[0])) != 0) {
            char* end = nullptr;
            const std::string text(name);
            value.number = std::strtoull(text.c_str(), &end, 0);
            if (*end != 0) throw Trouble{fmt::format("\"{}\" is no number", name)};
            return value;
        }
        if (const auto variable = symbols_.find_variable(name)) {
            value.types = variable->types;
            value.type = variable->variable.type;
            value.pointer_size = variable->address_size;
            value.address = variable->variable.address;
            value.in_memory = true;
            return value;
        }
        if (options_.other_names)
            if (const std::optional<u64> number = options_.other_names(name)) {
                value.number = *number;
                return value;
            }
        const std::optional<u64> address = symbols_.address_of(name);
        if (!address) throw Trouble{fmt::format("no variable \"{}\"", name)};
        value.address = *address;
        value.in_memory = true;
        value.pointer_size = *address > 0xffffffff ? 8 : 4;
        return value;
    }

    Value member(const Value& object, std::string_view name) const {
        if (!object.types || object.indirections != 0 || !object.in_memory)
            throw Trouble{fmt::format("there is no structure to take \"{}\" from", name)};
        const Type type = stripped(object);
        if (type.kind != TypeKind::Struct && type.kind != TypeKind::Union)
            throw Trouble{fmt::format("{} is no structure", type_name(*object.types, object.type))};
        for (const Type::Member& one : type.members) {
            Value found = object;
            found.type = one.type;
            found.address = object.address + one.offset;
            if (one.name == name) {
                if (one.bit_size != 0) return bit_field(found, one);
                return found;
            }
            // Members of anonymous structures and unions belong to the outer one.
            if (one.name.empty() && has_member(found, name)) return member(found, name);
        }
        throw Trouble{fmt::format("{} has no member \"{}\"", type_name(*object.types, object.type), name)};
    }
    [[nodiscard]] bool has_member(const Value& object, std::string_view name) const {
        for (const Type::Member& one : stripped(object).members) {
            if (one.name == name) return true;
            Value inner = object;
            inner.type = one.type;
            if (one.name.empty() && has_member(inner, name)) return true;
        }
        return false;
    }
    [[nodiscard]] Value bit_field(const Value& place, const Type::Member& field) const {
        Value value = place;
        value.in_memory = false;
        const u64 size = size_of(*place.types, place.type, place.pointer_size);
        value.number = load(place.address, static_cast<unsigned>(std::min<u64>(size, 8))) >> field.bit_offset;
        if (field.bit_size < 64) value.number &= (u64{1} << field.bit_size) - 1;
        return value;
    }

    Value element(const Value& array) {
        const u64 index = scalar(unary());
        if (!take("]")) throw Trouble{"a ] is missing"};
        Value target = array;
        target.in_memory = true;
        u64 stride = array.pointer_size;
        if (array.indirections > 0) {
            target.indirections--;
            if (target.indirections == 0) stride = size_of(*array.types, array.type, array.pointer_size);
        } else if (array.types) {
            const Type& type = stripped(array);
            if (type.kind != TypeKind::Pointer && type.kind != TypeKind::Array)
                throw Trouble{fmt::format("{} is no array", type_name(*array.types, array.type))};
            if (type.dimensions.size() > 1) throw Trouble{"arrays of arrays are printed as a whole"};
            target.type = type.target;
            stride = size_of(*array.types, type.target, array.pointer_size);
        }
        target.address = scalar(array) + index * stride;
        return target;
    }

    const Symbols& symbols_;
    std::string_view rest_;
    const MemoryReader& read_;
    const PrintOptions& options_;
};

}  // namespace

Result<std::string> print_expression(const Symbols& symbols, std::string_view expression,
                                     const MemoryReader& read, const PrintOptions& options) {
    try {
        Evaluator evaluator(symbols, expression, read, options);
        const Value value = evaluator.whole();
        return fmt::format("{} = {}", expression, evaluator.print(value));
    } catch (const Trouble& trouble) {
        return fail("{}", trouble.message);
    }
}

Result<std::string> print_type(const Symbols& symbols, std::string_view name) {
    if (const auto type = symbols.find_type(name)) return describe_type(*type->types, type->id);
    if (const auto variable = symbols.find_variable(name))
        return fmt::format("{};\n{}",
                           declaration(*variable->types, variable->variable.type, std::string(name)),
                           describe_type(*variable->types, variable->variable.type));
    return fail("no type or variable \"{}\" (types come from files with debugging information)", name);
}

}  // namespace gnomon
