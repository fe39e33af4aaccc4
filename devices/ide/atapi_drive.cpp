// The ATA side of a CD-ROM drive: PACKET in PIO and DMA, medium changes, the few ATA commands.
#include "devices/ide/atapi_drive.h"

#include <algorithm>

#include "devices/ide/atapi_packets.h"
#include "devices/ide/cd_sector.h"
#include "devices/ide/identify_words.h"

namespace gnomon {
namespace {

constexpr u64 kCommandNs = 20'000;
constexpr u64 kPacketNs = 40'000;
constexpr u64 kPartNs = 10'000;
constexpr u64 kBlockNs = 8'000;
constexpr u32 kDmaChunk = 64 * 1024;
// Interrupt reason, in the Count register.
constexpr u8 kCommandPacket = 0x01, kToHost = 0x02;

}  // namespace

static_assert(every_field_listed<AtapiDrive::State>());

Result<std::unique_ptr<AtapiDrive>> AtapiDrive::create(Scheduler& scheduler, Log& log,
                                                       std::unique_ptr<BlockImage> image, Config config) {
    return std::unique_ptr<AtapiDrive>(new AtapiDrive(scheduler, log, std::move(image), std::move(config)));
}

AtapiDrive::AtapiDrive(Scheduler& scheduler, Log& log, std::unique_ptr<BlockImage> image, Config config)
    : IdeDevice(scheduler, config.name, state_.task),
      log_(log),
      image_(std::move(image)),
      config_(std::move(config)) {}

Result<StatePart::Install> AtapiDrive::load_state(const StateNode& node) {
    State fresh;
    if (Result<void> loaded = load_value(node, fresh); !loaded) return loaded.error();
    if (fresh.task.position > fresh.task.buffer.size() || fresh.task.phase > IdePhase::Dma)
        return fail("the state of the drive contradicts itself");
    return Install([this, state = std::move(fresh)] { state_ = state; });
}

// Medium

u32 AtapiDrive::blocks() const {
    return image_ ? static_cast<u32>(std::min<u64>((image_->sectors() + 3) / 4, 0xffffffff)) : 0;
}

/// More than a 99-minute CD holds.
bool AtapiDrive::is_dvd() const { return blocks() > 99 * 60 * 75; }

void AtapiDrive::insert(std::unique_ptr<BlockImage> image) {
    image_ = std::move(image);
    state_.tray_open = false;
    state_.stopped = false;
    state_.head = 0;
    state_.medium_attention = image_ != nullptr;  // a drive that is empty says so
    state_.media_event = image_ ? media_event::kNewMedia : media_event::kRemoval;
}

Result<void> AtapiDrive::eject(bool force) {
    if (state_.locked && !force) {
        state_.media_event = media_event::kEjectRequest;
        return fail("{}: the guest has locked the drive; it was asked to eject", state_name());
    }
    insert(nullptr);
    state_.locked = false;
    return {};
}

void AtapiDrive::move_tray(bool open) {
    if (state_.tray_open == open) return;
    state_.tray_open = open;
    if (image_) {
        state_.media_event = open ? media_event::kRemoval : media_event::kNewMedia;
        if (!open) state_.medium_attention = true;
    }
    if (tray_moved_) tray_moved_(open);
}

// Resets and ATA commands

void AtapiDrive::put_signature() {
    state_.task.count = {1, 0};
    state_.task.lba_low = {1, 0};
    state_.task.lba_mid = {0x14, 0};
    state_.task.lba_high = {0xeb, 0};
    state_.task.status = 0;  // DRDY comes with the first command
}

void AtapiDrive::reset_device(Reset kind) {
    state_.left = 0;
    state_.blocks = 0;
    state_.ahead.clear();
    if (kind != Reset::Hardware) return;
    state_.sense_key = state_.asc = state_.ascq = 0;
    state_.reset_attention = true;
    state_.locked = false;
    state_.stopped = false;
    state_.transfer_mode = 0x22;
    state_.error_recovery = {};
    if (state_.tray_open) move_tray(false);
}

u64 AtapiDrive::command_latency_ns(u8 command) const { return command == 0xa0 ? kPartNs : kCommandNs; }

void AtapiDrive::execute() {
    switch (state_.task.command) {
        case 0xa0: return accept_packet();
        case 0xa1: return identify_packet_device();
        case 0xef: return set_features();
        case 0x94:  // STANDBY, IDLE and SLEEP in both codes: the disc spins up by itself
        case 0x95:
        case 0x96:
        case 0x97:
        case 0x99:
        case 0xe0:
        case 0xe1:
        case 0xe2:
        case 0xe3:
        case 0xe6: return complete();
        case 0x98:
        case 0xe5: state_.task.count[0] = 0xff; return complete();
        case 0x20:  // READ SECTORS and IDENTIFY DEVICE tell a PACKET device by its signature
        case 0xec: {
            const u8 device = state_.task.device;
            put_signature();
            state_.task.device = device;
            return complete_with_error(ide_error::kAborted);
        }
        case 0x00: return complete_with_error(ide_error::kAborted);
        default: break;
    }
    log_.guest("ide", "unknown ATA command for a CD-ROM drive", "{}: unknown command {:#04x}", state_name(),
               state_.task.command);
    complete_with_error(ide_error::kAborted);
}

void AtapiDrive::identify_packet_device() {
    IdentifyWords words{};
    words[0] = 0x85c0;  // ATAPI, CD-ROM, removable, DRQ within 50 µs, packets of 12 bytes
    put_text(words, 10, 10, config_.serial);
    put_text(words, 23, 4, config_.revision);
    put_text(words, 27, 20, config_.vendor + " " + config_.product);
    words[49] = 0x0f00;
    words[50] = 0x4000;
    words[53] = 0x0006;
    put_dma_modes(words, state_.transfer_mode);
    words[64] = 0x0003;
    for (size_t i = 65; i <= 68; i++) words[i] = 120;
    words[80] = 0x007e;
    words[82] = 0x4218;  // NOP, DEVICE RESET, PACKET, power management
    words[83] = 0x4000;
    words[84] = 0x4000;
    words[85] = words[82];
    words[87] = 0x4000;
    words[93] = 0x600b;
    state_.left = state_.blocks = 0;
    state_.task.buffer = identify_bytes(words);
    offer_block();
}

void AtapiDrive::set_features() {
    const u8 mode = state_.task.count[0];
    switch (state_.task.features[0]) {
        case 0x03:
            if (!is_transfer_mode(mode)) return complete_with_error(ide_error::kAborted);
            if (mode >= 0x20) state_.transfer_mode = mode;
            break;
        case 0x66:
        case 0xcc: break;
        default: return complete_with_error(ide_error::kAborted);
    }
    complete();
}

// The PACKET protocol

void AtapiDrive::accept_packet() {
    constexpr u8 kDma = 0x01, kOverlap = 0x02;
    if (state_.task.features[0] & kOverlap) return complete_with_error(ide_error::kAborted);
    state_.dma = state_.task.features[0] & kDma;
    const u16 limit = static_cast<u16>(state_.task.lba_mid[0] | state_.task.lba_high[0] << 8);
    state_.byte_limit = limit == 0 || limit == 0xffff ? 0xfffe : limit;
    state_.left = 0;
    state_.blocks = 0;
    state_.ahead.clear();
    state_.stage = Stage::Packet;
    state_.task.count[0] = kCommandPacket;
    request_block(state_.packet.size(), false);
}

void AtapiDrive::block_delivered() { busy(Next::Block, kPacketNs); }

void AtapiDrive::block_taken() {
    state_.task.phase = IdePhase::Idle;
    if (state_.task.command != 0xa0) {
        state_.task.status = kIdleStatus;
        return;
    }
    busy(Next::Block, kPartNs + kBlockNs * (std::min<u32>(state_.byte_limit, state_.left) / kCdDataBytes));
}

void AtapiDrive::next_block() {
    TaskFile& task = state_.task;
    switch (state_.stage) {
        case Stage::Packet:
            std::copy_n(task.buffer.begin(), state_.packet.size(), state_.packet.begin());
            task.buffer.clear();
            task.position = 0;
            return run_packet();
        case Stage::ToHost: return state_.left ? offer_part() : succeed();
        case Stage::FromHost: return mode_select_delivered();
    }
}

void AtapiDrive::run_packet() {
    const PacketRow* row = find_packet(state_.packet[0]);
    // Commands that report or clear conditions are not stopped by them. SPC-2, "Unit attention condition".
    if (row == nullptr || !(row->flags & packet_flag::kAlways)) {
        if (std::exchange(state_.reset_attention, false)) return check_condition(0x06, 0x29, 0x00);
        if (std::exchange(state_.medium_attention, false)) return check_condition(0x06, 0x28, 0x00);
    }
    if (!row) {
        log_.guest("ide", "unknown packet command", "{}: unknown packet command {:#04x}", state_name(),
                   state_.packet[0]);
        return check_condition(0x05, 0x20, 0x00);
    }
    if ((row->flags & packet_flag::kNeedsDisc) && !has_disc()) return no_disc();
    if (row->flags & packet_flag::kNeedsDisc) state_.stopped = false;
    if (state_.packet[0] != 0x03) set_sense(0, 0, 0);
    (this->*row->run)();
}

void AtapiDrive::reply(std::vector<u8> data, u32 allocated) {
    if (data.size() > allocated) data.resize(allocated);
    if (data.empty()) return succeed();
    state_.stage = Stage::ToHost;
    state_.left = static_cast<u32>(data.size());
    state_.blocks = 0;
    state_.ahead = std::move(data);
    state_.task.count[0] = kToHost;
    if (!state_.dma) return offer_part();
    state_.task.buffer = std::exchange(state_.ahead, {});
    state_.task.position = 0;
    request_dma(true, kPartNs);
}

u32 AtapiDrive::bytes_per_block() const {
    if (state_.raw_fields == 0 && state_.sub_channel == 0) return kCdDataBytes;
    return cd_field_bytes(state_.raw_fields) + state_.sub_channel;
}

void AtapiDrive::read_blocks(u32 block, u32 count, u8 raw_fields, u32 sub_channel) {
    if (block > blocks() || count > blocks() - block) return check_condition(0x05, 0x21, 0x00);
    state_.head = block;
    if (count == 0) return succeed();
    state_.raw_fields = raw_fields;
    state_.sub_channel = sub_channel;
    const u64 total = u64{count} * bytes_per_block();
    if (total > 0xffffffff) return invalid_field();
    if (total == 0) return succeed();
    state_.block = block;
    state_.blocks = count;
    state_.left = static_cast<u32>(total);
    state_.stage = Stage::ToHost;
    state_.ahead.clear();
    state_.task.buffer.clear();
    state_.task.position = 0;
    state_.task.count[0] = kToHost;
    if (state_.dma) return request_dma(true, kPartNs + kBlockNs * std::min(count, kDmaChunk / kCdDataBytes));
    // The first part comes after the time that reading takes.
    busy(Next::Block,
         kPartNs + kBlockNs * (std::min<u32>(state_.byte_limit, state_.left) / kCdDataBytes + 1));
}

/// Appends blocks until `into` holds `wanted` bytes or all are read. False when a block cannot be read, which
/// ends the command.
bool AtapiDrive::read_ahead(std::vector<u8>& into, size_t wanted) {
    while (into.size() < wanted && state_.blocks) {
        if (!has_disc()) {
            no_disc();
            return false;
        }
        std::array<u8, kCdDataBytes> data{};
        const u64 sector = u64{state_.block} * 4;
        // Another disc may be smaller than the one that the command was checked against.
        const u64 present = sector < image_->sectors() ? std::min<u64>(4, image_->sectors() - sector) : 0;
        Result<void> read =
            image_->read(sector, std::span(data).first(static_cast<size_t>(present * kSectorSize)));
        if (!read || present == 0) {
            if (!read) log_.error("ide", "{}: {}", state_name(), read.error().message);
            check_condition(0x03, 0x11, 0x00);  // medium error, unrecovered read error
            return false;
        }
        append_cd_block(into, state_.block, data, state_.raw_fields, state_.sub_channel);
        state_.head = ++state_.block;
        state_.blocks--;
    }
    return true;
}

/// Offers the next part by PIO: at most the byte count limit, and an even number of bytes unless it is the
/// last.
void AtapiDrive::offer_part() {
    TaskFile& task = state_.task;
    u32 part = std::min<u32>(state_.byte_limit, state_.left);
    if (part < state_.left) part = std::max(part & ~1u, 2u);
    part = std::min(part, state_.left);
    if (!read_ahead(state_.ahead, part)) return;
    part = std::min(part, static_cast<u32>(state_.ahead.size()));
    if (part == 0) return succeed();
    const auto end = state_.ahead.begin() + static_cast<std::ptrdiff_t>(part);
    task.buffer.assign(state_.ahead.begin(), end);
    state_.ahead.erase(state_.ahead.begin(), end);
    state_.left -= part;
    task.lba_mid[0] = static_cast<u8>(part);
    task.lba_high[0] = static_cast<u8>(part >> 8);
    task.count[0] = kToHost;
    offer_block();
}

void AtapiDrive::move_dma() {
    TaskFile& task = state_.task;
    if (task.dma_in && task.position == task.buffer.size()) {
        task.buffer.clear();
        task.position = 0;
        if (!read_ahead(task.buffer, kDmaChunk)) return;
    }
    if (!transfer_dma()) return;
    if (task.buffer.empty()) return succeed();
    if (!task.dma_in) return mode_select_delivered();
    state_.left -= std::min(state_.left, static_cast<u32>(task.buffer.size()));
    if (state_.left == 0) return succeed();
    request_dma(true, kBlockNs * std::min(state_.blocks, kDmaChunk / kCdDataBytes));
}

/// Asks for the data of a command that sends some.
void AtapiDrive::receive(u32 bytes) {
    if (bytes == 0) return succeed();
    if (bytes > state_.byte_limit) return invalid_field();
    state_.stage = Stage::FromHost;
    state_.task.count[0] = 0;
    if (state_.dma) {
        state_.task.buffer.assign(bytes, 0);
        state_.task.position = 0;
        return request_dma(false, kPartNs);
    }
    state_.task.lba_mid[0] = static_cast<u8>(bytes);
    state_.task.lba_high[0] = static_cast<u8>(bytes >> 8);
    request_block(bytes, true);
}

/// The status phase of the command: nothing of its data is left.
void AtapiDrive::end_data_phase() {
    state_.task.count[0] = kToHost | kCommandPacket;
    state_.task.buffer.clear();
    state_.task.position = 0;
    state_.ahead.clear();
    state_.left = 0;
    state_.blocks = 0;
}

void AtapiDrive::succeed() {
    end_data_phase();
    complete();
}

void AtapiDrive::set_sense(u8 key, u8 asc, u8 ascq) {
    state_.sense_key = key;
    state_.asc = asc;
    state_.ascq = ascq;
}

void AtapiDrive::check_condition(u8 key, u8 asc, u8 ascq) {
    set_sense(key, asc, ascq);
    end_data_phase();
    complete_with_error(static_cast<u8>(key << 4 | ide_error::kAborted));
}

void AtapiDrive::no_disc() { check_condition(0x02, 0x3a, state_.tray_open ? 0x02 : 0x01); }

}  // namespace gnomon
