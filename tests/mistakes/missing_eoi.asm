; The timer's handler does not tell the interrupt controller that it is done.
%include "protected.inc"
    START_IN_PROTECTED_MODE protected
protected:
    LOAD_DATA_SEGMENTS
    SET_GATE 0x20, timer
    mov al, 0x11
    out 0x20, al
    mov al, 0x20
    out 0x21, al
    mov al, 4
    out 0x21, al
    mov al, 1
    out 0x21, al
    mov al, 0xfe
    out 0x21, al
    sti
wait_for_timer:
    hlt
    jmp wait_for_timer
timer:
    inc dword [0x5000]
    iretd
TABLES
