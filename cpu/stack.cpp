// PUSH, POP, PUSHA, POPA, ENTER, LEAVE. SDM Vol. 1, "Procedure Calls, Interrupts, and Exceptions".
#include "cpu/handler.h"
#include "cpu/integer.h"

namespace gnomon {
namespace {

Outcome push_register(Cpu& c, const Instruction& i) {
    return c.push(i.operand_bytes(), c.get_at<u64>(i.reg)) ? Outcome::Next : Outcome::Fault;
}

Outcome push_immediate(Cpu& c, const Instruction& i) { return c.push(i.operand_bytes(), i.imm) ? Outcome::Next : Outcome::Fault; }

Outcome push_rm(Cpu& c, const Instruction& i) {
    u64 value;
    if (i.operand_bytes() == 2) {
        u16 word;
        if (!c.load_rm(i, word)) return Outcome::Fault;
        value = word;
    } else if (i.operand_bytes() == 4) {
        u32 word;
        if (!c.load_rm(i, word)) return Outcome::Fault;
        value = word;
    } else if (!c.load_rm(i, value)) {
        return Outcome::Fault;
    }
    return c.push(i.operand_bytes(), value) ? Outcome::Next : Outcome::Fault;
}

Outcome pop_register(Cpu& c, const Instruction& i) {
    u64 value;
    if (!c.pop(i.operand_bytes(), value)) return Outcome::Fault;
    if (i.operand_bytes() == 2) c.put_at<u16>(i.reg, static_cast<u16>(value));
    else if (i.operand_bytes() == 4) c.put_at<u32>(i.reg, static_cast<u32>(value));
    else c.put_at<u64>(i.reg, value);
    return Outcome::Next;
}

// ---- flat stacks in line: `W` is the width of the stack and of the operand, u32 or u64 ----------------------

/// False: the slow path must do it.
template <class W>
GNOMON_INLINE bool push_flat(Cpu* c, W value) {
    const W sp = static_cast<W>(c->state.gpr[reg::SP] - sizeof(W));
    u8* p = probe<AccessKind::Write>(c, sp, sizeof(W));
    if (!p) [[unlikely]] return false;
    poke<W>(p, value);
    c->state.gpr[reg::SP] = sp;
    return true;
}

template <class W>
GNOMON_HANDLER void push_register_flat(Cpu* c, const Instruction* i, u64 ip, u64 r, u64 s, u64 k) {
    if (!push_flat<W>(c, c->get_at<W>(i->reg))) [[unlikely]] GNOMON_TAIL call<&push_register>(c, i, ip, r, s, k);
    GNOMON_TAIL next(c, i, ip, r, s, k);
}

template <class W>
GNOMON_HANDLER void push_immediate_flat(Cpu* c, const Instruction* i, u64 ip, u64 r, u64 s, u64 k) {
    if (!push_flat<W>(c, static_cast<W>(i->imm))) [[unlikely]] GNOMON_TAIL call<&push_immediate>(c, i, ip, r, s, k);
    GNOMON_TAIL next(c, i, ip, r, s, k);
}

template <class W, Mem form>
GNOMON_HANDLER void push_memory_flat(Cpu* c, const Instruction* i, u64 ip, u64 r, u64 s, u64 k) {
    const u8* p = operand_pointer<form, AccessKind::Read>(c, i, ip, sizeof(W));
    if (!p) [[unlikely]] GNOMON_TAIL call<&push_rm>(c, i, ip, r, s, k);
    if (!push_flat<W>(c, peek<W>(p))) [[unlikely]] GNOMON_TAIL call<&push_rm>(c, i, ip, r, s, k);
    GNOMON_TAIL next(c, i, ip, r, s, k);
}

template <class W>
GNOMON_HANDLER void pop_register_flat(Cpu* c, const Instruction* i, u64 ip, u64 r, u64 s, u64 k) {
    const W sp = static_cast<W>(c->state.gpr[reg::SP]);
    const u8* p = probe<AccessKind::Read>(c, sp, sizeof(W));
    if (!p) [[unlikely]] GNOMON_TAIL call<&pop_register>(c, i, ip, r, s, k);
    c->state.gpr[reg::SP] = static_cast<W>(sp + sizeof(W));
    c->put_at<W>(i->reg, peek<W>(p));    // after ESP: POP ESP keeps what was popped
    GNOMON_TAIL next(c, i, ip, r, s, k);
}

void set_frame_pointer(Cpu& c, unsigned bytes, u64 value) {
    if (bytes == 2) c.put<u16>(reg::BP, static_cast<u16>(value));
    else if (bytes == 4) c.put<u32>(reg::BP, static_cast<u32>(value));
    else c.put<u64>(reg::BP, value);
}

Outcome leave(Cpu& c, const Instruction& i) {
    const u64 sp = c.state.gpr[reg::SP];
    c.put_stack_pointer(c.state.gpr[reg::BP]);
    u64 value;
    if (!c.pop(i.operand_bytes(), value)) {
        c.state.gpr[reg::SP] = sp;
        return Outcome::Fault;
    }
    set_frame_pointer(c, i.operand_bytes(), value);
    return Outcome::Next;
}

template <class W>
GNOMON_HANDLER void leave_flat(Cpu* c, const Instruction* i, u64 ip, u64 r, u64 s, u64 k) {
    const W bp = static_cast<W>(c->state.gpr[reg::BP]);
    const u8* p = probe<AccessKind::Read>(c, bp, sizeof(W));
    if (!p) [[unlikely]] GNOMON_TAIL call<&leave>(c, i, ip, r, s, k);
    c->state.gpr[reg::SP] = static_cast<W>(bp + sizeof(W));
    c->state.gpr[reg::BP] = peek<W>(p);
    GNOMON_TAIL next(c, i, ip, r, s, k);
}

/// Calls `choose` with the width of a flat stack that the operand has too; else `general`.
template <class F>
Handler by_flat_stack(const Decoded& d, Handler general, F choose) {
    if (d.mode & mode::kCode64) return d.operand_bytes == 8 ? choose(u64{}) : general;
    return (d.mode & mode::kFlat) && (d.mode & mode::kStack32) && d.operand_bytes == 4 ? choose(u32{}) : general;
}

}  // namespace

void build_push_register(const Decoded& d, Instruction& insn) {
    insn.handler = by_flat_stack(d, &call<&push_register>, [](auto zero) -> Handler { return &push_register_flat<decltype(zero)>; });
}

void build_push_immediate(const Decoded& d, Instruction& insn) {
    insn.handler = by_flat_stack(d, &call<&push_immediate>, [](auto zero) -> Handler { return &push_immediate_flat<decltype(zero)>; });
}

void build_push_rm(const Decoded& d, Instruction& insn) {
    insn.handler = by_flat_stack(d, &call<&push_rm>, [&](auto zero) -> Handler {
        using W = decltype(zero);
        if (!d.memory) {
            insn.reg = insn.rm;
            return &push_register_flat<W>;
        }
        return by_operand_form<W>(d, [](auto form) -> Handler { return &push_memory_flat<W, form()>; });
    });
}

void build_pop_register(const Decoded& d, Instruction& insn) {
    insn.handler = by_flat_stack(d, &call<&pop_register>, [](auto zero) -> Handler { return &pop_register_flat<decltype(zero)>; });
}

void build_leave(const Decoded& d, Instruction& insn) {
    insn.handler = by_flat_stack(d, &call<&leave>, [](auto zero) -> Handler { return &leave_flat<decltype(zero)>; });
}

/// The address is computed with the stack pointer already incremented: SDM Vol. 2, "POP—Pop a Value From the Stack".
Outcome pop_rm(Cpu& c, const Instruction& i) {
    const u64 sp = c.state.gpr[reg::SP];
    u64 value;
    if (!c.pop(i.operand_bytes(), value)) return Outcome::Fault;
    const bool ok = i.operand_bytes() == 2   ? c.store_rm(i, static_cast<u16>(value))
                    : i.operand_bytes() == 4 ? c.store_rm(i, static_cast<u32>(value))
                                             : c.store_rm(i, value);
    if (ok) return Outcome::Next;
    c.state.gpr[reg::SP] = sp;
    return Outcome::Fault;
}

Outcome pusha(Cpu& c, const Instruction& i) {
    const u64 sp = c.state.gpr[reg::SP];
    for (unsigned n = 0; n < 8; n++)
        if (!c.push(i.operand_bytes(), n == reg::SP ? sp : c.state.gpr[n])) {
            c.state.gpr[reg::SP] = sp;
            return Outcome::Fault;
        }
    return Outcome::Next;
}

Outcome popa(Cpu& c, const Instruction& i) {
    const u64 sp = c.state.gpr[reg::SP];
    std::array<u64, 8> values{};
    for (unsigned n = 8; n-- > 0;)
        if (!c.pop(i.operand_bytes(), values[n])) {
            c.state.gpr[reg::SP] = sp;
            return Outcome::Fault;
        }
    for (unsigned n = 0; n < 8; n++) {
        if (n == reg::SP) continue;
        if (i.operand_bytes() == 2) c.put<u16>(n, static_cast<u16>(values[n]));
        else c.put<u32>(n, static_cast<u32>(values[n]));
    }
    return Outcome::Next;
}

/// SDM Vol. 2, "ENTER—Make Stack Frame for Procedure Parameters".
Outcome enter(Cpu& c, const Instruction& i) {
    const unsigned bytes = i.operand_bytes();
    const unsigned level = static_cast<unsigned>(i.disp) & 31;
    const u64 sp = c.state.gpr[reg::SP];
    const u64 mask = c.stack_mask();
    const auto give_up = [&] {
        c.state.gpr[reg::SP] = sp;
        return Outcome::Fault;
    };
    if (!c.push(bytes, c.state.gpr[reg::BP])) return give_up();
    const u64 frame = c.state.gpr[reg::SP];
    if (level > 0) {
        u64 bp = c.state.gpr[reg::BP];
        for (unsigned n = 1; n < level; n++) {
            bp -= bytes;
            u64 value;
            if (bytes == 2) {
                u16 word;
                if (!c.read(Seg::SS, bp & mask, word)) return give_up();
                value = word;
            } else if (bytes == 4) {
                u32 word;
                if (!c.read(Seg::SS, bp & mask, word)) return give_up();
                value = word;
            } else if (!c.read(Seg::SS, bp, value)) {
                return give_up();
            }
            if (!c.push(bytes, value)) return give_up();
        }
        if (!c.push(bytes, frame)) return give_up();
    }
    const u64 top = (c.state.gpr[reg::SP] - i.imm) & mask;
    // The new top of the stack must be writable, so that the fault comes here and not later.
    if (!c.check_write(Seg::SS, top, bytes)) return give_up();
    c.put_stack_pointer(top);
    set_frame_pointer(c, bytes, frame);
    return Outcome::Next;
}

}  // namespace gnomon
