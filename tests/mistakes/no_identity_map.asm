; Paging is switched on with a kernel mapped high only, while the code still runs low.
%include "protected.inc"
    START_IN_PROTECTED_MODE protected
protected:
    LOAD_DATA_SEGMENTS
    IDENTITY_MAP
    mov dword [0x8000], 0
    mov dword [0x8000 + 0x300 * 4], 0x9003
    ENABLE_PAGING
    mov esp, 0xc0007c00
    hlt
TABLES
