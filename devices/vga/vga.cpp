// Registers of the VGA: miscellaneous output, sequencer, CRTC, graphics and attribute controllers, DAC.
#include "devices/vga/vga.h"

#include <algorithm>

#include "devices/vga/dispi_renderer.h"
#include "devices/vga/graphics_renderer.h"
#include "devices/vga/text_renderer.h"

namespace gnomon {

static_assert(every_field_listed<VgaState>());

namespace {

// 3B0-3B3, 3B6-3B9 and 3BB-3BF belong to other adapters (3BC: a parallel port).
// DISPI: index, then data, which is also at the next even port for processors that cannot reach odd ones.
constexpr u16 kDispiIndex = 0x1ce;
constexpr PortRange kPorts[] = {{0x3b4, 2}, {0x3ba, 1}, {0x3c0, 16},
                                {0x3d4, 2}, {0x3da, 1}, {kDispiIndex, 4, 1 | 2}};

// Bits that exist; the others read as zero.
constexpr std::array<u8, 5> kSequencerBits = {0x03, 0x3d, 0x0f, 0x3f, 0x0e};
constexpr std::array<u8, 9> kGraphicsBits = {0x0f, 0x0f, 0x0f, 0x1f, 0x03, 0x7b, 0x0f, 0x0f, 0xff};
constexpr std::array<u8, 21> kAttributeBits = {0x3f, 0x3f, 0x3f, 0x3f, 0x3f, 0x3f, 0x3f,
                                               0x3f, 0x3f, 0x3f, 0x3f, 0x3f, 0x3f, 0x3f,
                                               0x3f, 0x3f, 0xef, 0xff, 0x3f, 0x0f, 0x0f};

}  // namespace

Result<std::unique_ptr<Vga>> Vga::create(PortBus& bus, const VirtualClock& clock, PhysicalMap& map,
                                         Log& log) {
    std::unique_ptr<Vga> vga(new Vga(clock, map, log));
    Result<std::vector<PortClaim>> claims = bus.claim_all("vga", kPorts, *vga);
    if (!claims) return claims.error();
    vga->claims_ = std::move(*claims);
    Result<PhysicalRegion> window = map.add_mmio("vga", kWindow, kWindowSize, *vga);
    if (!window) return window.error();
    vga->window_ = std::move(*window);
    return vga;
}

Vga::Vga(const VirtualClock& clock, PhysicalMap& map, Log& log)
    : clock_(clock),
      log_(log),
      memory_(map, map.device_memory().size() - VideoMemory::kWindowSize),
      timing_(state_) {
    registers_changed();
}

void Vga::reset() {
    leave_direct_window();
    set_dac_width(false);
    State fresh;
    fresh.dac = state_.dac;
    fresh.frame_origin_ns = clock_.now();
    fresh.retrace_watched_ns = clock_.now();
    state_ = std::move(fresh);
    timing_ = VgaTiming(state_);
    raster_.clear();
    registers_changed();
}

Result<StatePart::Install> Vga::load_state(const StateNode& node) {
    State fresh;
    if (Result<void> loaded = load_value(node, fresh); !loaded) return loaded.error();
    if (fresh.dac_component > 2) return fail("dac_component: {} is not 0, 1 or 2", fresh.dac_component);
    if (fresh.direct > State::Direct::Bank)
        return fail("direct: {} is not 0, 1 or 2", static_cast<unsigned>(fresh.direct));
    const DispiState& dispi = fresh.dispi;
    if (!DispiState::depth_exists(dispi.bpp)) return fail("dispi.bpp: {} is no depth", dispi.bpp);
    const u64 end = u64{dispi.pitch()} * (u64{dispi.y} + dispi.height);
    if (dispi.enabled() && (dispi.width == 0 || dispi.width > DispiState::kMaxWidth || dispi.height == 0 ||
                            dispi.height > DispiState::kMaxHeight || end > memory_.size() ||
                            u32{dispi.x} + dispi.width > dispi.virtual_width))
        return fail("dispi: {}x{} pixels at {}, {} do not fit into the memory", dispi.width, dispi.height,
                    dispi.x, dispi.y);
    if (dispi.bank >= memory_.size() >> (dispi.planar() ? 18 : 16))
        return fail("dispi.bank: {} is beyond the memory", dispi.bank);
    return Install([this, fresh = std::move(fresh)]() mutable {
        // The memory, with the copy behind a direct window, was loaded before.
        state_ = State();
        decode_memory_path();
        const State::Direct direct = fresh.direct;
        const u32 accesses = fresh.window_accesses;
        state_ = std::move(fresh);
        state_.direct = State::Direct::None;
        timing_ = VgaTiming(state_);
        raster_.clear();
        registers_changed();
        state_.window_accesses = accesses;
        if (direct == path_.direct_kind()) state_.direct = direct;
        map_direct_window();
    });
}

/// Rebuilds what is derived from registers. A change of the totals or the clock starts a new frame.
void Vga::registers_changed() {
    if (const VgaTiming timing(state_); !(timing == timing_)) {
        if (timing.dots_per_frame() != timing_.dots_per_frame() || timing.dot_hz() != timing_.dot_hz())
            state_.frame_origin_ns = clock_.now();
        timing_ = timing;
        raster_.clear();
    }
    decode_memory_path();
    touch();
}

unsigned Vga::blink_phase() const { return static_cast<unsigned>(timing_.at(since_origin()).frame >> 3 & 3); }

u64 Vga::generation() {
    const bool blinking =
        state_.graphics_mode() ? state_.blink_enabled() : state_.cursor_enabled() || state_.blink_enabled();
    if (blinking && !state_.blank() && !state_.dispi.enabled()) {
        const unsigned phase = blink_phase();
        if (phase != seen_blink_phase_) {
            seen_blink_phase_ = phase;
            touch();
        }
    }
    if (!raster_.empty()) {
        const u64 frame = bands().empty() ? 0 : pictures_done();
        if (frame != seen_raster_frame_) touch();
        seen_raster_frame_ = frame;
    } else if (seen_raster_frame_ != 0) {
        seen_raster_frame_ = 0;
        touch();
    }
    collect_writes();
    return generation_;
}

void Vga::collect_writes() {
    if (!memory_.anything_written()) return;
    memory_.collect(++generation_, [this](u64 offset) {
        if (state_.direct == State::Direct::Chain4) copy_back_window(offset, kPageSize);
    });
}

PictureSize Vga::picture_size() const { return gnomon::picture_size(state_); }

/// Registers that the picture is made with are about to change. In the modes of the DISPI nobody counts lines.
void Vga::about_to_change() {
    if (!state_.running() || state_.dispi.enabled()) return;
    const VgaTiming::Position position = timing_.at(since_origin());
    // What comes behind the end of a line shows in the next one.
    raster_.note(state_, position.frame, position.line + (position.column >= state_.columns() ? 1 : 0),
                 state_.displayed_lines());
}

void Vga::about_to_move_start() {
    raster_.enter(state_, timing_.at(since_origin()).frame);
}

/// Whole frames, counting the one whose last line the beam has left.
u64 Vga::pictures_done() const {
    const VgaTiming::Position position = timing_.at(since_origin());
    return position.frame + (position.line >= state_.displayed_lines() ? 1 : 0);
}

std::span<const RasterLog::Band> Vga::bands() {
    if (raster_.empty() || !state_.running() || state_.dispi.enabled()) return {};
    const std::span<const RasterLog::Band> bands = raster_.last_frame(state_, pictures_done());
    // A picture of one size only.
    const PictureSize size = picture_size();
    return std::ranges::all_of(bands, [&](const auto& band) { return gnomon::picture_size(band.state) == size; })
               ? bands
               : std::span<const RasterLog::Band>();
}

void Vga::draw(const State& state, ScanWalk& walk, FrameUpdate& update) const {
    // The cursor is on for 8 frames of 16, blinking characters for 16 of 32.
    const unsigned phase = blink_phase();
    const BlinkPhase blink{.cursor_on = !(phase & 1), .characters_on = !(phase & 2)};
    if (state.blank())
        // Without the palette the attribute controller puts out the overscan colour.
        update.fill(state.screen_off() || (!state.dispi.enabled() && !state.running())
                        ? 0
                        : state.dac_colour(state.attribute[0x11]));
    else if (state.dispi.enabled())
        render_dispi(state, memory_, update);
    else if (state.graphics_mode())
        render_graphics(state, memory_, blink.characters_on, walk, update);
    else
        render_text(state, memory_, blink, walk, update);
}

bool Vga::render(Frame& frame) {
    const u64 now = generation();
    if (frame.source != this) frame.stamp = 0;
    FrameUpdate update(frame, picture_size(), frame.stamp < redraw_stamp_);
    const std::span<const RasterLog::Band> parts = bands();
    ScanWalk walk(parts.empty() ? state_ : parts.front().state);
    for (u32 first = 0; const RasterLog::Band& band : parts) {
        update.limit(first, band.end);
        draw(band.state, walk, update);
        walk.advance_to(update.end(), band.state);
        first = band.end;
    }
    if (parts.empty()) draw(state_, walk, update);
    frame.source = this;
    frame.stamp = now;
    return frame.first_changed != frame.end_changed;
}

void Vga::read_text(TextScreen& screen) const { gnomon::read_text(state_, memory_, screen); }

std::vector<std::string> Vga::text_screen() const {
    TextScreen screen;
    read_text(screen);
    return screen.lines();
}

u32 Vga::port_read(u16 port, unsigned size) {
    if (port >= kDispiIndex && port <= kDispiIndex + 2) {
        const u16 value = port == kDispiIndex ? state_.dispi.index : dispi_read(state_.dispi.index);
        return size == 1 ? value & 0xff : value;
    }
    if (port == 0x3c3) return state_.subsystem_enabled;
    if (!state_.subsystem_enabled) return 0xff;
    if (port < 0x3c0 && state_.colour_ports()) return 0xff;
    if (port >= 0x3d0 && !state_.colour_ports()) return 0xff;
    switch (port) {
        case 0x3b4:
        case 0x3d4: return state_.crtc_index;
        case 0x3b5:
        case 0x3d5: return read_crtc();
        case 0x3ba:
        case 0x3da: return read_input_status_1();
        case 0x3c0: return state_.attribute_index;
        case 0x3c1: return read_attribute();
        case 0x3c2: return read_input_status_0();
        case 0x3c4: return state_.sequencer_index;
        case 0x3c5: return state_.sequencer_index < 5 ? state_.sequencer[state_.sequencer_index] : 0u;
        case 0x3c6: return state_.dac_mask;
        case 0x3c7: return state_.dac_reading ? 3 : 0;
        case 0x3c8: return state_.dac_address;
        case 0x3c9: return read_dac();
        case 0x3ca: return state_.feature_control;
        case 0x3cc: return state_.misc_output;
        case 0x3ce: return state_.graphics_index;
        case 0x3cf: return state_.graphics_index < 9 ? state_.graphics[state_.graphics_index] : 0u;
        default: return 0xff;
    }
}

void Vga::port_write(u16 port, unsigned size, u32 wide) {
    if (port >= kDispiIndex && port <= kDispiIndex + 2) {
        if (size == 1) return;  // the registers are 16 bits wide
        if (port == kDispiIndex)
            state_.dispi.index = static_cast<u16>(wide);
        else
            dispi_write(state_.dispi.index, static_cast<u16>(wide));
        return;
    }
    const u8 value = static_cast<u8>(wide);
    if (port == 0x3c3) {
        state_.subsystem_enabled = value & 1;
        decode_memory_path();
        return;
    }
    if (!state_.subsystem_enabled) return;
    if (port < 0x3c0 && state_.colour_ports()) return;
    if (port >= 0x3d0 && !state_.colour_ports()) return;
    switch (port) {
        case 0x3b4:
        case 0x3d4: state_.crtc_index = value & 0x3f; break;
        case 0x3b5:
        case 0x3d5: write_crtc(value); break;
        case 0x3ba:
        case 0x3da: state_.feature_control = value & 0x0b; break;
        case 0x3c0: write_attribute(value); break;
        case 0x3c2: write_misc_output(value); break;
        case 0x3c4: state_.sequencer_index = value & 0x07; break;
        case 0x3c5: write_sequencer(value); break;
        case 0x3c6:
            if (state_.dac_mask != value) {
                about_to_change();
                touch();
            }
            state_.dac_mask = value;
            break;
        case 0x3c7:
            // The G171 fetches the colour into its buffer at once and moves on.
            state_.dac_reading = true;
            state_.dac_component = 0;
            std::copy_n(&state_.dac[size_t{value} * 3], 3, state_.dac_buffer.begin());
            state_.dac_address = static_cast<u8>(value + 1);
            break;
        case 0x3c8:
            state_.dac_reading = false;
            state_.dac_component = 0;
            state_.dac_address = value;
            break;
        case 0x3c9: write_dac(value); break;
        case 0x3ce: state_.graphics_index = value & 0x0f; break;
        case 0x3cf: write_graphics(value); break;
        default: break;
    }
}

u8 Vga::read_attribute() const {
    const unsigned index = state_.attribute_index & 0x1f;
    return index < state_.attribute.size() ? state_.attribute[index] : 0;
}

void Vga::write_attribute(u8 value) {
    const bool data = state_.attribute_expects_data;
    state_.attribute_expects_data = !data;
    if (!data) {
        if ((state_.attribute_index ^ value) & 0x20) {
            about_to_change();
            touch();
        }
        state_.attribute_index = value & 0x3f;
        return;
    }
    const unsigned index = state_.attribute_index & 0x1f;
    if (index >= state_.attribute.size()) return;
    value &= kAttributeBits[index];
    if (state_.attribute[index] == value) return;
    about_to_change();
    state_.attribute[index] = value;
    touch();
}

/// Latches the retrace interrupt for retraces up to now; must run before timing changes.
void Vga::watch_retrace() {
    const u64 now = clock_.now();
    if ((state_.crtc[0x11] & 0x10) && state_.retrace_watched_ns >= state_.frame_origin_ns &&
        timing_.retraces_begun(now - state_.frame_origin_ns) >
            timing_.retraces_begun(state_.retrace_watched_ns - state_.frame_origin_ns))
        state_.retrace_interrupt = true;
    state_.retrace_watched_ns = now;
}

u8 Vga::read_input_status_0() {
    watch_retrace();
    // Bit 4: the monitor's sense line, a colour monitor is attached.
    return static_cast<u8>(0x10 | (state_.retrace_interrupt ? 0x80 : 0));
}

u8 Vga::read_input_status_1() {
    state_.attribute_expects_data = false;
    const VgaTiming::Position position = timing_.at(since_origin());
    u8 status = 0;
    if (!timing_.displaying(position)) {
        status |= 0x01;
        // Bits 4 and 5 feed back two bits of the attribute controller's output, which outside the picture is
        // the overscan colour; the pair is chosen by the colour plane enable register.
        static constexpr u8 kFirstBit[4] = {0, 4, 1, 6};
        static constexpr u8 kSecondBit[4] = {2, 5, 3, 7};
        const unsigned pair = state_.attribute[0x12] >> 4 & 3;
        status |= static_cast<u8>((state_.attribute[0x11] >> kFirstBit[pair] & 1) << 4);
        status |= static_cast<u8>((state_.attribute[0x11] >> kSecondBit[pair] & 1) << 5);
    }
    if (timing_.in_vertical_retrace(position)) status |= 0x08;
    return status;
}

u8 Vga::read_crtc() const {
    if (state_.crtc_index < state_.crtc.size()) return state_.crtc[state_.crtc_index];
    switch (state_.crtc_index) {
        // Not in the manual, but in every VGA: the latch of the plane selected for reading, the flip-flop,
        // the index.
        case 0x22: return static_cast<u8>(state_.latch >> 8 * (state_.graphics[4] & 3));
        case 0x24: return state_.attribute_expects_data ? 0x80 : 0;
        case 0x26: return state_.attribute_index;
        default: return 0;
    }
}

void Vga::write_crtc(u8 value) {
    const unsigned index = state_.crtc_index;
    if (index >= state_.crtc.size()) return;
    // Bit 7 of register 11h protects 0-7, except for line compare bit 8 in register 7.
    if (index < 8 && (state_.crtc[0x11] & 0x80)) {
        if (index != 7) return;
        value = static_cast<u8>((state_.crtc[7] & ~0x10) | (value & 0x10));
    }
    if (state_.crtc[index] == value) return;
    if (index >= 0x0a && index <= 0x0f) {  // cursor and start address: the frequent ones
        if (index == 0x0c || index == 0x0d) about_to_move_start();
        state_.crtc[index] = value;
        touch();
        return;
    }
    watch_retrace();
    about_to_change();
    state_.crtc[index] = value;
    if (index == 0x11 && !(value & 0x10)) state_.retrace_interrupt = false;
    registers_changed();
}

void Vga::write_sequencer(u8 value) {
    const unsigned index = state_.sequencer_index;
    if (index >= state_.sequencer.size()) return;
    value &= kSequencerBits[index];
    if (state_.sequencer[index] == value) return;
    if (index == 2) {  // map mask: written all the time by planar drawing, and no part of the picture
        state_.sequencer[index] = value;
        decode_memory_path();
        return;
    }
    watch_retrace();
    about_to_change();
    state_.sequencer[index] = value;
    registers_changed();
}

void Vga::write_graphics(u8 value) {
    const unsigned index = state_.graphics_index;
    if (index >= state_.graphics.size()) return;
    value &= kGraphicsBits[index];
    if (state_.graphics[index] == value) return;
    if (index == 5 || index == 6) about_to_change();
    state_.graphics[index] = value;
    decode_memory_path();
    if (index == 5 || index == 6) touch();  // the others direct accesses only
}

void Vga::write_misc_output(u8 value) {
    value &= 0xef;
    if (state_.misc_output == value) return;
    watch_retrace();
    about_to_change();
    state_.misc_output = value;
    registers_changed();
}

u8 Vga::read_dac() {
    const u8 value = state_.dac_buffer[state_.dac_component];
    if (++state_.dac_component == 3) {
        state_.dac_component = 0;
        if (state_.dac_reading) {
            std::copy_n(&state_.dac[size_t{state_.dac_address} * 3], 3, state_.dac_buffer.begin());
            state_.dac_address++;
        }
    }
    return value;
}

void Vga::write_dac(u8 value) {
    state_.dac_buffer[state_.dac_component] = state_.dac_8_bit ? value : value & 0x3f;
    if (++state_.dac_component < 3) return;
    state_.dac_component = 0;
    about_to_change();
    std::copy_n(state_.dac_buffer.begin(), 3, &state_.dac[size_t{state_.dac_address} * 3]);
    state_.dac_address++;
    touch();
}

}  // namespace gnomon
