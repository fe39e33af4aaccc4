// The rules of writing EFLAGS that PUSHF, POPF, IRET, interrupts and task switches share. SDM Vol. 1, "EFLAGS
// Register".
#pragma once

#include "cpu/cpu.h"
#include "cpu/system_registers.h"

namespace gnomon {

/// Bits of EFLAGS that exist in this model: AC came with the 486, ID with CPUID, VIF and VIP with VME.
/// Software tells the generations apart by them.
inline u32 supported_eflags(const FeatureSet& features) {
    u32 mask =
        flag::kArithmetic | flag::TF | flag::IF | flag::DF | flag::IOPL | flag::NT | flag::RF | flag::VM;
    if (features.has(Feature::I486)) mask |= flag::AC;
    if (features.has(Feature::CPUID)) mask |= flag::ID;
    if (features.has(Feature::VME)) mask |= flag::VIF | flag::VIP;
    return mask;
}

/// Replaces the bits of `mask`. RF is kept only while breakpoints are armed: nothing else can observe it, and
/// it is cleared by the next instruction anyway. The caller calls update_mode().
inline void change_eflags(Cpu& cpu, u32 value, u32 mask) {
    mask &= supported_eflags(cpu.features());
    u32 flags = (cpu.eflags() & ~mask) | (value & mask);
    if (!(cpu.state.dr[7] & dr7::kAnyEnable)) flags &= ~flag::RF;
    cpu.set_eflags(flags);
}

/// Virtual-8086 mode with CR4.VME, or level 3 with CR4.PVI, below IOPL 3: a pending virtual interrupt that the program does not
/// hold off is #GP(0) at the beginning of the next instruction. SDM Vol. 3, "Class 2—Maskable Hardware Interrupt Handling in
/// Virtual-8086 Mode Using the Virtual Interrupt Mechanism".
[[nodiscard]] inline bool virtual_interrupt_due(const Cpu& cpu) {
    constexpr u32 kBoth = flag::VIF | flag::VIP;
    if ((cpu.state.eflags & kBoth) != kBoth || cpu.iopl() == 3) return false;
    return cpu.v86() ? cpu.state.cr4 & cr4::VME : cpu.cpl() == 3 && (cpu.state.cr4 & cr4::PVI);
}

}  // namespace gnomon
