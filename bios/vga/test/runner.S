# A boot sector that carries out the script in the sectors behind it and reports on the first serial port, so that a
# test can call INT 10h, look at memory and registers, and judge on the host. Commands (little-endian words):
#   1 ax bx cx dx bp di es   INT 10h; prints "R" and the same registers afterwards
#   2 segment offset length  prints "M" and the bytes
#   3 segment offset length bytes…   stores bytes
#   4 port value             writes a byte to a port
#   5 port index             prints "I" and the indexed register of the pair at that port
#   6 number bx cx dx        copies the protected-mode interface (AX=4F0A), calls its function in 32-bit code, with ES:EDI at 30000h,
#                            and prints "I" and AX
#   0                        ends through the debug-exit port 0xF4
    .code16
    .text
    .globl _start
_start:
    xorw %ax, %ax
    movw %ax, %ds
    movw %ax, %es
    movw %ax, %ss
    movw $0x7C00, %sp
    cld
    movw $0x0002, %cx                   # cylinder 0, sector 2
    movw $0x8000, %bx
    xorw %dx, %dx
1:  movw $0x0201, %ax
    int $0x13
    jc 9f
    addw $512, %bx
    incw %cx
    cmpb $18, %cl                       # the first two tracks of a 1.44 MB floppy hold the script
    jbe 1b
    movb $1, %cl
    incb %dh
    cmpb $1, %dh
    jbe 1b
    movw $0x8000, %si
next:
    lodsw
    cmpw $1, %ax
    je call_video
    cmpw $2, %ax
    je dump
    cmpw $3, %ax
    je store
    cmpw $4, %ax
    je port_write
    cmpw $5, %ax
    je port_read
    cmpw $6, %ax
    je call_protected
    movb $0x10, %al
    outb %al, $0xF4
9:  hlt
    jmp 9b

call_video:
    pushw %si
    movw 12(%si), %es
    movw 10(%si), %di
    movw 8(%si), %bp
    movw 6(%si), %dx
    movw 4(%si), %cx
    movw 2(%si), %bx
    movw (%si), %ax
    int $0x10
    pushw %es
    pushw %di
    pushw %bp
    pushw %dx
    pushw %cx
    pushw %bx
    pushw %ax
    movb $'R', %al
    call put
    movw $7, %cx
1:  popw %ax
    call word
    loop 1b
    call newline
    xorw %ax, %ax
    movw %ax, %es
    popw %si
    addw $14, %si
    jmp next

dump:
    movb $'M', %al
    call put
    lodsw
    movw %ax, %es
    lodsw
    movw %ax, %di
    lodsw
    movw %ax, %cx
1:  movb %es:(%di), %al
    incw %di
    call byte
    loop 1b
2:  call newline
    jmp next

store:
    lodsw
    movw %ax, %es
    lodsw
    movw %ax, %di
    lodsw
    movw %ax, %cx
    rep movsb
    jmp next

port_write:
    lodsw
    movw %ax, %dx
    lodsw
    outb %al, %dx
    jmp next

port_read:
    movb $'I', %al
    call put
    lodsw
    movw %ax, %dx
    lodsw
    outb %al, %dx
    incw %dx
    inb %dx, %al
    call byte
    jmp 2b

call_protected:
    movw $0x4F0A, %ax
    xorw %bx, %bx
    int $0x10
    pushw %si
    pushw %es
    popw %ds
    movw %di, %si
    movw $0x2000, %ax
    movw %ax, %es
    xorw %di, %di
    rep movsb
    xorw %ax, %ax
    movw %ax, %ds
    popw %si
    cli
    lgdtl gdt_place
    movl %cr0, %eax
    incw %ax
    movl %eax, %cr0
    ljmpw $8, $1f
    .code32
1:  movl $0x10, %eax
    movl %eax, %ds
    movl %eax, %es
    movl %eax, %ss
    movzwl %sp, %esp
    movzwl %si, %esi
    lodsw
    movzwl %ax, %eax
    movzwl 0x20000(%eax, %eax), %ebp
    addl $0x20000, %ebp
    lodsw
    movl %eax, %ebx
    lodsw
    movl %eax, %ecx
    lodsw
    movl %eax, %edx
    movl $0x30000, %edi
    call *%ebp
    ljmpw $0x18, $2f
    .code16
2:  movl %cr0, %ecx
    decw %cx
    movl %ecx, %cr0
    ljmpw $0, $3f
3:  xorw %cx, %cx
    movw %cx, %ds
    movw %cx, %es
    movw %cx, %ss
    pushw %ax
    movb $'I', %al
    call put
    popw %ax
    call word
    call newline
    jmp next

gdt:
    .quad 0
    .quad 0x00CF9B000000FFFF            # 32-bit code
    .quad 0x00CF93000000FFFF            # data
    .quad 0x00009B000000FFFF            # 16-bit code
gdt_place:
    .word . - gdt - 1
    .long gdt

word:
    pushw %ax
    movb $' ', %al
    call put
    popw %ax
    xchgb %al, %ah
    call byte
    xchgb %al, %ah
byte:
    pushw %ax
    shrb $4, %al
    call digit
    popw %ax
    pushw %ax
    call digit
    popw %ax
    ret
digit:
    andb $15, %al
    addb $'0', %al
    cmpb $'9', %al
    jbe put
    addb $39, %al
put:
    pushw %dx
    pushw %ax
    movw $0x3FD, %dx
1:  inb %dx, %al
    testb $0x20, %al
    jz 1b
    popw %ax
    movw $0x3F8, %dx
    outb %al, %dx
    popw %dx
    ret
newline:
    movb $10, %al
    jmp put

    .org _start + 510
    .word 0xAA55
