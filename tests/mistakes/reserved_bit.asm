; A 4 MiB page whose base is not a multiple of 4 MiB.
%include "protected.inc"
    START_IN_PROTECTED_MODE protected
protected:
    LOAD_DATA_SEGMENTS
    IDENTITY_MAP
    mov dword [0x8000 + 4], 0x00600083
    mov eax, cr4
    or al, 0x10
    mov cr4, eax
    ENABLE_PAGING
    mov eax, [0x400000]
    hlt
TABLES
