// The pair of 8237A DMA controllers of a PC/AT with its page registers.
// Intel 8237A datasheet (231466); 82371SB (PIIX3) datasheet, "DMA Registers".
#pragma once

#include <array>
#include <functional>
#include <memory>
#include <vector>

#include "devices/dma/isa_dma_channel.h"
#include "devices/port_bus.h"
#include "memory/io_space.h"
#include "support/state.h"

namespace gnomon {

/// Channels 0–3 move bytes within 64 KB, 5–7 move words within 128 KB, channel 4 cascades the first
/// controller: without it in cascade mode, channels 0–3 do not run. A device moves its data when it likes, as
/// many units as it has; on the chip the same cycles are spread over time.
class IsaDma final : public PortIo, public StatePart {
  public:
    static constexpr unsigned kChannels = 8;

    static Result<std::unique_ptr<IsaDma>> create(PortBus& ports, DmaPort& memory);

    /// `channel` is 0–3 or 5–7.
    [[nodiscard]] IsaDmaChannel& channel(unsigned channel);
    void reset();

    /// What was last written to port 80h, where firmware reports its progress.
    [[nodiscard]] u8 post_code() const { return state_.pages[0]; }

    u32 port_read(u16 port, unsigned size) override;
    void port_write(u16 port, unsigned size, u32 value) override;

    struct ChannelState {
        u16 base_address = 0;
        u16 base_count = 0;
        u16 address = 0;
        u16 count = 0;
        u8 mode = 0;  ///< bits 2–7 as written
        template<class V>
        constexpr void fields(V& v) {
            v("base_address", base_address);
            v("base_count", base_count);
            v("address", address);
            v("count", count);
            v("mode", mode);
        }
    };
    struct Controller {
        std::array<ChannelState, 4> channels;
        u8 command = 0;
        u8 mask = 0x0f;
        u8 terminal_counts = 0;  ///< status bits 0–3
        u8 lines = 0;            ///< DREQ pins
        u8 software_requests = 0;
        u8 temporary = 0;
        bool high_byte_next = false;
        template<class V>
        constexpr void fields(V& v) {
            v("channels", channels);
            v("command", command);
            v("mask", mask);
            v("terminal_counts", terminal_counts);
            v("lines", lines);
            v("software_requests", software_requests);
            v("temporary", temporary);
            v("high_byte_next", high_byte_next);
        }
    };
    struct State {
        std::array<Controller, 2> controllers;
        std::array<u8, 16> pages{};  ///< ports 80h–8Fh
        template<class V>
        constexpr void fields(V& v) {
            v("controllers", controllers);
            v("pages", pages);
        }
    };
    [[nodiscard]] const State& state() const { return state_; }

    [[nodiscard]] std::string_view state_name() const override { return "dma"; }
    [[nodiscard]] StateNode save_state() const override { return save_value(state_); }
    Result<Install> load_state(const StateNode& node) override;

  private:
    class Channel final : public IsaDmaChannel {
      public:
        Channel(IsaDma& dma, unsigned number) : dma_(dma), number_(number) {}
        void set_request(bool asserted) override;
        [[nodiscard]] bool ready() const override { return dma_.ready(number_); }
        Moved to_memory(std::span<const u8> data) override;
        Moved from_memory(std::span<u8> data) override;
        void on_unmask(std::function<void()> unmasked) override { unmasked_ = std::move(unmasked); }

        std::function<void()> unmasked_;
        bool was_ready_ = false;

      private:
        IsaDma& dma_;
        unsigned number_;
    };

    explicit IsaDma(DmaPort& memory);

    [[nodiscard]] Controller& controller(unsigned channel) { return state_.controllers[channel / 4]; }
    [[nodiscard]] const Controller& controller(unsigned channel) const {
        return state_.controllers[channel / 4];
    }
    [[nodiscard]] ChannelState& registers(unsigned channel) {
        return controller(channel).channels[channel % 4];
    }
    [[nodiscard]] bool ready(unsigned channel) const;
    [[nodiscard]] GuestPhys address(unsigned channel) const;
    /// One contiguous piece at a time: `piece(address, offset, bytes)`.
    template<class F>
    IsaDmaChannel::Moved move(unsigned channel, size_t bytes, F piece);
    void advance(unsigned channel, u32 units);
    bool finish_if_done(unsigned channel);
    void run_software_requests(unsigned index);
    void copy_memory();
    void notify_ready();
    u8 read_register(Controller& controller, unsigned index);
    void write_register(unsigned controller_index, unsigned index, u8 value);
    void write_half(u16& base, u16& current, bool high, u8 value);
    void master_clear(Controller& controller);

    DmaPort& memory_;
    State state_;
    std::vector<Channel> channels_;
    std::vector<PortClaim> claims_;
};

}  // namespace gnomon
