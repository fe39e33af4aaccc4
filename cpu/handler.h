// What the tail-called handlers are made of: passing on, operands, the inline TLB probe, linked branches.
// Parameters, always the same six: c the processor, i the instruction, ip of the block, r s k the lazy flags.
#pragma once

#include <type_traits>

#include "cpu/block.h"
#include "cpu/out_of_line.h"

namespace gnomon {

#define GNOMON_INLINE inline __attribute__((always_inline))

GNOMON_HANDLER GNOMON_INLINE void next(Cpu* c, const Instruction* i, u64 ip, u64 r, u64 s, u64 k) {
    GNOMON_TAIL i[1].handler(c, i + 1, ip, r, s, k);
}

/// The slot after a fused pair.
GNOMON_HANDLER GNOMON_INLINE void skip_one(Cpu* c, const Instruction* i, u64 ip, u64 r, u64 s, u64 k) {
    GNOMON_TAIL i[2].handler(c, i + 2, ip, r, s, k);
}

template <class T>
constexpr u64 sign_extended(T value) {
    return static_cast<u64>(static_cast<i64>(static_cast<std::make_signed_t<T>>(value)));
}

// ---- choosing a handler ---------------------------------------------------------------------------

/// How a memory operand is reached. The flat forms skip segmentation: offsets of 32 bits, and of 64 bits in 64-bit mode (where Rip64
/// adds the IP of the next instruction). General checks the segment's windows, and has FS and GS in 64-bit mode.
enum class Mem : u8 { FlatBase, FlatIndex, FlatBase64, FlatIndex64, Rip64, General };

[[nodiscard]] inline bool flat_segment(u32 mode, Seg segment) {
    // Code segments cannot be written, so an override to CS has its checks.
    if (mode & mode::kFlat) return segment <= Seg::DS && (segment != Seg::CS || (mode & mode::kCode64));
    return (mode & mode::kFlatEsDs) && (segment == Seg::DS || segment == Seg::ES);
}

[[nodiscard]] inline Mem memory_form(const Decoded& d) {
    if (d.mode & mode::kCode64) {
        if (d.address_bytes != 8 || d.segment >= Seg::FS) return Mem::General;
        if (d.base == kRipRegister) return Mem::Rip64;
        return d.index == kNoRegister ? Mem::FlatBase64 : Mem::FlatIndex64;
    }
    if (d.address_bytes != 4 || !flat_segment(d.mode, d.segment)) return Mem::General;
    return d.index == kNoRegister ? Mem::FlatBase : Mem::FlatIndex;
}

template <Mem form>
using MemConstant = std::integral_constant<Mem, form>;

/// Calls `choose` with the constant of the form, and returns the handler that it gives. `T`: the operand's type, so that no
/// handlers are made for forms that it does not have.
template <class T = u8, class F>
Handler by_operand_form(const Decoded& d, F choose) {
    switch (memory_form(d)) {
    case Mem::FlatBase:
        if constexpr (sizeof(T) < 8) return choose(MemConstant<Mem::FlatBase>{});
        else break;
    case Mem::FlatIndex:
        if constexpr (sizeof(T) < 8) return choose(MemConstant<Mem::FlatIndex>{});
        else break;
    case Mem::FlatBase64: return choose(MemConstant<Mem::FlatBase64>{});
    case Mem::FlatIndex64: return choose(MemConstant<Mem::FlatIndex64>{});
    case Mem::Rip64: return choose(MemConstant<Mem::Rip64>{});
    case Mem::General: break;
    }
    return choose(MemConstant<Mem::General>{});
}

/// Calls `choose` with a value of the unsigned type of `bytes`.
template <class F>
Handler by_width(unsigned bytes, F choose) {
    switch (bytes) {
    case 1: return choose(u8{});
    case 2: return choose(u16{});
    case 8: return choose(u64{});
    default: return choose(u32{});
    }
}
/// The same without bytes.
template <class F>
Handler by_wide_width(unsigned bytes, F choose) {
    return bytes == 2 ? choose(u16{}) : bytes == 8 ? choose(u64{}) : choose(u32{});
}

// ---- memory ---------------------------------------------------------------------------------------

/// `ip`: of the block; only Rip64 needs it.
template <Mem form>
GNOMON_INLINE u64 flat_linear(const Cpu* c, const Instruction* i, u64 ip) {
    if constexpr (form == Mem::FlatBase || form == Mem::FlatIndex) {
        u32 sum = c->get_at<u32>(i->base) + static_cast<u32>(i->disp);
        if constexpr (form == Mem::FlatIndex) sum += c->get_at<u32>(i->index) << i->scale;
        return sum;
    } else {
        u64 sum = static_cast<u64>(static_cast<i64>(i->disp));
        if constexpr (form == Mem::Rip64) sum += ip + i[1].ip_offset;
        else sum += c->get_at<u64>(i->base);
        if constexpr (form == Mem::FlatIndex64) sum += c->get_at<u64>(i->index) << i->scale;
        return sum;
    }
}

/// Offset of the operand within its segment, for any form: as Cpu::effective_address, which needs next_rip.
GNOMON_INLINE u64 general_offset(const Cpu* c, const Instruction* i, u64 ip) {
    if (i->base == kRipRegister) [[unlikely]]    // with a segment or an address size of its own
        return i->cut_address(ip + i[1].ip_offset + static_cast<u64>(static_cast<i64>(i->disp)));
    return c->effective_address(*i);
}

/// Linear address of the operand; false if the segment's window does not allow the access (the slow path raises).
template <Mem form, AccessKind kind>
GNOMON_INLINE bool operand_linear(const Cpu* c, const Instruction* i, u64 ip, unsigned size, u64& linear) {
    if constexpr (form == Mem::General) {
        const u64 offset = general_offset(c, i, ip);
        if (c->in_64bit_mode()) {
            linear = c->linear_address64(i->segment, offset);    // if it is not canonical, the TLB does not have it
            return true;
        }
        const Segment& seg = c->segment(i->segment);
        const u64 low = kind == AccessKind::Write ? seg.write_low : seg.read_low;
        const u64 high = kind == AccessKind::Write ? seg.write_high : seg.read_high;
        linear = static_cast<u32>(seg.base + offset);
        return offset >= low && offset + size - 1 <= high;
    } else {
        linear = flat_linear<form>(c, i, ip);
        return true;
    }
}

/// Host pointer of an access that hits the TLB, else null.
template <AccessKind kind>
GNOMON_INLINE u8* probe(const Cpu* c, u64 linear, unsigned size) {
    const TlbEntry& entry = c->tlb[linear >> 12 & (Tlb::kEntries - 1)];
    const u64 tag = kind == AccessKind::Write ? entry.write_tag : entry.read_tag;
    if (((linear + size - 1) & kPageMask) != tag) [[unlikely]] return nullptr;
    u8* host = reinterpret_cast<u8*>(linear + entry.addend);
    if (!host) __builtin_unreachable();    // so that callers test only for a miss
    return host;
}

/// Host pointer of the memory operand, or null if the slow path must be taken.
template <Mem form, AccessKind kind>
GNOMON_INLINE u8* operand_pointer(const Cpu* c, const Instruction* i, u64 ip, unsigned size) {
    u64 linear;
    if (!operand_linear<form, kind>(c, i, ip, size, linear)) [[unlikely]] return nullptr;
    return probe<kind>(c, linear, size);
}

template <class T>
GNOMON_INLINE T peek(const u8* p) {
    T value;
    __builtin_memcpy(&value, p, sizeof value);
    return value;
}

template <class T>
GNOMON_INLINE void poke(u8* p, T value) {
    __builtin_memcpy(p, &value, sizeof value);
}

// ---- branches -------------------------------------------------------------------------------------

/// Continues at `ip`, which is looked up.
GNOMON_HANDLER void resolve(Cpu* c, const Instruction* i, u64 ip, u64 r, u64 s, u64 k);
/// Continues at `ip` by way of the jump cache.
GNOMON_HANDLER void jump_to(Cpu* c, const Instruction* i, u64 ip, u64 r, u64 s, u64 k);
/// As jump_to, for an `ip` that is not yet cut to the width of IP; afterwards links the taken (or the fall-through) side of the block
/// end `i`, if it stays in the page.
GNOMON_HANDLER void link_taken(Cpu* c, const Instruction* i, u64 ip, u64 r, u64 s, u64 k);
GNOMON_HANDLER void link_fall(Cpu* c, const Instruction* i, u64 ip, u64 r, u64 s, u64 k);
/// The budget does not cover the block that starts at `ip`.
GNOMON_HANDLER void out_of_budget(Cpu* c, const Instruction* i, u64 ip, u64 r, u64 s, u64 k);
/// #GP(0) of a near branch beyond the CS limit; `i` is the branch.
GNOMON_HANDLER void branch_beyond_limit(Cpu* c, const Instruction* i, u64 ip, u64 r, u64 s, u64 k);

/// Enters a block whose entry is known to be right.
GNOMON_HANDLER GNOMON_INLINE void enter_block(Cpu* c, const Instruction* entry, u64 ip, u64 r, u64 s, u64 k) {
    const i64 left = c->budget - block_of_entry(entry)->count;
    if (left < 0) [[unlikely]] GNOMON_TAIL out_of_budget(c, entry, ip, r, s, k);
    c->budget = left;
    GNOMON_TAIL entry->handler(c, entry, ip, r, s, k);
}

/// The TLB fetches `linear` from where the block was decoded.
GNOMON_INLINE bool holds_at(const Cpu* c, const Block* block, u64 linear) {
    const TlbEntry& page = c->tlb[linear >> 12 & (Tlb::kEntries - 1)];
    return page.fetch_tag == (linear & kPageMask) && linear + page.addend == block->host;
}

/// jump_to in line: for flat code of 32 or 64 bits, and an `ip` of its width.
GNOMON_HANDLER GNOMON_INLINE void jump_flat(Cpu* c, const Instruction* i, u64 ip, u64 r, u64 s, u64 k) {
    const Cpu::JumpCacheEntry& known = c->jump_cache_entry(ip);
    if (known.linear != ip) [[unlikely]] GNOMON_TAIL resolve(c, i, ip, r, s, k);
    const Block* block = block_of_entry(known.entry);
    if (block->mode != c->mode_key || !holds_at(c, block, ip)) [[unlikely]] GNOMON_TAIL resolve(c, i, ip, r, s, k);
    GNOMON_TAIL enter_block(c, known.entry, ip, r, s, k);
}

/// The branch `i` is taken. `Ip` is the width of IP (u16, u32) outside flat code. Only flat code, of 32 or 64 bits, is linked: there IP
/// never wraps within a page.
template <class Ip, bool flat>
GNOMON_HANDLER GNOMON_INLINE void branch_taken(Cpu* c, const Instruction* i, u64 ip, u64 r, u64 s, u64 k) {
    if constexpr (flat) {
        const u64 target = ip + i->imm;
        const Instruction* entry = i[1].taken;
        if (!entry) [[unlikely]] GNOMON_TAIL link_taken(c, i + 1, target, r, s, k);
        GNOMON_TAIL enter_block(c, entry, target, r, s, k);
    } else {
        const u64 target = static_cast<Ip>(ip + i->imm);
        if (target > c->segment(Seg::CS).limit) [[unlikely]] GNOMON_TAIL branch_beyond_limit(c, i, ip, r, s, k);
        GNOMON_TAIL jump_to(c, i, target, r, s, k);
    }
}

/// The block goes on at the instruction after `i`. IP is not truncated by the operand size here: the limit check of the block catches
/// what runs off the end of a 16-bit segment.
template <class Ip, bool flat>
GNOMON_HANDLER GNOMON_INLINE void branch_not_taken(Cpu* c, const Instruction* i, u64 ip, u64 r, u64 s, u64 k) {
    if constexpr (flat) {
        const u64 target = ip + i[1].ip_offset;
        const Instruction* entry = i[1].fall;
        if (!entry) [[unlikely]] GNOMON_TAIL link_fall(c, i + 1, target, r, s, k);
        GNOMON_TAIL enter_block(c, entry, target, r, s, k);
    } else {
        GNOMON_TAIL jump_to(c, i, static_cast<u32>(ip + i[1].ip_offset), r, s, k);
    }
}

/// Bits 63 to 47 are the same. Where this does not hold the slow path decides: with 5-level paging the address may be canonical.
GNOMON_INLINE bool surely_canonical(u64 address) { return static_cast<u64>(static_cast<i64>(address << 16) >> 16) == address; }

/// Flat code of 32 or 64 bits with an instruction pointer of full width: its branches are linked.
[[nodiscard]] inline bool is_linked(u32 mode) { return (mode & mode::kFlat) && (mode & (mode::kCode32 | mode::kCode64)); }

/// Branch handlers exist for flat code of 32 and 64 bits, and for everything else with IP of 16 or 32 bits.
template <class F>
Handler by_branch_form(const Decoded& d, F choose) {
    if (d.operand_bytes == 2) return choose(u16{}, std::false_type{});
    return is_linked(d.mode) ? choose(u32{}, std::true_type{}) : choose(u32{}, std::false_type{});
}

}  // namespace gnomon
