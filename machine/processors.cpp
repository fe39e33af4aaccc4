// The processors of a machine: construction, their turns, INIT and startup. Intel MultiProcessor Specification 1.4,
// appendix B; SDM Vol. 3, "Multiple-Processor (MP) Initialization".
#include "cpu/monitor_unit.h"
#include "machine/machine.h"

namespace gnomon {
namespace {

// Registers of the local APIC. SDM Vol. 3, "Local APIC Register Address Map".
constexpr u64 kApicSpurious = 0xf0;
constexpr u64 kApicLint0 = 0x350;
constexpr u32 kApicEnabled = 1 << 8;
constexpr u32 kApicExtInt = 7 << 8;

Mmu::Shadow shadow_of(ShadowChoice choice) {
    switch (choice) {
        case ShadowChoice::Off: return Mmu::Shadow::Off;
        case ShadowChoice::Verify: return Mmu::Shadow::Verify;
        case ShadowChoice::On: break;
    }
    return Mmu::Shadow::On;
}

}  // namespace

/// The state of a processor as a part of the snapshot.
class Machine::CpuPart final : public StatePart {
  public:
    CpuPart(Cpu& cpu, unsigned number) : cpu_(cpu), name_(fmt::format("cpu{}", number)) {}
    [[nodiscard]] std::string_view state_name() const override { return name_; }
    [[nodiscard]] StateNode save_state() const override { return save_value(cpu_.architectural_state()); }
    Result<Install> load_state(const StateNode& node) override {
        return prepare_state<CpuState>(
            node, [this](const CpuState& state) { cpu_.set_architectural_state(state); });
    }

  private:
    Cpu& cpu_;
    std::string name_;
};

/// How long it waits, where MWAIT's kin gave a time.
class Machine::MonitorPart final : public StatePart {
  public:
    MonitorPart(MonitorUnit& unit, unsigned number) : unit_(unit), name_(fmt::format("monitor{}", number)) {}
    [[nodiscard]] std::string_view state_name() const override { return name_; }
    [[nodiscard]] StateNode save_state() const override { return save_value(unit_.timing()); }
    Result<Install> load_state(const StateNode& node) override {
        return prepare_state<MonitorUnit::Timing>(node, [this](const MonitorUnit::Timing& timing) { unit_.set_timing(timing); });
    }

  private:
    MonitorUnit& unit_;
    std::string name_;
};

/// Whose turn is next.
class Machine::TurnPart final : public StatePart {
  public:
    explicit TurnPart(Machine& machine) : machine_(machine) {}
    struct State {
        u64 next = 0;
        template<class V>
        constexpr void fields(V& v) {
            v("next", next);
        }
    };
    [[nodiscard]] std::string_view state_name() const override { return "processors"; }
    [[nodiscard]] StateNode save_state() const override { return save_value(State{machine_.next_cpu_}); }
    Result<Install> load_state(const StateNode& node) override {
        return prepare_state<State>(node, [this](const State& state) {
            machine_.next_cpu_ = static_cast<size_t>(state.next % machine_.cpus_.size());
        });
    }

  private:
    Machine& machine_;
};

Machine::Processor::Processor() = default;
Machine::Processor::Processor(Processor&&) noexcept = default;
Machine::Processor::~Processor() = default;

void Machine::build_processors() {
    const bool has_apic = model_.features.has(Feature::APIC);
    for (unsigned i = 0; i < config_.cpu.count; i++) {
        Processor processor;
        processor.pins = std::make_unique<ProcessorPins>([this] {
            // Whoever runs, perhaps alone and for long, makes room.
            if (running_) running_->shorten_budget(0);
        });
        if (has_apic) {
            LocalApic::Wires wires;
            wires.intr = processor.pins->pin(CpuPin::Intr);
            wires.nmi = processor.pins->pin(CpuPin::Nmi);
            wires.pic = i == 0 ? pic_.get() : nullptr;
            wires.attention = [this] {
                if (running_) running_->request_stop();
            };
            wires.page_changed = [this, i](GuestPhys page, bool mapped) {
                if (i < processors_.size() && processors_[i].cpu) place_apic(i, page, mapped);
            };
            LocalApic::Config config;
            config.id = i;
            config.bootstrap = i == 0;
            config.x2apic = model_.features.has(Feature::X2APIC);
            config.tsc_deadline = model_.features.has(Feature::TSC_DEADLINE);
            config.physical_bits = model_.physical_bits;
            processor.apic = std::make_unique<LocalApic>(apic_bus_, scheduler_, log_, std::move(wires), config);
        }
        InterruptController& controller =
            processor.apic ? static_cast<InterruptController&>(*processor.apic) : *pic_;
        processor.cpu = std::make_unique<Cpu>(model_, *memory_, ports_, clock_, controller, log_,
                                              shadow_of(config_.memory.shadow));
        processor.cpu->apic = processor.apic.get();
        processor.pins->connect(*processor.cpu);
        processor.cpu->monitor_unit().on_wake([this] {
            if (running_) running_->shorten_budget(0);
        });
        const Scheduler::EventId deadline =
            scheduler_.add_event(fmt::format("cpu{}.wait", i), [cpu = processor.cpu.get()](const Scheduler::Due&) { end_timed_wait(*cpu); });
        processor.cpu->monitor_unit().on_deadline([this, deadline](u64 ns) { scheduler_.schedule(deadline, ns); });
        processor.part = std::make_unique<CpuPart>(*processor.cpu, i);
        processor.monitor_part = std::make_unique<MonitorPart>(processor.cpu->monitor_unit(), i);
        pins_.connect(*processor.pins, processor.apic.get());
        processors_.push_back(std::move(processor));
        cpus_.push_back(processors_.back().cpu.get());
        if (has_apic) place_apic(i, GuestPhys(ApicBus::kMessageBase), true);
    }
    turn_part_ = std::make_unique<TurnPart>(*this);
    reset_processors();
    for (size_t i = 0; i < cpus_.size(); i++) cpus_[i]->state.random = config_.cpu.seed + i;
}

void Machine::place_apic(unsigned index, GuestPhys page, bool mapped) {
    Processor& processor = processors_[index];
    processor.cpu->mmu().set_private_page(page, mapped ? processor.apic.get() : nullptr);
}

void Machine::reset_processors() {
    for (Processor& processor : processors_) {
        if (processor.apic) processor.apic->reset();
        processor.cpu->reset();
        if (processor.apic && !processor.apic->bootstrap()) processor.cpu->state.activity = Activity::WaitForSipi;
        // Its BIOS enables the local APIC, leaves LINT0 masked, and still counts on the 8259: it finds the virtual wire
        // of the MultiProcessor Specification ("Virtual Wire Mode") at power-on.
        if (processor.apic && processor.apic->bootstrap() && config_.firmware.power_on == PowerOnChoice::Bochs) {
            processor.apic->mmio_write(kApicSpurious, 4, kApicEnabled | 0xff);
            processor.apic->mmio_write(kApicLint0, 4, kApicExtInt);
        }
    }
    next_cpu_ = 0;
}

void Machine::init_processor(Processor& processor) {
    processor.cpu->init();
    if (!processor.apic) return;
    processor.apic->init();
    if (!processor.apic->bootstrap()) processor.cpu->state.activity = Activity::WaitForSipi;
}

void Machine::init_processors() {
    for (Processor& processor : processors_) init_processor(processor);
}

void Machine::take_messages() {
    for (Processor& processor : processors_) {
        if (!processor.apic || !processor.apic->wants_attention()) continue;
        if (processor.apic->take_init()) init_processor(processor);
        if (const std::optional<u8> vector = processor.apic->take_startup()) processor.cpu->startup(*vector);
    }
}

Cpu* Machine::choose_cpu() {
    take_messages();
    unsigned active = 0;
    Cpu* chosen = nullptr;
    size_t place = 0;
    for (size_t i = 0; i < cpus_.size(); i++) {
        const size_t at = (next_cpu_ + i) % cpus_.size();
        if (!cpus_[at]->can_run() || (!standing_.empty() && standing_[at])) continue;
        if (active++ == 0) {
            chosen = cpus_[at];
            place = at;
        }
    }
    active_cpus_ = active;
    if (!chosen) return nullptr;
    clock_.share_among(active);
    next_cpu_ = (place + 1) % cpus_.size();
    return chosen;
}

void Machine::keep_turn(const Cpu& cpu) {
    next_cpu_ = static_cast<size_t>(std::find(cpus_.begin(), cpus_.end(), &cpu) - cpus_.begin());
}

StopReason Machine::run_cpu(Cpu& cpu, u64 instructions) {
    running_ = &cpu;
    const StopReason reason = cpu.run(instructions);
    running_ = nullptr;
    return reason;
}

bool Machine::halted_for_good() const {
    return std::all_of(cpus_.begin(), cpus_.end(), [](const Cpu* cpu) { return cpu->halted_for_good(); });
}

void Machine::stop_running() {
    if (running_) running_->request_stop();
}

void Machine::deadline_moved() {
    if (!running_) return;
    running_->sync_clock();
    if (clock_.mode() == ClockMode::Deterministic)
        running_->shorten_budget(clock_.instructions_until(scheduler_.next_deadline()));
    else
        running_->shorten_budget(0);
}

}  // namespace gnomon
