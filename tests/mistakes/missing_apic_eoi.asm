; The handler of the local APIC's timer does not write the EOI register.
%include "protected.inc"
    START_IN_PROTECTED_MODE protected
protected:
    LOAD_DATA_SEGMENTS
    SET_GATE 0x30, timer
    mov al, 0xff
    out 0x21, al
    out 0xa1, al
    mov dword [0xfee000f0], 0x1ff
    mov dword [0xfee003e0], 0xb          ; divide by 1
    mov dword [0xfee00320], 0x20030      ; periodic, vector 30h
    mov dword [0xfee00380], 1000000
    sti
wait_for_timer:
    hlt
    jmp wait_for_timer
timer:
    inc dword [0x5000]
    iretd
TABLES
