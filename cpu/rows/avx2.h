// Instructions that AVX2 added. SDM Vol. 2, "Opcode Map".
#pragma once

#include <array>

#include "cpu/rows/tuples.h"
#include "cpu/vector/instructions.h"

namespace gnomon {

namespace rows_of_avx2 {

using namespace tuple;

inline constexpr auto kAvx2Rows = std::to_array<OpcodeRow>({
    row("VEX.66.0F3A.W0 02", "VPBLENDD", "Vx,Hx,Wx,Ib", vec::build<vec::Blendps>, 0, Feature::AVX2),
    row("VEX.256.66.0F38.W0 16", "VPERMPS", "Vx,Hx,Wx", vec::build<vec::Permd>, 0, Feature::AVX2),
    row("VEX.256.66.0F38.W0 36", "VPERMD", "Vx,Hx,Wx", vec::build<vec::Permd>, 0, Feature::AVX2),
    row("VEX.256.66.0F3A.W1 00", "VPERMQ", "Vx,Wx,Ib", vec::build<vec::PermqImm>, 0, Feature::AVX2),
    row("VEX.256.66.0F3A.W1 01", "VPERMPD", "Vx,Wx,Ib", vec::build<vec::PermqImm>, 0, Feature::AVX2),
    row("VEX.256.66.0F3A.W0 46", "VPERM2I128", "Vx,Hx,Wx,Ib", vec::build<vec::Perm2x128>, 0, Feature::AVX2),
    row("VEX.256.66.0F38.W0 5A /r:mem", "VBROADCASTI128", "Vx,Mx", vec::build<vec::Broadcast128>, 0, Feature::AVX2, bytes(16)),
    row("VEX.66.0F38.W0 78", "VPBROADCASTB", "Vx,Wx", vec::build<vec::Broadcastb>, 0, Feature::AVX2, bytes(1)),
    row("VEX.66.0F38.W0 79", "VPBROADCASTW", "Vx,Wx", vec::build<vec::Broadcastw>, 0, Feature::AVX2, bytes(2)),
    row("VEX.66.0F38.W0 58", "VPBROADCASTD", "Vx,Wx", vec::build<vec::Broadcastd>, 0, Feature::AVX2, bytes(4)),
    row("VEX.66.0F38.W0 59", "VPBROADCASTQ", "Vx,Wx", vec::build<vec::Broadcastq>, 0, Feature::AVX2, bytes(8)),
    row("VEX.256.66.0F3A.W0 38", "VINSERTI128", "Vx,Hx,Wx,Ib", vec::build<vec::Insert128>, 0, Feature::AVX2, bytes(16)),
    row("VEX.256.66.0F3A.W0 39", "VEXTRACTI128", "Wx,Vx,Ib", vec::build_function<vec::extract_lanes<16>>, 0, Feature::AVX2, bytes(16)),
    row("VEX.66.0F38.W0 8C /r:mem", "VPMASKMOVD", "Vx,Hx,Mx", vec::build_function<vec::mask_load<u32>>, 0, Feature::AVX2),
    row("VEX.66.0F38.W0 8E /r:mem", "VPMASKMOVD", "Mx,Hx,Vx", vec::build_function<vec::mask_store<u32>>, 0, Feature::AVX2),
    row("VEX.66.0F38.W1 8C /r:mem", "VPMASKMOVQ", "Vx,Hx,Mx", vec::build_function<vec::mask_load<u64>>, 0, Feature::AVX2),
    row("VEX.66.0F38.W1 8E /r:mem", "VPMASKMOVQ", "Mx,Hx,Vx", vec::build_function<vec::mask_store<u64>>, 0, Feature::AVX2),
    row("VEX.66.0F38.W0 45", "VPSRLVD", "Vx,Hx,Wx", vec::build<vec::Psrlvd>, 0, Feature::AVX2),
    row("VEX.66.0F38.W0 47", "VPSLLVD", "Vx,Hx,Wx", vec::build<vec::Psllvd>, 0, Feature::AVX2),
    row("VEX.66.0F38.W1 45", "VPSRLVQ", "Vx,Hx,Wx", vec::build<vec::Psrlvq>, 0, Feature::AVX2),
    row("VEX.66.0F38.W1 47", "VPSLLVQ", "Vx,Hx,Wx", vec::build<vec::Psllvq>, 0, Feature::AVX2),
    row("VEX.66.0F38.W0 46", "VPSRAVD", "Vx,Hx,Wx", vec::build<vec::Psravd>, 0, Feature::AVX2),
    row("VEX.66.0F38.W0 90", "VPGATHERDD", "Vx,vm32,Hx", vec::build_function<vec::gather<u32, i32>>, 0, Feature::AVX2, bytes(4)),
    row("VEX.66.0F38.W0 92", "VGATHERDPS", "Vx,vm32,Hx", vec::build_function<vec::gather<u32, i32>>, 0, Feature::AVX2, bytes(4)),
    row("VEX.66.0F38.W1 90", "VPGATHERDQ", "Vx,vm32,Hx", vec::build_function<vec::gather<u64, i32>>, 0, Feature::AVX2, bytes(8)),
    row("VEX.66.0F38.W1 92", "VGATHERDPD", "Vx,vm32,Hx", vec::build_function<vec::gather<u64, i32>>, 0, Feature::AVX2, bytes(8)),
    row("VEX.66.0F38.W0 91", "VPGATHERQD", "Vx,vm64,Hx", vec::build_function<vec::gather<u32, i64>>, 0, Feature::AVX2, bytes(4)),
    row("VEX.66.0F38.W0 93", "VGATHERQPS", "Vx,vm64,Hx", vec::build_function<vec::gather<u32, i64>>, 0, Feature::AVX2, bytes(4)),
    row("VEX.66.0F38.W1 91", "VPGATHERQQ", "Vx,vm64,Hx", vec::build_function<vec::gather<u64, i64>>, 0, Feature::AVX2, bytes(8)),
    row("VEX.66.0F38.W1 93", "VGATHERQPD", "Vx,vm64,Hx", vec::build_function<vec::gather<u64, i64>>, 0, Feature::AVX2, bytes(8)),
});

}  // namespace rows_of_avx2

using rows_of_avx2::kAvx2Rows;

}  // namespace gnomon
