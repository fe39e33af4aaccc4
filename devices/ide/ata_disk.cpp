// Commands of an ATA hard disk.
#include "devices/ide/ata_disk.h"

#include <algorithm>

#include "devices/ide/identify_words.h"

namespace gnomon {
namespace {

constexpr u8 kLba = 0x40;  // Device register
constexpr u64 kMax28 = 0x0fffffff;
constexpr u32 kDmaChunk = 128;  // sectors moved at a time
constexpr u64 kMediaCommandNs = 40'000;
constexpr u64 kOtherCommandNs = 20'000;
constexpr u64 kBlockNs = 10'000;
constexpr u64 kSectorNs = 2'000;

enum Flag : u8 { kExtended = 1, kMultiple = 2, kMedia = 4 };

}  // namespace

static_assert(every_field_listed<AtaDisk::State>());

struct AtaDisk::CommandRow {
    u8 first;
    u8 last;
    void (AtaDisk::*run)();
    u8 flags = 0;
};

const AtaDisk::CommandRow* AtaDisk::find_command(u8 opcode) {
    // NOP (00) ends with ABRT by definition; DEVICE RESET (08), PACKET and SECURITY are not there.
    static constexpr CommandRow kCommands[] = {
        {0x10, 0x1f, &AtaDisk::recalibrate},
        {0x20, 0x21, &AtaDisk::read_pio, kMedia},
        {0x24, 0x24, &AtaDisk::read_pio, kMedia | kExtended},
        {0x25, 0x25, &AtaDisk::read_dma, kMedia | kExtended},
        {0x27, 0x27, &AtaDisk::native_max, kExtended},
        {0x29, 0x29, &AtaDisk::read_pio, kMedia | kExtended | kMultiple},
        {0x30, 0x31, &AtaDisk::write_pio, kMedia},
        {0x34, 0x34, &AtaDisk::write_pio, kMedia | kExtended},
        {0x35, 0x35, &AtaDisk::write_dma, kMedia | kExtended},
        {0x37, 0x37, &AtaDisk::set_max, kExtended},
        {0x39, 0x39, &AtaDisk::write_pio, kMedia | kExtended | kMultiple},
        {0x40, 0x41, &AtaDisk::verify, kMedia},
        {0x42, 0x42, &AtaDisk::verify, kMedia | kExtended},
        {0x70, 0x7f, &AtaDisk::seek, kMedia},
        {0x91, 0x91, &AtaDisk::initialize_parameters},
        {0x94, 0x94, &AtaDisk::standby},
        {0x95, 0x95, &AtaDisk::idle},
        {0x96, 0x96, &AtaDisk::standby},
        {0x97, 0x97, &AtaDisk::idle},
        {0x98, 0x98, &AtaDisk::check_power},
        {0x99, 0x99, &AtaDisk::sleep},
        {0xa1, 0xa1, &AtaDisk::identify_as_packet_device},
        {0xb0, 0xb0, &AtaDisk::smart},
        {0xc4, 0xc4, &AtaDisk::read_pio, kMedia | kMultiple},
        {0xc5, 0xc5, &AtaDisk::write_pio, kMedia | kMultiple},
        {0xc6, 0xc6, &AtaDisk::set_multiple},
        {0xc8, 0xc9, &AtaDisk::read_dma, kMedia},
        {0xca, 0xcb, &AtaDisk::write_dma, kMedia},
        {0xe0, 0xe0, &AtaDisk::standby},
        {0xe1, 0xe1, &AtaDisk::idle},
        {0xe2, 0xe2, &AtaDisk::standby},
        {0xe3, 0xe3, &AtaDisk::idle},
        {0xe4, 0xe4, &AtaDisk::read_buffer},
        {0xe5, 0xe5, &AtaDisk::check_power},
        {0xe6, 0xe6, &AtaDisk::sleep},
        {0xe7, 0xe7, &AtaDisk::flush},
        {0xe8, 0xe8, &AtaDisk::write_buffer},
        {0xea, 0xea, &AtaDisk::flush, kExtended},
        {0xec, 0xec, &AtaDisk::identify},
        {0xef, 0xef, &AtaDisk::set_features},
        {0xf8, 0xf8, &AtaDisk::native_max},
        {0xf9, 0xf9, &AtaDisk::set_max},
    };
    for (const CommandRow& row : kCommands)
        if (opcode >= row.first && opcode <= row.last) return &row;
    return nullptr;
}

Result<std::unique_ptr<AtaDisk>> AtaDisk::create(Scheduler& scheduler, Log& log,
                                                 std::unique_ptr<BlockImage> image, Config config) {
    if (image->sectors() == 0) return fail("{}: a disk needs at least one sector", image->name());
    std::array<u8, kSectorSize> first{};
    if (Result<void> read = image->read(0, first); !read) return read.error();
    DiskGeometry geometry = work_out_geometry(image->sectors(), first);
    if (config.geometry) {
        const Chs& chs = *config.geometry;
        if (chs.cylinders < 1 || chs.cylinders > 16383 || chs.heads < 1 || chs.heads > 16 ||
            chs.sectors < 1 || chs.sectors > 63)
            return fail("{}: the geometry {}/{}/{} is outside 1–16383 cylinders, 1–16 heads, 1–63 sectors",
                        image->name(), chs.cylinders, chs.heads, chs.sectors);
        geometry.drive = chs;
    }
    return std::unique_ptr<AtaDisk>(
        new AtaDisk(scheduler, log, std::move(image), std::move(config), geometry));
}

AtaDisk::AtaDisk(Scheduler& scheduler, Log& log, std::unique_ptr<BlockImage> image, Config config,
                 DiskGeometry geometry)
    : IdeDevice(scheduler, config.name, state_.task),
      log_(log),
      image_(std::move(image)),
      config_(std::move(config)),
      geometry_(geometry) {
    set_defaults();
    state_.accessible = image_->sectors();
    state_.sector_buffer.assign(kSectorSize, 0);
}

void AtaDisk::set_defaults() {
    state_.multiple = 16;
    state_.heads = static_cast<u8>(geometry_.drive.heads);
    state_.sectors = static_cast<u8>(geometry_.drive.sectors);
    state_.transfer_mode = 0x22;
    state_.write_cache = true;
    state_.read_ahead = true;
}

Result<StatePart::Install> AtaDisk::load_state(const StateNode& node) {
    State fresh;
    if (Result<void> loaded = load_value(node, fresh); !loaded) return loaded.error();
    if (fresh.accessible == 0 || fresh.accessible > image_->sectors())
        return fail("the snapshot belongs to a disk of other size than {}", image_->name());
    if (fresh.task.position > fresh.task.buffer.size() || fresh.heads == 0 || fresh.sectors == 0 ||
        fresh.sector_buffer.size() != kSectorSize || fresh.lba > image_->sectors() ||
        fresh.remaining > image_->sectors() - fresh.lba || fresh.block == 0 || fresh.block > 128 || fresh.remaining > 65536 ||
        fresh.in_block > fresh.remaining || fresh.task.phase > IdePhase::Dma || fresh.power > Power::Sleep ||
        (fresh.task.phase != IdePhase::Idle && !find_command(fresh.task.command) && fresh.remaining))
        return fail("the state of the disk contradicts itself");
    return Install([this, state = std::move(fresh)] { state_ = state; });
}

void AtaDisk::reset_device(Reset kind) {
    state_.remaining = 0;
    state_.in_block = 0;
    state_.native_max_read = false;
    state_.power = Power::Active;
    if (kind == Reset::Hardware || !state_.keep_settings) set_defaults();
    if (kind != Reset::Hardware) return;
    state_.keep_settings = false;
    if (!state_.max_preserved) state_.accessible = image_->sectors();
}

void AtaDisk::put_signature() {
    state_.task.count = {1, 0};
    state_.task.lba_low = {1, 0};
    state_.task.lba_mid = {};
    state_.task.lba_high = {};
}

u64 AtaDisk::command_latency_ns(u8 command) const {
    const CommandRow* row = find_command(command);
    return row && (row->flags & kMedia) ? kMediaCommandNs : kOtherCommandNs;
}

bool AtaDisk::extended() const {
    const CommandRow* row = find_command(state_.task.command);
    return row && (row->flags & kExtended);
}

void AtaDisk::execute() {
    const u8 opcode = state_.task.command;
    const CommandRow* row = find_command(opcode);
    const bool native_max_read = std::exchange(state_.native_max_read, false);
    if (!row) {
        if (opcode != 0x00)
            log_.guest("ide", "unknown ATA command", "{}: unknown command {:#04x}", state_name(), opcode);
        return refuse();
    }
    if (row->flags & kMedia) state_.power = Power::Active;
    if (opcode == 0xf9 || opcode == 0x37) state_.native_max_read = native_max_read;
    (this->*row->run)();
}

// Addresses

u64 AtaDisk::capacity28() const { return std::min(state_.accessible, kMax28); }

std::optional<u64> AtaDisk::address(bool extended) const {
    const TaskFile& task = state_.task;
    const u64 low = task.lba_low[0] | task.lba_mid[0] << 8 | u64{task.lba_high[0]} << 16;
    if (task.device & kLba) {
        if (!extended) return low | u64{task.device & 0x0fu} << 24;
        return low | u64{task.lba_low[1]} << 24 | u64{task.lba_mid[1]} << 32 | u64{task.lba_high[1]} << 40;
    }
    if (extended) return std::nullopt;
    const u32 cylinder = task.lba_mid[0] | task.lba_high[0] << 8;
    const u32 head = task.device & 0x0f;
    const u32 sector = task.lba_low[0];
    if (sector == 0 || sector > state_.sectors || head >= state_.heads) return std::nullopt;
    return (u64{cylinder} * state_.heads + head) * state_.sectors + sector - 1;
}

void AtaDisk::store_address(u64 lba, bool extended) {
    TaskFile& task = state_.task;
    if (!(task.device & kLba)) {
        const u64 track = lba / state_.sectors;
        task.lba_low[0] = static_cast<u8>(lba % state_.sectors + 1);
        task.device = static_cast<u8>((task.device & 0xf0) | track % state_.heads);
        task.lba_mid[0] = static_cast<u8>(track / state_.heads);
        task.lba_high[0] = static_cast<u8>(track / state_.heads >> 8);
        return;
    }
    task.lba_low[0] = static_cast<u8>(lba);
    task.lba_mid[0] = static_cast<u8>(lba >> 8);
    task.lba_high[0] = static_cast<u8>(lba >> 16);
    if (extended) {
        task.lba_low[1] = static_cast<u8>(lba >> 24);
        task.lba_mid[1] = static_cast<u8>(lba >> 32);
        task.lba_high[1] = static_cast<u8>(lba >> 40);
    } else {
        task.device = static_cast<u8>((task.device & 0xf0) | (lba >> 24 & 0x0f));
    }
}

void AtaDisk::fail_at(u64 lba, u8 error, u8 status) {
    store_address(lba, extended());
    state_.remaining = 0;
    complete_with_error(error, status);
}

void AtaDisk::host_error(const Error& error, bool write) {
    log_.error("ide", "{}: {}", state_name(), error.message);
    if (write)
        fail_at(state_.lba, ide_error::kAborted, ide_status::kDeviceFault);
    else
        fail_at(state_.lba, ide_error::kUncorrectable);
}

// Transfers

/// Takes address and count from the task file; false when the command has ended with an error.
bool AtaDisk::begin_transfer() {
    const TaskFile& task = state_.task;
    const CommandRow& row = *find_command(task.command);
    const bool ext = row.flags & kExtended;
    if ((row.flags & kMultiple) && state_.multiple == 0) {
        refuse();
        return false;
    }
    if (ext && !(task.device & kLba)) {
        refuse();
        return false;
    }
    u32 count = ext ? task.count[0] | u32{task.count[1]} << 8 : task.count[0];
    if (count == 0) count = ext ? 65536 : 256;
    const std::optional<u64> lba = address(ext);
    if (!lba) {
        complete_with_error(ide_error::kIdNotFound);
        return false;
    }
    const u64 limit = ext ? state_.accessible : capacity28();
    if (*lba >= limit || count > limit - *lba) {
        fail_at(std::max(*lba, limit), ide_error::kIdNotFound);  // the first sector that is not there
        return false;
    }
    state_.lba = *lba;
    state_.remaining = count;
    state_.block = row.flags & kMultiple ? state_.multiple : 1;
    state_.in_block = 0;
    return true;
}

void AtaDisk::load_block() {
    state_.in_block = std::min(state_.remaining, state_.block);
    state_.task.buffer.resize(size_t{state_.in_block} * kSectorSize);
    state_.task.position = 0;
    if (Result<void> read = image_->read(state_.lba, state_.task.buffer); !read)
        return host_error(read.error(), false);
    offer_block();
}

void AtaDisk::read_pio() {
    if (begin_transfer()) load_block();
}

void AtaDisk::write_pio() {
    if (image_->read_only()) return refuse();
    if (!begin_transfer()) return;
    state_.in_block = std::min(state_.remaining, state_.block);
    request_block(size_t{state_.in_block} * kSectorSize, false);
}

/// The host has read the block; what IDENTIFY and the like deliver has no sectors behind it.
void AtaDisk::block_taken() {
    state_.task.phase = IdePhase::Idle;
    state_.task.status = kIdleStatus;
    if (state_.remaining == 0) return;
    store_address(state_.lba + state_.in_block - 1, extended());
    state_.lba += state_.in_block;
    state_.remaining -= state_.in_block;
    state_.in_block = 0;
    state_.task.count = {static_cast<u8>(state_.remaining), static_cast<u8>(state_.remaining >> 8)};
    if (state_.remaining) busy(Next::Block, kBlockNs + kSectorNs * std::min(state_.remaining, state_.block));
}

void AtaDisk::block_delivered() { busy(Next::Block, kBlockNs + kSectorNs * state_.in_block); }

void AtaDisk::next_block() {
    if (state_.task.command == 0xe8) {
        state_.sector_buffer = state_.task.buffer;
        return complete();
    }
    const CommandRow* row = find_command(state_.task.command);
    if (row && row->run == &AtaDisk::read_pio) return load_block();
    if (Result<void> written = image_->write(state_.lba, state_.task.buffer); !written)
        return host_error(written.error(), true);
    store_address(state_.lba + state_.in_block - 1, extended());
    state_.lba += state_.in_block;
    state_.remaining -= state_.in_block;
    state_.task.count = {static_cast<u8>(state_.remaining), static_cast<u8>(state_.remaining >> 8)};
    state_.in_block = std::min(state_.remaining, state_.block);
    if (state_.remaining == 0) return complete();
    request_block(size_t{state_.in_block} * kSectorSize, true);
}

void AtaDisk::read_dma() {
    if (!begin_transfer()) return;
    state_.task.buffer.clear();
    state_.task.position = 0;
    request_dma(true, kSectorNs * std::min(state_.remaining, kDmaChunk));
}

void AtaDisk::write_dma() {
    if (image_->read_only()) return refuse();
    if (!begin_transfer()) return;
    state_.task.buffer.clear();
    state_.task.position = 0;
    request_dma(false, kSectorNs * std::min(state_.remaining, kDmaChunk));
}

/// One chunk. A host whose descriptors end too early leaves us waiting with DRQ set, as a real drive is left.
void AtaDisk::move_dma() {
    TaskFile& task = state_.task;
    if (state_.in_block == 0) {
        state_.in_block = std::min(state_.remaining, kDmaChunk);
        task.buffer.assign(size_t{state_.in_block} * kSectorSize, 0);
        task.position = 0;
        if (task.dma_in)
            if (Result<void> read = image_->read(state_.lba, task.buffer); !read)
                return host_error(read.error(), false);
    }
    if (!transfer_dma()) return;
    if (!task.dma_in)
        if (Result<void> written = image_->write(state_.lba, task.buffer); !written)
            return host_error(written.error(), true);
    store_address(state_.lba + state_.in_block - 1, extended());
    state_.lba += state_.in_block;
    state_.remaining -= state_.in_block;
    state_.in_block = 0;
    task.count = {static_cast<u8>(state_.remaining), static_cast<u8>(state_.remaining >> 8)};
    task.buffer.clear();
    task.position = 0;
    if (state_.remaining == 0) return complete();
    request_dma(task.dma_in, kSectorNs * std::min(state_.remaining, kDmaChunk));
}

void AtaDisk::verify() {
    if (!begin_transfer()) return;
    std::vector<u8> sectors(size_t{kDmaChunk} * kSectorSize);
    while (state_.remaining) {
        const u32 count = std::min(state_.remaining, kDmaChunk);
        Result<void> read = image_->read(state_.lba, std::span(sectors).first(size_t{count} * kSectorSize));
        if (!read) return host_error(read.error(), false);
        state_.lba += count;
        state_.remaining -= count;
    }
    store_address(state_.lba - 1, extended());
    state_.task.count = {};
    complete();
}

void AtaDisk::offer(std::vector<u8> data) {
    state_.remaining = 0;
    state_.task.buffer = std::move(data);
    offer_block();
}

// Commands without data from the medium

void AtaDisk::recalibrate() {
    state_.task.lba_mid[0] = state_.task.lba_high[0] = 0;
    complete();
}

void AtaDisk::seek() {
    const std::optional<u64> lba = address(false);
    if (!lba || *lba >= capacity28()) return complete_with_error(ide_error::kIdNotFound);
    complete();
}

void AtaDisk::set_multiple() {
    const u8 count = state_.task.count[0];
    if (count > 128 || (count & (count - 1)) != 0) return refuse();
    state_.multiple = count;
    complete();
}

void AtaDisk::initialize_parameters() {
    if (state_.task.count[0] == 0) return refuse();
    state_.sectors = state_.task.count[0];
    state_.heads = static_cast<u8>((state_.task.device & 0x0f) + 1);
    complete();
}

void AtaDisk::set_features() {
    const u8 mode = state_.task.count[0];
    switch (state_.task.features[0]) {
        case 0x02: state_.write_cache = true; break;
        case 0x82: state_.write_cache = false; break;
        case 0x03:
            if (!is_transfer_mode(mode)) return refuse();
            if (mode >= 0x20) state_.transfer_mode = mode;
            break;
        case 0x55: state_.read_ahead = false; break;
        case 0xaa: state_.read_ahead = true; break;
        case 0x66: state_.keep_settings = true; break;
        case 0xcc: state_.keep_settings = false; break;
        default: return refuse();
    }
    complete();
}

void AtaDisk::flush() {
    if (Result<void> flushed = image_->flush(); !flushed) {
        log_.error("ide", "{}: {}", state_name(), flushed.error().message);
        return complete_with_error(ide_error::kAborted, ide_status::kDeviceFault);
    }
    complete();
}

void AtaDisk::standby() {
    if (Result<void> flushed = image_->flush(); !flushed)
        log_.error("ide", "{}: {}", state_name(), flushed.error().message);
    state_.power = Power::Standby;
    complete();
}

void AtaDisk::idle() {
    state_.power = Power::Idle;
    complete();
}

void AtaDisk::sleep() {
    state_.power = Power::Sleep;
    complete();
}

void AtaDisk::check_power() {
    constexpr u8 kCounts[] = {0xff, 0x80, 0x00, 0x00};
    state_.task.count[0] = kCounts[static_cast<u8>(state_.power)];
    complete();
}

void AtaDisk::read_buffer() { offer(state_.sector_buffer); }

void AtaDisk::write_buffer() {
    state_.remaining = 0;
    request_block(kSectorSize, false);
}

void AtaDisk::native_max() {
    const bool ext = extended();
    if (ext && !(state_.task.device & kLba)) return refuse();
    const u64 native = ext ? image_->sectors() : std::min(image_->sectors(), kMax28);
    store_address(native - 1, ext);
    complete();
    state_.native_max_read = true;
}

/// SET MAX ADDRESS counts only right after READ NATIVE MAX ADDRESS.
void AtaDisk::set_max() {
    const bool ext = extended();
    if (!std::exchange(state_.native_max_read, false)) return refuse();
    if (!ext && state_.task.features[0] != 0) return refuse();  // SET MAX security is not there
    if (ext && !(state_.task.device & kLba)) return refuse();
    const std::optional<u64> lba = address(ext);
    if (!lba || *lba >= image_->sectors()) return complete_with_error(ide_error::kIdNotFound);
    state_.accessible = *lba + 1;
    state_.max_preserved = state_.task.count[0] & 1;
    complete();
}

}  // namespace gnomon
