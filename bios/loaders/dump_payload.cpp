// Writes the fw_cfg files of a direct kernel boot into a folder and prints the QEMU options that use them: a
// way to try the kernel boot ROM on another machine.
#include <fmt/format.h>

#include <filesystem>
#include <fstream>

#include "bios/loaders/kernel.h"

int main(int argc, char** argv) {
    const bool long_mode = argc > 1 && std::string_view(argv[1]) == "--long-mode";
    if (long_mode) {
        ++argv;
        --argc;
    }
    if (argc < 4) {
        fmt::print(stderr, "usage: dump_payload [--long-mode] FOLDER KERNEL COMMAND_LINE [INITRD ...]\n");
        return 2;
    }
    const std::filesystem::path folder = argv[1];
    auto payload = gnomon::load_kernel(argv[2], {argv + 4, argv + argc}, argv[3],
                                       long_mode ? gnomon::LongMode::Present : gnomon::LongMode::Absent);
    if (!payload) {
        fmt::print(stderr, "{}\n", payload.error().message);
        return 2;
    }
    std::filesystem::create_directories(folder);
    for (const gnomon::BootFile& file : *payload) {
        const std::filesystem::path path = folder / std::filesystem::path(file.name).filename();
        std::ofstream(path, std::ios::binary)
            .write(reinterpret_cast<const char*>(file.bytes.data()),
                   static_cast<std::streamsize>(file.bytes.size()));
        fmt::print("-fw_cfg name={},file={}\n", file.name, path.string());
    }
    return 0;
}
