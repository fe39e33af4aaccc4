; The task priority of the local APIC is too high for the vector of its timer.
%include "protected.inc"
    START_IN_PROTECTED_MODE protected
protected:
    LOAD_DATA_SEGMENTS
    SET_GATE 0x30, timer
    mov al, 0xff
    out 0x21, al
    out 0xa1, al
    mov dword [0xfee000f0], 0x1ff
    mov dword [0xfee00080], 0x30
    mov dword [0xfee003e0], 0xb
    mov dword [0xfee00320], 0x20030
    mov dword [0xfee00380], 1000000
    sti
wait_for_timer:
    hlt
    jmp wait_for_timer
timer:
    mov dword [0xfee000b0], 0
    iretd
TABLES
