// Magic numbers of image and archive formats.
#include "devices/storage/image_format.h"

#include <algorithm>

namespace gnomon {
namespace {

using namespace std::string_view_literals;

struct Magic {
    size_t offset;
    std::string_view bytes;
    std::string_view format;
};

constexpr Magic kHeads[] = {
    {0, "QFI\xfb\0\0\0\1"sv, "qcow"},
    {0, "QFI\xfb"sv, "qcow2"},
    {0, "QED\0"sv, "QED"},
    {0, "KDMV"sv, "VMDK (sparse)"},
    {0, "COWD"sv, "VMDK (ESX sparse)"},
    {0, "# Disk DescriptorFile"sv, "VMDK (descriptor)"},
    {64, "\x7f\x10\xda\xbe"sv, "VDI"},
    {0, "conectix"sv, "VHD (dynamic)"},
    {0, "vhdxfile"sv, "VHDX"},
    {0, "WithoutFreeSpace"sv, "Parallels"},
    {0, "WithouFreSpacExt"sv, "Parallels"},
    {0, "Bochs Virtual HD Image"sv, "Bochs redolog"},
    {0, "CISO"sv, "compressed ISO (CISO)"},
    {0, "MEDIA DESCRIPTOR"sv, "MDS"},
    {0, "\x1f\x8b\x08"sv, "gzip'd"},
    {0,
     "\xfd"
     "7zXZ\0"sv,
     "xz-compressed"},
    {0, "\x28\xb5\x2f\xfd"sv, "zstd-compressed"},
    {0, "7z\xbc\xaf\x27\x1c"sv, "7-Zip"},
    {0, "PK\3\4"sv, "ZIP"},
    {0, "Rar!\x1a\7"sv, "RAR"},
    {0, "\0\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\0"sv, "raw CD sectors of 2352 bytes (BIN)"},
};

constexpr Magic kTails[] = {
    {0, "conectix"sv, "VHD (fixed)"},
    {0, "koly"sv, "DMG"},
    {512 - 12, "NER5"sv, "NRG"},
};

bool matches(std::span<const u8> bytes, const Magic& magic) {
    if (bytes.size() < magic.offset + magic.bytes.size()) return false;
    return std::equal(magic.bytes.begin(), magic.bytes.end(),
                      bytes.begin() + static_cast<std::ptrdiff_t>(magic.offset),
                      [](char a, u8 b) { return static_cast<u8>(a) == b; });
}

/// "BZh", a level, and the magic of a block: three letters alone could be code.
bool is_bzip2(std::span<const u8> head) {
    return matches(head, {0, "BZh"sv, {}}) && head.size() > 10 && head[3] >= '1' && head[3] <= '9' &&
           matches(head, {4, "1AY&SY"sv, {}});
}

}  // namespace

std::string_view foreign_format(std::span<const u8> head, std::span<const u8> tail) {
    for (const Magic& magic : kHeads)
        if (matches(head, magic)) return magic.format;
    if (is_bzip2(head)) return "bzip2-compressed";
    for (const Magic& magic : kTails)
        if (matches(tail, magic)) return magic.format;
    return {};
}

bool is_iso(std::span<const u8> head) {
    constexpr size_t kDescriptor = 16 * 2048 + 1;
    return matches(head, {kDescriptor, "CD001"sv, {}}) || matches(head, {kDescriptor, "BEA01"sv, {}});
}

}  // namespace gnomon
