// Run control: alternates between the processor and the event queue on one thread, lets idle time pass, asks
// the host for input, and ends the run.
#pragma once

#include <functional>

#include "machine/machine.h"

namespace gnomon {

struct RunOptions {
    u64 timeout_ns = 0;             ///< host time, 0: no limit
    u64 max_instructions = 0;       ///< from the start of the run on, 0: no limit
    bool reboot = true;             ///< false: a triple fault ends the run with status 6
    bool stay_when_halted = false;  ///< a window stays open when the guest has halted for good
    /// Called about every `front_end_ns` of host time: display and input.
    std::function<void()> front_end;
    u64 front_end_ns = 8'000'000;
    /// Asked every few milliseconds of host time: a signal arrived (its number, else 0).
    std::function<int()> signalled;
    /// What is reported of a triple fault and of a processor that halts for good; print_shutdown_report() and
    /// nothing if empty.
    std::function<std::string(Cpu&)> shutdown_report;
    std::function<std::string(Cpu&)> halt_report;
    /// Several lines for the user, as they are.
    std::function<void(std::string_view)> report;
};

/// Input reaches the guest when the host delivers it, in deterministic mode too: only runs without input (or
/// with the same input at the same instruction, as `input.type` gives it) repeat exactly.
class RunLoop {
  public:
    RunLoop(Machine& machine, RunOptions options);

    /// Runs until the machine ends. May be called again where it left off if a limit ended the run.
    RunEnd run();
    /// A paused run goes on looking at the front end, at signals and at its time limit; the guest's clock stands
    /// still. To be called from the front end's callback, or between runs.
    void set_paused(bool paused);
    [[nodiscard]] bool paused() const { return paused_; }
    /// Host time spent in run().
    [[nodiscard]] u64 host_ns() const { return spent_ns_; }

  private:
    void step();
    [[nodiscard]] u64 next_budget(const Cpu& cpu);
    void idle();
    void wait_while_paused();
    void look_around(u64 now_ns);
    void shut_down(Cpu& cpu);
    void halted();

    Machine& machine_;
    RunOptions options_;
    u64 started_ns_ = 0;
    u64 spent_ns_ = 0;
    u64 last_instruction_ = ~u64{0};
    struct Turn {
        const Cpu* cpu = nullptr;
        u64 from = 0, to = 0;  ///< counted instructions at which it goes on, and at which it is over
    };
    Turn cut_short_;  ///< by a debugger
    u64 next_look_ns_ = 0;
    u64 next_front_end_ns_ = 0;
    u64 rate_ = 100;  ///< realtime mode: instructions a microsecond that the host manages
    bool halt_reported_ = false;
    bool paused_ = false;
};

}  // namespace gnomon
