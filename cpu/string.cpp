// String instructions: single steps, and repeated ones a page at a time as host memory moves. SDM Vol. 2, "REP/REPE/REPZ/REPNE/REPNZ".
// A repeated instruction works in chunks that end at page boundaries, stays interruptible between stretches, and leaves exact
// registers when an element faults. A stretch counts as one instruction. Where it ends depends on the count register alone, so that
// the instructions of a run are the same however its elements were reached (TLB, watchpoints, pages with code).
#include <algorithm>
#include <cstring>

#include "cpu/alu_forms.h"

namespace gnomon {
namespace {

enum class Op : u8 { Movs, Cmps, Stos, Lods, Scas };

constexpr bool uses_source(Op op) { return op == Op::Movs || op == Op::Cmps || op == Op::Lods; }
constexpr bool uses_destination(Op op) { return op != Op::Lods; }
constexpr bool writes_destination(Op op) { return op == Op::Movs || op == Op::Stos; }
constexpr bool compares(Op op) { return op == Op::Cmps || op == Op::Scas; }

/// Registers of address size 16 or 32.
template <class A>
struct Pointers {
    A source;
    A destination;
    A count;
};

/// One element, with all checks. Comparison flags go to c.lazy.
template <Op op, class T, class A>
bool element(Cpu& c, const Instruction& i, A source, A destination) {
    T a = 0;
    T b = 0;
    if constexpr (compares(op)) {
        if (!c.read(Seg::ES, destination, b)) return false;    // processors look at ES:DI first
    }
    if constexpr (uses_source(op)) {
        if (!c.read(i.segment, source, a)) return false;
    }
    if constexpr (op == Op::Movs) return c.write(Seg::ES, destination, a);
    if constexpr (op == Op::Stos) return c.write(Seg::ES, destination, c.get<T>(reg::AX));
    if constexpr (op == Op::Lods) c.put<T>(reg::AX, a);
    if constexpr (compares(op)) {
        if constexpr (op == Op::Scas) a = c.get<T>(reg::AX);
        alu::Sub::run<T>(a, b, c.lazy.result, c.lazy.source, c.lazy.kind);
    }
    return true;
}

/// How many elements from `offset` lie in one page and inside the segment's window; `host` their bytes. 0: use element().
template <class T, class A, AccessKind kind>
u64 run_length(Cpu& c, Seg which, A offset, bool down, u8*& host) {
    if (c.in_64bit_mode()) {
        // What lies in one page wraps neither around 2^64 nor, as a page of such addresses is not 4 GiB, around 2^32.
        const u64 linear = c.linear_address64(which, offset);
        host = probe<kind>(&c, linear, sizeof(T));
        if (!host) return 0;
        const u64 in_page = down ? (linear & 0xfff) / sizeof(T) + 1 : (kPageSize - (linear & 0xfff)) / sizeof(T);
        const u64 before_wrap = down ? offset / sizeof(T) + 1 : (static_cast<A>(~offset) / sizeof(T)) + 1;
        return std::min(in_page, before_wrap);
    }
    const Segment& seg = c.segment(which);
    const u64 low = kind == AccessKind::Write ? seg.write_low : seg.read_low;
    const u64 high = kind == AccessKind::Write ? seg.write_high : seg.read_high;
    if (offset < low || u64{offset} + sizeof(T) - 1 > high) return 0;
    const u64 linear = static_cast<u32>(seg.base + offset);
    host = probe<kind>(&c, linear, sizeof(T));
    if (!host) return 0;
    const u64 in_page = down ? (linear & 0xfff) / sizeof(T) + 1 : (kPageSize - (linear & 0xfff)) / sizeof(T);
    const u64 in_segment = down ? (offset - low) / sizeof(T) + 1 : (high - offset + 1) / sizeof(T);
    return std::min(in_page, in_segment);
}

template <class T>
void copy_elements(u8* to, const u8* from, u64 count, bool down) {
    const u64 bytes = count * sizeof(T);
    if (down) {
        to -= bytes - sizeof(T);
        from -= bytes - sizeof(T);
    }
    // Bytes that overlap in the direction of the copy repeat, as one element at a time would.
    const bool repeats = down ? from > to && from < to + bytes : to > from && to < from + bytes;
    if (!repeats) {
        std::memmove(to, from, bytes);
        return;
    }
    for (u64 n = 0; n < count; n++) {
        const u64 at = (down ? count - 1 - n : n) * sizeof(T);
        std::memmove(to + at, from + at, sizeof(T));
    }
}

template <class T>
void fill_elements(u8* to, T value, u64 count, bool down) {
    if (down) to -= (count - 1) * sizeof(T);
    if constexpr (sizeof(T) == 1) {
        std::memset(to, value, count);
    } else {
        for (u64 n = 0; n < count; n++) poke<T>(to + n * sizeof(T), value);
    }
}

/// Index of the first element after which the repetition ends (its comparison is `stop_if_equal`), or count.
template <class T>
u64 find_end(const u8* a, const u8* b, T value, u64 count, i64 step, bool stop_if_equal) {
    if constexpr (sizeof(T) == 1) {
        if (!a && step == 1 && stop_if_equal) {
            const void* found = std::memchr(b, value, count);
            return found ? static_cast<u64>(static_cast<const u8*>(found) - b) : count;
        }
    }
    if (a && !stop_if_equal && step > 0) {
        // Skip equal stretches eight bytes at a time.
        u64 n = 0;
        const u64 per_word = 8 / sizeof(T);
        while (n + per_word <= count && peek<u64>(a + n * sizeof(T)) == peek<u64>(b + n * sizeof(T))) n += per_word;
        for (; n < count; n++)
            if (peek<T>(a + n * sizeof(T)) != peek<T>(b + n * sizeof(T))) return n;
        return count;
    }
    for (u64 n = 0; n < count; n++) {
        const i64 at = static_cast<i64>(n) * step;
        const T left = a ? peek<T>(a + at) : value;
        if ((left == peek<T>(b + at)) == stop_if_equal) return n;
    }
    return count;
}

template <Op op, class T, class A>
void advance(Cpu& c, u64 count, bool down) {
    const A bytes = static_cast<A>(count * sizeof(T));
    const auto move = [&](unsigned number) {
        const A old = c.get<A>(number);
        c.put<A>(number, static_cast<A>(down ? old - bytes : old + bytes));
    };
    if constexpr (uses_source(op)) move(reg::SI);
    if constexpr (uses_destination(op)) move(reg::DI);
}

/// One pass over what lies in the current pages: 0 elements if the bulk way is closed. `ended`: a comparison ended it.
template <Op op, class T, class A>
u64 bulk(Cpu& c, const Instruction& i, u64 count, bool down, bool& ended) {
    u8* from = nullptr;
    u8* to = nullptr;
    if constexpr (uses_source(op)) count = std::min(count, run_length<T, A, AccessKind::Read>(c, i.segment, c.get<A>(reg::SI), down, from));
    if constexpr (uses_destination(op)) {
        constexpr AccessKind kind = writes_destination(op) ? AccessKind::Write : AccessKind::Read;
        count = std::min(count, run_length<T, A, kind>(c, Seg::ES, c.get<A>(reg::DI), down, to));
    }
    if (count == 0) return 0;
    if constexpr (op == Op::Movs) copy_elements<T>(to, from, count, down);
    if constexpr (op == Op::Stos) fill_elements<T>(to, c.get<T>(reg::AX), count, down);
    if constexpr (op == Op::Lods) {
        const i64 last = static_cast<i64>(count - 1) * static_cast<i64>(sizeof(T));
        c.put<T>(reg::AX, peek<T>(from + (down ? -last : last)));
    }
    if constexpr (compares(op)) {
        const i64 step = down ? -static_cast<i64>(sizeof(T)) : static_cast<i64>(sizeof(T));
        const bool stop_if_equal = i.prefix & prefix::kRepne;
        const T value = c.get<T>(reg::AX);
        const u64 at = find_end<T>(from, to, value, count, step, stop_if_equal);
        ended = at < count;
        if (ended) count = at + 1;
        const i64 last = static_cast<i64>(count - 1) * step;
        const T a = from ? peek<T>(from + last) : value;
        alu::Sub::run<T>(a, peek<T>(to + last), c.lazy.result, c.lazy.source, c.lazy.kind);
    }
    return count;
}

/// Interrupts get their chance where the count is a multiple of this.
constexpr u64 kStretch = 16384;

template <Op op, class T, class A>
Outcome repeated(Cpu& c, const Instruction& i) {
    const bool down = c.state.eflags & flag::DF;
    u64 left = c.get<A>(reg::CX);
    // SDM Vol. 2, "REP": a fault restores the flags to what they were before the instruction.
    const LazyFlags flags = c.lazy;
    const u64 stretch = c.mode_key & mode::kSingle ? 1 : kStretch;
    // So would one in a later stretch: between them the flags stay what they were. The trap of a single step sees each comparison.
    const auto to_be_continued = [&] {
        if (stretch > 1) c.lazy = flags;
        return Outcome::Repeat;
    };
    for (bool started = false; left > 0; started = true) {
        if (started && left % stretch == 0) return to_be_continued();
        if (c.leave_after) {
            c.budget++;    // the stretch goes on later, and is counted then
            return to_be_continued();
        }
        bool ended = false;
        u64 done = bulk<op, T, A>(c, i, (left - 1) % stretch + 1, down, ended);
        if (done == 0) {
            if (!element<op, T, A>(c, i, c.get<A>(reg::SI), c.get<A>(reg::DI))) {
                c.lazy = flags;
                return Outcome::Fault;
            }
            done = 1;
            if constexpr (compares(op)) ended = lazy::zf(c.lazy.result, c.lazy.kind) == ((i.prefix & prefix::kRepne) != 0);
        }
        advance<op, T, A>(c, done, down);
        left -= done;
        c.put<A>(reg::CX, static_cast<A>(left));
        if (ended) break;
    }
    return Outcome::Next;
}

template <Op op, class T, class A>
Outcome single(Cpu& c, const Instruction& i) {
    if (!element<op, T, A>(c, i, c.get<A>(reg::SI), c.get<A>(reg::DI))) return Outcome::Fault;
    advance<op, T, A>(c, 1, c.state.eflags & flag::DF);
    return Outcome::Next;
}

template <Op op>
void build_string(const Decoded& d, Instruction& insn) {
    const unsigned bytes = d.opcode & 1 ? d.operand_bytes : 1;
    insn.handler = by_width(bytes, [&](auto zero) {
        using T = decltype(zero);
        return by_wide_width(d.address_bytes, [&](auto address) -> Handler {
            using A = decltype(address);
            return d.prefixes & (prefix::kRep | prefix::kRepne) ? &call<&repeated<op, T, A>> : &call<&single<op, T, A>>;
        });
    });
}

}  // namespace

void build_movs(const Decoded& d, Instruction& insn) { build_string<Op::Movs>(d, insn); }
void build_cmps(const Decoded& d, Instruction& insn) { build_string<Op::Cmps>(d, insn); }
void build_stos(const Decoded& d, Instruction& insn) { build_string<Op::Stos>(d, insn); }
void build_lods(const Decoded& d, Instruction& insn) { build_string<Op::Lods>(d, insn); }
void build_scas(const Decoded& d, Instruction& insn) { build_string<Op::Scas>(d, insn); }

}  // namespace gnomon
