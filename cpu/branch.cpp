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
    if (target > c.segment(Seg::CS).limit) return c.raise(Vector::GP, 0);
    if (!c.push(bytes, c.next_rip)) return Outcome::Fault;
    return c.jump_near(target, bytes);
}

Outcome call_relative(Cpu& c, const Instruction& i) { return call_to(c, i, static_cast<u32>(c.next_rip - i.length() - i.ip_offset + i.imm)); }

Outcome load_target(Cpu& c, const Instruction& i, u64& target) {
    if (i.operand_bytes() == 2) {
        u16 value;
        if (!c.load_rm(i, value)) return Outcome::Fault;
        target = value;
    } else {
        u32 value;
        if (!c.load_rm(i, value)) return Outcome::Fault;
        target = value;
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
    if (c.stack_mask() == 0xffff) c.put<u16>(reg::SP, static_cast<u16>(c.get<u16>(reg::SP) + i.imm));
    else c.put<u32>(reg::SP, static_cast<u32>(c.get<u32>(reg::SP) + i.imm));
    return outcome;
}

// ---- and those for flat 32-bit code ----------------------------------------------------------------------

/// Pushes the return address; null if the slow path must do the whole instruction.
GNOMON_INLINE bool push_return(Cpu* c, u64 value) {
    const u32 sp = static_cast<u32>(c->state.gpr[reg::SP]) - 4;
    u8* p = probe<AccessKind::Write>(c, sp, 4);
    if (!p) [[unlikely]] return false;
    poke<u32>(p, static_cast<u32>(value));
    c->state.gpr[reg::SP] = sp;
    return true;
}

GNOMON_HANDLER void call_flat(Cpu* c, const Instruction* i, u64 ip, u64 r, u64 s, u64 k) {
    if (!push_return(c, ip + i[1].ip_offset)) [[unlikely]] GNOMON_TAIL call<&call_relative>(c, i, ip, r, s, k);
    GNOMON_TAIL branch_taken<u32, true>(c, i, ip, r, s, k);
}

GNOMON_HANDLER void ret_flat(Cpu* c, const Instruction* i, u64 ip, u64 r, u64 s, u64 k) {
    const u32 sp = static_cast<u32>(c->state.gpr[reg::SP]);
    const u8* p = probe<AccessKind::Read>(c, sp, 4);
    if (!p) [[unlikely]] GNOMON_TAIL call<&ret>(c, i, ip, r, s, k);
    c->state.gpr[reg::SP] = static_cast<u32>(sp + 4 + i->imm);
    GNOMON_TAIL jump_to(c, i, peek<u32>(p), r, s, k);
}

GNOMON_HANDLER void call_register_flat(Cpu* c, const Instruction* i, u64 ip, u64 r, u64 s, u64 k) {
    const u64 target = c->get_at<u32>(i->rm);
    if (!push_return(c, ip + i[1].ip_offset)) [[unlikely]] GNOMON_TAIL call<&call_indirect>(c, i, ip, r, s, k);
    GNOMON_TAIL jump_to(c, i, target, r, s, k);
}

template <Mem form>
GNOMON_HANDLER void call_memory_flat(Cpu* c, const Instruction* i, u64 ip, u64 r, u64 s, u64 k) {
    const u8* p = operand_pointer<form, AccessKind::Read>(c, i, 4);
    if (!p) [[unlikely]] GNOMON_TAIL call<&call_indirect>(c, i, ip, r, s, k);
    const u64 target = peek<u32>(p);
    if (!push_return(c, ip + i[1].ip_offset)) [[unlikely]] GNOMON_TAIL call<&call_indirect>(c, i, ip, r, s, k);
    GNOMON_TAIL jump_to(c, i, target, r, s, k);
}

GNOMON_HANDLER void jmp_register_flat(Cpu* c, const Instruction* i, u64, u64 r, u64 s, u64 k) {
    GNOMON_TAIL jump_to(c, i, c->get_at<u32>(i->rm), r, s, k);
}

template <Mem form>
GNOMON_HANDLER void jmp_memory_flat(Cpu* c, const Instruction* i, u64 ip, u64 r, u64 s, u64 k) {
    const u8* p = operand_pointer<form, AccessKind::Read>(c, i, 4);
    if (!p) [[unlikely]] GNOMON_TAIL call<&jmp_indirect>(c, i, ip, r, s, k);
    GNOMON_TAIL jump_to(c, i, peek<u32>(p), r, s, k);
}

// ---- LOOP, JCXZ --------------------------------------------------------------------------------------------

/// `Count` is CX or ECX by address size. A taken branch beyond the limit must leave the count as it was.
template <class Ip, bool flat, class Count, unsigned kind>
GNOMON_HANDLER void loop(Cpu* c, const Instruction* i, u64 ip, u64 r, u64 s, u64 k) {
    const Count before = c->get<Count>(reg::CX);
    const Count count = kind == 3 ? before : static_cast<Count>(before - 1);
    bool taken = kind == 3 ? count == 0 : count != 0;
    if constexpr (kind == 0) taken = taken && !lazy::zf(r, k);
    if constexpr (kind == 1) taken = taken && lazy::zf(r, k);
    if constexpr (!flat)
        if (taken && static_cast<Ip>(ip + i->imm) > c->segment(Seg::CS).limit)
            GNOMON_TAIL branch_beyond_limit(c, i, ip, r, s, k);
    if constexpr (kind != 3) c->put<Count>(reg::CX, count);
    if (taken) GNOMON_TAIL branch_taken<Ip, flat>(c, i, ip, r, s, k);
    GNOMON_TAIL branch_not_taken<Ip, flat>(c, i, ip, r, s, k);
}

[[nodiscard]] bool flat32(const Decoded& d) {
    return (d.mode & mode::kFlat) && (d.mode & mode::kCode32) && (d.mode & mode::kStack32) && d.operand_bytes == 4;
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

void build_call(const Decoded& d, Instruction& insn) { insn.handler = flat32(d) ? &call_flat : &call<&call_relative>; }

void build_jmp_indirect(const Decoded& d, Instruction& insn) {
    if (!flat32(d) || (d.memory && memory_form(d) == Mem::General)) {
        insn.handler = &call<&jmp_indirect>;
        return;
    }
    insn.handler = !d.memory                               ? &jmp_register_flat
                   : memory_form(d) == Mem::FlatBase ? &jmp_memory_flat<Mem::FlatBase>
                                                           : &jmp_memory_flat<Mem::FlatIndex>;
}

void build_call_indirect(const Decoded& d, Instruction& insn) {
    if (!flat32(d) || (d.memory && memory_form(d) == Mem::General)) {
        insn.handler = &call<&call_indirect>;
        return;
    }
    insn.handler = !d.memory                               ? &call_register_flat
                   : memory_form(d) == Mem::FlatBase ? &call_memory_flat<Mem::FlatBase>
                                                           : &call_memory_flat<Mem::FlatIndex>;
}

void build_ret(const Decoded& d, Instruction& insn) { insn.handler = flat32(d) ? &ret_flat : &call<&ret>; }

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
