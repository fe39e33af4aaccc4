// Basic blocks of decoded instructions, and the cache that owns them. A block lies within one page and is keyed by the host address
// of its first byte (which stands for its physical address) and the decode mode.
#pragma once

#include <array>
#include <memory>
#include <vector>

#include "cpu/cpu.h"
#include "cpu/decode.h"

namespace gnomon {

/// The header of a block, the size of an Instruction; the instructions follow it, then the slot that describes the end.
struct alignas(32) Block {
    u64 host = 0;               ///< host address of the first byte; for blocks that are checked at every use any unique number
    Block* next = nullptr;      ///< in its page; of a dead block: the one that took its place
    u32 mode = 0;
    u16 bytes = 0;
    u8 count = 0;               ///< instructions
    bool dead = false;          ///< its bytes were written
    bool checked = false;       ///< crosses into another page, or lies in MMIO: its bytes are compared at every use, it is never linked
    u8 reads = 0, writes = 0;   ///< operands in memory, while runs are counted (cpu/access_count.h)

    [[nodiscard]] Instruction* entry() { return reinterpret_cast<Instruction*>(this + 1); }
    [[nodiscard]] Instruction* end() { return entry() + count; }
};
static_assert(sizeof(Block) == sizeof(Instruction));

[[nodiscard]] inline const Block* block_of_entry(const Instruction* entry) { return reinterpret_cast<const Block*>(entry) - 1; }
[[nodiscard]] inline Block* block_of_entry(Instruction* entry) { return reinterpret_cast<Block*>(entry) - 1; }
/// The block that an instruction (or the end slot) belongs to.
[[nodiscard]] inline const Block* block_of(const Instruction* insn) { return block_of_entry(insn - insn->index_in_block); }

/// Owns the blocks; notices stores to their bytes. A store that changes no more than an immediate or a displacement is made in the
/// decoded instruction as well, if decoding anew would give the same block but for that; any other kills the blocks. Blocks that die
/// keep their memory until the cache is flushed, with an entry that sends whoever still has a link to the lookup.
class BlockCache final : public PageWriteObserver {
  public:
    static constexpr unsigned kMaxInstructions = 32;
    static constexpr unsigned kMaxLength = 15;

    /// `current` is the instruction that is being executed, if it makes stores; `written` is set when a store has killed a block.
    BlockCache(PhysicalMap& map, const FeatureSet& features, const Instruction* const& current, bool& written);
    ~BlockCache();
    BlockCache(const BlockCache&) = delete;
    BlockCache& operator=(const BlockCache&) = delete;

    /// The live block at this host address in this mode, or null.
    [[nodiscard]] Block* find(u64 host, u32 mode) const;
    /// Decodes a block at `offset` of the page. Null if the first instruction goes on in the next page.
    Block* translate(const Mmu::FetchPage& page, unsigned offset, u32 mode);
    /// A block of the one instruction at `bytes` (those that can be read, at most 15), found again by `key` while its bytes are the
    /// same. Null if the instruction goes on beyond `available`, which is less than 15.
    Block* checked_block(u64 key, const u8* bytes, unsigned available, u32 mode);

    /// A link to a block in another page, to be entered like one: `check` finds the block in its `taken`, and the end slot that it
    /// was made for in its `fall`. Null: there is no room.
    Instruction* far_link(Instruction* end, Block& target, Handler check);

    /// Forgets everything; must not be called while a block runs.
    void flush();
    [[nodiscard]] bool nearly_full() const { return used_ + kMaxBlockBytes > kArenaBytes || entries_ > kSlots / 4 * 3; }
    void page_written(u32 page, u32 offset, u32 size, const u8* data) override;
    [[nodiscard]] bool watches(u32 page) const override { return code_pages_.get()[page].blocks != nullptr; }

    struct Counters {
        u64 decoded = 0;
        u64 invalidated = 0;
        u64 patched = 0;
        u64 flushes = 0;
    };
    [[nodiscard]] const Counters& counters() const { return counters_; }

    /// Counts from now on how often each block is entered. Must not be called while a block runs. Costs nothing unless called: the
    /// blocks get another first handler.
    void count_runs();
    /// What has run since then. A block that faults half way counts as a whole.
    struct Runs {
        u64 blocks = 0;
        u64 reads = 0;     ///< of operands in memory
        u64 writes = 0;
    };
    [[nodiscard]] Runs runs() const;

  private:
    static constexpr size_t kArenaBytes = size_t{32} << 20;
    static constexpr size_t kLine = 64;
    /// With what aligns it.
    static constexpr size_t kMaxBlockBytes = sizeof(Block) + (kMaxInstructions + 3) * sizeof(Instruction) + kLine;
    static constexpr size_t kSlots = size_t{1} << 17;

    /// Blocks that have bytes in one RAM page, and which 64-byte granules of it they cover.
    struct CodePage {
        Block* blocks = nullptr;
        u64 granules = 0;
    };
    /// Of `data` (null: not known) to the bytes from `offset` of a page on, of which those of [from, to) change.
    struct Store {
        u32 offset = 0;
        u32 size = 0;
        const u8* data = nullptr;
        u32 from = 0;
        u32 to = 0;
    };
    /// What a store makes of the operands of an instruction, for all blocks that have it.
    struct Patch {
        const u8* bytes = nullptr;    ///< of the instruction
        u32 mode = 0;
        bool before_branch = false;   ///< the next one of the block is conditional
        bool possible = false;
        u64 imm = 0;
        i32 disp = 0;
    };
    /// What is made of the bytes of an instruction in a mode, whatever stands beside it.
    struct Translation {
        u32 mode = 0;
        unsigned length = 0;    ///< 0: there is none
        std::array<u8, kMaxLength> bytes{};
        Decoded decoded;
        std::array<Instruction, 2> forms{};    ///< with its flags alive, and dead
    };

    /// Behind a block whose runs are counted.
    struct alignas(32) RunCount {
        u64 runs = 0;
        Handler first = nullptr;    ///< of the block's first instruction
    };
    static_assert(sizeof(RunCount) == sizeof(Instruction));

    static RunCount& run_count(Block* block) { return *reinterpret_cast<RunCount*>(block->end() + (block->checked ? 2 : 1)); }
    static GNOMON_HANDLER void count_run(Cpu* c, const Instruction* i, u64 ip, u64 r, u64 s, u64 k);
    void add_runs(Runs& runs) const;
    Block* build(const u8* bytes, unsigned available, u64 host, u32 mode, unsigned limit);
    void insert(Block* block);
    /// The header of a block and its first instruction share a cache line: whoever enters it needs both.
    void align_to_line() { used_ = (used_ + kLine - 1) & ~(kLine - 1); }
    void kill(Block* block);
    bool patch(Block& block, const Store& store, Patch& patch);
    bool translate_one(const u8* bytes, unsigned length, u32 mode, Translation& out) const;
    void patch_operands(const Instruction* insn, const Store& store, Patch& patch);
    static size_t hash(u64 host, u32 mode);

    PhysicalMap& map_;
    const FeatureSet& features_;
    const Instruction* const& current_;
    bool& written_;
    std::unique_ptr<u8, FreeMemory> arena_;
    size_t used_ = 0;
    std::vector<Block*> table_;    ///< open addressing; dead blocks are skipped, their slots used again
    size_t entries_ = 0;
    std::unique_ptr<CodePage, FreeMemory> code_pages_;    ///< by RAM page
    std::vector<u32> used_pages_;
    std::vector<Decoded> decoded_;    ///< of the block that is being built
    std::array<Translation, 2> translations_;    ///< before and after a patch: code that is patched is often patched again
    unsigned last_patched_ = 0;                  ///< which of them was after
    Counters counters_;
    bool counting_ = false;
    std::vector<Block*> counted_;    ///< all since the last flush
    Runs runs_;                      ///< of those before it
};

}  // namespace gnomon
