"""Runs the service test diskette in an emulator of the PC that the BIOS is for.

Usage: services_test.py QEMU BIOS TEST_PROGRAM
Exit status 0 when every check passed; the failed ones are printed.
"""
import os
import subprocess
import sys
import tempfile


def main():
    qemu, bios, program = sys.argv[1:4]
    with tempfile.TemporaryDirectory() as folder:
        floppy, disk, log = (os.path.join(folder, name) for name in ("floppy.img", "disk.img", "log"))
        image = open(program, "rb").read()
        open(floppy, "wb").write(image + bytes(1474560 - len(image)))
        open(disk, "wb").truncate(16 << 20)
        command = [qemu, "-bios", bios, "-m", "64", "-boot", "a",
                   "-display", "none", "-nic", "none", "-no-reboot",
                   "-drive", f"if=floppy,format=raw,file={floppy}", "-drive", f"if=ide,format=raw,file={disk}",
                   "-debugcon", f"file:{log}", "-global", "isa-debugcon.iobase=0x402",
                   "-device", "isa-debug-exit,iobase=0xf4,iosize=1"]
        try:
            status = subprocess.run(command, timeout=120).returncode
        except subprocess.TimeoutExpired:
            status = "time-out"
        text = open(log, errors="replace").read()
        print("\n".join(line for line in text.splitlines() if line.startswith(("FAIL", "passed"))))
        if status != 0x21 or "ALL PASSED" not in text:
            sys.exit(f"services_test.py: emulator ended with {status}; its log:\n{text}")


main()
