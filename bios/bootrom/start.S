# The kernel boot ROM's head (PnP BIOS specification, "Option ROM format"), its boot entry vector, and the stage
# that runs from RAM: mode switches between the BIOS's real mode and flat 32-bit code.
#include "plan.h"

    .set STAGE_SEGMENT, GNOMON_STAGE_START >> 4

    .code16
    .section .head, "ax"
    .globl rom_start
rom_start:
    .byte 0x55, 0xAA
    .byte 0                             # 512-byte blocks; finish_rom.py fills in
    jmp initialize
    .org rom_start + 0x18
    .word 0
    .word pnp_header - rom_start

    .org rom_start + 0x20
pnp_header:
    .ascii "$PnP"
    .byte 1                             # revision
    .byte 2                             # length in 16-byte units
    .word 0                             # next header
    .byte 0
    .byte 0                             # checksum; finish_rom.py fills in
    .long 0
    .word manufacturer - rom_start
    .word product - rom_start
    .byte 0x01, 0x80, 0x00              # class: mass storage, other: a device to boot from
    .byte 0x14                          # may be shadowed, is an initial program load device
    .word 0, 0                          # boot connection, disconnect vectors
    .word boot - rom_start
    .word 0, 0
manufacturer:
    .asciz "Gnomon"
product:
    .asciz "Gnomon kernel boot"

initialize:
    movw $0x20, %ax                     # an IPL device is attached
    lretw

# Boot entry vector: copies the stage to RAM and starts it. Returns far if the boot fails.
boot:
    pushal
    pushw %ds
    pushw %es
    cld
    movw %cs, %ax
    movw %ax, %ds
    movw $STAGE_SEGMENT, %ax
    movw %ax, %es
    movw $stage_load, %si
    xorw %di, %di
    movw $stage_load_size, %cx
    rep movsb
    movw $stage_zero_size, %cx
    xorw %ax, %ax
    rep stosb
    lcallw $STAGE_SEGMENT, $0
    popw %es
    popw %ds
    popal
    lretw

# ---- the stage, at STAGE_SEGMENT:0 ----
    .section .stage_head, "ax"
stage:
    movw %cs, %ax
    movw %ax, %ds
    movw %ss, saved_stack + 2 - stage
    movw %sp, saved_stack - stage
    movw %ax, %ss
    movl $0xFFF0, %esp
    sti
    movw $0x2401, %ax                   # A20 on
    int $0x15
    inb $0x92, %al
    testb $2, %al
    jnz 1f
    orb $2, %al
    andb $0xFE, %al                     # bit 0 would reset the machine
    outb %al, $0x92
1:  calll enter_protected
    .code32
    call boot_main
    .globl give_up
# Back to the BIOS, which goes on with the next boot device.
give_up:
    movl $GNOMON_STAGE_END - 16, %esp
    call leave_protected
    .code16
    movw %cs, %ax
    movw %ax, %ds
    lssw saved_stack - stage, %sp
    movzwl %sp, %esp
    sti
    lretw

    .balign 4
saved_stack:
    .long 0
descriptor_table:
    .quad 0
    .quad 0x00009B080000FFFF            # 08: 16-bit code at the stage
    .quad 0x00CF9B000000FFFF            # 10: flat code
    .quad 0x00CF93000000FFFF            # 18: flat data
    .quad 0x000093080000FFFF            # 20: 16-bit data at the stage
descriptor_table_end:
gdt_pointer:
    .word descriptor_table_end - descriptor_table - 1
    .long descriptor_table
idt_pointer:
    .word 0x3FF
    .long 0

return_address:
    .long 0
vector:
    .long 0
    .globl bios_registers
bios_registers:                         # struct BiosRegisters
r_eax:  .long 0
r_ebx:  .long 0
r_ecx:  .long 0
r_edx:  .long 0
r_esi:  .long 0
r_edi:  .long 0
r_ebp:  .long 0
r_ds:   .word 0
r_es:   .word 0
r_flags: .word 0
    .word 0

# Called in real mode by calll, returns in 32-bit mode behind the call, interrupts off. Uses EAX.
    .code16
enter_protected:
    cli
    popl return_address - stage
    lgdtl gdt_pointer - stage
    movl %cr0, %eax
    orb $1, %al
    movl %eax, %cr0
    ljmpl $0x10, $1f
    .code32
1:  movw $0x18, %ax
    movw %ax, %ds
    movw %ax, %es
    movw %ax, %fs
    movw %ax, %gs
    movw %ax, %ss
    movzwl %sp, %esp
    addl $GNOMON_STAGE_START, %esp
    movl return_address, %eax
    addl $GNOMON_STAGE_START, %eax
    jmp *%eax

# Called in 32-bit mode, returns in real mode behind the call, interrupts off. Uses EAX.
leave_protected:
    popl return_address
    lidt idt_pointer
    ljmp $0x08, $(1f - stage)
    .code16
1:  movw $0x20, %ax                     # limits of 64 KB, as real mode expects
    movw %ax, %ds
    movw %ax, %es
    movw %ax, %fs
    movw %ax, %gs
    movw %ax, %ss
    movl %cr0, %eax
    andb $0xFE, %al
    movl %eax, %cr0
    ljmpw $STAGE_SEGMENT, $(2f - stage)
2:  movw %cs, %ax
    movw %ax, %ds
    movw %ax, %es
    movw %ax, %ss
    movzwl %sp, %esp
    movl return_address - stage, %eax
    subl $GNOMON_STAGE_START, %eax
    jmp *%ax

# void bios_interrupt(number): the BIOS's interrupt with bios_registers, which gets the results.
    .code32
    .globl bios_interrupt
bios_interrupt:
    pushal
    movl (, %eax, 4), %eax
    movl %eax, vector
    call leave_protected
    .code16
    movl r_ebx - stage, %ebx
    movl r_ecx - stage, %ecx
    movl r_edx - stage, %edx
    movl r_esi - stage, %esi
    movl r_edi - stage, %edi
    movl r_ebp - stage, %ebp
    movw r_es - stage, %es
    movl r_eax - stage, %eax
    movw r_ds - stage, %ds
    sti
    pushfw
    lcallw *%cs:vector - stage
    cld
    pushfw
    pushw %ds
    pushw %cs
    popw %ds
    movl %eax, r_eax - stage
    movl %ebx, r_ebx - stage
    movl %ecx, r_ecx - stage
    movl %edx, r_edx - stage
    movl %esi, r_esi - stage
    movl %edi, r_edi - stage
    movl %ebp, r_ebp - stage
    movw %es, r_es - stage
    popw r_ds - stage
    popw r_flags - stage
    calll enter_protected
    .code32
    popal
    ret

# void enter_linux(segment, stack): Linux boot protocol, "Running the kernel".
    .globl enter_linux
enter_linux:
    movl %eax, %ebx
    movl %edx, %ebp
    call leave_protected
    .code16
    movw %bx, %ds
    movw %bx, %es
    movw %bx, %fs
    movw %bx, %gs
    movw %bx, %ss
    movzwl %bp, %esp
    addw $0x20, %bx
    pushw %bx
    pushw $0
    lretw

# void enter_multiboot(entry, magic, information): "I386 machine state".
    .code32
    .globl enter_multiboot
enter_multiboot:
    movl %ecx, %ebx
    movl %eax, %ecx
    movl %edx, %eax
    jmp *%ecx

    .section .note.GNU-stack, "", @progbits
