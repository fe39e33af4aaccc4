// The controller's registers.
#include "devices/sound/ac97/ac97.h"

namespace gnomon {
namespace {

// The board's subsystem identification; Linux then knows that it need not measure the clock.
constexpr PciConfig::Identity kIdentity{.vendor = 0x8086,
                                        .device = 0x2415,
                                        .class_code = 0x040100,
                                        .revision = 1,
                                        .subsystem_vendor = 0x1af4,
                                        .subsystem = 0x1100,
                                        .interrupt_pin = 1};

constexpr u16 kCodecPorts = 256;
constexpr u16 kMasterPorts = 64;
constexpr unsigned kCodecRegisters = 0x80;

// Offsets in the second window: 16 bytes for each bus master, then the global registers.
constexpr unsigned kGlobalControl = 0x2c;
constexpr unsigned kGlobalStatus = 0x30;
constexpr unsigned kSemaphore = 0x34;

constexpr u32 kColdReset = 0x02;  // active low
constexpr u32 kWarmReset = 0x04;  // clears itself
constexpr u32 kControlBits = 0x3f;
constexpr u32 kPrimaryReady = 0x100;

constexpr u8 kRun = 0x01;
constexpr u8 kResetRegisters = 0x02;
constexpr u8 kControlMask = 0x1d;
constexpr u8 kLastValidInterrupt = 0x04;
constexpr u8 kFifoErrorInterrupt = 0x08;
constexpr u8 kCompletionInterrupt = 0x10;

constexpr u16 kHalted = 0x01;
constexpr u16 kLastBufferDone = 0x04;
constexpr u16 kBufferDone = 0x08;
constexpr u16 kFifoError = 0x10;
constexpr u16 kClearable = kLastBufferDone | kBufferDone | kFifoError;

bool interrupts(const Ac97::BusMaster& master) {
    return (master.SR & kLastBufferDone && master.CR & kLastValidInterrupt) ||
           (master.SR & kBufferDone && master.CR & kCompletionInterrupt) ||
           (master.SR & kFifoError && master.CR & kFifoErrorInterrupt);
}

}  // namespace

static_assert(every_field_listed<Ac97Codec::State>() && every_field_listed<Ac97::BusMaster>() &&
              every_field_listed<Ac97::State>());

Ac97::Ac97(PortBus& ports, Scheduler& scheduler, Log& log, Wires wires)
    : scheduler_(scheduler),
      ports_(ports),
      log_(log),
      wires_(wires),
      output_(wires.mixer->add_channel()),
      config_(kIdentity) {
    config_.preset(0x06, 2, 0x0280);  // fast back-to-back, medium DEVSEL#
    config_.add_io_bar(0, kCodecPorts, [this](u64 base, bool enabled) {
        move_window(codec_claim_, codec_base_, kCodecPorts, base, enabled);
    });
    config_.add_io_bar(1, kMasterPorts, [this](u64 base, bool enabled) {
        move_window(master_claim_, master_base_, kMasterPorts, base, enabled);
    });
    event_ = scheduler_.add_event("ac97.samples", [this](const Scheduler::Due& due) {
        run_to(due.at_ns);
        schedule();
    });
}

Result<std::unique_ptr<Ac97>> Ac97::create(PciBus& bus, PortBus& ports, Scheduler& scheduler, Log& log,
                                           Wires wires) {
    std::unique_ptr<Ac97> card(new Ac97(ports, scheduler, log, wires));
    Result<PciSlot> slot = bus.add("ac97", kDevice, 0, *card);
    if (!slot) return slot.error();
    card->slot_ = std::move(*slot);
    return card;
}

void Ac97::move_window(PortClaim& claim, u16& place, u16 count, u64 base, bool enabled) {
    claim.release();
    place = 0;
    if (!enabled) return;
    if (base + count > 0x10000) {
        log_.guest("ac97", "I/O base", "ports from {:#x} on are beyond 64 K", base);
        return;
    }
    Result<PortClaim> fresh = ports_.claim("ac97", {static_cast<u16>(base), count, 1 | 2 | 4}, *this);
    if (!fresh) {
        log_.guest("ac97", "I/O base", "{}", fresh.error().message);
        return;
    }
    claim = std::move(*fresh);
    place = static_cast<u16>(base);
}

void Ac97::reset() {
    config_.reset();
    cold_reset();
    global_control_ = 0;
    semaphore_ = false;
}

void Ac97::cold_reset() {
    masters_ = {};
    codec_.reset();
    gain_ = codec_.output_gain();
    output_.set(scheduler_.now(), 0, 0);
    schedule();
    update_interrupt();
}

void Ac97::update_interrupt() {
    bool level = false;
    for (const BusMaster& master : masters_) level |= interrupts(master);
    wires_.interrupt.set(level);
}

u32 Ac97::global_status() const {
    u32 status = global_control_ & kColdReset ? kPrimaryReady : 0;
    for (unsigned i = 0; i < masters_.size(); i++)
        if (interrupts(masters_[i])) status |= 0x20u << i;
    return status;
}

u8 Ac97::read_master_byte(unsigned offset) {
    if (offset < 0x30 && (offset & 15) < 12) {
        const BusMaster& master = masters_[offset >> 4];
        switch (offset & 15) {
            case 0x4: return master.CIV;
            case 0x5: return master.LVI;
            case 0x6: return static_cast<u8>(master.SR);
            case 0x7: return static_cast<u8>(master.SR >> 8);
            case 0x8: return static_cast<u8>(master.PICB);
            case 0x9: return static_cast<u8>(master.PICB >> 8);
            case 0xa: return master.PIV;
            case 0xb: return master.CR;
            default: return static_cast<u8>(master.BDBAR >> 8 * (offset & 3));
        }
    }
    switch (offset & ~3u) {
        case kGlobalControl: return static_cast<u8>(global_control_ >> 8 * (offset & 3));
        case kGlobalStatus: return static_cast<u8>(global_status() >> 8 * (offset & 3));
        default: break;
    }
    // Reading takes the semaphore; the next access to the codec gives it back.
    return offset == kSemaphore ? std::exchange(semaphore_, true) : 0;
}

void Ac97::write_master_byte(unsigned offset, u8 value) {
    if (offset < 0x30 && (offset & 15) < 12) {
        write_bus_master(offset >> 4, offset & 15, value);
        return;
    }
    if (offset != kGlobalControl) return;
    const u32 before = global_control_;
    global_control_ = value & kControlBits & ~kWarmReset;
    if (before & kColdReset && !(value & kColdReset)) cold_reset();
}

void Ac97::write_bus_master(unsigned index, unsigned offset, u8 value) {
    BusMaster& master = masters_[index];
    switch (offset) {
        case 0x5:
            master.LVI = value & 31;
            // A list that had come to its end goes on.
            if (master.CR & kRun && master.SR & kHalted) start(master);
            break;
        case 0x6:
            master.SR &= static_cast<u16>(~(value & kClearable));
            update_interrupt();
            break;
        case 0xb:
            if (value & kResetRegisters) {
                if (!(master.CR & kRun)) master = {};
            } else {
                const bool starts = value & kRun && !(master.CR & kRun);
                const bool stops = !(value & kRun) && master.CR & kRun;
                master.CR = value & kControlMask;
                if (starts) start(master);
                if (stops) master.SR |= kHalted;
            }
            update_interrupt();
            break;
        case 0x0:
        case 0x1:
        case 0x2:
        case 0x3:
            master.BDBAR = (master.BDBAR & ~(0xffu << 8 * offset)) | u32{value} << 8 * offset;
            master.BDBAR &= ~7u;
            break;
        default: break;  // read-only
    }
    schedule();
}

void Ac97::write_codec(unsigned offset, unsigned size, u32 value) {
    // The registers are words: a byte changes its half of one.
    if (size == 1) {
        const u16 word = codec_.read(offset & ~1u);
        const unsigned shift = 8 * (offset & 1);
        value = (word & ~(0xffu << shift)) | (value & 0xff) << shift;
    }
    const u32 rate_before = codec_.output_rate();
    for (unsigned i = 0; i < size; i += 2) codec_.write((offset & ~1u) + i, static_cast<u16>(value >> 8 * i));
    gain_ = codec_.output_gain();
    if (codec_.output_rate() != rate_before)
        for (BusMaster& master : masters_) {
            master.started_ns = scheduler_.now();
            master.frames = 0;
        }
    schedule();
}

u32 Ac97::port_read(u16 port, unsigned size) {
    run_to(scheduler_.now());
    schedule();
    u32 value = 0;
    const unsigned from_codec = static_cast<unsigned>(port - codec_base_);
    if (port >= codec_base_ && from_codec < kCodecPorts && codec_base_ != 0) {
        semaphore_ = false;
        for (unsigned i = 0; i < size; i++) {
            const unsigned offset = from_codec + i;
            const u16 word = offset < kCodecRegisters ? codec_.read(offset & ~1u) : 0xffff;
            value |= (word >> 8 * (offset & 1) & 0xffu) << 8 * i;
        }
        return value;
    }
    for (unsigned i = 0; i < size; i++)
        value |= u32{read_master_byte(static_cast<unsigned>(port - master_base_) + i)} << 8 * i;
    return value;
}

void Ac97::port_write(u16 port, unsigned size, u32 value) {
    run_to(scheduler_.now());
    const unsigned from_codec = static_cast<unsigned>(port - codec_base_);
    if (port >= codec_base_ && from_codec < kCodecPorts && codec_base_ != 0) {
        semaphore_ = false;
        if (from_codec < kCodecRegisters) write_codec(from_codec, size, value);
        return;
    }
    for (unsigned i = 0; i < size; i++)
        write_master_byte(static_cast<unsigned>(port - master_base_) + i, static_cast<u8>(value >> 8 * i));
}

Ac97::State Ac97::state() const {
    return {config_.state(), codec_.state(), masters_, global_control_, semaphore_};
}

Result<StatePart::Install> Ac97::load_state(const StateNode& node) {
    State fresh;
    if (Result<void> loaded = load_value(node, fresh); !loaded) return loaded.error();
    for (const BusMaster& master : fresh.masters)
        if (master.started_ns >> 62 != 0 || master.frames >> 40 != 0)
            return fail("the time of a transfer is impossible");
    return Install([this, state = std::move(fresh)] {
        codec_.set_state(state.codec);
        gain_ = codec_.output_gain();
        masters_ = state.masters;
        for (BusMaster& master : masters_) {
            master.CIV &= 31;
            master.LVI &= 31;
            master.PIV &= 31;
        }
        global_control_ = state.global_control & kControlBits;
        semaphore_ = state.semaphore;
        config_.set_state(state.config);
    });
}

}  // namespace gnomon
