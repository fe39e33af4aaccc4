#!/usr/bin/env python3
"""Our BIOS answers its services as SeaBIOS does, but for what stands in the table of differences.

    bios_calls_test.py --gnomon BINARY --guests DIR --program bios_calls.bin

The program makes each call and writes what came back; it runs on both BIOSes, in the same machine. A difference that is not in the
table fails the test, and so does an entry of the table that makes no difference any more.
"""

import argparse
import re
import subprocess
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "boot"))
from guest_console import Failed, Guests  # noqa: E402

INSTRUCTIONS = 4_000_000_000   # far more than it takes
LONGEST_CALL = 2               # seconds

# Of these calls the answer is a matter of place or moment.
VARIES = {
    "parameters of floppy": "di es",     # where the table of INT 1Eh is
    "PCI BIOS": "edi di",                # where the 32-bit entry is
    "ticks": "edx",
    "set ticks": "seconds",
}

# Call: fields that differ, and why ours are as they are.
DIFFERENCES = {
    "EGA information": ("ecx", "the feature bits of an adapter whose feature connector is empty read as ones"),
    "VBE mode 101h": ("memory", "the mode is VGA compatible, and the window function lies elsewhere"),
    "VBE DDC": ("eax ebx", "there is a monitor with DDC"),
    "read floppy sector 19": ("eax", "the controller's own 'sector not found'; the sector is looked for"),
    "status after that": ("eax", "the same"),
    "parameters of floppy b": ("eax di cf", "all zero for a drive that is not there, as the AT has it"),
    "type of floppy": ("eax", "the drive has a change line"),
    "type of floppy b": ("eax cf", "'no such drive' is an answer, not an error"),
    "disk change": ("eax cf", "the change line says that the disk was not changed"),
    "read disk sector 0": ("eax", "AL counts sectors read: none"),
    "read beyond the disk": ("eax", "AL counts sectors read: none"),
    "parameters of disk": ("ecx", "no cylinder is set aside for diagnostics"),
    "parameters of disk 81h": ("edx", "DL is the number of disks"),
    "type of disk": ("edx", "no cylinder is set aside for diagnostics"),
    "type of disk 81h": ("eax cf", "'no such drive' is an answer, not an error"),
    "extensions": ("ecx", "there are no locks and ejects, and no bit that promises them"),
    "status of emulation": ("eax cf", "no emulation: an error, by El Torito"),
    "send": ("eax seconds", "nobody holds DSR and CTS: time-out, as the AT has it"),
    "serial status of port 3": ("cf", "carry is not among the answers of INT 14h"),
    "serial function that is none": ("cf", "carry is not among the answers of INT 14h"),
    "keyboard intercept": ("cf", "carry goes back as it came; INT 09h sets it"),
    "APM": ("ecx", "real mode only"),
    "device open": ("eax cf", "for multitaskers to take over; succeeds until they do"),
    "SysRq": ("eax cf", "for multitaskers to take over; succeeds until they do"),
    "wait": ("eax", "AH is 0 after success"),
    "device busy": ("eax", "AH is 0 after success"),
    "interrupt complete": ("eax", "AH is 0 after success"),
    "extended memory": ("eax", "another size of the tables below the end of memory"),
    "read key": ("zf", "zero is not among the answers of AH=00h"),
    "read extended key": ("zf", "zero is not among the answers of AH=10h"),
    "printer status": ("eax", "the status register's unused bits read as zero"),
    "initialise printer": ("eax", "the status register's unused bits read as zero"),
    "print": ("eax seconds", "an open cable cannot become ready: time-out at once"),
    "print on port 3": ("eax cf", "AH must not say that a printer is ready; carry is not among the answers"),
    "status of port 3": ("eax cf", "AH must not say that a printer is ready; carry is not among the answers"),
    "printer function that is none": ("cf", "carry is not among the answers of INT 17h"),
    "set ticks": ("eax", "AH stays"),
    "set time": ("eax", "AL stays"),
    "set date": ("eax", "AL stays"),
    "set alarm": ("eax", "AH stays"),
    "set alarm again": ("eax", "AH stays"),
    "alarm off": ("eax", "AX stays"),
    "find no vendor": ("eax", "the PCI BIOS Specification has an error of its own for vendor FFFFh"),
    "read word at odd register": ("eax ecx cf", "the PCI BIOS Specification wants registers aligned"),
}


def answers(gnomon, firmware, program, folder):
    """Call: field: value."""
    floppy, disk, log = (Path(folder) / name for name in ("floppy.img", "disk.img", "answers"))
    floppy.write_bytes(Path(program).read_bytes().ljust(1440 * 1024, b"\0"))
    disk.write_bytes(b"DISKMARK".ljust(510, b"\0") + b"\x55\xaa" + bytes(20 * 1024 * 1024 - 512))
    done = subprocess.run([gnomon, "--display", "none", "-m", "64M", *firmware, "--fda", str(floppy), "--hda", str(disk), "--snapshot",
                           "--boot", "a", "--debugcon", f"file:{log}", "--set", "debug.exit_port=0xf4",
                           "--max-instructions", str(INSTRUCTIONS)], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, timeout=240)
    text = log.read_text("latin-1")
    if done.returncode != 1:
        raise Failed(f"status {done.returncode}: {done.stdout}\nthe last call:\n{text.splitlines()[-1:]}")
    calls = {}
    for line in text.splitlines():
        # A firmware may write there, too.
        if match := re.fullmatch(r"(.*?) (eax=.*)", line):
            calls[match[1]] = dict(field.split("=") for field in match[2].split())
    return calls


def compare(ours, theirs):
    """What is wrong, a line each."""
    if ours.keys() != theirs.keys():
        yield f"calls of one only: {sorted(ours.keys() ^ theirs.keys())}"
    for call in ours.keys() & theirs.keys():
        fields = DIFFERENCES.get(call, ("",))[0].split()
        varying = VARIES.get(call, "").split()
        for field in ours[call].keys() | theirs[call].keys():
            mine, other = ours[call].get(field), theirs[call].get(field)
            if mine != other and field not in fields + varying:
                yield f"{call}: {field} is {mine}, SeaBIOS says {other}"
            if mine == other and field in fields:
                yield f"{call}: {field} does not differ any more; the table says: {DIFFERENCES[call][1]}"
        if "seconds" not in varying and int(ours[call]["seconds"], 16) > LONGEST_CALL:
            yield f"{call}: takes {int(ours[call]['seconds'], 16)} seconds"
    for call in DIFFERENCES.keys() - ours.keys():
        yield f"the table has a call that is not made: {call}"


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--gnomon", required=True)
    parser.add_argument("--guests", required=True)
    parser.add_argument("--program", required=True)
    parser.add_argument("--bios", help="another image in place of ours")
    options = parser.parse_args()
    guests = Guests(options.guests)
    seabios = ["--bios", guests.find("seabios/usr/share/seabios/bios-256k.bin"),
               "--vgabios", guests.find("seabios/usr/share/seabios/vgabios-isavga.bin")]
    try:
        with tempfile.TemporaryDirectory() as folder:
            ours = answers(options.gnomon, ["--bios", options.bios] if options.bios else [], options.program, folder)
        with tempfile.TemporaryDirectory() as folder:
            theirs = answers(options.gnomon, seabios, options.program, folder)
    except Failed as reason:
        print(reason)
        return 1
    wrong = sorted(compare(ours, theirs))
    print("\n".join(wrong + [f"{len(ours)} calls, {len(DIFFERENCES)} with intended differences"]))
    return 1 if wrong or len(ours) < 100 else 0


if __name__ == "__main__":
    sys.exit(main())
