// The guest-visible state of the VGA and what its registers mean. IBM PS/2 Hardware Interface Technical
// Reference, "Video Subsystem"; register names and bits as there.
#pragma once

#include <array>

#include "devices/vga/dispi.h"
#include "support/types.h"

namespace gnomon {

struct VgaState {
    /// What the processor's window shows without the adapter's help: nothing, the four planes chained, a bank
    /// of packed pixels.
    enum class Direct : u8 { None, Chain4, Bank };

    bool subsystem_enabled = true;  ///< port 3C3, bit 0
    u8 misc_output = 0;
    u8 feature_control = 0;
    u8 sequencer_index = 0;
    std::array<u8, 5> sequencer{};
    u8 crtc_index = 0;
    std::array<u8, 25> crtc{};
    u8 graphics_index = 0;
    std::array<u8, 9> graphics{};
    u8 attribute_index = 0;               ///< with bit 5, the palette address source
    bool attribute_expects_data = false;  ///< the flip-flop of port 3C0
    std::array<u8, 21> attribute{};
    u8 dac_mask = 0xff;
    u8 dac_address = 0;
    u8 dac_component = 0;  ///< 0 red, 1 green, 2 blue comes next
    bool dac_reading = false;
    std::array<u8, 3> dac_buffer{};
    std::array<u8, 768> dac{};  ///< red, green, blue; 0-63 each unless dac_8_bit
    bool dac_8_bit = false;
    u32 latch = 0;                   ///< plane 0 in bits 0-7 ... plane 3 in bits 24-31
    u64 frame_origin_ns = 0;         ///< a frame began here
    u64 retrace_watched_ns = 0;      ///< retrace_interrupt is right up to here
    bool retrace_interrupt = false;  ///< input status 0, bit 7
    DispiState dispi;
    Direct direct = Direct::None;
    u32 window_accesses = 0;  ///< through the adapter that could have been direct

    template<class V>
    constexpr void fields(V& v) {
        v("subsystem_enabled", subsystem_enabled);
        v("misc_output", misc_output);
        v("feature_control", feature_control);
        v("sequencer_index", sequencer_index);
        v("sequencer", sequencer);
        v("crtc_index", crtc_index);
        v("crtc", crtc);
        v("graphics_index", graphics_index);
        v("graphics", graphics);
        v("attribute_index", attribute_index);
        v("attribute_expects_data", attribute_expects_data);
        v("attribute", attribute);
        v("dac_mask", dac_mask);
        v("dac_address", dac_address);
        v("dac_component", dac_component);
        v("dac_reading", dac_reading);
        v("dac_buffer", dac_buffer);
        v("dac", dac);
        v("dac_8_bit", dac_8_bit);
        v("latch", latch);
        v("frame_origin_ns", frame_origin_ns);
        v("retrace_watched_ns", retrace_watched_ns);
        v("retrace_interrupt", retrace_interrupt);
        v("dispi", dispi);
        v("direct", direct);
        v("window_accesses", window_accesses);
    }

    // What the registers say.
    [[nodiscard]] constexpr bool colour_ports() const { return misc_output & 0x01; }
    [[nodiscard]] constexpr bool memory_enabled() const { return misc_output & 0x02; }
    [[nodiscard]] constexpr bool graphics_mode() const { return graphics[6] & 0x01; }
    [[nodiscard]] constexpr bool palette_enabled() const { return attribute_index & 0x20; }
    [[nodiscard]] constexpr bool running() const { return (sequencer[0] & 3) == 3 && (crtc[0x17] & 0x80); }
    [[nodiscard]] constexpr bool screen_off() const { return sequencer[1] & 0x20; }
    [[nodiscard]] constexpr unsigned dots_per_character() const { return sequencer[1] & 0x01 ? 8 : 9; }
    [[nodiscard]] constexpr bool half_dot_clock() const { return sequencer[1] & 0x08; }
    [[nodiscard]] constexpr unsigned columns() const { return crtc[1] + 1u; }
    [[nodiscard]] constexpr unsigned last_row_scan() const { return crtc[9] & 0x1f; }
    [[nodiscard]] constexpr bool double_scan() const { return crtc[9] & 0x80; }
    [[nodiscard]] constexpr bool blink_enabled() const { return attribute[0x10] & 0x08; }
    [[nodiscard]] constexpr bool cursor_enabled() const {
        return !(crtc[0x0a] & 0x20) && (crtc[0x0a] & 0x1f) <= (crtc[0x0b] & 0x1f);
    }
    [[nodiscard]] constexpr unsigned start_address() const { return crtc[0x0c] << 8 | crtc[0x0d]; }
    [[nodiscard]] constexpr unsigned cursor_address() const { return crtc[0x0e] << 8 | crtc[0x0f]; }
    /// Characters from one row to the next, in counts of the address counter.
    [[nodiscard]] constexpr unsigned row_pitch() const { return crtc[0x13] * 2u; }

    // Values of the vertical counter, ten bits scattered over the overflow registers. With lines_doubled()
    // the counter advances every second scan line.
    [[nodiscard]] constexpr unsigned vertical_total() const {
        return (crtc[6] | (crtc[7] & 0x01) << 8 | (crtc[7] & 0x20) << 4) + 2;
    }
    [[nodiscard]] constexpr unsigned vertical_display_end() const {
        return crtc[0x12] | (crtc[7] & 0x02) << 7 | (crtc[7] & 0x40) << 3;
    }
    [[nodiscard]] constexpr unsigned vertical_retrace_start() const {
        return crtc[0x10] | (crtc[7] & 0x04) << 6 | (crtc[7] & 0x80) << 2;
    }
    [[nodiscard]] constexpr unsigned line_compare() const {
        return crtc[0x18] | (crtc[7] & 0x10) << 4 | (crtc[9] & 0x40) << 3;
    }
    [[nodiscard]] constexpr bool lines_doubled() const { return crtc[0x17] & 0x04; }
    /// Scan lines shown; the display ends with the frame if its end is never reached.
    [[nodiscard]] constexpr unsigned displayed_lines() const {
        const unsigned end = vertical_display_end() + 1;
        return (end < vertical_total() ? end : vertical_total()) << (lines_doubled() ? 1 : 0);
    }

    /// The plane address that the CRTC puts out for a count of its address counter: byte, word or doubleword
    /// mode and the two bits that the row scan counter can replace. CRTC registers 14h and 17h.
    [[nodiscard]] constexpr u32 display_address(u32 count, unsigned row_scan) const {
        count &= 0xffff;
        u32 address = count;
        if (crtc[0x14] & 0x40)
            // The manual's table takes the low bits from counter bits 12 and 13; but mode 13h, whose
            // processor side puts A16 and A17 there, shows its memory in order: they are the bits shifted
            // out.
            address = count << 2 | (count >> 14 & 3);
        else if (!(crtc[0x17] & 0x40))
            address = count << 1 | (count >> (crtc[0x17] & 0x20 ? 15 : 13) & 1);
        if (!(crtc[0x17] & 0x01)) address = (address & ~0x2000u) | (row_scan & 1) << 13;
        if (!(crtc[0x17] & 0x02)) address = (address & ~0x4000u) | (row_scan >> 1 & 1) << 14;
        return address & (sequencer[4] & 0x02 ? 0xffff : 0x3fff);
    }

    /// 0x00RRGGBB of a DAC register, through the PEL mask.
    [[nodiscard]] u32 dac_colour(u8 index) const {
        const u8* rgb = &dac[size_t{static_cast<u8>(index & dac_mask)} * 3];
        const auto widen = [&](u8 value) {
            return static_cast<u32>(dac_8_bit ? value : value << 2 | value >> 4);
        };
        return widen(rgb[0]) << 16 | widen(rgb[1]) << 8 | widen(rgb[2]);
    }
    /// The DAC register that the attribute controller selects for a four-bit attribute value.
    [[nodiscard]] constexpr u8 attribute_to_dac(u8 value) const {
        return palette_to_dac(value & attribute[0x12]);
    }
    /// The same behind the colour plane enable register: for a palette register.
    [[nodiscard]] constexpr u8 palette_to_dac(unsigned index) const {
        const u8 entry = attribute[index & 0x0f];
        const u8 select = attribute[0x14];
        const u8 low = attribute[0x10] & 0x80 ? static_cast<u8>((entry & 0x0f) | (select & 3) << 4) : entry;
        return static_cast<u8>((low & 0x3f) | (select & 0x0c) << 4);
    }
    [[nodiscard]] std::array<u32, 16> attribute_colours() const {
        std::array<u32, 16> colours{};
        for (u8 i = 0; i < 16; i++) colours[i] = dac_colour(attribute_to_dac(i));
        return colours;
    }
    [[nodiscard]] std::array<u32, 256> dac_colours() const {
        std::array<u32, 256> colours{};
        for (unsigned i = 0; i < 256; i++) colours[i] = dac_colour(static_cast<u8>(i));
        return colours;
    }
    /// Nothing is shown: the screen is off, or the palette belongs to the processor (then it is overscan).
    [[nodiscard]] constexpr bool blank() const {
        return screen_off() || !palette_enabled() || (!dispi.enabled() && !running());
    }
};

}  // namespace gnomon
