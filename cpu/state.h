// Architectural state of one processor. SDM Vol. 1, "Basic Execution Environment"; Vol. 3, "System Architecture Overview".
#pragma once

#include <array>

#include "cpu/instruction.h"
#include "support/state.h"
#include "support/types.h"

namespace gnomon {

/// General register numbers.
namespace reg {
inline constexpr unsigned AX = 0, CX = 1, DX = 2, BX = 3, SP = 4, BP = 5, SI = 6, DI = 7;
}

/// Segment attributes as in bytes 5 and 6 of a descriptor: type (0–3), S (4), DPL (5–6), P (7), AVL (12), L (13), D/B (14), G (15).
namespace attribute {
inline constexpr u16 kAccessed = 1u << 0;
inline constexpr u16 kWritable = 1u << 1;      ///< data
inline constexpr u16 kReadable = 1u << 1;      ///< code
inline constexpr u16 kExpandDown = 1u << 2;    ///< data
inline constexpr u16 kConforming = 1u << 2;    ///< code
inline constexpr u16 kCode = 1u << 3;
inline constexpr u16 kCodeOrData = 1u << 4;    ///< the S bit
inline constexpr u16 kPresent = 1u << 7;
inline constexpr u16 kLong = 1u << 13;
inline constexpr u16 kBig = 1u << 14;
inline constexpr u16 kGranularity = 1u << 15;
constexpr unsigned dpl(u16 attributes) { return attributes >> 5 & 3; }
constexpr unsigned type(u16 attributes) { return attributes & 15; }
}  // namespace attribute

/// A segment register with its descriptor cache. The windows are derived: the offsets at which a read or a write is allowed; empty
/// (low > high) where the segment is null, not readable, not writable.
struct Segment {
    u64 base = 0;
    u32 read_low = 0, read_high = 0xffff;
    u32 write_low = 0, write_high = 0xffff;
    u32 limit = 0xffff;          ///< in bytes, granularity applied
    u16 selector = 0;
    u16 attributes = 0;

    template <class V>
    constexpr void fields(V& v) {
        v("base", base);
        v("read_low", read_low);
        v("read_high", read_high);
        v("write_low", write_low);
        v("write_high", write_high);
        v("limit", limit);
        v("selector", selector);
        v("attributes", attributes);
    }
};
static_assert(every_field_listed<Segment>());

/// GDTR, IDTR.
struct TableRegister {
    u64 base = 0;
    u16 limit = 0xffff;

    template <class V>
    constexpr void fields(V& v) {
        v("base", base);
        v("limit", limit);
    }
};

/// An x87 register: 64-bit significand, sign and exponent.
struct Float80 {
    u64 significand = 0;
    u16 exponent = 0;    ///< bit 15: sign

    template <class V>
    constexpr void fields(V& v) {
        v("significand", significand);
        v("exponent", exponent);
    }
};

/// x87, MMX and SSE state. SDM Vol. 1, "Programming with the x87 FPU".
struct alignas(64) FpuState {
    /// XMM, YMM and ZMM registers are the low 16, 32 and all 64 bytes of one.
    struct alignas(64) VectorRegister {
        std::array<u8, 64> bytes{};
        template <class V>
        constexpr void fields(V& v) {
            v("bytes", bytes);
        }
    };
    std::array<VectorRegister, 32> vectors{};
    std::array<u64, 8> opmasks{};            ///< k0–k7
    std::array<Float80, 8> registers{};    ///< physical registers R0–R7; ST(i) is registers[(top + i) & 7]; MMi is registers[i]
    u16 control = 0x37f;
    u16 status = 0;                        ///< without TOP, which has a place of its own (so that a register's number does not wait for
                                           ///< the flags of the operation before)
    u8 top = 0;
    u8 valid = 0;                          ///< abridged tag word: bit i set if registers[i] is not empty
    u16 opcode = 0;                        ///< 11 bits, of the last non-control instruction
    u64 instruction_pointer = 0;
    u16 instruction_selector = 0;
    u64 data_pointer = 0;
    u16 data_selector = 0;
    u32 mxcsr = 0x1f80;

    /// The status word as FNSTSW stores it.
    [[nodiscard]] constexpr u16 status_word() const { return static_cast<u16>(status | top << 11); }
    constexpr void set_status_word(u16 word) {
        status = word & 0xc7ff;
        top = word >> 11 & 7;
    }

    template <class V>
    constexpr void fields(V& v) {
        v("vectors", vectors);
        v("opmasks", opmasks);
        v("registers", registers);
        v("control", control);
        v("status", status);
        v("top", top);
        v("valid", valid);
        v("opcode", opcode);
        v("instruction_pointer", instruction_pointer);
        v("instruction_selector", instruction_selector);
        v("data_pointer", data_pointer);
        v("data_selector", data_selector);
        v("mxcsr", mxcsr);
    }
};
static_assert(every_field_listed<FpuState>());

/// Model-specific registers that are plain storage (cpu/msr.cpp has the table).
struct MsrState {
    u64 efer = 0;
    u64 pat = 0x0007040600070406;
    u64 sysenter_cs = 0, sysenter_esp = 0, sysenter_eip = 0;
    u64 mtrr_def_type = 0;
    std::array<u64, 16> mtrr_variable{};    ///< base and mask of eight ranges
    std::array<u64, 11> mtrr_fixed{};
    u64 misc_enable = 1;
    u64 microcode = 0;                      ///< IA32_BIOS_SIGN_ID
    i64 tsc_offset = 0;                     ///< TSC = clock + offset
    u64 debug_control = 0;
    std::array<u64, 4> last_branch{};       ///< LASTBRANCHFROM, LASTBRANCHTO, LASTINTFROM, LASTINTTO
    u64 mcg_status = 0;
    std::array<u64, 20> machine_check{};    ///< CTL, STATUS, ADDR, MISC of five banks
    std::array<u64, 5> power{};             ///< power management and prefetching, which nothing here depends on (cpu/msr.cpp)
    std::array<u64, 6> amd_system{};        ///< SYSCFG, HWCR, TOP_MEM, TOP_MEM2, NB_CFG1, MMIO_CFG_BASE_ADDR
    std::array<u64, 16> amd_config{};       ///< C001_1020 to C001_102F
    u64 star = 0, lstar = 0, cstar = 0, syscall_mask = 0;
    u64 kernel_gs_base = 0;
    u32 tsc_aux = 0;
    u64 xss = 0;
    u32 pkrs = 0;
    u64 umwait_control = 0;
    i64 tsc_adjust = 0;

    template <class V>
    constexpr void fields(V& v) {
        v("efer", efer);
        v("pat", pat);
        v("sysenter_cs", sysenter_cs);
        v("sysenter_esp", sysenter_esp);
        v("sysenter_eip", sysenter_eip);
        v("mtrr_def_type", mtrr_def_type);
        v("mtrr_variable", mtrr_variable);
        v("mtrr_fixed", mtrr_fixed);
        v("misc_enable", misc_enable);
        v("microcode", microcode);
        v("tsc_offset", tsc_offset);
        v("debug_control", debug_control);
        v("last_branch", last_branch);
        v("mcg_status", mcg_status);
        v("machine_check", machine_check);
        v("power", power);
        v("amd_system", amd_system);
        v("amd_config", amd_config);
        v("star", star);
        v("lstar", lstar);
        v("cstar", cstar);
        v("syscall_mask", syscall_mask);
        v("kernel_gs_base", kernel_gs_base);
        v("tsc_aux", tsc_aux);
        v("xss", xss);
        v("pkrs", pkrs);
        v("umwait_control", umwait_control);
        v("tsc_adjust", tsc_adjust);
    }
};
static_assert(every_field_listed<MsrState>());

/// Of the performance-monitoring counters (cpu/performance_counters.h).
struct PerformanceState {
    std::array<u64, 4> select{};    ///< PerfEvtSel, PERF_CTL
    std::array<u64, 4> count{};     ///< PerfCtr, PERF_CTR, without what is pending
    u64 pending = 0;                ///< instructions retired that are not yet added
    bool user = false;              ///< they ran at a CPL above 0; kept only where a counter depends on it

    template <class V>
    constexpr void fields(V& v) {
        v("select", select);
        v("count", count);
        v("pending", pending);
        v("user", user);
    }
};
static_assert(every_field_listed<PerformanceState>());

/// WaitForSipi: after INIT, an application processor waits for a startup message.
enum class Activity : u8 { Active, Halted, Shutdown, WaitForSipi, Waiting };  // Waiting: in MWAIT

/// Everything a snapshot of a processor holds. `eflags` is complete here; while blocks run, the arithmetic flags are in Cpu::lazy.
struct CpuState {
    std::array<u64, 17> gpr{};    ///< the 17th always reads zero: it is the absent base or index register
    u64 rip = 0xfff0;
    u32 eflags = 2;
    u32 monitored_line = ~u32{0};       ///< line of RAM that MONITOR has armed: page * 64 + line within it; ~0: none
    std::array<Segment, 6> segments{};
    Segment ldtr, tr;
    TableRegister gdtr, idtr;
    u64 cr0 = 0x60000010, cr2 = 0, cr3 = 0, cr4 = 0;
    u64 xcr0 = 1;
    u32 pkru = 0;
    u8 task_priority = 0;               ///< CR8
    u64 random = 0x9e3779b97f4a7c15;    ///< of RDRAND and RDSEED where they must be repeatable
    std::array<u64, 4> pdpte{};
    std::array<u64, 8> dr{};
    u8 cpl = 0;
    Activity activity = Activity::Active;
    bool inhibit_interrupts = false;    ///< the instruction after STI, MOV SS, POP SS
    bool nmi_blocked = false;
    bool nmi_pending = false;
    bool wakes_masked = false;          ///< MWAIT with ECX bit 0: interrupts end it though IF is clear
    std::array<u32, 5> test_registers{};    ///< TR3–TR7
    u32 pending_debug = 0;              ///< DR6 bits of the debug trap that the next instruction boundary delivers
    FpuState fpu;
    MsrState msr;
    PerformanceState performance;

    template <class V>
    constexpr void fields(V& v) {
        v("gpr", gpr);
        v("rip", rip);
        v("eflags", eflags);
        v("segments", segments);
        v("ldtr", ldtr);
        v("tr", tr);
        v("gdtr", gdtr);
        v("idtr", idtr);
        v("cr0", cr0);
        v("cr2", cr2);
        v("cr3", cr3);
        v("cr4", cr4);
        v("xcr0", xcr0);
        v("pkru", pkru);
        v("task_priority", task_priority);
        v("random", random);
        v("pdpte", pdpte);
        v("dr", dr);
        v("cpl", cpl);
        v("activity", activity);
        v("inhibit_interrupts", inhibit_interrupts);
        v("nmi_blocked", nmi_blocked);
        v("nmi_pending", nmi_pending);
        v("monitored_line", monitored_line);
        v("wakes_masked", wakes_masked);
        v("test_registers", test_registers);
        v("pending_debug", pending_debug);
        v("fpu", fpu);
        v("msr", msr);
        v("performance", performance);
    }
};
static_assert(every_field_listed<CpuState>());

}  // namespace gnomon
