// Shadow page tables: the table of translations, the tracking of guest page-table pages, and invalidation by
// stores.
#include "memory/shadow/shadow_tables.h"

#include <algorithm>
#include <bit>
#include <cstring>

namespace gnomon {

namespace {

// Low bits of Entry::data.
constexpr u64 kWritable = 1;
constexpr u64 kUser = 2;
constexpr u64 kExecutable = 4;
constexpr u64 kGlobal = 8;
constexpr u64 kDirty = 16;
constexpr unsigned kSizeShift = 5;  // two bits: index into kPageShifts
constexpr unsigned kKeyShift = 7;   // four bits
constexpr std::array<u8, 4> kPageShifts = {12, 21, 22, 30};

u64 pack(const Translation& t) {
    const u64 size = t.page_shift == 12 ? 0 : t.page_shift == 21 ? 1 : t.page_shift == 22 ? 2 : 3;
    return t.page | (t.writable ? kWritable : 0) | (t.user ? kUser : 0) | (t.executable ? kExecutable : 0) |
           (t.global ? kGlobal : 0) | (t.dirty ? kDirty : 0) | size << kSizeShift | u64{t.key} << kKeyShift;
}

Translation unpack(u64 data) {
    Translation t;
    t.page = data & kPageMask;
    t.page_shift = kPageShifts[data >> kSizeShift & 3];
    t.writable = data & kWritable;
    t.user = data & kUser;
    t.executable = data & kExecutable;
    t.global = data & kGlobal;
    t.dirty = data & kDirty;
    t.key = data >> kKeyShift & 15;
    return t;
}

unsigned index_bits(unsigned entry_size) { return entry_size == 4 ? 10 : 9; }

}  // namespace

ShadowTables::ShadowTables(PhysicalMap& map, Listener& listener, unsigned frames)
    : map_(map),
      listener_(listener),
      frame_count_(frames),
      sets_(std::make_unique<Set[]>(size_t{1} << kSetBits)),
      frames_(std::make_unique<Frame[]>(frame_count_)),
      frame_index_(std::make_unique<u16[]>(map.ram_pages())) {
    map_.observe_writes(PageFlag::PageTable, *this);
}

ShadowTables::~ShadowTables() {
    forget_everything();
    map_.stop_observing(PageFlag::PageTable, *this);
}

// --- Spaces
// --------------------------------------------------------------------------------------------------------

void ShadowTables::select(const WalkControl& control) {
    selections_++;
    for (unsigned slot = 0; slot < kSpaces; slot++) {
        if (roots_[slot] != control.root) continue;
        Space& space = spaces_[slot];
        if (space.id == 0 || !space.control.same_space(control)) continue;
        space.last_used = selections_;
        current_ = space.id;
        return;
    }
    unsigned slot = 0;
    for (unsigned i = 0; i < kSpaces; i++) {
        if (spaces_[i].id == 0) {
            slot = i;
            break;
        }
        if (spaces_[i].last_used < spaces_[slot].last_used) slot = i;
    }
    if (spaces_[slot].id != 0) retire(spaces_[slot]);
    if (next_generation_ > kLastId / kSpaces) {
        // All ids were given out: keys of dead spaces must not come to life again.
        forget_everything();
        std::fill_n(sets_.get(), size_t{1} << kSetBits, Set{});
        next_generation_ = 1;
        slot = 0;
    }
    Space& space = spaces_[slot];
    // Ids below kSpaces are not used, so that 0 can stand for "none" and "any".
    space.id = next_generation_++ * kSpaces + slot;
    space.last_used = selections_;
    space.control = control;
    roots_[slot] = control.root;
    current_ = space.id;
}

void ShadowTables::retire(Space& space) {
    const u32 id = space.id;
    space.id = 0;
    roots_[static_cast<size_t>(&space - spaces_.data())] = 0;
    // Its translations cannot be found any more; the frames it alone used are ordinary pages again.
    for (unsigned i = 0; i < frame_count_ && frames_used_ != 0; i++) {
        Frame& frame = frames_[i];
        if (!frame.in_use) continue;
        const auto end = std::remove_if(frame.uses.begin(), frame.uses.begin() + frame.use_count,
                                        [&](const Use& use) { return use.space == id; });
        frame.use_count = static_cast<u8>(end - frame.uses.begin());
        if (frame.use_count == 0) release(frame);
    }
}

/// Of the spaces that are not in force, those with the root in this page. PAE has only copies of its root.
void ShadowTables::retire_roots(u32 ram_page) {
    const u64 root = map_.ram_address(ram_page).value;
    for (unsigned slot = 0; slot < kSpaces; slot++) {
        Space& space = spaces_[slot];
        if (roots_[slot] != root || space.id == 0 || space.id == current_) continue;
        if (space.control.mode != PagingMode::Pae) retire(space);
    }
}

unsigned ShadowTables::live_spaces() const {
    return static_cast<unsigned>(
        std::count_if(spaces_.begin(), spaces_.end(), [](const Space& s) { return s.id != 0; }));
}

void ShadowTables::forget_everything() {
    for (unsigned i = 0; i < frame_count_ && frames_used_ != 0; i++)
        if (frames_[i].in_use) release(frames_[i]);
    for (Space& space : spaces_) space.id = 0;
    roots_ = {};
}

void ShadowTables::clear() {
    if (current_ == 0) return;
    // Taken before the ids change: without any live space there is nothing to keep.
    const WalkControl control = spaces_[current_ % kSpaces].control;
    forget_everything();
    select(control);
}

// --- Translations
// --------------------------------------------------------------------------------------------------

bool ShadowTables::find(u64 linear, Translation& out) const {
    const u64 key = key_of(current_, linear);
    for (const Entry& entry : set_of(key).ways) {
        if (entry.key != key) continue;
        out = unpack(entry.data);
        return true;
    }
    return false;
}

bool ShadowTables::insert(u64 linear, const Walk& walk) {
    std::array<u32, 5> pages;
    for (unsigned i = 0; i < walk.count; i++) {
        const PhysicalMap::Page page = map_.page(GuestPhys(walk.steps[i].address));
        if (!page.ram) return false;
        pages[i] = page.ram_page;
    }
    walks_++;
    disturbed_ = false;
    const unsigned table_bits = index_bits(walk.entry_size);
    for (unsigned i = 0; i < walk.count; i++) {
        const WalkStep& step = walk.steps[i];
        Frame& frame = *track(pages[i]);
        Use use;
        use.base = linear >> (step.shift + table_bits) << (step.shift + table_bits);
        use.space = current_;
        use.shift = step.shift;
        use.entry_size = walk.entry_size;
        if (!add_use(frame, use)) return false;
        const unsigned position = static_cast<unsigned>(step.address & ~kPageMask) / 4;
        frame.derived[position / 64] |= u64{1} << position % 64;
    }
    // Making room may have taken away what was just recorded; the next walk finds the room made.
    if (disturbed_) return false;

    const u64 key = key_of(current_, linear);
    Set& set = set_of(key);
    Entry* free = nullptr;
    for (Entry& entry : set.ways) {
        if (entry.key == key) {
            free = &entry;
            break;
        }
        if (!alive(static_cast<u32>(entry.key >> kPageBits))) free = &entry;
    }
    if (!free) free = &set.ways[next_way_++ % kWays];
    *free = {key, pack(walk.translation)};
    return true;
}

void ShadowTables::drop_key(u64 key) {
    for (Entry& entry : set_of(key).ways) {
        if (entry.key != key) continue;
        entry = {};
        invalidations_++;
        return;
    }
}

void ShadowTables::drop_translations(u32 space, u64 linear) {
    if (space != kAnySpace) {
        drop_key(key_of(space, linear));
        return;
    }
    for (const Space& each : spaces_)
        if (each.id != 0) drop_key(key_of(each.id, linear));
}

void ShadowTables::drop_linear(u32 space, u64 linear) {
    drop_translations(space, linear);
    if (concerns_tlb(space)) listener_.linear_page_changed(linear);
}

/// Drops the fragments of a large page.
void ShadowTables::drop_range(u32 space, u64 base, unsigned shift) {
    if (space != kAnySpace && shift < 30) {
        for (u64 offset = 0; offset < u64{1} << shift; offset += kPageSize)
            drop_translations(space, base + offset);
    } else {
        // More keys than the table has entries.
        const u64 range = (key_of(0, base) << 12) >> shift;
        for (size_t i = 0; i < size_t{1} << kSetBits; i++)
            for (Entry& entry : sets_[i].ways) {
                const u32 id = static_cast<u32>(entry.key >> kPageBits);
                const u64 page = entry.key & ((u64{1} << kPageBits) - 1);
                if (id == 0 || (space != kAnySpace && id != space) || (page << 12) >> shift != range)
                    continue;
                entry = {};
                invalidations_++;
            }
    }
    if (concerns_tlb(space)) listener_.linear_range_changed(base, shift);
}

// --- Tracking
// ------------------------------------------------------------------------------------------------------

ShadowTables::Frame* ShadowTables::frame_of(u64 physical) {
    const PhysicalMap::Page page = map_.page(GuestPhys(physical));
    if (!page.ram || frame_index_[page.ram_page] == 0) return nullptr;
    return &frames_[frame_index_[page.ram_page] - 1];
}

ShadowTables::Frame* ShadowTables::track(u32 ram_page) {
    u16& index = frame_index_[ram_page];
    if (index != 0) {
        Frame& frame = frames_[index - 1];
        frame.writes = 0;
        frame.referenced = true;
        frame.walk = walks_;
        return &frame;
    }
    Frame& frame = recycle_frame();
    frame.ram_page = ram_page;
    frame.walk = walks_;
    frame.writes = 0;
    frame.use_count = 0;
    frame.in_use = true;
    frame.referenced = true;
    frame.wide = false;
    frame.derived = {};
    frames_used_++;
    index = static_cast<u16>(&frame - frames_.get() + 1);
    map_.set_flag(ram_page, PageFlag::PageTable);
    return &frame;
}

ShadowTables::Frame& ShadowTables::recycle_frame() {
    for (;;) {
        Frame& frame = frames_[hand_];
        hand_ = (hand_ + 1) % frame_count_;
        if (!frame.in_use) return frame;
        if (frame.walk == walks_) continue;  // part of the walk being recorded
        if (frame.referenced) {
            frame.referenced = false;
            continue;
        }
        untrack(frame);
        return frame;
    }
}

bool ShadowTables::add_use(Frame& frame, const Use& use) {
    for (unsigned i = 0; i < frame.use_count; i++) {
        const Use& known = frame.uses[i];
        if (known.same_role(use) && (known.space == use.space || known.space == kAnySpace)) return true;
    }
    if (frame.use_count == kUses) {
        // Tables shared by many spaces sit at the same place in all of them: one use stands for all.
        const auto begin = frame.uses.begin();
        const auto end =
            std::remove_if(begin, begin + frame.use_count, [&](const Use& u) { return u.same_role(use); });
        if (end != begin + frame.use_count) {
            *end = use;
            end->space = kAnySpace;
            frame.use_count = static_cast<u8>(end - begin + 1);
            return true;
        }
        untrack(frame);
        return false;
    }
    frame.uses[frame.use_count++] = use;
    frame.wide |= use.entry_size == 8;
    return true;
}

void ShadowTables::release(Frame& frame) {
    frame.in_use = false;
    frame.use_count = 0;
    frame_index_[frame.ram_page] = 0;
    frames_used_--;
    map_.clear_flag(frame.ram_page, PageFlag::PageTable);
}

void ShadowTables::untrack(Frame& frame) {
    disturbed_ = true;
    // When a process has ended, the page of its root is used for something else: all of its translations go at
    // once, and its entries need not be looked at one by one.
    retire_roots(frame.ram_page);
    if (!frame.in_use) return;
    const auto uses = frame.uses;  // a table that maps itself loses uses on the way
    const unsigned count = frame.use_count;
    for (unsigned word = 0; word < frame.derived.size(); word++)
        for (u64 bits = frame.derived[word]; bits != 0; bits &= bits - 1) {
            const unsigned position = word * 64 + static_cast<unsigned>(std::countr_zero(bits));
            for (unsigned i = 0; i < count; i++) drop_entry(frame, position, uses[i]);
        }
    release(frame);
}

/// Drops what was derived from the entry at byte 4 * `position` of the frame in one of its roles.
void ShadowTables::drop_entry(const Frame& frame, unsigned position, const Use& use) {
    const unsigned index = use.entry_size == 4 ? position : position / 2;
    const u64 linear = use.base + (u64{index} << use.shift);
    if (use.shift == 12) {
        drop_linear(use.space, linear);
        return;
    }
    // The entry still has the value that was walked: stores are announced before they happen.
    u64 entry = 0;
    std::memcpy(&entry, map_.ram() + (u64{frame.ram_page} << 12) + u64{index} * use.entry_size,
                use.entry_size);
    if (!(entry & page_entry::kPresent)) return;
    if (use.shift <= 30 && entry & page_entry::kLarge) drop_range(use.space, linear, use.shift);
    // With CR4.PSE clear the bit means nothing, so the table is looked for in any case.
    Use below = use;
    below.base = linear;
    below.shift = static_cast<u8>(use.shift - index_bits(use.entry_size));
    drop_table(entry & walker::bits(12, 51), below);
}

/// Drops what was derived from a whole table in one of its roles, and the role.
void ShadowTables::drop_table(u64 physical, const Use& use) {
    Frame* const frame = frame_of(physical);
    if (!frame) return;
    const auto covered = [&](const Use& u) {
        return u.same_role(use) && (use.space == kAnySpace || u.space == use.space || u.space == kAnySpace);
    };
    if (std::none_of(frame->uses.begin(), frame->uses.begin() + frame->use_count, covered)) return;
    for (unsigned word = 0; word < frame->derived.size(); word++)
        for (u64 bits = frame->derived[word]; bits != 0; bits &= bits - 1)
            drop_entry(*frame, word * 64 + static_cast<unsigned>(std::countr_zero(bits)), use);
    const auto gone = [&](const Use& u) {
        return u.same_role(use) && (use.space == kAnySpace || u.space == use.space);
    };
    const auto end = std::remove_if(frame->uses.begin(), frame->uses.begin() + frame->use_count, gone);
    const u8 left = static_cast<u8>(end - frame->uses.begin());
    if (left != frame->use_count) disturbed_ = true;
    frame->use_count = left;
    // Of a table that maps itself only roles below the one being worked on are gone, so that it is still in
    // use.
    if (left == 0) release(*frame);
}

void ShadowTables::page_written(u32 page, u32 offset, u32 size, const u8*) {
    if (frame_index_[page] == 0) return;
    Frame& frame = frames_[frame_index_[page] - 1];
    // No guest edits page tables in long strides, except to build or to destroy them.
    if (++frame.writes > kIdleWrites || size > 64) {
        untrack(frame);
        return;
    }
    unsigned first = offset / 4;
    const unsigned last = (offset + size - 1) / 4;
    if (frame.wide) first &= ~1u;  // a store to the upper half of an entry
    for (unsigned position = first; position <= last; position++) {
        const u64 bit = u64{1} << position % 64;
        if (!(frame.derived[position / 64] & bit)) continue;
        const auto uses = frame.uses;
        const unsigned count = frame.use_count;
        for (unsigned i = 0; i < count; i++) drop_entry(frame, position, uses[i]);
        frame.derived[position / 64] &= ~bit;
    }
}

// --- For people
// ----------------------------------------------------------------------------------------------------

std::string ShadowTables::describe() const {
    static constexpr std::array<const char*, 5> kModes = {"none", "32-bit", "PAE", "4-level", "5-level"};
    std::array<u64, kSpaces> entries{};
    for (size_t i = 0; i < size_t{1} << kSetBits; i++)
        for (const Entry& entry : sets_[i].ways) {
            const u32 id = static_cast<u32>(entry.key >> kPageBits);
            if (alive(id)) entries[id % kSpaces]++;
        }
    std::string out = fmt::format("{} spaces, {} tracked frames\n", live_spaces(), frames_used_);
    for (const Space& space : spaces_) {
        if (space.id == 0) continue;
        const unsigned slot = space.id % kSpaces;
        out += fmt::format("space {}{}: CR3 {:#x} {}, {} entries\n", space.id,
                           space.id == current_ ? " (current)" : "", space.control.root,
                           kModes[static_cast<size_t>(space.control.mode)], entries[slot]);
    }
    for (unsigned i = 0; i < frame_count_; i++) {
        const Frame& frame = frames_[i];
        if (!frame.in_use) continue;
        unsigned derived = 0;
        for (u64 word : frame.derived) derived += static_cast<unsigned>(std::popcount(word));
        out += fmt::format("frame RAM page {:#x}: {} entries used;", frame.ram_page, derived);
        for (unsigned u = 0; u < frame.use_count; u++) {
            const Use& use = frame.uses[u];
            const std::string where =
                use.space == kAnySpace ? "any space" : fmt::format("space {}", use.space);
            out += fmt::format(" {:#x} in {} (2^{} bytes an entry)", use.base, where, use.shift);
        }
        out += '\n';
    }
    return out;
}

}  // namespace gnomon
