// The ACPI tables as firmware places them: the loader's script is carried out, then the tables are followed
// from the RSDP.
#include "bios/acpi/acpi_tables.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <numeric>
#include <string>

namespace gnomon {
namespace {

u64 little(const std::vector<u8>& bytes, size_t at, unsigned size) {
    u64 value = 0;
    for (unsigned i = 0; i < size; i++) value |= u64{bytes.at(at + i)} << 8 * i;
    return value;
}

/// What SeaBIOS and OVMF do with the script.
struct Firmware {
    static constexpr u64 kRsdpAt = 0xf5a40, kTablesAt = 0x7fe0000;
    std::map<std::string, std::vector<u8>> files;
    std::map<std::string, u64> places;

    explicit Firmware(const AcpiBoard& board) {
        AcpiFiles made = build_acpi_files(board);
        files = {{AcpiFiles::kRsdpName, std::move(made.rsdp)},
                 {AcpiFiles::kTablesName, std::move(made.tables)}};
        EXPECT_EQ(made.loader.size() % 128, 0u);
        for (size_t at = 0; at < made.loader.size(); at += 128) run(made.loader, at);
    }
    void run(const std::vector<u8>& script, size_t at) {
        const auto name = [&](size_t offset) {
            return std::string(reinterpret_cast<const char*>(&script[at + offset]));
        };
        const auto number = [&](size_t offset) { return little(script, at + offset, 4); };
        switch (number(0)) {
            case 1: {
                const u64 place = script[at + 64] == 2 ? kRsdpAt : kTablesAt;
                EXPECT_EQ(place % number(60), 0u);
                places[name(4)] = place;
                return;
            }
            case 2: {
                std::vector<u8>& file = files.at(name(4));
                const u64 offset = number(116), size = script[at + 120];
                const u64 value = little(file, offset, static_cast<unsigned>(size)) + places.at(name(60));
                for (u64 i = 0; i < size; i++) file[offset + i] = static_cast<u8>(value >> 8 * i);
                return;
            }
            case 3: {
                std::vector<u8>& file = files.at(name(4));
                u8 sum = 0;
                for (u64 i = 0; i < number(68); i++) sum = static_cast<u8>(sum + file.at(number(64) + i));
                file[number(60)] = static_cast<u8>(file[number(60)] - sum);
                return;
            }
            default: ADD_FAILURE() << "command " << number(0);
        }
    }
    [[nodiscard]] std::vector<u8> table(u64 address) const {
        const std::vector<u8>& all = files.at(AcpiFiles::kTablesName);
        const size_t at = address - kTablesAt;
        const size_t length = little(all, at + 4, 4);
        return {all.begin() + static_cast<long>(at), all.begin() + static_cast<long>(at + length)};
    }
    [[nodiscard]] std::map<std::string, std::vector<u8>> tables() const {
        std::map<std::string, std::vector<u8>> found;
        const auto add = [&](u64 address) {
            std::vector<u8> bytes = table(address);
            found.emplace(std::string(bytes.begin(), bytes.begin() + 4), std::move(bytes));
        };
        const u64 rsdt = little(files.at(AcpiFiles::kRsdpName), 16, 4);
        add(rsdt);
        for (size_t at = 36; at < found.at("RSDT").size(); at += 4) add(little(found.at("RSDT"), at, 4));
        add(little(found.at("FACP"), 40, 4));
        add(little(found.at("FACP"), 36, 4));
        return found;
    }
};

AcpiBoard board() {
    AcpiBoard board;
    board.processors = 3;
    board.hpet_id = 0x8086a201;
    board.pm_base = 0xb000;
    board.pci_hole = 0x80000000;
    board.com1 = board.mouse = true;
    return board;
}

u8 sum(const std::vector<u8>& bytes) { return std::accumulate(bytes.begin(), bytes.end(), u8{0}); }

TEST(AcpiTables, EveryTableIsReachedAndSumsToZero) {
    const Firmware firmware(board());
    const auto tables = firmware.tables();
    std::vector<std::string> names;
    for (const auto& [name, bytes] : tables) {
        names.push_back(name);
        if (name != "FACS") EXPECT_EQ(sum(bytes), 0) << name;
    }
    EXPECT_THAT(names, testing::ElementsAre("APIC", "DSDT", "FACP", "FACS", "HPET", "RSDT"));
    EXPECT_EQ(sum(firmware.files.at(AcpiFiles::kRsdpName)), 0);
    EXPECT_EQ(firmware.files.at(AcpiFiles::kRsdpName).size(), 20u);
}

TEST(AcpiTables, TheFadtHasThePortsWhereFirmwarePutThem) {
    const auto fadt = Firmware(board()).tables().at("FACP");
    ASSERT_EQ(fadt.size(), 244u);
    EXPECT_EQ(little(fadt, 46, 2), 9u) << "SCI";
    EXPECT_EQ(little(fadt, 48, 4), 0xb2u);
    EXPECT_EQ(little(fadt, 52, 2), 0xf0f1u) << "enable, disable";
    EXPECT_EQ(little(fadt, 56, 4), 0xb000u);
    EXPECT_EQ(little(fadt, 64, 4), 0xb004u);
    EXPECT_EQ(little(fadt, 76, 4), 0xb008u);
    EXPECT_EQ(little(fadt, 91, 1), 4u) << "length of the timer block";
    EXPECT_EQ(little(fadt, 112, 4), 0x465u) << "24-bit timer, power button in fixed hardware, reset register";
    EXPECT_EQ(little(fadt, 116, 4), 0x00000801u) << "reset: a port of 8 bits";
    EXPECT_EQ(little(fadt, 120, 8), 0xcf9u);
    EXPECT_EQ(fadt[128], 6);
    EXPECT_EQ(little(fadt, 132, 8), Firmware::kTablesAt) << "X_FIRMWARE_CTRL";
    EXPECT_EQ(little(fadt, 140, 8), little(fadt, 40, 4)) << "X_DSDT";
    EXPECT_EQ(little(fadt, 152, 8), 0xb000u);
    EXPECT_EQ(little(fadt, 208 + 4, 8), 0xb008u);
}

TEST(AcpiTables, TheMadtListsTheProcessors) {
    const auto madt = Firmware(board()).tables().at("APIC");
    EXPECT_EQ(little(madt, 36, 4), 0xfee00000u);
    EXPECT_EQ(madt.size(), 44u + 3 * 8 + 12 + 2 * 10 + 6);
    for (unsigned i = 0; i < 3; i++)
        EXPECT_EQ(little(madt, 44 + 8 * i, 8), 0x1'0000'0800u + (u64{i} << 16) + (u64{i} << 24));
    EXPECT_EQ(madt[44 + 24 + 2], 3) << "the I/O APIC's ID";
    AcpiBoard many = board();
    many.processors = 64;
    EXPECT_EQ(Firmware(many).tables().at("APIC")[44 + 64 * 8 + 2], 0);
}

TEST(AcpiTables, WithoutAnApicThereIsNeitherMadtNorHpet) {
    AcpiBoard old = board();
    old.local_apic = false;
    EXPECT_EQ(Firmware(old).tables().size(), 4u);
}

TEST(AcpiTables, TheDsdtKnowsWindowPortsAndDevices) {
    const Firmware firmware(board());
    const auto dsdt = firmware.tables().at("DSDT");
    const std::string text(dsdt.begin(), dsdt.end());
    EXPECT_NE(text.find(std::string("\x00\x00\x00\x80\xff\xff\xbf\xfe\x00\x00\x00\x00\x00\x00\xc0\x7e", 16)),
              std::string::npos)
        << "80000000-FEBFFFFF";
    EXPECT_NE(text.find(std::string("\x47\x01\x00\xb0\x00\xb0\x01\x40", 8)), std::string::npos)
        << "64 ports at B000";
    EXPECT_EQ(text.find(std::string("\xde\xc0", 2)), std::string::npos) << "a constant was left";
    // OperationRegion FND, in system memory, at a doubleword constant.
    const size_t region = text.find(std::string("\x5b\x80") + "FND_" + std::string("\x00\x0c", 2));
    ASSERT_NE(region, std::string::npos);
    const u64 devices = little(dsdt, region + 8, 4) - Firmware::kTablesAt;
    EXPECT_EQ(little(firmware.files.at(AcpiFiles::kTablesName), devices, 4), 0x11u) << "COM1, mouse";
}

TEST(AcpiTables, TheirSizeDoesNotDependOnAddresses) {
    AcpiBoard moved = board();
    moved.pm_base = 0x600;
    moved.pci_hole = 0xc0000000;
    const AcpiFiles a = build_acpi_files(board()), b = build_acpi_files(moved);
    EXPECT_EQ(a.tables.size(), b.tables.size());
    EXPECT_EQ(a.loader, b.loader);
    EXPECT_NE(a.tables, b.tables);
}

#ifdef GNOMON_IASL
/// ACPICA's disassembler complains of what operating systems built on ACPICA will complain of.
TEST(AcpiTables, TheDisassemblerHasNoComplaint) {
    namespace fs = std::filesystem;
    const fs::path folder = fs::temp_directory_path() / ("gnomon-acpi-" + std::to_string(getpid()));
    fs::create_directories(folder);
    for (const auto& [name, bytes] : Firmware(board()).tables()) {
        if (name == "RSDT") continue;  // iasl -d takes it too, but there is nothing in it beside addresses
        const fs::path file = folder / (name + ".dat");
        std::ofstream(file, std::ios::binary)
            .write(reinterpret_cast<const char*>(bytes.data()), static_cast<long>(bytes.size()));
        const std::string log = (folder / "log").string();
        const std::string command = std::string(GNOMON_IASL) + " -d " + file.string() + " > " + log + " 2>&1";
        EXPECT_EQ(std::system(command.c_str()), 0) << name;
        std::ifstream printed(log);
        const std::string text((std::istreambuf_iterator<char>(printed)), std::istreambuf_iterator<char>());
        std::ifstream source(folder / (name + ".dsl"));
        const std::string disassembled((std::istreambuf_iterator<char>(source)),
                                       std::istreambuf_iterator<char>());
        EXPECT_FALSE(disassembled.empty()) << text;
        for (const char* word : {"Warning", "Error", "Invalid"}) {
            EXPECT_EQ(text.find(word), std::string::npos) << name << ":\n" << text;
            EXPECT_EQ(disassembled.find(word), std::string::npos) << name << ":\n"
                                                                  << disassembled.substr(0, 4000);
        }
    }
    fs::remove_all(folder);
}
#endif

}  // namespace
}  // namespace gnomon
