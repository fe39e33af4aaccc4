// The debugger's core: stops the machine where it is told to, runs it step by step, reads and changes what it
// holds. It has no user interface; the console and the GDB stub are two.
#pragma once

#include <memory>
#include <span>

#include "debugger/breakpoint.h"
#include "debugger/symbol_source.h"
#include "machine/run_loop.h"

namespace gnomon {

enum class StopKind : u8 {
    Start,       ///< nothing has run yet
    Breakpoint,  ///< execution
    Watchpoint,
    Event,       ///< any other kind of breakpoint; triple faults
    Step,        ///< the step that was asked for is done
    Interrupted, ///< interrupt() was called
    Ended,       ///< the run has ended: `end`
};

/// Why the machine stands.
struct Stop {
    StopKind kind = StopKind::Start;
    unsigned processor = 0;
    int breakpoint = 0;   ///< id, 0: none
    int owner = 0;        ///< Breakpoint::owner
    std::string reason;   ///< one clause, e.g. "breakpoint 1 at 0x7c00"
    std::vector<std::string> commands;  ///< of the breakpoint
    // Watchpoints: the access that hit.
    u64 linear = 0;
    unsigned size = 0;
    bool write = false;
    std::optional<RunEnd> end;
};

enum class Go : u8 {
    Continue,
    Step,        ///< `count` instructions
    Over,        ///< as Step, but a CALL, INT or repeated string instruction counts as one
    Out,         ///< until the current procedure (or interrupt handler) has returned
    Until,       ///< until the linear address `address` is reached
    NextBranch,  ///< until a branch was taken
    NextReturn,  ///< until a RET or IRET was executed
    Range,       ///< until IP has left linear [address, address + count)
};
struct Motion {
    Go go = Go::Continue;
    u64 count = 1;
    u64 address = 0;
    unsigned processor = 0;
    std::vector<bool> standing = {};  ///< by processor: stands still meanwhile; empty: none does
};

/// One instruction that was executed in a traced run.
struct Executed {
    unsigned processor = 0;
    u64 linear = 0;       ///< of the instruction
    u16 cs = 0;
    u64 ip = 0;
    u64 number = 0;       ///< of the clock before it
};

/// What a trace wants to hear. Instructions and accesses are told only while wants_… says so (asked when the
/// machine goes on); then every instruction goes through the run loop.
class TraceSink {
  public:
    [[nodiscard]] virtual bool wants_instructions() const = 0;
    [[nodiscard]] virtual bool wants_accesses() const = 0;
    /// Before it is executed.
    virtual void instruction(Cpu& cpu, const Executed& what) = 0;
    virtual void access(Cpu& cpu, unsigned processor, u64 linear, unsigned size, bool write, const void* value) = 0;
    virtual void port(Cpu& cpu, unsigned processor, u16 port, unsigned size, bool write, u32 value) = 0;
    virtual void event(Cpu& cpu, unsigned processor, EventKind kind, const Fault& fault) = 0;

  protected:
    ~TraceSink() = default;
};

/// Not thread-safe: lives on the machine's thread. Everything but interrupt() wants the machine to stand.
class Debugger {
  public:
    /// `loop` runs the machine; both must outlive the debugger.
    Debugger(Machine& machine, RunLoop& loop);
    ~Debugger();
    Debugger(const Debugger&) = delete;
    Debugger& operator=(const Debugger&) = delete;

    [[nodiscard]] Machine& machine();
    [[nodiscard]] unsigned processors() const;
    [[nodiscard]] Cpu& cpu(unsigned processor);
    [[nodiscard]] Cpu& cpu() { return cpu(current_); }
    /// The one that the user looks at; follows stops.
    [[nodiscard]] unsigned current() const { return current_; }
    void select(unsigned processor) { current_ = processor; }

    // --- Running
    /// Runs until something stops the machine.
    const Stop& go(const Motion& motion);
    /// Stops a run at the next instruction boundary; callable from callbacks of the run loop.
    void interrupt(std::string reason = "interrupted by the user");
    [[nodiscard]] const Stop& stop() const { return stop_; }
    [[nodiscard]] bool running() const { return running_; }

    // --- Breakpoints
    int add(Breakpoint breakpoint);
    bool remove(int id);
    [[nodiscard]] Breakpoint* find(int id);
    [[nodiscard]] std::span<Breakpoint> breakpoints() { return breakpoints_; }
    /// After a change through find(): what is watched is worked out anew when the machine goes on.
    void changed() { stale_ = true; }
    /// Triple faults stop the machine also without a breakpoint (default on).
    void stop_at_triple_faults(bool stop) { stop_at_triple_faults_ = stop; }
    /// Told what breakpoints that only report have seen.
    using Reporter = std::function<void(std::string_view line)>;
    void set_reporter(Reporter reporter) { reporter_ = std::move(reporter); }
    /// Null: none.
    void set_trace(TraceSink* sink) {
        trace_ = sink;
        stale_ = true;
    }

    // --- Registers and memory
    [[nodiscard]] CpuState registers(unsigned processor) { return cpu(processor).architectural_state(); }
    void set_registers(unsigned processor, const CpuState& state) { cpu(processor).set_architectural_state(state); }
    /// How many bytes from `linear` on could be read (through the page tables of the processor, whatever their
    /// rights, without side effects; MMIO cannot).
    size_t read_linear(unsigned processor, u64 linear, std::span<u8> out);
    /// Writes all or nothing.
    bool write_linear(unsigned processor, u64 linear, std::span<const u8> bytes);
    bool read_physical(u64 address, std::span<u8> out);
    bool write_physical(u64 address, std::span<const u8> bytes);

    // --- Symbols
    void set_symbols(SymbolSource* symbols) { symbols_ = symbols; }
    [[nodiscard]] SymbolSource* symbols() const { return symbols_; }
    /// "name" or "name+0x12", empty if nothing is known.
    [[nodiscard]] std::string symbol_text(u64 linear) const;

    /// The last exceptions and interrupts of a processor, oldest first; for `explain`.
    struct Delivered {
        EventKind kind;
        Fault fault;
        u64 number = 0;     ///< of the clock
        CpuState before;    ///< registers when it was raised
    };
    [[nodiscard]] const std::vector<Delivered>& events(unsigned processor) const;

  private:
    class Processor;
    friend class Processor;

    void refresh();
    void watch_nothing();
    void halt(Stop stop);
    bool hit(Breakpoint& breakpoint, Processor& where, std::string what, Stop stop);
    template<class Matches>
    bool check(Processor& where, StopKind kind, const Matches& matches, const std::function<std::string()>& what);
    bool check_execution(Processor& where);
    bool motion_done(Processor& where);
    void plan_step_over(const Motion& motion);
    [[nodiscard]] u64 next_count_stop(Cpu& cpu);

    Machine& machine_;
    RunLoop& loop_;
    std::vector<std::unique_ptr<Processor>> processors_;
    std::vector<Breakpoint> breakpoints_;
    SymbolSource* symbols_ = nullptr;
    TraceSink* trace_ = nullptr;
    Reporter reporter_;
    Stop stop_;
    Motion motion_;
    int next_id_ = 1;
    unsigned current_ = 0;
    bool running_ = false;
    bool stale_ = true;
    bool stopping_ = false;     ///< a stop is recorded and the machine told
    bool stop_at_triple_faults_ = true;
    // Worked out by refresh(): what kinds of breakpoints there are.
    bool every_instruction_ = false;
    bool trace_instructions_ = false;
    bool counts_ = false;
    u32 kinds_ = 0;             ///< bit n: an enabled breakpoint with BreakOn n
};

/// 16, 32 or 64: how the processor decodes instructions.
[[nodiscard]] unsigned code_bits(const CpuState& state);
/// "real mode", "32-bit protected mode" …
[[nodiscard]] std::string_view mode_name(const CpuState& state);
/// Linear address of an offset into a segment.
[[nodiscard]] u64 linear_address(const CpuState& state, Seg seg, u64 offset);
[[nodiscard]] inline u64 code_address(const CpuState& state) { return linear_address(state, Seg::CS, state.rip); }

}  // namespace gnomon
