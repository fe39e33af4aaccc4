; The far jump names the data segment.
%include "protected.inc"
%define CODE_SELECTOR 0x10
    START_IN_PROTECTED_MODE protected
protected:
    hlt
TABLES
