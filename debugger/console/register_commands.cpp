// Registers: print and set.
#include <cstring>

#include "cpu/system_registers.h"
#include "debugger/console/console.h"
#include "debugger/console/descriptor_text.h"
#include "debugger/expression.h"
#include "debugger/registers.h"

namespace gnomon {
namespace {

constexpr std::string_view kGeneral[] = {"ax", "bx", "cx", "dx", "sp", "bp", "si", "di"};
constexpr unsigned kNumbers[] = {0, 3, 1, 2, 4, 5, 6, 7};

Result<void> general(Console& c, Arguments&) {
    const CpuState s = c.state();
    const bool wide = code_bits(s) == 64;
    for (unsigned i = 0; i < 8; i++)
        c.print("{}{}: {}{}", wide ? 'r' : 'e', kGeneral[i], wide ? fmt::format("{:016x}", s.gpr[kNumbers[i]]) : fmt::format("{:08x}", s.gpr[kNumbers[i]]),
                i % 2 ? "\n" : "  ");
    if (wide)
        for (unsigned i = 8; i < 16; i++) c.print("r{:<2}: {:016x}{}", i, s.gpr[i], i % 2 ? "\n" : "  ");
    c.print("{}: {}\n", wide ? "rip" : "eip", wide ? fmt::format("{:016x}", s.rip) : fmt::format("{:08x}", s.rip));
    c.print("eflags {:#010x}: {}\n", s.eflags, eflags_text(s.eflags));
    return {};
}

struct Bit {
    std::string_view name;
    unsigned bit;
};
constexpr Bit kCr0[] = {{"pg", 31}, {"cd", 30}, {"nw", 29}, {"am", 18}, {"wp", 16}, {"ne", 5}, {"et", 4}, {"ts", 3}, {"em", 2}, {"mp", 1}, {"pe", 0}};
constexpr Bit kCr4[] = {{"pke", 22},     {"smap", 21},      {"smep", 20}, {"osxsave", 18}, {"pcide", 17}, {"fsgsbase", 16}, {"vmxe", 13}, {"la57", 12}, {"umip", 11},
                        {"osxmmexcpt", 10}, {"osfxsr", 9}, {"pce", 8},   {"pge", 7},      {"mce", 6},    {"pae", 5},       {"pse", 4},   {"de", 3},    {"tsd", 2},
                        {"pvi", 1},      {"vme", 0}};
constexpr Bit kEfer[] = {{"ffxsr", 14}, {"svme", 12}, {"nxe", 11}, {"lma", 10}, {"lme", 8}, {"sce", 0}};

template<size_t N>
std::string bits_text(const Bit (&bits)[N], u64 value) {
    std::string text;
    for (const Bit& b : bits) {
        text += text.empty() ? "" : " ";
        for (const char letter : b.name) text += static_cast<char>(value >> b.bit & 1 && letter >= 'a' ? letter - 'a' + 'A' : letter);
    }
    return text;
}

Result<void> control(Console& c, Arguments&) {
    const CpuState s = c.state();
    c.print("CR0={:#010x}: {}\n", s.cr0, bits_text(kCr0, s.cr0));
    c.print("CR2={} (address of the last page fault)\n", address_text(s.cr2));
    c.print("CR3={} PCD={} PWT={}\n", address_text(s.cr3), s.cr3 >> 4 & 1, s.cr3 >> 3 & 1);
    c.print("CR4={:#010x}: {}\n", s.cr4, bits_text(kCr4, s.cr4));
    c.print("EFER={:#010x}: {}\n", s.msr.efer, bits_text(kEfer, s.msr.efer));
    return {};
}

Result<void> segments(Console& c, Arguments&) {
    const CpuState s = c.state();
    constexpr std::string_view kNames[] = {"es", "cs", "ss", "ds", "fs", "gs"};
    for (unsigned i = 0; i < 6; i++) c.print("{}:{:#06x}, {}\n", kNames[i], s.segments[i].selector, segment_text(s.segments[i]));
    c.print("ldtr:{:#06x}, {}\n", s.ldtr.selector, segment_text(s.ldtr));
    c.print("tr:{:#06x}, {}\n", s.tr.selector, segment_text(s.tr));
    c.print("gdtr:base={}, limit={:#x}\n", address_text(s.gdtr.base), s.gdtr.limit);
    c.print("idtr:base={}, limit={:#x}\n", address_text(s.idtr.base), s.idtr.limit);
    return {};
}

Result<void> debug(Console& c, Arguments&) {
    const CpuState s = c.state();
    for (unsigned n = 0; n < 4; n++) c.print("DR{}={}\n", n, address_text(s.dr[n]));
    c.print("DR6={:#010x}\nDR7={:#010x}\n", s.dr[6], s.dr[7]);
    constexpr std::string_view kConditions[] = {"execution", "write", "I/O", "read or write"};
    constexpr unsigned kLengths[] = {1, 2, 8, 4};
    for (unsigned n = 0; n < 4; n++)
        if (s.dr[7] >> (2 * n) & 3)
            c.print("  breakpoint {}: {}, {} bytes at {}\n", n, kConditions[s.dr[7] >> (16 + 4 * n) & 3], kLengths[s.dr[7] >> (18 + 4 * n) & 3],
                    address_text(s.dr[n]));
    return {};
}

double to_double(const Float80& value) {
    long double number = 0;
    static_assert(sizeof number >= 10);
    std::memcpy(&number, &value.significand, 8);
    std::memcpy(reinterpret_cast<char*>(&number) + 8, &value.exponent, 2);
    return static_cast<double>(number);
}

Result<void> floating_point(Console& c, Arguments&) {
    const FpuState f = c.state().fpu;
    c.print("control {:#06x}, status {:#06x}, top {}, tags {:08b}\n", f.control, f.status_word(), f.top, f.valid);
    for (unsigned i = 0; i < 8; i++) {
        const unsigned n = (f.top + i) & 7;
        const Float80& value = f.registers[n];
        c.print("ST({}) {} {:04x}:{:016x} {}\n", i, f.valid >> n & 1 ? "valid" : "empty", value.exponent, value.significand,
                f.valid >> n & 1 ? fmt::format("{}", to_double(value)) : "");
    }
    return {};
}

Result<void> mmx(Console& c, Arguments&) {
    const FpuState f = c.state().fpu;
    for (unsigned i = 0; i < 8; i++) c.print("mm{}: {:016x}\n", i, f.registers[i].significand);
    return {};
}

Result<void> sse(Console& c, Arguments&) {
    const CpuState s = c.state();
    c.print("mxcsr: {:#010x}\n", s.fpu.mxcsr);
    for (unsigned i = 0; i < (code_bits(s) == 64 ? 16u : 8u); i++) {
        std::string text;
        for (unsigned b = 16; b-- > 0;) text += fmt::format("{:02x}{}", s.fpu.vectors[i].bytes[b], b % 8 == 0 && b ? "_" : "");
        c.print("xmm{:<2}: {}\n", i, text);
    }
    return {};
}

Result<void> set(Console& c, Arguments& a) {
    std::string text = a.rest();
    const size_t equals = text.find('=');
    if (equals == text.npos) return fail("REGISTER = VALUE is expected");
    std::string name = text.substr(0, equals);
    while (!name.empty() && name.back() == ' ') name.pop_back();
    if (name == "u") return fail("use \"u size = 16|32|64\"");
    const RegisterName* found = find_register(name);
    if (!found) return fail("there is no register \"{}\"", name);
    if (!found->write) return fail("{} cannot be changed", name);
    Result<u64> value = evaluate(text.substr(equals + 1), c.debugger());
    if (!value) return value.error();
    if (found->bits < 64 && *value >> found->bits != 0 && static_cast<i64>(*value) >> (found->bits - 1) != -1)
        return fail("{:#x} does not fit into the {} bits of {}", *value, found->bits, name);
    CpuState s = c.state();
    found->write(s, found->index, *value);
    c.debugger().set_registers(c.debugger().current(), s);
    c.print("{} = {:#x}\n", found->name, found->read(c.state(), found->index));
    return {};
}

constexpr Command kCommands[] = {
    {"r reg regs registers", "", "print the general registers", "r", general},
    {"creg", "", "print the control registers", "creg", control},
    {"sreg", "", "print the segment registers with their descriptor caches", "sreg", segments},
    {"dreg", "", "print the debug registers", "dreg", debug},
    {"fp fpu", "", "print the x87 registers", "fp", floating_point},
    {"mmx", "", "print the MMX registers", "mmx", mmx},
    {"sse xmm", "", "print the XMM registers", "sse", sse},
    {"set", "REGISTER = VALUE", "change a register", "set eax = 0x1234", set},
};

}  // namespace

std::span<const Command> register_commands() { return kCommands; }

}  // namespace gnomon
