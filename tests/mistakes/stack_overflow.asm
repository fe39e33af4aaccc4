; A procedure that calls itself without end, with its stack above the page tables.
%include "protected.inc"
    START_IN_PROTECTED_MODE protected
protected:
    LOAD_DATA_SEGMENTS
    IDENTITY_MAP
    ENABLE_PAGING
    mov esp, 0xa800
    jmp recursion
align 16
recursion:
    nop                          ; the return address is even: as a page-table entry it is not present
    call recursion
    ret
TABLES
