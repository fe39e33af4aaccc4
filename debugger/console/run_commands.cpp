// Running and stepping, scripts, settings, help.
#include "debugger/console/console.h"
#include "debugger/expression.h"

namespace gnomon {
namespace {

Result<void> move(Console& c, Arguments& a, Go go) {
    u64 count = 1;
    if (!a.empty()) {
        Result<u64> value = take_value(c, a, "a count");
        if (!value) return value.error();
        count = *value;
    }
    c.go({.go = go, .count = count, .address = 0, .processor = c.debugger().current()});
    return {};
}

Result<void> go_on(Console& c, Arguments&) {
    c.go({.go = Go::Continue, .processor = c.debugger().current()});
    return {};
}
Result<void> step(Console& c, Arguments& a) {
    // Bochs: "s CPU COUNT" steps one of several processors.
    if (a.count() == 2) {
        Result<u64> processor = take_value(c, a, "a processor");
        if (!processor) return processor.error();
        if (*processor >= c.debugger().processors()) return fail("there is no processor {}", *processor);
        c.debugger().select(static_cast<unsigned>(*processor));
    }
    return move(c, a, Go::Step);
}
Result<void> step_over(Console& c, Arguments& a) { return move(c, a, Go::Over); }
Result<void> step_out(Console& c, Arguments& a) { return move(c, a, Go::Out); }
Result<void> next_branch(Console& c, Arguments& a) { return move(c, a, Go::NextBranch); }
Result<void> next_return(Console& c, Arguments& a) { return move(c, a, Go::NextReturn); }
Result<void> until(Console& c, Arguments& a) {
    Result<u64> address = take_value(c, a, "an address");
    if (!address) return address.error();
    c.go({.go = Go::Until, .count = 1, .address = *address, .processor = c.debugger().current()});
    return {};
}
Result<void> quit(Console& c, Arguments&) {
    c.quit();
    return {};
}

Result<void> select_processor(Console& c, Arguments& a) {
    if (!a.empty()) {
        Result<u64> number = take_value(c, a, "a processor");
        if (!number) return number.error();
        if (*number >= c.debugger().processors()) return fail("there is no processor {}", *number);
        c.debugger().select(static_cast<unsigned>(*number));
    }
    c.print("{}\n", c.instruction_line());
    return {};
}

Result<void> evaluate_text(Console& c, Arguments& a) {
    Result<u64> value = evaluate(a.rest(), c.debugger());
    if (!value) return value.error();
    const std::string symbol = c.debugger().symbol_text(*value);
    c.print("{:#x} {}{}\n", *value, static_cast<i64>(*value), symbol.empty() ? "" : " <" + symbol + ">");
    return {};
}

Result<void> source(Console& c, Arguments& a) {
    if (a.empty()) return fail("the name of a file is missing");
    return c.run_script(a.next());
}

Result<void> output_file(Console& c, Arguments& a) {
    const std::string path = a.next();
    return c.log_to(path == "off" ? "" : path);
}

Result<void> time(Console& c, Arguments&) {
    const VirtualClock& clock = c.debugger().machine().clock();
    c.print("ptime: {} instructions, {} ns\n", clock.instructions(), clock.now());
    return {};
}

Result<void> help(Console& c, Arguments& a) {
    if (a.empty()) {
        for (const Command* command : c.commands()) c.print("{:<28} {}\n", command->names, command->help);
        c.write("\"help COMMAND\" shows its arguments and an example. Addresses are expressions: 0x7c00, eax+4, cs:eip, [esp], a symbol.\n");
        return {};
    }
    const std::string name = a.next();
    const Command* command = c.find(name);
    if (!command) return fail("there is no command \"{}\"", name);
    c.print("{} {}\n  {}\n  Example: {}\n", command->names.substr(0, command->names.find(' ')), command->arguments, command->help,
            command->example);
    return {};
}

Result<void> instrument(Console&, Arguments&) {
    return fail("there are no instrumentation libraries; \"trace\" and \"coverage\" do what they are mostly used for");
}

constexpr Command kCommands[] = {
    {"c cont continue", "", "go on until something stops the machine", "c", go_on},
    {"s step stepi", "[[CPU] COUNT]", "execute COUNT instructions (default 1)", "s 5", step},
    {"n next p", "[COUNT]", "as s, but calls, interrupts and repeated string instructions count as one", "n", step_over},
    {"finish out", "[COUNT]", "go on until the current procedure has returned", "finish", step_out},
    {"until", "ADDRESS", "go on until ADDRESS is reached", "until 0x7c20", until},
    {"nextbranch", "[COUNT]", "go on until a branch was taken", "nextbranch", next_branch},
    {"nextret", "[COUNT]", "go on until a RET or IRET was executed", "nextret", next_return},
    {"q quit exit", "", "end the program", "q", quit},
    {"cpu", "[NUMBER]", "choose the processor that commands look at", "cpu 0", select_processor},
    {"calc ? print-expr", "EXPRESSION", "print the value of an expression", "calc [esp] + 4", evaluate_text},
    {"ptime", "", "print the virtual time", "ptime", time},
    {"source", "FILE", "execute the commands in a file", "source boot.gdbg", source},
    {"log", "FILE|off", "append all output to a file, too", "log session.txt", output_file},
    {"instrument", "", "Bochs's instrumentation; see trace and coverage", "instrument", instrument},
    {"help h", "[COMMAND]", "list the commands, or explain one", "help x", help},
};

}  // namespace

std::span<const Command> run_commands() { return kCommands; }

}  // namespace gnomon
