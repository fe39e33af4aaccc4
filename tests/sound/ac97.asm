; The AC '97 controller, found by the PCI BIOS: 882 Hz left and 441 Hz right at 44100 Hz, 20 buffers of 2000 frames, each
; with an interrupt.
%include "program.inc"

BUFFER  equ 0x2000              ; segment, physical 20000h
LIST    equ 0x1000              ; physical 10000h

    jmp begin
%include "triangle.inc"

codec: dw 0
master: dw 0
interrupts: dw 0

; Register %1 of the bus masters into DX.
%macro reg 1
    mov dx, [master]
    add dx, %1
%endmacro

; Codec register %1 gets %2.
%macro mix 2
    mov dx, [codec]
    add dx, %1
    mov ax, %2
    out dx, ax
%endmacro

interrupt:
    push ax
    push dx
    push ds
    xor ax, ax
    mov ds, ax
    reg 0x30
    in eax, dx
    test al, 0x40               ; PCM out
    jz .done
    reg 0x16
    mov ax, 0x1c
    out dx, ax
    inc word [interrupts]
.done:
    mov al, 0x20
    out 0xa0, al
    out 0x20, al
    pop ds
    pop dx
    pop ax
    iret

begin:
    mov ax, 0xb102              ; find the device
    mov dx, 0x8086
    mov cx, 0x2415
    xor si, si
    int 0x1a
    mov al, 1
    jc exit
    mov ax, 0xb109
    mov di, 0x10
    int 0x1a
    and cx, 0xfffc
    mov [codec], cx
    mov ax, 0xb109
    mov di, 0x14
    int 0x1a
    and cx, 0xfffc
    mov [master], cx
    mov ax, 0xb10c              ; I/O space and bus mastering on
    mov di, 0x04
    mov cx, 0x0005
    int 0x1a
    mov ax, 0xb108              ; the interrupt that the firmware chose
    mov di, 0x3c
    int 0x1a
    mov al, 2
    cmp cl, 8
    jb exit
    cmp cl, 15
    ja exit
    movzx bx, cl
    add bx, 0x70 - 8
    shl bx, 2
    cli
    mov word [bx], interrupt
    mov word [bx + 2], 0
    sub cl, 8
    mov ah, 1
    shl ah, cl
    not ah
    in al, 0xa1
    and al, ah
    out 0xa1, al
    in al, 0x21
    and al, 0xfb
    out 0x21, al
    sti

    reg 0x2c                    ; out of reset
    mov eax, 2
    out dx, eax
    reg 0x30
    in eax, dx
    test ah, 1                  ; the codec is ready
    mov al, 3
    jz exit
    mov dx, [codec]
    add dx, 0x7c
    in ax, dx
    cmp ax, 0x8384
    mov al, 4
    jne exit
    mix 0x02, 0x0000
    mix 0x18, 0x0808
    mix 0x2a, 0x0001            ; variable rate
    mix 0x2c, 44100

    mov ax, BUFFER
    mov es, ax
    call stereo_triangles
    ; Twenty descriptors of the same buffer, each with IOC.
    mov ax, LIST
    mov es, ax
    xor di, di
    mov cx, 20
.descriptor:
    mov eax, BUFFER << 4
    stosd
    mov eax, 0x80000000 | 4000
    stosd
    loop .descriptor

    reg 0x1b
    mov al, 0x02                ; reset of the bus master
    out dx, al
    reg 0x10
    mov eax, LIST << 4
    out dx, eax
    reg 0x15
    mov al, 19
    out dx, al
    reg 0x1b
    mov al, 0x1d                ; run, with all interrupts
    out dx, al
.play:
    hlt
    cmp word [interrupts], 20
    jb .play
    mov ax, 6
    call wait_ticks
    ; Halted at the last buffer.
    reg 0x16
    in ax, dx
    and al, 3
    cmp al, 3
    mov al, 5
    jne exit
    reg 0x14
    in al, dx
    cmp al, 19
    mov al, 6
    jne exit
    cmp word [interrupts], 20
    mov al, 7
    jne exit
    mov al, 0
    jmp exit
