; What the tests of the symbol commands debug: procedures with frame pointers, and an interrupt, in 32-bit protected
; mode. Assembled twice: as a boot sector, and as an ELF file with line numbers.
%ifidn __OUTPUT_FORMAT__, bin
org 0x7c00
%endif
section .text
bits 16
global start
start:
    cli
    xor ax, ax
    mov ds, ax
    mov ss, ax
    lgdt [gdt_pointer]
    lidt [idt_pointer]
    mov eax, cr0
    or al, 1
    mov cr0, eax
    jmp dword 0x08:main

bits 32
global main
main:
    mov ax, 0x10
    mov ds, ax
    mov es, ax
    mov ss, ax
    mov esp, 0x7c00
    xor ebp, ebp
    mov eax, interrupt_stub
    mov [0x6000 + 0x21 * 8], ax
    mov word [0x6000 + 0x21 * 8 + 2], 8
    mov dword [0x6000 + 0x21 * 8 + 4], 0x8e00
    ; A task as the sample program knows it.
    mov dword [0x7e00], 42
    mov dword [0x7e04], 'shel'
    mov dword [0x7e08], 'l'
    mov dword [0x7e0c], 5
    mov dword [0x7e10], 0x7e00
    mov dword [0x7e14], 0x13
    call outer
    cli
    hlt

global outer
outer:
    push ebp
    mov ebp, esp
    call inner
    pop ebp
    ret

global inner
inner:
    push ebp
    mov ebp, esp
    int 0x21
    pop ebp
    ret

global interrupt_stub
interrupt_stub:
    pusha
    call handler
    popa
    iretd

global handler
handler:
    push ebp
    mov ebp, esp
    inc dword [0x7e40]
    pop ebp
    ret

align 8
gdt:
    dq 0
    dq 0x00cf9a000000ffff
    dq 0x00cf92000000ffff
gdt_pointer:
    dw 23
    dd gdt
idt_pointer:
    dw 0x22 * 8 - 1
    dd 0x6000

times 510 - ($ - $$) db 0
    dw 0xaa55
