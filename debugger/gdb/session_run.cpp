// Breakpoints, running, and what is said about a stop.
#include <algorithm>

#include "debugger/gdb/packet.h"
#include "debugger/gdb/session.h"

namespace gnomon::gdb {
namespace {

// Signals by GDB's own numbers.
constexpr unsigned kSigInt = 2, kSigTrap = 5, kSigSegv = 11;

/// Z and z: what the first digit stands for.
enum class BreakType : u8 { Software, Hardware, Write, Read, Access };

}  // namespace

Reaction Session::why_stopped(std::string_view) {
    Reaction reaction = reply(stop_reply());
    reaction.output = stop_remark();
    return reaction;
}

std::string Session::stop_reply() {
    const Stop& stop = debugger_.stop();
    // From a stop on, a debugger takes the processor that it names for the chosen one.
    selected_ = resumed_ = stop.processor;
    if (stop.kind == StopKind::Ended) return fmt::format("W{:02x}", stop.end ? stop.end->status & 0xff : 0);
    const unsigned signal = stop.kind == StopKind::Interrupted        ? kSigInt
                            : stop.reason.starts_with("triple fault") ? kSigSegv
                                                                      : kSigTrap;
    std::string text = fmt::format("T{:02x}thread:{:x};", signal, stop.processor + 1);
    if (stop.owner != kBreakpointOwner) return text;
    if (stop.kind == StopKind::Watchpoint) {
        // The address must be that of the watchpoint, not of an access that is wider or begins before it.
        for (const Breakpoint& b : debugger_.breakpoints()) {
            if (b.id != stop.breakpoint) continue;
            const char* kind = b.on_read && b.on_write ? "awatch" : b.on_read ? "rwatch" : "watch";
            text += fmt::format("{}:{:x};", kind, std::max(b.address, stop.linear));
        }
    } else if (stop.kind == StopKind::Breakpoint) {
        for (const Breakpoint& b : debugger_.breakpoints()) {
            if (b.id != stop.breakpoint) continue;
            const bool hardware = b.condition == "hardware";
            if (hardware && knows_hwbreak_) text += "hwbreak:;";
            if (!hardware && knows_swbreak_) text += "swbreak:;";
        }
    }
    return text;
}

std::string Session::stop_remark() const {
    const Stop& stop = debugger_.stop();
    if (stop.owner == kBreakpointOwner || stop.reason.empty()) return {};
    if (stop.kind == StopKind::Event || stop.kind == StopKind::Breakpoint ||
        stop.kind == StopKind::Watchpoint)
        return fmt::format("Gnomon: {}\n", stop.reason);
    return {};
}

std::optional<Breakpoint> Session::parse_breakpoint(std::string_view arguments) const {
    const std::optional<u64> type = take_number(arguments);
    if (!type || *type > 4 || !take(arguments, ",")) return {};
    const std::optional<u64> address = take_number(arguments);
    if (!address || !take(arguments, ",")) return {};
    const std::optional<u64> length = take_number(arguments);
    if (!length) return {};
    Breakpoint breakpoint;
    breakpoint.owner = kBreakpointOwner;
    // Before paging is on, breakpoints may already name the addresses of a 64-bit kernel.
    breakpoint.address = *address;
    switch (static_cast<BreakType>(*type)) {
        case BreakType::Software: breakpoint.on = BreakOn::Linear; break;
        case BreakType::Hardware:
            breakpoint.on = BreakOn::Linear;
            breakpoint.condition = "hardware";
            break;
        case BreakType::Write:
        case BreakType::Read:
        case BreakType::Access:
            if (*length == 0) return {};
            breakpoint.on = physical_ ? BreakOn::PhysicalAccess : BreakOn::Access;
            breakpoint.length = *length;
            breakpoint.on_read = static_cast<BreakType>(*type) != BreakType::Write;
            breakpoint.on_write = static_cast<BreakType>(*type) != BreakType::Read;
            break;
    }
    return breakpoint;
}

int Session::find_breakpoint(const Breakpoint& wanted) const {
    for (const Breakpoint& b : debugger_.breakpoints())
        if (b.owner == kBreakpointOwner && b.on == wanted.on && b.address == wanted.address &&
            b.length == wanted.length && b.on_read == wanted.on_read && b.on_write == wanted.on_write &&
            b.condition == wanted.condition)
            return b.id;
    return 0;
}

Reaction Session::insert_breakpoint(std::string_view arguments) {
    const std::optional<Breakpoint> breakpoint = parse_breakpoint(arguments);
    if (!breakpoint) return arguments.starts_with("5") ? reply("") : error(kBadArgument);
    if (find_breakpoint(*breakpoint) == 0) debugger_.add(*breakpoint);
    return ok();
}

Reaction Session::remove_breakpoint(std::string_view arguments) {
    const std::optional<Breakpoint> breakpoint = parse_breakpoint(arguments);
    if (!breakpoint) return error(kBadArgument);
    // One that is not there is no error: packets may be repeated.
    if (const int id = find_breakpoint(*breakpoint); id != 0) debugger_.remove(id);
    return ok();
}

Reaction Session::list_actions(std::string_view) { return reply("vCont;c;C;s;S;r"); }

/// One action: 'c' goes on, 's' steps, 'r' steps within a range; for one processor, or (none) for all without one.
struct Session::Action {
    Motion motion;
    std::optional<unsigned> processor;
};

std::optional<Session::Action> Session::parse_action(std::string_view text, unsigned& failed) const {
    failed = kBadArgument;
    if (text.empty()) return {};
    const char what = text[0];
    text.remove_prefix(1);
    Action action;
    Motion& motion = action.motion;
    if (what == 'C' || what == 'S') {
        if (!take_number(text)) return {};  // a signal, which a PC does not have
    } else if (what == 'r') {
        const std::optional<u64> first = take_number(text);
        if (!first || !take(text, ",")) return {};
        const std::optional<u64> last = take_number(text);
        if (!last || *last < *first) return {};
        motion.address = *first;
        motion.count = *last - *first;
    } else if (what != 'c' && what != 's') {
        return {};
    }
    motion.go = what == 'r' ? Go::Range : what == 's' || what == 'S' ? Go::Step : Go::Continue;
    if (motion.go == Go::Range && motion.count == 0) {
        motion.go = Go::Step;
        motion.count = 1;
    }
    if (!take(text, ":") || text == "-1") return action;
    const std::optional<unsigned> processor = parse_thread(text);
    failed = kNoSuchThread;
    if (!processor) return {};
    action.processor = *processor;
    return action;
}

/// "s:1;c": the first action that names a processor is its own, one that names none is that of all the others. Those
/// without one stand still (GDB's "set scheduler-locking"). The core steps one processor: of several steps the first
/// is the one that a debugger waits for.
Reaction Session::resume_threads(std::string_view arguments) {
    Motion motion;
    motion.processor = resumed_;
    std::vector<bool> standing(debugger_.processors(), true);
    while (!arguments.empty()) {
        const std::string_view text = arguments.substr(0, arguments.find(';'));
        arguments.remove_prefix(std::min(text.size() + 1, arguments.size()));
        if (text.empty()) continue;
        unsigned failed = 0;
        std::optional<Action> action = parse_action(text, failed);
        if (!action) return error(failed);
        const unsigned processor = action->processor.value_or(selected_);
        const bool first = standing[processor];
        if (action->processor)
            standing[processor] = false;
        else
            standing.assign(standing.size(), false);
        if (!first || motion.go != Go::Continue || action->motion.go == Go::Continue) continue;
        motion = action->motion;
        motion.processor = processor;
    }
    if (std::find(standing.begin(), standing.end(), true) != standing.end()) motion.standing = std::move(standing);
    Reaction reaction;
    reaction.resume = std::move(motion);
    return reaction;
}

Reaction Session::resume_at(Go go, std::string_view address) {
    if (!address.empty()) {
        const std::optional<u64> target = take_number(address);
        if (!target) return error(kBadArgument);
        CpuState state = debugger_.registers(resumed_);
        const size_t pc = std::min(registers_.number_of("rip"), registers_.number_of("eip"));
        const std::string bytes(reinterpret_cast<const char*>(&*target), registers_.all()[pc].bits / 8);
        if (!registers_.write(state, pc, bytes)) return error(kBadArgument);
        debugger_.set_registers(resumed_, state);
    }
    Reaction reaction;
    reaction.resume = Motion{.go = go, .processor = resumed_};
    return reaction;
}
Reaction Session::resume_continue(std::string_view address) { return resume_at(Go::Continue, address); }
Reaction Session::resume_step(std::string_view address) { return resume_at(Go::Step, address); }

}  // namespace gnomon::gdb
