// The console: a line of text in, text out. One row a command; those that users of Bochs know have its words
// and their meaning.
#pragma once

#include <deque>
#include <fstream>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "debugger/debugger.h"
#include "debugger/disassembler.h"
#include "debugger/trace.h"

namespace gnomon {

class Console;

/// The words behind a command. Blanks separate them, except within brackets, parentheses and quotes.
class Arguments {
  public:
    explicit Arguments(std::string_view text);
    [[nodiscard]] bool empty() const { return at_ == words_.size(); }
    [[nodiscard]] size_t count() const { return words_.size() - at_; }
    /// The next word without its quotes; "" if there is none.
    std::string next();
    [[nodiscard]] std::string peek() const { return empty() ? std::string() : words_[at_]; }
    /// All that is left as one text.
    std::string rest();

  private:
    std::vector<std::string> words_;
    size_t at_ = 0;
};

struct Command {
    std::string_view names;      ///< separated by blanks, the usual one first
    std::string_view arguments;  ///< as help shows them
    std::string_view help;
    std::string_view example;
    Result<void> (*run)(Console& console, Arguments& arguments);
};

/// Where it is kept which commands there are: each group's file has a table.
[[nodiscard]] std::span<const Command> run_commands();
[[nodiscard]] std::span<const Command> break_commands();
[[nodiscard]] std::span<const Command> event_commands();
[[nodiscard]] std::span<const Command> memory_commands();
[[nodiscard]] std::span<const Command> register_commands();
[[nodiscard]] std::span<const Command> info_commands();
[[nodiscard]] std::span<const Command> trace_commands();

class Console {
  public:
    using Output = std::function<void(std::string_view text)>;
    Console(Debugger& debugger, Output output);
    ~Console();

    /// Executes one line: one command, or several separated by ';'. Errors are printed.
    void execute(std::string_view line);
    /// Executes the lines of a file; stops at the first that fails. Lines that begin with # are comments.
    Result<void> run_script(const std::string& path);
    /// Prompts until the user quits or the run ends for good. The end is that of the run; quitting gives status 0.
    RunEnd prompt();
    /// The user wants to leave.
    [[nodiscard]] bool finished() const { return finished_; }
    /// Further commands, for example those of symbols; `commands` must outlive the console.
    void add_commands(std::span<const Command> commands);
    [[nodiscard]] const std::vector<const Command*>& commands() const { return commands_; }
    /// Null: no such command. Unique beginnings of a name are enough.
    [[nodiscard]] const Command* find(std::string_view name) const;
    /// All that could complete the word at the end of `line`.
    [[nodiscard]] std::vector<std::string> completions(std::string_view line) const;

    // --- For commands
    [[nodiscard]] Debugger& debugger() { return debugger_; }
    [[nodiscard]] Cpu& cpu() { return debugger_.cpu(); }
    [[nodiscard]] CpuState state() { return debugger_.registers(debugger_.current()); }
    template<class... Args>
    void print(fmt::format_string<Args...> format, Args&&... args) {
        write(fmt::format(format, std::forward<Args>(args)...));
    }
    void write(std::string_view text);
    /// Runs, then says where the machine has stopped and executes the breakpoint's commands.
    void go(const Motion& motion);
    void show_stop(const Stop& stop);
    /// "(0) [0x00007c00] 0000:7c00: cli    ; fa"
    [[nodiscard]] std::string instruction_line();
    void quit() { finished_ = true; }
    [[nodiscard]] Tracer& tracer() { return tracer_; }
    Result<void> log_to(const std::string& path);

    struct Settings {
        Syntax syntax = Syntax::Intel;
        unsigned code_size = 0;  ///< of `u`: 0 follows the processor
        bool watch_stops = true;
        bool registers_after_step = false;
    };
    Settings settings;
    /// Where `u` and `x` without an address go on.
    std::optional<u64> next_code;
    std::optional<u64> next_data;
    std::string data_format = "xw";

  private:
    Result<void> run_one(std::string_view line);

    Debugger& debugger_;
    Output output_;
    Tracer tracer_;
    std::vector<const Command*> commands_;
    std::ofstream log_;
    std::deque<std::string> pending_;  ///< command lists of breakpoints
    unsigned depth_ = 0;
    bool finished_ = false;
    bool instructed_ = false;          ///< the user was told once how to go on
};

/// What was built in, for --version.
[[nodiscard]] std::string console_features();

/// An expression as the next word of the arguments; `what` names it in errors.
[[nodiscard]] Result<u64> take_value(Console& console, Arguments& arguments, std::string_view what);
/// 0x%08x, or as long as 64-bit mode needs.
[[nodiscard]] std::string address_text(u64 address);

}  // namespace gnomon
