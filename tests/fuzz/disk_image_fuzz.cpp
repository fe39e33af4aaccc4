// What a disk image is and how its sectors are to be counted, from its first bytes.
#include "devices/storage/disk_geometry.h"
#include "devices/storage/image_format.h"
#include "tests/fuzz/fuzz_input.h"

using namespace gnomon;

std::vector<u8> fuzz_example(unsigned index) {
    std::vector<u8> sector(512 + 8);
    sector[518] = 0x55;
    sector[519] = 0xaa;
    if (index == 0) {  // a partition table
        const u8 entry[] = {0x80, 1, 1, 0, 0x0e, 15, 63, 100, 63, 0, 0, 0, 0, 0x80, 1, 0};
        std::copy(std::begin(entry), std::end(entry), sector.begin() + 8 + 446);
    } else if (index == 1) {  // a FAT boot sector
        const u8 block[] = {0xeb, 0x3c, 0x90, 'M',  'S', 'D',  'O',  'S',  '5', '.', '0', 0, 2, 1,
                            1,    0,    2,    0xe0, 0,   0x40, 0x0b, 0xf0, 9,   0,   18,  0, 2, 0};
        std::copy(std::begin(block), std::end(block), sector.begin() + 8);
    } else {
        return {};
    }
    sector[2] = 0x10;
    return sector;
}

extern "C" int LLVMFuzzerTestOneInput(const u8* data, size_t size) {
    fuzz::Input input({data, size});
    const u64 total = input.take<u64>() >> 16;
    const auto head = input.rest();
    (void)foreign_format(head, head.last(std::min<size_t>(head.size(), 512)));
    (void)is_iso(head);
    std::vector<u8> sector(head.begin(), head.end());
    sector.resize(512);
    const DiskGeometry geometry = work_out_geometry(total, sector);
    fuzz::require(
        geometry.drive.cylinders <= 16383 && geometry.drive.heads <= 16 && geometry.drive.sectors <= 63,
        "drive geometry out of range");
    fuzz::require(
        geometry.logical.cylinders <= 1024 && geometry.logical.heads <= 255 && geometry.logical.sectors <= 63,
        "logical geometry out of range");
    if (total >= 16 * 63) {
        fuzz::require(geometry.drive.heads && geometry.drive.sectors && geometry.drive.cylinders,
                      "no drive geometry");
        fuzz::require(geometry.logical.heads && geometry.logical.sectors && geometry.logical.cylinders,
                      "no logical geometry");
    }
    return 0;
}
