#include "cpu/access_count.h"

#include <algorithm>
#include <initializer_list>

namespace gnomon {
namespace {

bool is_any(std::string_view name, std::initializer_list<std::string_view> list) {
    return std::find(list.begin(), list.end(), name) != list.end();
}

bool starts_with_any(std::string_view name, std::initializer_list<std::string_view> list) {
    return std::any_of(list.begin(), list.end(), [&](std::string_view start) { return name.starts_with(start); });
}

bool only_names_memory(std::string_view name) {
    return is_any(name, {"LEA", "NOP", "INVLPG"}) || starts_with_any(name, {"PREFETCH", "CLFLUSH", "CLWB", "CLDEMOTE"});
}

/// Though the operand in memory comes first.
bool only_reads(std::string_view name) {
    if (name.starts_with('F')) return !starts_with_any(name, {"FST", "FIST", "FBSTP", "FN", "FXSAVE"});
    return is_any(name, {"CMP", "TEST", "BT", "PUSH", "CALL", "JMP", "MUL", "IMUL", "DIV", "IDIV", "LGDT", "LIDT", "LLDT", "LTR", "VERR", "VERW",
                         "LMSW", "LDMXCSR", "VLDMXCSR"}) ||
           name.starts_with("XRSTOR");
}

AccessCount implicit(const Decoded& d) {
    const std::string_view name = d.row->mnemonic;
    if (name == "PUSHA") return {0, 8};
    if (name == "POPA") return {8, 0};
    if (name.starts_with("PUSH") || is_any(name, {"CALL", "ENTER"})) return {0, 1};
    if (is_any(name, {"POP", "POPF", "RET", "LEAVE"})) return {1, 0};
    if (name == "RETF") return {2, 0};
    if (name == "IRET") return {3, 0};
    const std::string_view operands = d.row->operands;
    if (operands.starts_with("Xb,Yb") || operands.starts_with("Xv,Yv")) return name == "CMPS" ? AccessCount{2, 0} : AccessCount{1, 1};
    if (operands.starts_with('Y')) return name == "SCAS" ? AccessCount{1, 0} : AccessCount{0, 1};
    if (operands.find(",X") != std::string_view::npos || operands.find(",Y") != std::string_view::npos) return {1, 0};
    return {};
}

}  // namespace

AccessCount data_accesses(const Decoded& d) {
    if (!d.row) return {};
    const std::string_view name = d.row->mnemonic;
    AccessCount count = implicit(d);
    if (!d.memory || only_names_memory(name)) return count;
    const bool first = std::string_view("EMWQO").find(d.row->operands.front()) != std::string_view::npos || d.row->operands.starts_with("vm");
    if (first && !only_reads(name)) count.writes++;
    else count.reads++;
    return count;
}

}  // namespace gnomon
