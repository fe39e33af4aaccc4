// The board's side of the processor's pins: lines that exist before the processor does.
#pragma once

#include "cpu/cpu.h"
#include "support/line.h"

namespace gnomon {

class CpuPins final : public LineSink {
  public:
    void connect(Cpu& cpu) { cpu_ = &cpu; }
    [[nodiscard]] Line pin(CpuPin pin) { return {*this, static_cast<unsigned>(pin)}; }
    void set_line(unsigned pin, bool level) override {
        if (cpu_) cpu_->set_line(pin, level);
    }

  private:
    Cpu* cpu_ = nullptr;
};

}  // namespace gnomon
