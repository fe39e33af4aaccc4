; A kernel in an ELF64 file that is entered by its PVH note, with paging off. Xen, "x86/HVM direct boot ABI".

section .note note alloc
    dd 4, 4, 18                 ; XEN_ELFNOTE_PHYS32_ENTRY
    db "Xen", 0
    dd start

section .text
bits 32
%include "long_mode.inc"
bits 32

global _start
_start:                         ; where a loader goes that does not know the note
    mov al, 1
    out EXIT_PORT, al
    jmp $

start:
    mov esp, TABLES
    cmp dword [ebx], 0x336ec578
    check e, 2
    cmp dword [ebx + 4], 1      ; version with a memory map
    check ae, 3
    mov eax, cr0
    and eax, 0x80000001
    cmp eax, 1
    check e, 4
    pushfd
    pop eax
    test eax, 1 << 9
    check z, 5                  ; interrupts are off
    cmp dword [ebx + 48], 0
    check ne, 6                 ; entries of the memory map
    cmp dword [ebx + 32], 0
    check ne, 7                 ; the RSDP
    mov esi, [ebx + 32]
    cmp dword [esi], 'RSD '
    check e, 8
    mov esi, [ebx + 24]
    call find_mark
    jmp enter_64_bits

text: db "PVH kernel in 64-bit mode", 10, 0
