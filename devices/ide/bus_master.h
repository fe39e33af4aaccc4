// One channel of the bus master IDE function: three registers and the walk along physical region descriptors.
// "Programming Interface for Bus Master IDE Controller", revision 1.0; 82371SB (PIIX3) datasheet, "Bus Master
// IDE".
#pragma once

#include <functional>
#include <span>

#include "memory/io_space.h"
#include "support/state.h"

namespace gnomon {

class BusMaster {
  public:
    explicit BusMaster(DmaPort& memory) : memory_(memory) {}

    /// `offset` 0 to 7 within the channel's registers.
    [[nodiscard]] u8 read(unsigned offset) const;
    void write(unsigned offset, u8 value);
    /// `started` is called when the guest sets the start bit.
    void on_start(std::function<void()> started) { started_ = std::move(started); }
    /// Whether the function may master the bus (PCI command register).
    void allow(bool allowed);
    void reset() { state_ = {}; }

    [[nodiscard]] bool ready(bool to_memory) const;
    /// Both return how many bytes went over before the descriptors ended.
    size_t to_memory(std::span<const u8> data);
    size_t from_memory(std::span<u8> data);
    /// INTRQ rose; the data of the transfer are in memory by then.
    void interrupt() { state_.status |= kInterrupt; }

    struct State {
        u8 command = 0;
        u8 status = 0;
        u32 table = 0;    ///< descriptor table pointer
        u32 next = 0;     ///< address of the next descriptor
        u32 address = 0;  ///< rest of the current region
        u32 left = 0;
        bool last = false;  ///< the current descriptor has EOT
        template<class V>
        constexpr void fields(V& v) {
            v("command", command);
            v("status", status);
            v("table", table);
            v("next", next);
            v("address", address);
            v("left", left);
            v("last", last);
        }
    };
    [[nodiscard]] const State& state() const { return state_; }
    void set_state(const State& state) { state_ = state; }

  private:
    static constexpr u8 kStart = 0x01, kToMemory = 0x08;
    static constexpr u8 kActive = 0x01, kError = 0x02, kInterrupt = 0x04, kDriveCapable = 0x60;

    /// The rest of the current region, fetching the next descriptor if it is used up; 0 after the last one.
    u32 region();
    void advance(u32 bytes);

    DmaPort& memory_;
    std::function<void()> started_;
    bool allowed_ = false;
    State state_;
};

}  // namespace gnomon
