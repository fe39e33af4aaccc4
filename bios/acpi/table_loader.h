// The script by which firmware places ACPI tables: allocate, add the address of one file to a field of
// another, sum. QEMU, "hw/acpi/bios-linker-loader" as SeaBIOS and OVMF carry it out: commands of 128 bytes,
// little-endian.
#pragma once

#include <span>
#include <string_view>
#include <vector>

#include "support/types.h"

namespace gnomon {

class TableLoader {
  public:
    static constexpr size_t kCommandBytes = 128;
    static constexpr size_t kNameBytes = 56;
    enum class Zone : u8 { High = 1, SegmentF = 2 };

    /// Names are those of fw_cfg files, at most 55 characters.
    void allocate(std::string_view file, u32 alignment, Zone zone);
    /// The field of `size` bytes at `offset` of `file` holds an offset into `target`: it becomes an address.
    void add_pointer(std::string_view file, u32 offset, u8 size, std::string_view target);
    /// The byte at `offset` becomes what makes [start, start + length) sum to 0.
    void add_checksum(std::string_view file, u32 offset, u32 start, u32 length);

    [[nodiscard]] const std::vector<u8>& script() const { return script_; }

  private:
    enum class Command : u32 { Allocate = 1, AddPointer = 2, AddChecksum = 3 };
    u8* append(Command command);

    std::vector<u8> script_;
};

}  // namespace gnomon
