// Machine files of Bochs, mapped to our keys. Bochs User Manual, "The configuration file bochsrc".
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "machine/config.h"
#include "support/result.h"

namespace gnomon {

/// By content: the first line that says anything begins with a directive of bochsrc and a colon.
[[nodiscard]] bool is_bochsrc(std::string_view text);
[[nodiscard]] Result<bool> is_bochsrc_file(const std::string& path);

/// What has no counterpart is listed in `notes`, once a directive; what is wrong is an error with its line.
Result<void> apply_bochsrc(Config& config, std::string_view text, const std::string& name,
                           const std::string& folder, std::vector<std::string>& notes);
Result<void> apply_bochsrc_file(Config& config, const std::string& path, std::vector<std::string>& notes);

}  // namespace gnomon
