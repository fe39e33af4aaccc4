// FLD, FST, FSTP, FILD, FIST, FISTP, FBLD, FBSTP, FXCH, FCHS, FABS and the constants. SDM Vol. 2.
#include "cpu/fpu/x87_instructions.h"

namespace gnomon::x87 {
namespace {

/// Pushes, or the indefinite value where there is no room.
void push_value(Cpu& c, const Float80& value) {
    FpuState& f = c.state.fpu;
    Float80 pushed = value;
    if (filled(f, 7)) {
        if (!stack_fault(c, true)) return;
        pushed = kIndefinite;
    }
    push(f);
    st(f, 0) = pushed;
}

GNOMON_INLINE void clear_c1(FpuState& f) { f.status &= static_cast<u16>(~sw::C1); }

/// The register that a push will use, or null if it is not empty.
GNOMON_INLINE Float80* room(FpuState& f) {
    const unsigned t = (top(f) - 1) & 7;
    return f.valid >> t & 1 ? nullptr : &f.registers[t];
}

// ---- loads ---------------------------------------------------------------------------------------------

template<class M>
Outcome load_memory(Cpu& c, const Instruction& i) {
    Outcome out;
    if (!await(c, out)) return out;
    M source;
    if (!load_operand(c, i, source)) return Outcome::Fault;
    FpuState& f = c.state.fpu;
    if (filled(f, 7)) {
        push_value(c, kIndefinite);
        return Outcome::Next;
    }
    Float80 value;
    const u16 status = on_host(c, [&](auto careful) { return host::load<careful()>(value, source); });
    if (finish(c, status, sw::IE))
        push_value(c, value);  // a denormal is loaded even if that exception is not masked
    return Outcome::Next;
}

template<class M, Mem form>
GNOMON_HANDLER void load_m(Cpu* c, const Instruction* i, u64 ip, u64 r, u64 s, u64 k) {
    u64 offset;
    const u8* p = operand<form, AccessKind::Read>(c, i, ip, sizeof(M), offset);
    FpuState& f = c->state.fpu;
    Float80* place = room(f);
    if (!p || !c->host_fpu.x87 || !place) [[unlikely]]
        GNOMON_TAIL call<&load_memory<M>>(c, i, ip, r, s, k);
    merge(f, host::load<false>(*place, *reinterpret_cast<const M*>(p)));
    push(f);
    note(c, i, ip + i->ip_offset);
    note_operand(c, i, offset);
    GNOMON_TAIL next(c, i, ip, r, s, k);
}

Outcome load_80(Cpu& c, const Instruction& i) {
    Outcome out;
    if (!await(c, out)) return out;
    host::Packed80 source;
    if (!load_operand(c, i, source)) return Outcome::Fault;
    clear_c1(c.state.fpu);
    push_value(c, {source.low, source.high});
    return Outcome::Next;
}

template<Mem form>
GNOMON_HANDLER void load_m80(Cpu* c, const Instruction* i, u64 ip, u64 r, u64 s, u64 k) {
    u64 offset;
    const u8* p = operand<form, AccessKind::Read>(c, i, ip, 10, offset);
    FpuState& f = c->state.fpu;
    Float80* place = room(f);
    if (!p || !c->host_fpu.x87 || !place) [[unlikely]]
        GNOMON_TAIL call<&load_80>(c, i, ip, r, s, k);
    *place = {peek<u64>(p), peek<u16>(p + 8)};
    clear_c1(f);
    push(f);
    note(c, i, ip + i->ip_offset);
    note_operand(c, i, offset);
    GNOMON_TAIL next(c, i, ip, r, s, k);
}

Outcome load_register(Cpu& c, const Instruction& i) {
    Outcome out;
    if (!await(c, out)) return out;
    note(c, i);
    FpuState& f = c.state.fpu;
    if (!filled(f, i.rm)) {
        if (!stack_fault(c, false)) return Outcome::Next;
        push(f);
        st(f, 0) = kIndefinite;
        return Outcome::Next;
    }
    clear_c1(f);
    push_value(c, st(f, i.rm));
    return Outcome::Next;
}

GNOMON_HANDLER void load_r(Cpu* c, const Instruction* i, u64 ip, u64 r, u64 s, u64 k) {
    FpuState& f = c->state.fpu;
    const unsigned source = physical(f, i->rm);
    Float80* place = room(f);
    if (!c->host_fpu.x87 || !place || !(f.valid >> source & 1)) [[unlikely]]
        GNOMON_TAIL call<&load_register>(c, i, ip, r, s, k);
    copy(*place, f.registers[source]);
    clear_c1(f);
    push(f);
    note(c, i, ip + i->ip_offset);
    GNOMON_TAIL next(c, i, ip, r, s, k);
}

// ---- constants -----------------------------------------------------------------------------------------

/// log2(10), log2(e), π, log10(2), ln(2) with 66 bits and more, as the unit holds them: rounded by the
/// rounding control.
struct Constant {
    Float80 down;  ///< truncated
    bool nearest_is_up;
};
constexpr Constant kConstants[7] = {
    {{0x8000000000000000, 0x3fff}, false},  // FLD1: exact
    {{0xd49a784bcd1b8afe, 0x4000}, false},  // FLDL2T
    {{0xb8aa3b295c17f0bb, 0x3fff}, true},   // FLDL2E
    {{0xc90fdaa22168c234, 0x4000}, true},   // FLDPI
    {{0x9a209a84fbcff798, 0x3ffd}, true},   // FLDLG2
    {{0xb17217f7d1cf79ab, 0x3ffe}, true},   // FLDLN2
    {{0, 0}, false},                        // FLDZ: exact
};

template<unsigned which>
GNOMON_INLINE Float80 constant(u16 control) {
    Float80 value = kConstants[which].down;
    if constexpr (which != 0 && which != 6) {
        const unsigned rounding = control >> 10 & 3;
        value.significand += rounding == 2 || (rounding == 0 && kConstants[which].nearest_is_up);
    }
    return value;
}

template<unsigned which>
Outcome load_constant(Cpu& c, const Instruction& i) {
    Outcome out;
    if (!await(c, out)) return out;
    note(c, i);
    clear_c1(c.state.fpu);
    push_value(c, constant<which>(c.state.fpu.control));
    return Outcome::Next;
}

template<unsigned which>
GNOMON_HANDLER void constant_r(Cpu* c, const Instruction* i, u64 ip, u64 r, u64 s, u64 k) {
    FpuState& f = c->state.fpu;
    Float80* place = room(f);
    if (!c->host_fpu.x87 || !place) [[unlikely]]
        GNOMON_TAIL call<&load_constant<which>>(c, i, ip, r, s, k);
    copy(*place, constant<which>(f.control));
    clear_c1(f);
    push(f);
    note(c, i, ip + i->ip_offset);
    GNOMON_TAIL next(c, i, ip, r, s, k);
}

// ---- stores --------------------------------------------------------------------------------------------

/// What a masked invalid operation stores.
template<class M>
constexpr M indefinite() {
    if constexpr (std::is_same_v<M, host::Real32>)
        return {0xffc00000};
    else if constexpr (std::is_same_v<M, host::Real64>)
        return {0xfff8000000000000};
    else if constexpr (std::is_same_v<M, host::Int16> || std::is_same_v<M, host::Truncated16>)
        return {0x8000};
    else if constexpr (std::is_same_v<M, host::Int32> || std::is_same_v<M, host::Truncated32>)
        return {0x80000000};
    else if constexpr (std::is_same_v<M, host::Int64> || std::is_same_v<M, host::Truncated64>)
        return {0x8000000000000000};
    else
        return {0xc000000000000000, 0xffff};  // real and packed decimal alike
}

/// An exception that is not masked keeps the store from happening, and then from faulting.
template<class M>
bool store_is_blocked(Cpu& c) {
    FpuState& f = c.state.fpu;
    if (c.host_fpu.x87) return false;  // all are masked
    if (!filled(f, 0)) return !(f.control & sw::IE);
    M value;
    const u16 status = on_host(c, [&](auto careful) { return host::store<careful()>(value, st(f, 0)); });
    return status & static_cast<u16>(~f.control) & kBlocksMemory;
}

/// A fault of the store must leave the status word as it was, so memory is checked before the conversion.
template<class M, bool pops>
Outcome store_memory(Cpu& c, const Instruction& i) {
    Outcome out;
    if (!await(c, out)) return out;
    const u64 offset = c.effective_address(i);
    if (!c.check_write(i.segment, offset, sizeof(M)) && !store_is_blocked<M>(c)) return Outcome::Fault;
    note(c, i);
    note_operand(&c, &i, offset);
    FpuState& f = c.state.fpu;
    M value;
    if (!filled(f, 0)) {
        if (!stack_fault(c, false)) return Outcome::Next;
        value = indefinite<M>();
    } else {
        const u16 status = on_host(c, [&](auto careful) { return host::store<careful()>(value, st(f, 0)); });
        if (!finish(c, status, kBlocksMemory)) return Outcome::Next;
    }
    if (!c.write(i.segment, offset, value)) return Outcome::Fault;
    if constexpr (pops) pop(f);
    return Outcome::Next;
}

template<class M, bool pops, Mem form>
GNOMON_HANDLER void store_m(Cpu* c, const Instruction* i, u64 ip, u64 r, u64 s, u64 k) {
    u64 offset;
    u8* p = operand<form, AccessKind::Write>(c, i, ip, sizeof(M), offset);
    FpuState& f = c->state.fpu;
    if (!p || !c->host_fpu.x87 || !filled(f, 0)) [[unlikely]]
        GNOMON_TAIL call<&store_memory<M, pops>>(c, i, ip, r, s, k);
    merge(f, host::store<false>(*reinterpret_cast<M*>(p), st(f, 0)));
    if constexpr (pops) pop(f);
    note(c, i, ip + i->ip_offset);
    note_operand(c, i, offset);
    GNOMON_TAIL next(c, i, ip, r, s, k);
}

Outcome store_80(Cpu& c, const Instruction& i) {
    Outcome out;
    if (!await(c, out)) return out;
    const u64 offset = c.effective_address(i);
    if (!c.check_write(i.segment, offset, 10) && (filled(c.state.fpu, 0) || (c.state.fpu.control & sw::IE)))
        return Outcome::Fault;
    note(c, i);
    note_operand(&c, &i, offset);
    FpuState& f = c.state.fpu;
    host::Packed80 value{st(f, 0).significand, st(f, 0).exponent};
    if (!filled(f, 0)) {
        if (!stack_fault(c, false)) return Outcome::Next;
        value = indefinite<host::Packed80>();
    } else {
        clear_c1(f);
    }
    if (!c.write(i.segment, offset, value)) return Outcome::Fault;
    pop(f);
    return Outcome::Next;
}

template<Mem form>
GNOMON_HANDLER void store_m80(Cpu* c, const Instruction* i, u64 ip, u64 r, u64 s, u64 k) {
    u64 offset;
    u8* p = operand<form, AccessKind::Write>(c, i, ip, 10, offset);
    FpuState& f = c->state.fpu;
    if (!p || !c->host_fpu.x87 || !filled(f, 0)) [[unlikely]]
        GNOMON_TAIL call<&store_80>(c, i, ip, r, s, k);
    const Float80& value = st(f, 0);
    poke<u64>(p, value.significand);
    poke<u16>(p + 8, value.exponent);
    clear_c1(f);
    pop(f);
    note(c, i, ip + i->ip_offset);
    note_operand(c, i, offset);
    GNOMON_TAIL next(c, i, ip, r, s, k);
}

template<bool pops>
Outcome store_register(Cpu& c, const Instruction& i) {
    Outcome out;
    if (!await(c, out)) return out;
    note(c, i);
    FpuState& f = c.state.fpu;
    if (!filled(f, 0)) {
        if (!stack_fault(c, false)) return Outcome::Next;
        fill(f, i.rm, kIndefinite);
    } else {
        clear_c1(f);
        fill(f, i.rm, st(f, 0));
    }
    if constexpr (pops) pop(f);
    return Outcome::Next;
}

template<bool pops>
GNOMON_HANDLER void store_r(Cpu* c, const Instruction* i, u64 ip, u64 r, u64 s, u64 k) {
    FpuState& f = c->state.fpu;
    if (!c->host_fpu.x87 || !filled(f, 0)) [[unlikely]]
        GNOMON_TAIL call<&store_register<pops>>(c, i, ip, r, s, k);
    clear_c1(f);
    fill(f, i->rm, st(f, 0));
    if constexpr (pops) pop(f);
    note(c, i, ip + i->ip_offset);
    GNOMON_TAIL next(c, i, ip, r, s, k);
}

/// FSTP1, an alias of FSTP STi: an empty ST0 is popped without a stack fault.
Outcome store_register_silently(Cpu& c, const Instruction& i) {
    Outcome out;
    if (!await(c, out)) return out;
    note(c, i);
    FpuState& f = c.state.fpu;
    clear_c1(f);
    if (filled(f, 0)) fill(f, i.rm, st(f, 0));
    pop(f);
    return Outcome::Next;
}

// ---- exchange, sign --------------------------------------------------------------------------------------

Outcome exchange(Cpu& c, const Instruction& i) {
    Outcome out;
    if (!await(c, out)) return out;
    note(c, i);
    FpuState& f = c.state.fpu;
    const bool have0 = filled(f, 0);
    const bool have_other = filled(f, i.rm);
    if (!have0 || !have_other) {
        if (!stack_fault(c, false)) return Outcome::Next;
        if (!have0) fill(f, 0, kIndefinite);
        if (!have_other) fill(f, i.rm, kIndefinite);
    } else {
        clear_c1(f);
    }
    std::swap(st(f, 0), st(f, i.rm));
    return Outcome::Next;
}

GNOMON_HANDLER void exchange_r(Cpu* c, const Instruction* i, u64 ip, u64 r, u64 s, u64 k) {
    FpuState& f = c->state.fpu;
    const unsigned first = top(f);
    const unsigned other = (first + i->rm) & 7;
    if (!c->host_fpu.x87 || !(f.valid >> first & f.valid >> other & 1)) [[unlikely]]
        GNOMON_TAIL call<&exchange>(c, i, ip, r, s, k);
    const Float80 old{f.registers[first].significand, f.registers[first].exponent};
    copy(f.registers[first], f.registers[other]);
    copy(f.registers[other], old);
    clear_c1(f);
    note(c, i, ip + i->ip_offset);
    GNOMON_TAIL next(c, i, ip, r, s, k);
}

template<bool absolute>
GNOMON_INLINE void change_sign(Float80& value) {
    value.exponent = absolute ? value.exponent & 0x7fff : value.exponent ^ 0x8000;
}

template<bool absolute>
Outcome sign(Cpu& c, const Instruction& i) {
    Outcome out;
    if (!await(c, out)) return out;
    note(c, i);
    FpuState& f = c.state.fpu;
    if (!filled(f, 0)) {
        if (stack_fault(c, false)) fill(f, 0, kIndefinite);
        return Outcome::Next;
    }
    clear_c1(f);
    change_sign<absolute>(st(f, 0));
    return Outcome::Next;
}

template<bool absolute>
GNOMON_HANDLER void sign_r(Cpu* c, const Instruction* i, u64 ip, u64 r, u64 s, u64 k) {
    FpuState& f = c->state.fpu;
    if (!c->host_fpu.x87 || !filled(f, 0)) [[unlikely]]
        GNOMON_TAIL call<&sign<absolute>>(c, i, ip, r, s, k);
    clear_c1(f);
    change_sign<absolute>(st(f, 0));
    note(c, i, ip + i->ip_offset);
    GNOMON_TAIL next(c, i, ip, r, s, k);
}

}  // namespace

template<class M>
void build_load(const Decoded& d, Instruction& insn) {
    insn.handler = by_operand_form(d, [](auto form) -> Handler { return &load_m<M, form()>; });
}

template<class M, bool pops>
void build_store(const Decoded& d, Instruction& insn) {
    insn.handler = by_operand_form(d, [](auto form) -> Handler { return &store_m<M, pops, form()>; });
}

template void build_load<host::Real32>(const Decoded&, Instruction&);
template void build_load<host::Real64>(const Decoded&, Instruction&);
template void build_load<host::Int16>(const Decoded&, Instruction&);
template void build_load<host::Int32>(const Decoded&, Instruction&);
template void build_load<host::Int64>(const Decoded&, Instruction&);
template void build_store<host::Real32, false>(const Decoded&, Instruction&);
template void build_store<host::Real32, true>(const Decoded&, Instruction&);
template void build_store<host::Real64, false>(const Decoded&, Instruction&);
template void build_store<host::Real64, true>(const Decoded&, Instruction&);
template void build_store<host::Int16, false>(const Decoded&, Instruction&);
template void build_store<host::Int16, true>(const Decoded&, Instruction&);
template void build_store<host::Int32, false>(const Decoded&, Instruction&);
template void build_store<host::Int32, true>(const Decoded&, Instruction&);
template void build_store<host::Int64, true>(const Decoded&, Instruction&);
template void build_store<host::Truncated16, true>(const Decoded&, Instruction&);
template void build_store<host::Truncated32, true>(const Decoded&, Instruction&);
template void build_store<host::Truncated64, true>(const Decoded&, Instruction&);

void build_load_80(const Decoded& d, Instruction& insn) {
    insn.handler = by_operand_form(d, [](auto form) -> Handler { return &load_m80<form()>; });
}
void build_store_80(const Decoded& d, Instruction& insn) {
    insn.handler = by_operand_form(d, [](auto form) -> Handler { return &store_m80<form()>; });
}
void build_load_register(const Decoded&, Instruction& insn) { insn.handler = &load_r; }
template<bool pops>
void build_store_register(const Decoded&, Instruction& insn) {
    insn.handler = &store_r<pops>;
}
template void build_store_register<false>(const Decoded&, Instruction&);
template void build_store_register<true>(const Decoded&, Instruction&);
void build_exchange(const Decoded&, Instruction& insn) { insn.handler = &exchange_r; }
void build_fchs(const Decoded&, Instruction& insn) { insn.handler = &sign_r<false>; }
void build_fabs(const Decoded&, Instruction& insn) { insn.handler = &sign_r<true>; }

Outcome fstp1(Cpu& c, const Instruction& i) { return store_register_silently(c, i); }
Outcome fbld(Cpu& c, const Instruction& i) { return load_memory<host::Packed80>(c, i); }
Outcome fbstp(Cpu& c, const Instruction& i) { return store_memory<host::Packed80, true>(c, i); }

template<unsigned which>
void build_constant(const Decoded&, Instruction& insn) {
    insn.handler = &constant_r<which>;
}
template void build_constant<0>(const Decoded&, Instruction&);
template void build_constant<1>(const Decoded&, Instruction&);
template void build_constant<2>(const Decoded&, Instruction&);
template void build_constant<3>(const Decoded&, Instruction&);
template void build_constant<4>(const Decoded&, Instruction&);
template void build_constant<5>(const Decoded&, Instruction&);
template void build_constant<6>(const Decoded&, Instruction&);

}  // namespace gnomon::x87
