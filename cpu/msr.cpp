// The table of model-specific registers. SDM Vol. 4 (AMD's: Processor Programming Reference, "MSRs"); memory types: SDM Vol. 3, "Memory Type Range Registers",
// "Page Attribute Table"; machine check: "Machine-Check Architecture".
#include "cpu/msr.h"

#include "cpu/apic/local_apic.h"
#include "cpu/control_registers.h"
#include "cpu/long_mode.h"
#include "cpu/model.h"
#include "cpu/observer.h"
#include "cpu/performance_counters.h"
#include "cpu/system_registers.h"

namespace gnomon {
namespace {

/// `n` counts from the first register of a row.
using ReadMsr = u64 (*)(Cpu&, u32 n);
using WriteMsr = bool (*)(Cpu&, u32 n, u64 value);  ///< false: #GP(0)

/// Processors that have a register which no CPUID bit announces: software goes by family and model, and expects it.
enum class Make : u8 { Any, P6, Core2, Nehalem, SandyBridge, K7, Amd64 };  // and what came later; P6: until the Pentium M

bool made_as(const CpuModel& model, Make make) {
    const bool intel = model.vendor == kVendorIntel && model.family == 6;
    const bool atom = model.model == 28;
    switch (make) {
        case Make::Any: return true;
        case Make::P6: return intel && model.model < 14;
        case Make::Core2: return intel && model.model >= 15;
        case Make::Nehalem: return intel && model.model >= 26 && !atom;
        case Make::SandyBridge: return intel && model.model >= 42;
        case Make::K7: return model.vendor == kVendorAmd && model.family >= 6;
        case Make::Amd64: return model.vendor == kVendorAmd && model.family >= 15;
    }
    return false;
}

struct MsrRow {
    u32 first;
    u32 count;
    std::string_view name;
    Feature feature;
    ReadMsr read;    ///< null: write-only
    WriteMsr write;  ///< null: read-only
    Make make = Make::Any;
};

template<u64 MsrState::*field>
u64 stored(Cpu& cpu, u32) {
    return cpu.state.msr.*field;
}
template<u64 value>
u64 constant(Cpu&, u32) {
    return value;
}
/// Bits of `reserved` are refused.
template<u64 MsrState::*field, u64 reserved = 0>
bool store(Cpu& cpu, u32, u64 value) {
    if (value & reserved) return false;
    cpu.state.msr.*field = value;
    return true;
}
bool ignore(Cpu&, u32, u64) { return true; }

constexpr u64 above(unsigned bit) { return ~u64{0} << bit; }

u64 read_tsc(Cpu& cpu, u32) {
    cpu.sync_clock();
    return cpu.time_stamp_counter();
}
bool write_tsc(Cpu& cpu, u32, u64 value) {
    cpu.sync_clock();
    const i64 difference = static_cast<i64>(value - cpu.time_stamp_counter());
    cpu.state.msr.tsc_offset += difference;
    cpu.state.msr.tsc_adjust += difference;
    return true;
}

u64 read_apic_base(Cpu& cpu, u32) { return cpu.apic ? cpu.apic->base() : 0; }
bool write_apic_base(Cpu& cpu, u32, u64 value) { return cpu.apic && cpu.apic->set_base(value); }

u64 read_tsc_deadline(Cpu& cpu, u32) { return cpu.apic ? cpu.apic->tsc_deadline() : 0; }
bool write_tsc_deadline(Cpu& cpu, u32, u64 value) {
    cpu.sync_clock();
    if (cpu.apic) cpu.apic->set_tsc_deadline(value, cpu.state.msr.tsc_offset);
    return true;
}

/// The x2APIC's registers, which may refuse to be read.
constexpr u32 kFirstX2apic = 0x800, kX2apicCount = 0x40;
bool write_x2apic(Cpu& cpu, u32 n, u64 value) {
    cpu.sync_clock();
    return cpu.apic && cpu.apic->write_msr(kFirstX2apic + n, value);
}

bool write_microcode_trigger(Cpu& cpu, u32, u64 address) {
    cpu.log().guest("cpu", "microcode update", "the guest offers a microcode update at {:#x}: ignored",
                    address);
    return true;
}

bool valid_memory_type(u64 type) { return type <= 6 && type != 2 && type != 3; }

u64 read_mtrr_variable(Cpu& cpu, u32 n) { return cpu.state.msr.mtrr_variable[n]; }
bool write_mtrr_variable(Cpu& cpu, u32 n, u64 value) {
    const bool is_mask = n & 1;
    if (value & (above(cpu.model().physical_bits) | (is_mask ? 0x7ff : 0xf00))) return false;
    if (!is_mask && !valid_memory_type(value & 0xff)) return false;
    cpu.state.msr.mtrr_variable[n] = value;
    return true;
}

/// Fixed ranges: 64K_00000, then 16K_80000 and 16K_A0000, then eight of 4K.
template<u32 base>
u64 read_mtrr_fixed(Cpu& cpu, u32 n) {
    return cpu.state.msr.mtrr_fixed[base + n];
}
template<u32 base>
bool write_mtrr_fixed(Cpu& cpu, u32 n, u64 value) {
    for (unsigned i = 0; i < 8; i++)
        if (!valid_memory_type(value >> 8 * i & 0xff)) return false;
    cpu.state.msr.mtrr_fixed[base + n] = value;
    return true;
}

bool write_mtrr_default(Cpu& cpu, u32, u64 value) {
    if ((value & ~u64{0xcff}) || !valid_memory_type(value & 0xff)) return false;
    cpu.state.msr.mtrr_def_type = value;
    return true;
}

bool write_pat(Cpu& cpu, u32, u64 value) {
    for (unsigned i = 0; i < 8; i++) {
        const u64 type = value >> 8 * i & 0xff;
        if (!valid_memory_type(type) && type != 7) return false;
    }
    cpu.state.msr.pat = value;
    return true;
}

u64 read_machine_check(Cpu& cpu, u32 n) { return cpu.state.msr.machine_check[n]; }
/// CTL takes anything; STATUS, ADDR and MISC can only be cleared.
bool write_machine_check(Cpu& cpu, u32 n, u64 value) {
    if ((n & 3) != 0 && value != 0) return false;
    cpu.state.msr.machine_check[n] = value;
    return true;
}

bool write_debug_control(Cpu& cpu, u32, u64 value) {
    if (value & ~u64{0x7f}) return false;
    cpu.state.msr.debug_control = value;
    cpu.update_mode();
    return true;
}

u64 read_last_branch(Cpu& cpu, u32 n) { return cpu.state.msr.last_branch[n]; }

/// Bits 11 and 12: branch trace store and precise event sampling are unavailable.
u64 read_misc_enable(Cpu& cpu, u32) { return cpu.state.msr.misc_enable | 0x1800; }
bool write_misc_enable(Cpu& cpu, u32, u64 value) {
    cpu.state.msr.misc_enable = value & 1;  // fast strings; nothing else can be switched
    return true;
}

bool write_efer_msr(Cpu& cpu, u32, u64 value) { return write_efer(cpu, value); }

/// An address that code will be entered at, or a segment base: must be canonical where it has 64 bits.
template<u64 MsrState::*field>
bool store_address(Cpu& cpu, u32, u64 value) {
    if (cpu.features().has(Feature::LongMode) && !canonical_in_any_mode(cpu, value)) return false;
    cpu.state.msr.*field = value;
    return true;
}

template<Seg seg>
u64 read_segment_base(Cpu& cpu, u32) {
    return cpu.segment(seg).base;
}
template<Seg seg>
bool write_segment_base(Cpu& cpu, u32, u64 value) {
    if (!canonical_in_any_mode(cpu, value)) return false;
    cpu.segment(seg).base = value;
    return true;
}

u64 read_tsc_aux(Cpu& cpu, u32) { return cpu.state.msr.tsc_aux; }
bool write_tsc_aux(Cpu& cpu, u32, u64 value) {
    if (value >> 32) return false;
    cpu.state.msr.tsc_aux = static_cast<u32>(value);
    return true;
}

u64 read_pkrs(Cpu& cpu, u32) { return cpu.state.msr.pkrs; }
bool write_pkrs(Cpu& cpu, u32, u64 value) {
    if (value >> 32) return false;
    cpu.state.msr.pkrs = static_cast<u32>(value);
    cpu.update_paging(false);
    return true;
}

u64 read_performance_select(Cpu& cpu, u32 n) { return cpu.performance_counters().select(n); }
bool write_performance_select(Cpu& cpu, u32 n, u64 value) { return cpu.performance_counters().set_select(n, value); }
u64 read_performance_count(Cpu& cpu, u32 n) { return cpu.performance_counters().count(n); }
bool write_performance_count(Cpu& cpu, u32 n, u64 value) {
    cpu.performance_counters().set_count(n, value);
    return true;
}

/// No state components of IA32_XSS exist.
bool write_xss(Cpu&, u32, u64 value) { return value == 0; }

/// Registers that are remembered and change nothing: power management and the like.
template<auto array, size_t index>
u64 remembered(Cpu& cpu, u32 n) {
    return (cpu.state.msr.*array)[index + n];
}
template<auto array, size_t index>
bool remember(Cpu& cpu, u32 n, u64 value) {
    (cpu.state.msr.*array)[index + n] = value;
    return true;
}

/// TscFreqSel: the time-stamp counter counts at the frequency of P-state 0, always.
constexpr u64 kTscFreqSel = u64{1} << 24;
u64 read_hwcr(Cpu& cpu, u32) { return cpu.state.msr.amd_system[1] | kTscFreqSel; }

/// The counter's rate as a multiple of the 100 MHz of the bus, as the highest ratio without turbo and as the lowest.
constexpr u64 kRatio = 10;
constexpr u64 kPlatformInfo = kRatio << 40 | kRatio << 8;

u64 read_tsc_adjust(Cpu& cpu, u32) { return static_cast<u64>(cpu.state.msr.tsc_adjust); }
bool write_tsc_adjust(Cpu& cpu, u32, u64 value) {
    MsrState& msr = cpu.state.msr;
    msr.tsc_offset += static_cast<i64>(value) - msr.tsc_adjust;
    msr.tsc_adjust = static_cast<i64>(value);
    return true;
}

using M = MsrState;
constexpr auto kMsrs = std::to_array<MsrRow>({
    {0x000, 1, "P5_MC_ADDR", Feature::MCE, constant<0>, ignore},
    {0x001, 1, "P5_MC_TYPE", Feature::MCE, constant<0>, ignore},
    {0x010, 1, "IA32_TIME_STAMP_COUNTER", Feature::TSC, read_tsc, write_tsc},
    {0x017, 1, "IA32_PLATFORM_ID", Feature::P6, constant<0>, nullptr},
    {0x01b, 1, "IA32_APIC_BASE", Feature::APIC, read_apic_base, write_apic_base},
    {0x02a, 1, "EBL_CR_POWERON", Feature::P6, constant<0>, ignore},
    {0x03b, 1, "IA32_TSC_ADJUST", Feature::TSC_ADJUST, read_tsc_adjust, write_tsc_adjust},
    {0x079, 1, "IA32_BIOS_UPDT_TRIG", Feature::P6, nullptr, write_microcode_trigger},
    {0x08b, 1, "IA32_BIOS_SIGN_ID", Feature::P6, stored<&M::microcode>, store<&M::microcode>},
    {0x0c1, 2, "PerfCtr", Feature::MSR, read_performance_count, write_performance_count, Make::P6},
    {0x0cd, 1, "MSR_FSB_FREQ", Feature::MSR, constant<5>, nullptr, Make::Core2},  // 100 MHz
    {0x0ce, 1, "MSR_PLATFORM_INFO", Feature::MSR, constant<kPlatformInfo>, nullptr, Make::SandyBridge},
    {0x0e1, 1, "IA32_UMWAIT_CONTROL", Feature::WAITPKG, stored<&M::umwait_control>,
     store<&M::umwait_control, 2 | above(32)>},
    {0x0e2, 1, "MSR_PKG_CST_CONFIG_CONTROL", Feature::MSR, remembered<&M::power, 0>, remember<&M::power, 0>, Make::Core2},
    {0x0e4, 1, "MSR_PMG_IO_CAPTURE_BASE", Feature::MSR, remembered<&M::power, 1>, remember<&M::power, 1>, Make::Core2},
    {0x0fe, 1, "IA32_MTRRCAP", Feature::MTRR, constant<0x508>,
     nullptr},  // eight variable ranges, fixed ranges, WC
    {0x174, 1, "IA32_SYSENTER_CS", Feature::SEP, stored<&M::sysenter_cs>, store<&M::sysenter_cs>},
    {0x175, 1, "IA32_SYSENTER_ESP", Feature::SEP, stored<&M::sysenter_esp>, store_address<&M::sysenter_esp>},
    {0x176, 1, "IA32_SYSENTER_EIP", Feature::SEP, stored<&M::sysenter_eip>, store_address<&M::sysenter_eip>},
    {0x179, 1, "IA32_MCG_CAP", Feature::MCA, constant<5>, nullptr},  // five banks, no MCG_CTL
    {0x17a, 1, "IA32_MCG_STATUS", Feature::MCA, stored<&M::mcg_status>, store<&M::mcg_status, above(3)>},
    {0x186, 2, "PerfEvtSel", Feature::MSR, read_performance_select, write_performance_select, Make::P6},
    {0x1a0, 1, "IA32_MISC_ENABLE", Feature::SSE2, read_misc_enable, write_misc_enable},
    {0x1a4, 1, "MSR_PREFETCH_CONTROL", Feature::MSR, remembered<&M::power, 2>, remember<&M::power, 2>, Make::Nehalem},
    {0x1aa, 1, "MSR_MISC_PWR_MGMT", Feature::MSR, remembered<&M::power, 3>, remember<&M::power, 3>, Make::Nehalem},
    {0x1ad, 1, "MSR_TURBO_RATIO_LIMIT", Feature::MSR, constant<kRatio * 0x0101010101010101>, nullptr, Make::SandyBridge},
    {0x1d9, 1, "IA32_DEBUGCTL", Feature::P6, stored<&M::debug_control>, write_debug_control},
    {0x1db, 4, "LASTBRANCH, LASTINT", Feature::P6, read_last_branch, nullptr},
    {0x1fc, 1, "MSR_POWER_CTL", Feature::MSR, remembered<&M::power, 4>, remember<&M::power, 4>, Make::Nehalem},
    {0x200, 16, "IA32_MTRR_PHYSBASE, PHYSMASK", Feature::MTRR, read_mtrr_variable, write_mtrr_variable},
    {0x250, 1, "IA32_MTRR_FIX64K_00000", Feature::MTRR, read_mtrr_fixed<0>, write_mtrr_fixed<0>},
    {0x258, 2, "IA32_MTRR_FIX16K", Feature::MTRR, read_mtrr_fixed<1>, write_mtrr_fixed<1>},
    {0x268, 8, "IA32_MTRR_FIX4K", Feature::MTRR, read_mtrr_fixed<3>, write_mtrr_fixed<3>},
    {0x277, 1, "IA32_PAT", Feature::PAT, stored<&M::pat>, write_pat},
    {0x2ff, 1, "IA32_MTRR_DEF_TYPE", Feature::MTRR, stored<&M::mtrr_def_type>, write_mtrr_default},
    {0x400, 20, "IA32_MC_CTL, STATUS, ADDR, MISC", Feature::MCA, read_machine_check, write_machine_check},
    {0x6e0, 1, "IA32_TSC_DEADLINE", Feature::TSC_DEADLINE, read_tsc_deadline, write_tsc_deadline},
    {0x6e1, 1, "IA32_PKRS", Feature::PKS, read_pkrs, write_pkrs},
    {kFirstX2apic, kX2apicCount, "IA32_X2APIC", Feature::X2APIC, nullptr, write_x2apic},
    {0xda0, 1, "IA32_XSS", Feature::XSAVES, stored<&M::xss>, write_xss},
    {0xc0000080, 1, "IA32_EFER", Feature::NX, stored<&M::efer>, write_efer_msr},
    {0xc0000081, 1, "IA32_STAR", Feature::SYSCALL, stored<&M::star>, store<&M::star>},
    {0xc0000082, 1, "IA32_LSTAR", Feature::LongMode, stored<&M::lstar>, store_address<&M::lstar>},
    {0xc0000083, 1, "IA32_CSTAR", Feature::LongMode, stored<&M::cstar>, store_address<&M::cstar>},
    {0xc0000084, 1, "IA32_FMASK", Feature::SYSCALL, stored<&M::syscall_mask>, store<&M::syscall_mask>},
    {0xc0000100, 1, "IA32_FS_BASE", Feature::LongMode, read_segment_base<Seg::FS>,
     write_segment_base<Seg::FS>},
    {0xc0000101, 1, "IA32_GS_BASE", Feature::LongMode, read_segment_base<Seg::GS>,
     write_segment_base<Seg::GS>},
    {0xc0000102, 1, "IA32_KERNEL_GS_BASE", Feature::LongMode, stored<&M::kernel_gs_base>,
     store_address<&M::kernel_gs_base>},
    {0xc0000103, 1, "IA32_TSC_AUX", Feature::RDTSCP, read_tsc_aux, write_tsc_aux},
    {0xc0010000, 4, "PERF_CTL", Feature::MSR, read_performance_select, write_performance_select, Make::K7},
    {0xc0010004, 4, "PERF_CTR", Feature::MSR, read_performance_count, write_performance_count, Make::K7},
    {0xc0010010, 1, "SYSCFG", Feature::MSR, remembered<&M::amd_system, 0>, remember<&M::amd_system, 0>, Make::Amd64},
    {0xc0010015, 1, "HWCR", Feature::MSR, read_hwcr, remember<&M::amd_system, 1>, Make::Amd64},
    {0xc001001a, 1, "TOP_MEM", Feature::MSR, remembered<&M::amd_system, 2>, remember<&M::amd_system, 2>, Make::Amd64},
    {0xc001001d, 1, "TOP_MEM2", Feature::MSR, remembered<&M::amd_system, 3>, remember<&M::amd_system, 3>, Make::Amd64},
    {0xc001001f, 1, "NB_CFG1", Feature::MSR, remembered<&M::amd_system, 4>, remember<&M::amd_system, 4>, Make::Amd64},
    {0xc0010020, 1, "PATCH_LOADER", Feature::MSR, nullptr, write_microcode_trigger, Make::Amd64},
    {0xc0010058, 1, "MMIO_CFG_BASE_ADDR", Feature::MSR, remembered<&M::amd_system, 5>, remember<&M::amd_system, 5>, Make::Amd64},
    {0xc0011020, 16, "LS_CFG and others", Feature::MSR, remembered<&M::amd_config, 0>, remember<&M::amd_config, 0>, Make::Amd64},
});

constexpr bool sorted() {
    for (size_t i = 1; i < kMsrs.size(); i++)
        if (kMsrs[i - 1].first + kMsrs[i - 1].count > kMsrs[i].first) return false;
    return true;
}
static_assert(sorted(), "rows in ascending order, without overlap");

const MsrRow* find(u32 index) {
    const auto row =
        std::find_if(kMsrs.begin(), kMsrs.end(), [&](const MsrRow& r) { return index - r.first < r.count; });
    return row == kMsrs.end() ? nullptr : &*row;
}

const MsrRow* find_in(Cpu& cpu, u32 index, std::string_view what) {
    const MsrRow* row = find(index);
    if (row && cpu.features().has(row->feature) && made_as(cpu.model(), row->make)) return row;
    cpu.log().guest("cpu", fmt::format("{} of unknown MSR {:#x}", what, index), "{} of MSR {:#x}{}{}: #GP",
                    what, index, row ? ", which this model lacks: " : "", row ? row->name : "");
    return nullptr;
}

}  // namespace

bool read_msr(Cpu& cpu, u32 index, u64& value) {
    const MsrRow* row = find_in(cpu, index, "read");
    if (row && index - kFirstX2apic < kX2apicCount) {
        cpu.sync_clock();
        return cpu.apic && cpu.apic->read_msr(index, value);
    }
    if (!row || !row->read) return false;
    value = row->read(cpu, index - row->first);
    if (CpuObserver* observer = cpu.observer()) observer->msr_access(cpu, index, false, value);
    return true;
}

bool write_msr(Cpu& cpu, u32 index, u64 value) {
    const MsrRow* row = find_in(cpu, index, "write");
    if (!row || !row->write) return false;
    if (row->write(cpu, index - row->first, value)) {
        if (CpuObserver* observer = cpu.observer()) observer->msr_access(cpu, index, true, value);
        if (cpu.apic) cpu.apic->tsc_offset_changed(cpu.state.msr.tsc_offset);
        return true;
    }
    cpu.log().guest("cpu", fmt::format("bad value for {}", row->name),
                    "write of {:#x} to MSR {:#x} ({}): #GP", value, index, row->name);
    return false;
}

std::string_view msr_name(u32 index) {
    const MsrRow* row = find(index);
    return row ? row->name : std::string_view{};
}

}  // namespace gnomon
