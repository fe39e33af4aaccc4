// The SDL window: keyboard by position, mouse grab, menu, clipboard, dropped files.
#include "gui/sdl_display.h"

#include <SDL.h>

#include <chrono>
#include <set>
#include <string_view>

#include "gui/menu.h"
#include "gui/sdl_joysticks.h"
#include "gui/sdl_keys.h"
#include "gui/sdl_screen.h"

namespace gnomon {
namespace {

using Clock = std::chrono::steady_clock;
constexpr auto kMessageTime = std::chrono::seconds(4);

/// Keeps SDL's video part alive; SDL counts its users.
class SdlVideo {
  public:
    static Result<std::unique_ptr<SdlVideo>> start() {
        SDL_SetHint(SDL_HINT_NO_SIGNAL_HANDLERS, "1");  // Ctrl-C in the shell stays ours
        SDL_SetHint(SDL_HINT_VIDEO_ALLOW_SCREENSAVER, "1");
        if (SDL_InitSubSystem(SDL_INIT_VIDEO) != 0) return fail("--display sdl: {}", SDL_GetError());
        std::unique_ptr<SdlVideo> video(new SdlVideo);
        // Unless told otherwise SDL draws into nothing where there is no desktop.
        if (!SDL_GetHint(SDL_HINT_VIDEODRIVER) && std::string_view(SDL_GetCurrentVideoDriver()) == "offscreen")
            return fail("--display sdl: there is no desktop to open a window on (DISPLAY, WAYLAND_DISPLAY)");
        return video;
    }
    ~SdlVideo() { SDL_QuitSubSystem(SDL_INIT_VIDEO); }
    SdlVideo(const SdlVideo&) = delete;
    SdlVideo& operator=(const SdlVideo&) = delete;

  private:
    SdlVideo() = default;
};

class SdlDisplay final : public Display {
  public:
    SdlDisplay(std::unique_ptr<SdlVideo> video, std::unique_ptr<SdlScreen> screen,
               const DisplayOptions& options)
        : video_(std::move(video)), screen_(std::move(screen)), options_(options) {
        SDL_StopTextInput();  // on only while the menu asks for a name
        refresh();
    }
    ~SdlDisplay() override { grab(false); }

    [[nodiscard]] Wants wants() const override { return Wants::Picture; }
    void update(const Frame& frame) override { screen_->set_picture(frame); }
    void set_status(const RunStatus& status) override {
        if (status == status_) return;
        // A guest that takes places needs no grab.
        if (status.takes_places && !status_.takes_places) grab(false);
        status_ = status;
        show_host_pointer();
        menu_.update(status);
        refresh();
    }
    void tell(const Notice& notice) override {
        if (notice.kind == Notice::Kind::Clipboard)
            SDL_SetClipboardText(notice.text.c_str());
        else
            say(notice.text);
    }
    void poll(std::vector<InputEvent>& events) override;

  private:
    void set_title();
    void refresh();
    void say(std::string message);
    void grab(bool on);
    void show_host_pointer();
    void on_event(const SDL_Event& event, std::vector<InputEvent>& events);
    void on_key(const SDL_KeyboardEvent& event, std::vector<InputEvent>& events);
    bool on_combination(SDL_Scancode code, std::vector<InputEvent>& events);
    void on_menu_key(SDL_Scancode code, std::vector<InputEvent>& events);
    void on_window(const SDL_WindowEvent& event, std::vector<InputEvent>& events);
    void on_button(const SDL_MouseButtonEvent& event, std::vector<InputEvent>& events);
    void toggle_menu(std::vector<InputEvent>& events);
    void carry_out(Menu::Outcome outcome, std::vector<InputEvent>& events);
    void carry_out(WindowAction action, std::vector<InputEvent>& events);
    void release_all(std::vector<InputEvent>& events);
    void close(std::vector<InputEvent>& events);
    void set_key(Key key, bool down, std::vector<InputEvent>& events);
    void set_button(u8 button, bool down, std::vector<InputEvent>& events);

    std::unique_ptr<SdlVideo> video_;
    std::unique_ptr<SdlScreen> screen_;
    SdlJoysticks joysticks_;
    DisplayOptions options_;
    RunStatus status_;
    Menu menu_;
    std::string message_;
    Clock::time_point message_until_{};
    bool grabbed_ = false;
    PointerMotion motion_;  ///< adds up until something else happens, which must see the pointer where it was
    std::optional<PointerPlace> place_;  ///< likewise
    std::set<Key> held_;    ///< keys the guest believes to be down
    unsigned buttons_ = 0;  ///< mouse buttons likewise
    bool closed_ = false;
};

void SdlDisplay::set_title() {
    std::string title = options_.title;
    if (status_.paused)
        title += " - paused";
    else if (status_.mips > 0)
        title += fmt::format(" - {:.0f} MIPS, {:.0f}%", status_.mips, status_.percent);
    if (grabbed_)
        title += " - Ctrl+Alt+G releases the mouse";
    else if (!status_.takes_places)
        title += " - click or Ctrl+Alt+G grabs the mouse";
    SDL_SetWindowTitle(screen_->window(), title.c_str());
}

/// Draws anew what is not the guest's.
void SdlDisplay::refresh() {
    set_title();
    screen_->set_status_line(draw_status_line(status_, message_, grabbed_, screen_->status_columns()), !message_.empty());
    screen_->set_menu(menu_.is_open() ? std::optional(menu_.draw()) : std::nullopt);
    screen_->present();
}

void SdlDisplay::say(std::string message) {
    message_ = std::move(message);
    message_until_ = Clock::now() + kMessageTime;
    refresh();
}

void SdlDisplay::grab(bool on) {
    if (on == grabbed_) return;
    grabbed_ = on;
    SDL_SetRelativeMouseMode(on ? SDL_TRUE : SDL_FALSE);
    SDL_SetWindowMouseGrab(screen_->window(), on ? SDL_TRUE : SDL_FALSE);
    // The desktop's own combinations, as Alt+Tab, go to the guest as well.
    SDL_SetWindowKeyboardGrab(screen_->window(), on ? SDL_TRUE : SDL_FALSE);
    // Where there is neither a title nor a status line to read.
    if (on && !screen_->shows_status_line()) return say("Ctrl+Alt+G frees the mouse");
    refresh();
}

/// Over the picture of a guest that takes places there is only the guest's own pointer.
void SdlDisplay::show_host_pointer() {
    int x = 0;
    int y = 0;
    SDL_GetMouseState(&x, &y);
    const bool hidden = status_.takes_places && !menu_.is_open() && screen_->on_picture(x, y);
    SDL_ShowCursor(hidden ? SDL_DISABLE : SDL_ENABLE);
}

void SdlDisplay::set_key(Key key, bool down, std::vector<InputEvent>& events) {
    if (key == Key::None || down == held_.contains(key)) return;
    if (down)
        held_.insert(key);
    else
        held_.erase(key);
    events.emplace_back(KeyInput{key, down});
}

void SdlDisplay::set_button(u8 button, bool down, std::vector<InputEvent>& events) {
    const unsigned bit = 1u << button;
    if (((buttons_ & bit) != 0) == down) return;
    buttons_ ^= bit;
    events.emplace_back(PointerButton{button, down});
}

/// The window loses the user's attention: nothing stays pressed in the guest.
void SdlDisplay::release_all(std::vector<InputEvent>& events) {
    for (const Key key : held_) events.emplace_back(KeyInput{key, false});
    held_.clear();
    for (u8 button = 0; button < 5; button++) set_button(button, false, events);
}

void SdlDisplay::close(std::vector<InputEvent>& events) {
    if (!closed_) events.emplace_back(PowerOffRequest{});
    closed_ = true;
}

void SdlDisplay::toggle_menu(std::vector<InputEvent>& events) {
    release_all(events);
    if (menu_.is_open()) {
        menu_.close();
        SDL_StopTextInput();
    } else {
        grab(false);
        menu_.open(status_);
        SDL_StartTextInput();
    }
    refresh();
}

void SdlDisplay::carry_out(WindowAction action, std::vector<InputEvent>& events) {
    switch (action) {
        case WindowAction::None: break;
        case WindowAction::FullScreen: screen_->toggle_full_screen(); break;
        case WindowAction::Scaling: say(screen_->next_scaling()); break;
        case WindowAction::StatusLine: screen_->toggle_status_line(); break;
        case WindowAction::GrabMouse: grab(!grabbed_); break;
        case WindowAction::Paste:
            if (char* text = SDL_GetClipboardText()) {
                if (*text) events.emplace_back(TextInput{text});
                SDL_free(text);
            }
            break;
    }
    refresh();
}

void SdlDisplay::carry_out(Menu::Outcome outcome, std::vector<InputEvent>& events) {
    if (!menu_.is_open()) SDL_StopTextInput();
    for (InputEvent& event : outcome.events) {
        if (std::holds_alternative<PowerOffRequest>(event))
            close(events);
        else
            events.push_back(std::move(event));
    }
    carry_out(outcome.action, events);
}

/// Ctrl+Alt with a key that is ours, never the guest's.
bool SdlDisplay::on_combination(SDL_Scancode code, std::vector<InputEvent>& events) {
    struct Row {
        SDL_Scancode code;
        std::optional<UserCommand> command;
        WindowAction action = WindowAction::None;
    };
    static constexpr Row kRows[] = {
        {SDL_SCANCODE_P, UserCommand::PauseOrContinue},
        {SDL_SCANCODE_R, UserCommand::Reset},
        {SDL_SCANCODE_S, UserCommand::SaveState},
        {SDL_SCANCODE_L, UserCommand::LoadState},
        {SDL_SCANCODE_PRINTSCREEN, UserCommand::Screenshot},
        {SDL_SCANCODE_C, UserCommand::CopyText},
        {SDL_SCANCODE_U, UserCommand::Mute},
        {SDL_SCANCODE_G, std::nullopt, WindowAction::GrabMouse},
        {SDL_SCANCODE_F, std::nullopt, WindowAction::FullScreen},
        {SDL_SCANCODE_I, std::nullopt, WindowAction::Scaling},
        {SDL_SCANCODE_V, std::nullopt, WindowAction::Paste},
    };
    if (code == SDL_SCANCODE_M) {
        toggle_menu(events);
        return true;
    }
    if (code == SDL_SCANCODE_END) {  // the host keeps Ctrl+Alt+Del for itself; Ctrl and Alt are down already
        events.emplace_back(KeyInput{Key::Delete, true});
        events.emplace_back(KeyInput{Key::Delete, false});
        return true;
    }
    for (const Row& row : kRows) {
        if (row.code != code) continue;
        release_all(events);
        if (row.command) events.emplace_back(CommandRequest{*row.command});
        carry_out(row.action, events);
        return true;
    }
    return false;
}

void SdlDisplay::on_menu_key(SDL_Scancode code, std::vector<InputEvent>& events) {
    static constexpr std::pair<SDL_Scancode, Menu::Step> kSteps[] = {
        {SDL_SCANCODE_UP, Menu::Step::Up},         {SDL_SCANCODE_DOWN, Menu::Step::Down},
        {SDL_SCANCODE_HOME, Menu::Step::First},    {SDL_SCANCODE_END, Menu::Step::Last},
        {SDL_SCANCODE_RETURN, Menu::Step::Choose}, {SDL_SCANCODE_KP_ENTER, Menu::Step::Choose},
        {SDL_SCANCODE_ESCAPE, Menu::Step::Back},   {SDL_SCANCODE_BACKSPACE, Menu::Step::Erase},
        {SDL_SCANCODE_TAB, Menu::Step::Complete},
    };
    for (const auto& [key, step] : kSteps)
        if (key == code) carry_out(menu_.step(step), events);
}

void SdlDisplay::on_key(const SDL_KeyboardEvent& event, std::vector<InputEvent>& events) {
    const bool down = event.type == SDL_KEYDOWN;
    const SDL_Scancode code = event.keysym.scancode;
    const bool control = event.keysym.mod & KMOD_CTRL;
    const bool alt = event.keysym.mod & KMOD_ALT;
    if (down && !event.repeat && control && alt && on_combination(code, events)) return;
    if (menu_.is_open()) {
        if (down) on_menu_key(code, events);
        return;
    }
    if (down && event.repeat) return;
    set_key(key_of_scan_code(code), down, events);
}

void SdlDisplay::on_window(const SDL_WindowEvent& event, std::vector<InputEvent>& events) {
    switch (event.event) {
        case SDL_WINDOWEVENT_CLOSE: close(events); break;
        case SDL_WINDOWEVENT_FOCUS_LOST:
            grab(false);
            release_all(events);
            break;
        case SDL_WINDOWEVENT_EXPOSED:
        case SDL_WINDOWEVENT_SIZE_CHANGED: refresh(); break;
        default: break;
    }
}

void SdlDisplay::on_button(const SDL_MouseButtonEvent& event, std::vector<InputEvent>& events) {
    const bool down = event.type == SDL_MOUSEBUTTONDOWN;
    if (menu_.is_open()) {
        if (!down) return;
        if (const std::optional<u32> row = screen_->menu_row(event.x, event.y))
            carry_out(menu_.click(*row), events);
        else
            toggle_menu(events);
        return;
    }
    if (!grabbed_ && status_.takes_places) {
        if (down && !screen_->on_picture(event.x, event.y)) return;
    } else if (!grabbed_) {
        // The click that grabs is not the guest's.
        if (down && event.button == SDL_BUTTON_LEFT) grab(true);
        return;
    }
    switch (event.button) {
        case SDL_BUTTON_LEFT: set_button(0, down, events); break;
        case SDL_BUTTON_RIGHT: set_button(1, down, events); break;
        case SDL_BUTTON_MIDDLE: set_button(2, down, events); break;
        case SDL_BUTTON_X1: set_button(3, down, events); break;
        case SDL_BUTTON_X2: set_button(4, down, events); break;
        default: break;
    }
}

void SdlDisplay::on_event(const SDL_Event& event, std::vector<InputEvent>& events) {
    switch (event.type) {
        case SDL_QUIT: close(events); break;  // follows the closing of the last window
        case SDL_WINDOWEVENT:
            if (event.window.windowID == screen_->id()) on_window(event.window, events);
            break;
        case SDL_KEYDOWN:
        case SDL_KEYUP: on_key(event.key, events); break;
        case SDL_TEXTINPUT:
            // Ctrl+Alt+M itself is no text for the menu.
            if (menu_.is_open() && !(SDL_GetModState() & (KMOD_CTRL | KMOD_ALT))) {
                menu_.type(event.text.text);
                refresh();
            }
            break;
        case SDL_MOUSEBUTTONDOWN:
        case SDL_MOUSEBUTTONUP: on_button(event.button, events); break;
        case SDL_DROPFILE:
            events.emplace_back(CommandRequest{UserCommand::Insert, {}, event.drop.file});
            SDL_free(event.drop.file);
            break;
        case SDL_RENDER_TARGETS_RESET:
        case SDL_RENDER_DEVICE_RESET: screen_->restore(); break;
        default: joysticks_.on_event(event, events); break;
    }
}

void SdlDisplay::poll(std::vector<InputEvent>& events) {
    const auto flush_motion = [&] {
        if (place_) events.emplace_back(*place_);
        place_.reset();
        if (!(motion_ == PointerMotion{})) events.emplace_back(motion_);
        motion_ = {};
    };
    SDL_Event event;
    while (SDL_PollEvent(&event)) {
        if (event.type == SDL_MOUSEMOTION) {
            if (!grabbed_) {
                if (!status_.takes_places || menu_.is_open()) continue;
                place_ = screen_->place_of(event.motion.x, event.motion.y);
                show_host_pointer();
                continue;
            }
            motion_.dx += event.motion.xrel;
            motion_.dy += event.motion.yrel;
        } else if (event.type == SDL_MOUSEWHEEL) {
            const int steps =
                event.wheel.direction == SDL_MOUSEWHEEL_FLIPPED ? -event.wheel.y : event.wheel.y;
            if (grabbed_ || (status_.takes_places && !menu_.is_open())) motion_.wheel += steps;
        } else {
            flush_motion();
            on_event(event, events);
        }
    }
    flush_motion();
    if (!message_.empty() && Clock::now() > message_until_) say({});
}

}  // namespace

Result<std::unique_ptr<Display>> make_sdl_display(const DisplayOptions& options) {
    Result<std::unique_ptr<SdlVideo>> video = SdlVideo::start();
    if (!video) return video.error();
    Result<std::unique_ptr<SdlScreen>> screen = SdlScreen::open(options);
    if (!screen) return screen.error();
    return std::unique_ptr<Display>(
        std::make_unique<SdlDisplay>(std::move(*video), std::move(*screen), options));
}

}  // namespace gnomon
