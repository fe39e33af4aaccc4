; An invalid instruction, and no handler for anything.
%include "protected.inc"
    ENTER_PROTECTED_MODE protected
protected:
    LOAD_DATA_SEGMENTS
    ud2
TABLES
