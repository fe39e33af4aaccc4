// From a file name to a medium: format check, locking, read-only fallback, overlay.
#pragma once

#include <memory>
#include <string>

#include "devices/storage/overlay_image.h"

namespace gnomon {

struct ImageOptions {
    bool read_only = false;       ///< never write, even if the host would allow it
    bool snapshot = false;        ///< writes go to an overlay that is thrown away
    bool assume_raw = false;      ///< take the content as it is, whatever it looks like
    std::string state_name = {};  ///< name of the overlay in machine snapshots; needed with `snapshot`
};

struct OpenedImage {
    std::unique_ptr<BlockImage> image;
    OverlayImage* overlay = nullptr;  ///< the same object, when it is an overlay: a part with state
    bool iso = false;                 ///< has an ISO 9660 or UDF volume descriptor
    std::string note;                 ///< what the user should be told, empty if nothing
};

[[nodiscard]] Result<OpenedImage> open_image(const std::string& path, const ImageOptions& options);

}  // namespace gnomon
