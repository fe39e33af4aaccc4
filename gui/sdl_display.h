// The front end that shows the screen in an SDL2 window. Built only where SDL2 is.
#pragma once

#include <memory>

#include "gui/display.h"

namespace gnomon {

[[nodiscard]] Result<std::unique_ptr<Display>> make_sdl_display(const DisplayOptions& options);

}  // namespace gnomon
