// An ATA hard disk: general feature set, LBA48, multiple sectors, DMA, power management, SMART, host
// protected area. ATA/ATAPI-6 (T13/1410D), chapter 8 "Command descriptions".
#pragma once

#include <memory>

#include "devices/ide/ide_device.h"
#include "devices/storage/block_image.h"
#include "devices/storage/disk_geometry.h"
#include "support/log.h"

namespace gnomon {

class AtaDisk final : public IdeDevice {
  public:
    struct Config {
        std::string name = "ide.primary.master";  ///< of the part in snapshots
        std::string model = "Gnomon disk";
        std::string serial = "GN00001";
        std::string firmware = "1.0";
        std::optional<Chs> geometry;  ///< instead of what the image says
    };

    static Result<std::unique_ptr<AtaDisk>> create(Scheduler& scheduler, Log& log,
                                                   std::unique_ptr<BlockImage> image, Config config);

    [[nodiscard]] const DiskGeometry& geometry() const { return geometry_; }
    [[nodiscard]] BlockImage& image() { return *image_; }

    enum class Power : u8 { Active, Idle, Standby, Sleep };

    struct State {
        TaskFile task;
        u64 lba = 0;        ///< next sector of the transfer
        u32 remaining = 0;  ///< sectors still to be moved
        u32 block = 1;      ///< sectors per DRQ of this command
        u32 in_block = 0;   ///< sectors in task.buffer
        u8 multiple = 16;   ///< SET MULTIPLE MODE, 0: off
        u8 heads = 0;       ///< INITIALIZE DEVICE PARAMETERS
        u8 sectors = 0;
        u64 accessible = 0;  ///< sectors below SET MAX ADDRESS
        bool max_preserved = false;
        bool native_max_read = false;  ///< the last command was READ NATIVE MAX ADDRESS
        u8 transfer_mode = 0x22;       ///< SET FEATURES 03: DMA mode in use
        bool write_cache = true;
        bool read_ahead = true;
        bool keep_settings = false;  ///< software reset keeps them
        bool smart = true;
        bool smart_autosave = true;
        Power power = Power::Active;
        std::vector<u8> sector_buffer;  ///< READ/WRITE BUFFER
        template<class V>
        constexpr void fields(V& v) {
            v("task", task);
            v("lba", lba);
            v("remaining", remaining);
            v("block", block);
            v("in_block", in_block);
            v("multiple", multiple);
            v("heads", heads);
            v("sectors", sectors);
            v("accessible", accessible);
            v("max_preserved", max_preserved);
            v("native_max_read", native_max_read);
            v("transfer_mode", transfer_mode);
            v("write_cache", write_cache);
            v("read_ahead", read_ahead);
            v("keep_settings", keep_settings);
            v("smart", smart);
            v("smart_autosave", smart_autosave);
            v("power", power);
            v("sector_buffer", sector_buffer);
        }
    };

    [[nodiscard]] bool is_packet_device() const override { return false; }
    [[nodiscard]] StateNode save_state() const override { return save_value(state_); }
    Result<Install> load_state(const StateNode& node) override;

  private:
    struct CommandRow;
    static const CommandRow* find_command(u8 opcode);

    AtaDisk(Scheduler& scheduler, Log& log, std::unique_ptr<BlockImage> image, Config config,
            DiskGeometry geometry);

    void execute() override;
    void block_taken() override;
    void block_delivered() override;
    void next_block() override;
    void move_dma() override;
    [[nodiscard]] u64 command_latency_ns(u8 command) const override;
    void put_signature() override;
    void reset_device(Reset kind) override;
    [[nodiscard]] bool sleeping() const override { return state_.power == Power::Sleep; }

    // Commands, in the order of the table.
    void read_pio();
    void write_pio();
    void read_dma();
    void write_dma();
    void verify();
    void identify();
    void set_multiple();
    void set_features();
    void initialize_parameters();
    void seek();
    void recalibrate();
    void flush();
    void standby();
    void idle();
    void sleep();
    void check_power();
    void read_buffer();
    void write_buffer();
    void native_max();
    void set_max();
    void smart();
    void refuse() { complete_with_error(ide_error::kAborted); }
    void identify_as_packet_device() { refuse(); }

    bool begin_transfer();
    void load_block();
    [[nodiscard]] std::optional<u64> address(bool extended) const;
    void store_address(u64 lba, bool extended);
    void fail_at(u64 lba, u8 error, u8 status = 0);
    void host_error(const Error& error, bool write);
    [[nodiscard]] std::array<u16, 256> identity() const;
    [[nodiscard]] std::vector<u8> smart_data() const;
    [[nodiscard]] std::vector<u8> smart_thresholds() const;
    void offer(std::vector<u8> data);
    [[nodiscard]] u64 capacity28() const;
    [[nodiscard]] bool extended() const;
    void set_defaults();

    Log& log_;
    std::unique_ptr<BlockImage> image_;
    Config config_;
    DiskGeometry geometry_;
    State state_;
};

}  // namespace gnomon
