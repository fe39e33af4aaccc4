// The packet commands as a table, and what their handlers share. MMC-4, chapter 6.
#pragma once

#include <span>
#include <vector>

#include "devices/ide/atapi_drive.h"

namespace gnomon {

namespace packet_flag {
inline constexpr u8 kAlways = 1;  ///< runs in spite of a unit attention
inline constexpr u8 kNeedsDisc = 2;
}  // namespace packet_flag

struct AtapiDrive::PacketRow {
    u8 opcode;
    void (AtapiDrive::*run)();
    u8 flags = 0;
};

/// GET EVENT STATUS NOTIFICATION, class media.
namespace media_event {
inline constexpr u8 kNone = 0, kEjectRequest = 1, kNewMedia = 2, kRemoval = 3;
}

/// Bits of READ CD's byte 9.
namespace cd_field {
inline constexpr u8 kSync = 0x80, kHeader = 0x20, kUserData = 0x10, kEdcEcc = 0x08, kC2Mask = 0x06,
                    kC2 = 0x02, kC2AndBlock = 0x04;
}

/// Bytes that the fields of a mode 1 sector take; there is no sub-header.
[[nodiscard]] constexpr u32 cd_field_bytes(u8 fields) {
    u32 bytes = 0;
    if (fields & cd_field::kSync) bytes += 12;
    if (fields & cd_field::kHeader) bytes += 4;
    if (fields & cd_field::kUserData) bytes += 2048;
    if (fields & cd_field::kEdcEcc) bytes += 288;
    if ((fields & cd_field::kC2Mask) == cd_field::kC2) bytes += 294;
    if ((fields & cd_field::kC2Mask) == cd_field::kC2AndBlock) bytes += 296;
    return bytes;
}

/// Appends the chosen fields of a block and `sub_channel` bytes (0, 16: formatted Q, 96: raw) of its
/// sub-channel.
void append_cd_block(std::vector<u8>& out, u32 block, std::span<const u8> data, u8 fields, u32 sub_channel);

}  // namespace gnomon
