#!/usr/bin/env python3
"""Starts a kernel directly and judges what it prints and how it ends.

    direct_boot.py GNOMON KERNEL
"""

import subprocess
import sys
from pathlib import Path

LINES = {
    "multiboot1": "Multiboot 1 kernel in 64-bit mode",
    "multiboot2": "Multiboot 2 kernel in 64-bit mode",
    "pvh": "PVH kernel in 64-bit mode",
}
GOOD = 0x15 << 1 | 1


def main():
    gnomon, kernel = sys.argv[1:3]
    run = subprocess.run([gnomon, "--display", "none", "-m", "64M", "--serial", "stdio", "--set", "debug.exit_port=0xf4", "--no-reboot",
                          "--kernel", kernel, "--append", "a mark for the kernel", "--timeout", "60"],
                         stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=100)
    output = run.stdout.decode("latin-1")
    if run.returncode != GOOD or LINES[Path(kernel).stem] not in output:
        why = f"check {run.returncode >> 1:#x} of the kernel failed" if run.returncode & 1 else "the kernel did not come to its end"
        print(f"status {run.returncode}: {why}\n{output}")
        return 1
    return 0


sys.exit(main())
