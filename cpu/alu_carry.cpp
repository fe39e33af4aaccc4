// ADC, SBB.
#include "cpu/alu_forms.h"

namespace gnomon {

template void build_alu<alu::Adc>(const Decoded&, Instruction&);
template void build_alu<alu::Sbb>(const Decoded&, Instruction&);

}  // namespace gnomon
