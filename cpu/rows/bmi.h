// BMI1 and BMI2 with VEX encodings. SDM Vol. 2, "Opcode Map".
#pragma once

#include <array>

#include "cpu/rows/tuples.h"
#include "cpu/vector/instructions.h"

namespace gnomon {

inline constexpr auto kBmiRows = std::to_array<OpcodeRow>({
    row("VEX.LZ.0F38 F2", "ANDN", "Gy,By,Ey", bmi::build<bmi::andn>, 0, Feature::BMI1),
    row("VEX.LZ.0F38 F7", "BEXTR", "Gy,Ey,By", bmi::build<bmi::bextr>, 0, Feature::BMI1),
    row("VEX.LZ.0F38 F3 /1", "BLSR", "By,Ey", bmi::build<bmi::lowest_bit<1>>, 0, Feature::BMI1),
    row("VEX.LZ.0F38 F3 /2", "BLSMSK", "By,Ey", bmi::build<bmi::lowest_bit<2>>, 0, Feature::BMI1),
    row("VEX.LZ.0F38 F3 /3", "BLSI", "By,Ey", bmi::build<bmi::lowest_bit<3>>, 0, Feature::BMI1),
    row("VEX.LZ.0F38 F5", "BZHI", "Gy,Ey,By", bmi::build<bmi::bzhi>, 0, Feature::BMI2),
    row("VEX.LZ.F2.0F38 F6", "MULX", "Gy,By,Ey", bmi::build<bmi::mulx>, 0, Feature::BMI2),
    row("VEX.LZ.F2.0F38 F5", "PDEP", "Gy,By,Ey", bmi::build<bmi::pdep>, 0, Feature::BMI2),
    row("VEX.LZ.F3.0F38 F5", "PEXT", "Gy,By,Ey", bmi::build<bmi::pext>, 0, Feature::BMI2),
    row("VEX.LZ.F2.0F3A F0", "RORX", "Gy,Ey,Ib", bmi::build<bmi::rorx>, 0, Feature::BMI2),
    row("VEX.LZ.66.0F38 F7", "SHLX", "Gy,Ey,By", bmi::build<bmi::shiftx<bmi::ShiftKind::Left>>, 0, Feature::BMI2),
    row("VEX.LZ.F2.0F38 F7", "SHRX", "Gy,Ey,By", bmi::build<bmi::shiftx<bmi::ShiftKind::Right>>, 0, Feature::BMI2),
    row("VEX.LZ.F3.0F38 F7", "SARX", "Gy,Ey,By", bmi::build<bmi::shiftx<bmi::ShiftKind::Arithmetic>>, 0, Feature::BMI2),
});

}  // namespace gnomon
