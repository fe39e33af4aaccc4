// AND, OR, XOR.
#include "cpu/alu_forms.h"

namespace gnomon {

template void build_alu<alu::And>(const Decoded&, Instruction&);
template void build_alu<alu::Or>(const Decoded&, Instruction&);
template void build_alu<alu::Xor>(const Decoded&, Instruction&);

}  // namespace gnomon
