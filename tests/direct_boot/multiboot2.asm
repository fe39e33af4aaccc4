; A Multiboot 2 kernel in an ELF64 file, loaded by its segments. Multiboot2 Specification 2.0, "I386 machine state", "Boot
; information format".

section .text
bits 32
MAGIC equ 0xe85250d6

global start
align 8
header:
    dd MAGIC, 0, header_end - header, 0x100000000 - (MAGIC + header_end - header)
    dw 1, 0                     ; information request: command line, memory map
    dd 16, 1, 6
    dw 0, 0
    dd 8
header_end:

%include "long_mode.inc"
bits 32

start:
    mov esp, TABLES
    cmp eax, 0x36d76289
    check e, 1
    test ebx, 7
    check z, 2
    mov eax, cr0
    and eax, 0x80000001
    cmp eax, 1
    check e, 3
    mov edi, [ebx]
    add edi, ebx                ; end of the information
    add ebx, 8
    xor ebp, ebp                ; bit n: a tag of type n was there
.tag:
    cmp ebx, edi
    check b, 4
    mov eax, [ebx]
    test eax, eax
    jz .end
    bts ebp, eax
    cmp eax, 1
    jne .next
    lea esi, [ebx + 8]
    call find_mark
.next:
    mov eax, [ebx + 4]
    add eax, 7
    and eax, ~7
    add ebx, eax
    jmp .tag
.end:
    and ebp, 1 << 1 | 1 << 6 | 1 << 4
    cmp ebp, 1 << 1 | 1 << 6 | 1 << 4
    check e, 5                  ; command line, memory map, memory sizes
    jmp enter_64_bits

text: db "Multiboot 2 kernel in 64-bit mode", 10, 0
