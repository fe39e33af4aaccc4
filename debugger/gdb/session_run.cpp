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

std::string Session::stop_reply() const {
    const Stop& stop = debugger_.stop();
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

/// "s:1;c": an action for one processor, and one for the others. The core steps one processor while the
/// others run; of several steps the first is the one that a debugger waits for.
Reaction Session::resume_threads(std::string_view arguments) {
    Reaction reaction;
    Motion motion;
    motion.processor = resumed_;
    while (!arguments.empty()) {
        std::string_view action = arguments.substr(0, arguments.find(';'));
        arguments.remove_prefix(std::min(action.size() + 1, arguments.size()));
        if (action.empty()) continue;
        const char what = action[0];
        action.remove_prefix(1);
        Motion one;
        if (what == 'C' || what == 'S') {
            if (!take_number(action)) return error(kBadArgument);  // a signal, which a PC does not have
        } else if (what == 'r') {
            const std::optional<u64> first = take_number(action);
            if (!first || !take(action, ",")) return error(kBadArgument);
            const std::optional<u64> last = take_number(action);
            if (!last || *last < *first) return error(kBadArgument);
            one.address = *first;
            one.count = *last - *first;
        } else if (what != 'c' && what != 's') {
            return error(kBadArgument);
        }
        one.go = what == 'r' ? Go::Range : what == 's' || what == 'S' ? Go::Step : Go::Continue;
        if (one.go == Go::Range && one.count == 0) {
            one.go = Go::Step;
            one.count = 1;
        }
        one.processor = selected_;
        if (take(action, ":")) {
            const std::optional<unsigned> processor = parse_thread(action);
            if (!processor) return error(kNoSuchThread);
            one.processor = *processor;
        }
        if (motion.go == Go::Continue && one.go != Go::Continue) motion = one;
    }
    reaction.resume = motion;
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
    reaction.resume = Motion{go, 1, 0, resumed_};
    return reaction;
}
Reaction Session::resume_continue(std::string_view address) { return resume_at(Go::Continue, address); }
Reaction Session::resume_step(std::string_view address) { return resume_at(Go::Step, address); }

}  // namespace gnomon::gdb
