// Where the system BIOS lives in the first megabyte, shared by C, assembly and the linker script.
//
// One real-mode segment, EC00, covers all of it: EC000-EFFFF is shadow RAM that stays writable (variables and
// the BIOS's own stack), F0000-FBFFF holds code and constants, write-protected after POST. With CS = DS = SS
// = EC00 the C code needs no segment tricks for its own objects. FC000-FFFFF holds what must lie at fixed
// addresses of segment F000. Link addresses are offsets from EC000.
#pragma once

#define BIOS_SEG       0xEC00
#define BIOS_LINEAR    0xEC000
#define F_SEG_OFFSET   0x4000      // link address of F0000
#define HIGH_ALIAS     0xFFFEC000  // link address + this = address in the ROM below 4 GB
#define BDA_SEG        0x0040
#define STACK_MARGIN   512  // left to interrupt handlers of others that run on our stack
#define GDT_BYTES      40   // of far_memory.S
#define EBDA_KB        1
#define BASE_MEMORY_KB 640
#define PM_BASE        0x0600
#define SMB_BASE       0x0700
