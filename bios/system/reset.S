// Reset, the switch into shadow RAM, and the entry points that have fixed addresses in segment F000 since the PC/AT (IBM
// PC/AT Technical Reference, "ROM BIOS"). One section, as its addresses are counted from its start.

#include "layout.h"
#include "version.h"

    // A ROM header over the writable part of the segment: memory managers that look for free space between
    // C0000 and EFFFF leave ROMs alone. The far return is its "init" code.
    .section .romheader, "aw"
    .byte 0x55, 0xAA, 0x20
    lret
    .balign 16

// ---- other processors -----------------------------------------------------------------------------------------
    .text
    .code16
    // From the trampoline of smp.c, in real mode at F000.
    .globl processor_start
processor_start:
    cli
    cld
    ljmpw $BIOS_SEG, $1f
1:  movw $BIOS_SEG, %ax
    movw %ax, %ds
    movw %ax, %es
    movw %ax, %ss
    movl $processor_stack_top, %esp
    calll processor_main
1:  hlt
    jmp 1b

    .section .bss
    .balign 4
processor_stack:
    .skip 0x100
processor_stack_top:
    .text

// ---- reset ----------------------------------------------------------------------------------------------------------
    .section .fixed, "ax"
fixed_start:
    .set F_OFFSET, 0xE000       // F000 offset = label - fixed_start + F_OFFSET
    .macro AT offset
    .org \offset - 0xE000, 0xFF
    .endm

    AT 0xE000
banner_string:
    .asciz BIOS_NAME " " BIOS_VERSION " " BIOS_DATE

    AT 0xE05B                   // cold and warm start
    .globl post_entry
post_entry:
    cli
    cld
    // After a reset that a program asked for (the 8042's system flag is still set), CMOS 0Fh says what to do.
    inb $0x64, %al
    testb $0x04, %al
    jz power_on
    movb $0x8F, %al
    outb %al, $0x70
    inb $0x71, %al
    movb %al, %bl
    movb $0x8F, %al
    outb %al, $0x70
    xorb %al, %al
    outb %al, $0x71
    // INIT has masked LINT0 of the local APIC: the 8259's interrupts reach the processor again as POST left them.
    movw $BIOS_SEG, %ax
    movw %ax, %ds
    cmpb $0, virtual_wire
    je 2f
    lgdtl %cs:(gdt_low_link - fixed_start + F_OFFSET)
    movl %cr0, %eax
    orb $1, %al
    movl %eax, %cr0
    jmp 1f
1:  movw $0x10, %ax
    movw %ax, %ds
    movl $0x1FF, %eax
    addr32 movl %eax, 0xFEE000F0
    movl $0x700, %eax
    addr32 movl %eax, 0xFEE00350
    movl $0x400, %eax
    addr32 movl %eax, 0xFEE00360
    movw $0x18, %ax
    movw %ax, %ds
    movl %cr0, %eax
    andb $0xFE, %al
    movl %eax, %cr0
    jmp 2f
2:  xorw %ax, %ax
    movw %ax, %ds
    cmpb $0x05, %bl
    je resume_eoi
    cmpb $0x09, %bl
    je resume_block_move
    cmpb $0x0A, %bl
    je resume_jump
    cmpb $0x0B, %bl
    je resume_iret
    cmpb $0x0C, %bl
    je resume_retf
    jmp power_on

resume_eoi:                     // jump with the interrupt controllers told that all is served
    movb $0x20, %al
    outb %al, $0xA0
    outb %al, $0x20
resume_jump:
    ljmpw *0x467
resume_iret:
    lssw 0x467, %sp
    iretw
resume_retf:
    lssw 0x467, %sp
    lretw
resume_block_move:              // the 286's way back from INT 15h AH=87h: result in port 80h
    lssw 0x467, %sp
    popw %ds
    popw %es
    popaw
    inb $0x80, %al
    movb %al, %ah
    cmpb $1, %ah
    cmc
    lretw $2

power_on:
    // Copy the image into shadow RAM. The code runs from the ROM below 4 GB meanwhile, as switching the
    // shadow on takes the ROM away from the first megabyte. Data is addressed through CS until then.
    lgdtl %cs:(gdt_low_link - fixed_start + F_OFFSET)
    movl %cr0, %eax
    andl $0x1FFFFFFE, %eax      // paging off, caches on, whatever was before
    orb $1, %al
    movl %eax, %cr0
    ljmpl $0x08, $(1f + HIGH_ALIAS)

gdt_low_link:                   // the table in the ROM below 4 GB, before there is shadow RAM
    .word GDT_BYTES - 1
    .long gdt + HIGH_ALIAS

    .code32
1:  movw $0x10, %ax
    movw %ax, %ds
    movw %ax, %es
    movl $0x80000058, %eax      // 440FX PAM0: F0000-FFFFF read and write
    movw $0xCF8, %dx
    outl %eax, %dx
    movw $0xCFD, %dx
    inb %dx, %al
    orb $0x30, %al
    outb %al, %dx
    movl $0x8000005C, %eax      // PAM5, PAM6: E0000-EFFFF
    movw $0xCF8, %dx
    outl %eax, %dx
    movw $0xCFE, %dx
    movw $0x3333, %ax
    outw %ax, %dx
    movl $0xFFFE0000, %esi
    movl $0x000E0000, %edi
    movl $0x8000, %ecx
    rep movsl
    movw $0x18, %ax
    movw %ax, %ds
    movw %ax, %es
    movw %ax, %ss
    movw %ax, %fs
    movw %ax, %gs
    ljmpl $0x20, $(1f - fixed_start + F_OFFSET)
    .code16
1:  movl %cr0, %eax
    andb $0xFE, %al
    movl %eax, %cr0
    ljmpw $0xF000, $(1f - fixed_start + F_OFFSET)
1:  lidtl %cs:(real_idt - fixed_start + F_OFFSET)
    movw $BIOS_SEG, %ax
    movw %ax, %ds
    movw %ax, %es
    movw %ax, %ss
    movl $stack_top, %esp
    movw $BDA_SEG, %ax
    movw %ax, %gs
    ljmpw $BIOS_SEG, $start_post

real_idt:
    .word 0x3FF
    .long 0

// ---- entry points at the PC's addresses -------------------------------------------------------------------------------
    AT 0xE2C3
    .globl nmi_entry
nmi_entry:                      // no parity, no channel check in this machine
    iretw

    AT 0xE3FE
    ljmpw $BIOS_SEG, $isr_13

    AT 0xE6F2
    jmp entry_19                // three bytes: the configuration table follows

    AT 0xE6F5
    .globl config_table
config_table:                   // INT 15h AH=C0h
    .word 8
    .byte 0xFC, 0x00, 0x01      // AT, submodel, BIOS revision
    .byte 0x74                  // second 8259, RTC, INT 15h/4Fh, extended BIOS area
    .byte 0x40, 0, 0, 0         // INT 16h AH=09h

    AT 0xE729
    .word 0x0417, 0x0300, 0x0180, 0x00C0, 0x0060, 0x0030, 0x0018, 0x000C   // UART divisors, 110 to 9600 baud

    AT 0xE739
    ljmpw $BIOS_SEG, $isr_14

    AT 0xE82E
    ljmpw $BIOS_SEG, $isr_16

    AT 0xE987
    ljmpw $BIOS_SEG, $isr_09

    AT 0xEC59
    ljmpw $BIOS_SEG, $isr_40

    AT 0xEF57
    ljmpw $BIOS_SEG, $isr_0e

    AT 0xEFC7
    .globl diskette_parameters
diskette_parameters:            // INT 1Eh: 3.5 inch, 1.44 MB
    .byte 0xAF, 0x02            // step rate 6 ms, head unload 240 ms; head load 4 ms, DMA
    .byte 0x25                  // motor off after 2 s
    .byte 0x02, 18, 0x1B, 0xFF  // 512 bytes, 18 sectors, gap, no data length
    .byte 0x6C, 0xF6            // format gap and fill
    .byte 0x0F, 0x08            // head settle 15 ms, motor start 1 s

    AT 0xEFD2
    ljmpw $BIOS_SEG, $isr_17

    AT 0xF065
    .globl no_video
no_video:                       // INT 10h until a VGA BIOS takes it
    iretw

    AT 0xF0A4
    .globl video_parameters
video_parameters:               // INT 1Dh: 6845 settings of the CGA and MDA modes
    .byte 0x38, 0x28, 0x2D, 0x0A, 0x1F, 0x06, 0x19, 0x1C, 0x02, 0x07, 0x06, 0x07, 0, 0, 0, 0
    .byte 0x71, 0x50, 0x5A, 0x0A, 0x1F, 0x06, 0x19, 0x1C, 0x02, 0x07, 0x06, 0x07, 0, 0, 0, 0
    .byte 0x38, 0x28, 0x2D, 0x0A, 0x7F, 0x06, 0x64, 0x70, 0x02, 0x01, 0x06, 0x07, 0, 0, 0, 0
    .byte 0x61, 0x50, 0x52, 0x0F, 0x19, 0x06, 0x19, 0x19, 0x02, 0x0D, 0x0B, 0x0C, 0, 0, 0, 0
    .word 2048, 4096, 16384, 16384
    .byte 40, 80, 40, 80, 40, 40, 80, 80
    .byte 0x2C, 0x28, 0x2D, 0x29, 0x2A, 0x2E, 0x1E, 0x29

    AT 0xF841
    ljmpw $BIOS_SEG, $isr_12

    AT 0xF84D
    ljmpw $BIOS_SEG, $isr_11

    AT 0xF859
    ljmpw $BIOS_SEG, $isr_15

    AT 0xFE6E
    ljmpw $BIOS_SEG, $isr_1a

    AT 0xFEA5
    ljmpw $BIOS_SEG, $isr_08

    .balign 16
    // Plug and Play installation check structure (Plug and Play BIOS Specification 1.0a, section 3): present for
    // option ROMs, which look for it; its entry points answer "function not supported".
    .globl pnp_header
pnp_header:
    .ascii "$PnP"
    .byte 0x10, 0x21
    .word 0
    .byte 0                     // checksum, filled in by make_image.py
    .long 0
    .word pnp_entry - fixed_start + F_OFFSET, 0xF000
    .word pnp_entry - fixed_start + F_OFFSET
    .long 0xF0000
    .long 0
    .word 0xF000
    .long 0xF0000
pnp_entry:
    movw $0x82, %ax
    lretw

    // Relays for vectors whose addresses nobody expects.
    .globl entry_18, entry_70, entry_71, entry_74, entry_75, entry_76, entry_stray_master, entry_stray_slave
entry_19: ljmpw $BIOS_SEG, $isr_19
entry_18: ljmpw $BIOS_SEG, $isr_18
entry_70: ljmpw $BIOS_SEG, $isr_70
entry_71: ljmpw $BIOS_SEG, $isr_71
entry_74: ljmpw $BIOS_SEG, $isr_74
entry_75: ljmpw $BIOS_SEG, $isr_75
entry_76: ljmpw $BIOS_SEG, $isr_76
entry_stray_master: ljmpw $BIOS_SEG, $isr_stray_master
entry_stray_slave: ljmpw $BIOS_SEG, $isr_stray_slave

    AT 0xFF53
    iretw

    AT 0xFF54
    ljmpw $BIOS_SEG, $isr_05

    AT 0xFFF0
    .globl reset_vector
reset_vector:
    ljmpw $0xF000, $0xE05B
    .ascii BIOS_DATE
    .byte 0
    .byte 0xFC
    .byte 0                     // image checksum, filled in by make_image.py
