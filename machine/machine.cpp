// Construction of a machine, its resets, and its exchange with the host.
#include "machine/machine.h"

#include <algorithm>
#include <bit>

#include "devices/keyboard/us_text.h"
#include "devices/sound/ac97/ac97.h"
#include "devices/sound/game_port/game_port.h"
#include "devices/sound/pc_speaker.h"
#include "devices/sound/sb16/sb16.h"

namespace gnomon {
namespace {

ClockMode choose_clock(ClockChoice choice, bool attended) {
    if (choice == ClockChoice::Automatic) return attended ? ClockMode::Realtime : ClockMode::Deterministic;
    return choice == ClockChoice::Realtime ? ClockMode::Realtime : ClockMode::Deterministic;
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

/// Firmware of others gets 40 address bits, as under QEMU, unless the RAM needs more: OVMF makes page tables for
/// every address that CPUID announces, and its 4 MiB images (whose PEI phase is 32-bit code, which makes no 1 GiB
/// pages) run out of memory with more.
Result<void> choose_physical_bits(const Config& config, CpuModel& model) {
    constexpr u64 kUsual = 40;
    if (const u64 bits = config.cpu.physical_bits; bits != 0) {
        if (bits < 32) return fail("cpu.physical_bits: {}; accepted are 0 and 32 to 52", bits);
        if (!model.features.has(Feature::NX) && !model.features.has(Feature::LongMode))
            return fail("cpu.physical_bits: '{}' has {}, and no CPUID leaf 80000008h that could announce another width", model.name,
                        model.physical_bits);
        model.physical_bits = static_cast<u8>(bits);
        return {};
    }
    if (config.firmware.bios.empty() && config.firmware.flash.empty()) return {};
    constexpr u64 kHole = u64{1} << 30;  // below 4 GiB
    const u64 needed = std::max<u64>(kUsual, std::bit_width(config.memory.size + kHole - 1));
    model.physical_bits = static_cast<u8>(std::min<u64>(model.physical_bits, needed));
    return {};
}

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
    if (config.cpu.count > 1 && !model->features.has(Feature::APIC))
        return fail("cpu.count: {} processors need a model with a local APIC, which '{}' has not; accepted is 1",
                    config.cpu.count, model->name);
    if (Result<void> chosen = choose_physical_bits(config, *model); !chosen) return chosen.error();
    if (model->several_cores()) model->cores = static_cast<u8>(config.cpu.count);
    if (config.input.pointer == PointerChoice::Vmware) {
        model->features.set(Feature::HYPERVISOR);
        model->hypervisor = "VMwareVMware";
    }
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
    for (auto step : {&Machine::build_board, &Machine::build_sound, &Machine::build_storage, &Machine::build_character_devices,
                      &Machine::load_roms, &Machine::set_rtc})
        if (Result<void> done = (this->*step)(); !done) return done;
    fill_cmos();
    list_parts();
    scheduler_.on_earlier_deadline([this] { deadline_moved(); });
    return {};
}

Result<void> Machine::build_board() {
    if (!std::has_single_bit(config_.video.memory))
        return fail("video.memory: {} KiB; accepted are powers of two", config_.video.memory >> 10);
    if (Result<void> read = keep(FirmwareImages::open(config_.firmware, config_.boot.snapshot), firmware_); !read)
        return read;
    if (Result<void> made = keep(PhysicalMap::create(config_.memory.size, log_,
                                                     config_.video.memory + VideoMemory::kWindowSize,
                                                     firmware_.flash_bytes()),
                                 memory_);
        !made)
        return made.error().in("memory.size");
    const u64 ram_end = memory_->high_ram() != 0 ? (u64{1} << 32) + memory_->high_ram() : memory_->low_ram();
    if ((ram_end - 1) >> model_.physical_bits)
        log_.warning("machine", "memory.size: the RAM ends at {:#x}; '{}' has {} address bits and cannot reach all of it", ram_end,
                     model_.name, model_.physical_bits);
    if (Result<void> made = keep(Pic::create(ports_, pins_.pin(CpuPin::Intr)), pic_); !made) return made;
    build_processors();
    if (Result<void> made = build_apic_devices(); !made) return made;
    if (Result<void> made = keep(CoprocessorError::create(ports_, isa_interrupts_->add_source(13), pins_.pin(CpuPin::Ignne)),
                                 coprocessor_error_);
        !made)
        return made;
    cpu().ferr = coprocessor_error_->ferr();
    if (Result<void> made = keep(Pit::create(ports_, scheduler_, hpet_ ? hpet_->input(Hpet::kPitInput) : isa_interrupts_->add_source(0)), pit_); !made) return made;
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
    // The chip's router ends at the 8259; PIRQA-D themselves are wired to the I/O APIC.
    if (ioapic_)
        for (unsigned pirq = 0; pirq < wires.pirqs.size(); pirq++)
            wires.pirqs[pirq] = ioapic_->add_source(16 + pirq);
    wires.a20 = [this](bool enabled) { memory_->set_a20(enabled); };
    wires.reset = [this](ResetKind kind) { request_reset(kind); };
    if (Result<void> made = keep(Piix3::create(ports_, pci_, std::move(wires)), piix3_); !made) return made;
    host_bridge_->pass_on_to(piix3_.get());
    if (Result<void> made = keep(
            Piix4Pm::create(ports_, pci_, scheduler_, log_, {isa_interrupts_->add_source(9), [this] { end(0, {}); }}),
            power_);
        !made)
        return made;
    if (Result<void> made = keep(Rtc::create(ports_, scheduler_,
                                             {hpet_ ? hpet_->input(Hpet::kRtcInput) : isa_interrupts_->add_source(8), port61_->input(Port61::Pin::NmiMask),
                                              [this] { power_->rtc_alarm(); }}),
                                 rtc_);
        !made)
        return made;

    I8042::Wiring wiring;
    wiring.keyboard_irq = isa_interrupts_->add_source(1);
    wiring.mouse_irq = isa_interrupts_->add_source(12);
    wiring.a20 = piix3_->a20_gate();
    wiring.reset_cpu = [this] { request_reset(ResetKind::Cpu); };
    I8042::Config keyboard;
    keyboard.mouse = config_.input.mouse != MouseChoice::None;
    keyboard.mouse_kind = mouse_of(config_.input.mouse);
    if (Result<void> made =
            keep(I8042::create(ports_, scheduler_, log_, std::move(wiring), keyboard), keyboard_);
        !made)
        return made;
    if (Result<void> made = build_pointer(); !made) return made;
    typing_event_ = scheduler_.add_event("machine.typing", [this](const Scheduler::Due&) {
        if (Result<void> typed = keyboard_->type_text(config_.input.type); !typed)
            log_.warning("machine", "input.type: {}", typed.error().message);
    });
    strike_event_ = scheduler_.add_event("machine.strike", [this](const Scheduler::Due&) { strike_due(); });
    if (!config_.input.type.empty()) scheduler_.schedule(typing_event_, config_.input.type_after * 1'000'000);

    if (Result<void> made = keep(Vga::create(ports_, clock_, *memory_, log_), vga_); !made) return made;
    return keep(FwCfg::create(ports_, *memory_, log_), fw_cfg_);
}

Result<void> Machine::build_apic_devices() {
    if (model_.features.has(Feature::APIC)) {
        ioapic_ = std::make_unique<IoApic>(apic_bus_);
        apic_bus_.add_listener(*ioapic_);
    }
    isa_interrupts_ = std::make_unique<IsaInterrupts>(*pic_, ioapic_.get());
    if (!ioapic_) return {};
    Hpet::Wires wires;
    wires.irq0 = isa_interrupts_->add_source(0);
    wires.irq8 = isa_interrupts_->add_source(8);
    for (auto& routes : wires.routes)
        for (unsigned i = 0; i < Hpet::kRoutes; i++) routes[i] = ioapic_->add_source(Hpet::kFirstRoute + i);
    wires.messages = &apic_bus_;
    hpet_ = std::make_unique<Hpet>(scheduler_, std::move(wires));
    struct Range {
        const char* name;
        u64 base, bytes;
        MmioIo& device;
    };
    for (const Range& range : {Range{"ioapic", IoApic::kBase, IoApic::kBytes, *ioapic_},
                               Range{"hpet", Hpet::kBase, Hpet::kBytes, *hpet_},
                               Range{"apic messages", ApicBus::kMessageBase, ApicBus::kMessageBytes, apic_bus_}}) {
        Result<PhysicalRegion> region = memory_->add_mmio(range.name, GuestPhys(range.base), range.bytes, range.device);
        if (!region) return region.error();
        regions_.push_back(std::move(*region));
    }
    return {};
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
        auto uart = Uart16550::create(ports_, scheduler_, log_, isa_interrupts_->add_source(kComPorts[i].irq),
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
        auto port = ParallelPort::create(ports_, scheduler_, log_, isa_interrupts_->add_source(kLptPorts[i].irq),
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
    if (flash_) parts_.push_back(flash_.get());
    if (pointer_) parts_.push_back(pointer_.get());
    if (shutdown_port_) parts_.push_back(shutdown_port_.get());
    list_sound_parts();
    if (ioapic_) parts_.push_back(ioapic_.get());
    if (hpet_) parts_.push_back(hpet_.get());
    parts_.push_back(turn_part_.get());
    for (const Processor& processor : processors_) {
        parts_.push_back(processor.part.get());
        parts_.push_back(processor.monitor_part.get());
        if (processor.apic) parts_.push_back(processor.apic.get());
    }
}

std::string Machine::fingerprint() {
    std::string text = fmt::format(
        "cpu.model = {}\ncpu.physical_bits = {}\ncpu.count = {}\ncpu.quantum = {}\nmemory.size = {}M\nvideo.memory = {}M\nclock.mode = {}\nclock.ips = {}\nfirmware.bios = {:08x}\n",
        config_.cpu.model.empty() ? model_.name : std::string_view(config_.cpu.model), model_.physical_bits,
        config_.cpu.count, config_.cpu.quantum,
        memory_->ram_size() >> 20, vga_->memory().size() >> 20, clock_.mode() == ClockMode::Deterministic ? "deterministic" : "realtime",
        config_.clock.ips, firmware_.checksum());
    if (config_.firmware.power_on == PowerOnChoice::Bochs) text += "firmware.power_on = bochs\n";
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
    stop_running();
}

void Machine::pause() {
    if (!end_) end_ = RunEnd{0, {}, true};
    stop_running();
}

void Machine::request_reset(ResetKind kind) {
    if (!reset_ || kind == ResetKind::System) reset_ = kind;
    stop_running();
}

bool Machine::perform_reset() {
    if (!reset_) return false;
    const ResetKind kind = *std::exchange(reset_, std::nullopt);
    if (kind == ResetKind::System) {
        reset_devices();
        reset_processors();
    } else {
        init_processors();
    }
    reset_.reset();
    resets_++;
    return true;
}

void Machine::reset_devices() {
    pic_->reset();
    if (ioapic_) ioapic_->reset();
    if (hpet_) hpet_->reset();
    coprocessor_error_->reset();
    pit_->reset();
    port61_->reset();
    dma_->reset();
    host_bridge_->reset();
    piix3_->reset();
    power_->reset();
    rtc_->reset();
    keyboard_->reset();
    if (pointer_) pointer_->reset();
    vga_->reset();
    vga_pci_->reset();
    fw_cfg_->reset();
    if (flash_) flash_->reset();
    floppy_->reset();
    ide_->reset();
    for (const auto& uart : uarts_) uart->reset();
    for (const auto& printer : printers_) printer->reset();
    if (shutdown_port_) shutdown_port_->reset();
    reset_sound();
}

void Machine::strike(std::vector<Key> keys, u64 hold_ns) {
    typing_.push_back({std::move(keys), hold_ns});
    if (typing_.size() == 1) go_on_typing();
}

Result<void> Machine::type_text(std::string_view text) {
    if (typing_.empty()) return keyboard_->type_text(text);
    for (size_t i = 0; i < text.size(); i++)
        if (!us_key(text[i]))
            return fail("character {:#04x} at offset {} is on no key of the US keyboard", static_cast<u8>(text[i]), i);
    typing_.push_back({{}, 0, std::string(text)});
    return {};
}

/// Begins with what is next: texts go to the keyboard's own queue, keys wait until that is empty.
void Machine::go_on_typing() {
    constexpr u64 kLookAgainNs = 5'000'000;
    while (!typing_.empty() && !typing_.front().text.empty()) {
        (void)keyboard_->type_text(typing_.front().text).ok();
        typing_.pop_front();
    }
    if (typing_.empty()) return;
    Typing& next = typing_.front();
    next.down = !keyboard_->typing();
    if (next.down)
        for (const Key key : next.keys) keyboard_->press(key);
    scheduler_.schedule(strike_event_, scheduler_.now() + (next.down ? next.hold_ns : kLookAgainNs));
}

void Machine::strike_due() {
    if (typing_.empty()) {
        // The keys went down before the snapshot that this state comes from.
        keyboard_->release_all();
        return;
    }
    if (typing_.front().down) {
        const std::vector<Key> keys = std::move(typing_.front().keys);
        typing_.pop_front();
        for (auto key = keys.rbegin(); key != keys.rend(); ++key) keyboard_->release(*key);
    }
    go_on_typing();
}

void Machine::press_power_button() {
    if (!power_->press_power_button()) end(0, {});
}

}  // namespace gnomon
