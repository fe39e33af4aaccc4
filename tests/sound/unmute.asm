; A Linux program (i386, an ELF file by itself) that sets the volumes of /dev/mixer, which the drivers leave muted.
; Open Sound System Programmer's Guide, "Mixer Programming"; exit status 1 if there is no mixer.
bits 32
org 0x08048000

    db 0x7f, "ELF", 1, 1, 1
    times 9 db 0
    dw 2, 3                     ; executable, i386
    dd 1, start, program_header - $$, 0, 0
    dw 52, 32, 1, 0, 0, 0
program_header:
    dd 1, 0, $$, $$, end - $$, end - $$, 7, 0x1000

WRITE_VOLUME equ 0xc0044d00
WRITE_PCM    equ 0xc0044d04

start:
    mov eax, 5                  ; open, for reading and writing
    mov ebx, mixer
    mov ecx, 2
    int 0x80
    test eax, eax
    js fail
    mov ebx, eax
    mov ecx, WRITE_VOLUME
    call set
    mov ecx, WRITE_PCM
    call set
    xor ebx, ebx
    jmp leave
fail:
    mov ebx, 1
leave:
    mov eax, 1
    int 0x80

; Sets mixer control ECX to 85 of 100 on both sides.
set:
    mov dword [volume], 85 << 8 | 85
    mov eax, 54                 ; ioctl
    mov edx, volume
    int 0x80
    ret

mixer: db "/dev/mixer", 0
volume: dd 0
end:
