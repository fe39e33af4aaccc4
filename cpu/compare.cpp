// CMP and TEST, alone and fused with the conditional branch that follows.
#include "cpu/alu_forms.h"

namespace gnomon {

template void build_alu<alu::Cmp>(const Decoded&, Instruction&);
template void build_alu<alu::Test>(const Decoded&, Instruction&);

namespace {

/// Finishes a pair: leaves the flags of the comparison and goes where the branch (the next slot) says.
template <class Op, class T, unsigned code>
GNOMON_INLINE bool compare(T a, T b, u64& r, u64& s, u64& k) {
    Op::template run<T>(a, b, r, s, k);
    return Op::template holds<T, code>(a, b);
}

template <class Op, class T, unsigned code, bool immediate>
GNOMON_HANDLER void fused_register(Cpu* c, const Instruction* i, u64 ip, u64 r, u64 s, u64 k) {
    const T b = immediate ? static_cast<T>(i->imm) : c->get_at<T>(i->rm);
    if (compare<Op, T, code>(c->get_at<T>(i->reg), b, r, s, k)) GNOMON_TAIL branch_taken<u32, true>(c, i + 1, ip, r, s, k);
    GNOMON_TAIL branch_not_taken<u32, true>(c, i + 1, ip, r, s, k);
}

/// E in memory first, then a register or an immediate.
template <class Op, class T, unsigned code, Mem form, bool immediate>
GNOMON_HANDLER void fused_memory(Cpu* c, const Instruction* i, u64 ip, u64 r, u64 s, u64 k) {
    const u8* p = operand_pointer<form, AccessKind::Read>(c, i, ip, sizeof(T));
    if (!p) [[unlikely]] GNOMON_TAIL call<&alu_to_rm<Op, T, immediate>>(c, i, ip, r, s, k);
    const T b = immediate ? static_cast<T>(i->imm) : c->get_at<T>(i->reg);
    if (compare<Op, T, code>(peek<T>(p), b, r, s, k)) GNOMON_TAIL branch_taken<u32, true>(c, i + 1, ip, r, s, k);
    GNOMON_TAIL branch_not_taken<u32, true>(c, i + 1, ip, r, s, k);
}

/// A register first, then E in memory.
template <class Op, class T, unsigned code, Mem form>
GNOMON_HANDLER void fused_from_memory(Cpu* c, const Instruction* i, u64 ip, u64 r, u64 s, u64 k) {
    const u8* p = operand_pointer<form, AccessKind::Read>(c, i, ip, sizeof(T));
    if (!p) [[unlikely]] GNOMON_TAIL call<&alu_from_memory<Op, T>>(c, i, ip, r, s, k);
    if (compare<Op, T, code>(c->get_at<T>(i->reg), peek<T>(p), r, s, k))
        GNOMON_TAIL branch_taken<u32, true>(c, i + 1, ip, r, s, k);
    GNOMON_TAIL branch_not_taken<u32, true>(c, i + 1, ip, r, s, k);
}

template <class Op, class T, unsigned code>
Handler fused_handler(const Decoded& d) {
    const std::string_view codes = d.row->operands;
    const bool immediate = has_immediate(d);
    if (!d.memory) return immediate ? &fused_register<Op, T, code, true> : &fused_register<Op, T, code, false>;
    if (memory_form(d) == Mem::General) return nullptr;
    return by_operand_form<T>(d, [&](auto form) -> Handler {
        if constexpr (form() == Mem::General) return nullptr;
        else if (codes[0] == 'G') return &fused_from_memory<Op, T, code, form()>;
        else return immediate ? &fused_memory<Op, T, code, form(), true> : &fused_memory<Op, T, code, form(), false>;
    });
}

template <class Op, class T>
Handler fused_by_condition(const Decoded& d, unsigned code) {
    switch (code) {
    case 2: return fused_handler<Op, T, 2>(d);
    case 3: return fused_handler<Op, T, 3>(d);
    case 4: return fused_handler<Op, T, 4>(d);
    case 5: return fused_handler<Op, T, 5>(d);
    case 6: return fused_handler<Op, T, 6>(d);
    case 7: return fused_handler<Op, T, 7>(d);
    case 8: return fused_handler<Op, T, 8>(d);
    case 9: return fused_handler<Op, T, 9>(d);
    case 12: return fused_handler<Op, T, 12>(d);
    case 13: return fused_handler<Op, T, 13>(d);
    case 14: return fused_handler<Op, T, 14>(d);
    case 15: return fused_handler<Op, T, 15>(d);
    default: return nullptr;    // overflow and parity are too rare
    }
}

}  // namespace

Handler fused_compare(const Decoded& d, const Decoded& branch) {
    if (d.row->build != &build_alu<alu::Cmp> && d.row->build != &build_alu<alu::Test>) return nullptr;
    if (!is_linked(d.mode) || branch.operand_bytes == 2) return nullptr;
    const unsigned code = branch.opcode & 15;
    const bool cmp = d.row->build == &build_alu<alu::Cmp>;
    switch (operand_width(d)) {
    case 1: return cmp ? fused_by_condition<alu::Cmp, u8>(d, code) : fused_by_condition<alu::Test, u8>(d, code);
    case 4: return cmp ? fused_by_condition<alu::Cmp, u32>(d, code) : fused_by_condition<alu::Test, u32>(d, code);
    case 8: return cmp ? fused_by_condition<alu::Cmp, u64>(d, code) : fused_by_condition<alu::Test, u64>(d, code);
    default: return nullptr;
    }
}

}  // namespace gnomon
