// The table of names. Writes of selectors go through the descriptor caches in real mode only: a debugger cannot
// load a descriptor that the guest did not.
#include "debugger/registers.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "cpu/eflags.h"

namespace gnomon {
namespace {

constexpr std::array<std::string_view, 8> kWord{"ax", "cx", "dx", "bx", "sp", "bp", "si", "di"};
constexpr std::array<std::string_view, 8> kByte{"al", "cl", "dl", "bl", "ah", "ch", "dh", "bh"};
constexpr std::array<std::string_view, 6> kSegments{"es", "cs", "ss", "ds", "fs", "gs"};

struct FlagName {
    std::string_view name;
    unsigned bit;
};
constexpr FlagName kFlags[] = {{"cf", 0},  {"pf", 2},  {"af", 4},  {"zf", 6},   {"sf", 7},   {"tf", 8},  {"if", 9},  {"df", 10},
                               {"of", 11}, {"nt", 14}, {"rf", 16}, {"vm", 17},  {"ac", 18},  {"vif", 19}, {"vip", 20}, {"id", 21}};

template<unsigned bits, unsigned shift = 0>
u64 read_gpr(const CpuState& s, unsigned n) {
    const u64 value = s.gpr[n] >> shift;
    return bits == 64 ? value : value & ((u64{1} << (bits & 63)) - 1);
}
template<unsigned bits, unsigned shift = 0>
void write_gpr(CpuState& s, unsigned n, u64 value) {
    if (bits >= 32) {
        s.gpr[n] = bits == 64 ? value : static_cast<u32>(value);
        return;
    }
    const u64 mask = ((u64{1} << (bits & 63)) - 1) << shift;
    s.gpr[n] = (s.gpr[n] & ~mask) | (value << shift & mask);
}

template<u64 CpuState::*field>
u64 read_field(const CpuState& s, unsigned) {
    return s.*field;
}
template<u64 CpuState::*field>
void write_field(CpuState& s, unsigned, u64 value) {
    s.*field = value;
}

void write_selector(CpuState& s, unsigned n, u64 value) {
    s.segments[n].selector = static_cast<u16>(value);
    if (!(s.cr0 & 1)) s.segments[n].base = (value & 0xffff) << 4;
}

std::vector<RegisterName> make_names() {
    std::vector<RegisterName> names;
    const auto add = [&](std::string name, unsigned bits, auto read, auto write, unsigned index = 0) {
        names.push_back({std::move(name), bits, read, write, index});
    };
    for (unsigned n = 0; n < 8; n++) {
        const std::string word(kWord[n]);
        add("r" + word, 64, &read_gpr<64>, &write_gpr<64>, n);
        add("e" + word, 32, &read_gpr<32>, &write_gpr<32>, n);
        add(word, 16, &read_gpr<16>, &write_gpr<16>, n);
        if (n < 4)
            add(std::string(kByte[n]), 8, &read_gpr<8>, &write_gpr<8>, n);
        else
            add(std::string(kByte[n]), 8, &read_gpr<8, 8>, &write_gpr<8, 8>, n - 4);
    }
    for (unsigned n = 4; n < 8; n++) add(std::string(kWord[n]) + "l", 8, &read_gpr<8>, &write_gpr<8>, n);
    for (unsigned n = 8; n < 16; n++) {
        add(fmt::format("r{}", n), 64, &read_gpr<64>, &write_gpr<64>, n);
        add(fmt::format("r{}d", n), 32, &read_gpr<32>, &write_gpr<32>, n);
        add(fmt::format("r{}w", n), 16, &read_gpr<16>, &write_gpr<16>, n);
        add(fmt::format("r{}b", n), 8, &read_gpr<8>, &write_gpr<8>, n);
    }
    for (const auto& [name, bits] : {std::pair<const char*, unsigned>{"rip", 64}, {"eip", 32}, {"ip", 16}})
        add(name, bits, &read_field<&CpuState::rip>, &write_field<&CpuState::rip>);
    for (const char* name : {"eflags", "rflags", "flags"})
        add(
            name, 32, [](const CpuState& s, unsigned) -> u64 { return s.eflags; },
            [](CpuState& s, unsigned, u64 value) { s.eflags = static_cast<u32>(value) | 2; });
    for (const FlagName& f : kFlags)
        add(
            std::string(f.name), 1, [](const CpuState& s, unsigned bit) -> u64 { return s.eflags >> bit & 1; },
            [](CpuState& s, unsigned bit, u64 value) {
                s.eflags = (s.eflags & ~(1u << bit)) | (value & 1 ? 1u << bit : 0);
            },
            f.bit);
    for (unsigned n = 0; n < 6; n++) {
        add(std::string(kSegments[n]), 16, [](const CpuState& s, unsigned i) -> u64 { return s.segments[i].selector; },
            &write_selector, n);
        add(
            std::string(kSegments[n]) + ".base", 64, [](const CpuState& s, unsigned i) { return s.segments[i].base; },
            [](CpuState& s, unsigned i, u64 value) { s.segments[i].base = value; }, n);
        add(std::string(kSegments[n]) + ".limit", 32,
            [](const CpuState& s, unsigned i) -> u64 { return s.segments[i].limit; },
            static_cast<void (*)(CpuState&, unsigned, u64)>(nullptr), n);
    }
    const auto only = [&](std::string name, unsigned bits, u64 (*read)(const CpuState&, unsigned)) {
        names.push_back({std::move(name), bits, read, nullptr, 0});
    };
    only("tr", 16, [](const CpuState& s, unsigned) -> u64 { return s.tr.selector; });
    only("ldtr", 16, [](const CpuState& s, unsigned) -> u64 { return s.ldtr.selector; });
    only("gdtr", 64, [](const CpuState& s, unsigned) { return s.gdtr.base; });
    only("idtr", 64, [](const CpuState& s, unsigned) { return s.idtr.base; });
    only("cpl", 2, [](const CpuState& s, unsigned) -> u64 { return s.cpl; });
    add("cr0", 64, &read_field<&CpuState::cr0>, &write_field<&CpuState::cr0>);
    add("cr2", 64, &read_field<&CpuState::cr2>, &write_field<&CpuState::cr2>);
    add("cr3", 64, &read_field<&CpuState::cr3>, &write_field<&CpuState::cr3>);
    add("cr4", 64, &read_field<&CpuState::cr4>, &write_field<&CpuState::cr4>);
    only("efer", 64, [](const CpuState& s, unsigned) { return s.msr.efer; });
    for (unsigned n = 0; n < 8; n++)
        add(
            fmt::format("dr{}", n), 64, [](const CpuState& s, unsigned i) { return s.dr[i]; },
            [](CpuState& s, unsigned i, u64 value) { s.dr[i] = value; }, n);
    return names;
}

}  // namespace

const std::vector<RegisterName>& register_names() {
    static const std::vector<RegisterName> names = make_names();
    return names;
}

const RegisterName* find_register(std::string_view name) {
    if (name.starts_with('%') || name.starts_with('$')) name.remove_prefix(1);
    const auto same = [name](const RegisterName& r) {
        return std::equal(name.begin(), name.end(), r.name.begin(), r.name.end(),
                          [](char a, char b) { return (a >= 'A' && a <= 'Z' ? a + 32 : a) == b; });
    };
    const auto found = std::find_if(register_names().begin(), register_names().end(), same);
    return found == register_names().end() ? nullptr : &*found;
}

std::string eflags_text(u32 eflags) {
    std::string text;
    for (size_t i = std::size(kFlags); i-- > 0;) {
        if (kFlags[i].name == "of") text += fmt::format("IOPL={} ", eflags >> 12 & 3);
        for (const char c : kFlags[i].name)
            text += static_cast<char>(eflags >> kFlags[i].bit & 1 ? c - 'a' + 'A' : c);
        text += ' ';
    }
    text.pop_back();
    return text;
}

}  // namespace gnomon
