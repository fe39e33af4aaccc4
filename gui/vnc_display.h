// The front end for VNC viewers: a server of the RFB protocol (RFC 6143). Built only where libvncserver is.
#pragma once

#include <memory>

#include "gui/display.h"

namespace gnomon {

/// Listens on the address of `spec`. An address that other hosts can reach needs a password.
[[nodiscard]] Result<std::unique_ptr<Display>> make_vnc_display(const DisplaySpec& spec,
                                                                const DisplayOptions& options);

}  // namespace gnomon
