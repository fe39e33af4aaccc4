// The interactive side of the console: lines from a terminal with editing, history and completion (libedit), or
// from a pipe.
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <iostream>
#include <string>

#include "debugger/console/console.h"

#if GNOMON_HAVE_LIBEDIT
#include <histedit.h>
#endif

namespace gnomon {
namespace {

/// Where lines come from.
class LineSource {
  public:
    virtual ~LineSource() = default;
    enum class Got : u8 { Line, Interrupt, End };
    virtual Got read(std::string& line) = 0;
};

class PipeSource final : public LineSource {
  public:
    Got read(std::string& line) override { return std::getline(std::cin, line) ? Got::Line : Got::End; }
};

#if GNOMON_HAVE_LIBEDIT

constexpr const char* kPrompt = "gnomon (stopped; c goes on)> ";

class EditedSource final : public LineSource {
  public:
    explicit EditedSource(Console& console) : console_(console) {
        edit_ = el_init("gnomon", stdin, stdout, stderr);
        history_ = history_init();
        HistEvent event;
        history(history_, &event, H_SETSIZE, 1000);
        el_set(edit_, EL_PROMPT, +[](EditLine*) { return const_cast<char*>(kPrompt); });
        el_set(edit_, EL_EDITOR, "emacs");
        el_set(edit_, EL_HIST, history, history_);
        el_set(edit_, EL_CLIENTDATA, this);
        el_set(edit_, EL_ADDFN, "gnomon-complete", "complete a command", +[](EditLine* edit, int) {
            EditedSource* self = nullptr;
            el_get(edit, EL_CLIENTDATA, &self);
            return static_cast<unsigned char>(self->complete());
        });
        el_set(edit_, EL_BIND, "^I", "gnomon-complete", nullptr);
    }
    ~EditedSource() override {
        history_end(history_);
        el_end(edit_);
    }
    EditedSource(const EditedSource&) = delete;
    EditedSource& operator=(const EditedSource&) = delete;

    Got read(std::string& line) override {
        int count = 0;
        errno = 0;
        const char* text = el_gets(edit_, &count);
        if (!text || count <= 0) return errno == EINTR ? Got::Interrupt : Got::End;
        line.assign(text, static_cast<size_t>(count));
        HistEvent event;
        if (line.find_first_not_of(" \t\r\n") != line.npos) history(history_, &event, H_ENTER, text);
        return Got::Line;
    }

  private:
    int complete() {
        const LineInfo* info = el_line(edit_);
        const std::string line(info->buffer, static_cast<size_t>(info->cursor - info->buffer));
        const std::vector<std::string> found = console_.completions(line);
        if (found.empty()) return CC_ERROR;
        const size_t blank = line.find_last_of(" ;");
        const size_t typed = line.size() - (blank == line.npos ? 0 : blank + 1);
        std::string shared = found[0];
        for (const std::string& one : found) {
            size_t same = 0;
            while (same < std::min(shared.size(), one.size()) && shared[same] == one[same]) same++;
            shared.resize(same);
        }
        std::string more = shared.substr(typed);
        if (found.size() == 1) more += ' ';
        if (more.empty()) {
            fmt::print("\n");
            for (const std::string& one : found) fmt::print("{}  ", one);
            fmt::print("\n");
            return CC_REDISPLAY;
        }
        el_insertstr(edit_, more.c_str());
        return CC_REFRESH;
    }

    Console& console_;
    EditLine* edit_ = nullptr;
    History* history_ = nullptr;
};

#endif

std::unique_ptr<LineSource> make_source(Console& console) {
#if GNOMON_HAVE_LIBEDIT
    if (isatty(STDIN_FILENO)) return std::make_unique<EditedSource>(console);
#endif
    static_cast<void>(console);
    return std::make_unique<PipeSource>();
}

}  // namespace

std::string console_features() {
    return fmt::format("console{}, {}", GNOMON_HAVE_LIBEDIT ? " with history and completion" : "",
                       disassembler_built_in() ? "disassembly" : "no disassembly");
}

RunEnd Console::prompt() {
    const std::unique_ptr<LineSource> source = make_source(*this);
    if (!std::exchange(instructed_, true)) {
        const bool started = debugger_.stop().kind != StopKind::Start;
        print("The machine is stopped{}. c goes on, s steps, help lists the commands, q quits.\n",
              started ? ": " + debugger_.stop().reason : " before its first instruction");
        print("{}\n", instruction_line());
    }
    std::string last;
    std::string line;
    while (!finished_) {
        switch (source->read(line)) {
            case LineSource::Got::End: finished_ = true; continue;
            case LineSource::Got::Interrupt: print("\nThe machine is stopped already: c goes on, q quits.\n"); continue;
            case LineSource::Got::Line: break;
        }
        while (!line.empty() && (line.back() == '\n' || line.back() == '\r')) line.pop_back();
        // As in Bochs, an empty line repeats what steps.
        if (line.empty() && (last.starts_with('s') || last.starts_with('n') || last.starts_with('u') || last.starts_with('x'))) {
            execute(last.starts_with('x') ? "x" : last.starts_with('u') ? "u" : last);
            continue;
        }
        last = line;
        execute(line);
    }
    return debugger_.stop().end.value_or(RunEnd{});
}

}  // namespace gnomon
