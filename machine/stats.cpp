// Collects what processor and MMU count.
#include "machine/stats.h"

#include <algorithm>
#include <array>

#include "cpu/block.h"

namespace gnomon {

namespace {

void add(std::array<u64, 3>& sum, const std::array<u64, 3>& more) {
    for (size_t kind = 0; kind < sum.size(); kind++) sum[kind] += more[kind];
}

}  // namespace

void count_for_stats(Machine& machine) {
    for (Cpu* one : machine.cpus()) one->blocks().count_runs();
}

std::string stats_json(Machine& machine, u64 host_ns) {
    Cpu::Counters cpu;
    BlockCache::Counters blocks;
    BlockCache::Runs runs;
    Mmu::Counters mmu;
    for (Cpu* one : machine.cpus()) {
        const Cpu::Counters& c = one->counters;
        cpu.block_lookups += c.block_lookups;
        cpu.single_steps += c.single_steps;
        cpu.interrupts += c.interrupts;
        cpu.exceptions += c.exceptions;
        const BlockCache::Counters& b = one->blocks().counters();
        blocks.decoded += b.decoded;
        blocks.invalidated += b.invalidated;
        blocks.patched += b.patched;
        blocks.flushes += b.flushes;
        const BlockCache::Runs r = one->blocks().runs();
        runs.blocks += r.blocks;
        runs.reads += r.reads;
        runs.writes += r.writes;
        const Mmu::Counters m = one->mmu().counters();
        add(mmu.tlb_misses, m.tlb_misses);
        mmu.tlb_flushes += m.tlb_flushes;
        add(mmu.shadow_hits, m.shadow_hits);
        add(mmu.shadow_misses, m.shadow_misses);
        mmu.shadow_invalidations += m.shadow_invalidations;
        mmu.page_walks += m.page_walks;
        mmu.page_faults += m.page_faults;
    }
    const double seconds = static_cast<double>(host_ns) / 1e9;
    const u64 instructions = machine.clock().instructions();
    std::string text = "{\n";
    const auto number = [&](std::string_view name, u64 value) {
        text += fmt::format("  \"{}\": {},\n", name, value);
    };
    // The sum, then read, write and fetch (the order of AccessKind).
    const auto kinds = [&](std::string_view what, std::string_view event, const std::array<u64, 3>& values) {
        number(fmt::format("{}_{}", what, event), values[0] + values[1] + values[2]);
        number(fmt::format("{}_read_{}", what, event), values[0]);
        number(fmt::format("{}_write_{}", what, event), values[1]);
        number(fmt::format("{}_fetch_{}", what, event), values[2]);
    };
    std::array<u64, 3> tlb_hits{runs.reads, runs.writes, runs.blocks};
    for (size_t kind = 0; kind < tlb_hits.size(); kind++) tlb_hits[kind] -= std::min(tlb_hits[kind], mmu.tlb_misses[kind]);
    number("instructions", instructions);
    text += fmt::format("  \"host_seconds\": {:.6f},\n", seconds);
    text += fmt::format("  \"guest_seconds\": {:.9f},\n", static_cast<double>(machine.clock().now()) / 1e9);
    text += fmt::format("  \"mips\": {:.3f},\n",
                        seconds > 0 ? static_cast<double>(instructions) / 1e6 / seconds : 0.0);
    number("blocks_decoded", blocks.decoded);
    number("blocks_invalidated", blocks.invalidated);
    number("blocks_patched", blocks.patched);
    number("blocks_run", runs.blocks);
    number("block_cache_flushes", blocks.flushes);
    number("block_lookups", cpu.block_lookups);
    number("single_steps", cpu.single_steps);
    number("interrupts", cpu.interrupts);
    number("exceptions", cpu.exceptions);
    kinds("tlb", "hits", tlb_hits);
    kinds("tlb", "misses", mmu.tlb_misses);
    number("tlb_flushes", mmu.tlb_flushes);
    kinds("shadow", "hits", mmu.shadow_hits);
    kinds("shadow", "misses", mmu.shadow_misses);
    number("shadow_invalidations", mmu.shadow_invalidations);
    number("page_walks", mmu.page_walks);
    number("page_faults", mmu.page_faults);
    text += "  \"vm_exits\": {}\n}\n";
    return text;
}

}  // namespace gnomon
