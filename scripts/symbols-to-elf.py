#!/usr/bin/env python3
"""An ELF file that holds nothing but symbols, for GDB's symbol-file, from a list as nm writes it.

    symbols-to-elf.py LIST FILE.elf [--data NAME=ADDRESS …]

Gnomon's console writes such a list (savesym), for example of the Linux that runs. Needs GNU as and ld.
"""

import argparse
import re
import subprocess
import sys
import tempfile
from pathlib import Path

USABLE = re.compile(r"[A-Za-z_.$][\w.$]*\Z")


def read_list(path):
    """Code and data as {name: address}; of several with one name the first stays."""
    code, data = {}, {}
    for line in Path(path).read_text().splitlines():
        parts = line.split()
        if len(parts) < 3 or not USABLE.match(parts[2]) or parts[1] in "aAU":
            continue
        (code if parts[1] in "tTwW" else data).setdefault(parts[2], int(parts[0], 16))
    return code, data


def section(name, flags, kind, symbols, base):
    """Without content: labels at their offsets from `base`."""
    lines = [f'.section {name},"{flags}",@nobits']
    for address, label in sorted((address, label) for label, address in symbols.items()):
        lines += [f".org {address - base:#x}", f".globl {label}", f".type {label},@{kind}", f"{label}:"]
    return lines + [".skip 1"]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("list")
    parser.add_argument("output")
    parser.add_argument("--data", action="append", default=[], metavar="NAME=ADDRESS", help="one more variable")
    options = parser.parse_args()
    code, data = read_list(options.list)
    for definition in options.data:
        name, address = definition.split("=")
        data[name] = int(address, 0)
    if not code:
        sys.exit(f"{options.list}: no symbols of code")
    data = {name: address for name, address in data.items() if name not in code}
    wide = max(code.values()) > 0xffffffff
    # Kernels put per-processor variables at addresses near 0: those have no place here.
    first = min(code.values())
    data = {name: address for name, address in data.items() if address >= first}
    lines = section(".code", "ax", "function", code, first)
    link = [f"--section-start=.code={first:#x}"]
    if data:
        lines += section(".variables", "aw", "object", data, min(data.values()))
        link.append(f"--section-start=.variables={min(data.values()):#x}")
    with tempfile.TemporaryDirectory() as folder:
        source, compiled = Path(folder) / "symbols.s", Path(folder) / "symbols.o"
        source.write_text("\n".join(lines) + "\n")
        subprocess.run(["as", "--64" if wide else "--32", "-o", compiled, source], check=True)
        subprocess.run(["ld", "-m", "elf_x86_64" if wide else "elf_i386", "--no-check-sections", "-z", "max-page-size=4096", "-e", "0",
                        *link, "-o", options.output, compiled], check=True)


if __name__ == "__main__":
    main()
