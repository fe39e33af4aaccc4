// SDM Vol. 3, "Segment Descriptors", "System Descriptor Types".
#include "debugger/console/descriptor_text.h"

#include <fmt/format.h>

namespace gnomon {
namespace {

std::string attribute_text(u16 a) {
    const unsigned type = attribute::type(a);
    if (!(a & attribute::kCodeOrData)) {
        constexpr std::string_view kSystem[] = {"reserved",      "16-bit TSS (available)", "LDT",      "16-bit TSS (busy)",
                                                "16-bit call gate", "task gate",           "16-bit interrupt gate", "16-bit trap gate",
                                                "reserved",      "TSS (available)",        "reserved", "TSS (busy)",
                                                "call gate",     "reserved",               "interrupt gate", "trap gate"};
        return std::string(kSystem[type]);
    }
    if (type & 8)
        return fmt::format("{} code, {}{}{}", a & attribute::kLong ? "64-bit" : a & attribute::kBig ? "32-bit" : "16-bit",
                           type & 2 ? "execute/read" : "execute only", type & 4 ? ", conforming" : "", type & 1 ? ", accessed" : "");
    return fmt::format("{} data, {}{}{}", a & attribute::kBig ? "32-bit" : "16-bit", type & 2 ? "read/write" : "read only",
                       type & 4 ? ", expand down" : "", type & 1 ? ", accessed" : "");
}

}  // namespace

std::string segment_text(const Segment& s) {
    if (!(s.attributes & attribute::kPresent)) return "unusable";
    return fmt::format("{}, base={:#010x}, limit={:#010x}, DPL {}", attribute_text(s.attributes), s.base, s.limit, attribute::dpl(s.attributes));
}

std::string descriptor_text(const Descriptor& d, bool long_mode) {
    if (d.low == 0 && d.high == 0) return "null";
    const std::string absent = d.present() ? "" : ", not present";
    if (d.is_system() && (d.type() == 4 || d.type() == 5 || d.type() == 12)) return gate_text(d, 0, long_mode) + absent;
    return fmt::format("{}, base={:#010x}, limit={:#010x}, DPL {}{}", attribute_text(d.attributes()), d.base(), d.limit(), d.dpl(), absent);
}

std::string gate_text(const Descriptor& gate, u32 high_offset, bool long_mode) {
    if (gate.low == 0 && gate.high == 0) return "empty";
    const std::string kind = attribute_text(gate.attributes());
    const std::string absent = gate.present() ? "" : ", not present";
    if (!gate.is_system()) return kind + ": not a gate" + absent;
    if (gate.type() == 5) return fmt::format("{}, TSS {:#06x}, DPL {}{}", kind, gate.gate_selector(), gate.dpl(), absent);
    const u64 offset = gate.gate_offset() | u64{high_offset} << 32;
    std::string text = fmt::format("{}, target {:#06x}:{:#010x}, DPL {}", kind, gate.gate_selector(), offset, gate.dpl());
    if (long_mode && (gate.high & 7)) text += fmt::format(", IST {}", gate.high & 7);  // bits 32-34 of the gate
    return text + absent;
}

}  // namespace gnomon
