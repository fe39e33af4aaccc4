; Boot sector for two processors: the second waits with MONITOR and MWAIT until the first, much later, stores to the line. Exits with
; the number of times that the second came out of MWAIT. SDM Vol. 3, "MONITOR/MWAIT Instruction".
%include "boot_sector.inc"
%include "big_segments.inc"
APIC    equ 0xfee00000
line    equ 0x7000
ready   equ 0x7100
woken   equ 0x7102
done    equ 0x7104

start:  BOOT_START 0x6f00
        mov [line], ax
        mov [ready], ax
        mov [woken], ax
        mov [done], ax
        ; DS with a 4 GiB limit reaches the local APIC.
        BIG_DATA_SEGMENT
        ; A startup message names a page: the code of the other is copied to 8000h.
        mov si, other
        mov di, 0x8000
        mov cx, other_end - other
        cld
        rep movsb
        mov ebx, APIC
        mov dword [ebx + 0x300], 0xc4500    ; INIT to all but this one
        mov dword [ebx + 0x300], 0xc4608    ; startup at 8000h
wait1:  pause
        cmp byte [ready], 1
        jne wait1
        mov ecx, 1000000
delay:  dec ecx
        jnz delay
        mov byte [line + 5], 1
wait2:  pause
        cmp byte [done], 1
        jne wait2
        mov al, [woken]
        out 0xf4, al
        hlt

other:  cli
        xor ax, ax
        mov ds, ax
        mov byte [ready], 1
again:  mov eax, line
        xor ecx, ecx
        xor edx, edx
        monitor
        cmp byte [line + 5], 1
        je out_of_it
        mwait
        inc word [woken]
        jmp again
out_of_it:
        mov byte [done], 1
        hlt
other_end:

        BIG_SEGMENTS_TABLE
        BOOT_SIGNATURE
