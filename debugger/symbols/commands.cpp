// One row a command.
#include "debugger/symbols/commands.h"

#include <algorithm>
#include <cstring>
#include <fstream>

#include "debugger/symbols/value_expression.h"

namespace gnomon {
namespace {

constexpr unsigned kListLines = 10;
constexpr size_t kMostMatches = 50;

/// What a command works on.
struct Context {
    Debugger& debugger;
    Symbols& symbols;
};

Result<void> with_symbols(Console& console, Arguments& arguments,
                          Result<std::string> (*run)(const Context&, Arguments&)) {
    auto* symbols = dynamic_cast<Symbols*>(console.debugger().symbols());
    if (!symbols) return fail("this debugger has no symbols");
    Result<std::string> text = run({console.debugger(), *symbols}, arguments);
    if (!text) return text.error();
    console.write(text->ends_with('\n') ? *text : *text + "\n");
    return {};
}

/// A row's function: `Run` with the context found.
template<Result<std::string> (*Run)(const Context&, Arguments&)>
Result<void> command(Console& console, Arguments& arguments) {
    return with_symbols(console, arguments, Run);
}

std::optional<u64> number(const std::string& text) {
    char* end = nullptr;
    if (text.empty()) return {};
    const bool negative = text[0] == '-';
    const u64 value = std::strtoull(text.c_str() + (negative ? 1 : 0), &end, 0);
    if (*end != 0) return {};
    return negative ? ~value + 1 : value;
}

std::optional<u64> register_value(Debugger& debugger, std::string_view name) {
    constexpr std::string_view kNames[] = {"ax", "cx", "dx", "bx", "sp", "bp", "si", "di"};
    if (name.starts_with('$')) name.remove_prefix(1);
    const CpuState state = debugger.registers(debugger.current());
    if (name == "pc") return code_address(state);
    if (name == "rip" || name == "eip") return state.rip;
    for (unsigned i = 0; i < 8; i++)
        if (name.size() == 3 && name.substr(1) == kNames[i]) {
            if (name[0] == 'r') return state.gpr[i];
            if (name[0] == 'e') return static_cast<u32>(state.gpr[i]);
        }
    for (unsigned i = 8; i < 16; i++)
        if (name == fmt::format("r{}", i)) return state.gpr[i];
    return {};
}

/// A number, a register, a symbol or FILE:LINE.
Result<u64> location(const Context& at, const std::string& text) {
    if (const std::optional<u64> value = number(text)) return *value;
    if (text.starts_with('$'))
        if (const std::optional<u64> value = register_value(at.debugger, text)) return *value;
    return at.symbols.address_of_location(text);
}

Result<std::string> load_symbols(const Context& at, Arguments& arguments) {
    const std::string path = arguments.next();
    const std::string offset_text = arguments.next();
    if (path.empty()) return fail("which file?");
    std::optional<u64> offset = 0;
    if (!offset_text.empty()) offset = number(offset_text);
    if (!offset) return fail("\"{}\" is no offset", offset_text);
    Result<std::string> text = offset_text.empty() ? at.symbols.load_spec(path) : at.symbols.load(path, *offset);
    if (!text) return text.error();
    return *text + "\n";
}

Result<std::string> load_kernel(const Context& at, Arguments&) {
    Result<std::string> text =
        at.symbols.load_kernel(physical_reader(at.debugger), at.debugger.machine().memory().ram_size());
    if (!text) return text.error();
    return *text + "\n";
}

Result<std::string> unload_symbols(const Context& at, Arguments& arguments) {
    const std::string name = arguments.next();
    if (!at.symbols.unload(name)) return fail("no file \"{}\" is loaded", name);
    return at.symbols.describe();
}

Result<std::string> move_symbols(const Context& at, Arguments& arguments) {
    const std::string name = arguments.next();
    const std::string text = arguments.next();
    const std::optional<u64> offset = number(text);
    if (!offset) return fail("\"{}\" is no offset", text);
    if (!at.symbols.set_offset(name, *offset)) return fail("no file \"{}\" is loaded", name);
    return at.symbols.describe();
}

Result<std::string> show_symbols(const Context& at, Arguments& arguments) {
    const std::string what = arguments.next();
    if (what.empty()) return at.symbols.describe();
    if (what.find_first_of("*?") == what.npos) {
        const Result<u64> address = location(at, what);
        if (!address) return address.error();
        const std::string name = at.symbols.describe_address(*address, true);
        return fmt::format("{:#x} {}\n", *address, name.empty() ? "(no symbol)" : name);
    }
    const auto found = at.symbols.matching(what);
    if (found.empty()) return fail("no symbol matches \"{}\"", what);
    std::string text;
    for (size_t i = 0; i < found.size() && i < kMostMatches; i++)
        text += fmt::format("{:#x} {} {}\n", found[i].address, found[i].kind, found[i].name);
    if (found.size() > kMostMatches) text += fmt::format("… and {} more\n", found.size() - kMostMatches);
    return text;
}

/// As nm writes them, so that other tools can read what only Gnomon has found.
Result<std::string> save_symbols(const Context& at, Arguments& arguments) {
    const std::string path = arguments.next();
    if (path.empty()) return fail("which file?");
    std::ofstream file(path);
    const auto all = at.symbols.matching(arguments.empty() ? "*" : arguments.next());
    for (const Symbols::Named& symbol : all) file << fmt::format("{:016x} {} {}\n", symbol.address, symbol.kind, symbol.name);
    file.close();
    if (!file) return fail("{}: cannot be written", path);
    return fmt::format("{} symbols written to {}\n", all.size(), path);
}

Result<std::string> list_lines(const Context& at, Arguments& arguments) {
    const std::string what = arguments.next();
    std::string file;
    unsigned line = 0;
    unsigned marked = 0;
    const size_t colon = what.rfind(':');
    const std::optional<u64> wanted = colon == what.npos ? std::nullopt : number(what.substr(colon + 1));
    if (wanted) {
        // A line of a file, with code or without.
        const auto path = at.symbols.find_source(std::string_view(what).substr(0, colon));
        if (!path) return fail("no source file \"{}\" is known", what.substr(0, colon));
        file = *path;
        line = static_cast<unsigned>(*wanted);
    } else {
        const CpuState state = at.debugger.registers(at.debugger.current());
        const Result<u64> address =
            what.empty() ? Result<u64>(code_address(state)) : location(at, what);
        if (!address) return address.error();
        const auto place = at.symbols.line_at(*address);
        if (!place) return fail("no source line is known for {:#x}", *address);
        file = place->file;
        line = place->line;
        if (what.empty()) marked = line;
    }
    const unsigned first = line > kListLines / 2 ? line - kListLines / 2 : 1;
    return at.symbols.list_source(file, first, first + kListLines - 1, marked);
}

Result<std::string> backtrace(const Context& at, Arguments& arguments) {
    const std::string count = arguments.next();
    const std::optional<u64> frames = count.empty() ? std::optional<u64>(64) : number(count);
    if (!frames || *frames == 0) return fail("\"{}\" is no number of frames", count);
    return print_frames(at.symbols, unwind_stack(at.symbols, unwind_start(at.debugger), linear_reader(at.debugger),
                                              static_cast<unsigned>(std::min<u64>(*frames, 10000))));
}

Result<std::string> print(const Context& at, Arguments& arguments) {
    PrintOptions options;
    if (arguments.peek() == "/x") {
        options.hexadecimal = true;
        arguments.next();
    }
    const std::string expression = arguments.rest();
    if (expression.empty()) return fail("print what?");
    options.other_names = [&](std::string_view name) { return register_value(at.debugger, name); };
    Result<std::string> text = print_expression(at.symbols, expression, linear_reader(at.debugger), options);
    if (!text) return text.error();
    return *text + "\n";
}

Result<std::string> describe_a_type(const Context& at, Arguments& arguments) {
    const std::string name = arguments.rest();
    if (name.empty()) return fail("which type?");
    return print_type(at.symbols, name);
}

constexpr Command kCommands[] = {
    {"ldsym", "FILE [OFFSET]", "loads the symbols of an ELF file, or of nm's output, moved by OFFSET",
     "ldsym kernel.elf 0x100000", command<load_symbols>},
    {"kallsyms", "", "finds the symbols of the Linux kernel in memory", "kallsyms", command<load_kernel>},
    {"unldsym", "FILE", "forgets the symbols of a file", "unldsym kernel.elf", command<unload_symbols>},
    {"mvsym", "FILE OFFSET", "moves the symbols of a file, as for a kernel at a random place",
     "mvsym vmlinux 0x19000000", command<move_symbols>},
    {"sym", "[NAME | PATTERN | ADDRESS]",
     "shows which files are loaded, the symbols that match a pattern, or what an address or name is", "sym sys_*",
     command<show_symbols>},
    {"savesym", "FILE [PATTERN]", "writes symbols as nm does, for other tools (scripts/symbols-to-elf.py makes a file for GDB)",
     "savesym linux.map", command<save_symbols>},
    {"list", "[FILE:LINE | NAME | ADDRESS]", "shows source lines, without an argument those of the next instruction",
     "list main.c:42", command<list_lines>},
    {"bt", "[COUNT]", "shows the calls and interrupts that led here", "bt 10", command<backtrace>},
    {"ptype", "TYPE | VARIABLE", "shows the layout of a type", "ptype struct task", command<describe_a_type>},
    {"print", "[/x] EXPRESSION", "shows a variable or structure by its type", "print *current->next", command<print>},
};

}  // namespace

std::span<const Command> symbol_commands() { return kCommands; }

MemoryReader linear_reader(Debugger& debugger) {
    return [&debugger](u64 address, std::span<u8> out) {
        return debugger.read_linear(debugger.current(), address, out) == out.size();
    };
}

MemoryReader physical_reader(Debugger& debugger) {
    return [&debugger](u64 address, std::span<u8> out) { return debugger.read_physical(address, out); };
}

UnwindStart unwind_start(Debugger& debugger) {
    const CpuState state = debugger.registers(debugger.current());
    UnwindStart start;
    std::copy_n(state.gpr.begin(), 16, start.registers.gpr.begin());
    start.registers.pc = code_address(state);
    start.bits = code_bits(state);
    start.stack_base = linear_address(state, Seg::SS, 0);
    start.code_selector = state.segments[static_cast<unsigned>(Seg::CS)].selector;
    start.protected_mode = (state.cr0 & 1) && !(state.eflags >> 17 & 1);
    start.gdt_base = state.gdtr.base;
    start.gdt_limit = state.gdtr.limit;
    return start;
}

}  // namespace gnomon
