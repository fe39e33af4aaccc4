// The terminal display on a pseudo-terminal, read by a small terminal of the test's own.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <pty.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <map>
#include <thread>

#include "devices/vga/code_page_437.h"
#include "gui/display.h"

namespace gnomon {
namespace {

/// Understands what the display is expected to send, and fails on anything else.
struct TestTerminal {
    struct Cell {
        std::string character = " ";
        std::string rendition;
    };
    unsigned rows = 0;
    unsigned columns = 0;
    std::map<std::pair<unsigned, unsigned>, Cell> cells;
    unsigned row = 0;
    unsigned column = 0;
    bool cursor = true;
    bool second_screen = false;
    std::string rendition;
    std::string pending;
    size_t cells_written = 0;

    void feed(std::string_view bytes) {
        pending += bytes;
        size_t length = 0;
        while (!pending.empty() && (length = take()) != 0) pending.erase(0, length);
    }
    size_t take() {
        if (pending[0] == 0x1b) {
            const size_t end = pending.find_first_of("HJmhl", 1);
            if (end == std::string::npos) return 0;
            sequence(pending.substr(1, end));
            return end + 1;
        }
        const u8 first = static_cast<u8>(pending[0]);
        EXPECT_GE(first, 0x20);
        const size_t length = first < 0x80 ? 1 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
        if (pending.size() < length) return 0;
        EXPECT_LT(row, rows);
        EXPECT_LT(column, columns);
        cells[{row, column++}] = {pending.substr(0, length), rendition};
        cells_written++;
        return length;
    }
    void sequence(const std::string& s) {
        unsigned r = 1;
        unsigned c = 1;
        if (s == "[?1049h" || s == "[?1049l") {
            second_screen = s.back() == 'h';
        } else if (s == "[?25h" || s == "[?25l") {
            cursor = s.back() == 'h';
        } else if (s == "[2J") {
            cells.clear();
        } else if (s.back() == 'm') {
            rendition = s;
        } else if (s == "[H" || std::sscanf(s.c_str(), "[%u;%uH", &r, &c) == 2) {
            row = r - 1;
            column = c - 1;
        } else {
            ADD_FAILURE() << "unexpected sequence " << testing::PrintToString(s);
        }
    }
    std::string line(unsigned at) {
        std::string out;
        for (unsigned x = 0; x < columns; x++) out += cells[{at, x}].character;
        return out.erase(out.find_last_not_of(' ') + 1);
    }
};

struct TerminalDisplayTest : testing::Test {
    int master = -1;
    int slave = -1;
    TestTerminal terminal;
    std::unique_ptr<Display> display;
    std::vector<InputEvent> events;

    void SetUp() override {
        setenv("TERM", "xterm", 1);
        unsetenv("COLORTERM");
        ASSERT_EQ(openpty(&master, &slave, nullptr, nullptr, nullptr), 0);
        resize(30, 100);
    }
    void TearDown() override {
        display.reset();
        close(master);
        close(slave);
    }
    void resize(u16 rows, u16 columns) {
        const winsize size{rows, columns, 0, 0};
        ioctl(master, TIOCSWINSZ, &size);
        terminal.rows = rows;
        terminal.columns = columns;
    }
    void start() {
        Result<std::unique_ptr<Display>> made =
            make_display({DisplayKind::Terminal}, {.terminal_in = slave, .terminal_out = slave});
        ASSERT_TRUE(made.ok()) << made.error().message;
        display = std::move(*made);
    }
    bool drain() {
        bool any = false;
        char buffer[4096];
        pollfd ready{master, POLLIN, 0};
        while (poll(&ready, 1, 0) > 0 && (ready.revents & POLLIN)) {
            const ssize_t count = read(master, buffer, sizeof buffer);
            if (count <= 0) break;
            terminal.feed({buffer, static_cast<size_t>(count)});
            any = true;
        }
        return any;
    }
    /// Until the display has nothing more to send.
    void settle() {
        for (int quiet = 0; quiet < 3;) {
            display->poll(events);
            quiet = drain() ? 0 : quiet + 1;
            std::this_thread::sleep_for(std::chrono::milliseconds(1));
        }
    }
    void type(std::string_view bytes) {
        ASSERT_EQ(write(master, bytes.data(), bytes.size()), static_cast<ssize_t>(bytes.size()));
    }
    bool wait_for_events(size_t count) {
        for (int i = 0; i < 2000 && events.size() < count; i++) {
            display->poll(events);
            drain();
            std::this_thread::sleep_for(std::chrono::milliseconds(1));
        }
        return events.size() >= count;
    }

    static TextScreen blank_screen() {
        TextScreen screen;
        screen.columns = 80;
        screen.rows = 25;
        screen.cells.resize(2000);
        const u32 standard[16] = {0x000000, 0x0000aa, 0x00aa00, 0x00aaaa, 0xaa0000, 0xaa00aa,
                                  0xaa5500, 0xaaaaaa, 0x555555, 0x5555ff, 0x55ff55, 0x55ffff,
                                  0xff5555, 0xff55ff, 0xffff55, 0xffffff};
        std::copy(std::begin(standard), std::end(standard), screen.palette);
        screen.cursor_visible = true;
        return screen;
    }
    static void put(TextScreen& screen, unsigned row, unsigned column, std::string_view text, u8 fore = 7,
                    u8 back = 0) {
        for (const char c : text)
            screen.cells[row * 80 + column++] = {static_cast<u8>(c), fore, back, false, false};
    }
};

TEST_F(TerminalDisplayTest, DrawsEveryCharacterInItsPlaceAndOnlyChangesAfterwards) {
    start();
    settle();
    EXPECT_TRUE(terminal.second_screen);
    EXPECT_EQ(terminal.line(29).substr(0, 30), " Ctrl-] or Ctrl-A x: leave   C");
    TextScreen screen = blank_screen();
    for (unsigned i = 0; i < 2000; i++) screen.cells[i].character = static_cast<u16>(i % 256);
    screen.cursor_row = 3;
    screen.cursor_column = 7;
    display->update(screen);
    settle();
    for (unsigned i = 0; i < 2000; i++) {
        std::string expected;
        append_utf8(expected, kCodePage437[i % 256]);
        ASSERT_EQ((terminal.cells[{i / 80, i % 80}].character), expected) << i;
    }
    EXPECT_TRUE(terminal.cursor);
    EXPECT_EQ(terminal.row, 3u);
    EXPECT_EQ(terminal.column, 7u);
    terminal.cells_written = 0;
    display->update(screen);
    settle();
    EXPECT_EQ(terminal.cells_written, 0u);
    put(screen, 10, 78, "XY");
    put(screen, 24, 0, "Z", 14, 1);
    screen.cursor_visible = false;
    display->update(screen);
    settle();
    EXPECT_EQ(terminal.cells_written, 3u);
    EXPECT_EQ((terminal.cells[{10, 79}].character), "Y");
    EXPECT_EQ((terminal.cells[{24, 0}].rendition), "[0;93;44m");  // bright yellow on blue
    EXPECT_FALSE(terminal.cursor);
}

TEST_F(TerminalDisplayTest, BlinkUnderlineAndOddColoursAreSentAsTheTerminalTakesThem) {
    setenv("TERM", "xterm-256color", 1);
    start();
    TextScreen screen = blank_screen();
    screen.palette[3] = 0xff8700;  // not the standard cyan
    screen.cells[0] = {'a', 3, 0, true, true};
    display->update(screen);
    settle();
    EXPECT_EQ((terminal.cells[{0, 0}].rendition), "[0;4;5;38;5;208;40m");
    display.reset();
    setenv("COLORTERM", "truecolor", 1);
    start();
    display->update(screen);
    settle();
    EXPECT_EQ((terminal.cells[{0, 0}].rendition), "[0;4;5;38;2;255;135;0;40m");
}

TEST_F(TerminalDisplayTest, SmallTerminalShowsThePartWithTheCursorAndFollowsResizing) {
    resize(10, 40);
    start();
    TextScreen screen = blank_screen();
    put(screen, 0, 0, "top");
    put(screen, 24, 60, "bottom");
    display->update(screen);
    settle();
    EXPECT_EQ(terminal.line(0), "top");
    screen.cursor_row = 24;
    screen.cursor_column = 65;
    display->update(screen);
    settle();
    // The last row is under the hint of the first seconds; the cursor is there nevertheless.
    EXPECT_EQ(terminal.row, 9u);
    EXPECT_EQ(terminal.column, 39u);
    resize(26, 90);
    settle();
    EXPECT_EQ(terminal.line(0), "top");
    EXPECT_EQ(terminal.line(24), std::string(60, ' ') + "bottom");
    EXPECT_EQ(terminal.row, 24u);
    EXPECT_EQ(terminal.column, 65u);
}

TEST_F(TerminalDisplayTest, GraphicsModesAreSaidToBeSo) {
    start();
    TextScreen screen;
    screen.graphics = true;
    display->update(screen);
    settle();
    EXPECT_EQ(terminal.line(15), "The guest shows graphics or nothing");
    EXPECT_EQ(terminal.line(16), "Ctrl-A s writes its picture to a file");
}

TEST_F(TerminalDisplayTest, TypingBecomesPressesAndReleasesInOrder) {
    start();
    type("aA\x1b[15~\x1bx\x03");
    ASSERT_TRUE(wait_for_events(2 + 4 + 2 + 4 + 4));
    const auto key = [](Key k, bool down) { return InputEvent(KeyInput{k, down}); };
    const std::vector<InputEvent> expected = {
        key(Key::A, true),           key(Key::A, false),                                                   //
        key(Key::LeftShift, true),   key(Key::A, true),   key(Key::A, false), key(Key::LeftShift, false),  //
        key(Key::F5, true),          key(Key::F5, false),                                                  //
        key(Key::LeftAlt, true),     key(Key::X, true),   key(Key::X, false), key(Key::LeftAlt, false),    //
        key(Key::LeftControl, true), key(Key::C, true),   key(Key::C, false), key(Key::LeftControl, false)};
    EXPECT_EQ(events, expected);
}

TEST_F(TerminalDisplayTest, CtrlRightBracketAndCtrlAXLeave) {
    start();
    type("\x1d");
    ASSERT_TRUE(wait_for_events(1));
    EXPECT_EQ(events, (std::vector<InputEvent>{PowerOffRequest{}}));
    display.reset();
    events.clear();
    start();
    type("\x01x");
    ASSERT_TRUE(wait_for_events(1));
    EXPECT_EQ(events, (std::vector<InputEvent>{PowerOffRequest{}}));
}

TEST_F(TerminalDisplayTest, PrefixSendsCtrlAltDelCtrlAAndHelp) {
    start();
    type(
        "\x01"
        "d\x01\x01");
    ASSERT_TRUE(wait_for_events(10));
    EXPECT_EQ(events[2], InputEvent(KeyInput{Key::Delete, true}));
    EXPECT_EQ(events[7], InputEvent(KeyInput{Key::A, true}));
    type("\x01h");
    settle();
    EXPECT_EQ(terminal.line(29).substr(0, 17), " Ctrl-A x: leave ");
}

TEST_F(TerminalDisplayTest, PrefixGivesCommandsAndTheAnswersAreShown) {
    start();
    type("\x01p\x01s\x01w");
    ASSERT_TRUE(wait_for_events(3));
    EXPECT_EQ(events, (std::vector<InputEvent>{CommandRequest{UserCommand::PauseOrContinue},
                                               CommandRequest{UserCommand::Screenshot}, CommandRequest{UserCommand::SaveState}}));
    display->tell({Notice::Kind::Message, "Screenshot screenshot-1.png"});
    settle();
    EXPECT_EQ(terminal.line(29), " Screenshot screenshot-1.png");
}

TEST_F(TerminalDisplayTest, APauseIsShownWhereThereIsNoRoomAndEveryLineComesBack) {
    start();
    TextScreen screen = blank_screen();
    screen.rows = 30;  // as many as the terminal has
    screen.cells.resize(size_t{30} * screen.columns);
    for (TextCell& cell : screen.cells) cell.character = 'x';
    display->update(screen);
    settle();
    std::this_thread::sleep_for(std::chrono::milliseconds(5100));  // the hint gives way
    settle();
    EXPECT_EQ(terminal.line(29).substr(0, 4), "xxxx");
    display->set_status({.paused = true});
    settle();
    EXPECT_EQ(terminal.line(29), " Paused: Ctrl-A p goes on");
    display->set_status({.paused = false});
    settle();
    EXPECT_EQ(terminal.line(29).substr(0, 4), "xxxx");
}

TEST_F(TerminalDisplayTest, StatusIsShownWhereThereIsRoom) {
    start();
    display->update(blank_screen());
    display->set_status({.mips = 123.4, .percent = 99});
    settle();
    std::this_thread::sleep_for(std::chrono::milliseconds(5100));  // the hint gives way to it
    settle();
    EXPECT_EQ(terminal.line(29), " Ctrl-] or Ctrl-A x: leave   Ctrl-A h: help  | 123 MIPS, 99%");
}

TEST_F(TerminalDisplayTest, SettingsAreRestoredOnDestruction) {
    termios before{};
    termios during{};
    termios after{};
    tcgetattr(slave, &before);
    start();
    tcgetattr(slave, &during);
    EXPECT_FALSE(during.c_lflag & (ICANON | ECHO | ISIG));
    EXPECT_FALSE(make_display({DisplayKind::Terminal}, {.terminal_in = slave, .terminal_out = slave}).ok());
    display.reset();
    tcgetattr(slave, &after);
    EXPECT_EQ(before.c_lflag, after.c_lflag);
    EXPECT_EQ(before.c_iflag, after.c_iflag);
    EXPECT_EQ(before.c_oflag, after.c_oflag);
    drain();
    EXPECT_FALSE(terminal.second_screen);
    EXPECT_TRUE(terminal.cursor);
}

TEST_F(TerminalDisplayTest, SettingsAreRestoredWhenASignalOrExitEndsTheProcess) {
    termios before{};
    tcgetattr(slave, &before);
    for (const int way : {SIGTERM, SIGINT, SIGSEGV, 0}) {
        const pid_t child = fork();
        ASSERT_GE(child, 0);
        if (child == 0) {
            signal(SIGSEGV, SIG_DFL);  // whatever the test framework or a sanitizer installed
            const DisplayOptions options{.terminal_in = slave, .terminal_out = slave};
            Result<std::unique_ptr<Display>> made = make_display({DisplayKind::Terminal}, options);
            if (!made) _exit(1);
            if (way == 0) std::exit(0);
            raise(way);
            _exit(2);
        }
        int status = 0;
        ASSERT_EQ(waitpid(child, &status, 0), child);
        if (way) {
            EXPECT_TRUE(WIFSIGNALED(status));
            EXPECT_EQ(WTERMSIG(status), way);
        } else {
            EXPECT_EQ(WEXITSTATUS(status), 0);
        }
        termios after{};
        tcgetattr(slave, &after);
        EXPECT_EQ(before.c_lflag, after.c_lflag) << way;
        drain();
        EXPECT_FALSE(terminal.second_screen) << way;
    }
}

TEST_F(TerminalDisplayTest, WhatIsNoTerminalIsRefused) {
    int pipes[2];
    ASSERT_EQ(pipe(pipes), 0);
    const Result<std::unique_ptr<Display>> made =
        make_display({DisplayKind::Terminal}, {.terminal_in = pipes[0], .terminal_out = slave});
    ASSERT_FALSE(made.ok());
    EXPECT_EQ(made.error().message, "--display terminal: standard input is not a terminal");
    close(pipes[0]);
    close(pipes[1]);
}

TEST_F(TerminalDisplayTest, HangUpOfTheTerminalPowersOff) {
    start();
    signal(SIGHUP, SIG_IGN);
    close(master);
    master = -1;
    for (int i = 0; i < 100 && events.empty(); i++) display->poll(events);
    EXPECT_EQ(events, (std::vector<InputEvent>{PowerOffRequest{}}));
}

}  // namespace
}  // namespace gnomon
