/* Multiboot 1 entry in 32-bit code. With LONG_MODE it builds page tables, switches to 64-bit mode and calls
   kernel_main there; else it calls it in 32-bit code. One interrupt gate, 30h. */
        .section .multiboot, "a"
        .align  4
        .long   0x1badb002, 0, -0x1badb002

        .bss
        .align  4096
tables: .skip   3 * 4096
        .skip   8192
stack_top:

        .data
        .align  8
gdt:    .quad   0
        .quad   0x00cf9a000000ffff      /* 08: 32-bit code */
        .quad   0x00cf92000000ffff      /* 10: data */
        .quad   0x00af9a000000ffff      /* 18: 64-bit code */
gdt_end:
gdt_pointer:
        .word   gdt_end - gdt - 1
        .long   gdt
        .long   0
        .align  8
idt:    .skip   0x31 * 16
idt_pointer:
        .word   0x31 * 16 - 1
        .long   idt
        .long   0

        .text
        .code32
        .globl  start
start:  mov     $stack_top, %esp
        lgdt    gdt_pointer
        ljmp    $0x08, $1f
1:      mov     $0x10, %eax
        mov     %eax, %ds
        mov     %eax, %es
        mov     %eax, %ss
        mov     $interrupt_stub, %eax
#ifdef LONG_MODE
        movw    %ax, idt + 0x30 * 16
        movw    $0x18, idt + 0x30 * 16 + 2
        movw    $0x8e00, idt + 0x30 * 16 + 4
        shr     $16, %eax
        movw    %ax, idt + 0x30 * 16 + 6
        lidt    idt_pointer
        /* The first gigabyte, identity-mapped by pages of 2 MiB. */
        mov     $tables, %edi
        lea     4096 + 3(%edi), %eax
        mov     %eax, (%edi)
        add     $4096, %eax
        mov     %eax, 4096(%edi)
        mov     $0x83, %eax
        xor     %ecx, %ecx
2:      mov     %eax, 8192(%edi, %ecx, 8)
        add     $0x200000, %eax
        inc     %ecx
        cmp     $512, %ecx
        jne     2b
        mov     %edi, %cr3
        mov     %cr4, %eax
        or      $0x20, %eax             /* PAE */
        mov     %eax, %cr4
        mov     $0xc0000080, %ecx       /* EFER.LME */
        rdmsr
        or      $0x100, %eax
        wrmsr
        mov     %cr0, %eax
        or      $0x80000000, %eax
        mov     %eax, %cr0
        ljmp    $0x18, $start64
        .code64
        .globl  start64
start64:
        xor     %ebp, %ebp
        call    kernel_main
3:      hlt
        jmp     3b
        .globl  interrupt_stub
        .type   interrupt_stub, @function
interrupt_stub:
        push    %rax
        push    %rcx
        push    %rdx
        push    %rsi
        push    %rdi
        push    %r8
        push    %r9
        push    %r10
        push    %r11
        call    handle_interrupt
        pop     %r11
        pop     %r10
        pop     %r9
        pop     %r8
        pop     %rdi
        pop     %rsi
        pop     %rdx
        pop     %rcx
        pop     %rax
        iretq
#else
        movw    %ax, idt + 0x30 * 8
        movw    $0x08, idt + 0x30 * 8 + 2
        movw    $0x8e00, idt + 0x30 * 8 + 4
        shr     $16, %eax
        movw    %ax, idt + 0x30 * 8 + 6
        lidt    idt_pointer
        xor     %ebp, %ebp
        call    kernel_main
3:      hlt
        jmp     3b
        .globl  interrupt_stub
        .type   interrupt_stub, @function
interrupt_stub:
        pusha
        call    handle_interrupt
        popa
        iret
#endif
        .section .note.GNU-stack, "", @progbits
