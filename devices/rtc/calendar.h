// The date and time of an RTC's registers: BCD or binary, 12 or 24 hours. MC146818A datasheet, "Time,
// Calendar and Alarm Locations".
#pragma once

#include <optional>
#include <span>

#include "support/types.h"

namespace gnomon {

/// How the registers hold numbers: bits 2 and 1 of register B.
struct RtcFormat {
    bool binary = false;
    bool hours24 = true;

    [[nodiscard]] u8 encode(unsigned value) const;
    /// Nothing if the byte is not a number of this format.
    [[nodiscard]] std::optional<unsigned> decode(u8 byte) const;
    [[nodiscard]] u8 encode_hour(unsigned hour) const;
    [[nodiscard]] std::optional<unsigned> decode_hour(u8 byte) const;
};

struct RtcTime {
    i64 days = 0;          ///< since 1970-01-01
    u32 seconds = 0;       ///< of the day
    unsigned weekday = 1;  ///< 1 is Sunday; software may set it as it likes

    [[nodiscard]] static RtcTime from_unix(i64 seconds);
    /// Registers 0–9 and the century of `cmos`; impossible values count as the nearest possible ones.
    [[nodiscard]] static RtcTime load(std::span<const u8, 256> cmos, RtcFormat format);
    void store(std::span<u8, 256> cmos, RtcFormat format) const;
    void add(u64 more_seconds);
};

}  // namespace gnomon
