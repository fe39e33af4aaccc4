// An I/O APIC with 24 inputs. Intel 82093AA datasheet (290566); the EOI register (version 20h) as in the ICH
// datasheets, "I/O APIC".
#pragma once

#include <array>
#include <memory>
#include <string>

#include "memory/io_space.h"
#include "support/interrupt_message.h"
#include "support/line.h"
#include "support/state.h"

namespace gnomon {

/// Inputs 0–23 are the sink pins 0–23; several sources may share one: each gets its own line by add_source() and
/// the input is their OR. Lines say asserted or not, whatever the voltage: the polarity bit of an entry is kept, but
/// a wrong one does no harm.
class IoApic final : public MmioIo, public LineSink, public EndOfInterruptListener, public StatePart {
  public:
    static constexpr unsigned kInputs = 24;
    static constexpr u64 kBase = 0xfec00000;
    static constexpr u64 kBytes = 0x1000;

    explicit IoApic(InterruptBus& bus, u8 id = 0);

    /// One more source of `input`; at most 32. While the machine is built.
    [[nodiscard]] Line add_source(unsigned input);
    void reset();

    void set_line(unsigned pin, bool asserted) override;
    void end_of_interrupt(u8 vector) override;
    u64 mmio_read(u64 offset, unsigned size) override;
    void mmio_write(u64 offset, unsigned size, u64 value) override;

    struct State {
        u8 select = 0;
        u8 id = 0;
        std::array<u64, kInputs> entries{};
        std::array<u32, kInputs> sources{};  ///< for every input the sources that assert it
        u32 requests = 0;                    ///< edges that wait to be sent
        template<class V>
        constexpr void fields(V& v) {
            v("select", select);
            v("id", id);
            v("entries", entries);
            v("sources", sources);
            v("requests", requests);
        }
    };
    [[nodiscard]] const State& state() const { return state_; }
    /// Text for `info ioapic`.
    [[nodiscard]] std::string describe() const;

    [[nodiscard]] std::string_view state_name() const override { return "ioapic"; }
    [[nodiscard]] StateNode save_state() const override { return save_value(state_); }
    Result<Install> load_state(const StateNode& node) override;

  private:
    [[nodiscard]] u32 read_register() const;
    void write_register(u32 value);
    void service(unsigned input);

    InterruptBus& bus_;
    u8 first_id_;
    State state_;
    std::array<u8, kInputs> source_counts_{};
};

}  // namespace gnomon
