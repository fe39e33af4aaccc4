// Text modes in a terminal: only cells that changed are written, in the terminal's own colours where they are
// the standard ones. ECMA-48 control sequences as xterm and its relatives take them.
#include "gui/terminal_display.h"

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <deque>

#include "devices/vga/code_page_437.h"
#include "gui/terminal_keys.h"
#include "gui/terminal_session.h"

namespace gnomon {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::string_view kHint = " Ctrl-] or Ctrl-A x: leave   Ctrl-A h: help ";
constexpr std::string_view kHelp =
    " Ctrl-A x: leave  d: Ctrl-Alt-Del  p: pause  r: reset  s: shot  w: save  o: load";  // 80 columns
constexpr std::string_view kPaused = " Paused: Ctrl-A p goes on ";
constexpr auto kHintTime = std::chrono::seconds(5);
/// Pace of strokes, so that a paste does not overrun the guest's keyboard, whose buffer holds 16 bytes.
constexpr auto kStrokeTime = std::chrono::milliseconds(12);
/// How long a key is held that no other one follows.
constexpr auto kHoldTime = std::chrono::milliseconds(60);
/// The bytes of one sequence arrive together; an ESC with nothing behind it for so long is the key.
constexpr auto kSequenceTime = std::chrono::milliseconds(40);

enum class Colours : u8 { Ansi16, Indexed256, True };

Colours colours_of_environment() {
    const auto variable = [](const char* name) {
        const char* value = std::getenv(name);
        return std::string_view(value ? value : "");
    };
    if (const auto v = variable("COLORTERM"); v == "truecolor" || v == "24bit") return Colours::True;
    return variable("TERM").find("256color") != std::string_view::npos ? Colours::Indexed256
                                                                       : Colours::Ansi16;
}

/// The colours of the IBM BIOS; with these the terminal's own sixteen are used, as the user likes them.
constexpr std::array<u32, 16> kStandardColours = {0x000000, 0x0000aa, 0x00aa00, 0x00aaaa, 0xaa0000, 0xaa00aa,
                                                  0xaa5500, 0xaaaaaa, 0x555555, 0x5555ff, 0x55ff55, 0x55ffff,
                                                  0xff5555, 0xff55ff, 0xffff55, 0xffffff};
/// IBM's order is blue, green, red; ANSI's is red, green, blue.
constexpr unsigned ansi_order(unsigned colour) {
    return (colour & 0x0a) | (colour & 1) << 2 | (colour >> 2 & 1);
}

/// What one position of the terminal shows.
struct Shown {
    char32_t character = 0;  ///< 0: unknown
    u32 foreground = 0;      ///< 0x01000000 + colour of the sixteen, or 0x00RRGGBB
    u32 background = 0;
    bool blink = false;
    bool underline = false;
    bool operator==(const Shown&) const = default;
};
constexpr u32 kAnsi = 0x01000000;

class TerminalDisplay final : public Display {
  public:
    explicit TerminalDisplay(std::unique_ptr<TerminalSession> session)
        : session_(std::move(session)),
          colours_(colours_of_environment()),
          hint_until_(Clock::now() + kHintTime) {
        screen_.graphics = true;
    }

    [[nodiscard]] Wants wants() const override { return Wants::Text; }
    void update(const TextScreen& screen) override {
        if (screen == screen_) return;
        screen_ = screen;
        draw();
    }
    void set_status(const RunStatus& status) override {
        if (status == status_) return;
        status_ = status;
        draw();
    }
    void tell(const Notice& notice) override {
        // The terminal's own selection is its clipboard.
        if (notice.kind == Notice::Kind::Message) show_hint(" " + notice.text + " ");
    }
    void poll(std::vector<InputEvent>& events) override;

  private:
    using Size = TerminalSession::Size;

    void draw();
    void compose(Size size);
    void compose_line(Size size, unsigned row, std::string_view utf8_ascii);
    [[nodiscard]] Shown shown_cell(const TextCell& cell) const;
    [[nodiscard]] u32 colour(u8 value) const;
    void append_colour(std::string& out, u32 colour, bool background) const;
    void append_rendition(std::string& out, const Shown& cell) const;
    [[nodiscard]] std::string status_text() const;
    void take_input();
    void command(char character);
    void show_hint(std::string text);
    void press(const KeyStroke& stroke, std::vector<InputEvent>& events);
    void release(std::vector<InputEvent>& events);

    std::unique_ptr<TerminalSession> session_;
    Colours colours_;
    TextScreen screen_;
    RunStatus status_;
    TerminalKeys keys_;
    std::deque<KeyStroke> strokes_;
    std::vector<Key> held_;
    bool prefix_ = false;  ///< Ctrl-A was typed
    bool leaving_ = false;
    bool left_ = false;
    bool dirty_ = true;
    std::vector<CommandRequest> requests_;
    std::string hint_{kHint};
    Clock::time_point hint_until_;
    Clock::time_point last_input_{};
    Clock::time_point last_stroke_{};

    Size size_{0, 0};
    std::vector<Shown> on_screen_;  ///< what the terminal shows
    std::vector<Shown> wanted_;
    unsigned cursor_row_ = 0;
    unsigned cursor_column_ = 0;
    bool cursor_wanted_ = false;
    std::string last_cursor_;
};

u32 TerminalDisplay::colour(u8 value) const {
    const u32 rgb = screen_.palette[value & 15];
    return rgb == kStandardColours[value & 15] || colours_ == Colours::Ansi16 ? kAnsi + (value & 15u) : rgb;
}

Shown TerminalDisplay::shown_cell(const TextCell& cell) const {
    Shown shown;
    shown.character = cell.character < 256 ? kCodePage437[cell.character] : U'\ufffd';
    shown.foreground = colour(cell.foreground);
    shown.background = colour(cell.background);
    shown.blink = cell.blink;
    shown.underline = cell.underline;
    return shown;
}

void TerminalDisplay::append_colour(std::string& out, u32 colour, bool background) const {
    if (colour & kAnsi) {
        const unsigned value = ansi_order(colour & 15);
        const unsigned base = value & 8 ? (background ? 100 : 90) : (background ? 40 : 30);
        out += fmt::format(";{}", base + (value & 7));
    } else if (colours_ == Colours::True) {
        out += fmt::format(";{};2;{};{};{}", background ? 48 : 38, colour >> 16, colour >> 8 & 255,
                           colour & 255);
    } else {
        // The 6x6x6 cube with levels 0, 95, 135 ... 255.
        const auto level = [](u32 v) { return v < 48 ? 0 : v < 115 ? 1 : (v - 35) / 40; };
        out +=
            fmt::format(";{};5;{}", background ? 48 : 38,
                        16 + 36 * level(colour >> 16) + 6 * level(colour >> 8 & 255) + level(colour & 255));
    }
}

void TerminalDisplay::append_rendition(std::string& out, const Shown& cell) const {
    out += "\x1b[0";
    if (cell.underline) out += ";4";
    if (cell.blink) out += ";5";
    append_colour(out, cell.foreground, false);
    append_colour(out, cell.background, true);
    out += 'm';
}

std::string TerminalDisplay::status_text() const {
    std::string text(kHint);
    if (status_.paused)
        text += " | paused";
    else if (status_.mips > 0)
        text += fmt::format(" | {:.0f} MIPS, {:.0f}%", status_.mips, status_.percent);
    return text;
}

void TerminalDisplay::compose_line(Size size, unsigned row, std::string_view text) {
    for (unsigned column = 0; column < size.columns; column++) {
        Shown& cell = wanted_[size_t{row} * size.columns + column];
        cell = {.character = column < text.size() ? static_cast<char32_t>(text[column]) : U' ',
                .foreground = kAnsi,
                .background = kAnsi + 7};
    }
}

/// What the terminal should show: the part of the guest's screen around its cursor, and a line about the run.
void TerminalDisplay::compose(Size size) {
    wanted_.assign(size_t{size.rows} * size.columns,
                   Shown{.character = U' ', .foreground = kAnsi + 7, .background = kAnsi});
    cursor_wanted_ = false;
    if (screen_.graphics) {
        const auto write = [&](unsigned row, std::string_view text) {
            for (unsigned i = 0; row < size.rows && i < text.size() && i < size.columns; i++)
                wanted_[size_t{row} * size.columns + i].character = static_cast<char32_t>(text[i]);
        };
        write(size.rows / 2, "The guest shows graphics or nothing");
        write(size.rows / 2 + 1, "Ctrl-A s writes its picture to a file");
    } else {
        const unsigned rows = std::min(size.rows, screen_.rows);
        const unsigned columns = std::min(size.columns, screen_.columns);
        // A terminal that is too small shows the part with the cursor.
        const auto first = [](unsigned cursor, unsigned shown, unsigned whole) {
            return std::min(cursor < shown ? 0 : cursor - shown + 1, whole - shown);
        };
        const unsigned first_row = first(screen_.cursor_row, rows, screen_.rows);
        const unsigned first_column = first(screen_.cursor_column, columns, screen_.columns);
        for (unsigned row = 0; row < rows; row++)
            for (unsigned column = 0; column < columns; column++)
                wanted_[size_t{row} * size.columns + column] =
                    shown_cell(screen_.at(first_row + row, first_column + column));
        if (screen_.cursor_visible) {
            cursor_row_ = screen_.cursor_row - first_row;
            cursor_column_ = screen_.cursor_column - first_column;
            cursor_wanted_ = cursor_row_ < rows && cursor_column_ < columns;
        }
    }
    const unsigned last = size.rows - 1;
    if (Clock::now() < hint_until_)
        compose_line(size, last, hint_);
    else if (screen_.graphics || size.rows > screen_.rows)
        compose_line(size, last, status_text());
    else if (status_.paused)  // over the guest's last line, or it would look like a hang
        compose_line(size, last, kPaused);
}

void TerminalDisplay::draw() {
    dirty_ = true;
    if (session_->congested()) return;
    dirty_ = false;
    std::string out;
    const Size size = session_->size();
    if (!(size == size_) || on_screen_.empty()) {
        size_ = size;
        on_screen_.assign(size_t{size.rows} * size.columns, Shown{});
        out += "\x1b[0m\x1b[2J";
    }
    compose(size);
    const Shown* rendition = nullptr;
    size_t at = ~size_t{0};  // where the terminal's cursor is, if known
    for (size_t i = 0; i < wanted_.size(); i++) {
        const Shown& cell = wanted_[i];
        if (cell == on_screen_[i]) continue;
        if (out.empty()) out += "\x1b[?25l";
        if (at != i) out += fmt::format("\x1b[{};{}H", i / size.columns + 1, i % size.columns + 1);
        if (!rendition || rendition->foreground != cell.foreground ||
            rendition->background != cell.background || rendition->blink != cell.blink ||
            rendition->underline != cell.underline)
            append_rendition(out, cell);
        rendition = &cell;
        append_utf8(out, cell.character);
        on_screen_[i] = cell;
        // At the right border, and after symbols whose width terminals disagree about, the position is not
        // certain.
        const bool certain =
            (cell.character < 0x80 || (cell.character >= 0x2500 && cell.character < 0x25a0)) &&
            (i + 1) % size.columns != 0;
        at = certain ? i + 1 : ~size_t{0};
    }
    std::string cursor = cursor_wanted_
                             ? fmt::format("\x1b[{};{}H\x1b[?25h", cursor_row_ + 1, cursor_column_ + 1)
                             : "\x1b[?25l";
    if (out.empty() && cursor == last_cursor_) return;
    out += cursor;
    last_cursor_ = std::move(cursor);
    session_->write(out);
}

void TerminalDisplay::show_hint(std::string text) {
    hint_ = std::move(text);
    hint_until_ = Clock::now() + kHintTime;
    draw();
}

void TerminalDisplay::command(char character) {
    switch (character) {
        case 'x':
        case 'X':
        case 'q': leaving_ = true; break;
        case 'd': strokes_.push_back({Key::Delete, false, true, true}); break;
        case 'p': requests_.push_back({UserCommand::PauseOrContinue}); break;
        case 'r': requests_.push_back({UserCommand::Reset}); break;
        case 's': requests_.push_back({UserCommand::Screenshot}); break;
        case 'w': requests_.push_back({UserCommand::SaveState}); break;
        case 'o': requests_.push_back({UserCommand::LoadState}); break;
        case 'l':
            on_screen_.clear();
            draw();
            break;
        case 0x01:
        case 'a': strokes_.push_back({Key::A, false, false, true}); break;
        default:
            show_hint(std::string(kHelp));
            break;
    }
}

void TerminalDisplay::take_input() {
    bool closed = false;
    const std::string bytes = session_->read(closed);
    if (closed) leaving_ = true;
    const Clock::time_point now = Clock::now();
    if (!bytes.empty()) last_input_ = now;
    for (const char byte : bytes) {
        // Our own keys are control characters, which no escape sequence contains.
        if (prefix_) {
            prefix_ = false;
            command(byte);
        } else if (byte == 0x01) {
            prefix_ = true;
        } else if (byte == 0x1d) {
            leaving_ = true;
        } else {
            keys_.feed(std::string_view(&byte, 1));
        }
    }
    if (keys_.incomplete() && now - last_input_ >= kSequenceTime) keys_.pause();
    std::deque<KeyStroke>& decoded = keys_.strokes();
    strokes_.insert(strokes_.end(), decoded.begin(), decoded.end());
    decoded.clear();
}

void TerminalDisplay::press(const KeyStroke& stroke, std::vector<InputEvent>& events) {
    const std::pair<bool, Key> keys[] = {{stroke.control, Key::LeftControl},
                                         {stroke.alt, Key::LeftAlt},
                                         {stroke.shift, Key::LeftShift},
                                         {true, stroke.key}};
    for (const auto& [wanted, key] : keys)
        if (wanted) {
            events.emplace_back(KeyInput{key, true});
            held_.push_back(key);
        }
}

void TerminalDisplay::release(std::vector<InputEvent>& events) {
    for (; !held_.empty(); held_.pop_back()) events.emplace_back(KeyInput{held_.back(), false});
}

void TerminalDisplay::poll(std::vector<InputEvent>& events) {
    session_->write({});  // what the terminal did not take before
    take_input();
    const Clock::time_point now = Clock::now();
    // A terminal does not say when a key comes up. Programs that look at the keyboard now and then see a held one.
    if (now - last_stroke_ >= (strokes_.empty() ? kHoldTime : kStrokeTime)) release(events);
    if (!strokes_.empty() && now - last_stroke_ >= kStrokeTime) {
        last_stroke_ = now;
        press(strokes_.front(), events);
        strokes_.pop_front();
    }
    for (CommandRequest& request : requests_) events.emplace_back(std::move(request));
    requests_.clear();
    if (leaving_ && !left_) {
        left_ = true;
        events.emplace_back(PowerOffRequest{});
    }
    if (session_->continued()) on_screen_.clear();
    const bool hint_over = hint_until_ != Clock::time_point{} && now >= hint_until_;
    if (hint_over) hint_until_ = Clock::time_point{};
    if (dirty_ || hint_over || on_screen_.empty() || !(session_->size() == size_)) draw();
}

}  // namespace

Result<std::unique_ptr<Display>> make_terminal_display(const DisplayOptions& options) {
    Result<std::unique_ptr<TerminalSession>> session =
        TerminalSession::open(options.terminal_in, options.terminal_out);
    if (!session) return session.error().in("--display terminal");
    return std::unique_ptr<Display>(std::make_unique<TerminalDisplay>(std::move(*session)));
}

}  // namespace gnomon
