// The floppy disk controller: registers, command, execution and result phases, two drives.
// Intel 82077AA datasheet (290166); the additional commands of the 82078 (290468) on request.
#pragma once

#include <array>
#include <memory>
#include <vector>

#include "devices/dma/isa_dma_channel.h"
#include "devices/floppy/floppy_drive.h"
#include "devices/port_bus.h"
#include "support/line.h"
#include "support/scheduler.h"

namespace gnomon {

class FloppyController final : public PortIo, public StatePart {
  public:
    enum class Chip : u8 { I82077AA, I82078 };
    /// How the IDENT and MFM pins are strapped: which registers the host sees.
    enum class Interface : u8 { PcAt, Ps2 };
    struct Config {
        std::array<FloppyDriveType, 2> drives{FloppyDriveType::Drive1440K, FloppyDriveType::None};
        Chip chip = Chip::I82077AA;
        Interface interface = Interface::PcAt;
        bool as_in_bochs = false;  ///< for Bochs's BIOS: 500 kbit/s at power-on, and every transfer seeks
        bool realistic_timing =
            false;  ///< step rate, head settling and rotation instead of a few microseconds
    };
    static constexpr unsigned kDrives = 2;

    static Result<std::unique_ptr<FloppyController>> create(PortBus& ports, Scheduler& scheduler, Log& log,
                                                            IsaDmaChannel& dma, Line irq,
                                                            const Config& config);

    /// Change of disks at run time. Errors: no such drive, or no floppy disk is that big.
    Result<void> insert(unsigned drive, std::unique_ptr<BlockImage> image);
    void eject(unsigned drive);
    [[nodiscard]] const FloppyDrive& drive(unsigned number) const { return drives_.at(number); }
    /// The motor-on lamp.
    [[nodiscard]] bool active(unsigned drive) const { return motor(drive); }

    /// RESET pin.
    void reset();

    u32 port_read(u16 port, unsigned size) override;
    void port_write(u16 port, unsigned size, u32 value) override;

    enum class Phase : u8 { Command, Execution, Result };
    enum class Kind : u8 {
        None,
        Read,
        ReadDeleted,
        Write,
        WriteDeleted,
        ReadTrack,
        Verify,
        ScanEqual,
        ScanLow,
        ScanHigh,
        Format,
        ReadId
    };
    /// What the execution phase does next.
    enum class Step : u8 { Idle, Find, Transfer, Store };

    /// One command that reads or writes the disk.
    struct Execution {
        Kind kind = Kind::None;
        Step step = Step::Idle;
        bool multi_track = false;
        bool mfm = false;
        bool skip = false;
        u8 drive = 0;
        u8 head = 0;  ///< side in use
        u8 c = 0, h = 0, r = 0, n = 0;
        u8 eot = 0;
        u8 dtl = 0;  ///< also scan step, verify count, format filler
        u8 st0 = 0, st1 = 0, st2 = 0;
        u32 count = 0;  ///< sectors done (verify, read track)
        bool terminal_count = false;
        bool to_host = false;
        bool chunk_ready = false;  ///< PIO: the host may move bytes
        u32 chunk_end = 0;         ///< PIO: where they end in `buffer`
        bool stalled = false;      ///< waiting for the DMA controller, or for an index pulse
        u64 stalled_since = 0;
        std::vector<u8> buffer;
        u32 position = 0;
        template<class V>
        constexpr void fields(V& v) {
            v("kind", kind);
            v("step", step);
            v("multi_track", multi_track);
            v("mfm", mfm);
            v("skip", skip);
            v("drive", drive);
            v("head", head);
            v("c", c);
            v("h", h);
            v("r", r);
            v("n", n);
            v("eot", eot);
            v("dtl", dtl);
            v("st0", st0);
            v("st1", st1);
            v("st2", st2);
            v("count", count);
            v("terminal_count", terminal_count);
            v("to_host", to_host);
            v("chunk_ready", chunk_ready);
            v("chunk_end", chunk_end);
            v("stalled", stalled);
            v("stalled_since", stalled_since);
            v("buffer", buffer);
            v("position", position);
        }
    };

    struct State {
        Phase phase = Phase::Command;
        std::array<u8, 20> bytes{};  ///< command parameters, then results
        u8 filled = 0;               ///< bytes received, or to be read
        u8 expected = 0;             ///< length of the command
        u8 taken = 0;                ///< results read
        u8 dor = 0;
        u8 tdr = 0;
        u8 dsr = 2;  ///< precompensation and rate as written; rate 250 kbit/s after reset
        bool resetting = true;
        bool irq = false;
        std::array<u64, kDrives> motor_since{};  ///< when the motors were switched on
        u8 reset_status = 0;                     ///< drives whose ready change is still to be told
        u8 seeking = 0;                          ///< MSR bits 0–3
        u8 seek_done = 0;                        ///< drives with a seek status to be told
        std::array<u8, 4> seek_st0{};
        std::array<u8, 4> seek_target{};
        std::array<u8, 4> pcn{};  ///< present cylinder numbers
        u8 srt_hut = 0;
        u8 hlt_nd = 0;
        u8 configuration = 0x20;  ///< EIS, EFIFO, POLL, FIFOTHR
        u8 precompensation_track = 0;
        bool lock = false;
        u8 perpendicular = 0;
        u8 last_eot = 0;
        u8 option = 0;
        u8 power_down = 0;
        Execution execution;
        std::array<FloppyDrive::State, kDrives> drives;
        template<class V>
        constexpr void fields(V& v) {
            v("phase", phase);
            v("bytes", bytes);
            v("filled", filled);
            v("expected", expected);
            v("taken", taken);
            v("dor", dor);
            v("tdr", tdr);
            v("dsr", dsr);
            v("resetting", resetting);
            v("irq", irq);
            v("motor_since", motor_since);
            v("reset_status", reset_status);
            v("seeking", seeking);
            v("seek_done", seek_done);
            v("seek_st0", seek_st0);
            v("seek_target", seek_target);
            v("pcn", pcn);
            v("srt_hut", srt_hut);
            v("hlt_nd", hlt_nd);
            v("configuration", configuration);
            v("precompensation_track", precompensation_track);
            v("lock", lock);
            v("perpendicular", perpendicular);
            v("last_eot", last_eot);
            v("option", option);
            v("power_down", power_down);
            v("execution", execution);
            v("drives", drives);
        }
    };
    [[nodiscard]] std::string_view state_name() const override { return "floppy"; }
    [[nodiscard]] StateNode save_state() const override;
    Result<Install> load_state(const StateNode& node) override;

  private:
    struct CommandRow;
    static const CommandRow* find_command(u8 opcode, Chip chip);

    FloppyController(Scheduler& scheduler, Log& log, IsaDmaChannel& dma, Line irq, const Config& config);

    // Registers (floppy_controller.cpp).
    [[nodiscard]] u8 main_status() const;
    [[nodiscard]] u8 digital_input() const;
    [[nodiscard]] u8 status_a() const;
    [[nodiscard]] u8 status_b() const;
    void write_digital_output(u8 value);
    void write_data_rate_select(u8 value);
    u8 read_fifo();
    void write_fifo(u8 value);
    void enter_reset();
    void leave_reset();
    void set_irq(bool level);
    [[nodiscard]] bool in_reset() const { return !(state_.dor & 0x04); }
    [[nodiscard]] bool gate() const { return (state_.dor & 0x08) || config_.interface == Interface::Ps2; }
    [[nodiscard]] bool motor(unsigned drive) const { return state_.dor & (0x10 << drive); }
    [[nodiscard]] bool dma_mode() const { return !(state_.hlt_nd & 1); }
    [[nodiscard]] FloppyRate rate() const { return static_cast<FloppyRate>(state_.dsr & 3); }
    [[nodiscard]] FloppyDrive* present_drive(unsigned number);

    // Commands without data (floppy_commands.cpp).
    void run_command();
    void finish(std::initializer_list<u8> results);
    void invalid() { finish({0x80}); }
    void specify();
    void sense_drive();
    void sense_interrupt();
    void recalibrate();
    void seek();
    void relative_seek();
    void version() { finish({0x90}); }
    void configure();
    void dump_registers();
    void lock();
    void perpendicular();
    void part_id() { finish({0x01}); }
    void power_down_mode();
    void save();
    void restore();
    void option();
    void start_seek(unsigned drive, int steps, u8 target);
    void seek_finished(unsigned drive);
    [[nodiscard]] u64 step_ns(u32 steps) const;

    // Commands with data (floppy_transfer.cpp).
    void transfer();
    void format();
    void read_id();
    void begin(Kind kind);
    void execute();
    void find();
    void find_format();
    [[nodiscard]] bool sector_there(FloppyDrive& drive, u32 track);
    void load_sector(FloppyDrive& drive, u32 track);
    void store();
    void store_sector();
    void store_format();
    void move();
    void move_dma();
    void offer_chunk();
    void chunk_done();
    void data_done();
    void compare();
    void next_sector();
    void end_normally();
    void end_with_error(u8 st1, u8 st2 = 0);
    void result_phase();
    void advance_id();
    void resume();
    void after(u64 ns, Step step);
    [[nodiscard]] u64 sector_ns(const FloppyDrive& drive, u32 sector) const;
    [[nodiscard]] bool spinning(unsigned drive);

    Scheduler& scheduler_;
    Log& log_;
    IsaDmaChannel& dma_;
    Line irq_;
    Config config_;
    std::array<FloppyDrive, kDrives> drives_;
    std::vector<PortClaim> claims_;
    Scheduler::EventId execute_event_;
    Scheduler::EventId reset_event_;
    std::array<Scheduler::EventId, 4> seek_events_;
    State state_;
};

}  // namespace gnomon
