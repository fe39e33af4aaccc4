; A boot floppy that calls the services of the BIOS and writes what they answer to port E9h, a line a call: registers, carry and zero flag,
; and where there is one the answer in memory. bios_calls_test.py runs it on two BIOSes and compares. IBM PC/AT Technical
; Reference, "ROM BIOS"; BIOS Boot Specification; PCI BIOS Specification 2.1; ACPI, "INT 15H, E820H".
%include "boot_sector.inc"
cpu 386

PROGRAM_SECTORS equ 16
BUFFER  equ 0xc000
TEXT    equ 0xe9
TICKS   equ 0x46c               ; of the BIOS data area, 18.2 a second

    jmp 0:start
start:
    BOOT_START
    sti
    cld
    mov [drive], dl
    LOAD_PROGRAM PROGRAM_SECTORS, main
    jnc main
    mov si, unreadable
    call print
    jmp leave

; Leaves with exit status 1.
leave:
    xor eax, eax
    out 0xf4, eax
    hlt

print:
    lodsb
    test al, al
    jz .end
    out TEXT, al
    jmp print
.end:
    ret

; The low CL digits of EAX.
hexadecimal:
    push eax
    push cx
    mov ch, cl
    neg cl
    add cl, 8
    shl cl, 2
    rol eax, cl
    mov cl, ch
.digit:
    rol eax, 4
    push ax
    and al, 15
    cmp al, 10
    sbb al, 0x69
    das
    or al, 0x20
    out TEXT, al
    pop ax
    dec cl
    jnz .digit
    pop cx
    pop eax
    ret

drive: db 0
began: dd 0
unreadable: db "the sectors behind the first cannot be read", 10, 0
    BOOT_SIGNATURE

main:
    mov si, calls
.next:
    cmp byte [si + row.interrupt], 0
    je leave
    call ask
    jmp .next

; Makes the call of the row at SI, prints its line, and leaves SI at the next row.
ask:
    push si
    add si, row.name
    call print
    pop si
    push si
    mov al, [si + row.interrupt]
    mov [.call + 1], al
    xor ax, ax
    mov es, ax
    mov di, BUFFER
    cmp byte [si + row.keep], 0
    jne .kept
    mov cx, 512
    rep stosw
    mov word [BUFFER], 26       ; the size of the answer, for those that ask for it
.kept:
    mov eax, [TICKS]
    mov [began], eax
    mov eax, [si + row.eax]
    mov ebx, [si + row.ebx]
    mov ecx, [si + row.ecx]
    mov edx, [si + row.edx]
    mov di, [si + row.di]
    mov si, [si + row.si]
    mov bp, 0
    jmp .call                   ; the byte behind the opcode has just been written
.call:
    int 0
    pushfd
    push ds
    xor bp, bp
    mov ds, bp
    pop word [answer.ds]
    pop dword [answer.flags]
    mov [answer.eax], eax
    mov [answer.ebx], ebx
    mov [answer.ecx], ecx
    mov [answer.edx], edx
    mov [answer.si], si
    mov [answer.di], di
    mov [answer.es], es
    xor ax, ax
    mov es, ax
    cld
    sti
    mov eax, [TICKS]
    sub eax, [began]
    xor edx, edx
    mov ecx, 18
    div ecx
    mov [answer.seconds], eax
    mov si, report
.field:
    mov bx, [si]                ; where the value is
    test bx, bx
    jz .flags
    mov cl, [si + 2]
    add si, 3
    call print
    mov eax, [bx]
    call hexadecimal
    jmp .field
.flags:
    mov si, carry
    test byte [answer.flags], 1
    jnz .carry
    mov si, no_carry
.carry:
    call print
    mov si, zero
    test byte [answer.flags], 0x40
    jnz .zero
    mov si, no_zero
.zero:
    call print
    pop si
    movzx cx, [si + row.bytes]
    jcxz .done
    push si
    mov si, memory
    call print
    mov si, BUFFER
    cmp byte [answer.es], 0     ; an answer in ROM: at ES:BX
    je .byte
    mov es, [answer.es]
    mov si, [answer.ebx]
.byte:
    es lodsb
    push cx
    mov cl, 2
    call hexadecimal
    pop cx
    loop .byte
    xor ax, ax
    mov es, ax
    pop si
.done:
    mov al, 10
    out TEXT, al
    add si, row.name
.skip:
    lodsb
    test al, al
    jnz .skip
    ret

struc row
.interrupt: resb 1
.bytes: resb 1                  ; of the answer in memory
.keep:  resb 1                  ; the buffer keeps what is in it
.eax:   resd 1
.ebx:   resd 1
.ecx:   resd 1
.edx:   resd 1
.si:    resw 1
.di:    resw 1
.name:
endstruc

answer:
.eax:   dd 0
.ebx:   dd 0
.ecx:   dd 0
.edx:   dd 0
.flags: dd 0
.si:    dw 0
.di:    dw 0
.es:    dw 0
.ds:    dw 0
.seconds: dd 0
        dw 0                    ; fields are read by doublewords

%macro field 3                  ; place, digits, text
    dw %1
    db %2, %3, 0
%endmacro
report:
    field answer.eax, 8, " eax="
    field answer.ebx, 8, " ebx="
    field answer.ecx, 8, " ecx="
    field answer.edx, 8, " edx="
    field answer.si, 4, " si="
    field answer.di, 4, " di="
    field answer.es, 4, " es="
    field answer.ds, 4, " ds="
    field answer.seconds, 2, " seconds="
    dw 0
carry: db " cf=1", 0
no_carry: db " cf=0", 0
zero: db " zf=1", 0
no_zero: db " zf=0", 0
memory: db " memory=", 0

; The packet of INT 13h AH=42h: sector 0 to the buffer. SDM of none: Enhanced Disk Drive Specification 3.0.
packet:
    db 16, 0, 1, 0
    dw BUFFER, 0
    dq 0
; The descriptors of INT 15h AH=87h: from the boot sector to the buffer.
descriptors:
    dq 0, 0
    dw 0xffff, 0x7c00
    db 0, 0x93
    dw 0
    dw 0xffff, BUFFER
    db 0, 0x93
    dw 0
    dq 0, 0
mouse_handler:
    retf

; ask NAME, INTERRUPT, EAX[, EBX, ECX, EDX, SI, DI]; bytes BYTES before it: so much of the buffer (or, if the service sets ES, of what is at
; ES:BX) is printed; `kept` before it: the buffer is not cleared.
%assign bytes_wanted 0
%assign buffer_kept 0
%macro bytes 1
    %assign bytes_wanted %1
%endmacro
%macro kept 0
    %assign buffer_kept 1
%endmacro
%macro ask 3-8 0, 0, 0, 0, BUFFER
    db %2, bytes_wanted, buffer_kept
    dd %3, %4, %5, %6
    dw %7, %8
    db %1, 0
    %assign bytes_wanted 0
    %assign buffer_kept 0
%endmacro

calls:
%include "bios_calls.inc"
    db 0
    times (PROGRAM_SECTORS + 1) * 512 - ($ - $$) db 0
