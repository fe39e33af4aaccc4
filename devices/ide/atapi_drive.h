// An ATAPI CD-ROM/DVD-ROM drive with one data track. The PACKET protocol is ATA/ATAPI-6, chapter 9; the
// commands are MMC-4 and SPC-2, with what older drivers use from SFF-8020i.
#pragma once

#include <functional>
#include <memory>

#include "devices/ide/ide_device.h"
#include "devices/storage/block_image.h"
#include "support/log.h"

namespace gnomon {

class AtapiDrive final : public IdeDevice {
  public:
    struct Config {
        std::string name = "ide.secondary.master";  ///< of the part in snapshots
        std::string vendor = "Gnomon";
        std::string product = "CD-ROM";
        std::string revision = "1.0";
        std::string serial = "GN00001";
    };

    /// `image` may be null: an empty drive.
    static Result<std::unique_ptr<AtapiDrive>> create(Scheduler& scheduler, Log& log,
                                                      std::unique_ptr<BlockImage> image, Config config);

    /// Puts in another disc (closing the tray), as a user at the drive would. The guest sees a medium change.
    void insert(std::unique_ptr<BlockImage> image);
    /// Takes the disc out. While the guest prevents it only `force` (the paper clip) works; otherwise the
    /// guest gets an eject request and this is an error.
    Result<void> eject(bool force = false);
    [[nodiscard]] bool has_disc() const { return image_ && !state_.tray_open; }
    /// What lies in the drive, also on an open tray; null: nothing.
    [[nodiscard]] const BlockImage* disc() const { return image_.get(); }
    [[nodiscard]] bool tray_open() const { return state_.tray_open; }
    [[nodiscard]] bool locked() const { return state_.locked; }
    /// Called when the guest opens or closes the tray.
    void on_tray(std::function<void(bool open)> moved) { tray_moved_ = std::move(moved); }

    /// What the data port carries during a PACKET command.
    enum class Stage : u8 { Packet, ToHost, FromHost };

    struct State {
        TaskFile task;
        Stage stage = Stage::Packet;
        std::array<u8, 12> packet{};
        u8 sense_key = 0;
        u8 asc = 0;
        u8 ascq = 0;
        bool reset_attention = true;    ///< unit attention "power on or reset" is due
        bool medium_attention = false;  ///< unit attention "medium may have changed" is due
        u8 media_event = 0;  ///< GET EVENT STATUS NOTIFICATION: 0 none, 1 eject request, 2 new, 3 removal
        bool tray_open = false;
        bool locked = false;
        bool stopped = false;
        bool dma = false;  ///< this command's data go by DMA
        u16 byte_limit = 0;
        u32 left = 0;           ///< bytes of the data phase not yet offered
        std::vector<u8> ahead;  ///< those of them that are here already
        u32 block = 0;          ///< next logical block to be read into the buffer
        u32 blocks = 0;         ///< how many
        u8 raw_fields = 0;      ///< READ CD: which fields (byte 9 of the command), 0: plain data
        u32 sub_channel = 0;    ///< READ CD: bytes of sub-channel data after each sector
        u32 head = 0;           ///< logical block under the laser
        u8 transfer_mode = 0x22;
        std::array<u8, 8> error_recovery{};  ///< mode page 01, changeable part
        template<class V>
        constexpr void fields(V& v) {
            v("task", task);
            v("stage", stage);
            v("packet", packet);
            v("sense_key", sense_key);
            v("asc", asc);
            v("ascq", ascq);
            v("reset_attention", reset_attention);
            v("medium_attention", medium_attention);
            v("media_event", media_event);
            v("tray_open", tray_open);
            v("locked", locked);
            v("stopped", stopped);
            v("dma", dma);
            v("byte_limit", byte_limit);
            v("left", left);
            v("ahead", ahead);
            v("block", block);
            v("blocks", blocks);
            v("raw_fields", raw_fields);
            v("sub_channel", sub_channel);
            v("head", head);
            v("transfer_mode", transfer_mode);
            v("error_recovery", error_recovery);
        }
    };

    [[nodiscard]] bool is_packet_device() const override { return true; }
    [[nodiscard]] StateNode save_state() const override { return save_value(state_); }
    Result<Install> load_state(const StateNode& node) override;

  private:
    struct PacketRow;
    static const PacketRow* find_packet(u8 opcode);

    AtapiDrive(Scheduler& scheduler, Log& log, std::unique_ptr<BlockImage> image, Config config);

    void execute() override;
    void block_taken() override;
    void block_delivered() override;
    void next_block() override;
    void move_dma() override;
    [[nodiscard]] u64 command_latency_ns(u8 command) const override;
    void put_signature() override;
    void reset_device(Reset kind) override;
    [[nodiscard]] bool sleeping() const override { return false; }

    // The ATA side (atapi_drive.cpp).
    void accept_packet();
    void identify_packet_device();
    void set_features();
    void run_packet();
    void offer_part();
    [[nodiscard]] bool read_ahead(std::vector<u8>& into, size_t wanted);
    [[nodiscard]] u32 bytes_per_block() const;
    void succeed();
    void check_condition(u8 key, u8 asc, u8 ascq);
    void set_sense(u8 key, u8 asc, u8 ascq);
    /// Answers with `data` cut to what the command allows.
    void reply(std::vector<u8> data, u32 allocated);
    void read_blocks(u32 block, u32 count, u8 raw_fields, u32 sub_channel);
    void receive(u32 bytes);
    void end_data_phase();
    void no_disc();

    // Packet commands (atapi_commands.cpp), in the order of their opcodes.
    void test_unit_ready() { succeed(); }
    void request_sense();
    void inquiry();
    void mode_select();
    void mode_sense();
    void start_stop();
    void prevent_removal();
    void read_capacity();
    void read_10();
    void read_12();
    void seek();
    void read_sub_channel();
    void read_toc();
    void read_header();
    void get_configuration();
    void get_event_status();
    void stop_play() { succeed(); }
    void play_audio();
    void read_disc_information();
    void read_track_information();
    void read_dvd_structure();
    void read_cd();
    void read_cd_msf();
    void set_speed() { succeed(); }
    void mechanism_status();
    void verify();

    void mode_select_delivered();
    void read_cd_blocks(u32 block, u32 count);
    void move_tray(bool open);
    void invalid_field() { check_condition(0x05, 0x24, 0x00); }
    [[nodiscard]] u32 blocks() const;
    [[nodiscard]] bool is_dvd() const;
    [[nodiscard]] u32 packet16(size_t at) const { return state_.packet[at] << 8 | state_.packet[at + 1]; }
    [[nodiscard]] u32 packet24(size_t at) const { return u32{state_.packet[at]} << 16 | packet16(at + 1); }
    [[nodiscard]] u32 packet32(size_t at) const { return packet16(at) << 16 | packet16(at + 2); }

    Log& log_;
    std::unique_ptr<BlockImage> image_;
    Config config_;
    std::function<void(bool)> tray_moved_;
    State state_;
};

}  // namespace gnomon
