// Scaling and drawing by SDL's renderer.
#include "gui/sdl_screen.h"

#include <algorithm>
#include <cmath>
#include <string_view>

namespace gnomon {
namespace {

/// Width of the picture over its height as a monitor shows it.
double shape(const Frame& frame) {
    if (frame.pixel_aspect == 0 || frame.height == 0) return 4.0 / 3.0;
    return frame.width * (frame.pixel_aspect / 1000.0) / frame.height;
}

}  // namespace

namespace {

/// OpenGL without a graphics card, by threads that draw every pixel several times.
bool draws_in_software(SDL_Renderer* renderer) {
    SDL_RendererInfo info{};
    if (SDL_GetRendererInfo(renderer, &info) != 0 || !std::string_view(info.name).starts_with("opengl")) return false;
    using GetString = const unsigned char* (*)(unsigned);
    constexpr unsigned kGlRenderer = 0x1f01;
    const auto get = reinterpret_cast<GetString>(SDL_GL_GetProcAddress("glGetString"));
    const unsigned char* text = get ? get(kGlRenderer) : nullptr;
    const std::string_view name = text ? reinterpret_cast<const char*>(text) : "";
    return name.starts_with("llvmpipe") || name.starts_with("softpipe") || name.find("Software") != std::string_view::npos;
}

/// Where OpenGL is software, SDL's own is quicker: it copies what changed straight into the window. Not on Wayland, where
/// SDL knows no other way into a window than OpenGL.
SDL_Renderer* create_renderer(SDL_Window* window) {
    SDL_Renderer* renderer = SDL_CreateRenderer(window, -1, 0);
    if (!renderer || SDL_GetHint(SDL_HINT_RENDER_DRIVER) || std::string_view(SDL_GetCurrentVideoDriver()) == "wayland" ||
        !draws_in_software(renderer))
        return renderer;
    SDL_DestroyRenderer(renderer);
    SDL_SetHint(SDL_HINT_FRAMEBUFFER_ACCELERATION, "0");
    return SDL_CreateRenderer(window, -1, SDL_RENDERER_SOFTWARE);
}

}  // namespace

Result<std::unique_ptr<SdlScreen>> SdlScreen::open(const DisplayOptions& options) {
    SDL_Window* window =
        SDL_CreateWindow(options.title.c_str(), SDL_WINDOWPOS_UNDEFINED, SDL_WINDOWPOS_UNDEFINED, 720,
                         540 + kStatusHeight, SDL_WINDOW_RESIZABLE | SDL_WINDOW_ALLOW_HIGHDPI);
    if (!window) return fail("--display sdl: no window: {}", SDL_GetError());
    SDL_Renderer* renderer = create_renderer(window);
    if (!renderer) {
        const Error error = fail("--display sdl: no renderer: {}", SDL_GetError());
        SDL_DestroyWindow(window);
        return error;
    }
    std::unique_ptr<SdlScreen> screen(new SdlScreen(window, renderer, options));
    if (options.full_screen) screen->toggle_full_screen();
    return screen;
}

SDL_Point SdlScreen::output_size() const {
    SDL_Point size{0, 0};
    SDL_GetRendererOutputSize(renderer_.get(), &size.x, &size.y);
    return size;
}

/// Real pixels for one of ours, in menu and status line: more on a display whose pixels are small.
int SdlScreen::scale() const {
    int width = 0;
    SDL_GetWindowSize(window_.get(), &width, nullptr);
    return std::max(1, width > 0 ? output_size().x / width : 1);
}

bool SdlScreen::full_screen() const {
    return (SDL_GetWindowFlags(window_.get()) & SDL_WINDOW_FULLSCREEN_DESKTOP) != 0;
}

int SdlScreen::status_height() const { return status_shown_ && !full_screen() ? kStatusHeight * scale() : 0; }

u32 SdlScreen::status_columns() const {
    return std::max<u32>(1, static_cast<u32>(output_size().x / scale()) / TextCanvas::kCellWidth);
}

/// The first picture decides the window's size: as many window rows as fit, at least one a picture row.
void SdlScreen::fit_window(const Frame& frame) {
    const double aspect = shape(frame);
    // Neither direction loses pixels: 720x400 becomes 720x540.
    const double width = std::max<double>(frame.width, frame.height * aspect);
    unsigned scale = first_scale_;
    if (scale == 0) {
        SDL_Rect desktop{0, 0, 1024, 768};
        SDL_GetDisplayUsableBounds(std::max(0, SDL_GetWindowDisplayIndex(window_.get())), &desktop);
        const double room = std::min(desktop.w * 0.9 / width, desktop.h * 0.9 / (width / aspect));
        scale = static_cast<unsigned>(std::clamp(room, 1.0, 3.0));
    }
    SDL_SetWindowSize(
        window_.get(), static_cast<int>(std::lround(width * scale)),
        static_cast<int>(std::lround(width / aspect * scale)) + (status_shown_ ? kStatusHeight : 0));
    sized_ = true;
}

void SdlScreen::set_picture(const Frame& frame) {
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

void SdlScreen::restore() {
    const Frame frame = std::move(shown_);
    shown_ = Frame{};
    texture_.reset();
    enlarged_.reset();
    set_picture(frame);
}

/// Fit: the largest area of the right shape, whole multiples of the picture where they are close to that.
SDL_Rect SdlScreen::picture_area() const {
    const SDL_Point output = output_size();
    const int height = output.y - status_height();
    if (scaling_ == ScalingChoice::Stretch) return {0, 0, output.x, height};
    const auto picture_width = static_cast<int>(shown_.width);
    const auto picture_height = static_cast<int>(shown_.height);
    const double aspect = shape(shown_);
    double w = std::min<double>(output.x, height * aspect);
    double h = w / aspect;
    // As wide as possible, and of the heights the one that comes closest to the shape.
    const double whole_w = std::max(1.0, std::floor(w / picture_width)) * picture_width;
    const double rows = std::max(1.0, std::round(whole_w / aspect / picture_height));
    const double whole_h = std::min(rows, std::floor(height / picture_height)) * picture_height;
    const bool close = std::abs(w - whole_w) < 2 && std::abs(h - whole_h) < 2;
    if (whole_w <= output.x && whole_h > 0 && (close || scaling_ == ScalingChoice::Integer)) {
        w = whole_w;
        h = whole_h;
    }
    const int iw = static_cast<int>(std::lround(w));
    const int ih = static_cast<int>(std::lround(h));
    return {(output.x - iw) / 2, (height - ih) / 2, iw, ih};
}

/// Whole multiples are drawn pixel by pixel. For all other sizes the picture is first enlarged by the next
/// whole multiple and then reduced smoothly: sharp, and without rows of unequal thickness.
void SdlScreen::draw_picture() {
    const SDL_Rect area = picture_area();
    const auto w = static_cast<int>(shown_.width);
    const auto h = static_cast<int>(shown_.height);
    if (area.w <= 0 || area.h <= 0) return;
    SDL_SetTextureScaleMode(texture_.get(), SDL_ScaleModeNearest);
    if (area.w % w == 0 && area.h % h == 0) {
        SDL_RenderCopy(renderer_.get(), texture_.get(), nullptr, &area);
        return;
    }
    const SDL_Point size{w * ((area.w + w - 1) / w), h * ((area.h + h - 1) / h)};
    if (!enlarged_ || size.x != enlarged_size_.x || size.y != enlarged_size_.y) {
        enlarged_.reset(SDL_CreateTexture(renderer_.get(), SDL_PIXELFORMAT_RGB888, SDL_TEXTUREACCESS_TARGET,
                                          size.x, size.y));
        enlarged_size_ = size;
    }
    if (enlarged_ && SDL_SetRenderTarget(renderer_.get(), enlarged_.get()) == 0) {
        SDL_RenderCopy(renderer_.get(), texture_.get(), nullptr, nullptr);
        SDL_SetRenderTarget(renderer_.get(), nullptr);
        SDL_SetTextureScaleMode(enlarged_.get(), SDL_ScaleModeLinear);
        SDL_RenderCopy(renderer_.get(), enlarged_.get(), nullptr, &area);
        return;
    }
    SDL_SetTextureScaleMode(texture_.get(), SDL_ScaleModeLinear);
    SDL_RenderCopy(renderer_.get(), texture_.get(), nullptr, &area);
}

void SdlScreen::draw_canvas(const TextCanvas& canvas, const SDL_Rect& area) {
    const Texture texture(SDL_CreateTexture(renderer_.get(), SDL_PIXELFORMAT_RGB888, SDL_TEXTUREACCESS_STATIC,
                                            static_cast<int>(canvas.width()),
                                            static_cast<int>(canvas.height())));
    if (!texture) return;
    SDL_UpdateTexture(texture.get(), nullptr, canvas.pixels().data(),
                      static_cast<int>(canvas.width() * sizeof(u32)));
    SDL_SetTextureScaleMode(texture.get(), SDL_ScaleModeNearest);
    SDL_RenderCopy(renderer_.get(), texture.get(), nullptr, &area);
}

SDL_Rect SdlScreen::menu_area() const {
    const SDL_Point output = output_size();
    const auto width = static_cast<int>(menu_->width()) * scale();
    const auto height = static_cast<int>(menu_->height()) * scale();
    return {std::max(0, (output.x - width) / 2), std::max(0, (output.y - height) / 2), width, height};
}

/// Mouse events count the window's own pixels, of which a display with small ones has several.
SDL_Point SdlScreen::output_point(int x, int y) const {
    int width = 0;
    int height = 0;
    SDL_GetWindowSize(window_.get(), &width, &height);
    const SDL_Point output = output_size();
    return {width > 0 ? x * output.x / width : x, height > 0 ? y * output.y / height : y};
}

PointerPlace SdlScreen::place_of(int x, int y) const {
    const SDL_Rect area = picture_area();
    const SDL_Point at = output_point(x, y);
    const auto part = [](int way, int size) {
        return static_cast<u32>(i64{std::clamp(way, 0, size - 1)} * kPointerEdge / std::max(1, size - 1));
    };
    if (area.w <= 0 || area.h <= 0) return {};
    return {part(at.x - area.x, area.w), part(at.y - area.y, area.h)};
}

bool SdlScreen::on_picture(int x, int y) const {
    const SDL_Rect area = picture_area();
    const SDL_Point at = output_point(x, y);
    return SDL_PointInRect(&at, &area);
}

std::optional<u32> SdlScreen::menu_row(int x, int y) const {
    if (!menu_) return std::nullopt;
    const SDL_Rect area = menu_area();
    const SDL_Point place = output_point(x, y);
    if (!SDL_PointInRect(&place, &area)) return std::nullopt;
    return static_cast<u32>((place.y - area.y) / scale()) / TextCanvas::kCellHeight;
}

void SdlScreen::set_status_line(TextCanvas line, bool message) {
    status_ = std::move(line);
    message_ = message;
}

void SdlScreen::present() {
    SDL_SetRenderDrawColor(renderer_.get(), 0, 0, 0, 255);
    SDL_RenderClear(renderer_.get());
    if (texture_) draw_picture();
    if (status_height() > 0 || message_) {
        const SDL_Point output = output_size();
        const int height = kStatusHeight * scale();
        const SDL_Rect strip{0, output.y - height, output.x, height};
        SDL_SetRenderDrawColor(renderer_.get(), 0x20, 0x28, 0x30, 255);
        SDL_RenderFillRect(renderer_.get(), &strip);
        draw_canvas(status_, {0, strip.y + scale(), static_cast<int>(status_.width()) * scale(),
                              static_cast<int>(status_.height()) * scale()});
    }
    if (menu_) draw_canvas(*menu_, menu_area());
    SDL_RenderPresent(renderer_.get());
}

void SdlScreen::toggle_full_screen() {
    SDL_SetWindowFullscreen(window_.get(), full_screen() ? 0 : SDL_WINDOW_FULLSCREEN_DESKTOP);
}

const char* SdlScreen::next_scaling() {
    scaling_ = static_cast<ScalingChoice>((static_cast<unsigned>(scaling_) + 1) % 3);
    switch (scaling_) {
        case ScalingChoice::Fit: return "Scaling: as large as fits";
        case ScalingChoice::Integer: return "Scaling: whole multiples";
        case ScalingChoice::Stretch: break;
    }
    return "Scaling: the whole window";
}

}  // namespace gnomon
