// Copy-on-write overlay: what the guest writes goes to a temporary file, the image below stays as it is.
#pragma once

#include <map>
#include <memory>

#include "devices/storage/block_image.h"
#include "devices/storage/host_file.h"
#include "support/state.h"

namespace gnomon {

/// Its state is the sectors written so far, so a machine snapshot carries the whole difference to the base
/// image.
class OverlayImage final : public BlockImage, public StatePart {
  public:
    /// `state_name` is the part's name in snapshots ("disk.hda").
    static Result<std::unique_ptr<OverlayImage>> create(std::unique_ptr<BlockImage> base,
                                                        std::string state_name);

    [[nodiscard]] std::string_view name() const override { return base_->name(); }
    [[nodiscard]] u64 sectors() const override { return base_->sectors(); }
    [[nodiscard]] bool read_only() const override { return false; }
    Result<void> read(u64 sector, std::span<u8> out) override;
    Result<void> write(u64 sector, std::span<const u8> data) override;
    Result<void> flush() override { return {}; }
    /// How many sectors differ from the base.
    [[nodiscard]] u64 written_sectors() const;

    [[nodiscard]] std::string_view state_name() const override { return state_name_; }
    [[nodiscard]] StateNode save_state() const override;
    Result<Install> load_state(const StateNode& node) override;

  private:
    static constexpr u64 kGroup = 64;  ///< sectors that share one word of `written`

    /// The temporary file has the layout of the base and holes where nothing was written.
    struct Content {
        HostFile file;
        std::map<u64, u64> written;  ///< group number → one bit a sector

        [[nodiscard]] bool holds(u64 sector) const;
        Result<void> write(u64 sector, std::span<const u8> data);
    };
    struct Saved {
        u64 base_sectors = 0;
        std::vector<u64> groups;
        std::vector<u64> masks;
        std::vector<u8> data;
        template<class V>
        constexpr void fields(V& v) {
            v("base_sectors", base_sectors);
            v("groups", groups);
            v("masks", masks);
            v("data", data);
        }
    };

    OverlayImage(std::unique_ptr<BlockImage> base, std::string state_name, HostFile file)
        : base_(std::move(base)), state_name_(std::move(state_name)), content_{std::move(file), {}} {}

    std::unique_ptr<BlockImage> base_;
    std::string state_name_;
    Content content_;
};

}  // namespace gnomon
