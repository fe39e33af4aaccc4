// What disks and CD-ROM drives have in common: the task file, the data port protocols and the reset
// signatures. ATA/ATAPI-6 (T13/1410D), chapters 7 "Interface register definitions" and 9 "Protocol".
#pragma once

#include <array>
#include <span>
#include <string>
#include <vector>

#include "support/scheduler.h"
#include "support/state.h"

namespace gnomon {

/// Command block registers by their address lines. Error/Features is 1, Status/Command 7.
enum class IdeRegister : u8 { Data, Features, Count, LbaLow, LbaMid, LbaHigh, Device, Command };

namespace ide_status {
inline constexpr u8 kError = 0x01, kDataRequest = 0x08, kSeekComplete = 0x10, kDeviceFault = 0x20,
                    kReady = 0x40, kBusy = 0x80;
}
namespace ide_error {
inline constexpr u8 kAborted = 0x04, kIdNotFound = 0x10, kUncorrectable = 0x40;
}

/// The channel as a device sees it.
class IdeHost {
  public:
    /// INTRQ of the calling device may have changed.
    virtual void interrupt_changed() = 0;
    /// A bus master is started in this direction and has room: DMACK- would follow DMARQ.
    [[nodiscard]] virtual bool dma_ready(bool to_memory) const = 0;
    /// Returns how many bytes went over before the host's descriptors ended.
    virtual size_t dma_to_memory(std::span<const u8> data) = 0;
    virtual size_t dma_from_memory(std::span<u8> data) = 0;

  protected:
    ~IdeHost() = default;
};

enum class IdePhase : u8 { Idle, Busy, DataIn, DataOut, Dma };

struct TaskFile {
    std::array<u8, 2> features{}, count{}, lba_low{}, lba_mid{}, lba_high{};  ///< latest, previous (HOB)
    u8 device = 0;
    u8 status = 0;
    u8 error = 0;
    u8 control = 0;
    u8 command = 0;
    bool interrupt = false;  ///< INTRQ before nIEN
    IdePhase phase = IdePhase::Idle;
    bool dma_in = false;     ///< direction in phase Dma
    std::vector<u8> buffer;  ///< the block on its way through the data port or by DMA
    u32 position = 0;        ///< next byte of it
    template<class V>
    constexpr void fields(V& v) {
        v("features", features);
        v("count", count);
        v("lba_low", lba_low);
        v("lba_mid", lba_mid);
        v("lba_high", lba_high);
        v("device", device);
        v("status", status);
        v("error", error);
        v("control", control);
        v("command", command);
        v("interrupt", interrupt);
        v("phase", phase);
        v("dma_in", dma_in);
        v("buffer", buffer);
        v("position", position);
    }
};

/// One device on the cable. The channel calls the public functions; a kind of device implements the protected
/// ones.
class IdeDevice : public StatePart {
  public:
    IdeDevice(const IdeDevice&) = delete;
    IdeDevice& operator=(const IdeDevice&) = delete;

    /// Called once by the channel that the device is put on.
    void attach(IdeHost& host, unsigned number);

    /// Registers Features to Device. Every device of the channel sees every write.
    void write_register(IdeRegister which, u8 value);
    /// The Command register; only for the selected device.
    void write_command(u8 command);
    /// The Device Control register: HOB, SRST, nIEN.
    void write_control(u8 value);
    /// Registers Error to Device.
    [[nodiscard]] u8 read_register(IdeRegister which) const;
    [[nodiscard]] u8 alternate_status() const { return task_.status; }
    /// Reading Status takes back the interrupt request.
    u8 read_status();
    /// The data port; a byte access moves a word, as the 16-bit bus does.
    u32 read_data(unsigned size);
    void write_data(unsigned size, u32 value);
    /// EXECUTE DEVICE DIAGNOSTIC, which both devices of a channel run.
    void start_diagnostic();
    /// The bus master was started.
    void dma_started();
    /// RESET-: the power-on state without a loss of the medium.
    void hardware_reset();
    [[nodiscard]] bool interrupt_request() const {
        return task_.interrupt && !(task_.control & kDisableInterrupt);
    }

    /// PACKET devices have DEVICE RESET, which works while BSY, and other manners when alone on the cable.
    [[nodiscard]] virtual bool is_packet_device() const = 0;

    [[nodiscard]] std::string_view state_name() const override { return name_; }

  protected:
    /// `task` belongs to the derived class, where it is part of its State.
    IdeDevice(Scheduler& scheduler, std::string name, TaskFile& task);

    /// Runs the command in the Command register; the status is BSY.
    virtual void execute() = 0;
    /// The host has taken, or delivered, the last byte of the block.
    virtual void block_taken() = 0;
    virtual void block_delivered() = 0;
    /// What block_taken() or block_delivered() left to do, after some time with BSY set.
    virtual void next_block() = 0;
    /// Goes on with the DMA transfer: the bus master is ready.
    virtual void move_dma() = 0;
    /// How long a command takes before its first action.
    [[nodiscard]] virtual u64 command_latency_ns(u8 command) const = 0;
    /// Registers after a reset: LBA Mid and High tell the kind of device.
    virtual void put_signature() = 0;
    enum class Reset : u8 { Hardware, Software, Command };
    virtual void reset_device(Reset kind) = 0;
    /// SLEEP ends with a reset only.
    [[nodiscard]] virtual bool sleeping() const = 0;

    enum class Next : u64 { Execute, Block, Dma, ResetDone, DiagnosticDone };
    /// BSY now, `next` after `delay_ns`.
    void busy(Next next, u64 delay_ns);
    /// DRQ with the bytes in task_.buffer; data in raises INTRQ.
    void offer_block();
    /// DRQ for `bytes` from the host.
    void request_block(size_t bytes, bool interrupt);
    /// DMARQ; move_dma() is called `delay_ns` after the host is ready.
    void request_dma(bool to_memory, u64 delay_ns);
    /// Moves what is left of task_.buffer; true when all of it went over.
    bool transfer_dma();
    /// The end of a command, with INTRQ.
    void complete();
    void complete_with_error(u8 error, u8 status = 0);
    void raise_interrupt();

    Scheduler& scheduler_;

    static constexpr u8 kHighOrder = 0x80, kSoftReset = 0x04, kDisableInterrupt = 0x02;
    static constexpr u8 kIdleStatus = ide_status::kReady | ide_status::kSeekComplete;

  private:
    void on_event(u64 argument);
    void drop_interrupt();
    void stop();

    TaskFile& task_;
    std::string name_;
    IdeHost* host_ = nullptr;
    unsigned number_ = 0;
    Scheduler::EventId event_;
};

}  // namespace gnomon
