// Checks of ourselves: what the TLB and the shadow tables say against what the guest's tables say; and what
// there is to tell.
#include <fmt/format.h>

#include <cstdlib>

#include "memory/mmu.h"

namespace gnomon {

void Mmu::report_incoherence(const char* what, u64 linear, const Translation& known, const Walk& now) const {
    const auto text = [](const Translation& t) {
        return fmt::format("page {:#x} size 2^{} {}{}{}{}{}", t.page, t.page_shift, t.writable ? 'w' : '-',
                           t.user ? 'u' : '-', t.executable ? 'x' : '-', t.global ? 'g' : '-',
                           t.dirty ? 'd' : '-');
    };
    fmt::print(stderr, "gnomon: our bug: stale {} for linear {:#x}\n  it says:    {}\n  tables say: {}\n",
               what, linear, text(known), now.mapped ? text(now.translation) : "not mapped");
    for (unsigned i = 0; i < now.count; i++)
        fmt::print(stderr, "  entry at {:#x}: {:#x}\n", now.steps[i].address, now.steps[i].value);
    fmt::print(stderr, "  CR0={:#x} CR3={:#x} CR4={:#x} EFER={:#x}\n{}", paging_.cr0, paging_.cr3,
               paging_.cr4, paging_.efer, describe());
    std::abort();
}

void Mmu::verify_shadow(u64 linear, const Translation& known) const {
    const Walk now = walk(linear);
    bool good = now.mapped;
    for (unsigned i = 0; i < now.count; i++) good &= (now.steps[i].value & page_entry::kAccessed) != 0;
    // Another space may have made the page dirty; the reverse would let a write pass unseen.
    Translation expected = now.translation;
    if (!known.dirty) expected.dirty = false;
    if (!good || known != expected) report_incoherence("shadow entry", linear, known, now);
}

std::string Mmu::describe() const {
    const Counters c = counters();
    const auto sum = [](const std::array<u64, 3>& kinds) { return kinds[0] + kinds[1] + kinds[2]; };
    std::string out = fmt::format(
        "TLB misses {}, flushes {}; page walks {}, page faults {}\nshadow hits {}, misses {}, invalidations "
        "{}\n",
        sum(c.tlb_misses), c.tlb_flushes, c.page_walks, c.page_faults, sum(c.shadow_hits),
        sum(c.shadow_misses), c.shadow_invalidations);
    return out + (shadow_ ? shadow_->describe() : "shadow page tables are off\n");
}

}  // namespace gnomon
