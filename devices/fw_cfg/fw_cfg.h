// The firmware configuration device: named blobs that the machine hands to its firmware, read through a
// selector and a data port or by DMA. Follows the published "QEMU Firmware Configuration (fw_cfg) Device"
// specification.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "devices/port_bus.h"
#include "memory/io_space.h"
#include "support/state.h"

namespace gnomon {

/// Selector values of the items that have a fixed key.
enum class FwCfgKey : u16 {
    Signature = 0x00,
    Id = 0x01,
    Uuid = 0x02,
    RamSize = 0x03,
    NoGraphic = 0x04,
    NbCpus = 0x05,
    BootMenu = 0x0e,
    MaxCpus = 0x0f,
    FileDir = 0x19,
    FileFirst = 0x20,
    Irq0Override = 0x8002,
};

/// One range of the memory map in `etc/e820`.
struct E820Entry {
    enum class Type : u32 { Ram = 1, Reserved = 2, Acpi = 3, Nvs = 4, Unusable = 5 };
    u64 address = 0;
    u64 length = 0;
    Type type = Type::Ram;
};

/// The content of `etc/e820`: packed 20-byte little-endian entries.
[[nodiscard]] std::vector<u8> e820_table(std::span<const E820Entry> entries);
/// The content of `bootorder`: one device path a line, closed by a zero byte.
[[nodiscard]] std::vector<u8> boot_order(std::span<const std::string> paths);

class FwCfg final : public PortIo, public StatePart {
  public:
    static constexpr PortRange kSelectorAndData{0x510, 2, 1 | 2};
    static constexpr PortRange kDmaAddress{0x514, 8, 4};
    static constexpr size_t kMaxFileName = 55;
    static constexpr size_t kMaxFiles = 0x3fff - 0x20;

    /// `dma` must outlive the device. The signature, ID and an empty directory are there from the start.
    static Result<std::unique_ptr<FwCfg>> create(PortBus& bus, DmaPort& dma, Log& log);

    /// Adds a file to the directory; firmware sees files in the order of their addition. Names longer than 55
    /// characters, duplicates and too many files are errors. Only a `writable` file can be changed by the
    /// guest (DMA).
    Result<void> add_file(std::string_view name, std::vector<u8> bytes, bool writable = false);
    Result<void> add_file(std::string_view name, std::string_view text);
    /// The file's content depends on the machine's state: `refresh` brings it up to date, without changing its size,
    /// whenever the guest selects it.
    using Refresh = std::function<void(std::span<u8> bytes)>;
    Result<void> add_file(std::string_view name, std::vector<u8> bytes, Refresh refresh);
    /// Content of a file as the guest has left it; empty if there is no such file.
    [[nodiscard]] std::span<const u8> file(std::string_view name) const;

    /// Items with a fixed key; a second call replaces the first. Integers are little-endian.
    void set_legacy(FwCfgKey key, std::vector<u8> bytes);
    void set_legacy(FwCfgKey key, u16 value);
    void set_legacy(FwCfgKey key, u32 value);
    void set_legacy(FwCfgKey key, u64 value);

    void reset();

    u32 port_read(u16 port, unsigned size) override;
    void port_write(u16 port, unsigned size, u32 value) override;

    struct State {
        u16 selector = 0;
        u32 offset = 0;
        u32 dma_address_high = 0;
        std::vector<std::vector<u8>> written_files;  ///< contents of the writable files, in directory order
        template<class V>
        constexpr void fields(V& v) {
            v("selector", selector);
            v("offset", offset);
            v("dma_address_high", dma_address_high);
            v("written_files", written_files);
        }
    };
    [[nodiscard]] std::string_view state_name() const override { return "fw_cfg"; }
    [[nodiscard]] StateNode save_state() const override;
    Result<Install> load_state(const StateNode& node) override;

  private:
    struct Item {
        std::string name;  ///< empty for items with a fixed key
        std::vector<u8> bytes;
        bool writable = false;
        Refresh refresh = {};
    };
    FwCfg(DmaPort& dma, Log& log);
    void select(u16 key);
    void find_selected();
    u8 next_byte();
    void run_dma(GuestPhys descriptor);
    void dma_read_item(GuestPhys to, u32 length);
    [[nodiscard]] bool dma_write_item(GuestPhys from, u32 length);
    void rebuild_directory();

    DmaPort& dma_;
    Log& log_;
    std::map<u16, Item> items_;
    size_t files_ = 0;
    State state_;
    Item* selected_ = nullptr;  ///< the item of state_.selector, if there is one
    std::vector<PortClaim> claims_;
};

}  // namespace gnomon
