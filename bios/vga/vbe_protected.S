# VBE's protected-mode interface (VBE Core Functions Standard 3.0, "Return VBE Protected Mode Interface"): a table of
# offsets and the functions, which programs copy to where they like and call near in 32-bit code.

    .section .romdata, "a"
    .balign 4
    .globl vbe_protected, vbe_protected_end
vbe_protected:
    .word set_window - vbe_protected
    .word set_display_start - vbe_protected
    .word set_palette - vbe_protected
    .word ports - vbe_protected
ports:                                  # what I/O permission they need; no memory
    .word 0x1CE, 0x1CF, 0x3C8, 0x3C9, 0x3DA, 0xFFFF
    .word 0xFFFF

    .code32
# BX = 0, DX = bank.
set_window:
    movl $0x014F, %eax
    testw %bx, %bx
    jnz 1f
    pushl %ecx
    pushl %edx
    movl %edx, %ecx
    movl $5, %eax
    call dispi_write
    popl %edx
    popl %ecx
    movl $0x004F, %eax
1:  ret

# BL = 00 at once or 80 in the retrace, DX:CX = address: of a byte in planar modes, otherwise of four.
set_display_start:
    movl $0x014F, %eax
    testb $0x7F, %bl
    jnz 1f
    pushal
    call wait_for_retrace
    movzwl %cx, %esi
    shll $16, %edx
    orl %edx, %esi
    movl $6, %eax
    call dispi_read
    movl %eax, %edi                     # pixels in a line
    movl $3, %eax
    call dispi_read
    cmpl $4, %eax
    jne 2f
    shll $3, %esi                       # a byte is eight pixels
    movl $1, %ecx
    jmp 3f
2:  leal 7(%eax), %ecx
    shrl $3, %ecx
    shll $2, %esi
    imull %ecx, %edi
3:  testl %edi, %edi
    jz 4f
    movl %esi, %eax
    xorl %edx, %edx
    divl %edi                           # lines, and bytes (pixels) of another
    movl %eax, %esi
    movl %edx, %eax
    xorl %edx, %edx
    divl %ecx
    movl %eax, %ecx
    movl $8, %eax
    call dispi_write
    movl %esi, %ecx
    movl $9, %eax
    call dispi_write
4:  popal
    movl $0x004F, %eax
1:  ret

# BL = 00 at once or 80 in the retrace, CX = how many, DX = the first, ES:EDI = blue, green, red, 0 of each.
set_palette:
    movl $0x014F, %eax
    testb $0x7F, %bl
    jnz 1f
    pushal
    call wait_for_retrace
    movzwl %cx, %ecx
    movl %edx, %eax
    movw $0x3C8, %dx
    outb %al, %dx
    incl %edx
    jecxz 3f
2:  movb %es:2(%edi), %al
    outb %al, %dx
    movb %es:1(%edi), %al
    outb %al, %dx
    movb %es:(%edi), %al
    outb %al, %dx
    addl $4, %edi
    loop 2b
3:  popal
    movl $0x004F, %eax
1:  ret

# If BL says so.
wait_for_retrace:
    testb %bl, %bl
    jns 2f
    pushl %edx
    movw $0x3DA, %dx
1:  inb %dx, %al
    testb $8, %al
    jz 1b
    popl %edx
2:  ret

# EAX = index; the value in EAX. Changes EDX.
dispi_read:
    movw $0x1CE, %dx
    outw %ax, %dx
    incl %edx
    xorl %eax, %eax
    inw %dx, %ax
    ret

# EAX = index, ECX = value. Changes EAX and EDX.
dispi_write:
    movw $0x1CE, %dx
    outw %ax, %dx
    incl %edx
    movl %ecx, %eax
    outw %ax, %dx
    ret
vbe_protected_end:
    .section .note.GNU-stack, "", @progbits
