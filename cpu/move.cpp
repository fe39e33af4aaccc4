// Data movement: MOV, MOVZX, MOVSX, LEA, XCHG, BSWAP, SETcc, CMOVcc, CBW and relatives.
#include "cpu/alu_forms.h"
#include "cpu/observer.h"

namespace gnomon {
namespace {

// ---- MOV ---------------------------------------------------------------------------------------------

template <class T>
GNOMON_HANDLER void mov_rr(Cpu* c, const Instruction* i, u64 ip, u64 r, u64 s, u64 k) {
    c->put_at<T>(i->reg, c->get_at<T>(i->rm));
    GNOMON_TAIL next(c, i, ip, r, s, k);
}

template <class T>
GNOMON_HANDLER void mov_ri(Cpu* c, const Instruction* i, u64 ip, u64 r, u64 s, u64 k) {
    c->put_at<T>(i->reg, static_cast<T>(i->imm));
    GNOMON_TAIL next(c, i, ip, r, s, k);
}

template <class T>
Outcome load_memory(Cpu& c, const Instruction& i) {
    T value;
    if (!c.load(i, value)) return Outcome::Fault;
    c.put_at<T>(i.reg, value);
    return Outcome::Next;
}

template <class T, Mem form>
GNOMON_HANDLER void mov_load(Cpu* c, const Instruction* i, u64 ip, u64 r, u64 s, u64 k) {
    const u8* p = operand_pointer<form, AccessKind::Read>(c, i, ip, sizeof(T));
    if (!p) [[unlikely]] GNOMON_TAIL call<&load_memory<T>>(c, i, ip, r, s, k);
    c->put_at<T>(i->reg, peek<T>(p));
    GNOMON_TAIL next(c, i, ip, r, s, k);
}

template <class T, bool immediate>
Outcome store_memory(Cpu& c, const Instruction& i) {
    return c.store<T>(i, immediate ? static_cast<T>(i.imm) : c.get_at<T>(i.reg)) ? Outcome::Next : Outcome::Fault;
}

template <class T, Mem form, bool immediate>
GNOMON_HANDLER void mov_store(Cpu* c, const Instruction* i, u64 ip, u64 r, u64 s, u64 k) {
    u8* p = operand_pointer<form, AccessKind::Write>(c, i, ip, sizeof(T));
    if (!p) [[unlikely]] GNOMON_TAIL call<&store_memory<T, immediate>>(c, i, ip, r, s, k);
    poke<T>(p, immediate ? static_cast<T>(i->imm) : c->get_at<T>(i->reg));
    GNOMON_TAIL next(c, i, ip, r, s, k);
}

/// A moffs of 64 bits.
template <class T>
Outcome load_offset(Cpu& c, const Instruction& i) {
    T value;
    if (!c.read(i.segment, i.imm, value)) return Outcome::Fault;
    c.put<T>(reg::AX, value);
    return Outcome::Next;
}

template <class T>
Outcome store_offset(Cpu& c, const Instruction& i) {
    return c.write(i.segment, i.imm, c.get<T>(reg::AX)) ? Outcome::Next : Outcome::Fault;
}

// ---- MOVZX, MOVSX ------------------------------------------------------------------------------------

template <class From, class To, bool is_signed>
GNOMON_INLINE To extend(From value) {
    if constexpr (is_signed) return static_cast<To>(sign_extended(value));
    else return value;
}

template <class From, class To, bool is_signed>
Outcome extend_memory(Cpu& c, const Instruction& i) {
    From value;
    if (!c.load(i, value)) return Outcome::Fault;
    c.put_at<To>(i.reg, extend<From, To, is_signed>(value));
    return Outcome::Next;
}

template <class From, class To, bool is_signed>
GNOMON_HANDLER void extend_r(Cpu* c, const Instruction* i, u64 ip, u64 r, u64 s, u64 k) {
    c->put_at<To>(i->reg, extend<From, To, is_signed>(c->get_at<From>(i->rm)));
    GNOMON_TAIL next(c, i, ip, r, s, k);
}

template <class From, class To, bool is_signed, Mem form>
GNOMON_HANDLER void extend_m(Cpu* c, const Instruction* i, u64 ip, u64 r, u64 s, u64 k) {
    const u8* p = operand_pointer<form, AccessKind::Read>(c, i, ip, sizeof(From));
    if (!p) [[unlikely]] GNOMON_TAIL call<&extend_memory<From, To, is_signed>>(c, i, ip, r, s, k);
    c->put_at<To>(i->reg, extend<From, To, is_signed>(peek<From>(p)));
    GNOMON_TAIL next(c, i, ip, r, s, k);
}

template <class From, bool is_signed>
void build_extend(const Decoded& d, Instruction& insn) {
    insn.handler = by_wide_width(d.operand_bytes, [&](auto zero) -> Handler {
        using To = decltype(zero);
        if (!d.memory) return &extend_r<From, To, is_signed>;
        return by_operand_form<To>(d, [](auto form) -> Handler { return &extend_m<From, To, is_signed, form()>; });
    });
}

// ---- LEA ---------------------------------------------------------------------------------------------

/// Offsets of 32 and 64 bits.
template <class T, Mem form>
GNOMON_HANDLER void lea_flat(Cpu* c, const Instruction* i, u64 ip, u64 r, u64 s, u64 k) {
    c->put_at<T>(i->reg, static_cast<T>(flat_linear<form>(c, i, ip)));
    GNOMON_TAIL next(c, i, ip, r, s, k);
}

template <class T>
Outcome lea_general(Cpu& c, const Instruction& i) {
    c.put_at<T>(i.reg, static_cast<T>(c.effective_address(i)));
    return Outcome::Next;
}

// ---- XCHG --------------------------------------------------------------------------------------------

template <class T>
GNOMON_HANDLER void xchg_rr(Cpu* c, const Instruction* i, u64 ip, u64 r, u64 s, u64 k) {
    const T a = c->get_at<T>(i->reg);
    const T b = c->get_at<T>(i->rm);
    c->put_at<T>(i->reg, b);
    c->put_at<T>(i->rm, a);
    GNOMON_TAIL next(c, i, ip, r, s, k);
}

/// XCHG r16,r16 of one register with itself does nothing: guests call a debugger with it.
Outcome magic_exchange(Cpu& c, const Instruction& i) {
    if (CpuObserver* observer = c.observer()) observer->magic_exchange(c, i.rm / 8u);
    return Outcome::Next;
}

template <class T>
Outcome xchg_memory(Cpu& c, const Instruction& i) {
    T old;
    const auto exchange = [&](T value) {
        old = value;
        return c.get_at<T>(i.reg);
    };
    if (!c.update<T>(i.segment, c.effective_address(i), exchange)) return Outcome::Fault;
    c.put_at<T>(i.reg, old);
    return Outcome::Next;
}

template <class T, Mem form>
GNOMON_HANDLER void xchg_m(Cpu* c, const Instruction* i, u64 ip, u64 r, u64 s, u64 k) {
    u8* p = operand_pointer<form, AccessKind::Write>(c, i, ip, sizeof(T));
    if (!p) [[unlikely]] GNOMON_TAIL call<&xchg_memory<T>>(c, i, ip, r, s, k);
    const T old = peek<T>(p);
    poke<T>(p, c->get_at<T>(i->reg));
    c->put_at<T>(i->reg, old);
    GNOMON_TAIL next(c, i, ip, r, s, k);
}

GNOMON_HANDLER void nop(Cpu* c, const Instruction* i, u64 ip, u64 r, u64 s, u64 k) { GNOMON_TAIL next(c, i, ip, r, s, k); }

template <class T>
GNOMON_HANDLER void bswap(Cpu* c, const Instruction* i, u64 ip, u64 r, u64 s, u64 k) {
    // With a 16-bit operand the result is undefined; processors give zero.
    if constexpr (sizeof(T) == 2) c->put_at<u16>(i->reg, 0);
    else if constexpr (sizeof(T) == 8) c->put_at<u64>(i->reg, __builtin_bswap64(c->get_at<u64>(i->reg)));
    else c->put_at<u32>(i->reg, __builtin_bswap32(c->get_at<u32>(i->reg)));
    GNOMON_TAIL next(c, i, ip, r, s, k);
}

// ---- MOVBE: bytes in the other order --------------------------------------------------------------------

template <class T>
GNOMON_INLINE T swapped(T value) {
    if constexpr (sizeof(T) == 2) return __builtin_bswap16(value);
    else if constexpr (sizeof(T) == 4) return __builtin_bswap32(value);
    else return __builtin_bswap64(value);
}

template <class T>
Outcome movbe_load(Cpu& c, const Instruction& i) {
    T value;
    if (!c.load(i, value)) return Outcome::Fault;
    c.put_at<T>(i.reg, swapped(value));
    return Outcome::Next;
}

template <class T>
Outcome movbe_store(Cpu& c, const Instruction& i) {
    return c.store(i, swapped(c.get_at<T>(i.reg))) ? Outcome::Next : Outcome::Fault;
}

// ---- SETcc, CMOVcc -------------------------------------------------------------------------------------

template <unsigned code>
GNOMON_HANDLER void setcc_r(Cpu* c, const Instruction* i, u64 ip, u64 r, u64 s, u64 k) {
    c->put_at<u8>(i->rm, lazy::condition(code, r, s, k));
    GNOMON_TAIL next(c, i, ip, r, s, k);
}

template <unsigned code>
Outcome setcc_memory(Cpu& c, const Instruction& i) {
    const u8 value = lazy::condition(code, c.lazy.result, c.lazy.source, c.lazy.kind);
    return c.store(i, value) ? Outcome::Next : Outcome::Fault;
}

template <class T, unsigned code>
GNOMON_HANDLER void cmov_r(Cpu* c, const Instruction* i, u64 ip, u64 r, u64 s, u64 k) {
    const T value = lazy::condition(code, r, s, k) ? c->get_at<T>(i->rm) : c->get_at<T>(i->reg);
    c->put_at<T>(i->reg, value);
    GNOMON_TAIL next(c, i, ip, r, s, k);
}

/// The load takes place, and may fault, whatever the condition.
template <class T, unsigned code>
Outcome cmov_memory(Cpu& c, const Instruction& i) {
    T value;
    if (!c.load(i, value)) return Outcome::Fault;
    if (!lazy::condition(code, c.lazy.result, c.lazy.source, c.lazy.kind)) value = c.get_at<T>(i.reg);
    c.put_at<T>(i.reg, value);
    return Outcome::Next;
}

template <class T, unsigned code, Mem form>
GNOMON_HANDLER void cmov_m(Cpu* c, const Instruction* i, u64 ip, u64 r, u64 s, u64 k) {
    const u8* p = operand_pointer<form, AccessKind::Read>(c, i, ip, sizeof(T));
    if (!p) [[unlikely]] GNOMON_TAIL call<&cmov_memory<T, code>>(c, i, ip, r, s, k);
    const T value = peek<T>(p);
    c->put_at<T>(i->reg, lazy::condition(code, r, s, k) ? value : c->get_at<T>(i->reg));
    GNOMON_TAIL next(c, i, ip, r, s, k);
}

template <class F>
Handler by_condition(unsigned code, F choose) {
    const auto table = [&]<size_t... I>(std::index_sequence<I...>) {
        Handler found = nullptr;
        ((I == code ? void(found = choose(std::integral_constant<unsigned, I>{})) : void()), ...);
        return found;
    };
    return table(std::make_index_sequence<16>{});
}

// ---- sign extension of the accumulator -----------------------------------------------------------------

template <class T>
GNOMON_HANDLER void convert(Cpu* c, const Instruction* i, u64 ip, u64 r, u64 s, u64 k) {
    if constexpr (sizeof(T) == 2) c->put<u16>(reg::AX, static_cast<u16>(sign_extended(c->get<u8>(reg::AX))));
    else if constexpr (sizeof(T) == 4) c->put<u32>(reg::AX, static_cast<u32>(sign_extended(c->get<u16>(reg::AX))));
    else c->put<u64>(reg::AX, sign_extended(c->get<u32>(reg::AX)));
    GNOMON_TAIL next(c, i, ip, r, s, k);
}

template <class T>
GNOMON_HANDLER void convert_double(Cpu* c, const Instruction* i, u64 ip, u64 r, u64 s, u64 k) {
    c->put<T>(reg::DX, static_cast<std::make_signed_t<T>>(c->get<T>(reg::AX)) < 0 ? static_cast<T>(~T{0}) : T{0});
    GNOMON_TAIL next(c, i, ip, r, s, k);
}

}  // namespace

void build_mov(const Decoded& d, Instruction& insn) {
    const bool to_register = d.row->operands[0] == 'G';
    if (!d.memory && !to_register) {
        const u8 source = insn.reg;
        insn.reg = insn.rm;
        insn.rm = source;
    }
    insn.handler = by_width(operand_width(d), [&](auto zero) -> Handler {
        using T = decltype(zero);
        if (!d.memory) return &mov_rr<T>;
        return by_operand_form<T>(d, [&](auto form) -> Handler {
            return to_register ? &mov_load<T, form()> : &mov_store<T, form(), false>;
        });
    });
}

void build_mov_immediate(const Decoded& d, Instruction& insn) {
    if (d.row->operands[0] == 'E' && !d.memory) insn.reg = insn.rm;
    insn.handler = by_width(operand_width(d), [&](auto zero) -> Handler {
        using T = decltype(zero);
        if (!d.memory) return &mov_ri<T>;
        return by_operand_form<T>(d, [](auto form) -> Handler { return &mov_store<T, form(), true>; });
    });
}

void build_mov_offset(const Decoded& d, Instruction& insn) {
    const std::string_view codes = d.row->operands;
    const bool is_load = codes[0] != 'O';
    insn.reg = 0;
    const unsigned width = codes.find("Ob") != std::string_view::npos ? 1 : d.operand_bytes;
    // Eight bytes of offset seldom fit into the displacement.
    const bool far_away = d.address_bytes == 8 && static_cast<u64>(static_cast<i64>(d.disp)) != d.imm;
    insn.handler = by_width(width, [&](auto zero) -> Handler {
        using T = decltype(zero);
        if (far_away) return is_load ? &call<&load_offset<T>> : &call<&store_offset<T>>;
        return by_operand_form<T>(d, [&](auto form) -> Handler {
            return is_load ? &mov_load<T, form()> : &mov_store<T, form(), false>;
        });
    });
}

void build_movzx8(const Decoded& d, Instruction& insn) { build_extend<u8, false>(d, insn); }
void build_movzx16(const Decoded& d, Instruction& insn) { build_extend<u16, false>(d, insn); }
void build_movsx8(const Decoded& d, Instruction& insn) { build_extend<u8, true>(d, insn); }
void build_movsx16(const Decoded& d, Instruction& insn) { build_extend<u16, true>(d, insn); }

/// Without REX.W it is a plain MOV of 16 or 32 bits.
void build_movsxd(const Decoded& d, Instruction& insn) {
    if (d.operand_bytes == 8) build_extend<u32, true>(d, insn);
    else build_mov(d, insn);
}

void build_lea(const Decoded& d, Instruction& insn) {
    insn.handler = by_wide_width(d.operand_bytes, [&](auto zero) -> Handler {
        using T = decltype(zero);
        if (d.address_bytes == 2 || (d.address_bytes == 4 && d.base == kRipRegister)) return &call<&lea_general<T>>;
        if (d.address_bytes == 4) return d.index == kNoRegister ? &lea_flat<T, Mem::FlatBase> : &lea_flat<T, Mem::FlatIndex>;
        if (d.base == kRipRegister) return &lea_flat<T, Mem::Rip64>;
        return d.index == kNoRegister ? &lea_flat<T, Mem::FlatBase64> : &lea_flat<T, Mem::FlatIndex64>;
    });
}

void build_movbe(const Decoded& d, Instruction& insn) {
    const bool load = d.row->operands[0] == 'G';
    insn.handler = by_wide_width(d.operand_bytes, [&](auto zero) -> Handler {
        using T = decltype(zero);
        return load ? &call<&movbe_load<T>> : &call<&movbe_store<T>>;
    });
}

void build_xchg(const Decoded& d, Instruction& insn) {
    insn.handler = by_width(operand_width(d), [&](auto zero) -> Handler {
        using T = decltype(zero);
        if (!d.memory) return sizeof(T) == 2 && d.reg == d.rm ? &call<&magic_exchange> : &xchg_rr<T>;
        return by_operand_form<T>(d, [](auto form) -> Handler { return &xchg_m<T, form()>; });
    });
}

void build_xchg_accumulator(const Decoded& d, Instruction& insn) {
    // NOP does not clear the upper half of RAX; F3 90 is PAUSE whatever REX.B says.
    if (insn.reg == 0 || (d.opcode == 0x90 && (d.prefixes & prefix::kRep))) {
        insn.handler = &nop;
        return;
    }
    insn.rm = 0;
    insn.handler = by_wide_width(d.operand_bytes, [&](auto zero) -> Handler { return &xchg_rr<decltype(zero)>; });
}

void build_nop(const Decoded&, Instruction& insn) { insn.handler = &nop; }

void build_bswap(const Decoded& d, Instruction& insn) {
    insn.handler = by_wide_width(d.operand_bytes, [](auto zero) -> Handler { return &bswap<decltype(zero)>; });
}

void build_setcc(const Decoded& d, Instruction& insn) {
    insn.handler = by_condition(d.opcode & 15, [&](auto code) -> Handler {
        return d.memory ? &call<&setcc_memory<code()>> : &setcc_r<code()>;
    });
}

void build_cmovcc(const Decoded& d, Instruction& insn) {
    insn.handler = by_wide_width(d.operand_bytes, [&](auto zero) -> Handler {
        using T = decltype(zero);
        return by_condition(d.opcode & 15, [&](auto code) -> Handler {
            constexpr unsigned kCode = decltype(code)::value;
            if (!d.memory) return &cmov_r<T, kCode>;
            return by_operand_form<T>(d, [](auto form) -> Handler { return &cmov_m<T, kCode, form()>; });
        });
    });
}

void build_convert(const Decoded& d, Instruction& insn) { 
    insn.handler = by_wide_width(d.operand_bytes, [](auto zero) -> Handler { return &convert<decltype(zero)>; });
}
void build_convert_double(const Decoded& d, Instruction& insn) {
    insn.handler = by_wide_width(d.operand_bytes, [](auto zero) -> Handler { return &convert_double<decltype(zero)>; });
}

}  // namespace gnomon
