// Raw mode and its undoing. POSIX termios; DEC private modes 1049 (second screen) and 25 (cursor).
#include "gui/terminal_session.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <cstring>

namespace gnomon {
namespace {

constexpr std::string_view kEnter = "\x1b[?1049h\x1b[2J\x1b[H";
constexpr std::string_view kLeave = "\x1b[0m\x1b[?25h\x1b[?1049l";

constexpr std::array kFatalSignals = {SIGHUP,  SIGINT, SIGQUIT, SIGTERM, SIGABRT,
                                      SIGSEGV, SIGBUS, SIGFPE,  SIGILL,  SIGPIPE};

/// A signal handler and an exit handler get no argument, so that what they must undo has to be found without
/// one. This is the one process-wide object of the program; the terminal is process-wide as well.
struct Undo {
    std::atomic<bool> active = false;
    std::atomic<bool> continued = false;
    int in = -1;
    int out = -1;
    termios saved{};
    std::array<struct sigaction, kFatalSignals.size()> former{};
    struct sigaction former_continue {};
};
Undo undo;

/// Only async-signal-safe calls.
void restore_terminal() {
    if (!undo.active.exchange(false)) return;
    size_t done = 0;
    while (done < kLeave.size()) {
        const ssize_t written = ::write(undo.out, kLeave.data() + done, kLeave.size() - done);
        if (written > 0)
            done += static_cast<size_t>(written);
        else if (written < 0 && errno != EINTR)
            break;
    }
    tcsetattr(undo.in, TCSANOW, &undo.saved);
}

void on_fatal_signal(int signal) {
    const int error = errno;
    restore_terminal();
    for (size_t i = 0; i < kFatalSignals.size(); i++)
        if (kFatalSignals[i] == signal) sigaction(signal, &undo.former[i], nullptr);
    errno = error;
    raise(signal);  // delivered to the former handler when this one returns
}

void on_continue(int) { undo.continued = true; }

void set_raw(int in, const termios& saved) {
    termios raw = saved;
    raw.c_iflag &= ~static_cast<tcflag_t>(IGNBRK | BRKINT | PARMRK | ISTRIP | INLCR | IGNCR | ICRNL | IXON);
    raw.c_oflag &= ~static_cast<tcflag_t>(OPOST);
    raw.c_lflag &= ~static_cast<tcflag_t>(ECHO | ECHONL | ICANON | ISIG | IEXTEN);
    raw.c_cflag = (raw.c_cflag & ~static_cast<tcflag_t>(CSIZE | PARENB)) | CS8;
    raw.c_cc[VMIN] = 0;
    raw.c_cc[VTIME] = 0;
    tcsetattr(in, TCSANOW, &raw);
}

}  // namespace

Result<std::unique_ptr<TerminalSession>> TerminalSession::open(int in, int out) {
    if (undo.active) return fail("the terminal is in use by another display of this process");
    if (!isatty(in)) return fail("standard input is not a terminal");
    if (!isatty(out)) return fail("standard output is not a terminal");
    std::unique_ptr<TerminalSession> session(new TerminalSession(in, out));
    if (tcgetattr(in, &session->saved_) != 0)
        return fail("reading the terminal's settings: {}", std::strerror(errno));
    undo.in = in;
    undo.out = out;
    undo.saved = session->saved_;
    undo.continued = false;
    undo.active = true;

    struct sigaction action {};
    action.sa_handler = on_fatal_signal;
    sigemptyset(&action.sa_mask);
    for (size_t i = 0; i < kFatalSignals.size(); i++) {
        sigaction(kFatalSignals[i], nullptr, &undo.former[i]);
        // A signal that somebody ignores or handles (for a clean exit) stays his.
        if (undo.former[i].sa_handler == SIG_DFL) sigaction(kFatalSignals[i], &action, nullptr);
    }
    action.sa_handler = on_continue;
    action.sa_flags = SA_RESTART;
    sigaction(SIGCONT, &action, &undo.former_continue);
    static const int at_exit = std::atexit(restore_terminal);
    static_cast<void>(at_exit);
    session->enter();
    return session;
}

TerminalSession::~TerminalSession() {
    restore_terminal();
    for (size_t i = 0; i < kFatalSignals.size(); i++)
        if (undo.former[i].sa_handler == SIG_DFL) sigaction(kFatalSignals[i], &undo.former[i], nullptr);
    sigaction(SIGCONT, &undo.former_continue, nullptr);
}

void TerminalSession::enter() {
    set_raw(in_, saved_);
    write(kEnter);
}

TerminalSession::Size TerminalSession::size() const {
    winsize window{};
    if (ioctl(out_, TIOCGWINSZ, &window) != 0 || window.ws_row == 0 || window.ws_col == 0) return {};
    return {window.ws_row, window.ws_col};
}

std::string TerminalSession::read(bool& closed) {
    std::string bytes;
    std::array<char, 256> buffer;
    pollfd ready{in_, POLLIN, 0};
    while (::poll(&ready, 1, 0) > 0 && bytes.size() < 65536) {
        const ssize_t count = ::read(in_, buffer.data(), buffer.size());
        if (count > 0) {
            bytes.append(buffer.data(), static_cast<size_t>(count));
            continue;
        }
        if (count == 0 || (errno != EINTR && errno != EAGAIN)) {
            closed = count != 0 || (ready.revents & POLLHUP);
            break;
        }
    }
    return bytes;
}

void TerminalSession::write(std::string_view bytes) {
    unwritten_ += bytes;
    flush();
}

void TerminalSession::flush() {
    // The descriptor stays blocking (it may be shared with the shell): poll says when a piece fits.
    pollfd ready{out_, POLLOUT, 0};
    size_t done = 0;
    while (done < unwritten_.size() && ::poll(&ready, 1, 0) > 0 && (ready.revents & POLLOUT)) {
        const size_t piece = std::min<size_t>(unwritten_.size() - done, 256);
        const ssize_t count = ::write(out_, unwritten_.data() + done, piece);
        if (count > 0)
            done += static_cast<size_t>(count);
        else if (count < 0 && errno != EINTR && errno != EAGAIN)
            done = unwritten_.size();  // the terminal is gone; read() reports it
    }
    unwritten_.erase(0, done);
}

bool TerminalSession::continued() {
    if (!undo.continued.exchange(false)) return false;
    unwritten_.clear();
    enter();
    return true;
}

}  // namespace gnomon
