// The loop of a run.
#include "machine/run_loop.h"

#include <algorithm>
#include <chrono>
#include <thread>
#include <utility>

#include "cpu/shutdown_report.h"

namespace gnomon {
namespace {

/// Between two looks at the host: short enough for a person, long enough to cost nothing.
constexpr u64 kLookNs = 4'000'000;
/// The processor comes back at least this often (deterministic mode), so that the host gets its looks.
constexpr u64 kLongestSlice = 1'000'000;
/// Realtime mode: the host's timers are late by about as much (the slack of a Linux thread), so a shorter sleep would take longer
/// than its time; guests wait for microseconds in TPAUSE.
constexpr u64 kShortestNapNs = 50'000;
/// Realtime mode: an event is late by no more than a slice.
constexpr u64 kRealtimeSliceNs = 1'000'000;

u64 host_now() {
    return static_cast<u64>(std::chrono::duration_cast<std::chrono::nanoseconds>(
                                std::chrono::steady_clock::now().time_since_epoch())
                                .count());
}

}  // namespace

RunLoop::RunLoop(Machine& machine, RunOptions options) : machine_(machine), options_(std::move(options)) {
    if (options_.max_instructions != 0)
        last_instruction_ = machine.clock().instructions() + options_.max_instructions;
}

RunEnd RunLoop::run() {
    started_ns_ = host_now();
    if (!paused_) machine_.clock().resume();
    while (!machine_.ending()) step();
    machine_.clock().pause();
    if (!machine_.ending()->paused) machine_.perform_reset();
    machine_.poll_host();
    spent_ns_ += host_now() - started_ns_;
    return *machine_.ending();
}

void RunLoop::set_paused(bool paused) {
    paused_ = paused;
    if (paused)
        machine_.clock().pause();
    else
        machine_.clock().resume();
}

void RunLoop::wait_while_paused() {
    const u64 now = host_now();
    if (now >= next_look_ns_) look_around(now);
    if (paused_ && !machine_.ending()) std::this_thread::sleep_for(std::chrono::nanoseconds(kLookNs));
}

void RunLoop::step() {
    machine_.perform_reset();
    if (paused_) {
        wait_while_paused();
        return;
    }
    machine_.scheduler().run_due();
    if (machine_.ending()) return;
    VirtualClock& clock = machine_.clock();
    u64 now = host_now();
    if (now >= next_look_ns_) {
        look_around(now);
        clock.exclude();  // since run_due() read it
        now = host_now();
    }
    if (machine_.ending() || paused_) return;
    if (clock.instructions() >= last_instruction_) {
        machine_.end(4, fmt::format("the limit of {} instructions is reached", options_.max_instructions));
        return;
    }
    Cpu* const cpu = machine_.choose_cpu();
    if (!cpu) {
        halted();
        return;
    }
    const u64 budget = next_budget(*cpu);
    if (budget == 0) return;
    const u64 before = clock.instructions();
    const StopReason reason = machine_.run_cpu(*cpu, budget);
    if (clock.mode() == ClockMode::Realtime) {
        const u64 executed = clock.instructions() - before;
        const u64 microseconds = (host_now() - now) / 1000;
        if (microseconds > 100)
            rate_ = std::clamp<u64>((rate_ * 7 + executed / microseconds) / 8, 1, 100'000);
    }
    // So that processors take their turns at the same instructions whether or not somebody looks in between.
    if (machine_.ending() && machine_.ending()->paused && clock.instructions() - before < budget) {
        machine_.keep_turn(*cpu);
        cut_short_ = {cpu, clock.instructions(), before + budget};
    }
    if (reason == StopReason::Shutdown) shut_down(*cpu);
}

u64 RunLoop::next_budget(const Cpu& cpu) {
    VirtualClock& clock = machine_.clock();
    const u64 deadline = machine_.scheduler().next_deadline();
    u64 budget = machine_.active_cpus() > 1 ? machine_.config().cpu.quantum : kLongestSlice;
    if (clock.mode() == ClockMode::Deterministic) {
        if (deadline != Scheduler::kNever) budget = std::min(budget, clock.instructions_until(deadline));
    } else {
        const u64 now = clock.now();
        if (deadline <= now) return 0;
        budget = std::min(budget, std::max<u64>(std::min(deadline - now, kRealtimeSliceNs) * rate_ / 1000, 1));
    }
    if (const Turn turn = std::exchange(cut_short_, {}); turn.cpu == &cpu && turn.from == clock.instructions())
        budget = std::min(budget, turn.to - turn.from);
    return std::min(budget, last_instruction_ - clock.instructions());
}

void RunLoop::halted() {
    if (machine_.halted_for_good()) {
        const CpuState& state = machine_.cpu().state;
        const std::string where =
            fmt::format("halted for good at {:04x}:{:08x} (HLT with interrupts off)",
                        state.segments[static_cast<unsigned>(Seg::CS)].selector, state.rip);
        if (options_.report && options_.halt_report && !halt_reported_) options_.report(options_.halt_report(machine_.cpu()));
        if (!options_.stay_when_halted) {
            machine_.end(8, where);
            return;
        }
        if (!std::exchange(halt_reported_, true) && options_.report) options_.report(where + "\n");
    } else {
        halt_reported_ = false;
    }
    idle();
}

void RunLoop::idle() {
    VirtualClock& clock = machine_.clock();
    const u64 deadline = machine_.scheduler().next_deadline();
    if (clock.mode() == ClockMode::Deterministic && deadline != Scheduler::kNever) {
        clock.skip_to(deadline);
        return;
    }
    clock.catch_up();
    const u64 now = clock.now();
    const u64 host = host_now();
    u64 nap = next_look_ns_ > host ? next_look_ns_ - host : 0;
    if (deadline != Scheduler::kNever) nap = std::min(nap, deadline > now ? deadline - now : 0);
    if (nap < kShortestNapNs) return;
    std::this_thread::sleep_for(std::chrono::nanoseconds(nap));
    clock.catch_up();
}

void RunLoop::look_around(u64 now_ns) {
    next_look_ns_ = now_ns + kLookNs;
    machine_.poll_host();
    if (options_.front_end && now_ns >= next_front_end_ns_) {
        next_front_end_ns_ = now_ns + options_.front_end_ns;
        options_.front_end();
    }
    if (options_.signalled)
        if (const int signal = options_.signalled(); signal != 0)
            machine_.end(128 + signal, fmt::format("ended by signal {}", signal));
    if (options_.timeout_ns != 0 && spent_ns_ + now_ns - started_ns_ >= options_.timeout_ns)
        machine_.end(4,
                     fmt::format("the time limit of {} s is reached", options_.timeout_ns / 1'000'000'000));
}

void RunLoop::shut_down(Cpu& cpu) {
    if (machine_.ending() && machine_.ending()->paused) return;  // a debugger looks at it first
    if (options_.report)
        options_.report(options_.shutdown_report ? options_.shutdown_report(cpu) : print_shutdown_report(cpu));
    if (!options_.reboot) {
        machine_.end(6, "triple fault");
        return;
    }
    // The processor's shutdown cycle makes the chipset assert INIT.
    machine_.request_reset(ResetKind::Cpu);
}

}  // namespace gnomon
