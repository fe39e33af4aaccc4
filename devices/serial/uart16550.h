// The serial ports' UART: 8250, 16450 or 16550A with FIFOs, character times from the virtual clock. National
// Semiconductor PC16550D data sheet; the gate of the interrupt by OUT2 is the PC's wiring.
#pragma once

#include <array>
#include <memory>
#include <string>
#include <vector>

#include "devices/port_bus.h"
#include "devices/serial/char_backend.h"
#include "support/line.h"
#include "support/scheduler.h"
#include "support/state.h"

namespace gnomon {

enum class UartType : u8 { Uart8250, Uart16450, Uart16550A };

/// Where a PC has its serial ports.
struct ComPort {
    std::string_view name;
    PortRange ports;
    u8 irq;
};
inline constexpr std::array kComPorts{
    ComPort{"serial.com1", {0x3f8, 8}, 4},
    ComPort{"serial.com2", {0x2f8, 8}, 3},
    ComPort{"serial.com3", {0x3e8, 8}, 4},
    ComPort{"serial.com4", {0x2e8, 8}, 3},
};

class Uart16550 final : public PortIo, public StatePart {
  public:
    struct Config {
        ComPort port = kComPorts[0];
        UartType type = UartType::Uart16550A;
        /// Characters take the time that the divisor says. Off: they leave at once and arrive as fast as they
        /// are read.
        bool character_times = true;
    };

    static Result<std::unique_ptr<Uart16550>> create(PortBus& bus, Scheduler& scheduler, Log& log, Line irq,
                                                     std::unique_ptr<CharBackend> backend,
                                                     const Config& config);

    void reset();
    /// The machine calls this every few milliseconds of host time: exchanges bytes with the host.
    void poll_input();
    [[nodiscard]] CharBackend& backend() { return *backend_; }

    u32 port_read(u16 port, unsigned size) override;
    void port_write(u16 port, unsigned size, u32 value) override;

    struct State {
        u8 ier = 0;
        u8 fcr = 0;
        u8 lcr = 0;
        u8 mcr = 0;
        u8 msr = 0;
        u8 scr = 0;
        u16 divisor = 12;
        u8 line_errors = 0;            ///< OE, PE, FE, BI as the LSR shows them
        bool thre_pending = false;     ///< the transmitter interrupt
        bool timeout_pending = false;  ///< the character timeout interrupt
        bool shifting = false;
        u8 shift_register = 0;
        u64 shift_end = 0;         ///< in periods of the crystal
        std::vector<u8> transmit;  ///< FIFO, or holding register
        std::vector<u16> receive;  ///< FIFO, or buffer register: error bits in the high byte
        template<class V>
        constexpr void fields(V& v) {
            v("ier", ier);
            v("fcr", fcr);
            v("lcr", lcr);
            v("mcr", mcr);
            v("msr", msr);
            v("scr", scr);
            v("divisor", divisor);
            v("line_errors", line_errors);
            v("thre_pending", thre_pending);
            v("timeout_pending", timeout_pending);
            v("shifting", shifting);
            v("shift_register", shift_register);
            v("shift_end", shift_end);
            v("transmit", transmit);
            v("receive", receive);
        }
    };
    [[nodiscard]] std::string_view state_name() const override { return config_.port.name; }
    [[nodiscard]] StateNode save_state() const override { return save_value(state_); }
    Result<Install> load_state(const StateNode& node) override;

    /// The input clock; the divisor makes 16 times the bit rate of it.
    static constexpr u64 kCrystalHz = 1'843'200;
    static constexpr size_t kFifoBytes = 16;

  private:
    Uart16550(Scheduler& scheduler, Log& log, Line irq, std::unique_ptr<CharBackend> backend,
              const Config& config);

    [[nodiscard]] bool fifo_on() const { return state_.fcr & 1; }
    [[nodiscard]] bool loop() const;
    [[nodiscard]] u64 character_ticks() const;
    [[nodiscard]] u8 data_mask() const;
    [[nodiscard]] size_t trigger_level() const;
    [[nodiscard]] size_t capacity() const { return fifo_on() ? kFifoBytes : 1; }

    u8 read_buffer();
    void write_holding(u8 byte);
    void write_ier(u8 value);
    void write_fcr(u8 value);
    void write_lcr(u8 value);
    void write_mcr(u8 value);
    u8 read_iir();
    u8 read_lsr();
    [[nodiscard]] u8 pending_interrupt() const;
    void update_irq();
    void update_modem_lines();

    void load_shift_register(u64 start_tick);
    void shifted_out();
    void emit(u8 byte);
    void receive(u8 byte, u8 errors);
    void reveal_errors();
    void start_reception();
    void reception_due();
    void restart_timeout();

    Scheduler& scheduler_;
    Log& log_;
    Line irq_;
    std::unique_ptr<CharBackend> backend_;
    Config config_;
    Scheduler::EventId transmit_event_;
    Scheduler::EventId receive_event_;
    Scheduler::EventId timeout_event_;
    State state_;
    std::vector<PortClaim> claims_;
};

}  // namespace gnomon
