; The Sound Blaster 16: what identifies it, then three tones with pauses between them:
;   8 bits, auto-initialised DMA, 22222 / 25 = 888.9 Hz, 20 blocks of 1000 samples
;   8 bits, single-cycle DMA started again by the interrupt handler, the same tone and length
;   16 bits stereo, auto-initialised, 44100 Hz: 882 Hz left and 441 Hz right, 20 blocks of 2000 frames
%include "program.inc"

BASE      equ 0x220
BUFFER    equ 0x1000            ; segment, physical 10000h
BUFFER16  equ 0x2000

    jmp begin
%include "triangle.inc"

; Writes AL to the DSP.
dsp:
    push ax
    mov dx, BASE + 0xc
.wait:
    in al, dx
    test al, 0x80
    jnz .wait
    pop ax
    out dx, al
    ret

%macro dspb 1
    mov al, %1
    call dsp
%endmacro

; Reads an answer of the DSP into AL; leaves with 90 if none comes.
answer:
    push cx
    mov cx, 1000
    mov dx, BASE + 0xe
.wait:
    in al, dx
    test al, 0x80
    jnz .there
    loop .wait
    mov al, 90
    jmp exit
.there:
    mov dx, BASE + 0xa
    in al, dx
    pop cx
    ret

%macro expect_answer 2
    call answer
    cmp al, %1
    mov al, %2
    jne exit
%endmacro

; Mixer register %1 gets %2.
%macro mixer 2
    outb BASE + 4, %1
    outb BASE + 5, %2
%endmacro

interrupt:
    push ax
    push dx
    push ds
    xor ax, ax
    mov ds, ax
    mov dx, BASE + 4
    mov al, 0x82
    out dx, al
    inc dx
    in al, dx
    mov [status], al
    test al, 1
    jz .wide
    mov dx, BASE + 0xe
    in al, dx
.wide:
    test byte [status], 2
    jz .count
    mov dx, BASE + 0xf
    in al, dx
.count:
    inc word [interrupts]
    cmp byte [again], 0
    je .done
    call start_single
.done:
    mov al, 0x20
    out 0x20, al
    pop ds
    pop dx
    pop ax
    iret

start_single:
    dspb 0x14
    dspb (1000 - 1) & 0xff
    dspb (1000 - 1) >> 8
    ret

; Waits until there were AX interrupts.
wait_interrupts:
    hlt
    cmp [interrupts], ax
    jb wait_interrupts
    ret

interrupts: dw 0
status: db 0
again: db 0

begin:
    ; Reset, identification, version, test register.
    outb BASE + 6, 1
    mov cx, 100
    loop $
    outb BASE + 6, 0
    expect_answer 0xaa, 1
    dspb 0xe0
    dspb 0x5a
    expect_answer 0xa5, 2
    dspb 0xe1
    expect_answer 4, 3
    expect_answer 5, 4
    dspb 0xe4
    dspb 0x77
    dspb 0xe8
    expect_answer 0x77, 5
    ; The mixer says IRQ 5 and DMA 1 and 5.
    outb BASE + 4, 0x80
    expect BASE + 5, 0x0f, 0x02, 6
    outb BASE + 4, 0x81
    expect BASE + 5, 0xff, 0x22, 7
    ; MPU-401: reset and UART mode are acknowledged.
    outb 0x331, 0xff
    expect 0x331, 0x80, 0x00, 8
    expect 0x330, 0xff, 0xfe, 9
    outb 0x331, 0x3f
    expect 0x330, 0xff, 0xfe, 10
    expect 0x331, 0x80, 0x80, 11
    mixer 0x30, 0xf8            ; full volume
    mixer 0x31, 0xf8
    mixer 0x32, 0xf8
    mixer 0x33, 0xf8

    cli
    mov word [0x0d * 4], interrupt
    mov word [0x0d * 4 + 2], 0
    in al, 0x21
    and al, 0xdf
    out 0x21, al
    sti

    ; 2000 bytes of the first tone.
    mov ax, BUFFER
    mov es, ax
    xor di, di
    xor cx, cx
    mov bx, 25
.fill8:
    call triangle
    shl ax, 2                   ; -100 to 100
    add al, 0x80
    stosb
    inc cx
    cmp cx, 2000
    jb .fill8
    ; 2000 frames of the third.
    mov ax, BUFFER16
    mov es, ax
    call stereo_triangles

    ; First tone. DMA 1: auto-initialised reads of 2000 bytes from 10000h.
    outb 0x0a, 5
    outb 0x0c, 0
    outb 0x0b, 0x59
    outb 0x02, 0
    outb 0x02, 0
    outb 0x83, 1
    outb 0x03, (2000 - 1) & 0xff
    outb 0x03, (2000 - 1) >> 8
    outb 0x0a, 1
    dspb 0xd1
    dspb 0x40
    dspb 256 - 45               ; 22222 Hz
    dspb 0x48
    dspb (1000 - 1) & 0xff
    dspb (1000 - 1) >> 8
    dspb 0x1c
    mov ax, 19
    call wait_interrupts
    dspb 0xda                   ; this block is the last
    mov ax, 20
    call wait_interrupts
    mov ax, 6
    call wait_ticks
    mov al, 12
    cmp word [interrupts], 20   ; no more came
    jne exit

    ; Second tone.
    mov word [interrupts], 0
    mov byte [again], 1
    call start_single
    mov ax, 19
    call wait_interrupts
    mov byte [again], 0
    mov ax, 20
    call wait_interrupts
    mov ax, 6
    call wait_ticks
    mov al, 13
    cmp word [interrupts], 20
    jne exit

    ; Third tone. DMA 5 counts words: 4000 of them from 20000h.
    mov word [interrupts], 0
    outb 0xd4, 5
    outb 0xd8, 0
    outb 0xd6, 0x59
    outb 0xc4, 0
    outb 0xc4, 0
    outb 0x8b, 2
    outb 0xc6, (4000 - 1) & 0xff
    outb 0xc6, (4000 - 1) >> 8
    outb 0xd4, 1
    dspb 0x41
    dspb 44100 >> 8
    dspb 44100 & 0xff
    dspb 0xb6                   ; 16 bits, auto-initialised, FIFO
    dspb 0x30                   ; signed, stereo
    dspb (4000 - 1) & 0xff
    dspb (4000 - 1) >> 8
    mov ax, 19
    call wait_interrupts
    mov al, 14
    cmp byte [status], 2
    jne exit
    dspb 0xd9
    mov ax, 20
    call wait_interrupts
    mov ax, 6
    call wait_ticks
    mov al, 0
    jmp exit
