// Which front ends there are, and how they are made.
#include "gui/display.h"

#include "gui/sdl_display.h"
#include "gui/terminal_display.h"
#include "gui/vnc_display.h"

namespace gnomon {
namespace {

#ifdef GNOMON_HAVE_SDL
constexpr bool kHaveSdl = true;
#else
constexpr bool kHaveSdl = false;
#endif

#ifdef GNOMON_HAVE_VNC
constexpr bool kHaveVnc = true;
#else
constexpr bool kHaveVnc = false;
#endif

}  // namespace

Result<std::unique_ptr<Display>> make_display(const DisplaySpec& spec, const DisplayOptions& options) {
    switch (spec.kind) {
        case DisplayKind::Sdl:
            if constexpr (kHaveSdl)
                return make_sdl_display(options);
            else
                return fail(
                    "the SDL window is not part of this build (SDL2 was missing); use --display terminal or "
                    "none");
        case DisplayKind::Terminal: return make_terminal_display(options);
        case DisplayKind::Vnc:
            if constexpr (kHaveVnc)
                return make_vnc_display(spec, options);
            else
                return fail("VNC is not part of this build (libvncserver was missing)");
        case DisplayKind::Automatic:
        case DisplayKind::None: break;
    }
    return fail("there is no such display");
}

std::vector<std::string> built_in_displays() {
    std::vector<std::string> names;
    if constexpr (kHaveSdl) names.emplace_back("sdl");
    names.emplace_back("terminal");
    if constexpr (kHaveVnc) names.emplace_back("vnc");
    names.emplace_back("none");
    return names;
}

}  // namespace gnomon
