; One second of guest time in TPAUSE. Exits with 1 if it ended within a microsecond, with 2 if later, with 0 if too early.
; SDM Vol. 2, "TPAUSE—Timed PAUSE".
%include "boot_sector.inc"

        cli
        mov al, 0xff            ; an interrupt ends the wait even while IF is clear: the 8259A lets none through
        out 0x21, al
        rdtsc
        add eax, 1000000000     ; the counter's rate: CPUID leaf 15h
        adc edx, 0
        mov esi, eax
        mov edi, edx
        xor ecx, ecx            ; C0.2
        db 0x66, 0x0f, 0xae, 0xf1       ; TPAUSE ECX
        rdtsc
        sub eax, esi
        sbb edx, edi
        mov bl, 0
        jc done
        mov bl, 2
        jnz done
        cmp eax, 1000
        ja done
        mov bl, 1
done:
        mov al, bl
        mov dx, 0xf4
        out dx, al
        hlt

        BOOT_SIGNATURE
