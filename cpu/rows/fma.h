// FMA, F16C, AVX-VNNI and the VEX forms of VAES, VPCLMULQDQ and GFNI. SDM Vol. 2, "Opcode Map".
#pragma once

#include <array>

#include "cpu/rows/tuples.h"
#include "cpu/vector/instructions.h"

namespace gnomon {

namespace rows_of_fma {

using namespace tuple;

inline constexpr auto kFmaRows = std::to_array<OpcodeRow>({
    row("VEX.256.66.0F38 DC", "VAESENC", "Vx,Hx,Wx", vec::build<vec::Aesenc>, 0, Feature::VAES),
    row("VEX.256.66.0F38 DD", "VAESENCLAST", "Vx,Hx,Wx", vec::build<vec::Aesenclast>, 0, Feature::VAES),
    row("VEX.256.66.0F38 DE", "VAESDEC", "Vx,Hx,Wx", vec::build<vec::Aesdec>, 0, Feature::VAES),
    row("VEX.256.66.0F38 DF", "VAESDECLAST", "Vx,Hx,Wx", vec::build<vec::Aesdeclast>, 0, Feature::VAES),
    row("VEX.256.66.0F3A 44", "VPCLMULQDQ", "Vx,Hx,Wx,Ib", vec::build<vec::Pclmulqdq>, 0, Feature::VPCLMULQDQ),
    row("VEX.66.0F38.W0 CF", "VGF2P8MULB", "Vx,Hx,Wx", vec::build<vec::Gf2p8mulb>, 0, Feature::GFNI),
    row("VEX.66.0F3A.W1 CE", "VGF2P8AFFINEQB", "Vx,Hx,Wx,Ib", vec::build<vec::Gf2p8affineqb>, 0, Feature::GFNI),
    row("VEX.66.0F3A.W1 CF", "VGF2P8AFFINEINVQB", "Vx,Hx,Wx,Ib", vec::build<vec::Gf2p8affineinvqb>, 0, Feature::GFNI),
    row("VEX.66.0F38.W0 96", "VFMADDSUB132PS", "Vx,Hx,Wx", vec::build<vec::Fmaddsub132ps>, 0, Feature::FMA),
    row("VEX.66.0F38.W1 96", "VFMADDSUB132PD", "Vx,Hx,Wx", vec::build<vec::Fmaddsub132pd>, 0, Feature::FMA),
    row("VEX.66.0F38.W0 97", "VFMSUBADD132PS", "Vx,Hx,Wx", vec::build<vec::Fmsubadd132ps>, 0, Feature::FMA),
    row("VEX.66.0F38.W1 97", "VFMSUBADD132PD", "Vx,Hx,Wx", vec::build<vec::Fmsubadd132pd>, 0, Feature::FMA),
    row("VEX.66.0F38.W0 98", "VFMADD132PS", "Vx,Hx,Wx", vec::build<vec::Fmadd132ps>, 0, Feature::FMA),
    row("VEX.66.0F38.W1 98", "VFMADD132PD", "Vx,Hx,Wx", vec::build<vec::Fmadd132pd>, 0, Feature::FMA),
    row("VEX.LIG.66.0F38.W0 99", "VFMADD132SS", "Vx,Hx,Wx", vec::build<vec::Fmadd132ss>, 0, Feature::FMA, one(4)),
    row("VEX.LIG.66.0F38.W1 99", "VFMADD132SD", "Vx,Hx,Wx", vec::build<vec::Fmadd132sd>, 0, Feature::FMA, one(8)),
    row("VEX.66.0F38.W0 9A", "VFMSUB132PS", "Vx,Hx,Wx", vec::build<vec::Fmsub132ps>, 0, Feature::FMA),
    row("VEX.66.0F38.W1 9A", "VFMSUB132PD", "Vx,Hx,Wx", vec::build<vec::Fmsub132pd>, 0, Feature::FMA),
    row("VEX.LIG.66.0F38.W0 9B", "VFMSUB132SS", "Vx,Hx,Wx", vec::build<vec::Fmsub132ss>, 0, Feature::FMA, one(4)),
    row("VEX.LIG.66.0F38.W1 9B", "VFMSUB132SD", "Vx,Hx,Wx", vec::build<vec::Fmsub132sd>, 0, Feature::FMA, one(8)),
    row("VEX.66.0F38.W0 9C", "VFNMADD132PS", "Vx,Hx,Wx", vec::build<vec::Fnmadd132ps>, 0, Feature::FMA),
    row("VEX.66.0F38.W1 9C", "VFNMADD132PD", "Vx,Hx,Wx", vec::build<vec::Fnmadd132pd>, 0, Feature::FMA),
    row("VEX.LIG.66.0F38.W0 9D", "VFNMADD132SS", "Vx,Hx,Wx", vec::build<vec::Fnmadd132ss>, 0, Feature::FMA, one(4)),
    row("VEX.LIG.66.0F38.W1 9D", "VFNMADD132SD", "Vx,Hx,Wx", vec::build<vec::Fnmadd132sd>, 0, Feature::FMA, one(8)),
    row("VEX.66.0F38.W0 9E", "VFNMSUB132PS", "Vx,Hx,Wx", vec::build<vec::Fnmsub132ps>, 0, Feature::FMA),
    row("VEX.66.0F38.W1 9E", "VFNMSUB132PD", "Vx,Hx,Wx", vec::build<vec::Fnmsub132pd>, 0, Feature::FMA),
    row("VEX.LIG.66.0F38.W0 9F", "VFNMSUB132SS", "Vx,Hx,Wx", vec::build<vec::Fnmsub132ss>, 0, Feature::FMA, one(4)),
    row("VEX.LIG.66.0F38.W1 9F", "VFNMSUB132SD", "Vx,Hx,Wx", vec::build<vec::Fnmsub132sd>, 0, Feature::FMA, one(8)),
    row("VEX.66.0F38.W0 A6", "VFMADDSUB213PS", "Vx,Hx,Wx", vec::build<vec::Fmaddsub213ps>, 0, Feature::FMA),
    row("VEX.66.0F38.W1 A6", "VFMADDSUB213PD", "Vx,Hx,Wx", vec::build<vec::Fmaddsub213pd>, 0, Feature::FMA),
    row("VEX.66.0F38.W0 A7", "VFMSUBADD213PS", "Vx,Hx,Wx", vec::build<vec::Fmsubadd213ps>, 0, Feature::FMA),
    row("VEX.66.0F38.W1 A7", "VFMSUBADD213PD", "Vx,Hx,Wx", vec::build<vec::Fmsubadd213pd>, 0, Feature::FMA),
    row("VEX.66.0F38.W0 A8", "VFMADD213PS", "Vx,Hx,Wx", vec::build<vec::Fmadd213ps>, 0, Feature::FMA),
    row("VEX.66.0F38.W1 A8", "VFMADD213PD", "Vx,Hx,Wx", vec::build<vec::Fmadd213pd>, 0, Feature::FMA),
    row("VEX.LIG.66.0F38.W0 A9", "VFMADD213SS", "Vx,Hx,Wx", vec::build<vec::Fmadd213ss>, 0, Feature::FMA, one(4)),
    row("VEX.LIG.66.0F38.W1 A9", "VFMADD213SD", "Vx,Hx,Wx", vec::build<vec::Fmadd213sd>, 0, Feature::FMA, one(8)),
    row("VEX.66.0F38.W0 AA", "VFMSUB213PS", "Vx,Hx,Wx", vec::build<vec::Fmsub213ps>, 0, Feature::FMA),
    row("VEX.66.0F38.W1 AA", "VFMSUB213PD", "Vx,Hx,Wx", vec::build<vec::Fmsub213pd>, 0, Feature::FMA),
    row("VEX.LIG.66.0F38.W0 AB", "VFMSUB213SS", "Vx,Hx,Wx", vec::build<vec::Fmsub213ss>, 0, Feature::FMA, one(4)),
    row("VEX.LIG.66.0F38.W1 AB", "VFMSUB213SD", "Vx,Hx,Wx", vec::build<vec::Fmsub213sd>, 0, Feature::FMA, one(8)),
    row("VEX.66.0F38.W0 AC", "VFNMADD213PS", "Vx,Hx,Wx", vec::build<vec::Fnmadd213ps>, 0, Feature::FMA),
    row("VEX.66.0F38.W1 AC", "VFNMADD213PD", "Vx,Hx,Wx", vec::build<vec::Fnmadd213pd>, 0, Feature::FMA),
    row("VEX.LIG.66.0F38.W0 AD", "VFNMADD213SS", "Vx,Hx,Wx", vec::build<vec::Fnmadd213ss>, 0, Feature::FMA, one(4)),
    row("VEX.LIG.66.0F38.W1 AD", "VFNMADD213SD", "Vx,Hx,Wx", vec::build<vec::Fnmadd213sd>, 0, Feature::FMA, one(8)),
    row("VEX.66.0F38.W0 AE", "VFNMSUB213PS", "Vx,Hx,Wx", vec::build<vec::Fnmsub213ps>, 0, Feature::FMA),
    row("VEX.66.0F38.W1 AE", "VFNMSUB213PD", "Vx,Hx,Wx", vec::build<vec::Fnmsub213pd>, 0, Feature::FMA),
    row("VEX.LIG.66.0F38.W0 AF", "VFNMSUB213SS", "Vx,Hx,Wx", vec::build<vec::Fnmsub213ss>, 0, Feature::FMA, one(4)),
    row("VEX.LIG.66.0F38.W1 AF", "VFNMSUB213SD", "Vx,Hx,Wx", vec::build<vec::Fnmsub213sd>, 0, Feature::FMA, one(8)),
    row("VEX.66.0F38.W0 B6", "VFMADDSUB231PS", "Vx,Hx,Wx", vec::build<vec::Fmaddsub231ps>, 0, Feature::FMA),
    row("VEX.66.0F38.W1 B6", "VFMADDSUB231PD", "Vx,Hx,Wx", vec::build<vec::Fmaddsub231pd>, 0, Feature::FMA),
    row("VEX.66.0F38.W0 B7", "VFMSUBADD231PS", "Vx,Hx,Wx", vec::build<vec::Fmsubadd231ps>, 0, Feature::FMA),
    row("VEX.66.0F38.W1 B7", "VFMSUBADD231PD", "Vx,Hx,Wx", vec::build<vec::Fmsubadd231pd>, 0, Feature::FMA),
    row("VEX.66.0F38.W0 B8", "VFMADD231PS", "Vx,Hx,Wx", vec::build<vec::Fmadd231ps>, 0, Feature::FMA),
    row("VEX.66.0F38.W1 B8", "VFMADD231PD", "Vx,Hx,Wx", vec::build<vec::Fmadd231pd>, 0, Feature::FMA),
    row("VEX.LIG.66.0F38.W0 B9", "VFMADD231SS", "Vx,Hx,Wx", vec::build<vec::Fmadd231ss>, 0, Feature::FMA, one(4)),
    row("VEX.LIG.66.0F38.W1 B9", "VFMADD231SD", "Vx,Hx,Wx", vec::build<vec::Fmadd231sd>, 0, Feature::FMA, one(8)),
    row("VEX.66.0F38.W0 BA", "VFMSUB231PS", "Vx,Hx,Wx", vec::build<vec::Fmsub231ps>, 0, Feature::FMA),
    row("VEX.66.0F38.W1 BA", "VFMSUB231PD", "Vx,Hx,Wx", vec::build<vec::Fmsub231pd>, 0, Feature::FMA),
    row("VEX.LIG.66.0F38.W0 BB", "VFMSUB231SS", "Vx,Hx,Wx", vec::build<vec::Fmsub231ss>, 0, Feature::FMA, one(4)),
    row("VEX.LIG.66.0F38.W1 BB", "VFMSUB231SD", "Vx,Hx,Wx", vec::build<vec::Fmsub231sd>, 0, Feature::FMA, one(8)),
    row("VEX.66.0F38.W0 BC", "VFNMADD231PS", "Vx,Hx,Wx", vec::build<vec::Fnmadd231ps>, 0, Feature::FMA),
    row("VEX.66.0F38.W1 BC", "VFNMADD231PD", "Vx,Hx,Wx", vec::build<vec::Fnmadd231pd>, 0, Feature::FMA),
    row("VEX.LIG.66.0F38.W0 BD", "VFNMADD231SS", "Vx,Hx,Wx", vec::build<vec::Fnmadd231ss>, 0, Feature::FMA, one(4)),
    row("VEX.LIG.66.0F38.W1 BD", "VFNMADD231SD", "Vx,Hx,Wx", vec::build<vec::Fnmadd231sd>, 0, Feature::FMA, one(8)),
    row("VEX.66.0F38.W0 BE", "VFNMSUB231PS", "Vx,Hx,Wx", vec::build<vec::Fnmsub231ps>, 0, Feature::FMA),
    row("VEX.66.0F38.W1 BE", "VFNMSUB231PD", "Vx,Hx,Wx", vec::build<vec::Fnmsub231pd>, 0, Feature::FMA),
    row("VEX.LIG.66.0F38.W0 BF", "VFNMSUB231SS", "Vx,Hx,Wx", vec::build<vec::Fnmsub231ss>, 0, Feature::FMA, one(4)),
    row("VEX.LIG.66.0F38.W1 BF", "VFNMSUB231SD", "Vx,Hx,Wx", vec::build<vec::Fnmsub231sd>, 0, Feature::FMA, one(8)),
    row("VEX.66.0F38.W0 13", "VCVTPH2PS", "Vx,Wx", vec::build_convert<vec::VCvtph2ps>, 0, Feature::F16C, half(0, 4)),
    row("VEX.66.0F3A.W0 1D", "VCVTPS2PH", "Wx,Vx,Ib", vec::build_function<vec::vcvtps2ph>, 0, Feature::F16C, half(0, 4)),
    row("VEX.66.0F38.W0 50", "VPDPBUSD", "Vx,Hx,Wx", vec::build<vec::Pdpbusd>, 0, Feature::AVX_VNNI),
    row("VEX.66.0F38.W0 51", "VPDPBUSDS", "Vx,Hx,Wx", vec::build<vec::Pdpbusds>, 0, Feature::AVX_VNNI),
    row("VEX.66.0F38.W0 52", "VPDPWSSD", "Vx,Hx,Wx", vec::build<vec::Pdpwssd>, 0, Feature::AVX_VNNI),
    row("VEX.66.0F38.W0 53", "VPDPWSSDS", "Vx,Hx,Wx", vec::build<vec::Pdpwssds>, 0, Feature::AVX_VNNI),
});

}  // namespace rows_of_fma

using rows_of_fma::kFmaRows;

}  // namespace gnomon
