// Stands in for the control socket in builds without nlohmann-json.
#include "gui/control_server.h"

namespace gnomon {

Result<std::unique_ptr<ControlServer>> open_control_server(std::string_view, Session&) {
    return fail("the control socket is not part of this build (nlohmann-json was missing)");
}

bool control_server_built_in() { return false; }

}  // namespace gnomon
