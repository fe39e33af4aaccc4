// BIOS32 service directory and the 32-bit PCI BIOS entry, with the tables that must lie in segment F000.
// "Standard BIOS 32-bit Service Directory Proposal" 0.4 (Phoenix); "PCI BIOS Specification" 2.1.

#include "layout.h"

    .section .flat32, "ax"
    .code32
    .globl bios32_entry
    // EAX = service, BL = 0 (directory). Code and data are flat or based anywhere, so only EBX is computed.
bios32_entry:
    pushfl
    testb %bl, %bl
    jnz 1f
    cmpl $0x49435024, %eax      // "$PCI"
    jne 2f
    movl $0xF0000, %ebx
    movl $0x10000, %ecx
    movl $pci32_entry - F_SEG_OFFSET, %edx
    xorb %al, %al
    popfl
    lret
1:  movb $0x81, %al             // no such function
    popfl
    lret
2:  movb $0x80, %al             // no such service
    popfl
    lret

pci32_entry:
    pushfl
    cld
    cli
    .globl pci32_last_bus
    .byte 0x68                  // push imm32: the number of the last bus, filled in by POST
pci32_last_bus:
    .long 0
    pushl %eax
    pushl %ebx
    pushl %ecx
    pushl %edx
    pushl %esi
    pushl %edi
    // The frame is struct PciCall with last_bus behind eax.
    movl %esp, %eax
    call pci32_services
    movb %al, 21(%esp)          // AH
    testb %al, %al
    setne %al
    andb $0xFE, 28(%esp)
    orb %al, 28(%esp)
    popl %edi
    popl %esi
    popl %edx
    popl %ecx
    popl %ebx
    popl %eax
    leal 4(%esp), %esp
    popfl
    lret

    .section .tables, "aw"
    .balign 16
    .globl bios32_header
bios32_header:
    .ascii "_32_"
    .long bios32_entry + BIOS_LINEAR
    .byte 0, 1, 0               // revision, paragraphs, checksum (make_image.py)
    .skip 5
    .balign 16
    .globl rsdp
rsdp:
    .skip 32
    .balign 16
    .globl mp_pointer
mp_pointer:
    .skip 16
    .balign 16
    .globl smbios_entry
smbios_entry:
    .skip 32
    .balign 16
    .globl pir_table
pir_table:
    .skip 32 + 32 * 16
    .balign 16
    .globl smbios_area, smbios_area_end
smbios_area:
    .skip 0x500
smbios_area_end:

    // Room for the MP table: 64 processors, 2 buses, an I/O APIC, 60 interrupt wires.
    .section .rodata, "a"
    .balign 16
    .globl mp_area, mp_area_end
mp_area:
    .skip 0x900
mp_area_end:
