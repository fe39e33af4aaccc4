// Interrupt entry and exit, the interrupts that C handles, and those of the timer and the coprocessor. IBM PC/AT Technical
// Reference, "ROM BIOS".

#include "layout.h"

    .text
    .code16
// A handler in C runs on our own stack with a copy of the caller's registers (struct Regs). Only registers and
// flags go back. When it asks to wait, the caller's own stack is restored first: programs that switch tasks in
// the timer interrupt may leave a wait for a key and come back to it in any order.
    .macro INTERRUPT name, handler
    .globl \name
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

// ---- the vectors ----------------------------------------------------------------------------------------------
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
    .globl isr_08
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
    .globl isr_71
isr_71:
    pushw %ax
    movb $0x20, %al
    outb %al, $0xA0
    popw %ax
    int $0x0A
    iretw

    // IRQ 13: an unmasked coprocessor error; clear the latch and behave like a PC (NMI).
    .globl isr_75
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
