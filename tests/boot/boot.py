#!/usr/bin/env python3
"""Boots real software in Gnomon and waits for the mark that says it came up.

    boot.py --list                      names of the cases
    boot.py --gnomon BINARY --guests DIR CASE

A case passes when its mark is seen on the serial line or on the screen. Everything typed at a guest goes through its
serial line or, for screens, through the terminal display.
"""

import sys

import efi_cases  # noqa: F401
import firmware_cases  # noqa: F401
import installer_cases  # noqa: F401
import kit_cases  # noqa: F401
import linux_cases  # noqa: F401
import loader_cases  # noqa: F401
from cases import main

if __name__ == "__main__":
    sys.exit(main())
