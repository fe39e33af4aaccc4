// Traces and coverage.
#include "debugger/console/console.h"

namespace gnomon {
namespace {

Result<bool> take_switch(Arguments& a) {
    const std::string word = a.next();
    if (word == "on" || word == "1") return true;
    if (word == "off" || word == "0") return false;
    return fail("on or off is expected, not \"{}\"", word);
}

Result<void> change(Console& c, Arguments& a, bool Tracer::Kinds::*kind) {
    Result<bool> on = take_switch(a);
    if (!on) return on.error();
    Tracer::Kinds kinds = c.tracer().kinds();
    kinds.*kind = *on;
    c.tracer().select(kinds);
    return {};
}

Result<void> trace(Console& c, Arguments& a) {
    const std::string word = a.peek();
    if (word.empty()) {
        const Tracer::Kinds& k = c.tracer().kinds();
        c.print("trace: instructions {}, registers {}, branches {}, memory {}, ports {}, interrupts {}; {} records\n", k.instructions, k.registers,
                k.branches, k.memory, k.ports, k.events, c.tracer().records());
        return {};
    }
    constexpr std::pair<std::string_view, bool Tracer::Kinds::*> kWords[] = {
        {"instructions", &Tracer::Kinds::instructions}, {"branches", &Tracer::Kinds::branches}, {"memory", &Tracer::Kinds::memory},
        {"ports", &Tracer::Kinds::ports},               {"interrupts", &Tracer::Kinds::events}, {"registers", &Tracer::Kinds::registers}};
    for (const auto& [name, member] : kWords)
        if (word == name) {
            a.next();
            return change(c, a, member);
        }
    return change(c, a, &Tracer::Kinds::instructions);
}
Result<void> trace_registers(Console& c, Arguments& a) { return change(c, a, &Tracer::Kinds::registers); }
Result<void> trace_memory(Console& c, Arguments& a) { return change(c, a, &Tracer::Kinds::memory); }

Result<void> trace_file(Console& c, Arguments& a) {
    const std::string path = a.next();
    return c.tracer().to_file(path == "off" ? "" : path);
}

Result<void> trace_filter(Console& c, Arguments& a) {
    if (a.empty()) return fail("address FIRST LAST, level N, bits 16|32|64, cpu N or off is expected");
    TraceFilter filter = c.tracer().filter;
    while (!a.empty()) {
        const std::string word = a.next();
        if (word == "off") {
            filter = {};
            continue;
        }
        Result<u64> value = take_value(c, a, "a number");
        if (!value) return value.error();
        const auto small = static_cast<unsigned>(*value);
        if (word == "address") {
            Result<u64> last = take_value(c, a, "the last address");
            if (!last) return last.error();
            filter.first = *value;
            filter.last = *last;
        } else if (word == "level") {
            filter.level = small;
        } else if (word == "bits") {
            filter.bits = small;
        } else if (word == "cpu") {
            filter.processor = small;
        } else {
            return fail("\"{}\" is not one of address, level, bits, cpu, off", word);
        }
    }
    c.tracer().filter = filter;
    return {};
}

Result<void> trace_print(Console& c, Arguments& a) {
    const std::string path = a.next();
    // What is still in the buffer of the trace in progress belongs to it.
    c.tracer().select(c.tracer().kinds());
    Result<TraceReader> reader = TraceReader::open(path);
    if (!reader) return reader.error();
    u64 count = ~u64{0};
    if (!a.empty()) {
        Result<u64> value = take_value(c, a, "a count");
        if (!value) return value.error();
        count = *value;
    }
    TraceRecord record;
    while (count-- > 0 && reader->next(record)) c.print("{}\n", print_record(record, {}, c.debugger().symbol_text(record.address)));
    return {};
}

Result<void> coverage(Console& c, Arguments& a) {
    const std::string word = a.peek();
    if (word == "on" || word == "off") return change(c, a, &Tracer::Kinds::coverage);
    if (word == "write") {
        a.next();
        const std::string path = a.next();
        if (Result<void> done = c.tracer().write_lcov(path); !done) return done;
        c.print("{} instructions covered, written to {}\n", c.tracer().covered(), path);
        return {};
    }
    if (word == "missed") {
        a.next();
        for (const auto& [file, lines] : c.tracer().covered_lines())
            for (const auto& [line, count] : lines)
                if (count == 0) c.print("{}:{}\n", file, line);
        return {};
    }
    c.print("coverage: {}, {} instructions\n", c.tracer().kinds().coverage ? "on" : "off", c.tracer().covered());
    return {};
}

constexpr Command kCommands[] = {
    {"trace", "[instructions|branches|memory|ports|interrupts|registers] on|off", "trace what is executed; without a kind, instructions", "trace branches on", trace},
    {"trace-reg", "on|off", "print registers with every traced instruction", "trace-reg on", trace_registers},
    {"trace-mem", "on|off", "trace memory accesses", "trace-mem on", trace_memory},
    {"trace-filter", "[address FIRST LAST] [level CPL] [bits 16|32|64] [cpu N] [off]", "trace only there", "trace-filter address 0x7c00 0x7dff", trace_filter},
    {"trace-file", "FILE|off", "write the trace to a compact file", "trace-file run.trace", trace_file},
    {"trace-print", "FILE [COUNT]", "print a trace file as text", "trace-print run.trace 10", trace_print},
    {"coverage", "on|off | missed | write FILE", "note which instructions are executed; list the source lines beside them that were not; write all in lcov's format",
     "coverage write run.info", coverage},
};

}  // namespace

std::span<const Command> trace_commands() { return kCommands; }

}  // namespace gnomon
