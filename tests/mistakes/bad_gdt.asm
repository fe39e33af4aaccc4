; The code descriptor lacks its present bit.
%include "protected.inc"
    START_IN_PROTECTED_MODE protected
protected:
    hlt
TABLES 0x00cf1a000000ffff
