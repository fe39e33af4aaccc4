; Boot sector: what every timer counts from one change of the clock's seconds to the next, written to COM1 as lines of eight hexadecimal
; digits: TSC, HPET, PM timer, local APIC timer, PIT; then CPUID 15h EBX and ECX, and 16h EAX.
%include "boot_sector.inc"
%include "big_segments.inc"
APIC    equ 0xfee00000
HPET    equ 0xfed00000
PMTIMER equ 0x608
before  equ 0x7000                          ; two samples of five doublewords
after   equ 0x7014
ticks   equ 0x7028                          ; of the PIT, up to now
last    equ 0x702c                          ; its count at the last look

start:  BOOT_START 0x6f00
        in al, 0x92
        or al, 2
        out 0x92, al
        ; DS with a 4 GiB limit.
        BIG_DATA_SEGMENT
        ; HPET on; local APIC timer masked, divided by 1; PIT channel 2 in mode 2 with the longest period.
        mov ebx, HPET
        mov dword [ebx + 0x10], 1
        mov ebx, APIC
        mov dword [ebx + 0xf0], 0x1ff
        mov dword [ebx + 0x3e0], 0xb
        mov dword [ebx + 0x320], 0x10000
        mov dword [ebx + 0x380], 0xffffffff
        in al, 0x61
        and al, 0xfc
        or al, 1
        out 0x61, al
        mov al, 0xb4
        out 0x43, al
        xor ax, ax
        out 0x42, al
        out 0x42, al
        mov [last], ax
        mov dword [ticks], 0

        call second
        mov di, before
        call sample
        call second
        mov di, after
        call sample
        mov si, before
        mov cx, 5
report: mov eax, [si + after - before]
        sub eax, [si]
        call print
        add si, 4
        loop report
        mov eax, 0x15
        cpuid
        mov eax, ebx
        mov ebp, ecx
        call print
        mov eax, ebp
        call print
        mov eax, 0x16
        cpuid
        call print
        mov al, 1
        out 0xf4, al
        hlt

; Waits for the next second of the RTC, counting the ticks of the PIT meanwhile.
second: call seconds
        mov bl, al
.same:  call count
        call seconds
        cmp al, bl
        je .same
        ret
seconds:
        xor al, al
        out 0x70, al
        in al, 0x71
        ret
count:  mov al, 0x80                        ; latch channel 2
        out 0x43, al
        in al, 0x42
        mov ah, al
        in al, 0x42
        xchg al, ah
        mov cx, [last]
        mov [last], ax
        sub cx, ax
        movzx ecx, cx
        add [ticks], ecx
        ret

sample: rdtsc
        stosd
        mov ebx, HPET
        mov eax, [ebx + 0xf0]
        stosd
        mov dx, PMTIMER
        in eax, dx
        stosd
        mov ebx, APIC
        mov eax, [ebx + 0x390]
        not eax
        stosd
        call count
        mov eax, [ticks]
        stosd
        ret

print:  push cx
        mov cx, 8
.digit: rol eax, 4
        push eax
        and al, 15
        cmp al, 10
        sbb al, 0x69
        das
        call send
        pop eax
        loop .digit
        mov al, 10
        call send
        pop cx
        ret
send:   push ax
        mov dx, 0x3fd
.full:  in al, dx
        test al, 0x20
        jz .full
        pop ax
        mov dx, 0x3f8
        out dx, al
        ret

        BIG_SEGMENTS_TABLE
        BOOT_SIGNATURE
