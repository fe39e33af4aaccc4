// Breakpoints and watchpoints: Bochs's words, and what they lack.
#include "debugger/console/break_words.h"
#include "debugger/expression.h"

namespace gnomon {

Result<void> set_condition(Breakpoint& b, const std::string& text) {
    b.condition = text;
    b.holds = {};
    if (text.empty()) return {};
    Result<Expression> condition = Expression::parse(text);
    if (!condition) return condition.error();
    return {};
}

void compile_condition(Console& c, Breakpoint& b) {
    if (b.condition.empty()) return;
    Debugger& debugger = c.debugger();
    b.holds = [&debugger, condition = *Expression::parse(b.condition)](Cpu& cpu) {
        unsigned processor = 0;
        while (processor + 1 < debugger.processors() && &debugger.cpu(processor) != &cpu) processor++;
        const Result<u64> value = condition.value(debugger, processor);
        return value && *value != 0;
    };
}

Result<void> take_condition(Arguments& a, Breakpoint& b) {
    if (a.peek() != "if") return {};
    a.next();
    if (a.empty()) return fail("the condition is missing");
    return set_condition(b, a.rest());
}

int add_breakpoint(Console& c, Breakpoint b) {
    compile_condition(c, b);
    return c.debugger().add(std::move(b));
}

std::string describe_breakpoint(const Breakpoint& b) {
    const std::string range = b.length == 1 ? fmt::format("{:#x}", b.address) : fmt::format("{:#x}-{:#x}", b.address, b.address + b.length - 1);
    const std::string_view access = b.on_read && b.on_write ? "read or write" : b.on_read ? "read" : "write";
    const auto number = [&](std::string_view any) { return b.number ? fmt::format("{:#x}", *b.number) : std::string(any); };
    switch (b.on) {
        case BreakOn::Linear: return "linear " + range;
        case BreakOn::Physical: return "physical " + range;
        case BreakOn::Virtual: return fmt::format("virtual {:04x}:{:#x}", b.selector, b.address);
        case BreakOn::Access: return fmt::format("{} of linear {}", access, range);
        case BreakOn::PhysicalAccess: return fmt::format("{} of physical {}", access, range);
        case BreakOn::Event: return "event " + number("any") + (b.error ? fmt::format(", error code {:#x}", *b.error) : "");
        case BreakOn::ModeSwitch: return "mode switch";
        case BreakOn::ControlRegister: return "write of CR" + (b.number ? std::to_string(*b.number) : std::string("n"));
        case BreakOn::Msr: return fmt::format("{} of MSR {}", access, number("any"));
        case BreakOn::Port: return fmt::format("{} of port {}", access, range);
        case BreakOn::TaskSwitch: return "task switch";
        case BreakOn::TripleFault: return "triple fault";
        case BreakOn::PageTableWrite: return "write to a page table";
        case BreakOn::MagicExchange: return "magic XCHG";
        case BreakOn::Instructions: return fmt::format("instruction {}", b.address);
        case BreakOn::Time: return fmt::format("time {} ns", b.address);
        case BreakOn::Branch: return "branch";
    }
    return {};
}

namespace {

Result<void> add_execution(Console& c, Arguments& a, BreakOn on, bool temporary) {
    Breakpoint b;
    b.on = on;
    b.temporary = temporary;
    if (on == BreakOn::Virtual) {
        const std::string word = a.next();
        const size_t colon = word.find(':');
        if (colon == word.npos) return fail("SELECTOR:OFFSET is expected, as 0x10:0x1000");
        Result<u64> selector = evaluate(word.substr(0, colon), c.debugger());
        if (!selector) return selector.error();
        Result<u64> offset = evaluate(word.substr(colon + 1), c.debugger());
        if (!offset) return offset.error();
        b.selector = static_cast<u16>(*selector);
        b.address = *offset;
    } else if (a.empty() || a.peek() == "if") {
        b.address = code_address(c.cpu().state);
        if (on == BreakOn::Physical) return fail("an address is missing");
    } else {
        std::string text;
        while (!a.empty() && a.peek() != "if") text += (text.empty() ? "" : " ") + a.next();
        Result<u64> address = evaluate(text, c.debugger());
        if (!address) return address.error();
        b.address = *address;
    }
    if (Result<void> done = take_condition(a, b); !done) return done;
    const std::string text = describe_breakpoint(b);
    c.print("breakpoint {}: {}\n", add_breakpoint(c, std::move(b)), text);
    return {};
}
Result<void> break_linear(Console& c, Arguments& a) { return add_execution(c, a, BreakOn::Linear, false); }
Result<void> break_physical(Console& c, Arguments& a) { return add_execution(c, a, BreakOn::Physical, false); }
Result<void> break_virtual(Console& c, Arguments& a) { return add_execution(c, a, BreakOn::Virtual, false); }
Result<void> break_once(Console& c, Arguments& a) { return add_execution(c, a, BreakOn::Linear, true); }

Result<void> list(Console& c, Arguments&) {
    if (c.debugger().breakpoints().empty()) {
        c.write("no breakpoints\n");
        return {};
    }
    c.write("Num Disp Enb Hits What\n");
    for (const Breakpoint& b : c.debugger().breakpoints()) {
        c.print("{:>3} {} {}   {:>4} {}", b.id, b.temporary ? "temp" : "keep", b.enabled ? 'y' : 'n', b.hits, describe_breakpoint(b));
        if (b.reports_only) c.write(", reports only");
        if (!b.condition.empty()) c.print(", if {}", b.condition);
        if (b.ignore != 0) c.print(", ignores {} more", b.ignore);
        c.write("\n");
        for (const std::string& command : b.commands) c.print("      {}\n", command);
    }
    return {};
}

Result<Breakpoint*> take_breakpoint(Console& c, Arguments& a) {
    Result<u64> id = take_value(c, a, "the number of a breakpoint");
    if (!id) return id.error();
    Breakpoint* b = c.debugger().find(static_cast<int>(*id));
    if (!b) return fail("there is no breakpoint {}", *id);
    return b;
}

Result<void> remove(Console& c, Arguments& a) {
    if (a.peek() == "all") {
        a.next();
        while (!c.debugger().breakpoints().empty()) c.debugger().remove(c.debugger().breakpoints()[0].id);
        return {};
    }
    do {
        Result<Breakpoint*> b = take_breakpoint(c, a);
        if (!b) return b.error();
        c.debugger().remove((*b)->id);
    } while (!a.empty());
    return {};
}

Result<void> enable(Console& c, Arguments& a, bool on) {
    do {
        Result<Breakpoint*> b = take_breakpoint(c, a);
        if (!b) return b.error();
        (*b)->enabled = on;
    } while (!a.empty());
    c.debugger().changed();
    return {};
}
Result<void> enable_one(Console& c, Arguments& a) { return enable(c, a, true); }
Result<void> disable_one(Console& c, Arguments& a) { return enable(c, a, false); }

Result<void> ignore(Console& c, Arguments& a) {
    Result<Breakpoint*> b = take_breakpoint(c, a);
    if (!b) return b.error();
    Result<u64> count = take_value(c, a, "a count");
    if (!count) return count.error();
    (*b)->ignore = *count;
    return {};
}

Result<void> condition(Console& c, Arguments& a) {
    Result<Breakpoint*> b = take_breakpoint(c, a);
    if (!b) return b.error();
    if (Result<void> set = set_condition(**b, a.rest()); !set) return set;
    compile_condition(c, **b);
    return {};
}

Result<void> commands(Console& c, Arguments& a) {
    Result<Breakpoint*> b = take_breakpoint(c, a);
    if (!b) return b.error();
    (*b)->commands.clear();
    while (!a.empty()) (*b)->commands.push_back(a.next());
    return {};
}

Result<void> watch(Console& c, Arguments& a) {
    std::string word = a.next();
    if (word.empty()) {
        Arguments none("");
        return list(c, none);
    }
    if (word == "stop" || word == "continue") {
        c.settings.watch_stops = word == "stop";
        for (Breakpoint& b : c.debugger().breakpoints())
            if (b.on_data()) b.reports_only = word == "continue";
        return {};
    }
    Breakpoint b;
    b.on = BreakOn::Access;
    if (word == "p" || word == "phys") {
        b.on = BreakOn::PhysicalAccess;
        word = a.next();
    }
    if (word == "x") {
        b.on = b.on == BreakOn::Access ? BreakOn::Linear : BreakOn::Physical;
    } else {
        b.on_read = word == "r" || word == "read" || word == "rw";
        b.on_write = word == "w" || word == "write" || word == "rw";
        if (!b.on_read && !b.on_write) return fail("r, w, rw or x is expected, not \"{}\"", word);
    }
    Result<u64> address = take_value(c, a, "an address");
    if (!address) return address.error();
    b.address = *address;
    if (!a.empty() && a.peek() != "if") {
        Result<u64> length = take_value(c, a, "a length");
        if (!length) return length.error();
        if (*length == 0) return fail("the length is at least 1");
        b.length = *length;
    }
    b.reports_only = b.on_data() && !c.settings.watch_stops;
    if (Result<void> done = take_condition(a, b); !done) return done;
    const std::string text = describe_breakpoint(b);
    c.print("watchpoint {}: {}\n", add_breakpoint(c, std::move(b)), text);
    return {};
}

Result<void> unwatch(Console& c, Arguments& a) {
    std::optional<u64> only;
    if (!a.empty()) {
        Result<u64> address = take_value(c, a, "an address");
        if (!address) return address.error();
        only = *address;
    }
    std::vector<int> ids;
    for (const Breakpoint& b : c.debugger().breakpoints())
        if (b.on_data() && (!only || b.address == *only)) ids.push_back(b.id);
    if (ids.empty()) return fail("there is no such watchpoint");
    for (const int id : ids) c.debugger().remove(id);
    return {};
}

constexpr Command kCommands[] = {
    {"b break lb lbreak", "[ADDRESS] [if EXPRESSION]", "break at a linear address (default: here)", "b 0x7c00 if \"ax == 3\"", break_linear},
    {"pb pbreak", "ADDRESS [if EXPRESSION]", "break at a physical address", "pb 0x100000", break_physical},
    {"vb vbreak", "SELECTOR:OFFSET [if EXPRESSION]", "break at a logical address", "vb 0x8:0x1000", break_virtual},
    {"tbreak", "[ADDRESS] [if EXPRESSION]", "break once at a linear address", "tbreak 0x7c10", break_once},
    {"blist", "", "list breakpoints and watchpoints", "blist", list},
    {"d del delete", "NUMBER… | all", "remove breakpoints", "d 1", remove},
    {"bpe", "NUMBER…", "enable breakpoints", "bpe 1", enable_one},
    {"bpd", "NUMBER…", "disable breakpoints", "bpd 1", disable_one},
    {"ignore", "NUMBER COUNT", "let a breakpoint pass COUNT times", "ignore 1 10", ignore},
    {"cond condition", "NUMBER [EXPRESSION]", "set or take away the condition of a breakpoint", "cond 1 eax == 0 && [esp] != 4", condition},
    {"commands", "NUMBER [\"COMMAND\"…]", "commands to execute when a breakpoint has stopped the machine", "commands 1 \"r\" \"c\"", commands},
    {"watch", "[[p] r|w|rw|x ADDRESS [LENGTH] [if EXPRESSION] | stop | continue]",
     "watch a range of linear (p: physical) memory; stop or only report", "watch w 0x7e00 4", watch},
    {"unwatch", "[ADDRESS]", "remove one or all watchpoints", "unwatch 0x7e00", unwatch},
};

}  // namespace

std::span<const Command> break_commands() { return kCommands; }

}  // namespace gnomon
