// Construction of a machine, its resets, and its exchange with the host.
#include "machine/machine.h"

#include <algorithm>
#include <bit>

namespace gnomon {
namespace {

ClockMode choose_clock(ClockChoice choice, bool attended) {
    if (choice == ClockChoice::Automatic) return attended ? ClockMode::Realtime : ClockMode::Deterministic;
    return choice == ClockChoice::Realtime ? ClockMode::Realtime : ClockMode::Deterministic;
}

Mmu::Shadow shadow_of(ShadowChoice choice) {
    switch (choice) {
        case ShadowChoice::Off: return Mmu::Shadow::Off;
        case ShadowChoice::Verify: return Mmu::Shadow::Verify;
        case ShadowChoice::On: break;
    }
    return Mmu::Shadow::On;
}

MouseKind mouse_of(MouseChoice choice) {
    switch (choice) {
        case MouseChoice::Standard: return MouseKind::Standard;
        case MouseChoice::Wheel: return MouseKind::Wheel;
        case MouseChoice::None:
        case MouseChoice::Explorer: break;
    }
    return MouseKind::Explorer;
}

/// Takes the value out of a Result, or hands its error on.
template<class T>
Result<void> keep(Result<T>&& made, T& place) {
    if (!made) return made.error();
    place = std::move(*made);
    return {};
}

/// The processor as a part with state.
class CpuPart final : public StatePart {
  public:
    explicit CpuPart(Cpu& cpu) : cpu_(cpu) {}
    [[nodiscard]] std::string_view state_name() const override { return "cpu0"; }
    [[nodiscard]] StateNode save_state() const override { return save_value(cpu_.architectural_state()); }
    Result<Install> load_state(const StateNode& node) override {
        return prepare_state<CpuState>(
            node, [this](const CpuState& state) { cpu_.set_architectural_state(state); });
    }

  private:
    Cpu& cpu_;
};

}  // namespace

Machine::Machine(const Config& config, HostEnvironment host, ClockMode mode, CpuModel model)
    : config_(config),
      host_(std::move(host)),
      log_(host_.log),
      clock_(mode, config.clock.ips),
      scheduler_(clock_),
      ports_(log_),
      model_(std::move(model)) {}

Machine::~Machine() = default;

Result<std::unique_ptr<Machine>> Machine::create(const Config& config, HostEnvironment host) {
    Result<CpuModel> model =
        config.cpu.model.empty() ? Result<CpuModel>(default_model()) : parse_model(config.cpu.model);
    if (!model) return model.error().in("cpu.model");
    if (config.cpu.count != 1)
        return fail("cpu.count: {} processors are not possible in this version; accepted is 1",
                    config.cpu.count);
    const ClockMode mode = choose_clock(config.clock.mode, host.attended);
    if (!host.open_backend)
        host.open_backend = [](std::string_view part, std::string_view spec, Log& log,
                               CharBackendOptions options) {
            return open_char_backend(part, spec, log, std::move(options));
        };
    std::unique_ptr<Machine> machine(new Machine(config, std::move(host), mode, std::move(*model)));
    if (Result<void> built = machine->build(); !built) return built.error();
    return machine;
}

Result<void> Machine::build() {
    if (Result<void> set = log_.configure(config_.log.level); !set) return set.error().in("log.level");
    for (auto step : {&Machine::build_board, &Machine::build_storage, &Machine::build_character_devices,
                      &Machine::load_roms, &Machine::set_rtc})
        if (Result<void> done = (this->*step)(); !done) return done;
    fill_cmos();
    list_parts();
    scheduler_.on_earlier_deadline([this] {
        cpu_->sync_clock();
        if (clock_.mode() == ClockMode::Deterministic)
            cpu_->shorten_budget(clock_.instructions_until(scheduler_.next_deadline()));
        else
            cpu_->shorten_budget(0);
    });
    return {};
}

Result<void> Machine::build_board() {
    if (!std::has_single_bit(config_.video.memory))
        return fail("video.memory: {} KiB; accepted are powers of two", config_.video.memory >> 10);
    if (Result<void> made = keep(PhysicalMap::create(config_.memory.size, log_,
                                                     config_.video.memory + VideoMemory::kWindowSize),
                                 memory_);
        !made)
        return made.error().in("memory.size");
    if (Result<void> made = keep(Pic::create(ports_, pins_.pin(CpuPin::Intr)), pic_); !made) return made;
    cpu_ = std::make_unique<Cpu>(model_, *memory_, ports_, clock_, *pic_, log_,
                                 shadow_of(config_.memory.shadow));
    pins_.connect(*cpu_);
    if (Result<void> made = keep(CoprocessorError::create(ports_, pic_->input(13), pins_.pin(CpuPin::Ignne)),
                                 coprocessor_error_);
        !made)
        return made;
    cpu_->ferr = coprocessor_error_->ferr();
    if (Result<void> made = keep(Pit::create(ports_, scheduler_, pic_->input(0)), pit_); !made) return made;
    if (Result<void> made = keep(Port61::create(ports_, *pit_, pins_.pin(CpuPin::Nmi)), port61_); !made)
        return made;
    if (Result<void> made = keep(IsaDma::create(ports_, *memory_), dma_); !made) return made;

    const auto pam = [this](u32 address, u32 size, bool read_ram, bool write_ram) {
        memory_->set_window(GuestPhys(address), size, read_ram, write_ram);
    };
    const auto smram = [this](bool, bool open, bool) { memory_->set_smram(open); };
    if (Result<void> made =
            keep(HostBridge::create(ports_, pci_, memory_->low_ram(), pam, smram), host_bridge_);
        !made)
        return made;
    Piix3::Wires wires;
    for (unsigned irq : {3u, 4u, 5u, 6u, 7u, 9u, 10u, 11u, 12u, 14u, 15u})
        wires.irqs[irq] = pic_->add_source(irq);
    wires.a20 = [this](bool enabled) { memory_->set_a20(enabled); };
    wires.reset = [this](ResetKind kind) { request_reset(kind); };
    if (Result<void> made = keep(Piix3::create(ports_, pci_, std::move(wires)), piix3_); !made) return made;
    host_bridge_->pass_on_to(piix3_.get());
    if (Result<void> made = keep(
            Piix4Pm::create(ports_, pci_, scheduler_, log_, {pic_->add_source(9), [this] { end(0, {}); }}),
            power_);
        !made)
        return made;
    if (Result<void> made = keep(Rtc::create(ports_, scheduler_,
                                             {pic_->input(8), port61_->input(Port61::Pin::NmiMask),
                                              [this] { power_->rtc_alarm(); }}),
                                 rtc_);
        !made)
        return made;

    I8042::Wiring wiring;
    wiring.keyboard_irq = pic_->input(1);
    wiring.mouse_irq = pic_->add_source(12);
    wiring.a20 = piix3_->a20_gate();
    wiring.reset_cpu = [this] { request_reset(ResetKind::Cpu); };
    I8042::Config keyboard;
    keyboard.mouse = config_.input.mouse != MouseChoice::None;
    keyboard.mouse_kind = mouse_of(config_.input.mouse);
    if (Result<void> made =
            keep(I8042::create(ports_, scheduler_, log_, std::move(wiring), keyboard), keyboard_);
        !made)
        return made;
    typing_event_ = scheduler_.add_event("machine.typing", [this](const Scheduler::Due&) {
        if (Result<void> typed = keyboard_->type_text(config_.input.type); !typed)
            log_.warning("machine", "input.type: {}", typed.error().message);
    });
    strike_event_ = scheduler_.add_event("machine.strike", [this](const Scheduler::Due&) { end_strike(); });
    if (!config_.input.type.empty()) scheduler_.schedule(typing_event_, config_.input.type_after * 1'000'000);

    if (Result<void> made = keep(Vga::create(ports_, clock_, *memory_, log_), vga_); !made) return made;
    return keep(FwCfg::create(ports_, *memory_, log_), fw_cfg_);
}

Result<std::unique_ptr<CharBackend>> Machine::open_backend(const std::string& key, const std::string& spec,
                                                           bool input) {
    CharBackendOptions options;
    options.input = input;
    options.quit = [this] { end(0, {}); };
    return host_.open_backend(key, spec, log_, std::move(options));
}

Result<void> Machine::build_character_devices() {
    for (unsigned i = 0; i < config_.serial.size(); i++) {
        const Config::Serial& wanted = config_.serial[i];
        if (!wanted.present && wanted.to == "none") continue;
        Result<std::unique_ptr<CharBackend>> backend =
            open_backend(fmt::format("serial.{}", i + 1), wanted.to, true);
        if (!backend) return backend.error();
        Uart16550::Config config;
        config.port = kComPorts[i];
        config.type = static_cast<UartType>(wanted.type);
        config.character_times = wanted.character_times;
        auto uart = Uart16550::create(ports_, scheduler_, log_, pic_->add_source(kComPorts[i].irq),
                                      std::move(*backend), config);
        if (!uart) return uart.error();
        uarts_.push_back(std::move(*uart));
    }
    for (unsigned i = 0; i < config_.parallel.size(); i++) {
        const Config::Parallel& wanted = config_.parallel[i];
        if (!wanted.present && wanted.to == "none") continue;
        Result<std::unique_ptr<CharBackend>> backend =
            open_backend(fmt::format("parallel.{}", i + 1), wanted.to, false);
        if (!backend) return backend.error();
        ParallelPort::Config config;
        config.port = kLptPorts[i];
        auto port = ParallelPort::create(ports_, scheduler_, log_, pic_->add_source(kLptPorts[i].irq),
                                         std::move(*backend), config);
        if (!port) return port.error();
        printers_.push_back(std::move(*port));
    }
    const std::array<std::pair<u16, const std::string*>, 2> consoles{
        {{DebugConsole::kPort, &config_.debug.console},
         {DebugConsole::kFirmwarePort, &config_.debug.firmware}}};
    for (const auto& [port, spec] : consoles) {
        if (*spec == "none") continue;
        Result<std::unique_ptr<CharBackend>> backend =
            open_backend(port == DebugConsole::kPort ? "debug.console" : "debug.firmware", *spec, false);
        if (!backend) return backend.error();
        console_backends_.push_back(std::move(*backend));
        auto console = DebugConsole::create(ports_, port, *console_backends_.back());
        if (!console) return console.error();
        consoles_.push_back(std::move(*console));
    }
    if (config_.debug.exit_port != 0) {
        const DebugExit::Config config{static_cast<u16>(config_.debug.exit_port),
                                       static_cast<u8>(config_.debug.exit_size)};
        const auto exit = [this](u32 status) { end(static_cast<int>(status & 0xff), {}); };
        if (Result<void> made = keep(DebugExit::create(ports_, config, exit), debug_exit_); !made)
            return made.error().in("debug.exit_port");
    }
    if (config_.debug.shutdown_port)
        return keep(ShutdownPort::create(ports_, [this] { end(0, {}); }), shutdown_port_);
    return {};
}

void Machine::list_parts() {
    cpu_part_ = std::make_unique<CpuPart>(*cpu_);
    parts_ = {&scheduler_,   pic_.get(),      coprocessor_error_.get(),
              pit_.get(),    port61_.get(),   dma_.get(),
              rtc_.get(),    keyboard_.get(), vga_.get(),      vga_pci_.get(),
              fw_cfg_.get(), floppy_.get(),   ide_.get(),
              power_.get(),  piix3_.get(),    host_bridge_.get()};
    for (unsigned channel = 0; channel < 2; channel++) {
        parts_.push_back(&ide_->channel(channel));
        for (unsigned unit = 0; unit < 2; unit++)
            if (IdeDevice* device = ide_->channel(channel).device(unit)) parts_.push_back(device);
    }
    // In an order that does not depend on when media were changed.
    std::sort(overlays_.begin(), overlays_.end(),
              [](const auto* a, const auto* b) { return a->state_name() < b->state_name(); });
    for (OverlayImage* overlay : overlays_) parts_.push_back(overlay);
    for (const auto& uart : uarts_) parts_.push_back(uart.get());
    for (const auto& printer : printers_) parts_.push_back(printer.get());
    if (shutdown_port_) parts_.push_back(shutdown_port_.get());
    parts_.push_back(cpu_part_.get());
}

std::string Machine::fingerprint() {
    std::string text = fmt::format(
        "cpu.model = {}\nmemory.size = {}M\nvideo.memory = {}M\nclock.mode = {}\nclock.ips = {}\nfirmware.bios = {:08x}\n",
        config_.cpu.model.empty() ? model_.name : std::string_view(config_.cpu.model),
        memory_->ram_size() >> 20, vga_->memory().size() >> 20, clock_.mode() == ClockMode::Deterministic ? "deterministic" : "realtime",
        config_.clock.ips, bios_checksum_);
    for (unsigned i = 0; i < 2; i++)
        text += fmt::format("floppy.{} = {} with {} sectors\n", i == 0 ? 'a' : 'b',
                            floppy_drive_name(floppy_->drive(i).type()),
                            floppy_->drive(i).has_disk() ? floppy_->drive(i).image()->sectors() : 0);
    for (unsigned i = 0; i < 4; i++) {
        if (disks_[i]) text += fmt::format("disk.{} = {} sectors\n", i, disks_[i]->image().sectors());
        if (cdroms_[i])
            text += fmt::format("cdrom.{} {}\n", i, cdroms_[i]->has_disc() ? "with a disc" : "empty");
    }
    for (const StatePart* part : parts_) text += fmt::format("part {}\n", part->state_name());
    return text;
}

void Machine::poll_host() {
    for (const auto& uart : uarts_) uart->poll_input();
    for (const auto& printer : printers_) printer->poll();
    for (const auto& backend : console_backends_) backend->poll();
}

void Machine::end(int status, std::string reason) {
    if (!end_) end_ = RunEnd{status, std::move(reason)};
    cpu_->request_stop();
}

void Machine::pause() {
    if (!end_) end_ = RunEnd{0, {}, true};
    cpu_->request_stop();
}

void Machine::request_reset(ResetKind kind) {
    if (!reset_ || kind == ResetKind::System) reset_ = kind;
    cpu_->request_stop();
}

bool Machine::perform_reset() {
    if (!reset_) return false;
    const ResetKind kind = *std::exchange(reset_, std::nullopt);
    if (kind == ResetKind::System) {
        reset_devices();
        cpu_->reset();
    } else {
        cpu_->init();
    }
    reset_.reset();
    resets_++;
    return true;
}

void Machine::reset_devices() {
    pic_->reset();
    coprocessor_error_->reset();
    pit_->reset();
    port61_->reset();
    dma_->reset();
    host_bridge_->reset();
    piix3_->reset();
    power_->reset();
    rtc_->reset();
    keyboard_->reset();
    vga_->reset();
    vga_pci_->reset();
    fw_cfg_->reset();
    floppy_->reset();
    ide_->reset();
    for (const auto& uart : uarts_) uart->reset();
    for (const auto& printer : printers_) printer->reset();
    if (shutdown_port_) shutdown_port_->reset();
}

void Machine::strike(std::vector<Key> keys, u64 hold_ns) {
    strikes_.push_back({std::move(keys), hold_ns});
    if (strikes_.size() == 1) begin_strike();
}

void Machine::begin_strike() {
    for (const Key key : strikes_.front().keys) keyboard_->press(key);
    scheduler_.schedule(strike_event_, scheduler_.now() + strikes_.front().hold_ns);
}

void Machine::end_strike() {
    if (strikes_.empty()) {
        // The keys went down before the snapshot that this state comes from.
        keyboard_->release_all();
        return;
    }
    const std::vector<Key> keys = std::move(strikes_.front().keys);
    strikes_.pop_front();
    for (auto key = keys.rbegin(); key != keys.rend(); ++key) keyboard_->release(*key);
    if (!strikes_.empty()) begin_strike();
}

void Machine::press_power_button() {
    if (!power_->press_power_button()) end(0, {});
}

}  // namespace gnomon
