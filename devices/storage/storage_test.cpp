// Image files: locking, fallback, refusal of foreign formats, overlays.
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "devices/storage/image_format.h"
#include "devices/storage/memory_image.h"
#include "devices/storage/open_image.h"

namespace gnomon {
namespace {

struct StorageTest : testing::Test {
    std::filesystem::path folder;

    void SetUp() override {
        std::string pattern = (std::filesystem::temp_directory_path() / "gnomon-storage-XXXXXX").string();
        ASSERT_NE(mkdtemp(pattern.data()), nullptr);
        folder = pattern;
    }
    void TearDown() override { std::filesystem::remove_all(folder); }

    std::string make(std::string_view name, std::string_view content) {
        const std::string path = (folder / name).string();
        std::ofstream(path, std::ios::binary) << content;
        return path;
    }
    static std::string sector_of(char c) { return std::string(kSectorSize, c); }
};

std::vector<u8> read_all(BlockImage& image, u64 sector, size_t count) {
    std::vector<u8> bytes(count * kSectorSize);
    EXPECT_TRUE(image.read(sector, bytes).ok());
    return bytes;
}

TEST_F(StorageTest, RawImageReadsAndWritesSectors) {
    const std::string path = make("disk.img", sector_of('a') + sector_of('b'));
    Result<OpenedImage> opened = open_image(path, {});
    ASSERT_TRUE(opened.ok());
    BlockImage& image = *opened->image;
    EXPECT_EQ(image.sectors(), 2u);
    EXPECT_FALSE(image.read_only());
    EXPECT_EQ(read_all(image, 1, 1), std::vector<u8>(512, 'b'));
    ASSERT_TRUE(image.write(0, std::vector<u8>(512, 'z')).ok());
    ASSERT_TRUE(image.flush().ok());
    EXPECT_EQ(std::ifstream(path).get(), 'z');
    std::vector<u8> two(1024);
    EXPECT_EQ(image.read(1, two).error().message,
              path + ": sectors 1 to 2 lie outside the image of 2 sectors");
    EXPECT_EQ(opened->note, "");
}

TEST_F(StorageTest, IncompleteLastSectorIsPaddedAndReadOnly) {
    const std::string path = make("odd.img", sector_of('a') + "tail");
    Result<OpenedImage> opened = open_image(path, {});
    ASSERT_TRUE(opened.ok());
    EXPECT_EQ(opened->image->sectors(), 2u);
    std::vector<u8> expected(512);
    std::copy_n("tail", 4, expected.begin());
    EXPECT_EQ(read_all(*opened->image, 1, 1), expected);
    EXPECT_FALSE(opened->image->write(1, expected).ok());
    EXPECT_TRUE(opened->image->write(0, expected).ok());
    EXPECT_NE(opened->note.find("516 bytes"), std::string::npos);
}

TEST_F(StorageTest, ForeignFormatsAreNamed) {
    using namespace std::string_literals;
    const std::pair<std::string, std::string> cases[] = {
        {"QFI\xfb\0\0\0\3"s, "qcow2"}, {"QFI\xfb\0\0\0\1"s, "qcow"},
        {"KDMV"s, "VMDK (sparse)"},    {std::string(64, ' ') + "\x7f\x10\xda\xbe", "VDI"},
        {"\x1f\x8b\x08"s, "gzip'd"},   {"conectix"s, "VHD (dynamic)"},
        {"vhdxfile"s, "VHDX"}};
    for (const auto& [content, format] : cases) {
        const std::string path = make("foreign", content + std::string(4096 - content.size(), '\0'));
        const Result<OpenedImage> opened = open_image(path, {});
        ASSERT_FALSE(opened.ok()) << format;
        EXPECT_EQ(
            opened.error().message.find(path + ": is a " + format + " image, which is not supported yet"), 0u)
            << opened.error().message;
        EXPECT_TRUE(open_image(path, {.assume_raw = true}).ok());
    }
    const std::string fixed = make("fixed.vhd", sector_of(0) + "conectix" + std::string(504, '\0'));
    EXPECT_NE(open_image(fixed, {}).error().message.find("VHD (fixed)"), std::string::npos);
}

TEST_F(StorageTest, WhatIsNoImageIsAClearError) {
    EXPECT_EQ(open_image("/nonexistent/disk", {}).error().message,
              "/nonexistent/disk: No such file or directory");
    EXPECT_EQ(open_image(folder.string(), {.read_only = true}).error().message,
              folder.string() + ": is a directory, not a disk image");
    EXPECT_EQ(open_image("/dev/null", {}).error().message,
              "/dev/null: is neither a regular file nor a block device");
    const std::string empty = make("empty", "");
    EXPECT_EQ(open_image(empty, {}).error().message, empty + ": is empty");
}

TEST_F(StorageTest, IsoIsDetectedByItsDescriptor) {
    std::string content(17 * 2048, '\0');
    content.replace(16 * 2048, 6, "\1CD001");
    Result<OpenedImage> opened = open_image(make("cd.iso", content), {.read_only = true});
    ASSERT_TRUE(opened.ok());
    EXPECT_TRUE(opened->iso);
    EXPECT_TRUE(opened->image->read_only());
    EXPECT_FALSE(open_image(make("disk", sector_of('x')), {})->iso);
}

TEST_F(StorageTest, SecondWriterIsRefusedAndReadersShare) {
    const std::string path = make("disk.img", sector_of('a'));
    {
        Result<OpenedImage> writer = open_image(path, {});
        ASSERT_TRUE(writer.ok());
        const std::string message = fmt::format("{}: is in use by process {} (this one)", path, getpid());
        EXPECT_EQ(open_image(path, {}).error().message, message);
        EXPECT_EQ(open_image(path, {.read_only = true}).error().message, message);
    }
    Result<OpenedImage> first = open_image(path, {.read_only = true});
    EXPECT_TRUE(open_image(path, {.read_only = true}).ok());
    EXPECT_FALSE(open_image(path, {}).ok());
}

TEST_F(StorageTest, AnotherProcessIsNamedAndItsLockEndsWithIt) {
    const std::string path = make("disk.img", sector_of('a'));
    int ready[2];
    int finish[2];
    ASSERT_EQ(pipe(ready), 0);
    ASSERT_EQ(pipe(finish), 0);
    const pid_t child = fork();
    if (child == 0) {
        Result<OpenedImage> writer = open_image(path, {});
        char c = writer.ok() ? 'y' : 'n';
        if (::write(ready[1], &c, 1) != 1 || ::read(finish[0], &c, 1) != 1) _exit(1);
        _exit(0);
    }
    char c = 0;
    ASSERT_EQ(::read(ready[0], &c, 1), 1);
    ASSERT_EQ(c, 'y');
    EXPECT_EQ(open_image(path, {}).error().message, fmt::format("{}: is in use by process {}", path, child));
    ASSERT_EQ(kill(child, SIGKILL), 0);
    waitpid(child, nullptr, 0);
    EXPECT_TRUE(open_image(path, {}).ok());
    for (int descriptor : {ready[0], ready[1], finish[0], finish[1]}) close(descriptor);
}

TEST_F(StorageTest, UnwritableFileIsOpenedReadOnlyWithANote) {
    const std::string path = make("disk.img", sector_of('a'));
    ASSERT_EQ(chmod(path.c_str(), 0444), 0);
    ASSERT_EQ(chmod(folder.c_str(), 0755), 0);
    const bool root = geteuid() == 0;  // root may write everything: look at it as nobody does
    ASSERT_EQ(root ? seteuid(65534) : 0, 0);
    Result<OpenedImage> opened = open_image(path, {});
    ASSERT_EQ(root ? seteuid(0) : 0, 0);
    ASSERT_TRUE(opened.ok());
    EXPECT_TRUE(opened->image->read_only());
    EXPECT_EQ(opened->note, path + ": opened read-only (Permission denied)");
    EXPECT_EQ(opened->image->write(0, std::vector<u8>(512)).error().message, path + ": is read-only");
}

TEST_F(StorageTest, OverlayKeepsTheBaseAndReadsBackWhatWasWritten) {
    const std::string path =
        make("disk.img", sector_of('a') + sector_of('b') + sector_of('c') + sector_of('d'));
    Result<OpenedImage> opened = open_image(path, {.snapshot = true, .state_name = "disk.hda"});
    ASSERT_TRUE(opened.ok());
    ASSERT_NE(opened->overlay, nullptr);
    EXPECT_FALSE(opened->image->read_only());
    ASSERT_TRUE(opened->image->write(1, std::vector<u8>(1024, 'X')).ok());
    const std::vector<u8> all = read_all(*opened->image, 0, 4);
    EXPECT_EQ(all[0], 'a');
    EXPECT_EQ(all[512], 'X');
    EXPECT_EQ(all[1535], 'X');
    EXPECT_EQ(all[1536], 'd');
    EXPECT_EQ(opened->overlay->written_sectors(), 2u);
    std::ifstream base(path);
    base.seekg(512);
    EXPECT_EQ(base.get(), 'b');
}

TEST_F(StorageTest, OverlayTravelsInSnapshots) {
    auto make_overlay = [](u64 sectors) {
        return std::move(*OverlayImage::create(
            std::make_unique<MemoryImage>("base", std::vector<u8>(static_cast<size_t>(sectors * 512), 'b')),
            "disk.hda"));
    };
    auto first = make_overlay(200);
    ASSERT_TRUE(first->write(3, std::vector<u8>(512, '3')).ok());
    ASSERT_TRUE(first->write(130, std::vector<u8>(1024, '4')).ok());
    const StateNode saved = first->save_state();
    auto second = make_overlay(200);
    ASSERT_TRUE(second->write(7, std::vector<u8>(512, '7')).ok());
    Result<StatePart::Install> install = second->load_state(saved);
    ASSERT_TRUE(install.ok());
    EXPECT_EQ(second->written_sectors(), 1u) << "nothing changes before the installation";
    (*install)();
    EXPECT_EQ(read_all(*second, 0, 200), read_all(*first, 0, 200));
    EXPECT_EQ(second->save_state(), saved);
    EXPECT_EQ(make_overlay(300)->load_state(saved).error().message,
              "the snapshot belongs to an image of 200 sectors, base has 300");
}

}  // namespace
}  // namespace gnomon
