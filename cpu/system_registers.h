// Bits of the control and debug registers, of EFER and the TSS. SDM Vol. 3, "Control Registers" and "Debug
// Registers".
#pragma once

#include "support/types.h"

namespace gnomon {

namespace cr0 {
inline constexpr u64 PE = 1u << 0, MP = 1u << 1, EM = 1u << 2, TS = 1u << 3, ET = 1u << 4, NE = 1u << 5,
                     WP = 1u << 16, AM = 1u << 18, NW = 1u << 29, CD = 1u << 30, PG = 1u << 31;
}
namespace cr4 {
inline constexpr u64 VME = 1u << 0, PVI = 1u << 1, TSD = 1u << 2, DE = 1u << 3, PSE = 1u << 4, PAE = 1u << 5,
                     MCE = 1u << 6, PGE = 1u << 7, PCE = 1u << 8, OSFXSR = 1u << 9, OSXMMEXCPT = 1u << 10,
                     UMIP = 1u << 11, LA57 = 1u << 12, VMXE = 1u << 13, FSGSBASE = 1u << 16, PCIDE = 1u << 17,
                     OSXSAVE = 1u << 18, SMEP = 1u << 20, SMAP = 1u << 21, PKE = 1u << 22, PKS = 1u << 24;
}
namespace dr6 {
inline constexpr u32 kHits = 15, BD = 1u << 13, BS = 1u << 14, BT = 1u << 15;
inline constexpr u32 kStatus = kHits | BD | BS | BT;
inline constexpr u32 kFixed = 0xffff0ff0;  ///< bits that read as one
// In CpuState::pending_debug only: MOV SS and POP SS hold debug exceptions off until the following
// instruction is done.
inline constexpr u32 kHold = 1u << 31;    ///< set by the instruction
inline constexpr u32 kShadow = 1u << 30;  ///< the following instruction
}  // namespace dr6
namespace dr7 {
inline constexpr u64 kAnyEnable = 0xff, kLocalEnables = 0x155, GD = 1u << 13;
inline constexpr u32 kFixedOne = 0x400;
}  // namespace dr7
/// IA32_DEBUGCTL.
namespace debugctl {
inline constexpr u64 LBR = 1u << 0, BTF = 1u << 1;
}
namespace efer {
inline constexpr u64 SCE = 1u << 0, LME = 1u << 8, LMA = 1u << 10, NXE = 1u << 11, SVME = 1u << 12,
                     FFXSR = 1u << 14;
}
/// State components of XCR0 and IA32_XSS. SDM Vol. 1, "Managing State Using the XSAVE Feature Set".
namespace xcr0 {
inline constexpr u64 X87 = 1u << 0, SSE = 1u << 1, AVX = 1u << 2, OPMASK = 1u << 5, ZMM_HI256 = 1u << 6, HI16_ZMM = 1u << 7,
                     PKRU = 1u << 9;
}

}  // namespace gnomon
