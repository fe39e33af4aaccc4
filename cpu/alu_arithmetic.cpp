// ADD, SUB, INC, DEC, NEG, NOT.
#include "cpu/alu_forms.h"

namespace gnomon {

template void build_alu<alu::Add>(const Decoded&, Instruction&);
template void build_alu<alu::Sub>(const Decoded&, Instruction&);
template void build_unary<alu::Inc>(const Decoded&, Instruction&);
template void build_unary<alu::Dec>(const Decoded&, Instruction&);
template void build_unary<alu::Neg>(const Decoded&, Instruction&);
template void build_unary<alu::Not>(const Decoded&, Instruction&);

}  // namespace gnomon
