; Interrupts are enabled with the controller as the BIOS left it: the timer arrives as vector 8.
%include "protected.inc"
    START_IN_PROTECTED_MODE protected
protected:
    LOAD_DATA_SEGMENTS
    SET_GATE 0x20, timer
    mov al, 0xfe
    out 0x21, al
    sti
wait_for_timer:
    hlt
    jmp wait_for_timer
timer:
    mov al, 0x20
    out 0x20, al
    iretd
TABLES
