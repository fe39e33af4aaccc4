; The stack is not mapped, and the double-fault handler has no interrupt stack of its own.
%include "long.inc"
    ENTER_LONG_MODE wide
wide:
    SET_GATE 14, handler
    SET_GATE 8, handler
    mov rsp, 0x40000000
    push rax
    hlt
handler:
    hlt
TABLES
