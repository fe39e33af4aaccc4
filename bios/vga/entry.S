# The VGA BIOS image's head: option ROM header (PnP BIOS specification, PCI firmware specification), POST
# entry, the INT 10h entry that frames the caller's registers, and string moves for the C code.

    .code16
    .section .head, "ax"
    .globl rom_start
rom_start:
    .byte 0x55, 0xAA
    .globl rom_blocks
rom_blocks:
    .byte 0                             # 512-byte blocks; finish_rom.py fills in
    jmp post
    .org rom_start + 0x18
    .word pci_data - rom_start
    .word 0
    .org rom_start + 0x1E
    .ascii "IBM"                        # some programs tell an EGA or VGA BIOS by this
    .byte 0
    .org rom_start + 0x40
pci_data:
    .ascii "PCIR"
    .word 0x1234, 0x1111                # vendor, device
    .word 0
    .word 0x18                          # length of this structure
    .byte 0                             # revision
    .byte 0x00, 0x00, 0x03              # class: VGA display controller
    .word 0                             # image length in blocks; finish_rom.py fills in
    .word 0x0100
    .byte 0                             # x86 code
    .byte 0x80                          # last image
    .word 0
    .asciz "Gnomon VGA BIOS"

    .text
# Called far by the system BIOS during POST.
post:
    pushfl
    pushal
    pushw %ds
    pushw %es
    pushw %fs
    pushw %gs
    cld
    movl %esp, %ebx
    movzwl %sp, %esp
    pushl %ebx
    call set_segments
    calll initialize
    popl %ebx
    movl %ebx, %esp
    popw %gs
    popw %fs
    popw %es
    popw %ds
    popal
    popfl
    lretw

# VBE's window function, called far with BH = 1 to get or 0 to set the bank in DX.
    .globl vbe_window
vbe_window:
    pushw %ax
    movw $0x4F05, %ax
    int $0x10
    popw %ax
    lretw

set_segments:
    movw %ss, %ax
    movw %ax, %ds
    movw %ax, %es
    xorw %ax, %ax
    movw %ax, %gs
    ret

# INT 10h. The upper half of ESP is cleared for the C code, which addresses its stack by ESP. Interrupts stay off:
# callers that come from protected mode may not have the vectors that a real-mode interrupt would need.
    .globl int10_entry
int10_entry:
    cld
    pushal
    pushw %ds
    pushw %es
    pushw %fs
    pushw %gs
    movl %esp, %ebx
    movzwl %sp, %esp
    movl %esp, %edx
    pushl %ebx
    call set_segments
    movl %edx, %eax
    calll dispatch
    popl %ebx
    movl %ebx, %esp
    popw %gs
    popw %fs
    popw %es
    popw %ds
    popal
    iretw

# The arguments of these come in EAX, EDX, ECX, then on the stack (gcc -mregparm=3).
    .globl move_bytes, fill_words, fill_bytes, copy_far
# move_bytes(segment, to, from, count): ascending, the areas may overlap if to < from
move_bytes:
    pushl %esi
    pushl %edi
    pushw %ds
    pushw %es
    movw %ax, %es
    movw %dx, %di
    movw %cx, %si
    movzwl %sp, %edx
    movw 16(%edx), %cx
    movw %ax, %ds
    rep movsb
    popw %es
    popw %ds
    popl %edi
    popl %esi
    retl

fill_words:
    pushl %edi
    pushw %es
    movw %ax, %es
    movw %dx, %di
    movw %cx, %ax
    movzwl %sp, %edx
    movw %ss:10(%edx), %cx
    rep stosw
    popw %es
    popl %edi
    retl

fill_bytes:
    pushl %edi
    pushw %es
    movw %ax, %es
    movw %dx, %di
    movw %cx, %ax
    movzwl %sp, %edx
    movw %ss:10(%edx), %cx
    rep stosb
    popw %es
    popl %edi
    retl

# copy_far(to segment, to, from segment, from, count)
copy_far:
    pushl %esi
    pushl %edi
    pushw %ds
    pushw %es
    movw %ax, %es
    movw %dx, %di
    movzwl %sp, %edx
    movw %ss:16(%edx), %si
    pushw %cx
    movw %ss:20(%edx), %cx
    popw %ds
    rep movsb
    popw %es
    popw %ds
    popl %edi
    popl %esi
    retl

# What BDA_SAVE_POINTER leads to. The image always runs at C000:0, where a VGA BIOS belongs.
    .section .romdata, "a"
    .balign 4
    .globl save_pointer_table, static_functionality
save_pointer_table:
    .word parameter_table, 0xC000
    .long 0, 0, 0                       # palette save area, text font, graphics font: none
    .word secondary_table, 0xC000
    .long 0, 0
secondary_table:
    .word 26
    .word display_codes, 0xC000
    .long 0, 0, 0, 0, 0
# INT 10h 1Bh: modes, scan lines, font blocks, abilities.
static_functionality:
    .byte 0xFF, 0xE0, 0x0F              # modes 0–7, 0D–0F, 10–13
    .byte 0, 0, 0, 0
    .byte 0x07                          # 200, 350, 400 lines
    .byte 8, 2                          # font blocks: in all, active at once
    .byte 0xFF                          # all that this byte can announce
    .byte 0x0E                          # save and restore, blinking, display combination codes
    .byte 0, 0
    .byte 0x2D                          # 512 glyphs, text and graphics font overrides, DCC
    .byte 0
    .globl no_alternates
no_alternates:
    .byte 0
    .section .note.GNU-stack, "", @progbits
