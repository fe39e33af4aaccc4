// A machine with a boot sector of ours under the console; what it prints is kept. For tests only.
#pragma once

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <regex>
#include <sstream>

#include "debugger/console/console.h"

namespace gnomon {

class ConsoleFixture {
  public:
    explicit ConsoleFixture(const std::string& program, Config config = {}) {
        static unsigned number = 0;
        disk_ = (std::filesystem::temp_directory_path() / fmt::format("gnomon-debug-{}-{}", getpid(), number++)).string();
        std::ifstream file(program, std::ios::binary);
        std::vector<char> image((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
        EXPECT_FALSE(image.empty()) << program;
        image.resize(1474560);
        std::ofstream(disk_, std::ios::binary).write(image.data(), static_cast<std::streamsize>(image.size()));
        config.floppy[0].file = disk_;
        config.floppy[0].readonly = true;
        config.boot.order = "a";
        config.memory.size = u64{16} << 20;
        config.clock.mode = ClockChoice::Deterministic;
        HostEnvironment host;
        host.log = [](LogLevel, std::string_view, std::string_view) {};
        host.open_backend = [](std::string_view part, std::string_view, Log& log, CharBackendOptions options) {
            return open_char_backend(part, "none", log, std::move(options));
        };
        Result<std::unique_ptr<Machine>> made = Machine::create(config, std::move(host));
        EXPECT_TRUE(made.ok()) << (made ? "" : made.error().message);
        machine_ = std::move(*made);
        RunOptions options;
        options.timeout_ns = 60'000'000'000;
        // A guest that halts for ever is interrupted, as by Ctrl-C.
        options.front_end_ns = 1;
        options.front_end = [this] {
            if (machine_->cpu().state.activity == Activity::Halted && machine_->cpu().interrupts_enabled() &&
                machine_->clock().now() > idle_limit_ns)
                debugger_->interrupt();
        };
        loop_ = std::make_unique<RunLoop>(*machine_, options);
        debugger_ = std::make_unique<Debugger>(*machine_, *loop_);
        console_ = std::make_unique<Console>(*debugger_, [this](std::string_view text) { output += text; });
    }
    ~ConsoleFixture() { std::filesystem::remove(disk_); }
    ConsoleFixture(const ConsoleFixture&) = delete;
    ConsoleFixture& operator=(const ConsoleFixture&) = delete;

    /// What a line prints.
    std::string operator()(std::string_view line) {
        output.clear();
        console_->execute(line);
        return output;
    }
    [[nodiscard]] Machine& machine() { return *machine_; }
    [[nodiscard]] Debugger& debugger() { return *debugger_; }
    [[nodiscard]] Console& console() { return *console_; }

    std::string output;
    u64 idle_limit_ns = 20'000'000'000;

  private:
    std::string disk_;
    std::unique_ptr<Machine> machine_;
    std::unique_ptr<RunLoop> loop_;
    std::unique_ptr<Debugger> debugger_;
    std::unique_ptr<Console> console_;
};

/// Instruction counts ("t=123", or at the start of a line of a trace) from the first one on that is seen: how long the firmware takes is not of interest.
inline std::string from_start(const std::string& text, std::optional<u64>& start) {
    static const std::regex count("(t=|  )([0-9]{6,})");
    std::string result;
    auto rest = text.cbegin();
    for (std::sregex_iterator it(text.begin(), text.end(), count), end; it != end; ++it) {
        const u64 number = std::stoull((*it)[2]);
        if (!start) start = number;
        result.append(rest, (*it)[0].first);
        result += fmt::format("{}start+{}", std::string((*it)[1]), number - *start);
        rest = (*it)[0].second;
    }
    return result.append(rest, text.cend());
}

/// The lines of a text that a regular expression is found in.
inline std::string matching_lines(const std::string& text, const std::string& pattern) {
    const std::regex wanted(pattern);
    std::string kept;
    std::istringstream lines(text);
    for (std::string line; std::getline(lines, line);)
        if (std::regex_search(line, wanted)) kept += line + "\n";
    return kept;
}

/// A transcript is a text of commands, each after "> ", with what they print; after ">/PATTERN/ " with those lines of it that
/// match (where others depend on what else is in the machine). `folder` is left out of what is printed. Plays it against `guest`; with
/// GNOMON_UPDATE_TRANSCRIPTS in the environment the file is written anew instead (to be read before it is kept).
inline void play_transcript(ConsoleFixture& guest, const std::string& path, const std::string& folder = {}) {
    std::ifstream file(path);
    ASSERT_TRUE(file) << path;
    std::string text((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
    std::string played;
    std::optional<u64> start;
    size_t at = 0;
    while (at < text.size()) {
        const size_t end = std::min(text.find('\n', at), text.size());
        const std::string line = text.substr(at, end - at);
        at = end + 1;
        if (line.starts_with("# ")) played += line + "\n";
        if (line.starts_with("> ")) played += line + "\n" + from_start(guest(line.substr(2)), start);
        if (const size_t close = line.find("/ ", 2); line.starts_with(">/") && close != line.npos)
            played += line + "\n" + from_start(matching_lines(guest(line.substr(close + 2)), line.substr(2, close - 2)), start);
    }
    for (size_t found = 0; !folder.empty() && (found = played.find(folder)) != played.npos;) played.erase(found, folder.size());
    if (std::getenv("GNOMON_UPDATE_TRANSCRIPTS")) {
        std::ofstream(path) << played;
        return;
    }
    EXPECT_EQ(played, text) << path;
}

}  // namespace gnomon
