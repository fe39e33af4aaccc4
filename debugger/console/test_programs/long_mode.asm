; What the tests of the console debug: 64-bit mode with an interrupt stack, SSE and AVX registers, an MSR and a page
; above 4 GiB.
%include "boot_sector.inc"

start:
    BOOT_START
    cld
    mov di, 0x5000                      ; TSS and IDT
    mov cx, 0x1000
    rep stosw
    mov di, 0x8000                      ; page tables
    mov cx, 0x1800
    rep stosw
    mov dword [0x8000], 0x9003          ; PML4
    mov dword [0x9000], 0xa003          ; PDPT: the first gigabyte
    mov dword [0x9000 + 4 * 8], 0xa003  ; … and again from 4 GiB on
    mov dword [0xa000], 0x83            ; 2 MiB
    mov eax, 0x620                      ; CR4: PAE, OSFXSR, OSXMMEXCPT
    mov cr4, eax
    mov eax, 0x8000
    mov cr3, eax
    mov ecx, 0xc0000080                 ; EFER.LME
    mov eax, 0x100
    xor edx, edx
    wrmsr
    lgdt [gdt_pointer]
    lidt [idt_pointer]
    mov eax, 0x80000011
    mov cr0, eax
    jmp 0x08:long_mode

bits 64
long_mode:
    mov ax, 0x10
    mov ss, ax
    mov rsp, 0x7c00
    mov dword [0x5000 + 0x24], 0x7800   ; TSS: IST1
    mov ax, 0x18
    ltr ax
    ; Vector 0x21 on the stack of IST1.
    mov eax, handler
    mov [0x6000 + 0x21 * 16], ax
    mov dword [0x6000 + 0x21 * 16 + 2], 0x10008
    mov word [0x6000 + 0x21 * 16 + 5], 0x8e
    mov rax, 0x1122334455667788
    mov r8, 0x8877665544332211
    movq xmm0, rax
    movq xmm9, r8
    movlhps xmm0, xmm9
    mov rbx, 0x100007e00                ; the boot sector's neighbour, through its second mapping
    mov [rbx], rax
    int 0x21
    cli
    hlt

handler:
    push rbp
    mov rbp, rsp
    call work
    pop rbp
    iretq
work:
    inc qword [0x7e08]
    ret

align 8
gdt:
    dq 0
    dq 0x00af9a000000ffff
    dq 0x00cf92000000ffff
    dq 0x0000890050000067               ; 18: TSS, 16 bytes
    dq 0
gdt_pointer:
    dw gdt_pointer - gdt - 1
    dd gdt
idt_pointer:
    dw 0x22 * 16 - 1
    dd 0x6000

    BOOT_SIGNATURE
