// Breakpoints on events: interrupts, mode switches, control registers, ports and so on.
#include "debugger/console/break_words.h"
#include "debugger/expression.h"

#include "cpu/msr.h"

namespace gnomon {
namespace {

constexpr std::pair<std::string_view, unsigned> kExceptions[] = {
    {"de", 0}, {"db", 1}, {"nmi", 2}, {"bp", 3}, {"of", 4}, {"br", 5}, {"ud", 6}, {"nm", 7}, {"df", 8}, {"ts", 10},
    {"np", 11}, {"ss", 12}, {"gp", 13}, {"pf", 14}, {"mf", 16}, {"ac", 17}, {"mc", 18}, {"xm", 19}};
constexpr std::string_view kRegisters[] = {"ax", "cx", "dx", "bx", "sp", "bp", "si", "di"};

Result<void> take_direction(Arguments& a, Breakpoint& b) {
    const std::string word = a.peek();
    b.on_read = word != "w";
    b.on_write = word != "r";
    if (word == "r" || word == "w" || word == "rw") a.next();
    return {};
}

Result<void> take_optional_number(Console& c, Arguments& a, Breakpoint& b) {
    if (a.empty() || a.peek() == "if" || a.peek() == "r" || a.peek() == "w" || a.peek() == "rw" || a.peek() == "error") return {};
    Result<u64> value = take_value(c, a, "a number");
    if (!value) return value.error();
    b.number = static_cast<u32>(*value);
    return {};
}

Result<void> describe_kind(Console& c, Arguments& a, const std::string& kind, Breakpoint& b) {
    if (kind == "int" || kind == "exception") {
        b.on = BreakOn::Event;
        for (const auto& [name, vector] : kExceptions)
            if (a.peek() == name || a.peek() == "#" + std::string(name)) {
                a.next();
                b.number = vector;
                break;
            }
        if (!b.number)
            if (Result<void> done = take_optional_number(c, a, b); !done) return done;
        if (a.peek() == "error") {
            a.next();
            Result<u64> error = take_value(c, a, "an error code");
            if (!error) return error.error();
            b.error = static_cast<u32>(*error);
        }
        return {};
    }
    if (kind == "mode") b.on = BreakOn::ModeSwitch;
    else if (kind == "cr") b.on = BreakOn::ControlRegister;
    else if (kind == "msr") b.on = BreakOn::Msr;
    else if (kind == "task") b.on = BreakOn::TaskSwitch;
    else if (kind == "triple") b.on = BreakOn::TripleFault;
    else if (kind == "pagetable") b.on = BreakOn::PageTableWrite;
    else if (kind == "branch") b.on = BreakOn::Branch;
    else if (kind == "magic") b.on = BreakOn::MagicExchange;
    else if (kind == "port") b.on = BreakOn::Port;
    else return fail("\"{}\" is nothing that can be caught; accepted are int, mode, cr, msr, port, task, triple, pagetable, magic, branch", kind);
    if (b.on == BreakOn::MagicExchange) {
        for (unsigned n = 0; n < 8; n++)
            if (a.peek() == kRegisters[n]) {
                a.next();
                b.number = n;
                return {};
            }
        return {};
    }
    if (b.on == BreakOn::Port) {
        Result<u64> port = take_value(c, a, "a port");
        if (!port) return port.error();
        b.address = *port;
        if (!a.empty() && a.peek() != "if" && a.peek() != "r" && a.peek() != "w" && a.peek() != "rw") {
            Result<u64> length = take_value(c, a, "a number of ports");
            if (!length) return length.error();
            b.length = *length;
        }
        return take_direction(a, b);
    }
    if (b.on == BreakOn::ControlRegister || b.on == BreakOn::Msr)
        if (Result<void> done = take_optional_number(c, a, b); !done) return done;
    return b.on == BreakOn::Msr ? take_direction(a, b) : Result<void>{};
}

Result<void> add_event(Console& c, Arguments& a, bool reports) {
    Breakpoint b;
    b.reports_only = reports;
    const std::string kind = a.next();
    if (Result<void> done = describe_kind(c, a, kind, b); !done) return done;
    if (b.on == BreakOn::PageTableWrite && !c.cpu().mmu().shadow()) return fail("needs memory.shadow = on");
    if (Result<void> done = take_condition(a, b); !done) return done;
    const std::string text = describe_breakpoint(b);
    c.print("{} {}: {}\n", reports ? "report" : "breakpoint", add_breakpoint(c, std::move(b)), text);
    return {};
}
Result<void> catch_event(Console& c, Arguments& a) { return add_event(c, a, false); }

/// Bochs's "show": without stopping.
Result<void> show(Console& c, Arguments& a) {
    if (a.empty() || a.peek() == "off") {
        const bool off = a.next() == "off";
        std::vector<int> ids;
        for (const Breakpoint& b : c.debugger().breakpoints())
            if (b.reports_only && !b.on_data()) {
                if (off) ids.push_back(b.id);
                else c.print("report {}: {}\n", b.id, describe_breakpoint(b));
            }
        for (const int id : ids) c.debugger().remove(id);
        return {};
    }
    return add_event(c, a, true);
}

/// Toggles, as in Bochs.
Result<void> mode_breakpoint(Console& c, Arguments&) {
    for (const Breakpoint& b : c.debugger().breakpoints())
        if (b.on == BreakOn::ModeSwitch && !b.reports_only) {
            c.debugger().remove(b.id);
            c.write("mode switches do not stop\n");
            return {};
        }
    Breakpoint b;
    b.on = BreakOn::ModeSwitch;
    add_breakpoint(c, std::move(b));
    c.write("mode switches stop\n");
    return {};
}

Result<void> exit_breakpoint(Console& c, Arguments&) {
    const bool possible = c.cpu().features().has(Feature::VMX);
    return possible ? fail("VM exits cannot be caught yet") : fail("this processor model has no VMX: there are no VM exits");
}

Result<void> add_count(Console& c, Arguments& a, BreakOn on, bool relative) {
    Result<u64> value = take_value(c, a, on == BreakOn::Time ? "a time in ns" : "a number of instructions");
    if (!value) return value.error();
    Breakpoint b;
    b.on = on;
    b.temporary = true;
    b.address = *value + (relative ? c.debugger().machine().clock().instructions() : 0);
    if (Result<void> done = take_condition(a, b); !done) return done;
    const std::string text = relative ? fmt::format("after {} more instructions", *value) : describe_breakpoint(b);
    c.print("breakpoint {}: {}\n", add_breakpoint(c, std::move(b)), text);
    return {};
}
Result<void> stop_after(Console& c, Arguments& a) { return add_count(c, a, BreakOn::Instructions, true); }
Result<void> stop_at(Console& c, Arguments& a) { return add_count(c, a, BreakOn::Instructions, false); }
Result<void> stop_at_time(Console& c, Arguments& a) { return add_count(c, a, BreakOn::Time, false); }

constexpr Command kCommands[] = {
    {"catch", "int [VECTOR|pf|gp…] [error CODE] | mode | cr [N] | msr [INDEX] [r|w] | port P [COUNT] [r|w] | task | triple | pagetable | magic [REGISTER] | branch",
     "stop at an event; \"if EXPRESSION\" may follow", "catch int pf error 2", catch_event},
    {"show", "[off | as for catch]", "say when an event happens, without stopping", "show int 0x80", show},
    {"modebp", "", "stop at mode switches, or no longer", "modebp", mode_breakpoint},
    {"vmexitbp", "", "stop at VM exits", "vmexitbp", exit_breakpoint},
    {"sb", "COUNT", "stop after COUNT more instructions", "sb 1000", stop_after},
    {"sba", "NUMBER", "stop when NUMBER instructions have been executed since power-on", "sba 5000000", stop_at},
    {"stime", "NANOSECONDS", "stop when the virtual time is reached", "stime 1000000000", stop_at_time},
};

}  // namespace

std::span<const Command> event_commands() { return kCommands; }

}  // namespace gnomon
