// Translation of bytes to blocks, dead flags, fused pairs, and invalidation by stores.
#include "cpu/block.h"

#include <sys/mman.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <cstring>

#include "cpu/access_count.h"
#include "cpu/alu_forms.h"
#include "cpu/engine.h"
#include "cpu/handler.h"
#include "cpu/integer.h"

namespace gnomon {
namespace {

Outcome undefined_instruction(Cpu& c, const Instruction&) { return c.raise(Vector::UD); }
Outcome overlong_instruction(Cpu& c, const Instruction&) { return c.raise(Vector::GP, 0); }

/// Goes on with the block that follows in memory.
template <bool flat>
GNOMON_HANDLER void block_end(Cpu* c, const Instruction* i, u64 ip, u64 r, u64 s, u64 k) {
    GNOMON_TAIL branch_not_taken<u32, flat>(c, i - 1, ip, r, s, k);
}

/// What an instruction does with the arithmetic flags; Reads: anything else.
enum class FlagUse : u8 { Reads, Sets, Changes, None };

FlagUse flag_use(const Decoded& d) {
    const u16 attributes = d.row ? d.row->attributes : 0;
    if (attributes & attr::kSetsFlags) {
        const bool is_shift_by_zero = d.row->operands.ends_with("Ib") && (d.opcode & 0xfe) == 0xc0 && d.row->map == OpcodeMap::One &&
                                      (d.imm & (operand_width(d) == 8 ? 63 : 31)) == 0;
        return is_shift_by_zero ? FlagUse::Reads : FlagUse::Sets;
    }
    if (attributes & attr::kKeepsFlags) return FlagUse::Changes;
    return (attributes & attr::kPure) && !d.memory ? FlagUse::None : FlagUse::Reads;
}

/// Which instructions set flags that nobody can see: those that are overwritten in the same block with nothing between that reads
/// flags or may fault (a fault handler would see them).
void mark_dead_flags(Decoded* list, unsigned count) {
    bool live = true;
    for (unsigned n = count; n-- > 0;) {
        Decoded& d = list[n];
        switch (flag_use(d)) {
        case FlagUse::Reads: live = true; break;
        case FlagUse::Sets:
            d.flags_dead = !live;
            live = d.memory;
            break;
        case FlagUse::Changes:
            d.flags_dead = !live;
            live = live || d.memory;
            break;
        case FlagUse::None: break;
        }
    }
}

/// Handler of the pair, or null: they are executed one by one.
Handler fused(const Decoded& first, const Decoded& branch) {
    const Handler compare = fused_compare(first, branch);
    return compare ? compare : fused_arithmetic(first, branch);
}

/// All but immediate and displacement.
bool same_but_operands(const Instruction& a, const Instruction& b) {
    return a.handler == b.handler && a.base == b.base && a.index == b.index && a.scale == b.scale && a.segment == b.segment &&
           a.reg == b.reg && a.rm == b.rm && a.prefix == b.prefix && a.row == b.row;
}

bool ends_block(const Decoded& d) { return !d.row || (d.row->attributes & attr::kEnds); }

}  // namespace

void BlockCache::Free::operator()(void* p) const { std::free(p); }

BlockCache::BlockCache(PhysicalMap& map, const FeatureSet& features, const Instruction* const& current, bool& written)
    : map_(map),
      features_(features),
      current_(current),
      written_(written),
      arena_(static_cast<u8*>(std::aligned_alloc(64, kArenaBytes))),
      table_(kSlots),
      code_pages_(static_cast<CodePage*>(std::calloc(map.ram_pages(), sizeof(CodePage)))),
      decoded_(kMaxInstructions) {
    map_.observe_writes(PageFlag::Code, *this);
}

BlockCache::~BlockCache() { map_.stop_observing(PageFlag::Code, *this); }

size_t BlockCache::hash(u64 host, u32 mode) { return (host * 0x9e3779b97f4a7c15ull + mode * 0x85ebca6bull) >> 40 & (kSlots - 1); }

Block* BlockCache::find(u64 host, u32 mode) const {
    for (size_t at = hash(host, mode); table_[at]; at = (at + 1) & (kSlots - 1)) {
        Block* block = table_[at];
        if (block->host == host && block->mode == mode && !block->dead) return block;
    }
    return nullptr;
}

void BlockCache::insert(Block* block) {
    size_t at = hash(block->host, block->mode);
    while (table_[at] && !table_[at]->dead) at = (at + 1) & (kSlots - 1);
    entries_ += table_[at] == nullptr;
    table_[at] = block;
    if (!counting_) return;
    auto* count = new (&run_count(block)) RunCount{0, block->entry()->handler};
    used_ += sizeof(*count);
    block->entry()->handler = &count_run;
    counted_.push_back(block);
}

GNOMON_HANDLER void BlockCache::count_run(Cpu* c, const Instruction* i, u64 ip, u64 r, u64 s, u64 k) {
    RunCount& count = run_count(block_of_entry(const_cast<Instruction*>(i)));
    count.runs++;
    GNOMON_TAIL count.first(c, i, ip, r, s, k);
}

void BlockCache::count_runs() {
    if (used_ != 0) flush();
    counting_ = true;
}

void BlockCache::add_runs(Runs& runs) const {
    for (Block* block : counted_) {
        const u64 n = run_count(block).runs;
        runs.blocks += n;
        runs.reads += n * block->reads;
        runs.writes += n * block->writes;
    }
}

BlockCache::Runs BlockCache::runs() const {
    Runs runs = runs_;
    add_runs(runs);
    return runs;
}

Block* BlockCache::build(const u8* bytes, unsigned available, u64 host, u32 mode, unsigned limit) {
    std::vector<Decoded>& list = decoded_;
    std::array<DecodeStatus, kMaxInstructions> status{};
    unsigned count = 0;
    unsigned at = 0;
    while (count < limit && at < available) {
        status[count] = decode(bytes + at, available - at, mode, features_, list[count]);
        if (status[count] == DecodeStatus::NeedMore) break;
        if (status[count] != DecodeStatus::Ok) list[count].row = nullptr;
        at += list[count].length;
        count++;
        if (ends_block(list[count - 1])) break;
    }
    if (count == 0) return nullptr;
    mark_dead_flags(list.data(), count);

    auto* block = new (arena_.get() + used_) Block{};
    used_ += sizeof(Block) + (count + 1) * sizeof(Instruction);
    block->host = host;
    block->mode = mode;
    block->bytes = static_cast<u16>(at);
    block->count = static_cast<u8>(count);
    if (counting_) {
        AccessCount accesses;
        for (unsigned n = 0; n < count; n++) {
            if (status[n] != DecodeStatus::Ok) continue;
            const AccessCount more = data_accesses(list[n]);
            accesses.reads += more.reads;
            accesses.writes += more.writes;
        }
        block->reads = static_cast<u8>(std::min(accesses.reads, 255u));
        block->writes = static_cast<u8>(std::min(accesses.writes, 255u));
    }
    unsigned offset = 0;
    for (unsigned n = 0; n < count; n++) {
        const Decoded& d = list[n];
        auto* insn = new (block->entry() + n) Instruction{};
        insn->index_in_block = static_cast<u8>(n);
        insn->ip_offset = static_cast<u16>(offset);
        offset += d.length;
        if (status[n] != DecodeStatus::Ok) {
            insn->handler = status[n] == DecodeStatus::TooLong ? &call<&overlong_instruction> : &call<&undefined_instruction>;
            continue;
        }
        fill_operands(d, *insn);
        // Branch displacements count from the start of the block.
        if (d.row->operands.starts_with('J')) insn->imm = d.imm + offset;
        d.row->build(d, *insn);
        if (n > 0 && is_conditional_branch(d.row->build) && list[n - 1].row) {
            if (const Handler pair = fused(list[n - 1], d)) insn[-1].handler = pair;
        }
    }
    auto* end = new (block->end()) Instruction{};
    end->handler = is_linked(mode) ? &block_end<true> : &block_end<false>;
    end->taken = nullptr;
    end->fall = nullptr;
    end->index_in_block = static_cast<u8>(count);
    end->ip_offset = static_cast<u16>(offset);
    counters_.decoded++;
    return block;
}

Block* BlockCache::translate(const Mmu::FetchPage& page, unsigned offset, u32 mode) {
    const u8* bytes = page.host + offset;
    const unsigned limit = mode & mode::kSingle ? 1 : kMaxInstructions;
    Block* block = build(bytes, static_cast<unsigned>(kPageSize) - offset, reinterpret_cast<u64>(bytes), mode, limit);
    if (!block) return nullptr;
    insert(block);
    if (page.ram) {
        CodePage& code = code_pages_.get()[page.ram_page];
        if (!code.granules) used_pages_.push_back(page.ram_page);
        block->next = code.blocks;
        code.blocks = block;
        code.granules |= PhysicalMap::granules(offset, block->bytes);
        map_.watch_code(page.ram_page, code.granules);
    }
    return block;
}

Block* BlockCache::checked_block(u64 key, const u8* bytes, unsigned available, u32 mode) {
    mode |= mode::kSingle;
    if (Block* found = find(key, mode); found && found->checked) {
        // The bytes that it was made of are kept behind its end slot.
        if (found->bytes <= available && std::memcmp(found->end() + 1, bytes, found->bytes) == 0) return found;
        kill(found);
    }
    Block* block = build(bytes, available, key, mode, 1);
    if (!block) return nullptr;
    std::memcpy(block->end() + 1, bytes, std::min<size_t>(available, kMaxLength));
    used_ += sizeof(Instruction);
    block->checked = true;
    insert(block);
    return block;
}

void BlockCache::kill(Block* block) {
    block->dead = true;
    block->next = nullptr;
    block->entry()->handler = &dead_block;
    counters_.invalidated++;
}

/// A block that is decoded anew differs from this one in these operands alone, if nothing else that its translation looks at depends
/// on the bytes that change.
BlockCache::Patch BlockCache::patched_operands(const Instruction* insn, const Patch& which, const Store& store) const {
    Patch patch = which;
    const u8* bytes = patch.bytes;
    const u32 mode = patch.mode;
    const unsigned length = insn->length();
    std::array<u8, kMaxLength> changed;
    std::memcpy(changed.data(), bytes, length);
    const u32 start = static_cast<u32>(reinterpret_cast<u64>(bytes) & ~kPageMask);
    const u32 from = std::max(store.offset, start);
    const u32 to = std::min(store.offset + store.size, start + length);
    std::memcpy(changed.data() + (from - start), store.data + (from - store.offset), to - from);

    Decoded before, after;
    if (decode(bytes, length, mode, features_, before) != DecodeStatus::Ok || before.length != length) return patch;
    if (decode(changed.data(), length, mode, features_, after) != DecodeStatus::Ok || after.length != length) return patch;
    // All that the translation of the other instructions depends on.
    if (after.row != before.row || after.memory != before.memory || flag_use(after) != flag_use(before)) return patch;
    if (before.row->operands.starts_with('J')) return patch;    // its target may be linked
    if (patch.before_branch) {
        Decoded branch;
        if (decode(bytes + length, insn[1].length(), mode, features_, branch) != DecodeStatus::Ok) return patch;
        if (fused(after, branch) != fused(before, branch)) return patch;
    }
    // Whether its flags are dead is as it was.
    Instruction old_insn{}, new_insn{};
    for (const bool dead : {true, false}) {
        before.flags_dead = after.flags_dead = dead;
        fill_operands(before, old_insn);
        fill_operands(after, new_insn);
        before.row->build(before, old_insn);
        after.row->build(after, new_insn);
        if (!same_but_operands(old_insn, new_insn)) return patch;
    }
    patch.possible = true;
    patch.imm = new_insn.imm;
    patch.disp = new_insn.disp;
    return patch;
}

/// Makes the store in the decoded instruction; false: the block must go. `patch` is kept for other blocks with that instruction.
bool BlockCache::patch(Block& block, const Store& store, Patch& patch) {
    const u32 start = static_cast<u32>(block.host & ~kPageMask);
    if (!store.data || store.offset < start) return false;
    Instruction* insn = block.entry();
    while (store.offset >= start + insn[1].ip_offset) insn++;
    const bool in_one = store.offset + store.size <= start + insn[1].ip_offset || insn + 1 == block.end();
    // An instruction that stores into itself is finished as it was.
    if (!in_one || insn == current_) return false;
    Patch which{reinterpret_cast<const u8*>(block.host) + insn->ip_offset, block.mode};
    which.before_branch = insn + 1 != block.end() && is_conditional_branch(opcode_row(insn[1].row).build);
    if (patch.bytes != which.bytes || patch.mode != which.mode || patch.before_branch != which.before_branch)
        patch = patched_operands(insn, which, store);
    if (!patch.possible) return false;
    insn->imm = patch.imm;
    insn->disp = patch.disp;
    counters_.patched++;
    return true;
}

void BlockCache::page_written(u32 page, u32 offset, u32 size, const u8* data) {
    CodePage& code = code_pages_.get()[page];
    if (!(code.granules & PhysicalMap::granules(offset, size))) return;
    Store store{offset, size, data};
    if (data) {
        // Only what changes.
        const u8* old = map_.ram() + (u64{page} << 12) + offset;
        while (store.size > 0 && old[store.size - 1] == data[store.size - 1]) store.size--;
        while (store.size > 0 && *old == *store.data) old++, store.data++, store.offset++, store.size--;
        if (store.size == 0) return;
    }
    Patch patched;
    Block** link = &code.blocks;
    u64 granules = 0;
    while (Block* block = *link) {
        const u32 start = static_cast<u32>(block->host & ~kPageMask);
        if (start < store.offset + store.size && store.offset < start + block->bytes && !patch(*block, store, patched)) {
            *link = block->next;
            kill(block);
            written_ = true;
            continue;
        }
        granules |= PhysicalMap::granules(start, block->bytes);
        link = &block->next;
    }
    code.granules = granules;
    if (!code.blocks) map_.clear_flag(page, PageFlag::Code);
}

void BlockCache::flush() {
    add_runs(runs_);
    counted_.clear();
    for (const u32 page : used_pages_) {
        code_pages_.get()[page] = {};
        map_.clear_flag(page, PageFlag::Code);
    }
    used_pages_.clear();
    std::fill(table_.begin(), table_.end(), nullptr);
    entries_ = 0;
    used_ = 0;
    counters_.flushes++;
}

}  // namespace gnomon
