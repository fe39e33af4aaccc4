; A boot sector that prints a line by INT 10h and on COM1 and then does what the byte at 508 says:
;   0 power off by port 8900h      1 write the byte at 509 to the exit port F4h    2 triple fault
;   3 halt with interrupts off     4 loop for ever     5 compute and print through forty timer ticks, then as 1
;   6 reset by the keyboard controller, then as 1     7 reset by CF9h, then as 1
%include "boot_sector.inc"

start:
    BOOT_START
    sti
    cld
    mov si, text
    call print
    mov bl, [action]
    cmp bl, 0
    je power_off
    cmp bl, 1
    je exit
    cmp bl, 2
    je triple_fault
    cmp bl, 3
    je halt
    cmp bl, 5
    je work
    ; RAM survives a reset, and the firmware does not use this place.
    cmp bl, 6
    je reset_keyboard
    cmp bl, 7
    je reset_chipset
forever:
    jmp forever

reset_keyboard:
    cmp word [0x9000], 0x1234
    je exit
    mov word [0x9000], 0x1234
    mov al, 0xfe
    out 0x64, al
    jmp forever

reset_chipset:
    cmp word [0x9000], 0x1234
    je exit
    mov word [0x9000], 0x1234
    mov dx, 0xcf9
    mov al, 2
    out dx, al
    mov al, 6
    out dx, al
    jmp forever

power_off:
    mov si, word_shutdown
    mov dx, 0x8900
.next:
    lodsb
    test al, al
    jz forever
    out dx, al
    jmp .next

exit:
    mov al, [value]
    out 0xf4, al
    jmp forever

triple_fault:
    lidt [no_idt]
    int3

halt:
    cli
    hlt
    jmp halt

work:
    mov ax, 0x1000
    mov es, ax
    mov cx, 40
    mov dx, 0x5a17
.tick:
    push cx
    mov cx, 5000
    xor di, di
.step:
    imul dx, dx, 25173
    add dx, 13849
    xor [es:di], dx
    add di, 14
    loop .step
    mov al, dh
    and al, 15
    add al, 'a'
    call put
    hlt
    pop cx
    loop .tick
    jmp exit

print:
    lodsb
    test al, al
    jz .end
    push si
    call put
    pop si
    jmp print
.end:
    ret

; AL to the screen and the serial port.
put:
    push dx
    push ax
    mov ah, 0x0e
    mov bx, 7
    int 0x10
    mov dx, 0x3fd
.wait:
    in al, dx
    test al, 0x20
    jz .wait
    pop ax
    mov dx, 0x3f8
    out dx, al
    pop dx
    ret

text: db "Hello from the boot sector", 13, 10, 0
word_shutdown: db "Shutdown", 0
no_idt: dw 0
        dd 0

times 508 - ($ - $$) db 0
action: db 0
value: db 0
    dw 0xaa55
