// Floppy disk formats: tracks, heads, sectors and what the drive needs to read them. ECMA-66, -70, -99, -100,
// -125, -147.
#pragma once

#include <optional>
#include <span>
#include <string_view>

#include "support/types.h"

namespace gnomon {

/// Coating and size of the disk: decides the data rate and which drives take it.
enum class FloppyDensity : u8 {
    Double525,  ///< 5.25-inch, 48 tpi, 250 kbit/s at 300 rpm
    High525,    ///< 5.25-inch, 500 kbit/s at 360 rpm
    Double35,   ///< 3.5-inch, 250 kbit/s
    High35,     ///< 3.5-inch, 500 kbit/s
    Extra35,    ///< 3.5-inch, perpendicular, 1 Mbit/s
};

struct FloppyFormat {
    std::string_view name;
    u8 cylinders;
    u8 heads;
    u8 sectors;  ///< per track
    FloppyDensity density;

    [[nodiscard]] constexpr u32 total_sectors() const { return u32{cylinders} * heads * sectors; }
};

enum class FloppyDriveType : u8 { None, Drive360K, Drive1200K, Drive720K, Drive1440K, Drive2880K };

[[nodiscard]] std::span<const FloppyFormat> floppy_formats();
/// The format of an image of `sectors` sectors. A size of no format gets the smallest of 1.44M and 2.88M that
/// holds it.
[[nodiscard]] std::optional<FloppyFormat> floppy_format_for(u64 sectors);
/// The drive that a PC with this disk would have.
[[nodiscard]] FloppyDriveType floppy_drive_for(const FloppyFormat& format);
/// The type as CMOS register 10h and INT 13h know it (0 none, 1 360K … 5 2.88M).
[[nodiscard]] constexpr u8 cmos_type(FloppyDriveType type) {
    constexpr u8 kTypes[] = {0, 1, 2, 3, 4, 5};
    return kTypes[static_cast<u8>(type)];
}
/// "none", "360K", "1.2M", "720K", "1.44M", "2.88M".
[[nodiscard]] std::string_view floppy_drive_name(FloppyDriveType type);

}  // namespace gnomon
