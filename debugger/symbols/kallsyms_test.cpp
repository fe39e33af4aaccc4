// Tests of the search for a kernel's symbol table, on images laid out as the kernel's build lays them out.
#include "debugger/symbols/kallsyms.h"

#include <gtest/gtest.h>

#include <cstring>

#include "debugger/symbols/symbols.h"
#include "debugger/symbols/test_file.h"

namespace gnomon {
namespace {

/// Writes the tables of scripts/kallsyms.c; every token is one character, but for one of three.
class KernelImage {
  public:
    enum class Layout : u8 { OffsetsFirst, OffsetsLast };
    static constexpr u32 kCount = 1000;
    static constexpr u64 kBase64 = 0xffffffff'9a000000;
    static constexpr u64 kBase32 = 0xc1000000;

    KernelImage(unsigned align, Layout layout, bool absolute_percpu) : align_(align), bytes_(0x20123, 0xa5) {
        bytes_.resize((bytes_.size() + 15) / 16 * 16, 0);
        if (layout == Layout::OffsetsFirst) {
            offsets(absolute_percpu);
            names();
            tokens();
        } else {
            names();
            tokens();
            offsets(absolute_percpu);
        }
        bytes_.resize(bytes_.size() + 5000, 0x5a);
    }

    [[nodiscard]] MemoryReader reader() const {
        return [this](u64 address, std::span<u8> out) {
            if (address + out.size() > bytes_.size()) return false;
            std::memcpy(out.data(), bytes_.data() + address, out.size());
            return true;
        };
    }
    [[nodiscard]] u64 size() const { return bytes_.size(); }
    void corrupt_markers() { bytes_[markers_ + 4] ^= 1; }

  private:
    void align() { bytes_.resize((bytes_.size() + align_ - 1) / align_ * align_, 0); }
    template<class T>
    void put(T value) {
        const size_t at = bytes_.size();
        bytes_.resize(at + sizeof value);
        std::memcpy(bytes_.data() + at, &value, sizeof value);
    }
    /// Symbol 0 is _text; 16 bytes each.
    static std::string name(u32 i) { return i == 0 ? "T_text" : "tfunction_" + std::to_string(i); }

    void offsets(bool absolute_percpu) {
        align();
        for (u32 i = 0; i < kCount; i++)
            put<i32>(absolute_percpu ? (i < 3 ? static_cast<i32>(i) * 8 : -1 - static_cast<i32>((i - 3) * 16))
                                     : static_cast<i32>(i * 16));
        align();
        if (align_ == 8)
            put<u64>(kBase64);
        else
            put<u32>(static_cast<u32>(kBase32));
    }
    void names() {
        align();
        put<u32>(kCount);
        align();
        std::vector<u32> markers;
        const size_t start = bytes_.size();
        for (u32 i = 0; i < kCount; i++) {
            if (i % 256 == 0) markers.push_back(static_cast<u32>(bytes_.size() - start));
            std::string text = name(i);
            std::string packed;
            for (size_t k = 0; k < text.size(); k++) {
                if (text.compare(k, 8, "function") == 0) {
                    packed += '\x01';  // a token of its own
                    k += 7;
                } else {
                    packed += text[k];
                }
            }
            put(static_cast<u8>(packed.size()));
            bytes_.insert(bytes_.end(), packed.begin(), packed.end());
        }
        align();
        markers_ = bytes_.size();
        for (const u32 marker : markers) put(marker);
    }
    void tokens() {
        align();
        std::vector<u16> index;
        const size_t start = bytes_.size();
        for (unsigned token = 0; token < 256; token++) {
            index.push_back(static_cast<u16>(bytes_.size() - start));
            const std::string text = token == 1                  ? "function"
                                     : token > 32 && token < 127 ? std::string(1, static_cast<char>(token))
                                                                 : "zz";
            bytes_.insert(bytes_.end(), text.begin(), text.end());
            bytes_.push_back(0);
        }
        align();
        for (const u16 offset : index) put(offset);
    }

    unsigned align_;
    std::vector<u8> bytes_;
    size_t markers_ = 0;
};

TEST(Kallsyms, AreFoundInAKernelOf64BitsWithOffsetsFirst) {
    const KernelImage image(8, KernelImage::Layout::OffsetsFirst, false);
    const auto found = find_kernel_symbols(image.reader(), image.size());
    ASSERT_TRUE(found.ok()) << found.error().message;
    EXPECT_EQ(found->address_size, 8u);
    EXPECT_EQ(found->relative_base, KernelImage::kBase64);
    ASSERT_EQ(found->symbols.size(), KernelImage::kCount);
    EXPECT_EQ(found->symbols[0].name, "_text");
    EXPECT_EQ(found->symbols[0].kind, 'T');
    EXPECT_EQ(found->symbols[999].name, "function_999");
    EXPECT_EQ(found->symbols[999].address, KernelImage::kBase64 + 999 * 16);
}

TEST(Kallsyms, AreFoundWithOffsetsBehindTheTokensAsLinux65Has) {
    const KernelImage image(8, KernelImage::Layout::OffsetsLast, false);
    const auto found = find_kernel_symbols(image.reader(), image.size());
    ASSERT_TRUE(found.ok()) << found.error().message;
    ASSERT_EQ(found->symbols.size(), KernelImage::kCount);
    EXPECT_EQ(found->symbols[300].name, "function_300");
    EXPECT_EQ(found->symbols[300].address, KernelImage::kBase64 + 300 * 16);
}

TEST(Kallsyms, OfProcessorLocalVariablesAreAbsolute) {
    const KernelImage image(8, KernelImage::Layout::OffsetsFirst, true);
    const auto found = find_kernel_symbols(image.reader(), image.size());
    ASSERT_TRUE(found.ok()) << found.error().message;
    EXPECT_EQ(found->symbols[2].kind, 'A');
    EXPECT_EQ(found->symbols[2].address, 16u);
    EXPECT_EQ(found->symbols[3].kind, 't');
    EXPECT_EQ(found->symbols[3].address, KernelImage::kBase64);
    EXPECT_EQ(found->symbols[10].address, KernelImage::kBase64 + 7 * 16);
}

TEST(Kallsyms, AreFoundInAKernelOf32Bits) {
    for (const auto layout : {KernelImage::Layout::OffsetsFirst, KernelImage::Layout::OffsetsLast}) {
        const KernelImage image(4, layout, false);
        const auto found = find_kernel_symbols(image.reader(), image.size());
        ASSERT_TRUE(found.ok()) << found.error().message;
        EXPECT_EQ(found->address_size, 4u);
        EXPECT_EQ(found->symbols[1].address, KernelImage::kBase32 + 16);
    }
}

TEST(Kallsyms, ThatDoNotFitTogetherAreNotTaken) {
    KernelImage image(8, KernelImage::Layout::OffsetsFirst, false);
    image.corrupt_markers();
    const auto found = find_kernel_symbols(image.reader(), image.size());
    ASSERT_FALSE(found.ok());
    EXPECT_EQ(found.error().message,
              "no symbol table of a Linux kernel in 0 MiB of memory (is it running, with CONFIG_KALLSYMS?)");
}

TEST(Kallsyms, MoveTheFilesOfTheSameKernelToWhereItRuns) {
    const TestFile map(
        "ffffffff81000000 T _text\nffffffff81000010 t function_1\nffffffff81234560 D jiffies\n");
    const KernelImage image(8, KernelImage::Layout::OffsetsFirst, false);
    Symbols symbols;
    ASSERT_TRUE(symbols.load(map.path()).ok());
    const auto text = symbols.load_kernel(image.reader(), image.size());
    ASSERT_TRUE(text.ok()) << text.error().message;
    EXPECT_EQ(*text, "Linux in memory: 1000 symbols from 0xffffffff9a000000 on\n" + map.path() +
                         " moved by 0x19000000");
    EXPECT_EQ(symbols.address_of("jiffies"), 0xffffffff9a234560u);
}

}  // namespace
}  // namespace gnomon
