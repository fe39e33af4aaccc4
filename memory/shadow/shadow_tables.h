// Shadow page tables: translations of every live address space, kept across CR3 loads and kept coherent by
// watching stores to the guest's paging structures. More coherent than SDM Vol. 3, "Caching Translation
// Information" requires.
#pragma once

#include <array>
#include <memory>
#include <string>

#include "memory/page_walk.h"
#include "memory/physical_map.h"

namespace gnomon {

/// A set-associative table from (address space, linear page) to translation, and for each guest page-table
/// page that feeds it a record of where in which spaces it is used and which of its entries matter. A store
/// to such an entry drops exactly the translations that were derived from it.
class ShadowTables final : public PageWriteObserver {
  public:
    /// Told when the translation of a linear page (in the current space) is no longer derived from what the
    /// tables say.
    class Listener {
      public:
        virtual void linear_page_changed(u64 linear) = 0;
        /// The same for the 2^shift bytes around `linear`.
        virtual void linear_range_changed(u64 linear, unsigned shift) = 0;

      protected:
        ~Listener() = default;
    };

    /// `frames`: how many page-table pages are watched at once, 16 to 65535.
    ShadowTables(PhysicalMap& map, Listener& listener, unsigned frames = kDefaultFrames);
    ~ShadowTables();
    ShadowTables(const ShadowTables&) = delete;
    ShadowTables& operator=(const ShadowTables&) = delete;

    /// Makes the address space of these tables the current one; `control.mode` is not None.
    void select(const WalkControl& control);
    /// The translation of the page in the current space; false if it is not known.
    [[nodiscard]] bool find(u64 linear, Translation& out) const;
    /// Remembers a walk of the current space that succeeded, with its accessed flags set. False if it cannot
    /// be kept coherent (the tables are not in RAM): then nothing is remembered.
    bool insert(u64 linear, const Walk& walk);
    /// Forgets the page in the current space.
    void drop(u64 linear) { drop_linear(current_, linear); }
    /// Forgets everything; the current space stays selected.
    void clear();

    void page_written(u32 page, u32 offset, u32 size, const u8* data) override;
    [[nodiscard]] bool watches(u32 page) const override { return frame_index_[page] != 0; }

    [[nodiscard]] u64 invalidations() const { return invalidations_; }
    [[nodiscard]] unsigned tracked_frames() const { return frames_used_; }
    [[nodiscard]] unsigned live_spaces() const;
    /// Text for `info shadow`: spaces with their entries, tracked frames with their uses.
    [[nodiscard]] std::string describe() const;

    static constexpr unsigned kSpaces = 64;
    static constexpr unsigned kDefaultFrames = 2048;
    /// A frame that is written this often without a walk through it is no page table any more, or is being
    /// torn down.
    static constexpr unsigned kIdleWrites = 32;

  private:
    static constexpr unsigned kWays = 4;
    static constexpr unsigned kSetBits = 14;
    static constexpr unsigned kPageBits = 45;  ///< of a linear page number: 57-bit addresses
    static constexpr u32 kLastId = (u32{1} << (64 - kPageBits)) - 1;
    static constexpr u32 kAnySpace = 0;
    static constexpr unsigned kUses = 6;

    /// `key` is space id and linear page number, 0 if free; `data` is the physical page and, in the low bits,
    /// rights.
    struct Entry {
        u64 key = 0;
        u64 data = 0;
    };
    struct alignas(64) Set {
        std::array<Entry, kWays> ways;
    };
    struct Space {
        u32 id = 0;  ///< 0: free; else unique, and the slot number in its low bits
        u64 last_used = 0;
        WalkControl control;
    };
    /// A role of a frame: in `space` (or in any), its entry i covers linear addresses from base + (i <<
    /// shift).
    struct Use {
        u64 base = 0;
        u32 space = kAnySpace;
        u8 shift = 0;
        u8 entry_size = 0;

        [[nodiscard]] bool same_role(const Use& other) const {
            return base == other.base && shift == other.shift && entry_size == other.entry_size;
        }
    };
    struct Frame {
        u32 ram_page = 0;
        u32 walk = 0;   ///< number of the last insertion that went through it
        u8 writes = 0;  ///< since then
        u8 use_count = 0;
        bool in_use = false;
        bool referenced = false;  ///< since the clock hand passed
        bool wide = false;        ///< has a role with 8-byte entries
        std::array<Use, kUses> uses;
        std::array<u64, 16> derived;  ///< bit n: translations depend on the entry at byte 4 n
    };

    [[nodiscard]] Set& set_of(u64 key) const {
        const u64 page = key & ((u64{1} << kPageBits) - 1);
        return sets_[(page ^ page >> kSetBits ^ (key >> kPageBits) * 0x9e5) & ((1u << kSetBits) - 1)];
    }
    [[nodiscard]] static u64 key_of(u32 space, u64 linear) {
        return u64{space} << kPageBits | (linear >> 12 & ((u64{1} << kPageBits) - 1));
    }
    [[nodiscard]] bool alive(u32 id) const { return id != 0 && spaces_[id % kSpaces].id == id; }

    Frame* frame_of(u64 physical);
    Frame* track(u32 ram_page);
    Frame& recycle_frame();
    bool add_use(Frame& frame, const Use& use);
    void untrack(Frame& frame);
    void release(Frame& frame);
    void drop_entry(const Frame& frame, unsigned position, const Use& use);
    void drop_table(u64 physical, const Use& use);
    void drop_range(u32 space, u64 base, unsigned shift);
    void drop_linear(u32 space, u64 linear);
    void drop_translations(u32 space, u64 linear);
    void drop_key(u64 key);
    void retire(Space& space);
    void retire_roots(u32 ram_page);
    /// The TLB may hold translations of these spaces; of others it keeps global ones only, as it would
    /// whatever happened to their tables.
    [[nodiscard]] bool concerns_tlb(u32 space) const { return space == kAnySpace || space == current_; }
    void forget_everything();

    PhysicalMap& map_;
    Listener& listener_;
    const unsigned frame_count_;
    std::unique_ptr<Set[]> sets_;
    std::unique_ptr<Frame[]> frames_;
    std::unique_ptr<u16[]> frame_index_;  ///< by RAM page: index of its frame plus one
    std::array<Space, kSpaces> spaces_;
    std::array<u64, kSpaces> roots_{};  ///< of the spaces, for a quick search
    u32 current_ = 0;
    u32 next_generation_ = 1;
    u64 selections_ = 0;
    u32 walks_ = 0;
    unsigned frames_used_ = 0;
    unsigned hand_ = 0;  ///< of the clock that picks frames to recycle
    unsigned next_way_ = 0;
    bool disturbed_ = false;  ///< uses were removed since the insertion began
    u64 invalidations_ = 0;
};

}  // namespace gnomon
