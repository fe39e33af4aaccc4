// Types and global variables. DWARF 5, chapter 5, "Type Entries", and section 4.1, "Data Object Entries".
#include <fmt/format.h>

#include "debugger/symbols/dwarf_file.h"

namespace gnomon {
namespace {

std::optional<u64> number(Dwarf_Die* die, unsigned name) {
    Dwarf_Attribute attribute;
    Dwarf_Word value = 0;
    if (dwarf_formudata(dwarf_attr_integrate(die, name, &attribute), &value) != 0) return {};
    return value;
}

std::string name_of(Dwarf_Die* die) {
    const char* name = dwarf_diename(die);
    return name ? name : "";
}

bool flag_of(Dwarf_Die* die, unsigned name) {
    Dwarf_Attribute attribute;
    bool value = false;
    return dwarf_formflag(dwarf_attr(die, name, &attribute), &value) == 0 && value;
}

/// The entry that DW_AT_type names; qualifiers that do not change the layout are followed.
TypeId type_of(Dwarf_Die* die, bool* is_const = nullptr) {
    Dwarf_Attribute attribute;
    Dwarf_Die target;
    if (!dwarf_formref_die(dwarf_attr_integrate(die, DW_AT_type, &attribute), &target)) return 0;
    for (;;) {
        const int tag = dwarf_tag(&target);
        if (tag != DW_TAG_const_type && tag != DW_TAG_volatile_type && tag != DW_TAG_restrict_type &&
            tag != DW_TAG_atomic_type)
            return dwarf_dieoffset(&target);
        if (tag == DW_TAG_const_type && is_const) *is_const = true;
        if (!dwarf_formref_die(dwarf_attr(&target, DW_AT_type, &attribute), &target)) return 0;
    }
}

const char* tag_prefix(int tag) {
    switch (tag) {
        case DW_TAG_structure_type:
        case DW_TAG_class_type: return "struct ";
        case DW_TAG_union_type: return "union ";
        case DW_TAG_enumeration_type: return "enum ";
        case DW_TAG_typedef:
        case DW_TAG_base_type: return "";
        default: return nullptr;
    }
}

TypeKind base_kind(Dwarf_Die* die) {
    switch (number(die, DW_AT_encoding).value_or(DW_ATE_unsigned)) {
        case DW_ATE_boolean: return TypeKind::Boolean;
        case DW_ATE_signed: return TypeKind::Integer;
        case DW_ATE_signed_char:
        case DW_ATE_unsigned_char:
            // "u8" and its like are numbers; what is called char is text.
            return name_of(die) == "char"                              ? TypeKind::Character
                   : number(die, DW_AT_encoding) == DW_ATE_signed_char ? TypeKind::Integer
                                                                       : TypeKind::Unsigned;
        case DW_ATE_float: return TypeKind::Float;
        default: return TypeKind::Unsigned;
    }
}

}  // namespace

const Type& DwarfFile::type(TypeId id) {
    if (const auto known = types_.find(id); known != types_.end()) return known->second;
    Type type;
    Dwarf_Die die;
    if (id != 0 && dwarf_ && dwarf_offdie(dwarf_, id, &die)) read_type(&die, type);
    return types_.emplace(id, std::move(type)).first->second;
}

void DwarfFile::read_type(Dwarf_Die* die, Type& out) {
    out.name = name_of(die);
    const int size = dwarf_bytesize(die);
    out.size = size < 0 ? 0 : static_cast<u64>(size);
    out.complete = !flag_of(die, DW_AT_declaration);
    switch (dwarf_tag(die)) {
        case DW_TAG_base_type: out.kind = base_kind(die); break;
        case DW_TAG_pointer_type:
        case DW_TAG_reference_type:
        case DW_TAG_rvalue_reference_type:
            out.kind = TypeKind::Pointer;
            out.target = type_of(die);
            if (out.size == 0) out.size = address_size_;
            break;
        case DW_TAG_typedef:
            out.kind = TypeKind::Typedef;
            out.target = type_of(die);
            break;
        case DW_TAG_array_type: read_array(die, out); break;
        case DW_TAG_structure_type:
        case DW_TAG_class_type:
            out.kind = TypeKind::Struct;
            read_members(die, out);
            break;
        case DW_TAG_union_type:
            out.kind = TypeKind::Union;
            read_members(die, out);
            break;
        case DW_TAG_enumeration_type:
            out.kind = TypeKind::Enumeration;
            read_members(die, out);
            break;
        case DW_TAG_subroutine_type:
            out.kind = TypeKind::Function;
            out.target = type_of(die);
            read_members(die, out);
            break;
        default: break;
    }
    // A declaration stands for the definition elsewhere in the file.
    if (!out.complete && !out.name.empty())
        if (const char* prefix = tag_prefix(dwarf_tag(die))) {
            index_names();
            const auto found = types_by_name_.find(prefix + out.name);
            if (found != types_by_name_.end() && found->second.complete) {
                Dwarf_Die definition;
                if (dwarf_offdie(dwarf_, found->second.id, &definition)) read_type(&definition, out);
            }
        }
}

void DwarfFile::read_members(Dwarf_Die* die, Type& out) {
    Dwarf_Die child;
    if (dwarf_child(die, &child) != 0) return;
    do {
        const int tag = dwarf_tag(&child);
        if (tag == DW_TAG_enumerator) {
            Dwarf_Attribute attribute;
            Dwarf_Sword value = 0;
            dwarf_formsdata(dwarf_attr(&child, DW_AT_const_value, &attribute), &value);
            out.enumerators.push_back({name_of(&child), value});
            continue;
        }
        if (tag != DW_TAG_member && tag != DW_TAG_inheritance && tag != DW_TAG_formal_parameter) continue;
        if (flag_of(&child, DW_AT_external) || flag_of(&child, DW_AT_declaration)) continue;  // static
        Type::Member member;
        member.name = name_of(&child);
        member.type = type_of(&child);
        member.offset = number(&child, DW_AT_data_member_location).value_or(0);
        member.bit_size = static_cast<unsigned>(number(&child, DW_AT_bit_size).value_or(0));
        if (const auto bits = number(&child, DW_AT_data_bit_offset)) {
            const u64 unit = size_of(*this, member.type, address_size_);
            const u64 start = unit == 0 ? *bits / 8 : *bits / (unit * 8) * unit;
            member.offset = start;
            member.bit_offset = static_cast<unsigned>(*bits - start * 8);
        } else if (const auto from_top = number(&child, DW_AT_bit_offset)) {
            // DWARF 2 and 3 count from the most significant bit of the storage unit.
            const u64 unit =
                number(&child, DW_AT_byte_size).value_or(size_of(*this, member.type, address_size_)) * 8;
            member.bit_offset = static_cast<unsigned>(unit - *from_top - member.bit_size);
        }
        out.members.push_back(std::move(member));
    } while (dwarf_siblingof(&child, &child) == 0);
}

void DwarfFile::read_array(Dwarf_Die* die, Type& out) {
    out.kind = TypeKind::Array;
    out.target = type_of(die);
    Dwarf_Die child;
    if (dwarf_child(die, &child) == 0) {
        do {
            if (dwarf_tag(&child) != DW_TAG_subrange_type) continue;
            if (const auto count = number(&child, DW_AT_count))
                out.dimensions.push_back(*count);
            else if (const auto last = number(&child, DW_AT_upper_bound); last && *last + 1 < u64{1} << 32)
                out.dimensions.push_back(*last + 1);
            else
                out.dimensions.push_back(0);
        } while (dwarf_siblingof(&child, &child) == 0);
    }
    if (out.dimensions.empty()) out.dimensions.push_back(0);
}

void DwarfFile::index_names() {
    if (std::exchange(names_indexed_, true)) return;
    for_each_unit([&](Dwarf_Die& unit) {
        Dwarf_Die child;
        if (dwarf_child(&unit, &child) != 0) return true;
        do {
            const int tag = dwarf_tag(&child);
            const char* name = dwarf_diename(&child);
            if (!name) continue;
            if (tag == DW_TAG_variable) {
                if (dwarf_hasattr(&child, DW_AT_location)) {
                    variables_.try_emplace(name, dwarf_dieoffset(&child));
                } else if (dwarf_hasattr(&child, DW_AT_specification)) {
                    variables_.try_emplace(name, dwarf_dieoffset(&child));
                }
                continue;
            }
            const char* prefix = tag_prefix(tag);
            if (!prefix) continue;
            const bool complete = !flag_of(&child, DW_AT_declaration);
            NamedType& known = types_by_name_[prefix + std::string(name)];
            if (known.id == 0 || (complete && !known.complete)) known = {dwarf_dieoffset(&child), complete};
        } while (dwarf_siblingof(&child, &child) == 0);
        return true;
    });
}

std::optional<TypeId> DwarfFile::find_type(std::string_view name) {
    index_names();
    for (const char* prefix : {"", "struct ", "union ", "enum "}) {
        const auto found = types_by_name_.find(prefix + std::string(name));
        if (found != types_by_name_.end()) return found->second.id;
    }
    // Spellings of C for what DWARF calls "unsigned int" and "long int".
    static constexpr std::pair<std::string_view, std::string_view> kOtherNames[] = {
        {"unsigned", "unsigned int"},
        {"long", "long int"},
        {"unsigned long", "long unsigned int"},
        {"short", "short int"},
        {"unsigned short", "short unsigned int"},
        {"long long", "long long int"},
        {"unsigned long long", "long long unsigned int"}};
    for (const auto& [spelling, standard] : kOtherNames)
        if (name == spelling) return find_type(standard);
    return {};
}

std::optional<Variable> DwarfFile::find_variable(std::string_view name) {
    index_names();
    const auto found = variables_.find(std::string(name));
    Dwarf_Die die;
    if (found == variables_.end() || !dwarf_offdie(dwarf_, found->second, &die)) return {};
    Dwarf_Attribute attribute;
    Dwarf_Op* operations = nullptr;
    size_t count = 0;
    if (!dwarf_attr(&die, DW_AT_location, &attribute) ||
        dwarf_getlocation(&attribute, &operations, &count) != 0 || count != 1)
        return {};
    if (operations[0].atom == DW_OP_addr) return Variable{operations[0].number, type_of(&die)};
    Dwarf_Attribute referenced;
    Dwarf_Addr address = 0;
    if (operations[0].atom == DW_OP_addrx &&
        dwarf_getlocation_attr(&attribute, operations, &referenced) == 0 &&
        dwarf_formaddr(&referenced, &address) == 0)
        return Variable{address, type_of(&die)};
    return {};
}

}  // namespace gnomon
