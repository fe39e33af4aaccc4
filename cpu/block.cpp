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

    align_to_line();
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

Instruction* BlockCache::far_link(Instruction* end, Block& target, Handler check) {
    align_to_line();
    if (used_ + sizeof(Block) + sizeof(Instruction) > kArenaBytes) return nullptr;
    auto* header = new (arena_.get() + used_) Block{};
    auto* link = new (header->entry()) Instruction{};
    used_ += sizeof(Block) + sizeof(Instruction);
    link->handler = check;
    link->taken = target.entry();
    link->fall = end;
    return link;
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

bool BlockCache::translate_one(const u8* bytes, unsigned length, u32 mode, Translation& out) const {
    if (out.length == length && out.mode == mode && std::memcmp(out.bytes.data(), bytes, length) == 0) return true;
    out.length = 0;
    Decoded& d = out.decoded;
    if (decode(bytes, length, mode, features_, d) != DecodeStatus::Ok || d.length != length) return false;
    out.length = length;
    out.mode = mode;
    std::memcpy(out.bytes.data(), bytes, length);
    for (const bool dead : {false, true}) {
        d.flags_dead = dead;
        fill_operands(d, out.forms[dead]);
        d.row->build(d, out.forms[dead]);
    }
    return true;
}

/// A block that is decoded anew differs from this one in these operands alone, if nothing else that its translation looks at depends
/// on the bytes that change.
void BlockCache::patch_operands(const Instruction* insn, const Store& store, Patch& patch) {
    const u8* bytes = patch.bytes;
    const unsigned length = insn->length();
    std::array<u8, kMaxLength> changed;
    std::memcpy(changed.data(), bytes, length);
    const u32 start = static_cast<u32>(reinterpret_cast<u64>(bytes) & ~kPageMask);
    const u32 from = std::max(store.offset, start);
    const u32 to = std::min(store.offset + store.size, start + length);
    std::memcpy(changed.data() + (from - start), store.data + (from - store.offset), to - from);

    Translation& before = translations_[last_patched_];
    Translation& after = translations_[1 - last_patched_];
    if (!translate_one(bytes, length, patch.mode, before) || !translate_one(changed.data(), length, patch.mode, after)) return;
    const Decoded& old_insn = before.decoded;
    const Decoded& new_insn = after.decoded;
    // Its own form, whether its flags are dead or not.
    for (const bool dead : {false, true})
        if (!same_but_operands(before.forms[dead], after.forms[dead])) return;
    // What the translation of others depends on: the end of the block, which flags are dead, a pair with the branch that follows.
    if (new_insn.row != old_insn.row || new_insn.memory != old_insn.memory || flag_use(new_insn) != flag_use(old_insn)) return;
    if (patch.before_branch) {
        Decoded branch;
        if (decode(bytes + length, insn[1].length(), patch.mode, features_, branch) != DecodeStatus::Ok) return;
        if (fused(new_insn, branch) != fused(old_insn, branch)) return;
    }
    if (old_insn.row->operands.starts_with('J')) return;    // its target may be linked
    patch.possible = true;
    patch.imm = after.forms[0].imm;
    patch.disp = after.forms[0].disp;
    last_patched_ = 1 - last_patched_;
}

/// Makes the store in the decoded instruction; false: the block must go. `patch` is kept for other blocks with that instruction.
bool BlockCache::patch(Block& block, const Store& store, Patch& patch) {
    const u32 start = static_cast<u32>(block.host & ~kPageMask);
    // Blocks of one instruction are seldom run again: decoding them costs less than keeping them up to date.
    if (!store.data || store.from < start || (block.mode & mode::kSingle)) return false;
    Instruction* insn = block.entry();
    while (store.from >= start + insn[1].ip_offset) insn++;
    const bool in_one = store.to <= start + insn[1].ip_offset || insn + 1 == block.end();
    // An instruction that stores into itself is finished as it was.
    if (!in_one || insn == current_) return false;
    const u8* bytes = reinterpret_cast<const u8*>(block.host) + insn->ip_offset;
    const bool before_branch = insn + 1 != block.end() && is_conditional_branch(opcode_row(insn[1].row).build);
    if (patch.bytes != bytes || patch.mode != block.mode || patch.before_branch != before_branch) {
        patch.bytes = bytes;
        patch.mode = block.mode;
        patch.before_branch = before_branch;
        patch.possible = false;
        patch_operands(insn, store, patch);
    }
    if (!patch.possible) return false;
    insn->imm = patch.imm;
    insn->disp = patch.disp;
    counters_.patched++;
    return true;
}

void BlockCache::page_written(u32 page, u32 offset, u32 size, const u8* data) {
    CodePage& code = code_pages_.get()[page];
    if (!(code.granules & PhysicalMap::granules(offset, size))) return;
    Store store{offset, size, data, offset, offset + size};
    if (data) {
        const u8* old = map_.ram() + (u64{page} << 12);
        while (store.to > offset && old[store.to - 1] == data[store.to - 1 - offset]) store.to--;
        if (store.to == offset) return;
        while (old[store.from] == data[store.from - offset]) store.from++;
    }
    Patch patched;
    Block** link = &code.blocks;
    u64 granules = 0;
    while (Block* block = *link) {
        const u32 start = static_cast<u32>(block->host & ~kPageMask);
        if (start < store.to && store.from < start + block->bytes && !patch(*block, store, patched)) {
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
