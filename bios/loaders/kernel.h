// Direct kernel boots, host side: reads a kernel and its initrds, checks every header, and makes the fw_cfg
// files that the kernel boot ROM (bios/bootrom) carries out.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "support/result.h"

namespace gnomon {

/// One file for fw_cfg.
struct BootFile {
    std::string name;
    std::vector<std::uint8_t> bytes;
};
using BootPayload = std::vector<BootFile>;

/// A file's content with the name that messages and Multiboot command lines give it.
struct NamedBytes {
    std::string name;
    std::vector<std::uint8_t> bytes;
    std::string arguments = {};  ///< Multiboot modules: the rest of their command line
};

/// What the CPU model allows; ELF64 kernels need long mode.
enum class LongMode { Absent, Present };

/// Loads a Linux bzImage or zImage, a Multiboot 1 or 2 kernel or a plain ELF image, gzip-compressed or not.
/// Each initrd is a path, for Multiboot optionally followed by a space and the module's arguments; Linux gets
/// them all, one behind the other. Errors name the file, the offset and the reason.
[[nodiscard]] Result<BootPayload> load_kernel(const std::string& kernel,
                                              const std::vector<std::string>& initrds,
                                              std::string_view command_line,
                                              LongMode long_mode = LongMode::Absent);

/// The same on content that is in memory already.
[[nodiscard]] Result<BootPayload> plan_boot(const NamedBytes& kernel, const std::vector<NamedBytes>& initrds,
                                            std::string_view command_line,
                                            LongMode long_mode = LongMode::Absent);

}  // namespace gnomon
