; What the tests of the console debug: a boot sector that goes from real mode to 32-bit protected mode with paging,
; calls a procedure, takes interrupts, reads and writes memory, ports and MSRs, and then halts.
%include "boot_sector.inc"
%include "protected_mode.inc"

start:
    cli
    xor eax, eax
    mov ds, ax
    mov es, ax
    mov ss, ax
    mov ebx, 0x11111111
    mov ecx, 0x22222222
    mov edx, 0x33333333
    mov esi, 0x44444444
    mov edi, 0x55555555
    mov ebp, 0x66666666
    mov esp, 0x7c00
    mov cx, 3
.count:
    call increment
    loop .count
    xchg bx, bx
    in al, 0x92
    or al, 2
    out 0x92, al
    lgdt [gdt_pointer]
    ENTER_PROTECTED_MODE 0x08:protected
bits 16

increment:
    inc word [counter]
    ret

bits 32
protected:
    LOAD_DATA_SEGMENTS
    lidt [idt_pointer]
    ; Vector 0x30 is an interrupt gate to `handler`.
    mov word [0x6000 + 0x30 * 8], handler
    mov word [0x6000 + 0x30 * 8 + 2], 0x08
    mov dword [0x6000 + 0x30 * 8 + 4], 0x8e00
    ; 4 MiB identity map at 0x8000 and 0x9000; the page at 0x5000 is read-only for users.
    mov edi, 0x9000
    mov eax, 7
    FILL_PAGE_TABLE
    mov dword [0x9000 + 5 * 4], 0x5005
    mov dword [0x8000], 0x9007
    mov eax, 0x8000
    mov cr3, eax
    ENABLE_PAGING
    mov dword [0x5000], 0x12345678
    mov eax, [0x5000]
    int 0x30
    mov ecx, 0x174
    mov eax, 8
    xor edx, edx
    wrmsr
    mov dword [0x9000 + 6 * 4], 0x6007
    hlt

handler:
    inc dword [counter]
    iretd

align 8
gdt:
    dq 0
    dq 0x00cf9a000000ffff
    dq 0x00cf92000000ffff
gdt_pointer:
    dw 23
    dd gdt
idt_pointer:
    dw 0x37 * 8 - 1
    dd 0x6000
counter:
    dd 0

    BOOT_SIGNATURE
