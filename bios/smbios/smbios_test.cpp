// The SMBIOS structures, read as software reads them: by walking formatted areas and strings.
#include "bios/smbios/smbios.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace gnomon {
namespace {

struct Structure {
    u8 type;
    u16 handle;
    std::vector<u8> bytes;
    std::vector<std::string> strings;

    template<class T>
    [[nodiscard]] T at(size_t offset) const {
        u64 value = 0;
        for (size_t i = 0; i < sizeof(T); i++) value |= u64{bytes.at(offset + i)} << 8 * i;
        return static_cast<T>(value);
    }
};

std::vector<Structure> walk(const std::vector<u8>& tables) {
    std::vector<Structure> found;
    for (size_t at = 0; at + 4 <= tables.size();) {
        Structure s{tables[at], static_cast<u16>(tables[at + 2] | tables[at + 3] << 8), {}, {}};
        s.bytes.assign(tables.begin() + static_cast<long>(at),
                       tables.begin() + static_cast<long>(at) + tables[at + 1]);
        at += tables[at + 1];
        while (tables.at(at) != 0) {
            s.strings.emplace_back(reinterpret_cast<const char*>(&tables[at]));
            at += s.strings.back().size() + 1;
        }
        at += s.strings.empty() ? 2 : 1;
        found.push_back(std::move(s));
    }
    return found;
}

std::vector<Structure> of_type(const std::vector<Structure>& all, u8 type) {
    std::vector<Structure> found;
    for (const Structure& s : all)
        if (s.type == type) found.push_back(s);
    return found;
}

SmbiosBoard board() {
    SmbiosBoard board;
    board.vendor = "GenuineIntel";
    board.brand = "Gnomon virtual processor";
    board.signature = 0x106ca;
    board.features = 0x1fcbfbff;
    board.megahertz = 1000;
    board.low_ram = u64{256} << 20;
    return board;
}

TEST(Smbios, TheAnchorCountsWhatTheTablesHold) {
    const SmbiosFiles files = build_smbios(board());
    const auto all = walk(files.tables);
    ASSERT_EQ(files.anchor.size(), 31u);
    EXPECT_EQ(std::string(files.anchor.begin(), files.anchor.begin() + 4), "_SM_");
    EXPECT_EQ(files.anchor[0x16] | files.anchor[0x17] << 8, static_cast<int>(files.tables.size()));
    EXPECT_EQ(files.anchor[0x1c], all.size());
    EXPECT_EQ(all.back().type, 127);
    size_t largest = 0;
    for (const Structure& s : all) {
        size_t size = s.bytes.size() + (s.strings.empty() ? 2 : 1);
        for (const std::string& text : s.strings) size += text.size() + 1;
        largest = std::max(largest, size);
    }
    EXPECT_EQ(files.anchor[8] | files.anchor[9] << 8, static_cast<int>(largest));
}

TEST(Smbios, StructuresHaveTheLengthsOfVersion28) {
    const auto all = walk(build_smbios(board()).tables);
    std::vector<std::pair<int, size_t>> lengths;
    for (const Structure& s : all) lengths.emplace_back(s.type, s.bytes.size());
    using P = std::pair<int, size_t>;
    EXPECT_THAT(lengths, testing::ElementsAre(P{1, 0x1b}, P{3, 0x16}, P{4, 0x2a}, P{16, 0x17}, P{17, 0x28},
                                              P{19, 0x1f}, P{32, 0x0b}, P{127, 4}));
}

TEST(Smbios, OnePackageTellsItsCores) {
    SmbiosBoard wanted = board();
    wanted.cores = 4;
    wanted.long_mode = true;
    const auto processors = of_type(walk(build_smbios(wanted).tables), 4);
    ASSERT_EQ(processors.size(), 1u);
    const Structure& s = processors[0];
    EXPECT_THAT(s.strings, testing::ElementsAre("CPU 0", "GenuineIntel", "Gnomon virtual processor"));
    EXPECT_EQ(s.at<u32>(8), 0x106cau);
    EXPECT_EQ(s.at<u32>(12), 0x1fcbfbffu);
    EXPECT_EQ(s.at<u16>(0x14), 1000);
    EXPECT_EQ(s.at<u8>(0x18), 0x41);
    EXPECT_EQ(s.at<u8>(0x23), 4);
    EXPECT_EQ(s.at<u8>(0x24), 4);
    EXPECT_EQ(s.at<u8>(0x25), 4);
    EXPECT_EQ(s.at<u16>(0x26), 0x0c) << "64 bits, several cores";
}

TEST(Smbios, PackagesHaveAStructureEach) {
    SmbiosBoard wanted = board();
    wanted.packages = 3;
    const auto processors = of_type(walk(build_smbios(wanted).tables), 4);
    ASSERT_EQ(processors.size(), 3u);
    EXPECT_EQ(processors[2].handle, 0x402);
    EXPECT_EQ(processors[2].strings[0], "CPU 2");
    EXPECT_EQ(processors[2].at<u8>(0x23), 1);
}

TEST(Smbios, MemoryBeyondTheOldFieldsIsInTheNewOnes) {
    SmbiosBoard wanted = board();
    wanted.low_ram = u64{3} << 30;
    wanted.high_ram = u64{4093} << 30;
    const auto all = walk(build_smbios(wanted).tables);
    const Structure array = of_type(all, 16)[0];
    EXPECT_EQ(array.at<u32>(7), 0x80000000u);
    EXPECT_EQ(array.at<u64>(15), u64{4096} << 30);
    const Structure device = of_type(all, 17)[0];
    EXPECT_EQ(device.at<u16>(12), 0x7fff);
    EXPECT_EQ(device.at<u32>(0x1c), 4096u << 10);
    const auto mapped = of_type(all, 19);
    ASSERT_EQ(mapped.size(), 2u);
    EXPECT_EQ(mapped[0].at<u32>(8), (3u << 20) - 1);
    EXPECT_EQ(mapped[1].at<u32>(4), 0xffffffffu);
    EXPECT_EQ(mapped[1].at<u64>(15), u64{4} << 30);
    EXPECT_EQ(mapped[1].at<u64>(23), (u64{4097} << 30) - 1);
}

}  // namespace
}  // namespace gnomon
