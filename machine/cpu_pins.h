// The pins of the processors: the board's side, which exists before they do, and what local APICs drive.
#pragma once

#include <functional>
#include <vector>

#include "cpu/apic/local_apic.h"
#include "cpu/cpu.h"
#include "support/line.h"

namespace gnomon {

/// What local APICs (or, without them, the board) drive; tells when that ends a processor's sleep.
class ProcessorPins final : public LineSink {
  public:
    explicit ProcessorPins(std::function<void()> woken) : woken_(std::move(woken)) {}
    void connect(Cpu& cpu) { cpu_ = &cpu; }
    [[nodiscard]] Line pin(CpuPin pin) { return {*this, static_cast<unsigned>(pin)}; }
    void set_line(unsigned pin, bool level) override {
        if (!cpu_) return;
        const bool slept = !cpu_->can_run();
        cpu_->set_line(pin, level);
        if (slept && cpu_->can_run()) woken_();
    }

  private:
    std::function<void()> woken_;
    Cpu* cpu_ = nullptr;
};

/// The board's wires: INTR goes to the bootstrap processor (LINT0, where it has a local APIC), NMI to all (LINT1).
class CpuPins final : public LineSink {
  public:
    /// In the order of the processors; `apic` is null for models without one.
    void connect(ProcessorPins& pins, LocalApic* apic) { ends_.push_back({&pins, apic}); }
    [[nodiscard]] Line pin(CpuPin pin) { return {*this, static_cast<unsigned>(pin)}; }
    void set_line(unsigned pin, bool level) override {
        for (const End& end : ends_) {
            if (pin == static_cast<unsigned>(CpuPin::Nmi) && end.apic)
                end.apic->set_line(LocalApic::kLint1, level);
            else if (pin == static_cast<unsigned>(CpuPin::Intr) && end.apic)
                end.apic->set_line(LocalApic::kLint0, level);
            else
                end.pins->set_line(pin, level);
            if (pin != static_cast<unsigned>(CpuPin::Nmi)) return;
        }
    }

  private:
    struct End {
        ProcessorPins* pins;
        LocalApic* apic;
    };
    std::vector<End> ends_;
};

}  // namespace gnomon
