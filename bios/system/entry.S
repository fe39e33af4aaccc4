// Reset, the switch into shadow RAM, interrupt entry and exit, calls out of the BIOS, and the entry points that
// have fixed addresses in segment F000 since the PC/AT (IBM PC/AT Technical Reference, "ROM BIOS").

#include "layout.h"
#include "version.h"

    // A ROM header over the writable part of the segment: memory managers that look for free space between
    // C0000 and EFFFF leave ROMs alone. The far return is its "init" code.
    .section .romheader, "aw"
    .byte 0x55, 0xAA, 0x20
    lret
    .balign 16

    .section .data
    .balign 4
    .globl stack_next
stack_next: .long stack_top     // where the next caller with a stack of its own finds ours
saved_gdtr: .word 0
            .long 0

// ---- protected mode helpers -----------------------------------------------------------------------------------
    .text
    .balign 8
gdt:
    .quad 0
    .quad 0x00CF9B000000FFFF    // 08: flat code, 32 bit
    .quad 0x00CF93000000FFFF    // 10: flat data
    .quad 0x000093000000FFFF    // 18: data with the limits of real mode
    .quad 0x00009B0F0000FFFF    // 20: 16-bit code, base F0000
gdt_end:
gdt_pointer:                    // as seen in the first megabyte
    .word gdt_end - gdt - 1
    .long gdt + BIOS_LINEAR
gdt_pointer_high:               // as seen before there is shadow RAM
    .word gdt_end - gdt - 1
    .long gdt + HIGH_ALIAS

    .code16
    // void flat_copy(u32 dst, u32 src, u32 bytes)
    .globl flat_copy
flat_copy:
    pushl %esi
    pushl %edi
    pushl %ebx
    pushfl
    cli
    pushw %ds
    pushw %es
    movl %eax, %edi
    movl %edx, %esi
    movl %ecx, %ebx
    sgdtl saved_gdtr
    lgdtl gdt_pointer
    movl %cr0, %eax
    orb $1, %al
    movl %eax, %cr0
    jmp 1f
1:  movw $0x10, %ax
    movw %ax, %ds
    movw %ax, %es
    cld
    shrl $2, %ecx
    rep
    addr32 movsl
    movl %ebx, %ecx
    andl $3, %ecx
    rep
    addr32 movsb
    movw $0x18, %ax
    movw %ax, %ds
    movw %ax, %es
    movl %cr0, %eax
    andb $0xFE, %al
    movl %eax, %cr0
    jmp 1f
1:  popw %es
    popw %ds
    lgdtl saved_gdtr
    popfl
    popl %ebx
    popl %edi
    popl %esi
    retl

    // void far_copy(u32 dst, u32 src, u32 bytes): linear addresses of real mode, at most 64 KB less 15
    .globl far_copy
far_copy:
    pushl %esi
    pushl %edi
    pushw %ds
    pushw %es
    movl %eax, %edi
    shrl $4, %eax
    cmpl $0xFFFF, %eax
    jbe 1f
    movl $0xFFFF, %eax
1:  movw %ax, %es
    shll $4, %eax
    subl %eax, %edi
    movl %edx, %esi
    shrl $4, %edx
    cmpl $0xFFFF, %edx
    jbe 1f
    movl $0xFFFF, %edx
1:  movw %dx, %ds
    shll $4, %edx
    subl %edx, %esi
    movl %ecx, %edx
    shrl $2, %ecx
    rep movsl
    movl %edx, %ecx
    andl $3, %ecx
    rep movsb
    popw %es
    popw %ds
    popl %edi
    popl %esi
    retl

    // void far_fill(u32 dst, u8 value, u32 bytes)
    .globl far_fill
far_fill:
    pushl %edi
    pushw %es
    movl %eax, %edi
    shrl $4, %eax
    movw %ax, %es
    andl $15, %edi
    movb %dl, %al
    rep stosb
    popw %es
    popl %edi
    retl

    .globl read_eflags
read_eflags:
    pushfl
    popl %eax
    retl

// ---- interrupt entry and exit -----------------------------------------------------------------------------------
// A handler in C runs on our own stack with a copy of the caller's registers (struct Regs). Only registers and
// flags go back. When it asks to wait, the caller's own stack is restored first: programs that switch tasks in
// the timer interrupt may leave a wait for a key and come back to it in any order.
    .macro INTERRUPT name, handler
\name:
    pushl $\handler
    jmp interrupt_entry
    .endm

interrupt_entry:
    cli
    cld
    pushw %ds
    pushl %eax
    pushl %ebx                  // 0 ebx, 4 eax, 8 ds, 10 handler, 14 ip, 16 cs, 18 flags
    movw $BIOS_SEG, %ax
    movw %ax, %ds
    movl %esp, %ebx
    movw %ss, %ax
    cmpw $BIOS_SEG, %ax
    je 1f                       // nested: stay on this stack
    pushw %ds
    popw %ss
    movl stack_next, %esp
1:  pushw $0
    pushw %ax
    pushl %ebx
    movw %ax, %ds
    pushl 10(%bx)
    pushw $0
    pushw 18(%bx)
    pushw 16(%bx)
    pushw 14(%bx)
    pushw %gs
    pushw %fs
    pushw %es
    pushw 8(%bx)
    movl 4(%bx), %eax
    movl (%bx), %ebx
    pushal
    movw $BIOS_SEG, %ax
    movw %ax, %ds
    movw %ax, %es
    movw $BDA_SEG, %ax
    movw %ax, %gs
    movl %esp, %eax
    calll *48(%esp)
    testl %eax, %eax
    jnz 2f
    // Hand back what the handler changed.
    movw 56(%esp), %ds
    movl 52(%esp), %ebx
    movw 44(%esp), %ax
    movw %ax, 18(%bx)
    movl 28(%esp), %eax
    movl %eax, 4(%bx)
    movl 16(%esp), %eax
    movl %eax, (%bx)
    movw 32(%esp), %ax
    movw %ax, 8(%bx)
    movb $1, 48(%esp)           // done
    jmp 3f
2:  movb $0, 48(%esp)
3:  popal
    addw $2, %sp                // ds comes from the caller's stack
    popw %es
    popw %fs
    popw %gs
    cmpb $0, 8(%esp)            // ip, cs, flags, pad, handler
    lssl 12(%esp), %esp
    popl %ebx
    popl %eax
    popw %ds
    je 4f
    addw $4, %sp
    iretw
4:  sti
    hlt
    jmp interrupt_entry

// ---- calls out of the BIOS ----------------------------------------------------------------------------------------
    // void yield(void): interrupts of others run here, above a stack of ours that they do not disturb
    .globl yield
yield:
    pushl stack_next
    leal -STACK_MARGIN(%esp), %eax
    movl %eax, stack_next
    sti
    nop
    nop
    cli
    cld
    popl stack_next
    retl

    .globl wait_for_interrupt
wait_for_interrupt:
    pushl stack_next
    leal -STACK_MARGIN(%esp), %eax
    movl %eax, stack_next
    sti
    hlt
    cli
    cld
    popl stack_next
    retl

    .macro CALL_OUT interrupt
    pushl %ebx
    pushl %esi
    pushl %edi
    pushl %ebp
    pushl stack_next
    pushl %eax                  // the registers' address
    leal -STACK_MARGIN(%esp), %ecx
    movl %ecx, stack_next
    .if \interrupt
    pushw 32(%eax)
    .endif
    pushw %cs
    pushw $9f
    pushl %edx
    movl 4(%eax), %ebx
    movl 8(%eax), %ecx
    movl 12(%eax), %edx
    movl 16(%eax), %esi
    movl 20(%eax), %edi
    movl 24(%eax), %ebp
    movw 30(%eax), %es
    pushl (%eax)
    movw 28(%eax), %ds
    popl %eax
    lretw
9:  pushw %ds
    pushw %es
    pushfw
    pushl %eax
    pushw %cs
    popw %ds
    movl 10(%esp), %eax
    popl (%eax)
    popw 32(%eax)
    popw 30(%eax)
    popw 28(%eax)
    movl %ebx, 4(%eax)
    movl %ecx, 8(%eax)
    movl %edx, 12(%eax)
    movl %esi, 16(%eax)
    movl %edi, 20(%eax)
    movl %ebp, 24(%eax)
    cli
    cld
    pushw %cs
    popw %es
    movw $BDA_SEG, %cx
    movw %cx, %gs
    popl %eax
    popl stack_next
    popl %ebp
    popl %edi
    popl %esi
    popl %ebx
    retl
    .endm

    // void call_interrupt(struct CallRegs *regs, u8 vector)
    .globl call_interrupt
call_interrupt:
    xorl %ecx, %ecx
    movw %cx, %fs
    movzbl %dl, %ecx
    movl %fs:(,%ecx,4), %edx
    CALL_OUT 1

    // void call_far(struct CallRegs *regs, u16 seg, u16 off): a procedure that returns by RETF
    .globl call_far
call_far:
    shll $16, %edx
    movw %cx, %dx
    CALL_OUT 0

    // void call_mouse_handler(u16 seg, u16 off, u16 status, u16 x, u16 y): four words on the stack (INT 15h C207)
    .globl call_mouse_handler
call_mouse_handler:
    pushal
    pushw %es
    pushl stack_next
    leal -STACK_MARGIN(%esp), %ebx
    movl %ebx, stack_next
    movl 42(%esp), %ebx         // x, above pushal (32), es (2), stack_next (4), return address (4)
    movl 46(%esp), %esi         // y
    pushw %cx
    pushw %bx
    pushw %si
    pushw $0
    pushw %cs
    pushw $1f
    pushw %ax
    pushw %dx
    lretw
1:  addw $8, %sp
    cli
    cld
    pushw %cs
    popw %ds
    movw $BDA_SEG, %ax
    movw %ax, %gs
    popl stack_next
    popw %es
    popal
    retl

    // noreturn void jump_to(u16 seg, u16 off, u16 dx): the state in which boot sectors expect to start
    .globl jump_to
jump_to:
    movl $stack_top, stack_next
    xorl %ebx, %ebx
    movw %bx, %ss
    movl $0x7C00, %esp
    pushw %ax
    pushw %dx
    movzwl %cx, %edx
    xorl %eax, %eax
    movw %ax, %ds
    movw %ax, %es
    movw %ax, %fs
    movw %ax, %gs
    xorl %ecx, %ecx
    xorl %esi, %esi
    xorl %edi, %edi
    xorl %ebp, %ebp
    movw $0xAA55, %ax
    sti
    lretw

    // noreturn void jump_to_rom(u16 seg, u16 off): a bootstrap entry vector; returning means "try the next"
    .globl jump_to_rom
jump_to_rom:
    movl $stack_top, stack_next
    xorl %ebx, %ebx
    movw %bx, %ss
    movl $0x7C00, %esp
    pushw %cs
    pushw $1f
    pushw %ax
    pushw %dx
    movw $0xF000, %ax
    movw %ax, %es
    movl $pnp_header - F_SEG_OFFSET, %edi
    xorl %eax, %eax
    movw %ax, %ds
    sti
    lretw
1:  int $0x18
    jmp 1b

isr_18: movl $boot_next, %eax
    jmp 1f
isr_19: movl $boot_again, %eax
1:  cli
    cld
    movw $BIOS_SEG, %bx
    movw %bx, %ds
    movw %bx, %es
    movw %bx, %ss
    movl $stack_top, %esp
    movl %esp, stack_next
    movw $BDA_SEG, %bx
    movw %bx, %gs
    calll *%eax
    ud2

// ---- interrupts ---------------------------------------------------------------------------------------------------
    INTERRUPT isr_05, print_screen
    INTERRUPT isr_09, keyboard_irq
    INTERRUPT isr_0e, floppy_irq
    INTERRUPT isr_11, equipment_call
    INTERRUPT isr_12, memory_size_call
    INTERRUPT isr_13, disk_call
    INTERRUPT isr_14, serial_call
    INTERRUPT isr_15, system_call
    INTERRUPT isr_16, keyboard_call
    INTERRUPT isr_17, printer_call
    INTERRUPT isr_1a, clock_call
    INTERRUPT isr_40, floppy_entry
    INTERRUPT isr_70, rtc_irq
    INTERRUPT isr_74, mouse_irq
    INTERRUPT isr_76, ata_irq
    INTERRUPT isr_stray_master, stray_irq_master
    INTERRUPT isr_stray_slave, stray_irq_slave

    // IRQ 0. On the caller's stack throughout: multitaskers leave this interrupt through INT 1Ch.
isr_08:
    cld
    pushw %ds
    pushl %eax
    pushl %edx
    movw $BDA_SEG, %ax
    movw %ax, %ds
    movl 0x6C, %eax
    incl %eax
    cmpl $0x1800B0, %eax        // 24 hours of 18.2065 Hz
    jb 1f
    xorl %eax, %eax
    incb 0x70
1:  movl %eax, 0x6C
    cmpb $0, 0x40
    je 2f
    decb 0x40
    jnz 2f
    andb $0xF0, 0x3F            // the floppy motors' time is over
    movw $0x3F2, %dx
    movb $0x0C, %al
    outb %al, %dx
2:  int $0x1C
    cli
    movb $0x20, %al
    outb %al, $0x20
    popl %edx
    popl %eax
    popw %ds
    iretw

    // IRQ 9 appears as IRQ 2 did on the PC.
isr_71:
    pushw %ax
    movb $0x20, %al
    outb %al, $0xA0
    popw %ax
    int $0x0A
    iretw

    // IRQ 13: an unmasked coprocessor error; clear the latch and behave like a PC (NMI).
isr_75:
    pushw %ax
    xorb %al, %al
    outb %al, $0xF0
    movb $0x20, %al
    outb %al, $0xA0
    outb %al, $0x20
    popw %ax
    int $0x02
    iretw

    // INT 15h AH=89h: protected mode through the caller's descriptor table (ES:SI), interrupts at BH and BL.
    .globl enter_protected_mode
enter_protected_mode:           // eax = struct Regs; returns only by the caller's far return address
    movl %eax, %ebp
    movw 34(%ebp), %es
    movzwl 4(%ebp), %esi
    lgdtw %es:8(%esi)
    lidtw %es:0x10(%esi)
    movzwl 52(%ebp), %ebx       // caller's sp below its ds, eax, ebx, handler
    movw 40(%ebp), %di          // return ip
    movw 56(%ebp), %ss
    leal 20(%ebx), %esp         // above ebx, eax, ds, handler, ip, cs, flags
    movl %cr0, %eax
    orb $1, %al
    movl %eax, %cr0
    ljmpw $0x38, $1f
1:  movw $0x28, %ax
    movw %ax, %ss
    movw $0x18, %ax
    movw %ax, %ds
    movw $0x20, %ax
    movw %ax, %es
    xorw %ax, %ax
    movw %ax, %fs
    movw %ax, %gs
    pushw $0x30
    pushw %di
    lretw

// ---- other processors -----------------------------------------------------------------------------------------
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

gdt_low_link:                   // a copy of gdt_pointer_high that F000 reaches
    .word gdt_end - gdt - 1
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
