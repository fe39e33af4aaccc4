// Boot sector of the service test: loads the rest of the test from the boot diskette to 0:7C00 and calls run_tests.
    .code16
    .section .boot, "ax"
    .globl start
start:
    xorw %ax, %ax
    movw %ax, %ds
    movw %ax, %es
    movw %ax, %ss
    movl $0x7C00, %esp
    sti
    movw $2, %cx                // cylinder 0, sector 2
    xorw %dx, %dx
    movw $0x7E00, %bx
1:  movw $0x0201, %ax
    pushw %cx
    pushw %dx
    int $0x13
    popw %dx
    popw %cx
    jc 1b
    addw $512, %bx
    incb %cl
    cmpb $18, %cl
    jbe 2f
    movb $1, %cl
    incb %dh
    cmpb $2, %dh
    jb 2f
    movb $0, %dh
    incb %ch
2:  cmpw $0x7C00 + 512 * 40, %bx
    jb 1b
    cld
    calll run_tests
3:  hlt
    jmp 3b
    .org 510
    .word 0xAA55

    .text
    // u32 call_bios(struct Registers *r, u32 vector): every register loaded and stored whole; returns what of the
    // stack below SS:SP changed.
    .globl call_bios
call_bios:
    pushal
    pushw %ds
    pushw %es
    movb %dl, vector
    movw %ax, registers
    movl %esp, saved_sp
    movl %eax, %ebp
    movl (%ebp), %eax
    movl 4(%ebp), %ebx
    movl 8(%ebp), %ecx
    movl 12(%ebp), %edx
    movl 16(%ebp), %esi
    movl 20(%ebp), %edi
    pushl 24(%ebp)
    pushw 28(%ebp)
    movw 30(%ebp), %es
    popw %ds
    popl %ebp
    // A stack of its own at 9000:0100, filled with a pattern.
    movw %ax, %ss:saved_ax
    movw $0x9000, %ax
    movw %ax, %ss
    movl $0x100, %esp
    movw %cs:saved_ax, %ax
    .byte 0xCD
vector: .byte 0
    pushfw
    popw %cs:saved_flags
    pushw %ds
    popw %cs:saved_ds
    pushw %cs
    popw %ds
    movw %ss, saved_ss
    movl %esp, after_sp
    movl %eax, saved_eax
    xorw %ax, %ax
    movw %ax, %ss
    movl saved_sp, %esp
    movl %ebp, saved_ebp
    movzwl registers, %ebp
    movl %ebx, 4(%ebp)
    movl %ecx, 8(%ebp)
    movl %edx, 12(%ebp)
    movl %esi, 16(%ebp)
    movl %edi, 20(%ebp)
    movl saved_eax, %eax
    movl %eax, (%ebp)
    movl saved_ebp, %eax
    movl %eax, 24(%ebp)
    movw saved_ds, %ax
    movw %ax, 28(%ebp)
    movw %es, 30(%ebp)
    movw saved_flags, %ax
    movw %ax, 32(%ebp)
    cld
    popw %es
    popw %ds
    popal
    cmpl $0x100, after_sp
    jne 1f
    cmpw $0x9000, saved_ss
    jne 1f
    movl $1, %eax
    retl
1:  xorl %eax, %eax
    retl

    // What INT 15h C207 calls: counts, remembers the last package.
    .globl mouse_handler
mouse_handler:
    pushw %bp
    movw %sp, %bp
    pushw %ax
    incw %cs:mouse_calls
    movw 12(%bp), %ax
    movw %ax, %cs:mouse_status
    movw 10(%bp), %ax
    movw %ax, %cs:mouse_x
    movw 8(%bp), %ax
    movw %ax, %cs:mouse_y
    popw %ax
    popw %bp
    lretw

    .data
    .balign 4
saved_sp: .long 0
after_sp: .long 0
saved_eax: .long 0
saved_ebp: .long 0
registers: .word 0
saved_ax: .word 0
saved_ss: .word 0
saved_ds: .word 0
saved_flags: .word 0
    .globl mouse_calls, mouse_status, mouse_x, mouse_y
mouse_calls: .word 0
mouse_status: .word 0
mouse_x: .word 0
mouse_y: .word 0
