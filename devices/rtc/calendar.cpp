// Dates of the proleptic Gregorian calendar and their register forms.
#include "devices/rtc/calendar.h"

#include <algorithm>
#include <chrono>

namespace gnomon {
namespace {

constexpr unsigned kSeconds = 0;
constexpr unsigned kMinutes = 2;
constexpr unsigned kHours = 4;
constexpr unsigned kWeekday = 6;
constexpr unsigned kDay = 7;
constexpr unsigned kMonth = 8;
constexpr unsigned kYear = 9;
constexpr unsigned kCentury = 0x32;
constexpr i64 kDaySeconds = 86'400;

unsigned number(std::optional<unsigned> value, unsigned least, unsigned most) {
    return std::clamp(value.value_or(least), least, most);
}

}  // namespace

u8 RtcFormat::encode(unsigned value) const {
    return static_cast<u8>(binary ? value : value / 10 << 4 | value % 10);
}

std::optional<unsigned> RtcFormat::decode(u8 byte) const {
    if (binary) return byte;
    if ((byte & 15) > 9 || byte >> 4 > 9) return std::nullopt;
    return (byte >> 4) * 10u + (byte & 15u);
}

u8 RtcFormat::encode_hour(unsigned hour) const {
    if (hours24) return encode(hour);
    return static_cast<u8>(encode((hour + 11) % 12 + 1) | (hour >= 12 ? 0x80 : 0));
}

std::optional<unsigned> RtcFormat::decode_hour(u8 byte) const {
    if (hours24) return decode(byte);
    const std::optional<unsigned> hour = decode(byte & 0x7f);
    if (!hour || *hour < 1 || *hour > 12) return std::nullopt;
    return *hour % 12 + (byte & 0x80 ? 12 : 0);
}

RtcTime RtcTime::from_unix(i64 seconds) {
    RtcTime time;
    time.days = seconds >= 0 ? seconds / kDaySeconds : -((-seconds + kDaySeconds - 1) / kDaySeconds);
    time.seconds = static_cast<u32>(seconds - time.days * kDaySeconds);
    time.weekday = static_cast<unsigned>(((time.days + 4) % 7 + 7) % 7) + 1;  // 1970-01-01 was a Thursday
    return time;
}

RtcTime RtcTime::load(std::span<const u8, 256> cmos, RtcFormat format) {
    const unsigned century = number(format.decode(cmos[kCentury]).value_or(20), 0, 99);
    const unsigned year = (century < 16 ? 20 : century) * 100 + number(format.decode(cmos[kYear]), 0, 99);
    const unsigned month = number(format.decode(cmos[kMonth]), 1, 12);
    const std::chrono::year_month ym{std::chrono::year(static_cast<int>(year)), std::chrono::month(month)};
    const unsigned last = static_cast<unsigned>((ym / std::chrono::last).day());
    const unsigned day = number(format.decode(cmos[kDay]), 1, last);
    RtcTime time;
    time.days = std::chrono::sys_days(ym / std::chrono::day(day)).time_since_epoch().count();
    time.seconds = number(format.decode_hour(cmos[kHours]), 0, 23) * 3600 +
                   number(format.decode(cmos[kMinutes]), 0, 59) * 60 +
                   number(format.decode(cmos[kSeconds]), 0, 59);
    time.weekday = number(format.decode(cmos[kWeekday]), 1, 7);
    return time;
}

void RtcTime::store(std::span<u8, 256> cmos, RtcFormat format) const {
    const std::chrono::year_month_day date{std::chrono::sys_days(std::chrono::days(days))};
    const unsigned year = static_cast<unsigned>(std::clamp(static_cast<int>(date.year()), 0, 9999));
    cmos[kSeconds] = format.encode(seconds % 60);
    cmos[kMinutes] = format.encode(seconds / 60 % 60);
    cmos[kHours] = format.encode_hour(seconds / 3600);
    cmos[kWeekday] = format.encode(weekday);
    cmos[kDay] = format.encode(static_cast<unsigned>(date.day()));
    cmos[kMonth] = format.encode(static_cast<unsigned>(date.month()));
    cmos[kYear] = format.encode(year % 100);
    cmos[kCentury] = format.encode(year / 100);
}

void RtcTime::add(u64 more_seconds) {
    const u64 total = seconds + more_seconds;
    const u64 more_days = total / kDaySeconds;
    seconds = static_cast<u32>(total % kDaySeconds);
    days += static_cast<i64>(more_days);
    weekday = static_cast<unsigned>((weekday - 1 + more_days) % 7) + 1;
}

}  // namespace gnomon
