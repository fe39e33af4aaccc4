"""Boot loaders and programs without an operating system: GRUB, MEMDISK, memtest86+, iPXE, and how quick a boot sector is."""

import re
import subprocess

from cases import HERE, case
from guest_console import Failed


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


def grub_in_memdisk(run, *firmware):
    """GRUB's floppy, held in memory by MEMDISK, which answers INT 13h for it."""
    floppy = run.guests.find("grub-rescue/usr/lib/grub-rescue/grub-rescue-floppy.img")
    image = str(run.scratch / "memdisk.iso")
    subprocess.run([str(HERE / "make_image.sh"), "memdisk", image, floppy], check=True)
    grub_lists(run, r"\(fd0\)", *firmware, "--cdrom", image)


@case
def memdisk(run):
    grub_in_memdisk(run)


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
