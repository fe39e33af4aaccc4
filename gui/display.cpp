// Which front ends there are, and how they are made.
#include "gui/display.h"

#include "gui/sdl_display.h"
#include "gui/terminal_display.h"

namespace gnomon {
namespace {

#ifdef GNOMON_HAVE_SDL
constexpr bool kHaveSdl = true;
#else
constexpr bool kHaveSdl = false;
#endif

/// Headless: shows nothing, says nothing.
class NoDisplay final : public Display {
  public:
    [[nodiscard]] Wants wants() const override { return Wants::Nothing; }
    void poll(std::vector<InputEvent>&) override {}
};

}  // namespace

Result<DisplayKind> parse_display_kind(std::string_view name) {
    if (name == "sdl") return DisplayKind::Sdl;
    if (name == "terminal") return DisplayKind::Terminal;
    if (name == "none") return DisplayKind::None;
    return fail("'{}' is not a display; accepted are sdl, terminal and none", name);
}

Result<std::unique_ptr<Display>> make_display(DisplayKind kind, const DisplayOptions& options) {
    switch (kind) {
        case DisplayKind::Sdl:
            if constexpr (kHaveSdl)
                return make_sdl_display(options);
            else
                return fail(
                    "the SDL window is not part of this build (SDL2 was missing); use --display terminal or "
                    "none");
        case DisplayKind::Terminal: return make_terminal_display(options);
        case DisplayKind::None: break;
    }
    return std::unique_ptr<Display>(std::make_unique<NoDisplay>());
}

std::vector<std::string> built_in_displays() {
    std::vector<std::string> names;
    if constexpr (kHaveSdl) names.emplace_back("sdl");
    names.emplace_back("terminal");
    names.emplace_back("none");
    return names;
}

}  // namespace gnomon
