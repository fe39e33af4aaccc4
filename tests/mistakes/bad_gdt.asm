; The code descriptor lacks its present bit.
%include "protected.inc"
    ENTER_PROTECTED_MODE protected
protected:
    hlt
TABLES 0x00cf1a000000ffff
