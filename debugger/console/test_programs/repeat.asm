; What the tests of the console debug: repeated string instructions over many pages, with all of their kinds and both
; directions.
%include "boot_sector.inc"
%include "protected_mode.inc"

start:
    cli
    xor ax, ax
    mov ds, ax
    mov ss, ax
    mov sp, 0x7c00
    lgdt [gdt_pointer]
    ENTER_PROTECTED_MODE 0x08:protected

protected:
    LOAD_DATA_SEGMENTS
    cld
    mov edi, 0x100000
    mov eax, 0x5a5a5a5a
    mov ecx, 0x10000
    rep stosd                           ; 64 pages
    mov esi, 0x100000
    mov edi, 0x180123
    mov ecx, 0x34567
    rep movsb                           ; crosses pages at two places
    mov esi, 0x100000
    mov edi, 0x180123
    mov ecx, 0x34567
    repe cmpsb
    mov edi, 0x180123
    mov ecx, 0x50000
    repne scasw                         ; found at once: the pattern is 5a5a
    mov al, 0x11
    mov edi, 0x180123
    mov ecx, 0x50000
    repne scasb                         ; not found
    mov esi, 0x100000
    mov ecx, 0x8001
    rep lodsw
    std
    mov esi, 0x13fffc
    mov edi, 0x1ffffc
    mov ecx, 0xc000
    rep movsd                           ; downwards
    cld
    hlt

align 8
gdt:
    dq 0
    dq 0x00cf9a000000ffff
    dq 0x00cf92000000ffff
gdt_pointer:
    dw 23
    dd gdt

    BOOT_SIGNATURE
