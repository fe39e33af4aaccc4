; The OPL3: found by its timers as programs find an AdLib card, then two notes of 18 ticks with a pause between them:
;   440 Hz on both sides, as an OPL2; 880 Hz on the right alone, a voice of four operators in the second bank
%include "program.inc"

    jmp begin

; fm BANK, REGISTER, VALUE
%macro fm 3
    outb 0x388 + 2 * %1, %2
    outb 0x389 + 2 * %1, %3
%endmacro

begin:
    fm 0, 4, 0x60               ; both timers masked
    fm 0, 4, 0x80               ; flags cleared
    expect 0x388, 0xe0, 0x00, 1
    fm 0, 2, 0xff               ; 80 microseconds
    fm 0, 4, 0x21
    mov cx, 5000                ; 500 and more microseconds at 20 million instructions a second
    loop $
    mov cx, 5000
    loop $
    expect 0x388, 0xff, 0xc0, 2 ; an OPL3 has no ones below
    fm 0, 4, 0x60
    fm 0, 4, 0x80
    expect 0x388, 0xe0, 0x00, 3

    ; Channel 0 of the first bank: the second operator alone, a sine. F-number 580 in octave 4.
    fm 0, 0x20, 0x21
    fm 0, 0x23, 0x21
    fm 0, 0x40, 0x3f
    fm 0, 0x43, 0x00
    fm 0, 0x60, 0xf0
    fm 0, 0x63, 0xf0
    fm 0, 0x80, 0x0f
    fm 0, 0x83, 0x0f
    fm 0, 0xe0, 0x00
    fm 0, 0xe3, 0x00
    fm 0, 0xc0, 0x01
    fm 0, 0xa0, 580 & 0xff
    fm 0, 0xb0, 0x20 | 4 << 2 | 580 >> 8
    mov ax, 18
    call wait_ticks
    fm 0, 0xb0, 4 << 2 | 580 >> 8
    mov ax, 6
    call wait_ticks

    ; Channels 9 and 12 as one voice: of its four operators the last alone sounds.
    fm 1, 0x05, 0x01
    fm 1, 0x04, 0x08
    fm 1, 0x40, 0x3f
    fm 1, 0x43, 0x3f
    fm 1, 0x48, 0x3f
    fm 1, 0x28, 0x21
    fm 1, 0x2b, 0x21
    fm 1, 0x4b, 0x00
    fm 1, 0x6b, 0xf0
    fm 1, 0x8b, 0x0f
    fm 1, 0xeb, 0x00
    fm 1, 0xc0, 0x20
    fm 1, 0xc3, 0x20
    fm 1, 0xa0, 580 & 0xff
    fm 1, 0xb0, 0x20 | 5 << 2 | 580 >> 8
    mov ax, 18
    call wait_ticks
    fm 1, 0xb0, 5 << 2 | 580 >> 8
    mov ax, 6
    call wait_ticks
    mov al, 0
    jmp exit
