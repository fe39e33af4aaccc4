// Near branches: Jcc, JMP, CALL, RET, LOOP. SDM Vol. 2; limits as in SDM Vol. 3, "Limit Checking".
#include "cpu/handler.h"
#include "cpu/integer.h"

namespace gnomon {
namespace {

template <class Ip, bool flat, unsigned code>
GNOMON_HANDLER void jcc(Cpu* c, const Instruction* i, u64 ip, u64 r, u64 s, u64 k) {
    if (lazy::condition(code, r, s, k)) GNOMON_TAIL branch_taken<Ip, flat>(c, i, ip, r, s, k);
    GNOMON_TAIL branch_not_taken<Ip, flat>(c, i, ip, r, s, k);
}

template <class Ip, bool flat>
GNOMON_HANDLER void jmp(Cpu* c, const Instruction* i, u64 ip, u64 r, u64 s, u64 k) {
    GNOMON_TAIL branch_taken<Ip, flat>(c, i, ip, r, s, k);
}

// ---- CALL, RET: the general forms ----------------------------------------------------------------------

Outcome call_to(Cpu& c, const Instruction& i, u64 target) {
    const unsigned bytes = i.operand_bytes();
    if (bytes == 2) target &= 0xffff;
    if (c.in_64bit_mode() ? !c.canonical(target) : target > c.segment(Seg::CS).limit) return c.raise(Vector::GP, 0);
    if (!c.push(bytes, c.next_rip)) return Outcome::Fault;
    return c.jump_near(target, bytes);
}

Outcome call_relative(Cpu& c, const Instruction& i) {
    const u64 target = c.state.rip - i.ip_offset + i.imm;
    return call_to(c, i, c.in_64bit_mode() ? target : static_cast<u32>(target));
}

Outcome load_target(Cpu& c, const Instruction& i, u64& target) {
    if (i.operand_bytes() == 2) {
        u16 value;
        if (!c.load_rm(i, value)) return Outcome::Fault;
        target = value;
    } else if (i.operand_bytes() == 4) {
        u32 value;
        if (!c.load_rm(i, value)) return Outcome::Fault;
        target = value;
    } else if (!c.load_rm(i, target)) {
        return Outcome::Fault;
    }
    return Outcome::Next;
}

Outcome call_indirect(Cpu& c, const Instruction& i) {
    u64 target;
    if (load_target(c, i, target) == Outcome::Fault) return Outcome::Fault;
    return call_to(c, i, target);
}

Outcome jmp_indirect(Cpu& c, const Instruction& i) {
    u64 target;
    if (load_target(c, i, target) == Outcome::Fault) return Outcome::Fault;
    return c.jump_near(target, i.operand_bytes());
}

Outcome ret(Cpu& c, const Instruction& i) {
    const u64 sp = c.state.gpr[reg::SP];
    u64 target;
    if (!c.pop(i.operand_bytes(), target)) return Outcome::Fault;
    const Outcome outcome = c.jump_near(target, i.operand_bytes());
    if (outcome == Outcome::Fault) {
        c.state.gpr[reg::SP] = sp;
        return outcome;
    }
    c.put_stack_pointer(c.state.gpr[reg::SP] + i.imm);
    return outcome;
}

// ---- and those for flat code: `W` is the width of the stack and of IP, u32 or u64 --------------------------

/// A target outside the canonical addresses takes the slow path, where the branch itself faults.
template <class W>
GNOMON_INLINE bool sound_target(u64 target) {
    return sizeof(W) == 4 || surely_canonical(target);
}

/// Pushes the return address; false if the slow path must do the whole instruction.
template <class W>
GNOMON_INLINE bool push_return(Cpu* c, u64 value) {
    const W sp = static_cast<W>(c->state.gpr[reg::SP] - sizeof(W));
    u8* p = probe<AccessKind::Write>(c, sp, sizeof(W));
    if (!p) [[unlikely]] return false;
    poke<W>(p, static_cast<W>(value));
    c->state.gpr[reg::SP] = sp;
    return true;
}

template <class W>
GNOMON_HANDLER void call_flat(Cpu* c, const Instruction* i, u64 ip, u64 r, u64 s, u64 k) {
    if (!sound_target<W>(ip + i->imm) || !push_return<W>(c, ip + i[1].ip_offset)) [[unlikely]]
        GNOMON_TAIL call<&call_relative>(c, i, ip, r, s, k);
    GNOMON_TAIL branch_taken<u32, true>(c, i, ip, r, s, k);
}

template <class W>
GNOMON_HANDLER void ret_flat(Cpu* c, const Instruction* i, u64 ip, u64 r, u64 s, u64 k) {
    const W sp = static_cast<W>(c->state.gpr[reg::SP]);
    const u8* p = probe<AccessKind::Read>(c, sp, sizeof(W));
    if (!p) [[unlikely]] GNOMON_TAIL call<&ret>(c, i, ip, r, s, k);
    const u64 target = peek<W>(p);
    if (!sound_target<W>(target)) [[unlikely]] GNOMON_TAIL call<&ret>(c, i, ip, r, s, k);
    c->state.gpr[reg::SP] = static_cast<W>(sp + sizeof(W) + i->imm);
    GNOMON_TAIL jump_flat(c, i, target, r, s, k);
}

template <class W>
GNOMON_HANDLER void call_register_flat(Cpu* c, const Instruction* i, u64 ip, u64 r, u64 s, u64 k) {
    const u64 target = c->get_at<W>(i->rm);
    if (!sound_target<W>(target) || !push_return<W>(c, ip + i[1].ip_offset)) [[unlikely]]
        GNOMON_TAIL call<&call_indirect>(c, i, ip, r, s, k);
    GNOMON_TAIL jump_flat(c, i, target, r, s, k);
}

template <class W, Mem form>
GNOMON_HANDLER void call_memory_flat(Cpu* c, const Instruction* i, u64 ip, u64 r, u64 s, u64 k) {
    const u8* p = operand_pointer<form, AccessKind::Read>(c, i, ip, sizeof(W));
    if (!p) [[unlikely]] GNOMON_TAIL call<&call_indirect>(c, i, ip, r, s, k);
    const u64 target = peek<W>(p);
    if (!sound_target<W>(target) || !push_return<W>(c, ip + i[1].ip_offset)) [[unlikely]]
        GNOMON_TAIL call<&call_indirect>(c, i, ip, r, s, k);
    GNOMON_TAIL jump_flat(c, i, target, r, s, k);
}

template <class W>
GNOMON_HANDLER void jmp_register_flat(Cpu* c, const Instruction* i, u64 ip, u64 r, u64 s, u64 k) {
    const u64 target = c->get_at<W>(i->rm);
    if (!sound_target<W>(target)) [[unlikely]] GNOMON_TAIL call<&jmp_indirect>(c, i, ip, r, s, k);
    GNOMON_TAIL jump_flat(c, i, target, r, s, k);
}

template <class W, Mem form>
GNOMON_HANDLER void jmp_memory_flat(Cpu* c, const Instruction* i, u64 ip, u64 r, u64 s, u64 k) {
    const u8* p = operand_pointer<form, AccessKind::Read>(c, i, ip, sizeof(W));
    if (!p) [[unlikely]] GNOMON_TAIL call<&jmp_indirect>(c, i, ip, r, s, k);
    const u64 target = peek<W>(p);
    if (!sound_target<W>(target)) [[unlikely]] GNOMON_TAIL call<&jmp_indirect>(c, i, ip, r, s, k);
    GNOMON_TAIL jump_flat(c, i, target, r, s, k);
}

// ---- LOOP, JCXZ --------------------------------------------------------------------------------------------

/// `Count` is CX, ECX or RCX by address size. A taken branch beyond the limit must leave the count as it was.
template <class Ip, bool flat, class Count, unsigned kind>
GNOMON_HANDLER void loop(Cpu* c, const Instruction* i, u64 ip, u64 r, u64 s, u64 k) {
    const Count before = c->get<Count>(reg::CX);
    const Count count = kind == 3 ? before : static_cast<Count>(before - 1);
    bool taken = kind == 3 ? count == 0 : count != 0;
    if constexpr (kind == 0) taken = taken && !lazy::zf(r, k);
    if constexpr (kind == 1) taken = taken && lazy::zf(r, k);
    if constexpr (flat) {
        if (taken && !surely_canonical(ip + i->imm) && c->in_64bit_mode() && !c->canonical(ip + i->imm)) [[unlikely]]
            GNOMON_TAIL branch_beyond_limit(c, i, ip, r, s, k);
    } else {
        if (taken && static_cast<Ip>(ip + i->imm) > c->segment(Seg::CS).limit) GNOMON_TAIL branch_beyond_limit(c, i, ip, r, s, k);
    }
    if constexpr (kind != 3) c->put<Count>(reg::CX, count);
    if (taken) GNOMON_TAIL branch_taken<Ip, flat>(c, i, ip, r, s, k);
    GNOMON_TAIL branch_not_taken<Ip, flat>(c, i, ip, r, s, k);
}

/// Calls `choose` with the width of stack and IP where code and stack are flat and of one width; else `general`.
template <class F>
Handler by_flat_width(const Decoded& d, Handler general, F choose) {
    if (d.mode & mode::kCode64) return choose(u64{});
    const bool flat32 = (d.mode & mode::kFlat) && (d.mode & mode::kCode32) && (d.mode & mode::kStack32) && d.operand_bytes == 4;
    return flat32 ? choose(u32{}) : general;
}

}  // namespace

bool is_conditional_branch(Build build) { return build == &build_jcc; }

void build_jcc(const Decoded& d, Instruction& insn) {
    insn.handler = by_branch_form(d, [&](auto zero, auto flat) {
        using Ip = decltype(zero);
        const auto pick = [&]<size_t... I>(std::index_sequence<I...>) {
            constexpr Handler table[] = {&jcc<Ip, flat(), I>...};
            return table[d.opcode & 15];
        };
        return pick(std::make_index_sequence<16>{});
    });
}

void build_jmp(const Decoded& d, Instruction& insn) {
    insn.handler = by_branch_form(d, [](auto zero, auto flat) -> Handler { return &jmp<decltype(zero), flat()>; });
}

void build_call(const Decoded& d, Instruction& insn) {
    insn.handler = by_flat_width(d, &call<&call_relative>, [](auto zero) -> Handler { return &call_flat<decltype(zero)>; });
}

void build_jmp_indirect(const Decoded& d, Instruction& insn) {
    insn.handler = by_flat_width(d, &call<&jmp_indirect>, [&](auto zero) -> Handler {
        using W = decltype(zero);
        if (!d.memory) return &jmp_register_flat<W>;
        return by_operand_form<W>(d, [](auto form) -> Handler { return &jmp_memory_flat<W, form()>; });
    });
}

void build_call_indirect(const Decoded& d, Instruction& insn) {
    insn.handler = by_flat_width(d, &call<&call_indirect>, [&](auto zero) -> Handler {
        using W = decltype(zero);
        if (!d.memory) return &call_register_flat<W>;
        return by_operand_form<W>(d, [](auto form) -> Handler { return &call_memory_flat<W, form()>; });
    });
}

void build_ret(const Decoded& d, Instruction& insn) {
    insn.handler = by_flat_width(d, &call<&ret>, [](auto zero) -> Handler { return &ret_flat<decltype(zero)>; });
}

void build_loop(const Decoded& d, Instruction& insn) {
    insn.handler = by_branch_form(d, [&](auto zero, auto flat) {
        using Ip = decltype(zero);
        return by_wide_width(d.address_bytes, [&](auto count) -> Handler {
            using Count = decltype(count);
            constexpr Handler table[] = {&loop<Ip, flat(), Count, 0>, &loop<Ip, flat(), Count, 1>, &loop<Ip, flat(), Count, 2>,
                                         &loop<Ip, flat(), Count, 3>};
            return table[d.opcode & 3];
        });
    });
}

}  // namespace gnomon
