; Boot sector: starts the other processors with INIT and startup messages, lets each take an interprocessor interrupt,
; and exits with (processors started) * 16 + (interrupts taken). SDM Vol. 3, "MP Initialization Example".
%include "boot_sector.inc"
%include "big_segments.inc"
APIC    equ 0xfee00000
started equ 0x7000
taken   equ 0x7002
ready   equ 0x7004

start:  cli
        xor ax, ax
        mov ds, ax
        mov ss, ax
        mov sp, 0x7000
        mov [started], ax
        mov [taken], ax
        mov [ready], ax
        mov word [0x40 * 4], interrupt
        mov [0x40 * 4 + 2], ax
        call big_segments
        ; A startup message names a page: the code of the others is copied to 8000h.
        mov es, ax
        mov si, other
        mov di, 0x8000
        mov cx, other_end - other
        cld
        rep movsb
        mov ebx, APIC
        mov dword [ebx + 0x300], 0xc4500    ; INIT to all but this one
        mov dword [ebx + 0x300], 0xc4608    ; startup at 8000h
wait1:  pause
        mov ax, [ready]
        cmp ax, [expected]
        jne wait1
        mov dword [ebx + 0x300], 0xc4040    ; fixed, vector 40h, to all but this one
wait2:  pause
        mov ax, [taken]
        cmp ax, [expected]
        jne wait2
        mov al, [started]
        shl al, 4
        or al, [taken]
        out 0xf4, al
        hlt

        ; Real mode with a 4 GiB limit in DS.
big_segments:
        BIG_DATA_SEGMENT
        ret

other:  cli
        xor ax, ax
        mov ds, ax
        mov ss, ax
        mov ax, 1
        lock xadd [started], ax             ; a stack of its own
        shl ax, 8
        mov sp, 0x6f00
        sub sp, ax
        jmp 0:other2
other_end:
other2: call big_segments
        mov ebx, APIC
        mov dword [ebx + 0xf0], 0x1ff
        lock inc word [ready]
        sti
sleep:  hlt
        jmp sleep

interrupt:
        push ebx
        mov ebx, APIC
        lock inc word [taken]
        mov dword [ebx + 0xb0], 0
        pop ebx
        iret

        BIG_SEGMENTS_TABLE
        times 508 - ($ - $$) db 0
expected:                                   ; the other processors: the test fills it in
        dw 0
        dw 0xaa55
