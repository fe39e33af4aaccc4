// The option ROM images as a system BIOS meets them: signature, size, checksums, and the structures their
// headers point to (PnP BIOS specification 1.0A, "Option ROM format"; PCI firmware specification 3.0).
#include <gtest/gtest.h>

#include <cstdint>
#include <fstream>
#include <iterator>
#include <numeric>
#include <string>
#include <vector>

namespace {

std::vector<std::uint8_t> read(const char* path) {
    std::ifstream file(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
}

unsigned word(const std::vector<std::uint8_t>& image, std::size_t at) {
    return image.at(at) | image.at(at + 1) << 8;
}

std::uint8_t sum(const std::vector<std::uint8_t>& image, std::size_t at, std::size_t size) {
    return std::accumulate(image.begin() + static_cast<std::ptrdiff_t>(at),
                           image.begin() + static_cast<std::ptrdiff_t>(at + size), std::uint8_t{0},
                           [](std::uint8_t a, std::uint8_t b) { return static_cast<std::uint8_t>(a + b); });
}

std::string text(const std::vector<std::uint8_t>& image, std::size_t at) {
    return reinterpret_cast<const char*>(image.data() + at);
}

TEST(VgaBiosImage, IsA32KilobyteOptionRomForThePciVga) {
    const auto image = read(VGA_BIOS);
    ASSERT_EQ(image.size(), 32768u);
    EXPECT_EQ(word(image, 0), 0xAA55u);
    EXPECT_EQ(image[2], 64);
    EXPECT_EQ(sum(image, 0, image.size()), 0);
    EXPECT_EQ(text(image, 0x1E), "IBM");
    const unsigned pci = word(image, 0x18);
    EXPECT_EQ(std::string(image.begin() + pci, image.begin() + pci + 4), "PCIR");
    EXPECT_EQ(word(image, pci + 4), 0x1234u);
    EXPECT_EQ(word(image, pci + 6), 0x1111u);
    EXPECT_EQ(word(image, pci + 0x10), 64u);
    EXPECT_EQ(image[pci + 0x15], 0x80);
}

TEST(KernelBootRomImage, HasAPnpHeaderWithABootEntry) {
    const auto image = read(KERNEL_BOOT_ROM);
    ASSERT_EQ(image.size(), 16384u);
    EXPECT_EQ(word(image, 0), 0xAA55u);
    EXPECT_EQ(image[2], 32);
    EXPECT_EQ(sum(image, 0, image.size()), 0);
    const unsigned pnp = word(image, 0x1A);
    EXPECT_EQ(std::string(image.begin() + pnp, image.begin() + pnp + 4), "$PnP");
    EXPECT_EQ(pnp % 16, 0u);
    EXPECT_EQ(sum(image, pnp, image[pnp + 5] * 16u), 0);
    EXPECT_EQ(text(image, word(image, pnp + 0x10)), "Gnomon kernel boot");
    EXPECT_EQ(word(image, pnp + 0x16), 0u);  // no boot connection vector: it takes over no disk
    EXPECT_NE(word(image, pnp + 0x1A), 0u);
}

}  // namespace
