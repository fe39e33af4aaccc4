// The command table's row: how a command byte is recognised and what follows it. 82077AA, "Command set".
#pragma once

#include "devices/floppy/floppy_controller.h"

namespace gnomon {

struct FloppyController::CommandRow {
    u8 mask;  ///< which bits of the command byte tell the command; the others are MT, MFM, SK, direction …
    u8 value;
    u8 parameters;
    void (FloppyController::*run)();
    Kind kind = Kind::None;
    bool only_82078 = false;
};

/// Commands whose data go over the bus.
[[nodiscard]] constexpr bool is_data_command(FloppyController::Kind kind) {
    using Kind = FloppyController::Kind;
    return kind != Kind::None && kind != Kind::Verify && kind != Kind::ReadId;
}

[[nodiscard]] constexpr bool is_scan(FloppyController::Kind kind) {
    using Kind = FloppyController::Kind;
    return kind == Kind::ScanEqual || kind == Kind::ScanLow || kind == Kind::ScanHigh;
}

[[nodiscard]] constexpr bool is_write(FloppyController::Kind kind) {
    using Kind = FloppyController::Kind;
    return kind == Kind::Write || kind == Kind::WriteDeleted || kind == Kind::Format;
}

namespace st0 {
inline constexpr u8 kAbnormal = 0x40, kInvalid = 0x80, kPollChange = 0xc0, kSeekEnd = 0x20,
                    kEquipmentCheck = 0x10;
}
namespace st1 {
inline constexpr u8 kEndOfCylinder = 0x80, kDataError = 0x20, kOverrun = 0x10, kNoData = 0x04,
                    kNotWritable = 0x02, kMissingMark = 0x01;
}
namespace st2 {
inline constexpr u8 kControlMark = 0x40, kDataError = 0x20, kWrongCylinder = 0x10, kScanEqual = 0x08,
                    kScanNotSatisfied = 0x04, kBadCylinder = 0x02, kMissingMark = 0x01;
}

}  // namespace gnomon
