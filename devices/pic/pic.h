// The pair of 8259A interrupt controllers of a PC/AT, with the edge/level registers of EISA and PIIX.
// Intel 8259A datasheet (231468); 82371SB (PIIX3) datasheet, "Interrupt Controller Registers", ELCR1 and
// ELCR2.
#pragma once

#include <array>
#include <memory>
#include <vector>

#include "devices/port_bus.h"
#include "support/line.h"
#include "support/state.h"

namespace gnomon {

/// Inputs 0–15 are the sink pins 0–15. Several sources may share an input: each gets its own line by
/// add_source() and the input is their OR. As on the chip a request must last until it is acknowledged: a
/// line that is pulsed low before then is a spurious interrupt (vector 7 or 15), so devices hold their line.
class Pic final : public PortIo, public LineSink, public InterruptController, public StatePart {
  public:
    static constexpr unsigned kInputs = 16;

    /// `intr` is the processor's INTR pin.
    static Result<std::unique_ptr<Pic>> create(PortBus& ports, Line intr);

    /// One more source of `input` (0–15, not 2); at most 31 besides the plain pin. Call it while the machine
    /// is built.
    [[nodiscard]] Line add_source(unsigned input);
    /// The plain pin, for inputs with one source.
    [[nodiscard]] Line input(unsigned input) { return {*this, input}; }

    void reset();

    void set_line(unsigned pin, bool level) override;
    u8 acknowledge() override;

    u32 port_read(u16 port, unsigned size) override;
    void port_write(u16 port, unsigned size, u32 value) override;

    struct Chip {
        u8 lines = 0;  ///< levels of the inputs
        u8 edges = 0;  ///< rising edges not yet acknowledged
        u8 imr = 0;
        u8 isr = 0;
        u8 elcr = 0;
        u8 icw1 = 0;
        u8 icw2 = 0;
        u8 icw3 = 0;
        u8 icw4 = 0;
        u8 next_icw = 0;  ///< which of ICW2–ICW4 comes next; 0: initialised; 1: never initialised
        u8 lowest = 7;    ///< the input of lowest priority
        bool rotate_on_aeoi = false;
        bool special_mask = false;
        bool poll = false;
        bool read_isr = false;
        bool output = false;
        template<class V>
        constexpr void fields(V& v) {
            v("lines", lines);
            v("edges", edges);
            v("imr", imr);
            v("isr", isr);
            v("elcr", elcr);
            v("icw1", icw1);
            v("icw2", icw2);
            v("icw3", icw3);
            v("icw4", icw4);
            v("next_icw", next_icw);
            v("lowest", lowest);
            v("rotate_on_aeoi", rotate_on_aeoi);
            v("special_mask", special_mask);
            v("poll", poll);
            v("read_isr", read_isr);
            v("output", output);
        }
        [[nodiscard]] u8 irr() const;
    };
    struct State {
        std::array<Chip, 2> chips;           ///< master, slave
        std::array<u32, kInputs> sources{};  ///< for every input the sources that assert it
        template<class V>
        constexpr void fields(V& v) {
            v("chips", chips);
            v("sources", sources);
        }
    };
    [[nodiscard]] const State& state() const { return state_; }

    [[nodiscard]] std::string_view state_name() const override { return "pic"; }
    [[nodiscard]] StateNode save_state() const override { return save_value(state_); }
    Result<Install> load_state(const StateNode& node) override;

  private:
    explicit Pic(Line intr) : intr_(intr) { reset(); }

    [[nodiscard]] bool is_master(const Chip& chip) const { return &chip == &state_.chips[0]; }
    void set_input(Chip& chip, unsigned input, bool level);
    void update(Chip& chip);
    [[nodiscard]] int deliverable(const Chip& chip) const;
    [[nodiscard]] int highest_in_service(const Chip& chip) const;
    void take(Chip& chip, unsigned input);
    u8 interrupt_byte(Chip& chip, unsigned input) const;
    void end_of_interrupt(Chip& chip, int input, bool rotate);
    void write_command(Chip& chip, u8 value);
    void write_ocw2(Chip& chip, u8 value);
    void write_data(Chip& chip, u8 value);
    u8 read(Chip& chip, bool data);

    Line intr_;
    State state_;
    std::array<u8, kInputs> source_counts_{};
    std::vector<PortClaim> claims_;
};

}  // namespace gnomon
