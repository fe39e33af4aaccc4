// One processor: its state, its way to memory and ports, and what out-of-line instructions may use.
#pragma once

#include <memory>

#include "cpu/exception.h"
#include "cpu/feature.h"
#include "cpu/flags.h"
#include "cpu/instruction.h"
#include "cpu/state.h"
#include "memory/io_space.h"
#include "memory/mmu.h"
#include "support/clock.h"
#include "support/line.h"
#include "support/log.h"

namespace gnomon {

class BlockCache;
class CpuObserver;
class LocalApic;
class MonitorUnit;
class PerformanceCounters;
struct CpuModel;

enum class StopReason : u8 {
    Budget,      ///< the instructions asked for were executed
    Halted,      ///< HLT: waiting for an interrupt
    Shutdown,    ///< triple fault; `Cpu::shutdown_report` says why
    Requested,   ///< request_stop()
};

/// What led to a triple fault, in order.
struct ShutdownReport {
    struct Entry {
        Fault fault;
        u16 cs = 0;
        u64 rip = 0;
    };
    std::array<Entry, 3> chain{};
    unsigned count = 0;
    CpuState before;    ///< as it was when the first of them was raised
};

/// What of the guest's floating-point environment is loaded in the units of the host (cpu/fpu/host.h).
struct HostFpu {
    bool x87 = false;     ///< the control word, which masks everything, with nothing pending; the host's flags are among the guest's
    bool simd = false;    ///< MXCSR, which masks everything; flags gather there
};

class Cpu final : public LineSink {
  public:
    Cpu(const CpuModel& model, PhysicalMap& map, PortSpace& ports, VirtualClock& clock, InterruptController& pic, Log& log,
        Mmu::Shadow shadow);
    ~Cpu();
    Cpu(const Cpu&) = delete;
    Cpu& operator=(const Cpu&) = delete;

    // ================ run control (for the machine) ================
    /// Executes exactly `instructions` instructions unless stopped earlier, or a performance counter overflows with an interrupt.
    StopReason run(u64 instructions);
    /// As the RESET pin (or INIT, which keeps the FPU, MSRs and caches).
    void reset();
    void init();
    /// A startup message: a processor that waits for it begins in real mode at vector * 4096.
    void startup(u8 vector);
    void set_line(unsigned pin, bool level) override;
    /// The run loop returns at the next instruction boundary; callable from devices while run() is active.
    void request_stop() {
        stop_requested_ = true;
        break_chain();
    }
    /// Devices moved the next event earlier: run() returns with Budget as soon as `instructions` from now are done.
    void shorten_budget(u64 instructions);
    [[nodiscard]] bool interrupts_enabled() const { return state.eflags & flag::IF; }
    /// True if HLT can never end: interrupts off and nothing else pending.
    [[nodiscard]] bool halted_for_good() const;
    /// False: it sleeps, and run() would return at once.
    [[nodiscard]] bool can_run() const;
    [[nodiscard]] const ShutdownReport& shutdown_report() const { return shutdown_; }
    /// A debugger, or null; to be changed between runs only.
    void observe(CpuObserver* observer) { observer_ = observer; }
    [[nodiscard]] CpuObserver* observer() const { return observer_; }
    /// Forgets decoded blocks and their links; between runs only.
    void forget_blocks();
    /// State for snapshots, debuggers and oracles: complete EFLAGS inside.
    [[nodiscard]] CpuState architectural_state() const;
    void set_architectural_state(const CpuState& state);

    // ================ hot state: handlers address it directly ================
    CpuState state;                      ///< first: small offsets
    TlbEntry* tlb = nullptr;             ///< table of the current privilege
    i64 budget = 0;                      ///< instructions left, those of the current block already taken off
    u32 mode_key = 0;                    ///< mode:: bits in force
    bool leave_after = false;            ///< the engine must leave the block after the current instruction (code was written, an event moved)
    LazyFlags lazy;                      ///< while out of line; handlers carry the flags in registers
    u64 next_rip = 0;                    ///< out of line: IP of the following instruction
    const Instruction* current = nullptr;///< out of line: the instruction being executed
    HostFpu host_fpu;
    Fault fault;                         ///< valid after a false return or Outcome::Fault

    // ================ for out-of-line instructions ================
    /// Sets `fault`. Error codes as the manual gives them.
    Outcome raise(Vector vector) {
        fault = {vector, false, 0, 0};
        return Outcome::Fault;
    }
    Outcome raise(Vector vector, u32 error) {
        fault = {vector, true, error, 0};
        return Outcome::Fault;
    }
    [[nodiscard]] bool real_mode() const { return !(state.cr0 & 1); }
    [[nodiscard]] bool v86() const { return state.eflags & flag::VM; }
    [[nodiscard]] bool protected_mode() const { return (state.cr0 & 1) && !(state.eflags & flag::VM); }
    [[nodiscard]] unsigned cpl() const { return state.cpl; }
    [[nodiscard]] unsigned iopl() const { return state.eflags >> 12 & 3; }
    [[nodiscard]] Privilege privilege() const {
        if (state.cpl == 3) return Privilege::User;
        // EFLAGS.AC under CR4.SMAP.
        return (state.eflags >> 18) & (state.cr4 >> 21) & 1 ? Privilege::SupervisorOverride : Privilege::Supervisor;
    }
    [[nodiscard]] Segment& segment(Seg s) { return state.segments[static_cast<unsigned>(s)]; }
    [[nodiscard]] const Segment& segment(Seg s) const { return state.segments[static_cast<unsigned>(s)]; }
    /// EFLAGS complete (without RF's and VM's special handling), and back; set_eflags takes all bits as given.
    [[nodiscard]] u32 eflags() const {
        return (state.eflags & ~flag::kArithmetic) | lazy::all(lazy.result, lazy.source, lazy.kind);
    }
    void set_eflags(u32 value) {
        state.eflags = (value & ~flag::kArithmetic) | flag::kFixedOne;
        lazy = {value & flag::kArithmetic, 0, 0};
    }
    void set_arithmetic_flags(u32 value) { lazy = {value & flag::kArithmetic, 0, 0}; }
    [[nodiscard]] bool carry() const { return lazy::cf(lazy.result, lazy.source, lazy.kind); }

    /// General registers by number (byte registers: 0–3 low, 4–7 high bytes, as encoded without REX). 32-bit writes clear the upper half.
    template <class T>
    [[nodiscard]] T get(unsigned number) const {
        if constexpr (sizeof(T) == 1) return static_cast<T>(state.gpr[number & 3] >> (number & 4 ? 8 : 0));
        else return static_cast<T>(state.gpr[number]);
    }
    template <class T>
    void put(unsigned number, T value) { put_at(sizeof(T) == 1 ? (number & 3) * 8 + (number >> 2 & 1) : number * 8, value); }
    /// The same by the byte offsets of Instruction::reg and rm.
    template <class T>
    [[nodiscard]] T get_at(unsigned offset) const {
        T value;
        __builtin_memcpy(&value, reinterpret_cast<const u8*>(state.gpr.data()) + offset, sizeof value);
        return value;
    }
    template <class T>
    void put_at(unsigned offset, T value) {
        u8* place = reinterpret_cast<u8*>(state.gpr.data()) + offset;
        if constexpr (sizeof(T) == 4) {
            const u64 wide = static_cast<u32>(value);
            __builtin_memcpy(place, &wide, 8);
        } else {
            __builtin_memcpy(place, &value, sizeof value);
        }
    }

    /// Offset of the memory operand within its segment, address size applied; next_rip must be that of `insn`.
    [[nodiscard]] u64 effective_address(const Instruction& insn) const {
        const u64 base = insn.base == kRipRegister ? next_rip : get_at<u64>(insn.base);
        const u64 sum = base + (get_at<u64>(insn.index) << insn.scale) + static_cast<u64>(static_cast<i64>(insn.disp));
        return insn.cut_address(sum);
    }
    /// Memory by segment and offset, with all checks of the segment (#GP(0), or #SS(0) for SS), alignment and paging at the current
    /// privilege. False: `fault` is set and nothing happened. T is any trivially copyable type of 1 to 64 bytes.
    template <class T>
    [[nodiscard]] bool read(Seg seg, u64 offset, T& out);
    template <class T>
    [[nodiscard]] bool write(Seg seg, u64 offset, const T& value);
    /// Faults as a write of `bytes` would, without writing.
    [[nodiscard]] bool check_write(Seg seg, u64 offset, unsigned bytes);
    /// Read for a read-modify-write: faults as a write would.
    template <class T>
    [[nodiscard]] bool read_for_write(Seg seg, u64 offset, T& out) {
        return check_write(seg, offset, sizeof(T)) && read(seg, offset, out);
    }
    /// A read-modify-write: replaces what is there by `modify(what is there)`. False: as of read_for_write, and then the results of
    /// `modify` must be dropped, whether it was called or not.
    template <class T, class F>
    [[nodiscard]] bool update(Seg seg, u64 offset, F modify) {
        if (u8* place = unnoticed_store(seg, offset, sizeof(T))) {
            T value;
            __builtin_memcpy(&value, place, sizeof value);
            value = modify(value);
            __builtin_memcpy(place, &value, sizeof value);
            return true;
        }
        T old;
        return read_for_write(seg, offset, old) && write(seg, offset, modify(old));
    }
    /// The memory operand of the instruction.
    template <class T>
    [[nodiscard]] bool load(const Instruction& insn, T& out) { return read(insn.segment, effective_address(insn), out); }
    template <class T>
    [[nodiscard]] bool store(const Instruction& insn, const T& value) { return write(insn.segment, effective_address(insn), value); }
    /// An E operand: register (general, by offset) or memory.
    template <class T>
    [[nodiscard]] bool load_rm(const Instruction& insn, T& out) {
        if (insn.in_memory()) return load(insn, out);
        out = get_at<T>(insn.rm);
        return true;
    }
    template <class T>
    [[nodiscard]] bool store_rm(const Instruction& insn, T value) {
        if (insn.in_memory()) return store(insn, value);
        put_at<T>(insn.rm, value);
        return true;
    }
    /// By linear address: descriptor tables and TSS with Privilege::Supervisor.
    template <class T>
    [[nodiscard]] bool read_linear(u64 linear, T& out, Privilege who);
    template <class T>
    [[nodiscard]] bool write_linear(u64 linear, const T& value, Privilege who);
    [[nodiscard]] bool check_write_linear(u64 linear, unsigned bytes, Privilege who);

    /// Stack, with the stack's address size. push/pop change (E)SP only when the access succeeded.
    [[nodiscard]] u64 stack_mask() const { return in_64bit_mode() ? ~u64{0} : mode_key_stack32() ? 0xffffffffu : 0xffffu; }
    /// Sets SP, ESP or RSP by the stack's address size.
    void put_stack_pointer(u64 value) {
        if (in_64bit_mode()) put<u64>(reg::SP, value);
        else if (mode_key_stack32()) put<u32>(reg::SP, static_cast<u32>(value));
        else put<u16>(reg::SP, static_cast<u16>(value));
    }
    [[nodiscard]] bool push(unsigned bytes, u64 value);
    [[nodiscard]] bool pop(unsigned bytes, u64& value);

    /// A near transfer: checks the CS limit (#GP(0)), applies the operand size, sets rip.
    [[nodiscard]] Outcome jump_near(u64 target, unsigned operand_bytes);

    /// An interrupt could be taken at the next instruction boundary: instructions that open the window then return to the run loop.
    [[nodiscard]] bool event_waiting() const {
        return (intr_ && (state.eflags & flag::IF)) || (state.nmi_pending && !state.nmi_blocked) || stop_requested_;
    }
    /// Recomputes mode_key, tlb and the interrupt window; after any change of CR0, CR4, EFLAGS.VM/AC/TF, CS, SS, DS, ES, CPL, DR7.
    void update_mode();
    /// Recomputes the windows of a segment from base, limit and attributes, in the way of the mode in force.
    static void update_windows(Segment& segment);
    /// Paging registers changed: tells the MMU.
    void update_paging(bool cr3_written);

    /// Gives the floating-point units back to the host, so that its own code computes as it expects and leaves no trace in the guest's
    /// flags; called before anything outside the processor runs.
    void release_fpu() {
        if (host_fpu.x87 || host_fpu.simd) give_fpu_back();
    }
    /// Brings the clock up to date (instructions of the current block before the current one); call before any device is reached.
    void sync_clock();
    [[nodiscard]] u32 port_in(u16 port, unsigned size);
    void port_out(u16 port, unsigned size, u32 value);
    [[nodiscard]] u64 time_stamp_counter();

    // ================ event delivery: cpu/interrupt.cpp ================
    /// Delivers through the IDT (or IVT): `state.rip` is the IP to be saved (the faulting instruction for faults, the following one
    /// for traps and interrupts). Handles nested faults (double, triple). False: shutdown, report filled.
    bool deliver(EventKind kind, Fault event);
    /// One attempt without the double-fault logic; false with `fault` set.
    bool try_deliver(EventKind kind, const Fault& event);

    const CpuModel& model() const { return model_; }
    const FeatureSet& features() const { return features_; }
    Mmu& mmu() { return *mmu_; }
    VirtualClock& clock() { return clock_; }
    Log& log() { return log_; }
    BlockCache& blocks() { return *blocks_; }
    MonitorUnit& monitor_unit() { return *monitor_unit_; }
    PerformanceCounters& performance_counters() { return *performance_counters_; }

    struct Counters {
        u64 block_lookups = 0;
        u64 interrupts = 0;
        u64 exceptions = 0;
        u64 single_steps = 0;
    };
    Counters counters;
    Line ferr;    ///< FERR#: to IRQ 13 by way of the chipset; driven by the FPU when CR0.NE is 0
    bool ignne = false;    ///< IGNNE#: x87 errors that are not masked do not stop the FPU
    Line a20_gate;
    LocalApic* apic = nullptr;    ///< null: the model has none

    // ================ engine internals (cpu/engine*.cpp) ================
    /// Where the block at a linear address is; its header says for which host page and mode that holds.
    struct alignas(16) JumpCacheEntry {
        u64 linear = u64{1} << 63;    ///< is canonical in no mode: no branch gets there
        Instruction* entry = nullptr;
    };
    static constexpr unsigned kJumpCacheBits = 13;
    std::array<JumpCacheEntry, 1u << kJumpCacheBits> jump_cache;
    [[nodiscard]] JumpCacheEntry& jump_cache_entry(u64 linear) {
        return jump_cache[(linear ^ linear >> kJumpCacheBits) & ((1u << kJumpCacheBits) - 1)];
    }

    /// Ends the chaining of blocks soon: the budget is set aside.
    void break_chain() {
        leave_after = true;
        if (budget > 0) {
            set_aside_ += budget;
            budget = 0;
        }
    }

    // Of branch_ends_at_; no IP is like these.
    static constexpr u64 kNoBranch = ~u64{0}, kAlwaysTaken = ~u64{1};

    // Slow paths of memory operands; false with `fault` set.
    bool read_slow(u64 linear, unsigned size, void* out, Privilege who);
    bool write_slow(u64 linear, unsigned size, const void* value, Privilege who);
    /// Where a store that TLB and segment allow can be made though the page holds code, because it is beside it; else null.
    [[nodiscard]] u8* unnoticed_store(Seg seg, u64 offset, unsigned size);
    bool segment_fault(Seg seg);    ///< sets #GP(0) or #SS(0), returns false
    bool check_read_segment(Seg seg, u64 offset, unsigned size, u64& linear) {
        if (in_64bit_mode()) return check_canonical(seg, offset, size, linear);
        const Segment& s = segment(seg);
        if (offset < s.read_low || offset + size - 1 > s.read_high) return segment_fault(seg);
        linear = linear_address(s, offset);
        return true;
    }
    bool check_write_segment(Seg seg, u64 offset, unsigned size, u64& linear) {
        if (in_64bit_mode()) return check_canonical(seg, offset, size, linear);
        const Segment& s = segment(seg);
        if (offset < s.write_low || offset + size - 1 > s.write_high) return segment_fault(seg);
        linear = linear_address(s, offset);
        return true;
    }
    static u64 linear_address(const Segment& s, u64 offset) { return static_cast<u32>(s.base + offset); }
    /// 64-bit mode: only FS and GS have a base.
    [[nodiscard]] u64 linear_address64(Seg seg, u64 offset) const { return seg >= Seg::FS ? segment(seg).base + offset : offset; }
    [[nodiscard]] bool in_64bit_mode() const { return mode_key & 2; }
    /// Bits 63 to 47 (56 with 5-level paging) are all the same: SDM Vol. 1, "Canonical Addressing".
    [[nodiscard]] bool canonical(u64 address) const {
        const unsigned unused = state.cr4 >> 12 & 1 ? 7 : 16;
        return static_cast<u64>(static_cast<i64>(address << unused) >> unused) == address;
    }
    /// The linear address of an operand in 64-bit mode; false with #GP(0) or #SS(0) if part of it is not canonical.
    bool check_canonical(Seg seg, u64 offset, unsigned size, u64& linear) {
        linear = linear_address64(seg, offset);
        return (canonical(linear) && canonical(linear + size - 1)) || segment_fault(seg);
    }
    [[nodiscard]] bool mode_key_stack32() const { return mode_key & 4; }
    /// mode::kChecked: every access takes the slow path; the handlers' table has no entries then.
    [[nodiscard]] bool accesses_checked() const { return mode_key & 32; }
    [[nodiscard]] bool alignment_checked() const {
        return (state.eflags & flag::AC) && (state.cr0 >> 18 & 1) && state.cpl == 3;
    }

    /// SDM Vol. 3, "Alignment Check Exception": extended-precision numbers (10 bytes) count as 8 bytes.
    static bool misaligned(u64 linear, u64 size) {
        const u64 alignment = size == 10 ? 8 : size > 8 ? 1 : size & (~size + 1);
        return linear & (alignment - 1);
    }

  private:
    friend struct Engine;
    void give_fpu_back();
    /// So many more instructions are over, as the clock and the performance counters see it.
    void retire(u64 instructions) {
        clock_.retire(instructions);
        state.performance.pending += instructions;
    }
    /// In HLT or MWAIT: an interrupt or NMI ends it.
    [[nodiscard]] bool wake_up_pending() const;
    /// Delivers an NMI or an interrupt if one is pending and allowed.
    bool take_interrupt();
    /// Enters the block at rip; with a limit below the budget, executes that many instructions one by one.
    void execute_from(u64 limit);

    const CpuModel& model_;
    FeatureSet features_;
    PortSpace& ports_;
    VirtualClock& clock_;
    InterruptController& pic_;
    Log& log_;
    std::unique_ptr<Mmu> mmu_;
    std::unique_ptr<Tlb> empty_tlb_;    ///< probed while every access must be looked at: it never hits; null: never needed
    std::unique_ptr<BlockCache> blocks_;
    CpuObserver* observer_ = nullptr;
    ShutdownReport shutdown_;
    bool intr_ = false;
    bool nmi_level_ = false;
    bool stop_requested_ = false;
    bool reset_requested_ = false;
    Outcome outcome_ = Outcome::Next;    ///< of the out-of-line instruction that is leaving its block
    i64 set_aside_ = 0;         ///< budget taken away by break_chain
    i64 slice_ = 0;             ///< what run() was asked for and has not reported to the clock
    u64 reported_ = 0;
    std::unique_ptr<MonitorUnit> monitor_unit_;
    std::unique_ptr<PerformanceCounters> performance_counters_;
    u64 branch_ends_at_ = kNoBranch;    ///< IP behind the branch that is executed alone, where branches are watched
};

template <class T>
inline bool Cpu::read_linear(u64 linear, T& out, Privilege who) {
    const TlbEntry& entry = mmu_->tlb(who).entry(linear);
    if (((linear + sizeof(T) - 1) & kPageMask) == entry.read_tag && !accesses_checked()) [[likely]] {
        __builtin_memcpy(&out, reinterpret_cast<const void*>(linear + entry.addend), sizeof(T));
        return true;
    }
    return read_slow(linear, sizeof(T), &out, who);
}

template <class T>
inline bool Cpu::write_linear(u64 linear, const T& value, Privilege who) {
    const TlbEntry& entry = mmu_->tlb(who).entry(linear);
    if (((linear + sizeof(T) - 1) & kPageMask) == entry.write_tag && !accesses_checked()) [[likely]] {
        __builtin_memcpy(reinterpret_cast<void*>(linear + entry.addend), &value, sizeof(T));
        return true;
    }
    return write_slow(linear, sizeof(T), &value, who);
}

template <class T>
inline bool Cpu::read(Seg seg, u64 offset, T& out) {
    u64 linear = 0;
    if (!check_read_segment(seg, offset, sizeof(T), linear)) return false;
    if (alignment_checked() && misaligned(linear, sizeof(T))) [[unlikely]] {
        raise(Vector::AC, 0);
        return false;
    }
    return read_linear(linear, out, privilege());
}

template <class T>
inline bool Cpu::write(Seg seg, u64 offset, const T& value) {
    u64 linear = 0;
    if (!check_write_segment(seg, offset, sizeof(T), linear)) return false;
    if (alignment_checked() && misaligned(linear, sizeof(T))) [[unlikely]] {
        raise(Vector::AC, 0);
        return false;
    }
    return write_linear(linear, value, privilege());
}

}  // namespace gnomon
