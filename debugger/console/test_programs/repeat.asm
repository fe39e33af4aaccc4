; What the tests of the console debug: repeated string instructions over many pages, with all of their kinds and both
; directions.
bits 16
org 0x7c00

start:
    cli
    xor ax, ax
    mov ds, ax
    mov ss, ax
    mov sp, 0x7c00
    lgdt [gdt_pointer]
    mov eax, cr0
    or al, 1
    mov cr0, eax
    jmp 0x08:protected

bits 32
protected:
    mov ax, 0x10
    mov ds, ax
    mov es, ax
    mov ss, ax
    mov esp, 0x7c00
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

times 510 - ($ - $$) db 0
    dw 0xaa55
