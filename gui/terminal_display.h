// The front end that draws text modes in a terminal.
#pragma once

#include <memory>

#include "gui/display.h"

namespace gnomon {

[[nodiscard]] Result<std::unique_ptr<Display>> make_terminal_display(const DisplayOptions& options);

}  // namespace gnomon
