// Machines for tests: a boot sector on a floppy disk, the serial port captured. For tests only.
#pragma once

#include <gtest/gtest.h>
#include <zlib.h>

#include <fstream>

#include "machine/run_loop.h"
#include "machine/scratch_file.h"

namespace gnomon {

enum class Action : u8 { PowerOff, Exit, TripleFault, Halt, Loop, Work, ResetByKeyboard, ResetByChipset };

/// A back end that keeps what the guest sends.
class CapturingBackend final : public CharBackend {
  public:
    explicit CapturingBackend(std::string& text) : text_(text) {}
    void write(std::span<const u8> bytes) override { text_.append(bytes.begin(), bytes.end()); }

  private:
    std::string& text_;
};

inline std::vector<u8> boot_floppy(Action action, u8 value = 0) {
    std::ifstream file(GNOMON_BOOT_SECTOR, std::ios::binary);
    std::vector<u8> image((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
    EXPECT_EQ(image.size(), 512u);
    image.resize(1474560);
    image[508] = static_cast<u8>(action);
    image[509] = value;
    return image;
}

struct TestMachine {
    ScratchFile disk;
    std::string serial;
    std::string report;
    std::vector<std::string> messages;
    std::unique_ptr<Machine> machine;

    explicit TestMachine(Action action, u8 value = 0, Config config = {})
        : TestMachine(boot_floppy(action, value), std::move(config)) {}
    TestMachine(std::span<const u8> floppy, Config config) : disk(floppy) {
        config.floppy[0].file = disk.path();
        config.floppy[0].readonly = true;
        config.boot.order = "a";
        config.memory.size = u64{16} << 20;
        config.debug.exit_port = 0xf4;
        HostEnvironment host;
        host.log = [this](LogLevel, std::string_view part, std::string_view message) {
            messages.push_back(fmt::format("{}: {}", part, message));
        };
        host.open_backend = [this](std::string_view part, std::string_view, Log& log,
                                   CharBackendOptions options) -> Result<std::unique_ptr<CharBackend>> {
            if (part == "serial.1")
                return std::unique_ptr<CharBackend>(std::make_unique<CapturingBackend>(serial));
            return open_char_backend(part, "none", log, std::move(options));
        };
        Result<std::unique_ptr<Machine>> made = Machine::create(config, std::move(host));
        EXPECT_TRUE(made.ok()) << (made ? "" : made.error().message);
        if (made) machine = std::move(*made);
    }

    /// Until the end, or for so many instructions.
    RunEnd run(u64 instructions = 2'000'000'000, bool reboot = false) {
        machine->resume();
        RunOptions options;
        options.max_instructions = instructions;
        options.reboot = reboot;
        options.report = [this](std::string_view text) { report += text; };
        return RunLoop(*machine, options).run();
    }
    [[nodiscard]] u32 ram_checksum() const {
        return static_cast<u32>(crc32_z(0, machine->memory().ram(), machine->memory().ram_size()));
    }
};

}  // namespace gnomon
