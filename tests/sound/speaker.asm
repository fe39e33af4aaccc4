; The PC speaker at 1193182 / 1356 = 879.93 Hz for 18 ticks.
%include "program.inc"

    mov ax, 2
    call wait_ticks
    outb 0x43, 0xb6             ; counter 2, both bytes, square wave
    outb 0x42, 1356 & 0xff
    outb 0x42, 1356 >> 8
    in al, 0x61
    or al, 3
    out 0x61, al
    mov ax, 18
    call wait_ticks
    in al, 0x61
    and al, 0xfc
    out 0x61, al
    mov ax, 2
    call wait_ticks
    mov al, 0
    jmp exit
