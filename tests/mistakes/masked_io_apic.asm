; The 8259A is switched off, but the entry of the I/O APIC for the timer stays masked.
%include "protected.inc"
    START_IN_PROTECTED_MODE protected
protected:
    LOAD_DATA_SEGMENTS
    SET_GATE 0x30, timer
    mov al, 0xff
    out 0x21, al
    out 0xa1, al
    mov dword [0xfee000f0], 0x1ff
    mov dword [0xfee00350], 0x10000      ; LINT0 masked
    mov dword [0xfec00000], 0x14         ; low half of entry 2
    mov dword [0xfec00010], 0x10030      ; masked, edge, vector 30h
    mov dword [0xfec00000], 0x15
    mov dword [0xfec00010], 0
    sti
wait_for_timer:
    hlt
    jmp wait_for_timer
timer:
    mov dword [0xfee000b0], 0
    iretd
TABLES
