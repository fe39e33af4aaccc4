// Port 61h, the NMI status and control register: gate and output of the speaker's counter, refresh toggle,
// and the two classic sources of NMI. 82371SB (PIIX3) datasheet, "NMISC—NMI Status and Control Register".
#pragma once

#include <functional>
#include <memory>
#include <vector>

#include "devices/pit/pit.h"

namespace gnomon {

class Port61 final : public PortIo, public LineSink, public StatePart {
  public:
    /// Inputs: IOCHK# and SERR# (asserted = true), and the mask that bit 7 of port 70h sets.
    enum class Pin : unsigned { IoCheck, SystemError, NmiMask };

    /// `nmi` is the processor's NMI pin.
    static Result<std::unique_ptr<Port61>> create(PortBus& ports, Pit& pit, Line nmi);

    void reset();
    [[nodiscard]] Line input(Pin pin) { return {*this, static_cast<unsigned>(pin)}; }
    void set_line(unsigned pin, bool level) override;

    /// Reports every change of the speaker's level with its own time; call Pit::run_tone() to get the latest.
    void on_speaker(std::function<void(u64 at_ns, bool level)> speaker);

    u32 port_read(u16 port, unsigned size) override;
    void port_write(u16 port, unsigned size, u32 value) override;

    struct State {
        u8 control = 0;      ///< bits 0–3 as written
        u8 nmi_sources = 0;  ///< bits 6 and 7
        bool nmi_masked = false;
        template<class V>
        constexpr void fields(V& v) {
            v("control", control);
            v("nmi_sources", nmi_sources);
            v("nmi_masked", nmi_masked);
        }
    };
    [[nodiscard]] std::string_view state_name() const override { return "port61"; }
    [[nodiscard]] StateNode save_state() const override { return save_value(state_); }
    Result<Install> load_state(const StateNode& node) override;

  private:
    Port61(Pit& pit, Line nmi) : pit_(pit), nmi_(nmi) {}
    void update_nmi() { nmi_.set(state_.nmi_sources && !state_.nmi_masked); }
    void speaker_may_change(u64 at_ns, bool tone);

    Pit& pit_;
    Line nmi_;
    State state_;
    std::function<void(u64, bool)> speaker_;
    bool last_level_ = false;
    std::vector<PortClaim> claims_;
};

}  // namespace gnomon
