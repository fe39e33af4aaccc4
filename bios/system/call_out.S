// Calls out of the BIOS: interrupts of others while we wait, their interrupt handlers and procedures, boot sectors and
// bootstrap entry vectors (BIOS Boot Specification 1.01), and INT 18h and 19h, which start anew.

#include "layout.h"

    .section .data
    .balign 4
    .globl stack_next
stack_next: .long stack_top     // where the next caller with a stack of its own finds ours

    .text
    .code16
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

    .globl isr_18, isr_19
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
