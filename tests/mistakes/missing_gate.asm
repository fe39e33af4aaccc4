; An invalid instruction, and no handler for anything.
%include "protected.inc"
    START_IN_PROTECTED_MODE protected
protected:
    LOAD_DATA_SEGMENTS
    ud2
TABLES
