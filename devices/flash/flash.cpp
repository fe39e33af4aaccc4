// Command interface, query table and array of the flash chip.
#include "devices/flash/flash.h"

#include <algorithm>
#include <bit>

namespace gnomon {
namespace {

// First bus cycles. StrataFlash datasheet, "Command Definitions".
constexpr u8 kProgram = 0x10;
constexpr u8 kProgramAlternate = 0x40;
constexpr u8 kErase = 0x20;
constexpr u8 kClearStatus = 0x50;
constexpr u8 kLock = 0x60;
constexpr u8 kReadStatus = 0x70;
constexpr u8 kReadIdentifier = 0x90;
constexpr u8 kReadQuery = 0x98;
constexpr u8 kSuspend = 0xb0;
constexpr u8 kConfirm = 0xd0;  // also Resume
constexpr u8 kWriteToBuffer = 0xe8;
constexpr u8 kReset = 0xf0;  // of AMD's command set: software that looks for either chip writes it
constexpr u8 kReadArray = 0xff;

// Second bus cycle of Lock.
constexpr u8 kLockBlock = 0x01;

// Status register.
constexpr u8 kReady = 0x80;
constexpr u8 kEraseError = 0x20;
constexpr u8 kProgramError = 0x10;
constexpr u8 kSequenceError = kEraseError | kProgramError;
constexpr u8 kProtected = 0x02;

constexpr u8 kManufacturer = 0x89;  // Intel
constexpr u8 kDevice = 0x18;

constexpr u8 kQueryBase = 0x10;
constexpr unsigned kDeviceSize = 0x27 - kQueryBase;
constexpr unsigned kBlockCount = 0x2d - kQueryBase;

/// From offset 10h on. JESD68, "CFI Query Identification String", "System Interface Information", "Device
/// Geometry Definition"; the extended table of command set 0001 follows at 31h.
constexpr std::array<u8, 0x2f> kQuery{'Q',
                                      'R',
                                      'Y',
                                      0x01,
                                      0x00,
                                      0x31,
                                      0x00,
                                      0,
                                      0,
                                      0,
                                      0,  // Intel's command set, its table at 31h, no alternative
                                      0x27,
                                      0x36,
                                      0x00,
                                      0x00,  // 2.7 to 3.6 V, no programming voltage of its own
                                      0x07,
                                      0x07,
                                      0x0a,
                                      0x00,  // typically 128 us a byte and a buffer, 1 s a block
                                      0x04,
                                      0x04,
                                      0x04,
                                      0x00,  // at most 16 times that
                                      0x00,
                                      0x00,
                                      0x00,  // device size; byte-wide bus
                                      std::countr_zero(Flash::kBufferBytes),
                                      0x00,  // buffer
                                      0x01,
                                      0x00,
                                      0x00,
                                      0x00,
                                      0x00,  // one region of equal blocks: their number follows
                                      'P',
                                      'R',
                                      'I',
                                      '1',
                                      '1',
                                      0,
                                      0,
                                      0,
                                      0,
                                      0,
                                      0x01,
                                      0x00,
                                      0x33,
                                      0x00};

std::array<u8, kQuery.size()> query_table(u64 bytes) {
    std::array<u8, kQuery.size()> table = kQuery;
    const u64 blocks = bytes / Flash::kBlockBytes - 1;
    table[kDeviceSize] = static_cast<u8>(std::bit_width(bytes - 1));
    table[kBlockCount] = static_cast<u8>(blocks);
    table[kBlockCount + 1] = static_cast<u8>(blocks >> 8);
    table[kBlockCount + 2] = static_cast<u8>(Flash::kBlockBytes / 256);
    table[kBlockCount + 3] = static_cast<u8>(Flash::kBlockBytes / 256 >> 8);
    return table;
}

}  // namespace

static_assert(every_field_listed<Flash::State>());

Result<std::unique_ptr<Flash>> Flash::create(PhysicalMap& map, Log& log, Config config) {
    constexpr u64 kMost = u64{kBlockBytes} << 16;  // what the query table can count
    if (config.bytes == 0 || config.bytes % kBlockBytes != 0 || config.bytes > kMost)
        return fail("{}: {} bytes; a flash chip has a multiple of {} KiB, at most {} MiB", config.name,
                    config.bytes, kBlockBytes >> 10, kMost >> 20);
    if (config.offset > map.flash_memory().size() || config.bytes > map.flash_memory().size() - config.offset)
        return fail("{}: no flash memory of {} bytes at {:#x}", config.name, config.bytes, config.offset);
    std::unique_ptr<Flash> flash(new Flash(map, log, std::move(config)));
    Result<PhysicalRegion> region =
        map.add_mmio(flash->config_.name, flash->config_.base, flash->config_.bytes, *flash);
    if (!region) return region.error();
    flash->region_ = std::move(*region);
    flash->set_mode(Mode::Array);
    return flash;
}

Flash::~Flash() { store_changes(); }

void Flash::reset() {
    state_.status = kReady;
    set_mode(Mode::Array);
}

void Flash::set_mode(Mode mode) {
    state_.mode = mode;
    if (mode == Mode::Array) store_changes();
    show();
}

void Flash::show() {
    const u32 page = map_.first_flash_page() + static_cast<u32>(config_.offset / kPageSize);
    if (state_.mode == Mode::Array)
        region_.show_memory(0, config_.bytes, page, true);
    else
        region_.hide_memory();
}

u64 Flash::mmio_read(u64 offset, unsigned size) {
    u64 value = 0;
    for (unsigned i = 0; i < size; i++) value |= u64{read_byte(offset + i)} << 8 * i;
    return value;
}

/// A wide access is one cycle a byte, lowest address first.
void Flash::mmio_write(u64 offset, unsigned size, u64 value) {
    for (unsigned i = 0; i < size; i++) write_byte(offset + i, static_cast<u8>(value >> 8 * i));
}

u8 Flash::read_byte(u64 offset) const {
    switch (state_.mode) {
        case Mode::Array: return array()[offset];
        case Mode::Identifier:
            switch (offset % kBlockBytes) {
                case 0: return kManufacturer;
                case 1: return kDevice;
                case 2: return config_.write_protected;  // the block's lock bit
                default: return 0;
            }
        case Mode::Query: {
            const auto table = query_table(config_.bytes);
            const u64 index = offset - kQueryBase;
            return index < table.size() ? table[index] : 0;
        }
        default: return state_.status;
    }
}

void Flash::write_byte(u64 offset, u8 value) {
    switch (state_.mode) {
        case Mode::Program: return program(offset, value);
        case Mode::Erase:
            if (value != kConfirm) return refuse(kSequenceError);
            return erase(offset);
        case Mode::Lock:
            // Lock bits are not kept: the whole chip is protected or nothing is.
            if (value != kLockBlock && value != kConfirm) return refuse(kSequenceError);
            if (config_.write_protected)
                return refuse(kProtected | (value == kConfirm ? kEraseError : kProgramError));
            state_.status |= kReady;
            return set_mode(Mode::Status);
        case Mode::BufferCount:
            if (value >= kBufferBytes) return refuse(kSequenceError);
            state_.buffer_count = static_cast<u8>(value + 1);
            state_.buffer_filled = 0;
            return set_mode(Mode::BufferData);
        case Mode::BufferData:
            state_.buffer_addresses[state_.buffer_filled] = static_cast<u32>(offset);
            state_.buffer[state_.buffer_filled++] = value;
            if (state_.buffer_filled == state_.buffer_count) set_mode(Mode::BufferConfirm);
            return;
        case Mode::BufferConfirm:
            if (value != kConfirm) return refuse(kSequenceError);
            return write_buffer();
        default: return start_command(offset, value);
    }
}

void Flash::start_command(u64 offset, u8 command) {
    switch (command) {
        case kProgram:
        case kProgramAlternate: return set_mode(Mode::Program);
        case kErase: return set_mode(Mode::Erase);
        case kLock: return set_mode(Mode::Lock);
        case kWriteToBuffer:
            state_.status |= kReady;
            state_.buffer_base = static_cast<u32>(offset & ~u64{kBlockBytes - 1});
            return set_mode(Mode::BufferCount);
        case kClearStatus: state_.status = 0; return set_mode(Mode::Array);
        case kSuspend:  // nothing is under way that could be suspended or resumed
        case kConfirm:
        case kReadStatus: return set_mode(Mode::Status);
        case kReadIdentifier: return set_mode(Mode::Identifier);
        case kReadQuery: return set_mode(Mode::Query);
        case kReset:
        case kReadArray: return set_mode(Mode::Array);
        default:
            log_.guest("flash", "unknown command", "{}: command {:#04x} at {:#x} is none", config_.name,
                       command, offset);
            return set_mode(Mode::Array);
    }
}

void Flash::refuse(u8 bits) {
    state_.status |= kReady | bits;
    set_mode(Mode::Status);
}

void Flash::change(u64 offset, u64 bytes) {
    for (u64 done = 0; done < bytes;) {
        const u64 at = config_.offset + offset + done;
        const u32 in_page = static_cast<u32>(at & ~kPageMask);
        const u32 part = static_cast<u32>(std::min<u64>(bytes - done, kPageSize - in_page));
        map_.note_store(map_.first_flash_page() + static_cast<u32>(at / kPageSize), in_page, part);
        done += part;
    }
    if (changed_from_ == changed_to_) {
        changed_from_ = offset;
        changed_to_ = offset + bytes;
    } else {
        changed_from_ = std::min(changed_from_, offset);
        changed_to_ = std::max(changed_to_, offset + bytes);
    }
}

/// Programming can only clear bits.
void Flash::program(u64 offset, u8 value) {
    if (config_.write_protected) return refuse(kProgramError | kProtected);
    change(offset, 1);
    array()[offset] &= value;
    state_.status |= kReady;
    set_mode(Mode::Status);
}

void Flash::erase(u64 offset) {
    if (config_.write_protected) return refuse(kEraseError | kProtected);
    const u64 block = offset & ~u64{kBlockBytes - 1};
    change(block, kBlockBytes);
    std::fill_n(array().begin() + static_cast<ptrdiff_t>(block), kBlockBytes, u8{0xff});
    state_.status |= kReady;
    set_mode(Mode::Status);
}

void Flash::write_buffer() {
    if (config_.write_protected) return refuse(kProgramError | kProtected);
    for (unsigned i = 0; i < state_.buffer_count; i++)
        if ((state_.buffer_addresses[i] & ~(kBlockBytes - 1)) != state_.buffer_base)
            return refuse(kSequenceError);
    for (unsigned i = 0; i < state_.buffer_count; i++) {
        change(state_.buffer_addresses[i], 1);
        array()[state_.buffer_addresses[i]] &= state_.buffer[i];
    }
    state_.status |= kReady;
    set_mode(Mode::Status);
}

void Flash::store_changes() {
    if (changed_from_ == changed_to_) return;
    const u64 from = std::exchange(changed_from_, 0);
    const u64 to = std::exchange(changed_to_, 0);
    if (!config_.store) return;
    if (Result<void> stored = config_.store(from, array().subspan(from, to - from)); !stored)
        log_.warning("flash", "{}: what the guest programmed is not kept: {}", config_.name,
                     stored.error().message);
}

Result<StatePart::Install> Flash::load_state(const StateNode& node) {
    State fresh;
    if (Result<void> loaded = load_value(node, fresh); !loaded) return loaded.error();
    if (fresh.mode >= Mode::kCount) return fail("mode {} does not exist", static_cast<unsigned>(fresh.mode));
    if (fresh.buffer_count > kBufferBytes || fresh.buffer_filled > fresh.buffer_count ||
        (fresh.mode == Mode::BufferData && fresh.buffer_filled == fresh.buffer_count))
        return fail("{} of {} bytes lie in the buffer", fresh.buffer_filled, fresh.buffer_count);
    for (const u32 address : fresh.buffer_addresses)
        if (address >= config_.bytes) return fail("address {:#x} lies outside the array", address);
    return Install([this, fresh] {
        state_ = fresh;
        // The array came with the machine's memory; the host's copy follows it.
        changed_from_ = 0;
        changed_to_ = config_.write_protected ? 0 : config_.bytes;
        store_changes();
        show();
    });
}

}  // namespace gnomon
