#!/usr/bin/env python3
"""Boots real software in Gnomon and waits for the mark that says it came up.

    boot.py --list                      names of the cases
    boot.py --gnomon BINARY --guests DIR CASE

A case passes when its mark is seen on the serial line or on the screen. Everything typed at a guest goes through its
serial line or, for screens, through the terminal display.
"""

import argparse
import os
import pty
import re
import select
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
import termios
import fcntl
import json
import lzma
import threading
import time
import zlib
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
LINE = "console=tty0 console=ttyS0,115200 quiet mitigations=off panic=-1"
PROMPT = "gnomon:"


class Failed(Exception):
    pass


class Guests:
    """Where the fetched packages are."""

    def __init__(self, folder):
        self.folder = Path(folder)

    def find(self, pattern):
        found = sorted(self.folder.glob(pattern))
        if not found:
            raise Failed(f"no {pattern} in {self.folder}: run scripts/guests.sh all")
        return str(found[0])


class Serial:
    """A machine whose first serial port is our pipe."""

    def __init__(self, binary, arguments, seconds):
        self.deadline = time.monotonic() + seconds
        self.text = ""     # not yet waited for
        self.seen = ""     # waited for
        self.process = subprocess.Popen(
            [binary, "--display", "none", "--serial", "stdio", *arguments],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)

    def wait_for(self, mark):
        start = 0
        while True:
            at = self.text.find(mark, start)
            if at >= 0:
                self.seen += self.text[:at + len(mark)]
                self.text = self.text[at + len(mark):]
                return
            left = self.deadline - time.monotonic()
            if left <= 0:
                raise Failed(f"no {mark!r} in time; the last lines were:\n{self.text[-3000:]}")
            ready, _, _ = select.select([self.process.stdout], [], [], min(left, 1))
            if not ready:
                continue
            data = os.read(self.process.stdout.fileno(), 65536)
            if not data:
                raise Failed(f"the emulator ended with status {self.process.wait()} before {mark!r}:\n{self.text[-3000:]}")
            self.text += data.decode("latin-1")

    def read_until(self, mark):
        """All text up to the mark."""
        seen = ""
        while mark not in seen:
            self.wait_for("\n")
            seen = self.seen
        return seen

    def type(self, text):
        self.process.stdin.write(text.encode())
        self.process.stdin.flush()

    def expect_exit(self, status):
        try:
            self.process.stdin.close()
            rest = self.process.stdout.read()
            got = self.process.wait(max(1, self.deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            raise Failed("the emulator did not end") from None
        if got != status:
            raise Failed(f"the emulator ended with status {got}, not {status}:\n{rest.decode('latin-1')[-2000:]}")

    def close(self):
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(5)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()


class Terminal:
    """A machine whose screen is drawn in our pseudo-terminal; what is drawn is kept as a grid of characters."""

    ROWS, COLUMNS = 52, 134

    def __init__(self, binary, arguments, seconds):
        self.deadline = time.monotonic() + seconds
        self.grid = [[" "] * self.COLUMNS for _ in range(self.ROWS)]
        self.row = self.column = 0
        self.pending = b""
        pid, self.fd = pty.fork()
        if pid == 0:
            os.environ["TERM"] = "xterm-256color"
            os.environ.pop("DISPLAY", None)
            os.environ["LC_ALL"] = "C.UTF-8"
            os.execv(binary, [binary, "--display", "terminal", *arguments])
        self.pid = pid
        fcntl.ioctl(self.fd, termios.TIOCSWINSZ, struct.pack("HHHH", self.ROWS, self.COLUMNS, 0, 0))

    def feed(self, data):
        data = self.pending + data
        self.pending = b""
        i = 0
        while i < len(data):
            c = data[i]
            if c == 0x1B:
                match = re.match(rb"\x1b(\[[0-9;:?<=>]*[ -/]*[@-~]|\][^\x07\x1b]*(\x07|\x1b\\)|[()][0-9A-Za-z]|[=>78cDEHM])", data[i:])
                if not match:
                    if len(data) - i < 64:
                        self.pending = data[i:]
                        return
                    i += 1
                    continue
                self.escape(match.group(0).decode("latin-1"))
                i += len(match.group(0))
                continue
            if c == 13:
                self.column = 0
            elif c == 10:
                self.row = min(self.row + 1, self.ROWS - 1)
            elif c == 8:
                self.column = max(0, self.column - 1)
            elif c >= 32:
                size = 1 if c < 0x80 else 2 if c < 0xE0 else 3 if c < 0xF0 else 4
                if len(data) - i < size:
                    self.pending = data[i:]
                    return
                if self.row < self.ROWS and self.column < self.COLUMNS:
                    self.grid[self.row][self.column] = data[i:i + size].decode("utf-8", "replace")
                self.column += 1
                i += size - 1
            i += 1

    def escape(self, sequence):
        if not sequence.startswith("\x1b["):
            return
        numbers = [int(n) if n else 0 for n in re.sub(r"[^0-9;]", "", sequence[2:-1]).split(";")]
        final = sequence[-1]
        if final in "Hf":
            self.row = max(0, (numbers[0] or 1) - 1)
            self.column = max(0, (numbers[1] if len(numbers) > 1 and numbers[1] else 1) - 1)
        elif final == "J" and numbers[0] == 2:
            self.grid = [[" "] * self.COLUMNS for _ in range(self.ROWS)]
        elif final == "K" and self.row < self.ROWS:
            for column in range(self.column, self.COLUMNS):
                self.grid[self.row][column] = " "
        elif final == "C":
            self.column += numbers[0] or 1
        elif final == "A":
            self.row = max(0, self.row - (numbers[0] or 1))
        elif final == "B":
            self.row += numbers[0] or 1
        elif final == "G":
            self.column = max(0, (numbers[0] or 1) - 1)
        elif final == "X" and self.row < self.ROWS:
            for column in range(self.column, min(self.column + (numbers[0] or 1), self.COLUMNS)):
                self.grid[self.row][column] = " "

    def screen(self):
        return "\n".join("".join(line).rstrip() for line in self.grid)

    def rest(self, seconds):
        """Takes in what is drawn for so long."""
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            if select.select([self.fd], [], [], left)[0]:
                self.feed(os.read(self.fd, 65536))

    def wait_for(self, pattern):
        while not re.search(pattern, self.screen()):
            left = self.deadline - time.monotonic()
            if left <= 0:
                raise Failed(f"no {pattern!r} on the screen in time:\n{self.screen()}")
            ready, _, _ = select.select([self.fd], [], [], min(left, 1))
            if ready:
                try:
                    self.feed(os.read(self.fd, 65536))
                except OSError:
                    raise Failed(f"the emulator ended before {pattern!r}:\n{self.screen()}") from None

    def type(self, text):
        os.write(self.fd, text.encode("latin-1"))

    def close(self):
        try:
            os.kill(self.pid, signal.SIGTERM)
            for _ in range(50):
                if os.waitpid(self.pid, os.WNOHANG)[0]:
                    return
                time.sleep(0.1)
            os.kill(self.pid, signal.SIGKILL)
            os.waitpid(self.pid, 0)
        except (ProcessLookupError, ChildProcessError):
            pass


class Run:
    """What a case has at hand."""

    def __init__(self, binary, guests, kit, kit_source, scratch):
        self.binary, self.guests, self.scratch = binary, guests, scratch
        self.kit, self.kit_source = kit, kit_source    # the images of the benchmark kit, and its source
        self.open = []

    def serial(self, *arguments, seconds=240):
        self.open.append(Serial(self.binary, arguments, seconds))
        return self.open[-1]

    def terminal(self, *arguments, seconds=240):
        self.open.append(Terminal(self.binary, arguments, seconds))
        return self.open[-1]

    def seabios(self):
        return ["--bios", self.guests.find("seabios/usr/share/seabios/bios-256k.bin"),
                "--vgabios", self.guests.find("seabios/usr/share/seabios/vgabios-isavga.bin")]

    def image(self, kind, kernel, initrd="shell", *more):
        out = str(self.scratch / f"{kind}.img")
        subprocess.run([str(HERE / "make_image.sh"), kind, out, kernel, self.guests.find(f"{initrd}/initrd"), LINE, *more], check=True)
        return out

    def finish(self, *arguments, seconds=240):
        """Runs the binary to its end: status, what it printed, what --stats wrote, its largest size in KiB, processor
        seconds."""
        stats = self.scratch / "stats.json"
        process = subprocess.Popen([self.binary, "--display", "none", "--stats", str(stats), *arguments], stdout=subprocess.PIPE,
                                   stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL)
        watch = threading.Timer(seconds, process.kill)
        watch.start()
        output = process.stdout.read().decode("latin-1")
        _, status, usage = os.wait4(process.pid, 0)
        watch.cancel()
        spent = usage.ru_utime + usage.ru_stime
        return os.waitstatus_to_exitcode(status), output, json.loads(stats.read_text()), usage.ru_maxrss, spent

    def shell(self, *arguments, processors=1, online=None, mwait=None, seconds=240):
        """Linux up to its shell, a command there, and switched off from inside. With several processors they are all online (or
        as many as said), and the kernel has no complaint about clocks or interrupts. With `mwait` it idles (or not) in MWAIT."""
        machine = self.serial("-m", "256M", "--no-reboot", "--smp", str(processors), *arguments, seconds=seconds)
        machine.wait_for(PROMPT)
        machine.type("echo $((6 * 7))-$(cat /proc/sys/kernel/ostype)\n")
        machine.wait_for("42-Linux")
        if processors > 1:
            machine.type("echo online-$(nproc); dmesg | grep -iE 'unstable|warp|spurious|nobody cared|not functional|MP-BIOS bug|"
                         "soft lockup|stall' | wc -l | sed s/^/complaints-/\n")
            machine.wait_for(f"online-{online or processors}")
            machine.wait_for("complaints-0")
        if mwait is not None:
            machine.type("echo idle-$(dmesg | grep -ciE 'using mwait in idle threads|intel_idle: MWAIT')\n")
            machine.wait_for(f"idle-{'1' if mwait else '0'}")
        machine.type("poweroff -f\n")
        machine.expect_exit(0)

    def direct(self, flavour, initrd="shell"):
        return ["--kernel", self.guests.find(f"{flavour}/kernel"), "--initrd", self.guests.find(f"{initrd}/initrd"), "--append", LINE]


CASES = {}


def case(function):
    CASES[function.__name__.replace("_", "-")] = function
    return function


@case
def linux_direct(run):
    run.shell(*run.direct("linux-686"))


@case
def linux_pae_direct(run):
    run.shell(*run.direct("linux-686-pae"))


def several_processors(run, count, line, online):
    run.shell("--kernel", run.guests.find("linux-686-pae/kernel"), "--initrd", run.guests.find("shell/initrd"), "--append",
              f"{LINE} {line}", processors=count, online=online, seconds=600)


@case
def linux_smp(run):
    several_processors(run, 4, "", 4)


@case
def linux_smp_noapic(run):
    several_processors(run, 2, "noapic", 2)


@case
def linux_smp_nolapic(run):
    several_processors(run, 2, "nolapic", 1)


@case
def linux_direct_seabios(run):
    run.shell(*run.seabios(), *run.direct("linux-686"))


@case
def linux_amd64_direct(run):
    run.shell(*run.direct("linux-amd64", "shell-amd64"), seconds=600)


def unpack_vmlinux(bzimage):
    """The ELF image inside a bzImage: the payload of the header's fields (Linux, "The Linux/x86 Boot Protocol")."""
    setup_sectors = bzimage[0x1F1] or 4
    offset, length = struct.unpack_from("<II", bzimage, 0x248)
    start = (setup_sectors + 1) * 512 + offset
    payload = bzimage[start:start + length]
    if payload[:6] == b"\xfd7zXZ\0":
        return lzma.LZMADecompressor().decompress(payload)
    if payload[:2] == b"\x1f\x8b":
        return zlib.decompressobj(31).decompress(payload)
    raise Failed(f"the kernel's payload begins with {payload[:6].hex()}: neither xz nor gzip")


@case
def linux_amd64_pvh(run):
    """The uncompressed ELF64 kernel, entered by its PVH note."""
    image = run.scratch / "vmlinux"
    image.write_bytes(unpack_vmlinux(Path(run.guests.find("linux-amd64/kernel")).read_bytes()))
    run.shell("--kernel", str(image), "--initrd", run.guests.find("shell-amd64/initrd"), "--append", LINE, seconds=600)


@case
def linux_amd64_smp_topology(run):
    """One package with four cores, as CPUID, MADT and SMBIOS have it."""
    machine = run.serial("-m", "256M", "--no-reboot", "--smp", "4", "--kernel", run.guests.find("linux-amd64/kernel"), "--initrd",
                         run.guests.find("shell-amd64/initrd"), "--append", LINE, seconds=600)
    machine.wait_for(PROMPT)
    machine.type("dmesg | grep 'smpboot: Allowing'; dmesg | grep 'Total of'; cat /sys/devices/system/cpu/cpu*/topology/physical_package_id | "
                 "sort -u | wc -l | sed s/^/packages-/; cat /sys/devices/system/cpu/cpu*/topology/core_id | sort -u | wc -l | sed s/^/cores-/; "
                 "od -An -tu1 -j 35 -N 3 /sys/firmware/dmi/entries/4-0/raw | sed 's/^ */smbios-/; s/  */-/g'\n")
    machine.wait_for("Allowing 4 CPUs")
    machine.wait_for("Total of 4 processors")
    machine.wait_for("packages-1")
    machine.wait_for("cores-4")
    machine.wait_for("smbios-4-4-4")
    machine.type("poweroff -f\n")
    machine.expect_exit(0)


@case
def linux_amd64_with_programs_of_32_bits(run):
    """Compatibility mode: the kernel is 64-bit, the programs are not."""
    run.shell(*run.direct("linux-amd64"), seconds=600)


@case
def linux_amd64_above_4_gib(run):
    machine = run.serial("-m", "6G", "--no-reboot", *run.direct("linux-amd64", "shell-amd64"), seconds=600)
    machine.wait_for(PROMPT)
    machine.type("echo $(($(sed -n 's/MemTotal: *\\([0-9]*\\) kB/\\1/p' /proc/meminfo) > 5500000))-big\n")
    machine.wait_for("1-big")


@case
def linux_amd64_cd(run):
    run.shell("--cdrom", run.image("cd", run.guests.find("linux-amd64/kernel"), "shell-amd64"), seconds=600)


@case
def linux_amd64_disk(run):
    run.shell("--hda", run.image("disk", run.guests.find("linux-amd64/kernel"), "shell-amd64"), seconds=600)


@case
def linux_amd64_smp(run):
    """Idle processors wait in MWAIT, and wake each other by stores."""
    run.shell(*run.direct("linux-amd64", "shell-amd64"), processors=4, mwait=True, seconds=900)


@case
def linux_amd64_smp_cd(run):
    run.shell("--cdrom", run.image("cd", run.guests.find("linux-amd64/kernel"), "shell-amd64"), processors=4, seconds=900)


@case
def linux_amd64_smp_disk(run):
    """A processor without MONITOR idles in HLT."""
    run.shell("--cpu", "max,-monitor", "--hda", run.image("disk", run.guests.find("linux-amd64/kernel"), "shell-amd64"), processors=4,
              mwait=False, seconds=900)


@case
def linux_amd64_4_levels(run):
    """With la57 the kernel uses five."""
    run.shell("--cpu", "max,-la57", *run.direct("linux-amd64", "shell-amd64"), seconds=600)


@case
def linux_amd64_shadow_verified(run):
    run.shell("--set", "memory.shadow=verify", *run.direct("linux-amd64", "shell-amd64"), seconds=900)


@case
def linux_cd(run):
    run.shell("--cdrom", run.image("cd", run.guests.find("linux-686/kernel")))


@case
def linux_disk(run):
    run.shell("--hda", run.image("disk", run.guests.find("linux-686/kernel")))


@case
def linux_pae_cd(run):
    run.shell("--cdrom", run.image("cd", run.guests.find("linux-686-pae/kernel")))


@case
def linux_pae_disk(run):
    run.shell("--hda", run.image("disk", run.guests.find("linux-686-pae/kernel")))


@case
def linux_cd_seabios(run):
    run.shell(*run.seabios(), "--cdrom", run.image("cd", run.guests.find("linux-686/kernel")))


@case
def linux_disk_seabios(run):
    run.shell(*run.seabios(), "--hda", run.image("disk", run.guests.find("linux-686/kernel")))


@case
def linux_shadow_verified(run):
    run.shell("--set", "memory.shadow=verify", *run.direct("linux-686-pae"), seconds=400)


@case
def shell_in_terminal(run):
    """What ./run does where there is no display."""
    machine = run.terminal(str(ROOT / "configs/linux-shell.toml"))
    machine.wait_for(PROMPT)
    machine.type("echo $((6 * 7))-typed\r")
    machine.wait_for("(?m)^42-typed")


def grub_lists(run, drive, *arguments):
    """GRUB's shell, and in it the drive."""
    machine = run.terminal(*arguments)
    machine.wait_for(r"GNU GRUB|grub>")
    machine.type("c")
    machine.wait_for(r"grub> ?")
    machine.type("ls\r")
    machine.wait_for(drive)


@case
def grub_floppy(run):
    grub_lists(run, r"\(fd0\)", "--fda", run.guests.find("grub-rescue/usr/lib/grub-rescue/grub-rescue-floppy.img"), "--snapshot")


@case
def grub_cd(run):
    grub_lists(run, r"\(cd0?\)", "--cdrom", run.guests.find("grub-rescue/usr/lib/grub-rescue/grub-rescue-cdrom.iso"))


@case
def grub_made_here(run):
    """A rescue CD with a menu, which boots Linux."""
    run.shell("--cdrom", run.image("grub", run.guests.find("linux-686/kernel")))


@case
def grub_videoinfo(run):
    machine = run.terminal("--cdrom", run.guests.find("grub-rescue/usr/lib/grub-rescue/grub-rescue-cdrom.iso"))
    machine.wait_for(r"GNU GRUB|grub>")
    machine.type("c")
    machine.wait_for(r"grub> ?")
    machine.type("videoinfo\r")
    machine.wait_for(r"VBE info|Adapter|List of supported video modes")


def ovmf(run, variant=""):
    """OVMF in its two flash chips; the variable store is a copy of ours."""
    folder = "ovmf/usr/share/OVMF/"
    store = run.scratch / "vars.fd"
    shutil.copyfile(run.guests.find(f"{folder}OVMF_VARS{variant}.fd"), store)
    return ["--bios", run.guests.find(f"{folder}OVMF_CODE{variant}.fd"), "--set", f"firmware.flash_vars={store}"]


def ovmf_to_shell(run, variant, *arguments):
    firmware = ovmf(run, variant)
    machine = run.serial("-m", "256M", "--no-reboot", *firmware, *arguments, seconds=600)
    machine.wait_for("UEFI Interactive Shell")
    machine.wait_for("Shell>")
    machine.type("set gnomon kept\r")
    machine.wait_for("Shell>")
    machine.type("ver\r")
    machine.wait_for("UEFI v2.")
    machine.wait_for("Shell>")
    machine.type("reset -s\r")
    machine.expect_exit(0)
    store = (run.scratch / "vars.fd").read_bytes()
    if "kept".encode("utf-16-le") not in store:
        raise Failed("the shell's variable is not in the variable store")
    # The second start finds it.
    again = run.serial("-m", "256M", "--no-reboot", *firmware, *arguments, seconds=600)
    again.wait_for("Shell>")
    again.type("set gnomon\r")
    again.wait_for("mkept")  # behind the sequence that sets its colour


@case
def ovmf_shell(run):
    ovmf_to_shell(run, "")


@case
def ovmf_shell_4m(run):
    """The images that Debian's tools take by default; their variables are read back by the second start."""
    ovmf_to_shell(run, "_4M")


@case
def ovmf_shell_4m_smp(run):
    ovmf_to_shell(run, "_4M", "--smp", "2")


@case
def ovmf_one_file(run):
    """OVMF.fd as a BIOS in ROM: its variables are gone at the end."""
    machine = run.serial("-m", "128M", "--bios", run.guests.find("ovmf/usr/share/ovmf/OVMF.fd"), seconds=400)
    machine.wait_for("Shell>")


def efi_linux(run, variant, *medium, menu=None):
    """Linux on two processors, by way of a boot loader's menu."""
    machine = run.serial("-m", "512M", "--smp", "2", "--no-reboot", *ovmf(run, variant), *medium, seconds=900)
    if menu:
        machine.wait_for(menu)
        machine.wait_for("Linux in a machine")
    machine.wait_for(PROMPT)
    machine.type("[ -d /sys/firmware/efi ] && echo efi-$(nproc); dmesg | grep -c 'ACPI: .*GNOMON' | sed s/^/tables-/\n")
    machine.wait_for("efi-2")
    machine.wait_for("tables-")
    machine.type("poweroff -f\n")
    machine.expect_exit(0)


def efi_image(run, kind, *more):
    return run.image(kind, run.guests.find("linux-amd64/kernel"), "shell-amd64", *more)


@case
def ovmf_grub_linux(run):
    """A CD of grub-mkrescue, with its EFI image."""
    efi_linux(run, "", "--cdrom", efi_image(run, "grub-efi"), menu="GNU GRUB")


@case
def ovmf_grub_linux_4m(run):
    efi_linux(run, "_4M", "--cdrom", efi_image(run, "grub-efi"), menu="GNU GRUB")


@case
def ovmf_grub_linux_4m_disk(run):
    """GRUB in the EFI system partition of a disk."""
    efi_linux(run, "_4M", "--hda", efi_image(run, "grub-efi-disk"), menu="GNU GRUB")


@case
def ovmf_systemd_boot(run):
    """systemd-boot, which starts the kernel as the EFI program that it is; the kernel loads its initrd by EFI's services."""
    loader = run.guests.find("systemd-boot/usr/lib/systemd/boot/efi/systemd-bootx64.efi")
    efi_linux(run, "_4M", "--hda", efi_image(run, "systemd-boot", loader), menu="")


@case
def memdisk(run):
    """GRUB's floppy, held in memory by MEMDISK, which answers INT 13h for it."""
    floppy = run.guests.find("grub-rescue/usr/lib/grub-rescue/grub-rescue-floppy.img")
    image = str(run.scratch / "memdisk.iso")
    subprocess.run([str(HERE / "make_image.sh"), "memdisk", image, floppy], check=True)
    grub_lists(run, r"\(fd0\)", "--cdrom", image)


@case
def small_and_quick(run):
    """From the start of the program to a boot sector of ours, and how much memory that takes beside the guest's."""
    floppy = run.scratch / "exit.img"
    # mov al, 42; mov dx, 0f4h; out dx, al; hlt
    floppy.write_bytes(bytes([0xB0, 42, 0xBA, 0xF4, 0x00, 0xEE, 0xF4]).ljust(510, b"\0") + b"\x55\xaa" + bytes(1440 * 1024 - 512))
    line = ["-m", "16M", "--fda", str(floppy), "--boot", "a", "--set", "debug.exit_port=0xf4"]
    spent = []
    for _ in range(3):
        status, output, _, size, seconds = run.finish(*line)
        if status != 42 << 1 | 1:
            raise Failed(f"status {status}: {output}")
        spent.append(seconds)
    overhead = size // 1024 - 16
    print(f"from start to boot sector and out again {min(spent) * 1000:.0f} ms of processor time; {overhead} MiB beside the guest's memory")
    if overhead >= 100:
        raise Failed(f"{overhead} MiB beside the guest's memory")


def memtest_pass(run, image, processors=1):
    """A whole pass of memtest86+ without an error, by all processors."""
    machine = run.terminal("-m", "32M", "--smp", str(processors), "--cdrom", run.guests.find(f"memtest/**/memtest86+{image}.iso"),
                           seconds=1500)
    if processors > 1:
        machine.wait_for(rf"SMP: {processors}T \(PAR\)")
    machine.wait_for(r"Pass: +[1-9]|PASS")
    if re.search(r"Errors: +[1-9]", machine.screen()):
        raise Failed("memtest86+ found errors:\n" + machine.screen())


@case
def memtest(run):
    memtest_pass(run, "ia32")


@case
def memtest_smp(run):
    memtest_pass(run, "ia32", 2)


@case
def memtest_amd64(run):
    memtest_pass(run, "x64")


@case
def memtest_amd64_smp(run):
    memtest_pass(run, "x64", 2)


@case
def ipxe(run):
    machine = run.terminal("--cdrom", run.guests.find("ipxe/usr/lib/ipxe/ipxe.iso"))
    machine.wait_for(r"Ctrl-B")
    machine.type("\x02")
    machine.wait_for(r"iPXE> ?")


@case
def invaders(run):
    machine = run.terminal("--kernel", run.guests.find("invaders/boot/invaders.exec"))
    machine.wait_for(r"-\*-.*-\*-(.|\n)*/ \\")
    ship = lambda: max(line.find("/ \\") for line in machine.screen().splitlines()[-32:])
    start = ship()
    for _ in range(20):
        machine.type("\x1b[D")
        machine.rest(0.15)
    if ship() >= start:
        raise Failed(f"the ship stays at column {start}:\n{machine.screen()}")


def debian_installer_on(run, *arguments):
    tree = "installer-i386/usr/lib/debian-installer/images/12/i386/text/debian-installer/i386/"
    machine = run.terminal("-m", "512M", *arguments, "--kernel", run.guests.find(tree + "linux"), "--initrd",
                           run.guests.find(tree + "initrd.gz"), "--append", "vga=normal fb=false nomodeset", seconds=400)
    machine.wait_for(r"Select a language")


@case
def debian_installer(run):
    debian_installer_on(run)


@case
def debian_installer_amd64(run):
    tree = "installer-amd64/usr/lib/debian-installer/images/12/amd64/text/debian-installer/amd64/"
    machine = run.terminal("-m", "1G", "--kernel", run.guests.find(tree + "linux"), "--initrd", run.guests.find(tree + "initrd.gz"),
                           "--append", "vga=normal fb=false nomodeset", seconds=800)
    machine.wait_for(r"Select a language")


def kit(run, image, processors=1, scale=0.02):
    """All workloads of the benchmark kit, shortened: every checksum equals the native one."""
    folder = run.kit / image
    expected = dict(line.split() for line in (run.kit_source / "guest/expected.txt").read_text().splitlines()
                    if line and not line.startswith("#"))
    line = (folder / "append").read_text().strip() + f" bench.scale={scale}"
    machine = run.serial("-m", "512M", "--no-reboot", "--smp", str(processors), "--kernel", str(folder / "kernel"), "--initrd", str(folder / "initrd"),
                         "--append", line, seconds=900)
    log = machine.read_until("BENCH-DONE")
    machine.expect_exit(0)
    results = re.findall(r"^BENCH (\S+) \d+ \d+ ([0-9a-f]{8})", log, re.M)
    wrong = [f"{name}: {checksum}, should be {expected[name]}" for name, checksum in results if expected.get(name) != checksum]
    wrong += re.findall(r"^BENCH-FAIL .*$", log, re.M)
    skipped = re.findall(r"^BENCH-SKIP (\S+)", log, re.M)
    if wrong or len(results) < 37:
        raise Failed(f"{len(results)} right or wrong results, skipped: {skipped}, wrong:\n" + "\n".join(wrong) + log[-2000:])


def kit_boots(run, *arguments):
    """An image of the kit by its own boot loader, up to the first of its lines."""
    machine = run.serial("-m", "512M", "--no-reboot", *arguments, seconds=400)
    machine.wait_for("BENCH ")


@case
def kit_i386(run):
    kit(run, "bench-i386")


@case
def kit_amd64(run):
    kit(run, "bench-amd64")


@case
def kit_amd64_smp(run):
    kit(run, "bench-amd64", processors=2, scale=0.005)


@case
def kit_repeats(run):
    """The same run twice: the same instructions, the same serial output."""
    folder = run.kit / "bench-i386"
    line = (folder / "append").read_text().strip() + " bench.scale=0.002"
    runs = []
    for _ in range(2):
        status, output, stats, _, _ = run.finish("-m", "256M", "--no-reboot", "--serial", "stdio", "--kernel", str(folder / "kernel"),
                                                 "--initrd", str(folder / "initrd"), "--append", line, seconds=900)
        if status != 0 or "BENCH-DONE" not in output:
            raise Failed(f"status {status}:\n{output[-2000:]}")
        runs.append((stats["instructions"], output))
    if runs[0] != runs[1]:
        raise Failed(f"{runs[0][0]} and {runs[1][0]} instructions, output {'equal' if runs[0][1] == runs[1][1] else 'different'}")


@case
def kit_i386_pae(run):
    kit(run, "bench-i386-pae")


# Cases in files of their own; they import this one.
sys.modules.setdefault("boot", sys.modules[__name__])
import firmware_cases  # noqa: E402,F401


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--list", action="store_true")
    parser.add_argument("--gnomon", default=str(ROOT / "build/gnomon"))
    parser.add_argument("--guests", default=str(ROOT / ".cache/guests"))
    parser.add_argument("--kit", default=str(ROOT / ".cache/kit"))
    parser.add_argument("--kit-source", default=str(ROOT.parent / "shared/workloads"))
    parser.add_argument("cases", nargs="*")
    options = parser.parse_args()
    if options.list:
        print("\n".join(CASES))
        return 0
    status = 0
    for name in options.cases:
        scratch = Path(tempfile.mkdtemp(prefix="gnomon-boot-"))
        run = Run(options.gnomon, Guests(options.guests), Path(options.kit), Path(options.kit_source), scratch)
        began = time.monotonic()
        try:
            CASES[name](run)
            print(f"{name}: came up in {time.monotonic() - began:.1f} s")
        except Failed as reason:
            print(f"{name}: {reason}")
            status = 1
        finally:
            for machine in run.open:
                machine.close()
            shutil.rmtree(scratch, ignore_errors=True)
    return status


if __name__ == "__main__":
    sys.exit(main())
