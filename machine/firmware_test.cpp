// Firmware files and flash in a machine, and what our BIOS leaves in memory for operating systems.
#include <gmock/gmock.h>

#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <map>
#include <numeric>

#include "bios/acpi/acpi_tables.h"
#include "cpu/cpuid.h"
#include "machine/firmware_images.h"
#include "machine/machine_fixture.h"

namespace gnomon {
namespace {

constexpr u64 kTop = u64{1} << 32;

Config::Firmware chips(const ScratchFile& code, const ScratchFile& vars) {
    Config::Firmware config;
    config.bios = code.path();
    config.flash_vars = vars.path();
    return config;
}

TEST(FirmwareImages, CodeAndVariablesMustMakeAWholeChip) {
    const ScratchFile code(std::vector<u8>(0x1c000, 0x90)), vars(std::vector<u8>(0x4000, 0xff)), odd(std::vector<u8>(0x8000)),
        ragged(std::vector<u8>(1000));
    Result<FirmwareImages> images = FirmwareImages::open(chips(code, vars), false);
    ASSERT_TRUE(images.ok()) << images.error().message;
    EXPECT_EQ(images->bios().size(), 0x1c000u);
    EXPECT_EQ(images->flash_bytes(), 0x4000u);
    EXPECT_THAT(FirmwareImages::open(chips(code, odd), false).error().message,
                testing::HasSubstr("32768 bytes do not go with the 114688 of"));
    EXPECT_THAT(FirmwareImages::open(chips(code, ragged), false).error().message,
                testing::HasSubstr("1000 bytes; a flash chip has a multiple of 4 KiB"));
    EXPECT_THAT(FirmwareImages::open(chips(ragged, vars), false).error().message,
                testing::HasSubstr("firmware.bios"));
}

TEST(FirmwareImages, MissingFilesAndContradictionsAreErrorsOfTheirKeys) {
    const ScratchFile code(std::vector<u8>(0x1c000, 0x90)), vars(std::vector<u8>(0x4000, 0xff));
    Config::Firmware config = chips(code, vars);
    config.flash_vars = "/nonexistent/vars.fd";
    EXPECT_EQ(FirmwareImages::open(config, false).error().message,
              "firmware.flash_vars: /nonexistent/vars.fd: No such file or directory");
    config = {};
    config.flash_vars = vars.path();
    EXPECT_THAT(FirmwareImages::open(config, false).error().message, testing::HasSubstr("needs firmware.bios"));
    config = chips(code, vars);
    config.flash = vars.path();
    EXPECT_THAT(FirmwareImages::open(config, false).error().message, testing::HasSubstr("give one of them"));
}

TEST(FirmwareImages, ImagesThatNeedSystemManagementModeAreNamedThoughALinkHidesIt) {
    const std::filesystem::path folder = std::filesystem::temp_directory_path() / fmt::format("gnomon-firmware-{}", getpid());
    std::filesystem::create_directory(folder);
    const std::string image = (folder / "OVMF_CODE_4M.secboot.fd").string(), link = (folder / "OVMF_CODE_4M.ms.fd").string(),
                      other = (folder / "OVMF_CODE_4M.fd").string();
    for (const std::string& path : {image, other}) std::ofstream(path) << std::string(0x1000, 'x');
    std::filesystem::create_symlink(image, link);
    const auto note = [](const std::string& path) {
        Config::Firmware config;
        config.bios = path;
        return FirmwareImages::open(config, false)->note();
    };
    EXPECT_EQ(note(other), "");
    EXPECT_EQ(note(link), link +
                              ": by its name this image enforces Secure Boot, for which it needs system management mode; there is none "
                              "here, and it will stop early. OVMF_CODE_4M.fd runs without");
    std::filesystem::remove_all(folder);
}

struct FlashMachine {
    ScratchFile code{std::vector<u8>(0x1c000, 0x90)};
    ScratchFile vars{std::vector<u8>(0x4000, 0xff)};
    static constexpr u64 kVars = kTop - 0x20000;

    Config config(bool snapshot) const {
        Config config;
        config.firmware = chips(code, vars);
        config.boot.snapshot = snapshot;
        return config;
    }
    static void program(Machine& machine, u64 offset, u8 value) {
        for (const u8 byte : {u8{0x10}, value}) machine.memory().write(GuestPhys(kVars + offset), 1, byte);
        machine.memory().write(GuestPhys(kVars), 1, 0xff);
    }
    [[nodiscard]] u8 in_file(u64 offset) const {
        std::ifstream file(vars.path(), std::ios::binary);
        file.seekg(static_cast<std::streamoff>(offset));
        return static_cast<u8>(file.get());
    }
};

TEST(FirmwareFlash, LiesBelowTheCodeAndKeepsWhatIsProgrammed) {
    FlashMachine files;
    TestMachine m(Action::Loop, 0, files.config(false));
    PhysicalMap& memory = m.machine->memory();
    EXPECT_EQ(memory.read(GuestPhys(kTop - 0x1c000), 1), 0x90u);
    EXPECT_EQ(memory.read(GuestPhys(kTop - 0x1c001), 1), 0xffu);
    FlashMachine::program(*m.machine, 0x123, 0x5a);
    EXPECT_EQ(memory.read(GuestPhys(FlashMachine::kVars + 0x123), 1), 0x5au);
    EXPECT_EQ(files.in_file(0x123), 0x5a);
}

TEST(FirmwareFlash, ASnapshotRunLeavesTheFileAlone) {
    FlashMachine files;
    TestMachine m(Action::Loop, 0, files.config(true));
    FlashMachine::program(*m.machine, 0x123, 0x5a);
    EXPECT_EQ(m.machine->memory().read(GuestPhys(FlashMachine::kVars + 0x123), 1), 0x5au);
    EXPECT_EQ(files.in_file(0x123), 0xff);
}

TEST(MachineMemory, MoreRamThanTheProcessorCanNameIsToldToTheUser) {
    std::vector<std::string> messages;
    const auto make = [&](const char* cpu, u64 gib) {
        messages.clear();
        Config config;
        config.cpu.model = cpu;
        config.memory.size = gib << 30;
        HostEnvironment host;
        host.log = [&](LogLevel, std::string_view, std::string_view message) { messages.emplace_back(message); };
        EXPECT_TRUE(Machine::create(config, std::move(host)).ok());
    };
    make("p3", 64);
    EXPECT_THAT(messages, testing::ElementsAre(
                              "memory.size: the RAM ends at 0x1040000000; 'p3' has 36 address bits and cannot reach all of it"));
    make("p3", 60);
    EXPECT_TRUE(messages.empty());
    make("max", 512);
    EXPECT_TRUE(messages.empty());
}

TEST(MachineProcessors, HaveTheModelsAddressBitsButNoMoreThan40UnderFirmwareOfOthers) {
    const ScratchFile code(std::vector<u8>(0x20000, 0x90)), chip(std::vector<u8>(0x20000, 0x90));
    const auto bits = [&](const std::string& cpu, u64 gib, bool in_rom, bool in_flash, u64 asked = 0) -> unsigned {
        Config config;
        config.cpu.model = cpu;
        config.cpu.physical_bits = asked;
        config.memory.size = gib << 30;
        if (in_rom) config.firmware.bios = code.path();
        if (in_flash) config.firmware.flash = chip.path();
        Result<std::unique_ptr<Machine>> machine = Machine::create(config, {});
        EXPECT_TRUE(machine.ok());
        return cpuid_leaf((*machine)->cpu(), 0x80000008, 0).eax & 0xff;
    };
    EXPECT_EQ(bits("max", 1, false, false), 52u);
    EXPECT_EQ(bits("max", 1, true, false), 40u);
    EXPECT_EQ(bits("max", 1, false, true), 40u);
    EXPECT_EQ(bits("max", 1023, true, false), 40u);
    EXPECT_EQ(bits("max", 1024, true, false), 41u) << "the hole below 4 GiB moves the last of it up";
    EXPECT_EQ(bits("haswell", 1, true, false), 39u);
    EXPECT_EQ(bits("max", 1, true, false, 46), 46u);
    EXPECT_EQ(bits("haswell", 1, false, false, 45), 45u);
}

TEST(MachineProcessors, AddressBitsThatNoProcessorCanHaveAreRefused) {
    const auto error = [](const char* cpu, u64 asked) {
        Config config;
        config.cpu.model = cpu;
        config.cpu.physical_bits = asked;
        return Machine::create(config, {}).error().message;
    };
    EXPECT_EQ(error("max", 31), "cpu.physical_bits: 31; accepted are 0 and 32 to 52");
    EXPECT_EQ(error("p3", 40),
              "cpu.physical_bits: 'p3' has 36, and no CPUID leaf 80000008h that could announce another width");
}

/// ACPI tables by signature, as a system finds them.
std::map<std::string, std::vector<u8>> tables_in(PhysicalMap& memory) {
    std::map<std::string, std::vector<u8>> tables;
    const auto add = [&](u64 address) {
        std::vector<u8> bytes(static_cast<size_t>(memory.read(GuestPhys(address + 4), 4)));
        memory.dma_read(GuestPhys(address), bytes);
        tables.emplace(std::string(bytes.begin(), bytes.begin() + 4), bytes);
    };
    for (u64 at = 0xf0000; at < 0x100000; at += 16) {
        if (memory.read(GuestPhys(at), 8) != 0x2052545020445352) continue;  // "RSD PTR "
        const u64 rsdt = memory.read(GuestPhys(at + 16), 4);
        add(rsdt);
        for (u64 entry = 36; entry < tables["RSDT"].size(); entry += 4) add(memory.read(GuestPhys(rsdt + entry), 4));
        break;
    }
    return tables;
}

TEST(BiosTables, ControllersAndTimerAreDescribedAsToOtherFirmware) {
    Config config;
    config.cpu.count = 3;
    TestMachine m(Action::Halt, 0, config);
    EXPECT_EQ(m.run().status, 8);
    const auto tables = tables_in(m.machine->memory());
    AcpiBoard board;
    board.processors = 3;
    board.hpet_id = static_cast<u32>(m.machine->hpet()->mmio_read(0, 4));
    const AcpiFiles files = build_acpi_files(board);
    for (const char* name : {"APIC", "HPET"}) {
        ASSERT_TRUE(tables.contains(name)) << name;
        std::vector<u8> bytes = tables.at(name);
        EXPECT_EQ(std::accumulate(bytes.begin(), bytes.end(), u8{0}), 0) << name;
        bytes[9] = 0;  // the checksum is the loader's business
        EXPECT_NE(std::search(files.tables.begin(), files.tables.end(), bytes.begin(), bytes.end()), files.tables.end()) << name;
    }
    ASSERT_TRUE(tables.contains("FACP"));
    const std::vector<u8>& fadt = tables.at("FACP");
    EXPECT_EQ(fadt.size(), 244u);
    EXPECT_EQ(fadt[112] | fadt[113] << 8, 0x465) << "flags: 24-bit timer, reset register";
    EXPECT_EQ(fadt[120] | fadt[121] << 8, 0xcf9);
}

TEST(BiosTables, SmbiosHasTheCoresBehindTheBiosItself) {
    Config config;
    config.cpu.count = 4;
    TestMachine m(Action::Halt, 0, config);
    EXPECT_EQ(m.run().status, 8);
    PhysicalMap& memory = m.machine->memory();
    u64 anchor = 0;
    for (u64 at = 0xf0000; at < 0x100000 && anchor == 0; at += 16)
        if (memory.read(GuestPhys(at), 4) == 0x5f4d535f) anchor = at;  // "_SM_"
    ASSERT_NE(anchor, 0u);
    std::vector<u8> entry(31);
    memory.dma_read(GuestPhys(anchor), entry);
    EXPECT_EQ(std::accumulate(entry.begin(), entry.end(), u8{0}), 0);
    EXPECT_EQ(std::accumulate(entry.begin() + 16, entry.end(), u8{0}), 0);
    std::vector<u8> tables(static_cast<size_t>(entry[22] | entry[23] << 8));
    memory.dma_read(GuestPhys(memory.read(GuestPhys(anchor + 24), 4)), tables);
    unsigned structures = 0, processors = 0;
    for (size_t at = 0; at + 4 < tables.size() + 1; structures++) {
        if (structures == 0) {
            EXPECT_EQ(tables[at], 0) << "the BIOS comes first";
        }
        if (tables[at] == 4) {
            processors++;
            EXPECT_EQ(tables[at + 0x23], 4) << "cores";
        }
        at += tables[at + 1];
        while (at + 1 < tables.size() && (tables[at] != 0 || tables[at + 1] != 0)) at++;
        at += 2;
    }
    EXPECT_EQ(processors, 1u);
    EXPECT_EQ(structures, unsigned{entry[28]} | unsigned{entry[29]} << 8);
}

}  // namespace
}  // namespace gnomon
