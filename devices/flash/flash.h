// A parallel flash chip with a byte-wide bus and Intel's command set: what PCs keep firmware and its
// variables in. Intel "3 Volt Intel StrataFlash Memory" datasheet (290667), "Bus Operations" and "Command
// Definitions"; JEDEC JESD68, "Common Flash Interface".
#pragma once

#include <functional>
#include <memory>
#include <span>
#include <string>

#include "memory/physical_map.h"
#include "support/state.h"

namespace gnomon {

/// Its array is flash memory of the physical map, so that code runs from it at full speed; while the chip
/// shows anything else (status, identifier, query) reads come here, and stores always do. Programming and
/// erasing take no time. Differences to the chip, which firmware for QEMU's flash device relies on: Clear
/// Status clears the ready bit as well and leaves the chip reading its array.
class Flash final : public MmioIo, public StatePart {
  public:
    static constexpr u32 kBlockBytes = 0x1000;  ///< what one erase command covers
    static constexpr u32 kBufferBytes = 32;

    struct Config {
        std::string name = {};  ///< of the part, "flash.1"
        GuestPhys base = {};    ///< where it lies
        u64 offset = 0;         ///< where its array begins in PhysicalMap::flash_memory()
        u64 bytes = 0;          ///< a multiple of kBlockBytes
        bool write_protected = false;
        /// Keeps what was changed, [offset, offset + data.size()) of the array; may be empty. Called when the
        /// chip returns to its array, not for each byte.
        std::function<Result<void>(u64 offset, std::span<const u8> data)> store = {};
    };
    static Result<std::unique_ptr<Flash>> create(PhysicalMap& map, Log& log, Config config);
    ~Flash();

    /// RP#: back to the array; its content stays.
    void reset();

    [[nodiscard]] std::span<u8> array() const {
        return map_.flash_memory().subspan(config_.offset, config_.bytes);
    }

    u64 mmio_read(u64 offset, unsigned size) override;
    void mmio_write(u64 offset, unsigned size, u64 value) override;

    enum class Mode : u8 {
        // what reads show
        Array,
        Status,
        Identifier,
        Query,
        // a command that waits for its next bus cycle; reads show the status
        Program,
        Erase,
        Lock,
        BufferCount,
        BufferData,
        BufferConfirm,
        kCount
    };
    struct State {
        Mode mode = Mode::Array;
        u8 status = 0x80;
        u32 buffer_base = 0;  ///< address of the block's first byte that the buffer is for
        u8 buffer_count = 0;  ///< bytes that Write to Buffer announced
        u8 buffer_filled = 0;
        std::array<u32, kBufferBytes> buffer_addresses{};
        std::array<u8, kBufferBytes> buffer{};
        template<class V>
        constexpr void fields(V& v) {
            v("mode", mode);
            v("status", status);
            v("buffer_base", buffer_base);
            v("buffer_count", buffer_count);
            v("buffer_filled", buffer_filled);
            v("buffer_addresses", buffer_addresses);
            v("buffer", buffer);
        }
    };
    [[nodiscard]] const State& state() const { return state_; }
    [[nodiscard]] std::string_view state_name() const override { return config_.name; }
    [[nodiscard]] StateNode save_state() const override { return save_value(state_); }
    Result<Install> load_state(const StateNode& node) override;

  private:
    Flash(PhysicalMap& map, Log& log, Config config) : map_(map), log_(log), config_(std::move(config)) {}

    void set_mode(Mode mode);
    void show();
    [[nodiscard]] u8 read_byte(u64 offset) const;
    void write_byte(u64 offset, u8 value);
    void start_command(u64 offset, u8 command);
    void program(u64 offset, u8 value);
    void erase(u64 offset);
    void write_buffer();
    /// The command fails with these bits of the status register.
    void refuse(u8 bits);
    void change(u64 offset, u64 bytes);
    void store_changes();

    PhysicalMap& map_;
    Log& log_;
    Config config_;
    State state_;
    u64 changed_from_ = 0;  ///< what config_.store has not been given yet; empty: from == to
    u64 changed_to_ = 0;
    PhysicalRegion region_;
};

}  // namespace gnomon
