; A Multiboot 1 kernel in an ELF64 file: loaders take it by the address fields of its header, which count more than the
; format of the file. Multiboot Specification 0.6.96, "The address fields of Multiboot header", "Machine state".

section .text
bits 32
MAGIC equ 0x1badb002
FLAGS equ 1 << 16 | 1 << 1      ; address fields are valid; memory information is wanted

global start
header:
    dd MAGIC, FLAGS, -(MAGIC + FLAGS)
    dd header                   ; header_addr
    dd header                   ; load_addr: from the header on
    dd load_end                 ; load_end_addr
    dd 0                        ; bss_end_addr
    dd start                    ; entry_addr

%include "long_mode.inc"
bits 32

start:
    mov esp, TABLES
    cmp eax, 0x2badb002
    check e, 1
    mov eax, cr0
    and eax, 0x80000001
    cmp eax, 1
    check e, 2                  ; protected mode without paging
    test dword [ebx], 1
    check nz, 3                 ; memory sizes are there
    cmp dword [ebx + 4], 512
    check ae, 4                 ; mem_lower
    cmp dword [ebx + 8], 62 * 1024
    check ae, 5                 ; mem_upper of a machine of 64 MiB
    test dword [ebx], 4
    check nz, 6
    mov esi, [ebx + 16]
    call find_mark
    jmp enter_64_bits

text: db "Multiboot 1 kernel in 64-bit mode", 10, 0
load_end:
