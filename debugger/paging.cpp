// Walks of the guest's tables, printed.
#include "debugger/paging.h"

#include <bit>
#include <optional>

#include "cpu/system_registers.h"

namespace gnomon {
namespace {

std::string_view level_name(const WalkControl& control, unsigned shift) {
    switch (shift) {
        case 12: return "PTE";
        case 21:
        case 22: return "PDE";
        case 30: return "PDPTE";
        case 39: return "PML4E";
        default: return control.mode == PagingMode::FiveLevel ? "PML5E" : "entry";
    }
}

std::string_view paging_name(PagingMode mode) {
    switch (mode) {
        case PagingMode::None: return "no paging";
        case PagingMode::TwoLevel: return "32-bit paging";
        case PagingMode::Pae: return "PAE paging";
        case PagingMode::FourLevel: return "4-level paging";
        case PagingMode::FiveLevel: return "5-level paging";
    }
    return {};
}

/// Bits of an entry as letters, those that are set in capitals.
std::string entry_bits(u64 value, bool wide) {
    constexpr std::pair<const char*, unsigned> kBits[] = {{"P", 0}, {"W", 1}, {"U", 2}, {"PWT", 3}, {"PCD", 4}, {"A", 5}, {"D", 6}, {"PS", 7}, {"G", 8}};
    std::string text;
    for (const auto& [name, bit] : kBits)
        if (value >> bit & 1) text += (text.empty() ? "" : " ") + std::string(name);
    if (wide && value >> 63) text += " NX";
    return text.empty() ? "no bits" : text;
}

u64 reserved_bits(const WalkControl& control, const WalkStep& step) {
    const auto of = [&]<PagingMode M>() {
        using Format = walker::Format<M>;
        const unsigned level = (step.shift - 12u) / Format::kIndexBits + 1;
        return step.value & Format::reserved(control, level, Format::is_large(control, level, step.value));
    };
    switch (control.mode) {
        case PagingMode::TwoLevel: return of.operator()<PagingMode::TwoLevel>();
        case PagingMode::Pae: return of.operator()<PagingMode::Pae>();
        case PagingMode::FourLevel: return of.operator()<PagingMode::FourLevel>();
        case PagingMode::FiveLevel: return of.operator()<PagingMode::FiveLevel>();
        case PagingMode::None: break;
    }
    return 0;
}

std::string bit_list(u64 bits) {
    std::string text;
    unsigned first = 0;
    while (first < 64) {
        if (!(bits >> first & 1)) {
            first++;
            continue;
        }
        unsigned last = first;
        while (last < 63 && bits >> (last + 1) & 1) last++;
        text += (text.empty() ? "" : ", ") + (first == last ? fmt::format("{}", first) : fmt::format("{}-{}", first, last));
        first = last + 1;
    }
    return text;
}

struct Rights {
    bool read, write, fetch;
};
Rights rights_of(const WalkControl& control, const Translation& page, Privilege who) {
    return {access_allowed(control, page, AccessKind::Read, who), access_allowed(control, page, AccessKind::Write, who),
            access_allowed(control, page, AccessKind::Fetch, who)};
}
std::string rights_text(const Rights& r) {
    return fmt::format("{}{}{}", r.read ? 'r' : '-', r.write ? 'w' : '-', r.fetch ? 'x' : '-');
}

bool canonical(const WalkControl& control, u64 linear) {
    const unsigned bits = control.mode == PagingMode::FiveLevel ? 57 : 48;
    const u64 top = linear >> (bits - 1);
    return control.mode < PagingMode::FourLevel || top == 0 || top == ~u64{0} >> (bits - 1);
}

}  // namespace

std::string explain_translation(Cpu& cpu, u64 linear) {
    const WalkControl& control = cpu.mmu().control();
    std::string text = fmt::format("linear {:#x}: {}", linear, paging_name(control.mode));
    if (control.mode == PagingMode::None) return text + fmt::format(" (CR0.PG = 0), physical {:#x}\n", linear);
    if (!canonical(control, linear)) return text + ": not canonical, every access raises #GP (through SS: #SS)\n";
    text += fmt::format(", CR3 {:#x}\n", cpu.state.cr3);
    if (control.mode == PagingMode::Pae) {
        const u64 pdpte = control.pdpte[linear >> 30 & 3];
        text += fmt::format("  PDPTE  register {}         {:#018x}  {}\n", linear >> 30 & 3, pdpte, entry_bits(pdpte & 0x1f, false));
        if (!(pdpte & 1)) return text + "  not present: any access raises #PF, error code bit 0 (P) = 0\n";
    }
    const Walk walk = cpu.mmu().inspect_walk(LinearAddr(linear));
    const bool wide = walk.entry_size == 8;
    for (unsigned i = 0; i < walk.count; i++) {
        const WalkStep& step = walk.steps[i];
        text += fmt::format("  {:<6} at {:#014x}  {:#0{}x}  {}\n", level_name(control, step.shift), step.address, step.value,
                            wide ? 18 : 10, entry_bits(step.value, wide));
        if (!(step.value & page_entry::kPresent))
            return text + fmt::format("  denied: this {} is not present (bit 0); any access raises #PF with error code bit 0 (P) = 0\n",
                                      level_name(control, step.shift));
        if (const u64 bad = reserved_bits(control, step))
            return text + fmt::format("  denied: reserved bit{} {} set in this {}; any access raises #PF with error code bit 3 (RSVD)\n",
                                      std::popcount(bad) == 1 ? "" : "s", bit_list(bad), level_name(control, step.shift));
    }
    const auto first_without = [&](u64 bit) -> std::string_view {
        for (unsigned i = 0; i < walk.count; i++)
            if (!(walk.steps[i].value & bit)) return level_name(control, walk.steps[i].shift);
        return {};
    };
    const Translation& page = walk.translation;
    constexpr std::string_view kSizes[] = {"4 KiB", "2 MiB", "4 MiB", "1 GiB"};
    const unsigned size = page.page_shift == 12 ? 0 : page.page_shift == 21 ? 1 : page.page_shift == 22 ? 2 : 3;
    text += fmt::format("  physical {:#x}, {} page{}{}\n", page.page + (linear & 0xfff), kSizes[size], page.global ? ", global" : "",
                        page.dirty ? ", dirty" : "");
    const Rights supervisor = rights_of(control, page, Privilege::Supervisor);
    const Rights user = rights_of(control, page, Privilege::User);
    text += fmt::format("  supervisor {}, user {}\n", rights_text(supervisor), rights_text(user));
    if (!page.user) text += fmt::format("  user access is denied by U/S (bit 2) of the {}\n", first_without(page_entry::kUser));
    if (!page.writable)
        text += fmt::format("  writes are denied to users{} by R/W (bit 1) of the {}\n",
                            control.write_protect ? " and (CR0.WP = 1) supervisors" : ", not (CR0.WP = 0) to supervisors,",
                            first_without(page_entry::kWritable));
    if (!page.executable) text += "  fetches are denied by NX (bit 63)\n";
    if (page.user && control.smep) text += "  supervisor fetches are denied by CR4.SMEP\n";
    if (page.user && control.smap && !(cpu.state.eflags & flag::AC)) text += "  supervisor data accesses are denied by CR4.SMAP (EFLAGS.AC = 0)\n";
    if (const ShadowTables* shadow = cpu.mmu().shadow()) {
        Translation known;
        text += shadow->find(linear, known) ? fmt::format("  shadow: physical {:#x}\n", known.page) : "  shadow: not held\n";
    }
    return text;
}

std::string explain_page_fault(Cpu& cpu, u64 linear, u32 error_code) {
    const WalkControl& control = cpu.mmu().control();
    if (control.mode == PagingMode::None) return {};
    const Walk walk = cpu.mmu().inspect_walk(LinearAddr(linear));
    if (!walk.mapped) {
        if (walk.count == 0) return fmt::format("the PDPTE of {:#x} is not present", linear);
        const WalkStep& step = walk.steps[walk.count - 1u];
        const std::string which = fmt::format("the {} at {:#x} ({:#x})", level_name(control, step.shift), step.address, step.value);
        if (const u64 bad = reserved_bits(control, step); bad && (step.value & 1))
            return fmt::format("{} has reserved bit{} {} set", which, std::popcount(bad) == 1 ? "" : "s", bit_list(bad));
        return which + " is not present";
    }
    const bool user = error_code & page_fault_bit::kUser;
    const bool write = error_code & page_fault_bit::kWrite;
    const auto blame = [&](u64 bit) {
        for (unsigned i = 0; i < walk.count; i++)
            if (!(walk.steps[i].value & bit))
                return fmt::format("the {} at {:#x} ({:#x})", level_name(control, walk.steps[i].shift), walk.steps[i].address,
                                   walk.steps[i].value);
        return std::string("an entry");
    };
    if (user && !walk.translation.user) return blame(page_entry::kUser) + " is for supervisors only (U/S = 0)";
    if (write && !walk.translation.writable) return blame(page_entry::kWritable) + " is read-only (R/W = 0)";
    if ((error_code & page_fault_bit::kFetch) && !walk.translation.executable)
        return "an entry forbids execution (NX, bit 63)";
    if (!user && walk.translation.user && (error_code & page_fault_bit::kFetch) && control.smep)
        return "CR4.SMEP forbids supervisors to execute user pages";
    if (!user && walk.translation.user && control.smap) return "CR4.SMAP forbids supervisors to access user pages";
    return {};
}

std::string print_mappings(Cpu& cpu, u64 first, u64 last) {
    const WalkControl& control = cpu.mmu().control();
    if (control.mode == PagingMode::None) return "paging is off: linear addresses are physical\n";
    struct Range {
        u64 start = 0, end = 0, physical = 0;
        Translation page;
        u64 held = 0;
    };
    std::string text = fmt::format("{}, CR3 {:#x}\n", paging_name(control.mode), cpu.state.cr3);
    std::optional<Range> open;
    const auto close = [&] {
        if (!open) return;
        const Translation& p = open->page;
        text += fmt::format("{:#014x}-{:#014x} -> {:#014x}  supervisor {}, user {}{}", open->start, open->end, open->physical,
                            rights_text(rights_of(control, p, Privilege::Supervisor)),
                            rights_text(rights_of(control, p, Privilege::User)), p.global ? ", global" : "");
        if (cpu.mmu().shadow()) text += fmt::format("  shadow {} of {}", open->held, (open->end - open->start + 1) >> 12);
        text += '\n';
        open.reset();
    };
    const u64 top = control.mode >= PagingMode::FourLevel ? ~u64{0} : 0xffffffff;
    last = std::min(last, top);
    for (u64 at = first & kPageMask; at <= last;) {
        if (!canonical(control, at)) {
            close();
            at = control.mode == PagingMode::FiveLevel ? ~u64{0} << 56 : ~u64{0} << 47;
            continue;
        }
        const Walk walk = cpu.mmu().inspect_walk(LinearAddr(at));
        const unsigned shift = walk.mapped ? walk.translation.page_shift : walk.count ? walk.steps[walk.count - 1u].shift : 30u;
        const u64 end = std::min(at | ((u64{1} << shift) - 1), last | 0xfff);
        if (!walk.mapped) {
            close();
        } else {
            const Translation& p = walk.translation;
            const bool goes_on = open && open->physical + (at - open->start) == p.page && open->page.writable == p.writable &&
                                 open->page.user == p.user && open->page.executable == p.executable && open->page.global == p.global;
            if (!goes_on) {
                close();
                open = Range{.start = at, .end = end, .physical = p.page, .page = p, .held = 0};
            }
            open->end = end;
            if (const ShadowTables* shadow = cpu.mmu().shadow()) {
                Translation known;
                for (u64 page = at; page < end; page += kPageSize) open->held += shadow->find(page, known);
            }
        }
        if (end >= last) break;
        at = end + 1;
    }
    close();
    return text;
}

}  // namespace gnomon
