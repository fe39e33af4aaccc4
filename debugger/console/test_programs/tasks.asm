; What the tests of the console debug: 32-bit protected mode with two tasks, a local descriptor table, paging, a page
; fault and a general-protection exception with error codes, both repaired by their handlers.
%include "boot_sector.inc"
%include "protected_mode.inc"

start:
    cli
    xor ax, ax
    mov ds, ax
    mov ss, ax
    mov sp, 0x7c00
    lgdt [gdt_pointer]
    lidt [idt_pointer]
    ENTER_PROTECTED_MODE 0x08:protected

protected:
    LOAD_DATA_SEGMENTS
    ; Gates 13 and 14 at 0x6000.
    cld
    mov edi, 0x5000                     ; TSSs and IDT
    xor eax, eax
    mov ecx, 0x800
    rep stosd
    mov edi, 0x8000                     ; page tables
    mov ecx, 0x800
    rep stosd
    mov dword [0x6000 + 13 * 8], 0x80000 + general_protection
    mov dword [0x6000 + 13 * 8 + 4], 0x8e00
    mov dword [0x6000 + 14 * 8], 0x80000 + page_fault
    mov dword [0x6000 + 14 * 8 + 4], 0x8e00
    ; Task B at 0x5100; task A, this one, at 0x5000.
    mov dword [0x5100 + 0x1c], 0x8000   ; CR3
    mov dword [0x5100 + 0x20], second
    mov dword [0x5100 + 0x24], 2
    mov dword [0x5100 + 0x38], 0x7b00   ; ESP
    mov dword [0x5100 + 0x48], 0x10
    mov dword [0x5100 + 0x4c], 0x08
    mov dword [0x5100 + 0x50], 0x10
    mov dword [0x5100 + 0x54], 0x10
    mov dword [0x5000 + 0x1c], 0x8000
    mov dword [0x5000 + 4], 0x7a00      ; ESP0, SS0
    mov dword [0x5000 + 8], 0x10
    mov byte [0x5000 + 0x60], 0x28      ; LDT
    mov byte [0x5000 + 0x66], 0x68      ; no I/O map
    ; The first 4 MiB as they are, but for the page at 0x9000.
    mov edi, 0x9000
    mov eax, 3
    FILL_PAGE_TABLE
    mov dword [0x8000], 0x9003
    mov dword [0x9000 + 0x40 * 4], 0
    mov eax, 0x8000
    mov cr3, eax
    ENABLE_PAGING
    mov ax, 0x18
    ltr ax
    mov ax, 0x28
    lldt ax
    mov ax, 0x0c                        ; a data segment of the LDT
    mov fs, ax
    jmp 0x20:0
back:
    mov dword [0x40010], 0x1234         ; not mapped yet
    mov ax, 0x38                        ; beyond the GDT
    mov gs, ax
    cli
    hlt

second:
    inc dword [counter]
    jmp 0x18:0

page_fault:
    mov dword [0x9000 + 0x40 * 4], 0x40003
    add esp, 4
    iretd
general_protection:
    add esp, 4
    add dword [esp], 2                  ; over MOV GS, AX
    iretd

align 8
gdt:
    dq 0
    dq 0x00cf9a000000ffff
    dq 0x00cf92000000ffff
    dq 0x0000890050000067               ; 18: TSS of task A
    dq 0x0000890051000067               ; 20: TSS of task B
    dw ldt_end - ldt - 1, ldt           ; 28: LDT
    dd 0x00008200
    dq 0                                ; 30
gdt_pointer:
    dw gdt_pointer - gdt - 1
    dd gdt
ldt:
    dq 0
    dq 0x00409200a0000fff               ; 4 KiB of data at 0xa000
ldt_end:
idt_pointer:
    dw 15 * 8 - 1
    dd 0x6000
counter:
    dd 0

    BOOT_SIGNATURE
