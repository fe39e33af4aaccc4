// A window of the guest's picture at its right shape, keyboard by position, mouse grab.
#include "gui/sdl_display.h"

#include <SDL.h>

#include <algorithm>
#include <cmath>
#include <set>

#include "gui/sdl_keys.h"

namespace gnomon {
namespace {

template<auto Destroy>
struct Deleter {
    template<class T>
    void operator()(T* object) const {
        Destroy(object);
    }
};

/// Keeps SDL's video part alive; SDL counts its users.
class SdlVideo {
  public:
    static Result<std::unique_ptr<SdlVideo>> start() {
        SDL_SetHint(SDL_HINT_NO_SIGNAL_HANDLERS, "1");  // Ctrl-C in the shell stays ours
        SDL_SetHint(SDL_HINT_VIDEO_ALLOW_SCREENSAVER, "1");
        if (SDL_InitSubSystem(SDL_INIT_VIDEO) != 0) return fail("--display sdl: {}", SDL_GetError());
        return std::unique_ptr<SdlVideo>(new SdlVideo);
    }
    ~SdlVideo() { SDL_QuitSubSystem(SDL_INIT_VIDEO); }
    SdlVideo(const SdlVideo&) = delete;
    SdlVideo& operator=(const SdlVideo&) = delete;

  private:
    SdlVideo() = default;
};

class SdlDisplay final : public Display {
  public:
    SdlDisplay(std::unique_ptr<SdlVideo> video, SDL_Window* window, SDL_Renderer* renderer,
               const DisplayOptions& options)
        : video_(std::move(video)), window_(window), renderer_(renderer), options_(options) {
        set_title();
        present();
    }
    ~SdlDisplay() override { grab(false); }

    [[nodiscard]] Wants wants() const override { return Wants::Picture; }
    void update(const Frame& frame) override;
    void set_status(const RunStatus& status) override {
        if (status == status_) return;
        status_ = status;
        set_title();
    }
    void poll(std::vector<InputEvent>& events) override;

  private:
    void set_title();
    void fit_window(const Frame& frame);
    [[nodiscard]] SDL_Rect picture_area(int width, int height) const;
    void present();
    void grab(bool on);
    void on_key(const SDL_KeyboardEvent& event, std::vector<InputEvent>& events);
    bool on_combination(SDL_Scancode code, std::vector<InputEvent>& events);
    void on_window(const SDL_WindowEvent& event, std::vector<InputEvent>& events);
    void on_button(const SDL_MouseButtonEvent& event, std::vector<InputEvent>& events);
    void release_all(std::vector<InputEvent>& events);
    void close(std::vector<InputEvent>& events);
    void set_key(Key key, bool down, std::vector<InputEvent>& events);
    void set_button(u8 button, bool down, std::vector<InputEvent>& events);

    std::unique_ptr<SdlVideo> video_;
    std::unique_ptr<SDL_Window, Deleter<SDL_DestroyWindow>> window_;
    std::unique_ptr<SDL_Renderer, Deleter<SDL_DestroyRenderer>> renderer_;
    std::unique_ptr<SDL_Texture, Deleter<SDL_DestroyTexture>> texture_;
    DisplayOptions options_;
    RunStatus status_;
    Frame shown_;         ///< what the texture holds
    bool sized_ = false;  ///< the window has been given the size of a picture
    bool grabbed_ = false;
    std::set<Key> held_;    ///< keys the guest believes to be down
    unsigned buttons_ = 0;  ///< mouse buttons likewise
    bool closed_ = false;
};

/// Width of the picture over its height as a monitor shows it.
double shape(const Frame& frame) {
    if (frame.pixel_aspect == 0 || frame.height == 0) return 4.0 / 3.0;
    return frame.width * (frame.pixel_aspect / 1000.0) / frame.height;
}

void SdlDisplay::set_title() {
    std::string title = options_.title;
    if (status_.paused)
        title += " - paused";
    else if (status_.mips > 0)
        title += fmt::format(" - {:.0f} MIPS, {:.0f}%", status_.mips, status_.percent);
    title += grabbed_ ? " - Ctrl+Alt+G releases the mouse" : " - click or Ctrl+Alt+G grabs the mouse";
    SDL_SetWindowTitle(window_.get(), title.c_str());
}

/// The first picture decides the window's size: as many window rows as fit, at least one a picture row.
void SdlDisplay::fit_window(const Frame& frame) {
    const double aspect = shape(frame);
    // Neither direction loses pixels: 720x400 becomes 720x540.
    const double width = std::max<double>(frame.width, frame.height * aspect);
    unsigned scale = options_.scale;
    if (scale == 0) {
        SDL_Rect desktop{0, 0, 1024, 768};
        SDL_GetDisplayUsableBounds(std::max(0, SDL_GetWindowDisplayIndex(window_.get())), &desktop);
        const double room = std::min(desktop.w * 0.9 / width, desktop.h * 0.9 / (width / aspect));
        scale = static_cast<unsigned>(std::clamp(room, 1.0, 3.0));
    }
    SDL_SetWindowSize(window_.get(), static_cast<int>(std::lround(width * scale)),
                      static_cast<int>(std::lround(width / aspect * scale)));
    sized_ = true;
}

void SdlDisplay::update(const Frame& frame) {
    if (frame.width == 0 || frame.height == 0) return;
    const bool new_shape = frame.width != shown_.width || frame.height != shown_.height ||
                           frame.pixel_aspect != shown_.pixel_aspect || !texture_;
    unsigned first = 0;
    unsigned end = frame.height;
    if (new_shape) {
        if (!sized_) fit_window(frame);
        texture_.reset(SDL_CreateTexture(renderer_.get(), SDL_PIXELFORMAT_RGB888, SDL_TEXTUREACCESS_STREAMING,
                                         static_cast<int>(frame.width), static_cast<int>(frame.height)));
        if (!texture_) return;
    } else {
        const auto row_equal = [&](unsigned y) {
            const size_t at = size_t{y} * frame.width;
            return std::equal(&frame.pixels[at], &frame.pixels[at] + frame.width, &shown_.pixels[at]);
        };
        while (first < end && row_equal(first)) first++;
        while (end > first && row_equal(end - 1)) end--;
        if (first == end) return;
    }
    const SDL_Rect rows{0, static_cast<int>(first), static_cast<int>(frame.width),
                        static_cast<int>(end - first)};
    SDL_UpdateTexture(texture_.get(), &rows, &frame.pixels[size_t{first} * frame.width],
                      static_cast<int>(frame.width * sizeof(u32)));
    shown_ = frame;
    present();
}

/// The largest area of the right shape; whole multiples of the picture where they are close to that.
SDL_Rect SdlDisplay::picture_area(int width, int height) const {
    const double aspect = shape(shown_);
    double w = std::min<double>(width, height * aspect);
    double h = w / aspect;
    const double whole_w = std::floor(w / shown_.width) * shown_.width;
    const double whole_h = std::floor(h / shown_.height) * shown_.height;
    if (whole_w > 0 && whole_h > 0 && w - whole_w < 2 && h - whole_h < 2) {
        w = whole_w;
        h = whole_h;
    }
    const int iw = static_cast<int>(std::lround(w));
    const int ih = static_cast<int>(std::lround(h));
    return {(width - iw) / 2, (height - ih) / 2, iw, ih};
}

void SdlDisplay::present() {
    SDL_SetRenderDrawColor(renderer_.get(), 0, 0, 0, 255);
    SDL_RenderClear(renderer_.get());
    if (texture_) {
        int width = 0;
        int height = 0;
        SDL_GetRendererOutputSize(renderer_.get(), &width, &height);
        const SDL_Rect area = picture_area(width, height);
        const bool whole =
            area.w % static_cast<int>(shown_.width) == 0 && area.h % static_cast<int>(shown_.height) == 0;
        SDL_SetTextureScaleMode(texture_.get(), whole ? SDL_ScaleModeNearest : SDL_ScaleModeLinear);
        SDL_RenderCopy(renderer_.get(), texture_.get(), nullptr, &area);
    }
    SDL_RenderPresent(renderer_.get());
}

void SdlDisplay::grab(bool on) {
    if (on == grabbed_) return;
    grabbed_ = on;
    SDL_SetRelativeMouseMode(on ? SDL_TRUE : SDL_FALSE);
    SDL_SetWindowGrab(window_.get(), on ? SDL_TRUE : SDL_FALSE);
    set_title();
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

/// Ctrl+Alt with a key that is ours, never the guest's.
bool SdlDisplay::on_combination(SDL_Scancode code, std::vector<InputEvent>& events) {
    switch (code) {
        case SDL_SCANCODE_G:
            release_all(events);
            grab(!grabbed_);
            return true;
        case SDL_SCANCODE_F: {
            release_all(events);
            const bool full = SDL_GetWindowFlags(window_.get()) & SDL_WINDOW_FULLSCREEN_DESKTOP;
            SDL_SetWindowFullscreen(window_.get(), full ? 0 : SDL_WINDOW_FULLSCREEN_DESKTOP);
            return true;
        }
        case SDL_SCANCODE_END:  // the host keeps Ctrl+Alt+Del for itself; Ctrl and Alt are down already
            events.emplace_back(KeyInput{Key::Delete, true});
            events.emplace_back(KeyInput{Key::Delete, false});
            return true;
        default: return false;
    }
}

void SdlDisplay::on_key(const SDL_KeyboardEvent& event, std::vector<InputEvent>& events) {
    const bool down = event.type == SDL_KEYDOWN;
    if (down && event.repeat) return;
    const SDL_Scancode code = event.keysym.scancode;
    const bool control = event.keysym.mod & KMOD_CTRL;
    const bool alt = event.keysym.mod & KMOD_ALT;
    if (down && control && alt && on_combination(code, events)) return;
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
        case SDL_WINDOWEVENT_SIZE_CHANGED: present(); break;
        default: break;
    }
}

void SdlDisplay::on_button(const SDL_MouseButtonEvent& event, std::vector<InputEvent>& events) {
    const bool down = event.type == SDL_MOUSEBUTTONDOWN;
    if (!grabbed_) {
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

void SdlDisplay::poll(std::vector<InputEvent>& events) {
    PointerMotion motion;
    // Motion adds up until something else happens, which must see the pointer where it was.
    const auto flush_motion = [&] {
        if (!(motion == PointerMotion{})) events.emplace_back(motion);
        motion = {};
    };
    const u32 window = SDL_GetWindowID(window_.get());
    SDL_Event event;
    while (SDL_PollEvent(&event)) {
        switch (event.type) {
            case SDL_QUIT: close(events); break;  // follows the closing of the last window
            case SDL_WINDOWEVENT:
                flush_motion();
                if (event.window.windowID == window) on_window(event.window, events);
                break;
            case SDL_KEYDOWN:
            case SDL_KEYUP:
                flush_motion();
                on_key(event.key, events);
                break;
            case SDL_MOUSEMOTION:
                if (!grabbed_) break;
                motion.dx += event.motion.xrel;
                motion.dy += event.motion.yrel;
                break;
            case SDL_MOUSEWHEEL:
                if (grabbed_)
                    motion.wheel +=
                        event.wheel.direction == SDL_MOUSEWHEEL_FLIPPED ? -event.wheel.y : event.wheel.y;
                break;
            case SDL_MOUSEBUTTONDOWN:
            case SDL_MOUSEBUTTONUP:
                flush_motion();
                on_button(event.button, events);
                break;
            case SDL_RENDER_TARGETS_RESET:
            case SDL_RENDER_DEVICE_RESET: {
                // The texture's contents are lost.
                const Frame frame = std::move(shown_);
                shown_ = Frame{};
                texture_.reset();
                update(frame);
                break;
            }
            default: break;
        }
    }
    flush_motion();
}

}  // namespace

Result<std::unique_ptr<Display>> make_sdl_display(const DisplayOptions& options) {
    Result<std::unique_ptr<SdlVideo>> video = SdlVideo::start();
    if (!video) return video.error();
    SDL_Window* window = SDL_CreateWindow(options.title.c_str(), SDL_WINDOWPOS_UNDEFINED,
                                          SDL_WINDOWPOS_UNDEFINED, 720, 540, SDL_WINDOW_RESIZABLE);
    if (!window) return fail("--display sdl: no window: {}", SDL_GetError());
    SDL_Renderer* renderer = SDL_CreateRenderer(window, -1, 0);
    if (!renderer) {
        const Error error = fail("--display sdl: no renderer: {}", SDL_GetError());
        SDL_DestroyWindow(window);
        return error;
    }
    return std::unique_ptr<Display>(
        std::make_unique<SdlDisplay>(std::move(*video), window, renderer, options));
}

}  // namespace gnomon
