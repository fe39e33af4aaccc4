// The machine: the one place that knows every part, makes them from a Config and wires them up. A PC with an
// Intel 440FX/PIIX3 board. Intel 82441FX and 82371SB datasheets, "Functional Description".
#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "bios/acpi/acpi_tables.h"
#include "cpu/cpu.h"
#include "cpu/model.h"
#include "devices/debug_ports/debug_ports.h"
#include "devices/dma/isa_dma.h"
#include "devices/flash/flash.h"
#include "devices/floppy/floppy_controller.h"
#include "devices/fw_cfg/fw_cfg.h"
#include "devices/hpet/hpet.h"
#include "devices/ide/ata_disk.h"
#include "devices/ide/atapi_drive.h"
#include "devices/ide/piix_ide.h"
#include "devices/ioapic/ioapic.h"
#include "devices/keyboard/i8042.h"
#include "devices/keyboard/vmware_pointer.h"
#include "devices/parallel/parallel_port.h"
#include "devices/pci/host_bridge.h"
#include "devices/pci/piix3.h"
#include "devices/pic/pic.h"
#include "devices/pit/port61.h"
#include "devices/power/piix4_pm.h"
#include "devices/rtc/rtc.h"
#include "devices/serial/uart16550.h"
#include "devices/sound/sound_mixer.h"
#include "devices/storage/open_image.h"
#include "devices/vga/vga.h"
#include "devices/vga/vga_pci.h"
#include "machine/config.h"
#include "machine/coprocessor_error.h"
#include "machine/cpu_pins.h"
#include "machine/firmware_images.h"
#include "machine/isa_interrupts.h"
#include "machine/media.h"

namespace gnomon {

class Ac97;
class GamePort;
class PcSpeaker;
class Sb16;

/// What a machine asks of the host around it.
struct HostEnvironment {
    Log::Sink log = stderr_log_sink();
    /// Opens the host side of a serial port, printer or debug console; open_char_backend() if empty.
    std::function<Result<std::unique_ptr<CharBackend>>(std::string_view part, std::string_view spec, Log& log,
                                                       CharBackendOptions options)>
        open_backend;
    /// Where the sound goes; null: nowhere, and none is made.
    std::unique_ptr<AudioSink> audio = {};
    /// Somebody looks at the machine: decides the clock where the configuration says "automatic".
    bool attended = false;
};

/// Why and how a run ends.
struct RunEnd {
    int status = 0;      ///< exit status of the program
    std::string reason;  ///< one line for the user; empty where none is needed
    bool paused = false; ///< a debugger wants to look: nothing has ended
};

class Machine {
  public:
    /// All or an error that names the setting. Notes for the user go to the log as warnings.
    static Result<std::unique_ptr<Machine>> create(const Config& config, HostEnvironment host);
    ~Machine();
    Machine(const Machine&) = delete;
    Machine& operator=(const Machine&) = delete;

    [[nodiscard]] const Config& config() const { return config_; }
    [[nodiscard]] Log& log() { return log_; }
    [[nodiscard]] VirtualClock& clock() { return clock_; }
    [[nodiscard]] Scheduler& scheduler() { return scheduler_; }
    [[nodiscard]] PortBus& ports() { return ports_; }
    [[nodiscard]] PciBus& pci() { return pci_; }
    [[nodiscard]] PhysicalMap& memory() { return *memory_; }
    /// The bootstrap processor, and all of them in the order of their APIC IDs.
    [[nodiscard]] Cpu& cpu() { return *cpus_[0]; }
    [[nodiscard]] const std::vector<Cpu*>& cpus() const { return cpus_; }
    [[nodiscard]] const Pic& pic() const { return *pic_; }
    /// Null where the processor model has no local APIC.
    [[nodiscard]] IoApic* ioapic() { return ioapic_.get(); }
    [[nodiscard]] Hpet* hpet() { return hpet_.get(); }
    [[nodiscard]] Vga& vga() { return *vga_; }
    [[nodiscard]] I8042& keyboard() { return *keyboard_; }
    /// Of the sound card; null without one.
    [[nodiscard]] GamePort* game_port() { return game_port_.get(); }
    /// Null where the mouse has no such side.
    [[nodiscard]] VmwarePointer* pointer() { return pointer_.get(); }
    [[nodiscard]] Piix4Pm& power() { return *power_; }
    [[nodiscard]] SoundMixer& sound() { return *mixer_; }
    [[nodiscard]] FloppyController& floppy() { return *floppy_; }
    /// Null where there is no such drive.
    [[nodiscard]] AtapiDrive* cdrom(unsigned place) { return cdroms_.at(place); }

    /// The drives there are, with what is in them.
    [[nodiscard]] std::vector<DriveStatus> drives() const;
    struct MediumOptions {
        bool read_only = false;  ///< floppy disks; discs are never written
        bool force = false;      ///< also if the guest has locked the drive
    };
    /// Puts a medium into a floppy or CD-ROM drive in place of what is there. `drive` is a name or alias of
    /// drives(), "floppy" or "cdrom" (the first one), "a" or "b". After an error the old medium is where it
    /// was.
    Result<void> change_medium(std::string_view drive, const std::string& path, MediumOptions options);
    /// Empties a drive; an empty one may be emptied again. A locked drive asks the guest and is an error,
    /// unless forced.
    Result<void> eject_medium(std::string_view drive, bool force);

    /// Strikes the keys together: down in their order, up in the other after `hold_ns` of guest time. Strikes and
    /// texts happen one after the other.
    void strike(std::vector<Key> keys, u64 hold_ns);
    /// Types as I8042::type_text() does, after the strikes that come before it.
    Result<void> type_text(std::string_view text);

    /// Exchanges bytes with the host; to be called every few milliseconds of host time.
    void poll_host();

    /// The run is to end; the first request counts. Callable while the processor runs.
    void end(int status, std::string reason);
    [[nodiscard]] const std::optional<RunEnd>& ending() const { return end_; }
    /// Leaves the run loop at the next instruction boundary, everything as it is then; resume() takes it back.
    void pause();
    /// Takes an end back: the run may go on.
    void resume() { end_.reset(); }
    /// A reset at the next instruction boundary. Callable while the processor runs.
    void request_reset(ResetKind kind);
    /// Carries out what request_reset() asked for; false if there was nothing.
    bool perform_reset();
    /// How many resets there were.
    [[nodiscard]] u64 resets() const { return resets_; }

    // Turns of the processors. Each that is awake gets config().cpu.quantum instructions; together they take as much
    // guest time as one of them alone.
    /// Whose turn it is, INIT and startup messages carried out; null: all sleep.
    Cpu* choose_cpu();
    /// Processors awake at the last choice.
    [[nodiscard]] unsigned active_cpus() const { return active_cpus_; }
    StopReason run_cpu(Cpu& cpu, u64 instructions);
    /// A turn was cut short by a debugger: it goes on when this one can run.
    void keep_turn(const Cpu& cpu);
    /// These processors stand still, by index (a debugger's wish); empty: none does.
    void let_stand(std::vector<bool> standing) { standing_ = std::move(standing); }
    /// No processor can ever wake up again.
    [[nodiscard]] bool halted_for_good() const;

    /// The power button: a guest that listens shuts down; otherwise the machine goes off at once.
    void press_power_button();

    /// To be called after the states of all parts were replaced: what waits outside of them belongs to the
    /// past.
    void state_replaced() {
        typing_.clear();
        mixer_->restart();
    }
    /// What a snapshot's machine must have in common with this one: a line for each property.
    [[nodiscard]] std::string fingerprint();
    /// Every part with state, the scheduler first; what a snapshot holds besides RAM.
    [[nodiscard]] const std::vector<StatePart*>& parts() const { return parts_; }

  private:
    Machine(const Config& config, HostEnvironment host, ClockMode mode, CpuModel model);

    Result<void> build();
    Result<void> build_board();
    Result<void> build_sound();
    Result<void> build_pointer();
    Result<void> build_storage();
    Result<void> build_character_devices();
    Result<void> load_roms();
    Result<void> build_flash();
    Result<void> load_vga_rom();
    Result<void> fill_fw_cfg();
    AcpiBoard acpi_board();
    Result<void> add_acpi_tables();
    Result<void> add_smbios_tables();
    void fill_cmos();
    void fill_boot_order();
    Result<void> set_rtc();
    Result<void> add_disk(unsigned place);
    Result<void> add_cdrom(unsigned place);
    Result<std::unique_ptr<BlockImage>> open_medium(const std::string& key, const std::string& path,
                                                    ImageOptions options, MediumTraffic& traffic);
    [[nodiscard]] Result<DriveStatus> find_removable(std::string_view name) const;
    [[nodiscard]] OverlayImage* overlay_of(std::string_view drive) const;
    void forget_overlay(const OverlayImage* overlay);
    Result<void> change_floppy(const DriveStatus& drive, const std::string& path, bool read_only);
    Result<std::unique_ptr<CharBackend>> open_backend(const std::string& key, const std::string& spec,
                                                      bool input);
    void go_on_typing();
    void strike_due();
    void list_parts();
    void list_sound_parts();
    void reset_devices();
    void reset_sound();

    // processors.cpp
    class CpuPart;
    class MonitorPart;
    class TurnPart;
    struct Processor {
        Processor();
        Processor(Processor&&) noexcept;
        ~Processor();
        std::unique_ptr<ProcessorPins> pins;
        std::unique_ptr<LocalApic> apic;
        std::unique_ptr<Cpu> cpu;
        std::unique_ptr<StatePart> part;
        std::unique_ptr<StatePart> monitor_part;
    };
    void build_processors();
    void place_apic(unsigned index, GuestPhys page, bool mapped);
    void reset_processors();
    static void init_processor(Processor& processor);
    void init_processors();
    void take_messages();
    void stop_running();
    void deadline_moved();
    Result<void> build_apic_devices();

    // In the order of construction: what comes later may refer to what comes before.
    Config config_;
    HostEnvironment host_;
    Log log_;
    VirtualClock clock_;
    Scheduler scheduler_;
    PortBus ports_;
    PciBus pci_;
    CpuModel model_;
    std::unique_ptr<PhysicalMap> memory_;
    CpuPins pins_;
    std::unique_ptr<Pic> pic_;
    ApicBus apic_bus_;
    std::vector<Processor> processors_;
    std::vector<Cpu*> cpus_;
    Cpu* running_ = nullptr;
    std::vector<bool> standing_;
    size_t next_cpu_ = 0;
    std::unique_ptr<StatePart> turn_part_;
    unsigned active_cpus_ = 1;
    std::unique_ptr<IoApic> ioapic_;
    std::unique_ptr<IsaInterrupts> isa_interrupts_;
    std::unique_ptr<Hpet> hpet_;
    std::unique_ptr<CoprocessorError> coprocessor_error_;
    std::unique_ptr<Pit> pit_;
    std::unique_ptr<Port61> port61_;
    std::unique_ptr<IsaDma> dma_;
    std::unique_ptr<SoundMixer> mixer_;
    std::unique_ptr<PcSpeaker> speaker_;
    std::unique_ptr<Sb16> sb16_;
    std::unique_ptr<GamePort> game_port_;
    std::unique_ptr<Ac97> ac97_;
    std::unique_ptr<HostBridge> host_bridge_;
    std::unique_ptr<Piix3> piix3_;
    std::unique_ptr<Piix4Pm> power_;
    std::unique_ptr<Rtc> rtc_;
    std::unique_ptr<I8042> keyboard_;
    std::unique_ptr<VmwarePointer> pointer_;
    std::unique_ptr<Vga> vga_;
    std::unique_ptr<VgaPci> vga_pci_;
    std::unique_ptr<FwCfg> fw_cfg_;
    FirmwareImages firmware_;
    std::unique_ptr<Flash> flash_;
    std::array<MediumTraffic, 6> traffic_{};  ///< two floppy drives, four IDE places
    std::unique_ptr<FloppyController> floppy_;
    std::unique_ptr<PiixIde> ide_;
    PciSlot ide_slot_;
    std::array<AtaDisk*, 4> disks_{};
    std::array<AtapiDrive*, 4> cdroms_{};
    std::vector<OverlayImage*> overlays_;
    std::vector<std::unique_ptr<Uart16550>> uarts_;
    std::vector<std::unique_ptr<ParallelPort>> printers_;
    std::vector<std::unique_ptr<CharBackend>> console_backends_;
    std::vector<std::unique_ptr<DebugConsole>> consoles_;
    std::unique_ptr<DebugExit> debug_exit_;
    std::unique_ptr<ShutdownPort> shutdown_port_;
    std::vector<PhysicalRegion> regions_;
    Scheduler::EventId typing_event_;
    /// Keys that are struck, or text that is typed.
    struct Typing {
        std::vector<Key> keys;
        u64 hold_ns = 0;
        std::string text = {};
        bool down = false;
    };
    Scheduler::EventId strike_event_;
    std::deque<Typing> typing_;
    std::vector<StatePart*> parts_;

    std::optional<RunEnd> end_;
    std::optional<ResetKind> reset_;
    u64 resets_ = 0;
};

}  // namespace gnomon
