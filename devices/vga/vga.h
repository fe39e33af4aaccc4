// The VGA: registers at 3B0-3DF, planar memory at A0000-BFFFF, and the DISPI registers for modes beyond it.
// IBM PS/2 Hardware Interface Technical Reference, "Video Subsystem"; DAC as the INMOS IMS G171 data sheet.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "devices/port_bus.h"
#include "devices/vga/raster_log.h"
#include "devices/vga/screen.h"
#include "devices/vga/vga_state.h"
#include "devices/vga/vga_timing.h"
#include "devices/vga/video_memory.h"
#include "support/clock.h"
#include "support/state.h"

namespace gnomon {

class FrameUpdate;
class ScanWalk;

class Vga final : public PortIo, public MmioIo, public StatePart {
  public:
    using State = VgaState;

    /// The memory window; mmio offsets count from its start.
    static constexpr GuestPhys kWindow{0xa0000};
    static constexpr u64 kWindowSize = 0x20000;
    static constexpr u64 kBankSize = 0x10000;

    /// Claims the ports and the window. The map's device memory is the video memory and
    /// VideoMemory::kWindowSize.
    [[nodiscard]] static Result<std::unique_ptr<Vga>> create(PortBus& bus, const VirtualClock& clock,
                                                             PhysicalMap& map, Log& log);

    /// The DISPI registers by index, whichever way they are reached.
    [[nodiscard]] u16 dispi_read(unsigned index) const;
    void dispi_write(unsigned index, u16 value);
    void set_big_endian(bool big_endian);

    /// As after the reset line: registers zero, the picture dark; memory and DAC keep their contents.
    void reset();

    u32 port_read(u16 port, unsigned size) override;
    void port_write(u16 port, unsigned size, u32 value) override;
    u64 mmio_read(u64 offset, unsigned size) override;
    void mmio_write(u64 offset, unsigned size, u64 value) override;

    /// A number that moves whenever the picture may have changed, blinking included. Cheap.
    [[nodiscard]] u64 generation();
    [[nodiscard]] bool changed_since(u64 generation) { return this->generation() != generation; }
    [[nodiscard]] PictureSize picture_size() const;
    /// Draws the active display area as it is now; in a frame that this adapter drew before, what changed
    /// since. False if nothing did.
    bool render(Frame& frame);
    void read_text(TextScreen& screen) const;
    /// The characters as UTF-8 lines; one line that says so outside text modes.
    [[nodiscard]] std::vector<std::string> text_screen() const;

    [[nodiscard]] const State& state() const { return state_; }
    [[nodiscard]] VideoMemory& memory() { return memory_; }
    [[nodiscard]] std::string_view state_name() const override { return "vga"; }
    [[nodiscard]] StateNode save_state() const override { return save_value(state_); }
    Result<Install> load_state(const StateNode& node) override;

  private:
    /// How the registers direct an access to memory, decoded when they change.
    struct MemoryPath {
        u32 window_first = 0;  ///< offset within A0000-BFFFF
        u32 window_size = 0;   ///< 0: no access
        bool chain4 = false;
        bool write_odd_even = false;
        bool read_odd_even = false;
        bool replace_a0 = false;
        bool a0_from_a16 = false;
        u32 a0_replacement = 0;
        u32 address_mask = 0xffff;
        bool text_write = false;     ///< plain bytes to planes 0 and 1: the case of text modes
        bool plain_write = false;    ///< plain bytes to whatever planes are enabled
        bool chain4_direct = false;  ///< bytes in chained planes, nothing else
        u32 first_cell = 0;          ///< added to addresses in the planes: the bank of a planar DISPI mode
        bool packed = false;         ///< bytes as they lie in memory, from packed_base on
        u32 packed_base = 0;

        [[nodiscard]] State::Direct direct_kind() const {
            if (packed && window_size != 0) return State::Direct::Bank;
            return chain4_direct ? State::Direct::Chain4 : State::Direct::None;
        }
    };
    /// So many accesses until a window is mapped directly.
    static constexpr u32 kDirectAfter = 256;

    Vga(const VirtualClock& clock, PhysicalMap& map, Log& log);
    [[nodiscard]] u64 since_origin() const { return clock_.now() - state_.frame_origin_ns; }
    [[nodiscard]] unsigned blink_phase() const;
    /// The whole picture may be another one.
    void touch() { redraw_stamp_ = ++generation_; }
    void collect_writes();
    void about_to_change();
    void about_to_move_start();
    [[nodiscard]] u64 pictures_done() const;
    [[nodiscard]] std::span<const RasterLog::Band> bands();
    /// Lines of `update`, from that of `walk` on.
    void draw(const State& state, ScanWalk& walk, FrameUpdate& update) const;
    void registers_changed();
    void watch_retrace();

    u8 read_attribute() const;
    u8 read_input_status_0();
    u8 read_input_status_1();
    u8 read_crtc() const;
    u8 read_dac();
    void write_attribute(u8 value);
    void write_sequencer(u8 value);
    void write_graphics(u8 value);
    void write_crtc(u8 value);
    void write_dac(u8 value);
    void write_misc_output(u8 value);

    [[nodiscard]] u32 dispi_virtual_height() const;
    void dispi_enable(u16 value);
    void set_dac_width(bool eight_bits);

    void decode_memory_path();
    void begin_window_access();
    void end_window_access();
    void map_direct_window();
    void leave_direct_window();
    void copy_back_window(u64 offset, u64 size);
    struct Target {
        u32 address;     ///< of the cell
        unsigned plane;  ///< that chain 4 or odd/even selects
    };
    [[nodiscard]] Target target(u32 host) const;
    [[nodiscard]] u8 read_byte(u32 offset);
    void write_byte(u32 offset, u8 value);
    void store_cell(u32 address, u32 value, u32 planes);

    const VirtualClock& clock_;
    Log& log_;
    VideoMemory memory_;
    State state_;
    MemoryPath path_;
    VgaTiming timing_;
    u64 generation_ = 1;
    u64 redraw_stamp_ = 1;  ///< frames drawn before it hold another picture
    unsigned seen_blink_phase_ = 0;
    RasterLog raster_;
    u64 seen_raster_frame_ = 0;  ///< whose bands were noticed last; 0: none
    std::vector<PortClaim> claims_;
    PhysicalRegion window_;
};

}  // namespace gnomon
