// Synthetic kernels of every kind, good and bad, and a fuzz run over truncated and mutated headers.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>
#include <zlib.h>

#include <chrono>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <random>

#include "bios/loaders/formats.h"
#include "bios/loaders/kernel.h"

namespace gnomon {
namespace {

using ::testing::HasSubstr;
using Bytes = std::vector<std::uint8_t>;

template<class T>
void put(Bytes& bytes, std::size_t offset, T value) {
    if (bytes.size() < offset + sizeof value) bytes.resize(offset + sizeof value);
    std::memcpy(bytes.data() + offset, &value, sizeof value);
}

const Bytes* find(const BootPayload& payload, const char* name) {
    for (const BootFile& file : payload)
        if (file.name == name) return &file.bytes;
    return nullptr;
}

GnomonBootPlan head_of(const BootPayload& payload) {
    GnomonBootPlan head{};
    const Bytes* plan = find(payload, GNOMON_BOOT_PLAN);
    if (plan && plan->size() >= sizeof head) std::memcpy(&head, plan->data(), sizeof head);
    return head;
}

GnomonBootSegment segment_of(const BootPayload& payload, std::size_t index) {
    GnomonBootSegment segment{};
    std::memcpy(&segment,
                find(payload, GNOMON_BOOT_PLAN)->data() + sizeof(GnomonBootPlan) + index * sizeof segment,
                sizeof segment);
    return segment;
}

GnomonBootModule module_of(const BootPayload& payload, std::size_t index) {
    GnomonBootModule module{};
    std::memcpy(&module,
                find(payload, GNOMON_BOOT_PLAN)->data() + sizeof(GnomonBootPlan) +
                    head_of(payload).segment_count * sizeof(GnomonBootSegment) + index * sizeof module,
                sizeof module);
    return module;
}

std::string string_at(const BootPayload& payload, std::size_t offset) {
    return reinterpret_cast<const char*>(find(payload, GNOMON_BOOT_STRINGS)->data() + offset);
}

/// A Linux image: four setup sectors, `size` bytes of kernel.
Bytes linux_image(std::uint16_t protocol, std::uint8_t flags, std::size_t size = 0x3000) {
    Bytes image(5 * 512 + size, 0xCC);
    std::fill_n(image.begin(), 5 * 512, 0);
    put<std::uint8_t>(image, 0x1F1, 4);
    put<std::uint32_t>(image, 0x1F4, static_cast<std::uint32_t>(size / 16));
    put<std::uint16_t>(image, 0x1FE, 0xAA55);
    put<std::uint32_t>(image, 0x202, 0x53726448);
    put<std::uint16_t>(image, 0x206, protocol);
    put<std::uint8_t>(image, 0x211, flags);
    put<std::uint32_t>(image, 0x22C, 0x7FFFFFFF);
    put<std::uint32_t>(image, 0x230, 0x200000);
    put<std::uint8_t>(image, 0x234, 1);
    put<std::uint32_t>(image, 0x238, 2047);
    put<std::uint64_t>(image, 0x258, 0x1000000);
    put<std::uint32_t>(image, 0x260, 0x800000);
    return image;
}

/// An ELF image with one segment of 0x100 bytes (0x200 in memory) at `physical`, linked at `linked`.
Bytes elf32(std::uint32_t physical = 0x100000, std::uint32_t linked = 0xC0100000) {
    Bytes image(0x300, 0x90);
    std::fill_n(image.begin(), 0x100, 0);
    put<std::uint32_t>(image, 0, 0x464C457F);
    put<std::uint8_t>(image, 4, 1);
    put<std::uint8_t>(image, 5, 1);
    put<std::uint16_t>(image, 16, 2);
    put<std::uint16_t>(image, 18, 3);
    put<std::uint32_t>(image, 24, linked + 0x10);
    put<std::uint32_t>(image, 28, 52);
    put<std::uint16_t>(image, 42, 32);
    put<std::uint16_t>(image, 44, 1);
    const std::uint32_t program[] = {1, 0x200, linked, physical, 0x100, 0x200, 7, 4096};
    std::memcpy(image.data() + 52, program, sizeof program);
    return image;
}

Bytes elf64(std::uint64_t physical = 0x100000) {
    Bytes image(0x300, 0);
    put<std::uint32_t>(image, 0, 0x464C457F);
    put<std::uint8_t>(image, 4, 2);
    put<std::uint8_t>(image, 5, 1);
    put<std::uint16_t>(image, 16, 2);
    put<std::uint16_t>(image, 18, 62);
    put<std::uint64_t>(image, 24, 0xFFFFFFFF80000000 + physical);
    put<std::uint64_t>(image, 32, 64);
    put<std::uint16_t>(image, 54, 56);
    put<std::uint16_t>(image, 56, 1);
    put<std::uint32_t>(image, 64, 1);
    const std::uint64_t program[] = {0x200, 0xFFFFFFFF80000000 + physical, physical, 0x100, 0x100, 4096};
    std::memcpy(image.data() + 72, program, sizeof program);
    return image;
}

void add_multiboot1(Bytes& image, std::size_t at, std::uint32_t flags) {
    put<std::uint32_t>(image, at, 0x1BADB002);
    put<std::uint32_t>(image, at + 4, flags);
    put<std::uint32_t>(image, at + 8, 0u - (0x1BADB002 + flags));
}

/// A header whose tags follow at `at` + 16, `length` bytes in all.
void add_multiboot2(Bytes& image, std::size_t at, std::initializer_list<std::uint32_t> tags,
                    std::uint32_t architecture = 0) {
    const auto length = static_cast<std::uint32_t>(16 + 4 * tags.size());
    put<std::uint32_t>(image, at, 0xE85250D6);
    put<std::uint32_t>(image, at + 4, architecture);
    put<std::uint32_t>(image, at + 8, length);
    put<std::uint32_t>(image, at + 12, 0u - (0xE85250D6 + architecture + length));
    std::size_t position = at + 16;
    for (const std::uint32_t word : tags) {
        put<std::uint32_t>(image, position, word);
        position += 4;
    }
}

Result<BootPayload> plan(Bytes image, std::vector<NamedBytes> modules = {}, std::string_view line = "quiet",
                         LongMode long_mode = LongMode::Absent) {
    return plan_boot({"kernel", std::move(image), {}}, modules, line, long_mode);
}

std::string error_of(Bytes image, std::vector<NamedBytes> modules = {}, std::string_view line = "quiet") {
    const auto result = plan(std::move(image), std::move(modules), line);
    return result ? "no error" : result.error().message;
}

TEST(LinuxLoader, ModernImageIsSplitAndItsHeaderFilledIn) {
    const auto payload = plan(linux_image(0x20F, 1));
    ASSERT_TRUE(payload);
    const GnomonBootPlan head = head_of(*payload);
    EXPECT_EQ(head.kind, GNOMON_BOOT_LINUX);
    EXPECT_EQ(head.setup_address, 0x10000u);
    EXPECT_EQ(head.setup_size, 5u * 512);
    EXPECT_EQ(head.command_line_address, 0x20000u);
    EXPECT_EQ(head.stack_top, 0xE000u);
    EXPECT_EQ(head.initrd_limit, 0x7FFFFFFFu);
    EXPECT_EQ(head.image_end, 0x1800000u);  // preferred address and init_size
    const GnomonBootSegment segment = segment_of(*payload, 0);
    EXPECT_EQ(segment.address, 0x100000u);
    EXPECT_EQ(segment.file_size, 0x3000u);
    const loaders::ByteReader setup(*find(*payload, GNOMON_BOOT_SETUP));
    EXPECT_EQ(setup.at<std::uint8_t>(0x210), 0xFF);
    EXPECT_EQ(setup.at<std::uint8_t>(0x211), 0x81);
    EXPECT_EQ(setup.at<std::uint16_t>(0x224), 0xDE00);
    EXPECT_EQ(setup.at<std::uint32_t>(0x228), 0x20000u);
    EXPECT_EQ(setup.at<std::uint16_t>(0x1FA), 0);
    EXPECT_EQ(string_at(*payload, 0), "quiet");
    EXPECT_EQ(find(*payload, GNOMON_BOOT_INITRD), nullptr);
}

TEST(LinuxLoader, InitrdsAreJoinedAtMultiplesOfFour) {
    const auto payload = plan(linux_image(0x20F, 1), {{"a", {1, 2, 3}, {}}, {"b", {4}, {}}});
    ASSERT_TRUE(payload);
    EXPECT_EQ(*find(*payload, GNOMON_BOOT_INITRD), (Bytes{1, 2, 3, 0, 4, 0, 0, 0}));
    EXPECT_EQ(head_of(*payload).initrd_size, 8u);
}

TEST(LinuxLoader, MemAndVgaOnTheCommandLineCount) {
    const auto payload = plan(linux_image(0x20F, 1), {}, "vga=0x317 mem=64M");
    ASSERT_TRUE(payload);
    EXPECT_EQ(head_of(*payload).initrd_limit, 0x3FFFFFFu);
    EXPECT_EQ(loaders::ByteReader(*find(*payload, GNOMON_BOOT_SETUP)).at<std::uint16_t>(0x1FA), 0x317);
    EXPECT_EQ(error_of(linux_image(0x20F, 1), {}, "vga=big"),
              "kernel command line: vga=big: expected normal, ext, ask or a mode number");
}

TEST(LinuxLoader, OldProtocolsGetTheirCommandLineBehindTheSetupCode) {
    auto payload = plan(linux_image(0x201, 1));
    ASSERT_TRUE(payload);
    EXPECT_EQ(head_of(*payload).setup_address, 0x90000u);
    EXPECT_EQ(head_of(*payload).initrd_limit, 0x37FFFFFFu);
    const loaders::ByteReader setup(*find(*payload, GNOMON_BOOT_SETUP));
    EXPECT_EQ(setup.at<std::uint16_t>(0x20), 0xA33F);
    EXPECT_EQ(setup.at<std::uint16_t>(0x22), 0x9800);
    EXPECT_EQ(setup.at<std::uint16_t>(0x212), 0x9800 + 6);
    payload = plan(linux_image(0x200, 0));
    ASSERT_TRUE(payload);
    EXPECT_EQ(segment_of(*payload, 0).address, 0x10000u);
    EXPECT_EQ(loaders::ByteReader(*find(*payload, GNOMON_BOOT_SETUP)).at<std::uint8_t>(0x211), 0);
}

TEST(LinuxLoader, BadImagesAreRefusedWithTheReason) {
    EXPECT_THAT(error_of(linux_image(0x105, 1)), HasSubstr("offset 0x206: boot protocol 1.05 is too old"));
    Bytes cut = linux_image(0x20F, 1);
    cut.resize(0x900);
    EXPECT_THAT(error_of(cut), HasSubstr("kernel: offset 0x1f1: 2560 bytes of setup code announced"));
    cut = linux_image(0x20F, 1);
    cut.resize(cut.size() - 0x1000);
    EXPECT_THAT(error_of(cut), HasSubstr("offset 0x1f4: 12288 bytes of kernel announced, the file has 8192"));
    EXPECT_THAT(error_of(linux_image(0x20F, 0, 0x80000)),
                HasSubstr("a zImage of 524288 bytes, at most 458752 fit"));
    EXPECT_THAT(error_of(linux_image(0x20F, 1), {}, std::string(2048, 'x')),
                HasSubstr("a kernel command line of 2048 characters, this kernel takes 2047"));
}

TEST(ElfLoader, PlainImageIsStartedAtItsPhysicalEntry) {
    const auto payload = plan(elf32());
    ASSERT_TRUE(payload) << payload.error().message;
    const GnomonBootPlan head = head_of(*payload);
    EXPECT_EQ(head.kind, GNOMON_BOOT_MULTIBOOT1);
    EXPECT_EQ(head.entry, 0x100010u);
    EXPECT_EQ(head.image_start, 0x100000u);
    EXPECT_EQ(head.image_end, 0x100200u);
    const GnomonBootSegment segment = segment_of(*payload, 0);
    EXPECT_EQ(segment.offset, 0x200u);
    EXPECT_EQ(segment.file_size, 0x100u);
    EXPECT_EQ(segment.memory_size, 0x200u);
}

TEST(ElfLoader, SectionsThatNoSegmentHoldsAreLoadedBehindTheImage) {
    Bytes image = elf32();
    image.resize(0x400);
    put<std::uint32_t>(image, 32, 0x300);
    put<std::uint16_t>(image, 46, 40);
    put<std::uint16_t>(image, 48, 3);
    put<std::uint16_t>(image, 50, 2);
    const std::uint32_t allocated[] = {1, 1, 2, 0xC0100000, 0x200, 0x100, 0, 0, 4, 0};
    const std::uint32_t symbols[] = {2, 2, 0, 0, 0x380, 0x20, 0, 0, 8, 0};
    std::memcpy(image.data() + 0x328, allocated, sizeof allocated);
    std::memcpy(image.data() + 0x350, symbols, sizeof symbols);
    const auto payload = plan(image);
    ASSERT_TRUE(payload) << payload.error().message;
    EXPECT_EQ(head_of(*payload).segment_count, 2u);
    EXPECT_EQ(segment_of(*payload, 1).address, 0x101000u);
    EXPECT_EQ(segment_of(*payload, 1).offset, 0x380u);
    const loaders::ByteReader sections(*find(*payload, GNOMON_BOOT_SECTIONS));
    EXPECT_EQ(sections.at<std::uint32_t>(40 + 12), 0xC0100000u);
    EXPECT_EQ(sections.at<std::uint32_t>(80 + 12), 0x101000u);
    EXPECT_EQ(head_of(*payload).section_names_index, 2u);
}

TEST(ElfLoader, PlainImagesWithAPvhNoteAreEnteredThere) {
    Bytes image = elf32();
    put<std::uint16_t>(image, 44, 2);
    const std::uint32_t program[] = {4, 0x180, 0, 0, 0x24, 0x24, 4, 4};
    std::memcpy(image.data() + 84, program, sizeof program);
    const std::uint32_t notes[] = {4, 0, 7, 0x006E6558, 4, 4, 18, 0x006E6558, 0x100080};
    std::memcpy(image.data() + 0x180, notes, sizeof notes);
    auto payload = plan(image, {}, "a b");
    ASSERT_TRUE(payload) << payload.error().message;
    EXPECT_EQ(head_of(*payload).kind, GNOMON_BOOT_PVH);
    EXPECT_EQ(head_of(*payload).entry, 0x100080u);
    EXPECT_EQ(string_at(*payload, 0), "a b");
    add_multiboot1(image, 0x140, 0);  // a Multiboot header comes first
    payload = plan(image);
    ASSERT_TRUE(payload);
    EXPECT_EQ(head_of(*payload).kind, GNOMON_BOOT_MULTIBOOT1);
}

TEST(ElfLoader, SixtyFourBitImagesNeedLongMode) {
    EXPECT_THAT(error_of(elf64()), HasSubstr("needs long mode, which this CPU model does not have"));
    const auto payload = plan(elf64(), {}, "", LongMode::Present);
    ASSERT_TRUE(payload) << payload.error().message;
    EXPECT_EQ(head_of(*payload).entry, 0x100000u);
    EXPECT_THAT(error_of(elf64(0x200000000)), HasSubstr("segment 0 loads at 0x200000000, beyond 4 GB"));
}

TEST(ElfLoader, BadImagesAreRefusedWithTheReason) {
    Bytes image = elf32();
    put<std::uint16_t>(image, 18, 8);
    EXPECT_EQ(error_of(image), "kernel: offset 0x12: ELF machine 8, expected 3");
    image = elf32();
    put<std::uint16_t>(image, 16, 1);
    EXPECT_EQ(error_of(image), "kernel: offset 0x10: ELF type 1, expected an executable (2 or 3)");
    image = elf32();
    put<std::uint32_t>(image, 52 + 16, 0x300);
    put<std::uint32_t>(image, 52 + 20, 0x300);
    EXPECT_EQ(error_of(image), "kernel: offset 0x34: segment 0 lies outside the file: truncated?");
    image = elf32();
    put<std::uint32_t>(image, 24, 0x1234);
    EXPECT_EQ(error_of(image), "kernel: offset 0x18: the entry point 0x1234 lies in no segment");
    image = elf32(0x8FF00);
    EXPECT_THAT(error_of(image), HasSubstr("a segment loads at 0x8ff00-0x900ff"));
    EXPECT_THAT(error_of(elf32(0)), HasSubstr("the first 4 KB belong to the BIOS"));
}

TEST(Multiboot1Loader, ElfImageWithModules) {
    Bytes image = elf32();
    add_multiboot1(image, 0x100, 3);
    const auto payload = plan(image, {{"/m/one", {1, 2, 3}, "x y"}, {"/m/two", {4}, {}}}, "root=1");
    ASSERT_TRUE(payload) << payload.error().message;
    const GnomonBootPlan head = head_of(*payload);
    EXPECT_EQ(head.kind, GNOMON_BOOT_MULTIBOOT1);
    EXPECT_EQ(head.module_count, 2u);
    EXPECT_EQ(string_at(*payload, 0), "kernel root=1");
    EXPECT_EQ(string_at(*payload, module_of(*payload, 0).string), "/m/one x y");
    EXPECT_EQ(string_at(*payload, module_of(*payload, 1).string), "/m/two");
    EXPECT_EQ(module_of(*payload, 1).offset, 3u);
    EXPECT_EQ(module_of(*payload, 1).size, 1u);
}

TEST(Multiboot1Loader, AddressFieldsNeedNoElf) {
    Bytes image(0x2000, 0x90);
    add_multiboot1(image, 0x1000, 0x10003);
    const std::uint32_t fields[] = {0x201000, 0x200800, 0x201800, 0x204000, 0x200900};
    std::memcpy(image.data() + 0x100C, fields, sizeof fields);
    auto payload = plan(image);
    ASSERT_TRUE(payload) << payload.error().message;
    const GnomonBootSegment segment = segment_of(*payload, 0);
    EXPECT_EQ(segment.offset, 0x800u);
    EXPECT_EQ(segment.file_size, 0x1000u);
    EXPECT_EQ(segment.address, 0x200800u);
    EXPECT_EQ(segment.memory_size, 0x3800u);
    EXPECT_EQ(head_of(*payload).entry, 0x200900u);
    put<std::uint32_t>(image, 0x1014, 0);  // load_end_addr 0: the whole file
    payload = plan(image);
    ASSERT_TRUE(payload);
    EXPECT_EQ(segment_of(*payload, 0).file_size, 0x1800u);
}

TEST(Multiboot1Loader, BadHeadersAreRefusedWithTheReason) {
    Bytes image = elf32();
    add_multiboot1(image, 0x100, 0x8003);
    EXPECT_EQ(error_of(image),
              "kernel: offset 0x104: the kernel requires Multiboot features 0x8000, which are not known");
    image.assign(0x2000, 0);
    add_multiboot1(image, 0x100, 3);
    EXPECT_THAT(error_of(image), HasSubstr("needs the address fields (flag 16)"));
    add_multiboot1(image, 0x100, 0x10003);
    const std::uint32_t fields[] = {0x200100, 0x1FF000, 0, 0, 0x200000};
    std::memcpy(image.data() + 0x10C, fields, sizeof fields);
    EXPECT_THAT(error_of(image), HasSubstr("load address 0x1ff000 does not fit"));
    put<std::uint32_t>(image, 0x110, 0x200000);
    put<std::uint32_t>(image, 0x114, 0x210000);
    EXPECT_THAT(error_of(image), HasSubstr("load_end_addr 0x210000 lies beyond the file"));
}

TEST(Multiboot1Loader, HeaderBeyondEightKilobytesDoesNotCount) {
    Bytes image(0x4000, 0);
    add_multiboot1(image, 8192 - 12, 3);
    EXPECT_EQ(loaders::find_multiboot1(loaders::ByteReader(image)), 8192u - 12);
    image.assign(0x4000, 0);
    add_multiboot1(image, 8192 - 8, 3);
    EXPECT_EQ(loaders::find_multiboot1(loaders::ByteReader(image)), std::nullopt);
}

TEST(Multiboot2Loader, TagsDecideAddressesEntryAndRelocation) {
    Bytes image(0x2000, 0x90);
    add_multiboot2(image, 0x800,
                   {2, 24, 0x300800, 0x300000, 0, 0x303000, 3, 12, 0x300040, 0, 10, 24, 0x100000, 0xFFFFFF,
                    0x1000, 2, 0, 8});
    const auto payload = plan(image);
    ASSERT_TRUE(payload) << payload.error().message;
    const GnomonBootPlan head = head_of(*payload);
    EXPECT_EQ(head.kind, GNOMON_BOOT_MULTIBOOT2);
    EXPECT_EQ(head.entry, 0x300040u);
    EXPECT_EQ(head.flags, +GNOMON_BOOT_RELOCATABLE);
    EXPECT_EQ(head.relocate_minimum, 0x100000u);
    EXPECT_EQ(head.relocate_maximum, 0xFFFFFFu);
    EXPECT_EQ(head.relocate_alignment, 0x1000u);
    EXPECT_EQ(head.relocate_preference, 2u);
    EXPECT_EQ(head.image_end, 0x303000u);
}

TEST(Multiboot2Loader, ComesBeforeMultiboot1InTheSameFile) {
    Bytes image = elf32();
    add_multiboot1(image, 0x100, 0);
    add_multiboot2(image, 0x120, {0, 8});
    const auto payload = plan(image);
    ASSERT_TRUE(payload);
    EXPECT_EQ(head_of(*payload).kind, GNOMON_BOOT_MULTIBOOT2);
}

TEST(Multiboot2Loader, BadHeadersAreRefusedWithTheReason) {
    Bytes image = elf32();
    add_multiboot2(image, 0x100, {0, 8}, 4);
    EXPECT_EQ(error_of(image), "kernel: offset 0x104: Multiboot 2 architecture 4, expected 0 (i386)");
    add_multiboot2(image, 0x100, {99, 8, 0, 8});
    EXPECT_THAT(error_of(image), HasSubstr("requires Multiboot 2 header tag 99, which is not known"));
    add_multiboot2(image, 0x100, {99 | 1 << 16, 8, 0, 8});
    EXPECT_EQ(error_of(image), "no error");
    add_multiboot2(image, 0x100, {1, 12, 77, 0, 0, 8});
    EXPECT_THAT(error_of(image),
                HasSubstr("offset 0x118: the kernel requires Multiboot 2 information of type 77"));
    add_multiboot2(image, 0x100, {4, 12, 1, 0, 0, 8});
    EXPECT_THAT(error_of(image), HasSubstr("requires a console but no EGA text"));
    add_multiboot2(image, 0x100, {2, 16, 0, 0, 0, 8});
    EXPECT_THAT(error_of(image), HasSubstr("header tag 2 of 16 bytes, expected 24"));
    add_multiboot2(image, 0x100, {3, 400, 0, 0});
    EXPECT_THAT(error_of(image), HasSubstr("header tag 3 of 400 bytes does not fit the header"));
    image.assign(0x1000, 0);
    add_multiboot2(image, 0x100, {0, 8});
    EXPECT_THAT(error_of(image), HasSubstr("that is not ELF needs an address tag"));
}

TEST(KernelLoader, UnknownFilesAreToldWhatIsAccepted) {
    EXPECT_THAT(error_of({1, 2, 3}), HasSubstr("not a kernel in any accepted format: Linux bzImage"));
    EXPECT_THAT(error_of({}), HasSubstr("not a kernel in any accepted format"));
}

TEST(KernelLoader, GzippedKernelsAreUnpacked) {
    const auto path = std::filesystem::temp_directory_path() / fmt::format("gnomon-kernel-{}.gz", ::getpid());
    const Bytes image = elf32();
    gzFile file = gzopen(path.c_str(), "wb");
    ASSERT_NE(file, nullptr);
    gzwrite(file, image.data(), static_cast<unsigned>(image.size()));
    gzclose(file);
    const auto payload = load_kernel(path.string(), {}, "");
    ASSERT_TRUE(payload) << payload.error().message;
    EXPECT_EQ(*find(*payload, GNOMON_BOOT_IMAGE), image);
    EXPECT_EQ(string_at(*payload, 0), path.string());
    std::filesystem::resize_file(path, std::filesystem::file_size(path) - 12);
    EXPECT_THAT(load_kernel(path.string(), {}, "").error().message,
                HasSubstr("the gzip data are damaged or truncated"));
    std::filesystem::remove(path);
}

TEST(KernelLoader, MissingFilesAreNamed) {
    EXPECT_EQ(load_kernel("/nowhere/kernel", {}, "").error().message,
              "/nowhere/kernel: No such file or directory");
    EXPECT_EQ(load_kernel("/tmp", {}, "").error().message, "/tmp: is a directory");
}

/// Whatever the input, a plan that comes out must be one the ROM can trust.
void expect_sound(const BootPayload& payload) {
    const GnomonBootPlan head = head_of(payload);
    ASSERT_EQ(head.size, find(payload, GNOMON_BOOT_PLAN)->size());
    ASSERT_LE(head.segment_count, +GNOMON_MAX_SEGMENTS);
    const std::size_t image = find(payload, GNOMON_BOOT_IMAGE)->size();
    for (std::size_t i = 0; i < head.segment_count; ++i) {
        const GnomonBootSegment segment = segment_of(payload, i);
        ASSERT_LE(std::uint64_t{segment.offset} + segment.file_size, image);
        ASSERT_LE(segment.file_size, segment.memory_size);
        ASSERT_LE(std::uint64_t{segment.address} + segment.memory_size, 0x100000000u);
    }
}

TEST(KernelLoader, SurvivesTruncatedAndMutatedHeaders) {
    std::vector<Bytes> seeds{linux_image(0x20F, 1), linux_image(0x201, 0), elf32(), elf64()};
    Bytes notes = elf32();
    put<std::uint16_t>(notes, 44, 2);
    put<std::uint32_t>(notes, 84, 4);
    put<std::uint32_t>(notes, 88, 0x180);
    put<std::uint32_t>(notes, 100, 0x24);
    put<std::uint32_t>(notes, 0x180, 4);
    put<std::uint32_t>(notes, 0x188, 18);
    seeds.push_back(notes);
    Bytes multiboot = elf32();
    add_multiboot1(multiboot, 0x100, 0x10003);
    seeds.push_back(multiboot);
    add_multiboot2(multiboot, 0x140,
                   {2, 24, 0x300140, 0x300000, 0, 0, 3, 12, 0x300040, 0, 10, 24, 0, 0, 1, 0, 0, 8});
    seeds.push_back(multiboot);
    std::minstd_rand random(1);
    const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(1);
    std::size_t accepted = 0;
    for (std::size_t round = 0; std::chrono::steady_clock::now() < end; ++round) {
        Bytes image = seeds[round % seeds.size()];
        if (random() % 4 == 0) image.resize(random() % image.size());
        for (unsigned i = random() % 4; i && !image.empty(); --i) {
            const std::size_t at = random() % std::min<std::size_t>(image.size(), 0x300);
            image[at] = static_cast<std::uint8_t>(random() % 3 ? random() : (random() % 2 ? 0xFF : 0));
        }
        const auto payload = plan(image, {{"m", {1}, {}}}, "x", LongMode::Present);
        if (!payload) {
            ASSERT_FALSE(payload.error().message.empty());
            continue;
        }
        ++accepted;
        ASSERT_NO_FATAL_FAILURE(expect_sound(*payload));
    }
    EXPECT_GT(accepted, 0u);
}

}  // namespace
}  // namespace gnomon
