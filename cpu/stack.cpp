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
    } else {
        u32 word;
        if (!c.load_rm(i, word)) return Outcome::Fault;
        value = word;
    }
    return c.push(i.operand_bytes(), value) ? Outcome::Next : Outcome::Fault;
}

Outcome pop_register(Cpu& c, const Instruction& i) {
    u64 value;
    if (!c.pop(i.operand_bytes(), value)) return Outcome::Fault;
    if (i.operand_bytes() == 2) c.put_at<u16>(i.reg, static_cast<u16>(value));
    else c.put_at<u32>(i.reg, static_cast<u32>(value));
    return Outcome::Next;
}

/// Flat 32-bit stack: a push in line. False: the slow path must do it.
GNOMON_INLINE bool push_flat(Cpu* c, u32 value) {
    const u32 sp = static_cast<u32>(c->state.gpr[reg::SP]) - 4;
    u8* p = probe<AccessKind::Write>(c, sp, 4);
    if (!p) [[unlikely]] return false;
    poke<u32>(p, value);
    c->state.gpr[reg::SP] = sp;
    return true;
}

GNOMON_HANDLER void push_register_flat(Cpu* c, const Instruction* i, u64 ip, u64 r, u64 s, u64 k) {
    if (!push_flat(c, c->get_at<u32>(i->reg))) [[unlikely]] GNOMON_TAIL call<&push_register>(c, i, ip, r, s, k);
    GNOMON_TAIL next(c, i, ip, r, s, k);
}

GNOMON_HANDLER void push_immediate_flat(Cpu* c, const Instruction* i, u64 ip, u64 r, u64 s, u64 k) {
    if (!push_flat(c, static_cast<u32>(i->imm))) [[unlikely]] GNOMON_TAIL call<&push_immediate>(c, i, ip, r, s, k);
    GNOMON_TAIL next(c, i, ip, r, s, k);
}

template <Mem form>
GNOMON_HANDLER void push_memory_flat(Cpu* c, const Instruction* i, u64 ip, u64 r, u64 s, u64 k) {
    const u8* p = operand_pointer<form, AccessKind::Read>(c, i, 4);
    if (!p) [[unlikely]] GNOMON_TAIL call<&push_rm>(c, i, ip, r, s, k);
    if (!push_flat(c, peek<u32>(p))) [[unlikely]] GNOMON_TAIL call<&push_rm>(c, i, ip, r, s, k);
    GNOMON_TAIL next(c, i, ip, r, s, k);
}

GNOMON_HANDLER void pop_register_flat(Cpu* c, const Instruction* i, u64 ip, u64 r, u64 s, u64 k) {
    const u32 sp = static_cast<u32>(c->state.gpr[reg::SP]);
    const u8* p = probe<AccessKind::Read>(c, sp, 4);
    if (!p) [[unlikely]] GNOMON_TAIL call<&pop_register>(c, i, ip, r, s, k);
    c->state.gpr[reg::SP] = static_cast<u32>(sp + 4);
    c->put_at<u32>(i->reg, peek<u32>(p));    // after ESP: POP ESP keeps what was popped
    GNOMON_TAIL next(c, i, ip, r, s, k);
}

void set_stack_pointer(Cpu& c, u64 value) {
    if (c.stack_mask() == 0xffff) c.put<u16>(reg::SP, static_cast<u16>(value));
    else c.put<u32>(reg::SP, static_cast<u32>(value));
}

void set_frame_pointer(Cpu& c, unsigned bytes, u64 value) {
    if (bytes == 2) c.put<u16>(reg::BP, static_cast<u16>(value));
    else c.put<u32>(reg::BP, static_cast<u32>(value));
}

Outcome leave(Cpu& c, const Instruction& i) {
    const u64 sp = c.state.gpr[reg::SP];
    set_stack_pointer(c, c.state.gpr[reg::BP]);
    u64 value;
    if (!c.pop(i.operand_bytes(), value)) {
        c.state.gpr[reg::SP] = sp;
        return Outcome::Fault;
    }
    set_frame_pointer(c, i.operand_bytes(), value);
    return Outcome::Next;
}

GNOMON_HANDLER void leave_flat(Cpu* c, const Instruction* i, u64 ip, u64 r, u64 s, u64 k) {
    const u32 bp = static_cast<u32>(c->state.gpr[reg::BP]);
    const u8* p = probe<AccessKind::Read>(c, bp, 4);
    if (!p) [[unlikely]] GNOMON_TAIL call<&leave>(c, i, ip, r, s, k);
    c->state.gpr[reg::SP] = static_cast<u32>(bp + 4);
    c->state.gpr[reg::BP] = peek<u32>(p);
    GNOMON_TAIL next(c, i, ip, r, s, k);
}

[[nodiscard]] bool flat_stack(const Decoded& d) {
    return (d.mode & mode::kFlat) && (d.mode & mode::kStack32) && d.operand_bytes == 4;
}

}  // namespace

void build_push_register(const Decoded& d, Instruction& insn) {
    insn.handler = flat_stack(d) ? &push_register_flat : &call<&push_register>;
}

void build_push_immediate(const Decoded& d, Instruction& insn) {
    insn.handler = flat_stack(d) ? &push_immediate_flat : &call<&push_immediate>;
}

void build_push_rm(const Decoded& d, Instruction& insn) {
    if (!flat_stack(d)) {
        insn.handler = &call<&push_rm>;
    } else if (!d.memory) {
        insn.reg = insn.rm;
        insn.handler = &push_register_flat;
    } else {
        insn.handler = by_memory_form(d, [](auto form) -> Handler { return &push_memory_flat<form()>; });
    }
}

void build_pop_register(const Decoded& d, Instruction& insn) {
    insn.handler = flat_stack(d) ? &pop_register_flat : &call<&pop_register>;
}

void build_leave(const Decoded& d, Instruction& insn) { insn.handler = flat_stack(d) ? &leave_flat : &call<&leave>; }

/// The address is computed with (E)SP already incremented: SDM Vol. 2, "POP—Pop a Value From the Stack".
Outcome pop_rm(Cpu& c, const Instruction& i) {
    const u64 sp = c.state.gpr[reg::SP];
    u64 value;
    if (!c.pop(i.operand_bytes(), value)) return Outcome::Fault;
    const bool ok = i.operand_bytes() == 2 ? c.store_rm(i, static_cast<u16>(value)) : c.store_rm(i, static_cast<u32>(value));
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
            } else {
                u32 word;
                if (!c.read(Seg::SS, bp & mask, word)) return give_up();
                value = word;
            }
            if (!c.push(bytes, value)) return give_up();
        }
        if (!c.push(bytes, frame)) return give_up();
    }
    const u64 top = (c.state.gpr[reg::SP] - i.imm) & mask;
    // The new top of the stack must be writable, so that the fault comes here and not later.
    if (!c.check_write(Seg::SS, top, bytes)) return give_up();
    set_stack_pointer(c, top);
    set_frame_pointer(c, bytes, frame);
    return Outcome::Next;
}

}  // namespace gnomon
