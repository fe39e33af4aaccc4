// Packet commands of a CD-ROM/DVD-ROM drive. MMC-4, chapter 6; SPC-2, chapter 7.
#include <algorithm>

#include "devices/ide/atapi_packets.h"
#include "devices/ide/cd_sector.h"

namespace gnomon {
namespace {

void put16(std::vector<u8>& out, u32 value) {
    out.push_back(static_cast<u8>(value >> 8));
    out.push_back(static_cast<u8>(value));
}

void put32(std::vector<u8>& out, u32 value) {
    put16(out, value >> 16);
    put16(out, value);
}

void set16(std::vector<u8>& out, size_t at, size_t value) {
    out[at] = static_cast<u8>(value >> 8);
    out[at + 1] = static_cast<u8>(value);
}

/// A block as the command asked for it: minutes, seconds and frames, or the number.
void put_address(std::vector<u8>& out, u32 block, bool msf) {
    if (!msf) return put32(out, block);
    const Msf time = msf_of(block);
    out.insert(out.end(), {0, time.minute, time.second, time.frame});
}

void put_text(std::vector<u8>& out, std::string_view text, size_t width) {
    for (size_t i = 0; i < width; i++) out.push_back(i < text.size() ? static_cast<u8>(text[i]) : u8{' '});
}

/// Q sub-channel of a data track, mode 1: control, track, index, relative and absolute time.
std::array<u8, 12> q_channel(u32 block) {
    const auto bcd = [](u8 v) { return static_cast<u8>(v / 10 << 4 | v % 10); };
    const Msf absolute = msf_of(block);
    const Msf relative = msf_of(block >= kCdPregap ? block - kCdPregap : 0);
    return {0x41,
            0x01,
            0x01,
            bcd(relative.minute),
            bcd(relative.second),
            bcd(relative.frame),
            0x00,
            bcd(absolute.minute),
            bcd(absolute.second),
            bcd(absolute.frame),
            0x00,
            0x00};
}

constexpr u16 kProfileCd = 0x0008, kProfileDvd = 0x0010;
constexpr u32 kMaxSpeed = 7056;  // kB/s, 40 times

}  // namespace

const AtapiDrive::PacketRow* AtapiDrive::find_packet(u8 opcode) {
    using namespace packet_flag;
    static constexpr PacketRow kPackets[] = {
        {0x00, &AtapiDrive::test_unit_ready, kNeedsDisc},
        {0x03, &AtapiDrive::request_sense, kAlways},
        {0x12, &AtapiDrive::inquiry, kAlways},
        {0x15, &AtapiDrive::mode_select},
        {0x1a, &AtapiDrive::mode_sense},
        {0x1b, &AtapiDrive::start_stop},
        {0x1e, &AtapiDrive::prevent_removal},
        {0x25, &AtapiDrive::read_capacity, kNeedsDisc},
        {0x28, &AtapiDrive::read_10, kNeedsDisc},
        {0x2b, &AtapiDrive::seek, kNeedsDisc},
        {0x2f, &AtapiDrive::verify, kNeedsDisc},
        {0x42, &AtapiDrive::read_sub_channel, kNeedsDisc},
        {0x43, &AtapiDrive::read_toc, kNeedsDisc},
        {0x44, &AtapiDrive::read_header, kNeedsDisc},
        {0x45, &AtapiDrive::play_audio, kNeedsDisc},
        {0x46, &AtapiDrive::get_configuration, kAlways},
        {0x47, &AtapiDrive::play_audio, kNeedsDisc},
        {0x4a, &AtapiDrive::get_event_status, kAlways},
        {0x4b, &AtapiDrive::play_audio, kNeedsDisc},
        {0x4e, &AtapiDrive::stop_play, kNeedsDisc},
        {0x51, &AtapiDrive::read_disc_information, kNeedsDisc},
        {0x52, &AtapiDrive::read_track_information, kNeedsDisc},
        {0x55, &AtapiDrive::mode_select},
        {0x5a, &AtapiDrive::mode_sense},
        {0xa5, &AtapiDrive::play_audio, kNeedsDisc},
        {0xa8, &AtapiDrive::read_12, kNeedsDisc},
        {0xad, &AtapiDrive::read_dvd_structure, kNeedsDisc},
        {0xb9, &AtapiDrive::read_cd_msf, kNeedsDisc},
        {0xbb, &AtapiDrive::set_speed},
        {0xbd, &AtapiDrive::mechanism_status},
        {0xbe, &AtapiDrive::read_cd, kNeedsDisc},
    };
    for (const PacketRow& row : kPackets)
        if (row.opcode == opcode) return &row;
    return nullptr;
}

void append_cd_block(std::vector<u8>& out, u32 block, std::span<const u8> data, u8 fields, u32 sub_channel) {
    if (fields == 0 && sub_channel == 0) {
        out.insert(out.end(), data.begin(), data.end());
        return;
    }
    const std::array<u8, kCdRawBytes> raw = raw_mode1_sector(block, data);
    const auto part = [&](size_t first, size_t count) {
        out.insert(out.end(), raw.begin() + static_cast<std::ptrdiff_t>(first),
                   raw.begin() + static_cast<std::ptrdiff_t>(first + count));
    };
    if (fields & cd_field::kSync) part(0, 12);
    if (fields & cd_field::kHeader) part(12, 4);
    if (fields & cd_field::kUserData) part(16, 2048);
    if (fields & cd_field::kEdcEcc) part(2064, 288);
    // No error flags: every byte was read without one.
    out.insert(out.end(), cd_field_bytes(fields & cd_field::kC2Mask), 0);
    const std::array<u8, 12> q = q_channel(block);
    if (sub_channel == 16) {
        out.insert(out.end(), q.begin(), q.end());
        out.insert(out.end(), 4, 0);
    } else if (sub_channel == 96) {
        // Raw: bit 6 of each byte is Q, the others are zero here.
        for (size_t bit = 0; bit < 96; bit++) out.push_back(q[bit / 8] >> (7 - bit % 8) & 1 ? 0x40 : 0x00);
    }
}

// State of the drive

void AtapiDrive::request_sense() {
    // What a unit attention would have said is told now. SPC-2, "REQUEST SENSE command".
    if (state_.sense_key == 0) {
        if (std::exchange(state_.reset_attention, false))
            set_sense(0x06, 0x29, 0x00);
        else if (std::exchange(state_.medium_attention, false))
            set_sense(0x06, 0x28, 0x00);
    }
    std::vector<u8> data(18);
    data[0] = 0x70;
    data[2] = state_.sense_key;
    data[7] = 10;
    data[12] = state_.asc;
    data[13] = state_.ascq;
    set_sense(0, 0, 0);
    reply(std::move(data), state_.packet[4]);
}

void AtapiDrive::inquiry() {
    if (state_.packet[1] & 3) return invalid_field();  // no vital product data pages, no command support data
    std::vector<u8> data{0x05, 0x80, 0x00, 0x21, 31, 0, 0, 0};
    put_text(data, config_.vendor, 8);
    put_text(data, config_.product, 16);
    put_text(data, config_.revision, 4);
    reply(std::move(data), state_.packet[4]);
}

void AtapiDrive::start_stop() {
    const bool start = state_.packet[4] & 1;
    const bool load_eject = state_.packet[4] & 2;
    if (state_.packet[4] & 0xf0) return succeed();  // power conditions
    if (!load_eject) {
        if (start && !has_disc()) return no_disc();
        state_.stopped = !start;
        return succeed();
    }
    if (!start && state_.locked) return check_condition(has_disc() ? 0x05 : 0x02, 0x53, 0x02);
    move_tray(!start);
    state_.stopped = !start;
    succeed();
}

void AtapiDrive::prevent_removal() {
    state_.locked = state_.packet[4] & 1;
    succeed();
}

void AtapiDrive::get_event_status() {
    constexpr u8 kMediaClass = 4;
    if (!(state_.packet[1] & 1)) return invalid_field();  // asynchronous notification is not there
    std::vector<u8> data;
    if (!(state_.packet[4] & 1 << kMediaClass)) {
        data = {0, 2, 0x80, 1 << kMediaClass};  // none of the classes asked for
    } else {
        const u8 event = std::exchange(state_.media_event, media_event::kNone);
        const u8 status = static_cast<u8>((has_disc() ? 2 : 0) | (state_.tray_open ? 1 : 0));
        data = {0, 6, kMediaClass, 1 << kMediaClass, event, status, 0, 0};
    }
    reply(std::move(data), packet16(7));
}

void AtapiDrive::mechanism_status() {
    std::vector<u8> data(8);
    data[1] = state_.tray_open ? 0x10 : 0x00;
    data[2] = static_cast<u8>(state_.head >> 16);
    data[3] = static_cast<u8>(state_.head >> 8);
    data[4] = static_cast<u8>(state_.head);
    data[5] = 0;  // no changer
    reply(std::move(data), packet16(8));
}

// Configuration and mode pages

void AtapiDrive::get_configuration() {
    const u32 first = packet16(2);
    const u8 which = state_.packet[1] & 3;
    if (which == 3) return invalid_field();
    const u16 current = !has_disc() ? 0 : is_dvd() ? kProfileDvd : kProfileCd;
    std::vector<u8> data;
    put32(data, 0);
    put16(data, 0);
    put16(data, current);
    const auto feature = [&](u16 code, u8 version, bool persistent, bool is_current,
                             std::vector<u8> content) {
        if (which == 2 ? code != first : code < first) return;
        if (which == 1 && !is_current) return;
        put16(data, code);
        data.push_back(static_cast<u8>(version << 2 | (persistent ? 2 : 0) | (is_current ? 1 : 0)));
        data.push_back(static_cast<u8>(content.size()));
        data.insert(data.end(), content.begin(), content.end());
    };
    const u8 dvd_now = current == kProfileDvd;
    const u8 cd_now = current == kProfileCd;
    feature(0x0000, 0, true, true, {0x00, 0x10, dvd_now, 0, 0x00, 0x08, cd_now, 0});
    feature(0x0001, 1, true, true, {0, 0, 0, 2, 1, 0, 0, 0});  // core: ATAPI
    feature(0x0002, 1, true, true, {2, 0, 0, 0});              // morphing
    feature(0x0003, 0, true, true, {0x29, 0, 0, 0});           // tray, eject, lock
    feature(0x0010, 0, false, current != 0,
            {0, 0, 8, 0, 0, dvd_now ? u8{16} : u8{1}, 1, 0});  // random readable
    feature(0x001d, 0, false, cd_now, {});                     // multi-read
    feature(0x001e, 2, false, cd_now, {0, 0, 0, 0});           // CD read
    feature(0x001f, 0, false, dvd_now, {});                    // DVD read
    feature(0x0100, 0, true, true, {});                        // power management
    feature(0x0105, 0, true, true, {0, 0, 0, 0});              // timeout
    const size_t length = data.size() - 4;
    set16(data, 0, length >> 16);
    set16(data, 2, length);
    reply(std::move(data), packet16(7));
}

void AtapiDrive::mode_sense() {
    const bool ten = state_.packet[0] == 0x5a;
    const u8 control = state_.packet[2] >> 6;
    const u8 page = state_.packet[2] & 0x3f;
    if (control == 3) return check_condition(0x05, 0x39, 0x00);  // saving parameters is not supported
    const bool changeable = control == 1;

    std::vector<u8> data;
    const u8 medium = state_.tray_open ? 0x71 : !image_ ? 0x70 : is_dvd() ? 0x41 : 0x01;
    if (ten)
        data = {0, 0, medium, 0, 0, 0, 0, 0};
    else
        data = {0, medium, 0, 0};
    const size_t header = data.size();
    const auto add = [&](u8 code, std::vector<u8> content) {
        if (page != code && page != 0x3f) return;
        data.push_back(code);
        data.push_back(static_cast<u8>(content.size()));
        if (changeable && code != 0x01) std::fill(content.begin(), content.end(), u8{0});
        data.insert(data.end(), content.begin(), content.end());
    };
    // Read error recovery: the flags and the retry count may be set.
    if (changeable)
        add(0x01, {0xff, 0xff, 0, 0, 0, 0, 0, 0, 0, 0});
    else if (control == 2)
        add(0x01, {0x00, 0x05, 0, 0, 0, 0, 0, 0, 0, 0});
    else
        add(0x01, {state_.error_recovery[0], state_.error_recovery[1], 0, 0, 0, 0, 0, 0, 0, 0});
    add(0x0d, {0, 13, 0, 60, 0, 75});                              // 60 seconds a minute, 75 frames a second
    add(0x0e, {4, 0, 0, 0, 0, 75, 1, 0xff, 2, 0xff, 0, 0, 0, 0});  // audio control
    add(0x1a, {0, 0, 0, 0, 0, 0, 0, 0, 0, 0});                     // power condition
    // Capabilities: reads CD-R, CD-RW and DVD-ROM; mode 2, multi-session; CD-DA commands, accurate; tray,
    // lock, eject.
    std::vector<u8> capabilities{0x0b, 0x00, 0x70, 0x03, static_cast<u8>(0x29 | (state_.locked ? 2 : 0)),
                                 0x00};
    put16(capabilities, kMaxSpeed);
    put16(capabilities, 2);
    put16(capabilities, 512);
    put16(capabilities, kMaxSpeed);
    capabilities.insert(capabilities.end(), {0, 0, 0, 0});
    add(0x2a, std::move(capabilities));
    if (data.size() == header) return invalid_field();
    if (ten)
        set16(data, 0, data.size() - 2);
    else
        data[0] = static_cast<u8>(data.size() - 1);
    reply(std::move(data), ten ? packet16(7) : state_.packet[4]);
}

void AtapiDrive::mode_select() {
    if (state_.packet[1] & 1) return invalid_field();  // saving
    if (!(state_.packet[1] & 0x10)) return invalid_field();
    receive(state_.packet[0] == 0x55 ? packet16(7) : state_.packet[4]);
}

void AtapiDrive::mode_select_delivered() {
    const std::span<const u8> data = state_.task.buffer;
    const bool ten = state_.packet[0] == 0x55;
    const auto bad_list = [this] { check_condition(0x05, 0x26, 0x00); };
    if (data.size() < (ten ? 8u : 4u)) return check_condition(0x05, 0x1a, 0x00);
    size_t at = ten ? 8 + (data[6] << 8 | data[7]) : 4 + data[3];
    while (at + 2 <= data.size()) {
        const u8 code = data[at] & 0x3f;
        const size_t length = data[at + 1];
        if (at + 2 + length > data.size()) return check_condition(0x05, 0x1a, 0x00);
        if (code == 0x01) {
            if (length < 2) return bad_list();
            state_.error_recovery[0] = data[at + 2];
            state_.error_recovery[1] = data[at + 3];
        } else if (code != 0x0d && code != 0x0e && code != 0x1a && code != 0x2a) {
            return bad_list();
        }
        at += 2 + length;
    }
    succeed();
}

// Reading

void AtapiDrive::read_capacity() {
    std::vector<u8> data;
    put32(data, blocks() - 1);
    put32(data, kCdDataBytes);
    reply(std::move(data), 8);
}

void AtapiDrive::read_10() { read_blocks(packet32(2), packet16(7), 0, 0); }
void AtapiDrive::read_12() { read_blocks(packet32(2), packet32(6), 0, 0); }

void AtapiDrive::seek() {
    if (packet32(2) >= blocks()) return check_condition(0x05, 0x21, 0x00);
    state_.head = packet32(2);
    succeed();
}

void AtapiDrive::verify() {
    const u32 block = packet32(2);
    if (block > blocks() || packet16(7) > blocks() - block) return check_condition(0x05, 0x21, 0x00);
    succeed();
}

void AtapiDrive::read_cd() { read_cd_blocks(packet32(2), packet24(6)); }

void AtapiDrive::read_cd_msf() {
    const i64 first = block_of({state_.packet[3], state_.packet[4], state_.packet[5]});
    const i64 end = block_of({state_.packet[6], state_.packet[7], state_.packet[8]});
    if (first < 0 || end < first) return invalid_field();
    read_cd_blocks(static_cast<u32>(first), static_cast<u32>(end - first));
}

void AtapiDrive::read_cd_blocks(u32 block, u32 count) {
    const u8 type = state_.packet[1] >> 2 & 7;
    if (type != 0 && type != 2) return check_condition(0x05, 0x64, 0x00);  // only mode 1 is on the disc
    u32 sub_channel = 0;
    switch (state_.packet[10] & 7) {
        case 0: break;
        case 1:
        case 4: sub_channel = 96; break;
        case 2: sub_channel = 16; break;
        default: return invalid_field();
    }
    u8 fields = state_.packet[9] & 0xfe;
    if ((fields & cd_field::kC2Mask) == cd_field::kC2Mask) return invalid_field();
    fields &= static_cast<u8>(~0x40);  // a sub-header is not in sectors of mode 1
    if (cd_field_bytes(fields) + sub_channel == 0) {
        // Nothing was asked for: the command is a seek.
        if (block > blocks() || count > blocks() - block) return check_condition(0x05, 0x21, 0x00);
        return succeed();
    }
    if (fields == cd_field::kUserData && sub_channel == 0) fields = 0;
    read_blocks(block, count, fields, sub_channel);
}

void AtapiDrive::play_audio() {
    check_condition(0x05, 0x64, 0x00);
}  // illegal mode for this track: there is no audio

// What is on the disc

void AtapiDrive::read_toc() {
    const bool msf = state_.packet[1] & 2;
    const u8 format = state_.packet[2] & 0x0f ? state_.packet[2] & 0x0f : state_.packet[9] >> 6;
    const u8 track = state_.packet[6];
    constexpr u8 kDataTrack = 0x14, kLeadOut = 0xaa;
    std::vector<u8> data{0, 0, 1, 1};
    const auto entry = [&](u8 number, u32 block) {
        data.insert(data.end(), {0, kDataTrack, number, 0});
        put_address(data, block, msf);
    };
    switch (format) {
        case 0:
            if (track > 1 && track != kLeadOut) return invalid_field();
            if (track <= 1) entry(1, 0);
            entry(kLeadOut, blocks());
            break;
        case 1: entry(1, 0); break;  // the only session starts with track 1
        case 2: {
            if (track > 1) return invalid_field();
            const auto point = [&](u8 number, Msf time) {
                data.insert(data.end(),
                            {1, kDataTrack, 0, number, 0, 0, 0, 0, time.minute, time.second, time.frame});
            };
            point(0xa0, {1, 0, 0});  // first track, disc type CD-ROM
            point(0xa1, {1, 0, 0});  // last track
            point(0xa2, msf_of(blocks()));
            point(1, msf_of(0));
            break;
        }
        default: return invalid_field();
    }
    set16(data, 0, data.size() - 2);
    reply(std::move(data), packet16(7));
}

void AtapiDrive::read_header() {
    const u32 block = packet32(2);
    if (block >= blocks()) return check_condition(0x05, 0x21, 0x00);
    std::vector<u8> data{1, 0, 0, 0};  // mode 1
    put_address(data, block, state_.packet[1] & 2);
    reply(std::move(data), packet16(7));
}

void AtapiDrive::read_sub_channel() {
    const bool msf = state_.packet[1] & 2;
    const u8 format = state_.packet[3];
    std::vector<u8> data{0, 0x15, 0, 0};  // no audio status
    if (state_.packet[2] & 0x40) {
        data.push_back(format);
        switch (format) {
            case 1:
                data.insert(data.end(), {0x14, 1, 1});
                put_address(data, state_.head, msf);
                put_address(data, state_.head, msf);
                break;
            case 2: data.resize(24); break;  // no media catalogue number
            case 3:
                if (state_.packet[6] != 1) return invalid_field();
                data.insert(data.end(), {0x14, 1, 0});
                data.resize(24);  // no ISRC
                break;
            default: return invalid_field();
        }
        set16(data, 2, data.size() - 4);
    }
    reply(std::move(data), packet16(7));
}

void AtapiDrive::read_disc_information() {
    std::vector<u8> data(34);
    set16(data, 0, data.size() - 2);
    data[2] = 0x0e;  // complete disc, complete last session
    data[3] = 1;     // first track
    data[4] = 1;     // sessions
    data[5] = 1;     // first and last track of the last session
    data[6] = 1;
    data[7] = 0x20;                                             // unrestricted use
    data[8] = 0x00;                                             // CD-DA or CD-ROM
    std::fill(data.begin() + 16, data.begin() + 24, u8{0xff});  // no lead-in and lead-out for another session
    reply(std::move(data), packet16(7));
}

void AtapiDrive::read_track_information() {
    const u8 type = state_.packet[1] & 3;
    const u32 address = packet32(2);
    const bool found = type == 0 ? address < blocks() : address == 1;
    if (type == 3 || !found) return invalid_field();
    std::vector<u8> data(36);
    set16(data, 0, data.size() - 2);
    data[2] = 1;     // track
    data[3] = 1;     // session
    data[5] = 0x04;  // data track
    data[6] = 0x01;  // mode 1
    const u32 size = blocks();
    for (unsigned i = 0; i < 4; i++) data[24 + i] = static_cast<u8>(size >> (24 - 8 * i));
    reply(std::move(data), packet16(7));
}

void AtapiDrive::read_dvd_structure() {
    if (!is_dvd()) return check_condition(0x05, 0x30, 0x02);  // cannot read medium: incompatible format
    const u8 format = state_.packet[7];
    if (state_.packet[6] != 0) return invalid_field();
    std::vector<u8> data(4);
    switch (format) {
        case 0x00: {  // physical format: one layer, DVD-ROM, data from 30000h
            std::vector<u8> physical{0x01, 0x02, 0x01, 0x00, 0x00, 0x03, 0x00, 0x00};
            put32(physical, 0x30000 + blocks() - 1);
            put32(physical, 0);
            physical.resize(2048);
            data.insert(data.end(), physical.begin(), physical.end());
            break;
        }
        case 0x01: data.resize(8); break;         // copyright: none
        case 0x04: data.resize(4 + 2048); break;  // manufacturer: nothing
        default: return invalid_field();
    }
    set16(data, 0, data.size() - 2);
    reply(std::move(data), packet16(8));
}

}  // namespace gnomon
