// Memory beyond the BIOS's own segment: copies by linear addresses, in protected mode (above the first megabyte) and in
// real mode. Intel SDM Vol. 3, "Switching Modes".

#include "layout.h"

    .section .data
    .balign 4
saved_gdtr: .word 0
            .long 0

    .text
    .balign 8
    .globl gdt
gdt:
    .quad 0
    .quad 0x00CF9B000000FFFF    // 08: flat code, 32 bit
    .quad 0x00CF93000000FFFF    // 10: flat data
    .quad 0x000093000000FFFF    // 18: data with the limits of real mode
    .quad 0x00009B0F0000FFFF    // 20: 16-bit code, base F0000
    .if . - gdt != GDT_BYTES
    .error "layout.h does not know the size of the table"
    .endif
gdt_pointer:                    // as seen in the first megabyte
    .word GDT_BYTES - 1
    .long gdt + BIOS_LINEAR
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
