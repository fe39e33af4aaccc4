; The small kernel of the tour in docs/debugging.md: it counts timer interrupts and logs when they came, and it has a bug.
%ifidn __OUTPUT_FORMAT__, bin
org 0x7c00
%endif
section .text
LOG     equ 0x5f80              ; a ring of 32 entries, right below the IDT
ENTRIES equ 128
IDT     equ 0x6000
ticks   equ 0x5f00
next    equ 0x5f04

bits 16
global start
start:
    cli
    xor ax, ax
    mov ds, ax
    mov es, ax
    mov ss, ax
    mov sp, 0x7c00
    cld
    mov di, 0x5f00
    mov cx, 0x180
    rep stosw
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
    mov eax, timer
    mov [IDT + 0x20 * 8], ax
    mov word [IDT + 0x20 * 8 + 2], 0x08
    mov dword [IDT + 0x20 * 8 + 4], 0x8e00
    mov al, 0x11                ; the master 8259A at 20h, all but the timer masked
    out 0x20, al
    mov al, 0x20
    out 0x21, al
    mov al, 4
    out 0x21, al
    mov al, 1
    out 0x21, al
    mov al, 0xfe
    out 0x21, al
    sti
idle:
    hlt
    jmp idle

global timer
timer:
    pusha
    inc dword [ticks]
    call log_tick
    mov al, 0x20
    out 0x20, al
    popa
    iretd

; Puts the number of the tick into the ring.
global log_tick
log_tick:
    push ebp
    mov ebp, esp
    mov ecx, [next]
    mov eax, [ticks]
    mov [LOG + ecx * 4], eax
    inc ecx
    cmp ecx, ENTRIES
    jb .store
    xor ecx, ecx
.store:
    mov [next], ecx
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
    dw 0x21 * 8 - 1
    dd IDT

times 510 - ($ - $$) db 0
    dw 0xaa55
