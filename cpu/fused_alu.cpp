// Arithmetic on a register fused with the conditional branch that follows: the kind of the flags is known, so the condition is a
// few instructions.
#include "cpu/alu_forms.h"

namespace gnomon {
namespace {

enum class Form : u8 { Register, Immediate, Single };

template <class Op, Form form, unsigned code>
GNOMON_HANDLER void fused_alu(Cpu* c, const Instruction* i, u64 ip, u64 r, u64 s, u64 k) {
    if constexpr (form == Form::Single) {
        c->put_at<u32>(i->rm, Op::template run<u32>(c->get_at<u32>(i->rm), r, s, k));
    } else {
        const u32 b = form == Form::Immediate ? static_cast<u32>(i->imm) : c->get_at<u32>(i->rm);
        c->put_at<u32>(i->reg, Op::template run<u32>(c->get_at<u32>(i->reg), b, r, s, k));
    }
    if (lazy::condition(code, r, s, k)) GNOMON_TAIL branch_taken<u32, true>(c, i + 1, ip, r, s, k);
    GNOMON_TAIL branch_not_taken<u32, true>(c, i + 1, ip, r, s, k);
}

template <class Op, Form form>
Handler by_code(unsigned code) {
    const auto pick = [&]<size_t... I>(std::index_sequence<I...>) {
        constexpr Handler table[] = {&fused_alu<Op, form, I>...};
        return table[code];
    };
    return pick(std::make_index_sequence<16>{});
}

template <class Op>
Handler two_operands(const Decoded& d, unsigned code) {
    return d.row->operands.find('I') != std::string_view::npos ? by_code<Op, Form::Immediate>(code)
                                                               : by_code<Op, Form::Register>(code);
}

}  // namespace

Handler fused_arithmetic(const Decoded& d, const Decoded& branch) {
    if (!(d.mode & mode::kFlat) || !(d.mode & mode::kCode32) || branch.operand_bytes != 4 || d.memory || operand_width(d) != 4)
        return nullptr;
    const unsigned code = branch.opcode & 15;
    const Build build = d.row->build;
    if (build == &build_alu<alu::Add>) return two_operands<alu::Add>(d, code);
    if (build == &build_alu<alu::Sub>) return two_operands<alu::Sub>(d, code);
    if (build == &build_alu<alu::And>) return two_operands<alu::And>(d, code);
    if (build == &build_alu<alu::Or>) return two_operands<alu::Or>(d, code);
    if (build == &build_alu<alu::Xor>) return two_operands<alu::Xor>(d, code);
    if (build == &build_unary<alu::Inc>) return by_code<alu::Inc, Form::Single>(code);
    if (build == &build_unary<alu::Dec>) return by_code<alu::Dec, Form::Single>(code);
    return nullptr;
}

}  // namespace gnomon
