// Arithmetic on a register fused with the conditional branch that follows: the kind of the flags is known, so the condition is a
// few instructions.
#include "cpu/alu_forms.h"

namespace gnomon {
namespace {

enum class Form : u8 { Register, Immediate, Single };

template <class Op, class T, Form form, unsigned code>
GNOMON_HANDLER void fused_alu(Cpu* c, const Instruction* i, u64 ip, u64 r, u64 s, u64 k) {
    if constexpr (form == Form::Single) {
        c->put_at<T>(i->rm, Op::template run<T>(c->get_at<T>(i->rm), r, s, k));
    } else {
        const T b = form == Form::Immediate ? static_cast<T>(i->imm) : c->get_at<T>(i->rm);
        c->put_at<T>(i->reg, Op::template run<T>(c->get_at<T>(i->reg), b, r, s, k));
    }
    if (lazy::condition(code, r, s, k)) GNOMON_TAIL branch_taken<u32, true>(c, i + 1, ip, r, s, k);
    GNOMON_TAIL branch_not_taken<u32, true>(c, i + 1, ip, r, s, k);
}

template <class Op, class T, Form form>
Handler by_code(unsigned code) {
    const auto pick = [&]<size_t... I>(std::index_sequence<I...>) {
        constexpr Handler table[] = {&fused_alu<Op, T, form, I>...};
        return table[code];
    };
    return pick(std::make_index_sequence<16>{});
}

template <class Op, class T>
Handler two_operands(const Decoded& d, unsigned code) {
    return has_immediate(d) ? by_code<Op, T, Form::Immediate>(code) : by_code<Op, T, Form::Register>(code);
}

template <class T>
Handler by_operation(const Decoded& d, unsigned code) {
    const Build build = d.row->build;
    if (build == &build_alu<alu::Add>) return two_operands<alu::Add, T>(d, code);
    if (build == &build_alu<alu::Sub>) return two_operands<alu::Sub, T>(d, code);
    if (build == &build_alu<alu::And>) return two_operands<alu::And, T>(d, code);
    if (build == &build_alu<alu::Or>) return two_operands<alu::Or, T>(d, code);
    if (build == &build_alu<alu::Xor>) return two_operands<alu::Xor, T>(d, code);
    if (build == &build_unary<alu::Inc>) return by_code<alu::Inc, T, Form::Single>(code);
    if (build == &build_unary<alu::Dec>) return by_code<alu::Dec, T, Form::Single>(code);
    return nullptr;
}

}  // namespace

Handler fused_arithmetic(const Decoded& d, const Decoded& branch) {
    if (!is_linked(d.mode) || branch.operand_bytes == 2 || d.memory) return nullptr;
    const unsigned code = branch.opcode & 15;
    switch (operand_width(d)) {
    case 4: return by_operation<u32>(d, code);
    case 8: return by_operation<u64>(d, code);
    default: return nullptr;
    }
}

}  // namespace gnomon
