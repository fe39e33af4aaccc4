// The drawing half of the SDL window: the guest's picture, scaled crisply, with status line and menu.
#pragma once

#include <SDL.h>

#include <memory>
#include <optional>

#include "gui/display.h"
#include "gui/text_canvas.h"

namespace gnomon {

template<auto Destroy>
struct SdlDeleter {
    template<class T>
    void operator()(T* object) const {
        Destroy(object);
    }
};

class SdlScreen {
  public:
    /// Window pixels of the status line, times scale() where pixels are small.
    static constexpr int kStatusHeight = 18;

    [[nodiscard]] static Result<std::unique_ptr<SdlScreen>> open(const DisplayOptions& options);
    SdlScreen(const SdlScreen&) = delete;
    SdlScreen& operator=(const SdlScreen&) = delete;

    [[nodiscard]] SDL_Window* window() const { return window_.get(); }
    [[nodiscard]] u32 id() const { return SDL_GetWindowID(window_.get()); }

    /// Takes over what changed.
    void set_picture(const Frame& frame);
    /// The graphics driver has lost its textures.
    void restore();
    /// A message is shown even where there is no status line: in full screen, over the picture.
    void set_status_line(TextCanvas line, bool message);
    void set_menu(std::optional<TextCanvas> menu) { menu_ = std::move(menu); }
    void present();

    void toggle_full_screen();
    [[nodiscard]] bool full_screen() const;
    [[nodiscard]] bool shows_status_line() const { return status_height() > 0; }
    /// To the next way of scaling; returns its name.
    const char* next_scaling();
    void toggle_status_line() { status_shown_ = !status_shown_; }
    /// How many characters the status line has room for.
    [[nodiscard]] u32 status_columns() const;
    /// A place of the window (in the coordinates of mouse events) as one of the guest's screen; outside of it the nearest one.
    [[nodiscard]] PointerPlace place_of(int x, int y) const;
    [[nodiscard]] bool on_picture(int x, int y) const;
    /// The menu's row at a place of the window (in the coordinates of mouse events); nothing outside of it.
    [[nodiscard]] std::optional<u32> menu_row(int x, int y) const;

  private:
    using Texture = std::unique_ptr<SDL_Texture, SdlDeleter<SDL_DestroyTexture>>;

    SdlScreen(SDL_Window* window, SDL_Renderer* renderer, const DisplayOptions& options)
        : window_(window), renderer_(renderer), scaling_(options.scaling), first_scale_(options.scale) {}

    void fit_window(const Frame& frame);
    [[nodiscard]] SDL_Point output_size() const;
    [[nodiscard]] SDL_Point output_point(int x, int y) const;
    [[nodiscard]] int scale() const;
    [[nodiscard]] int status_height() const;
    [[nodiscard]] SDL_Rect picture_area() const;
    [[nodiscard]] SDL_Rect menu_area() const;
    void draw_picture();
    void draw_canvas(const TextCanvas& canvas, const SDL_Rect& area);

    std::unique_ptr<SDL_Window, SdlDeleter<SDL_DestroyWindow>> window_;
    std::unique_ptr<SDL_Renderer, SdlDeleter<SDL_DestroyRenderer>> renderer_;
    Texture texture_;
    Texture enlarged_;  ///< the picture by whole multiples, on the way to another size
    SDL_Point enlarged_size_{};
    Frame shown_;         ///< what the texture holds
    bool sized_ = false;  ///< the window has been given the size of a picture
    ScalingChoice scaling_;
    unsigned first_scale_;
    bool status_shown_ = true;
    TextCanvas status_{1, 1, 0};
    bool message_ = false;  ///< status_ is one
    std::optional<TextCanvas> menu_;
};

}  // namespace gnomon
