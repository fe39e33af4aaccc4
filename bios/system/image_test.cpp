// The built system BIOS image: what software finds at fixed addresses without running it.
// IBM PC/AT Technical Reference, "ROM BIOS"; the structures are those of the specifications named at each
// test.
#include <gtest/gtest.h>

#include <cstring>
#include <numeric>
#include <string_view>
#include <vector>

#include "bios/embedded.h"

namespace gnomon::bios {
namespace {

constexpr size_t image_base = 0xE0000;

std::span<const uint8_t> at(uint32_t linear, size_t bytes) {
    return system_bios().subspan(linear - image_base, bytes);
}

std::string_view text(uint32_t linear, size_t bytes) {
    auto b = at(linear, bytes);
    return {reinterpret_cast<const char*>(b.data()), b.size()};
}

unsigned sum(std::span<const uint8_t> bytes) {
    return std::accumulate(bytes.begin(), bytes.end(), 0u) & 0xFF;
}

// Paragraphs of segment F000 that begin with the signature.
std::vector<uint32_t> find_structure(std::string_view signature) {
    std::vector<uint32_t> found;
    for (uint32_t a = 0xF0000; a < 0x100000; a += 16) {
        if (text(a, signature.size()) == signature) found.push_back(a);
    }
    return found;
}

// The target of the far jump at an entry point.
uint32_t jump_target(uint32_t linear) {
    auto b = at(linear, 5);
    EXPECT_EQ(b[0], 0xEA) << std::hex << linear;
    uint32_t offset = b[1] | b[2] << 8, segment = b[3] | b[4] << 8;
    return segment * 16 + offset;
}

TEST(SystemBiosImage, Is128KilobytesThatSumToZero) {
    EXPECT_EQ(system_bios().size(), 0x20000u);
    EXPECT_EQ(sum(system_bios()), 0u);
}

TEST(SystemBiosImage, ResetVectorJumpsToTheColdStartEntry) { EXPECT_EQ(jump_target(0xFFFF0), 0xFE05Bu); }

TEST(SystemBiosImage, CarriesItsDateAndTheModelByteOfAnAt) {
    auto date = text(0xFFFF5, 8);
    EXPECT_EQ(date[2], '/');
    EXPECT_EQ(date[5], '/');
    EXPECT_EQ(at(0xFFFFE, 1)[0], 0xFC);
}

TEST(SystemBiosImage, EveryClassicEntryPointJumpsIntoTheCodeSegment) {
    for (uint32_t entry : {0xFE3FE, 0xFE739, 0xFE82E, 0xFE987, 0xFEC59, 0xFEF57, 0xFEFD2, 0xFF841, 0xFF84D,
                           0xFF859, 0xFFE6E, 0xFFEA5, 0xFFF54}) {
        uint32_t target = jump_target(entry);
        EXPECT_GE(target, 0xF0000u) << std::hex << entry;
        EXPECT_LT(target, 0xFC000u) << std::hex << entry;
    }
    EXPECT_EQ(at(0xFE6F2, 1)[0], 0xE9);  // INT 19h: a near jump, the configuration table follows
    EXPECT_EQ(at(0xFFF53, 1)[0], 0xCF);  // the IRET that unused vectors point to
    EXPECT_EQ(at(0xFF065, 1)[0], 0xCF);
}

TEST(SystemBiosImage, ConfigurationTableDescribesAnAt) {
    auto table = at(0xFE6F5, 10);
    EXPECT_EQ(table[0] | table[1] << 8, 8);
    EXPECT_EQ(table[2], 0xFC);
    EXPECT_EQ(table[5] & 0x70, 0x70);  // second 8259, real-time clock, keyboard intercept
}

TEST(SystemBiosImage, DisketteParametersAreThoseOf1440Kilobytes) {
    auto table = at(0xFEFC7, 11);
    EXPECT_EQ(table[3], 2);
    EXPECT_EQ(table[4], 18);
    EXPECT_EQ(table[8], 0xF6);
}

TEST(SystemBiosImage, HasOneValidBios32Directory) {
    auto found = find_structure("_32_");
    ASSERT_EQ(found.size(), 1u);
    auto header = at(found[0], 16);
    EXPECT_EQ(sum(header), 0u);
    EXPECT_EQ(header[9], 1);
    uint32_t entry = 0;
    std::memcpy(&entry, &header[4], 4);
    EXPECT_GE(entry, 0xF0000u);
    EXPECT_LE(entry, 0xFFFFFu);
}

TEST(SystemBiosImage, HasOneValidPlugAndPlayHeader) {
    // Code that compares with the signature may lie on a paragraph, too: software goes by the checksum.
    auto found = find_structure("$PnP");
    std::erase_if(found, [](uint32_t header) { return sum(at(header, 0x21)) != 0; });
    ASSERT_EQ(found.size(), 1u);
    EXPECT_EQ(at(found[0], 6)[5], 0x21);
}

TEST(SystemBiosImage, TablesThatPostFillsInAreAbsentBefore) {
    for (auto signature : {"RSD PTR ", "_SM_", "$PIR"})
        EXPECT_TRUE(find_structure(signature).empty()) << signature;
}

TEST(SystemBiosImage, WritableBlockLooksLikeARomToMemoryManagers) {
    auto header = at(0xEC000, 4);
    EXPECT_EQ(header[0], 0x55);
    EXPECT_EQ(header[1], 0xAA);
    EXPECT_EQ(header[2] * 512, 0x4000);
    EXPECT_EQ(header[3], 0xCB);
}

TEST(SystemBiosImage, ContainsNoInstructionsThatA386LacksOutsideChecks) {
    // CMOVcc (0F 40-4F) would only come from a compiler told the wrong processor; CPUID, WRMSR are in checked
    // places.
    auto code = at(0xF0000, 0xC000);
    int bswap = 0;
    for (size_t i = 0; i + 2 < code.size(); i++)
        bswap += code[i] == 0x66 && code[i + 1] == 0x0F && (code[i + 2] & 0xF8) == 0xC8;
    EXPECT_EQ(bswap, 0);
}

}  // namespace
}  // namespace gnomon::bios
