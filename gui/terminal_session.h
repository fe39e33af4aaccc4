// A terminal in raw mode on its second screen, put back as it was on every way out: destruction, exit(),
// signals.
#pragma once

#include <termios.h>

#include <memory>
#include <string>
#include <string_view>

#include "support/result.h"
#include "support/types.h"

namespace gnomon {

class TerminalSession {
  public:
    /// Fails if either descriptor is no terminal, or if a session is open already: a process has one.
    [[nodiscard]] static Result<std::unique_ptr<TerminalSession>> open(int in, int out);
    ~TerminalSession();
    TerminalSession(const TerminalSession&) = delete;
    TerminalSession& operator=(const TerminalSession&) = delete;

    struct Size {
        unsigned rows = 24;
        unsigned columns = 80;
        bool operator==(const Size&) const = default;
    };
    [[nodiscard]] Size size() const;
    /// What has been typed since the last call; sets `closed` when the terminal has gone.
    [[nodiscard]] std::string read(bool& closed);
    /// Writes as much as the terminal takes now and keeps the rest for the next call.
    void write(std::string_view bytes);
    /// True while an earlier write waits for a slow terminal: no use to draw more.
    [[nodiscard]] bool congested() const { return !unwritten_.empty(); }
    /// True once after the process was stopped and continued: the screen must be drawn anew.
    [[nodiscard]] bool continued();

  private:
    TerminalSession(int in, int out) : in_(in), out_(out) {}
    void enter();
    void flush();

    int in_;
    int out_;
    termios saved_{};
    std::string unwritten_;
};

}  // namespace gnomon
