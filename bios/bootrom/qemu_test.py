#!/usr/bin/env python3
# Runs the kernel boot ROM in QEMU on the echo kernels and checks what they were given.
"""usage: qemu_test.py QEMU DUMP_PAYLOAD ROM KERNEL_FOLDER CASE [SYSTEM_BIOS VGA_BIOS]"""
import os
import subprocess
import sys
import tempfile

FIRST, SECOND = b"first module " * 20000, b"2"


def checksum(data):
    total = 0
    for byte in data:
        total = (total * 31 + byte) & 0xFFFFFFFF
    return total


# case: kernel, extra QEMU options, lines expected besides those of every case
CASES = {
    "elf1": ("echo1.elf", [], ["ECHO-START magic=2badb002 cr0=1 if=0 bss=0", "multiboot1 flags=126d lower=27f upper=",
                               "sections count=", "symbols=1 first=.symtab", "screen address=b8000 width=50 height=19 type=2"]),
    "raw1": ("echo1raw.bin", [], ["ECHO-START magic=2badb002 cr0=1 if=0 bss=0", "multiboot1 flags=124d lower=27f upper="]),
    "elf2": ("echo2.elf", [], ["ECHO-START magic=36d76289 cr0=1 if=0 bss=0", "multiboot2 aligned=1",
                               "basic lower=27f upper=", "symbols=1 first=.symtab", "acpi tag=e signature=20445352",
                               "screen address=b8000 width=50 height=19 type=2", "end"]),
    "raw2": ("echo2raw.bin", [], ["ECHO-START magic=36d76289 cr0=1 if=0 bss=0"]),
    "high2": ("echo2high.elf", [], ["ECHO-START magic=36d76289 cr0=1 if=0 bss=0", "load base address=3f"]),
    "low2": ("echo2low.elf", [], ["load base address=200000"]),
    "noDMA": ("echo2.elf", ["-global", "fw_cfg_io.dma_enabled=off"], ["ECHO-START magic=36d76289 cr0=1 if=0 bss=0"]),
}


def main():
    qemu, dump, rom, kernels, case = sys.argv[1:6]
    kernel, options, expected = CASES[case]
    display = "VGA"
    if len(sys.argv) > 6:
        options = options + ["-bios", sys.argv[6]]
        display = f"VGA,romfile={sys.argv[7]}"
    with tempfile.TemporaryDirectory() as folder:
        modules = []
        for name, data in (("one", FIRST), ("two", SECOND)):
            path = os.path.join(folder, name)
            with open(path, "wb") as file:
                file.write(data)
            modules.append(path)
        modules[0] += " with arguments"
        kernel = os.path.join(kernels, kernel)
        dumped = subprocess.run([dump, os.path.join(folder, "payload"), kernel, "some words"] + modules, check=True,
                                capture_output=True, text=True)
        arguments = dumped.stdout.split()
        run = subprocess.run([qemu, "-machine", "pc", "-m", "64", "-nodefaults", "-display", "none", "-serial", "stdio",
                              "-device", display, "-device", "isa-debug-exit,iobase=0xf4,iosize=1", "-no-reboot",
                              "-option-rom", f"romfile={rom},bootindex=0"] + arguments + options,
                             stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, timeout=120, text=True, errors="replace")
    expected = expected + [f"command line: {kernel} some words", "loader: Gnomon",
                           f"module aligned=1 size={len(FIRST):x} sum={checksum(FIRST):x} string={modules[0]}",
                           f"module aligned=1 size=1 sum={ord('2'):x} string={modules[1]}",
                           "memory base=100000 size=", "ECHO-DONE"]
    lines = [line.strip() for line in run.stdout.splitlines()]
    missing = [want for want in expected if not any(want in line for line in lines)]
    if missing or run.returncode != 0x21:
        print(run.stdout)
        raise SystemExit(f"status {run.returncode}; missing: {missing}")


if __name__ == "__main__":
    main()
