// The table of floppy formats.
#include "devices/storage/floppy_format.h"

namespace gnomon {
namespace {

constexpr FloppyFormat kFormats[] = {
    {"160K", 40, 1, 8, FloppyDensity::Double525}, {"180K", 40, 1, 9, FloppyDensity::Double525},
    {"320K", 40, 2, 8, FloppyDensity::Double525}, {"360K", 40, 2, 9, FloppyDensity::Double525},
    {"640K", 80, 2, 8, FloppyDensity::Double35},  {"720K", 80, 2, 9, FloppyDensity::Double35},
    {"800K", 80, 2, 10, FloppyDensity::Double35}, {"820K", 82, 2, 10, FloppyDensity::Double35},
    {"1.2M", 80, 2, 15, FloppyDensity::High525},  {"1.44M", 80, 2, 18, FloppyDensity::High35},
    {"1.52M", 80, 2, 19, FloppyDensity::High35},  {"1.6M", 80, 2, 20, FloppyDensity::High35},
    {"1.64M", 82, 2, 20, FloppyDensity::High35},  {"1.68M", 80, 2, 21, FloppyDensity::High35},
    {"1.72M", 82, 2, 21, FloppyDensity::High35},  {"1.74M", 83, 2, 21, FloppyDensity::High35},
    {"2.88M", 80, 2, 36, FloppyDensity::Extra35},
};

constexpr const FloppyFormat& named(std::string_view name) {
    for (const FloppyFormat& format : kFormats)
        if (format.name == name) return format;
    return kFormats[0];
}
static_assert(named("1.44M").total_sectors() == 2880 && named("2.88M").total_sectors() == 5760);

}  // namespace

std::span<const FloppyFormat> floppy_formats() { return kFormats; }

std::optional<FloppyFormat> floppy_format_for(u64 sectors) {
    for (const FloppyFormat& format : kFormats)
        if (format.total_sectors() == sectors) return format;
    for (const FloppyFormat& format : {named("1.44M"), named("2.88M")})
        if (sectors < format.total_sectors()) return format;
    return std::nullopt;
}

FloppyDriveType floppy_drive_for(const FloppyFormat& format) {
    switch (format.density) {
        case FloppyDensity::Double525: return FloppyDriveType::Drive360K;
        case FloppyDensity::High525: return FloppyDriveType::Drive1200K;
        case FloppyDensity::Extra35: return FloppyDriveType::Drive2880K;
        case FloppyDensity::Double35:
        case FloppyDensity::High35: break;
    }
    return FloppyDriveType::Drive1440K;
}

std::string_view floppy_drive_name(FloppyDriveType type) {
    constexpr std::string_view kNames[] = {"none", "360K", "1.2M", "720K", "1.44M", "2.88M"};
    return kNames[static_cast<u8>(type)];
}

}  // namespace gnomon
