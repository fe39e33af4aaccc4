// Reading of lines, looking up of commands, and how a stop is shown.
#include "debugger/console/console.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>

#include "debugger/expression.h"

namespace gnomon {
namespace {

bool is_blank(char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n'; }

std::string_view trimmed(std::string_view text) {
    while (!text.empty() && is_blank(text.front())) text.remove_prefix(1);
    while (!text.empty() && is_blank(text.back())) text.remove_suffix(1);
    return text;
}

/// "a; b" outside of quotes.
std::vector<std::string_view> split_commands(std::string_view line) {
    std::vector<std::string_view> parts;
    size_t start = 0;
    bool quoted = false;
    for (size_t i = 0; i < line.size(); i++) {
        if (line[i] == '"') quoted = !quoted;
        if (line[i] == ';' && !quoted) {
            parts.push_back(line.substr(start, i - start));
            start = i + 1;
        }
    }
    parts.push_back(line.substr(start));
    return parts;
}

template<class F>
void each_name(std::string_view names, F f) {
    while (!names.empty()) {
        const size_t end = std::min(names.find(' '), names.size());
        f(names.substr(0, end));
        names.remove_prefix(std::min(end + 1, names.size()));
    }
}

}  // namespace

Arguments::Arguments(std::string_view text) {
    std::string word;
    int depth = 0;
    bool quoted = false;
    bool any = false;
    const auto finish = [&] {
        if (any) words_.push_back(std::exchange(word, {}));
        any = false;
    };
    for (const char c : text) {
        if (c == '"') {
            quoted = !quoted;
            any = true;
            continue;
        }
        if (!quoted && (c == '[' || c == '(')) depth++;
        if (!quoted && (c == ']' || c == ')')) depth--;
        if (is_blank(c) && !quoted && depth <= 0) {
            finish();
        } else {
            word += c;
            any = true;
        }
    }
    finish();
}

std::string Arguments::next() { return empty() ? std::string() : words_[at_++]; }

std::string Arguments::rest() {
    std::string text;
    while (!empty()) text += (text.empty() ? "" : " ") + next();
    return text;
}

Console::Console(Debugger& debugger, Output output)
    : debugger_(debugger), output_(std::move(output)), tracer_(debugger, [this](std::string_view text) { write(text); }) {
    for (const auto& group : {run_commands(), break_commands(), event_commands(), memory_commands(), register_commands(), info_commands(),
                              trace_commands()})
        add_commands(group);
    debugger_.set_reporter([this](std::string_view line) { print("{}\n", line); });
}

Console::~Console() { debugger_.set_reporter({}); }

void Console::add_commands(std::span<const Command> commands) {
    for (const Command& command : commands) commands_.push_back(&command);
}

const Command* Console::find(std::string_view name) const {
    const Command* near = nullptr;
    bool several = false;
    for (const Command* command : commands_) {
        bool exact = false;
        bool begins = false;
        each_name(command->names, [&](std::string_view one) {
            exact |= one == name;
            begins |= name.size() > 1 && one.starts_with(name);
        });
        if (exact) return command;
        if (begins) {
            several |= near != nullptr;
            near = command;
        }
    }
    return several ? nullptr : near;
}

void Console::write(std::string_view text) {
    output_(text);
    if (log_.is_open()) log_ << text << std::flush;
}

Result<void> Console::log_to(const std::string& path) {
    if (log_.is_open()) log_.close();
    if (path.empty()) return {};
    log_.open(path, std::ios::app);
    if (!log_) return fail("{}: cannot be written", path);
    return {};
}

Result<void> Console::run_one(std::string_view line) {
    line = trimmed(line);
    if (line.empty() || line.starts_with('#')) return {};
    size_t end = 0;
    while (end < line.size() && !is_blank(line[end]) && line[end] != '/') end++;
    if (end == 0) end = 1;
    const std::string_view name = line.substr(0, end);
    const Command* command = find(name);
    if (!command) return fail("there is no command \"{}\"; \"help\" lists them", name);
    Arguments arguments(line.substr(end));
    Result<void> done = command->run(*this, arguments);
    if (!done) return done.error().in(name);
    if (!arguments.empty())
        return fail("{}: \"{}\" is not understood; usage: {} {}", name, arguments.next(), name, command->arguments);
    return {};
}

void Console::execute(std::string_view line) {
    for (const std::string_view part : split_commands(line)) {
        if (Result<void> done = run_one(part); !done) {
            print("{}\n", done.error().message);
            break;
        }
        if (finished_) return;
    }
    // Command lists of breakpoints may run the machine, and so bring further lists.
    if (depth_ != 0) return;
    depth_++;
    while (!pending_.empty() && !finished_) {
        const std::string next = std::move(pending_.front());
        pending_.pop_front();
        execute(next);
    }
    depth_--;
}

Result<void> Console::run_script(const std::string& path) {
    std::error_code folder;
    if (std::filesystem::is_directory(path, folder)) return fail("{}: {}", path, std::strerror(EISDIR));
    std::ifstream file(path);
    if (!file) return fail("{}: {}", path, std::strerror(errno));
    std::string line;
    for (unsigned number = 1; std::getline(file, line) && !finished_; number++)
        for (const std::string_view part : split_commands(line)) {
            if (finished_) break;
            if (Result<void> done = run_one(part); !done) return done.error().in(fmt::format("{}:{}", path, number));
            while (!pending_.empty() && !finished_) {
                const std::string next = std::move(pending_.front());
                pending_.pop_front();
                execute(next);
            }
        }
    return {};
}

std::string Console::instruction_line() {
    const CpuState s = state();
    const u64 linear = code_address(s);
    std::array<u8, 15> bytes{};
    const size_t available = debugger_.read_linear(debugger_.current(), linear, bytes);
    const Disassembled d = disassemble(std::span(bytes).first(available), s.rip, code_bits(s), settings.syntax);
    std::string hex;
    for (unsigned i = 0; i < std::min<size_t>(d.length, available); i++) hex += fmt::format("{:02x}", bytes[i]);
    const std::string symbol = debugger_.symbol_text(linear);
    return fmt::format("({}) [{}] {:04x}:{}{}: {:<30} ; {}", debugger_.current(), address_text(linear), s.segments[1].selector,
                       code_bits(s) == 16 ? fmt::format("{:04x}", s.rip) : fmt::format("{:08x}", s.rip),
                       symbol.empty() ? "" : " <" + symbol + ">", d.text, hex);
}

void Console::go(const Motion& motion) {
    const Stop& stop = debugger_.go(motion);
    next_code.reset();
    next_data.reset();
    show_stop(stop);
    for (const std::string& command : stop.commands) pending_.push_back(command);
}

void Console::show_stop(const Stop& stop) {
    if (stop.kind == StopKind::Ended) {
        print("The run has ended: {}.\n", stop.reason);
    } else if (stop.kind != StopKind::Step) {
        print("Stopped: {} (processor {}, {}, t={}).\n", stop.reason, stop.processor, mode_name(cpu().state),
              debugger_.machine().clock().instructions());
    }
    print("{}\n", instruction_line());
    if (settings.registers_after_step) execute("r");
}

std::string address_text(u64 address) { return address >> 32 ? fmt::format("{:#018x}", address) : fmt::format("{:#010x}", address); }

Result<u64> take_value(Console& console, Arguments& arguments, std::string_view what) {
    if (arguments.empty()) return fail("{} is missing", what);
    Result<u64> value = evaluate(arguments.next(), console.debugger());
    if (!value) return value.error();
    return value;
}

std::vector<std::string> Console::completions(std::string_view line) const {
    std::vector<std::string> found;
    const size_t blank = line.find_last_of(" ;");
    const std::string_view word = blank == line.npos ? line : line.substr(blank + 1);
    const std::string_view first = line.substr(0, line.find(' '));
    const auto offer = [&](std::string_view candidate) {
        if (candidate.starts_with(word)) found.emplace_back(candidate);
    };
    if (blank == line.npos || line[blank] == ';') {
        for (const Command* command : commands_) each_name(command->names, offer);
    } else if (first == "help") {
        for (const Command* command : commands_) each_name(command->names, offer);
    } else if (line.starts_with("info device ")) {
        for (const StatePart* part : debugger_.machine().parts()) offer(part->state_name());
    } else if (const Command* command = find(first)) {
        // The alternatives that the usage line names: "idt|gdt|…".
        std::string_view rest = command->arguments;
        while (!rest.empty()) {
            const size_t end = rest.find_first_of("| []");
            const std::string_view one = rest.substr(0, end);
            if (!one.empty() && one[0] >= 'a' && one[0] <= 'z') offer(one);
            if (end == rest.npos) break;
            rest.remove_prefix(end + 1);
        }
    }
    std::sort(found.begin(), found.end());
    return found;
}

}  // namespace gnomon
