; The return address on the stack has been overwritten.
%include "long.inc"
    ENTER_LONG_MODE wide
wide:
    mov rsp, 0x7c00
    mov rax, 0x8000000000000000
    push rax
    ret
TABLES
