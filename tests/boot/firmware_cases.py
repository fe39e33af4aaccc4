"""Cases of boot.py: other firmware than ours (SeaBIOS, the BIOS of Bochs), and what only a firmware's services show."""

import subprocess

from cases import case
from guest_console import Failed
from installer_cases import debian_installer_on
from kit_cases import kit_boots
from loader_cases import grub_in_memdisk, grub_lists


def cdrom(run):
    return ["--cdrom", run.guests.find("grub-rescue/usr/lib/grub-rescue/grub-rescue-cdrom.iso")]


@case
def grub_usb(run):
    """The image for USB sticks as a hard disk."""
    image = run.guests.find("grub-rescue/usr/lib/grub-rescue/grub-rescue-usb.img")
    grub_lists(run, r"\(hd0\)", "--hda", image, "--snapshot")


@case
def grub_usb_seabios(run):
    image = run.guests.find("grub-rescue/usr/lib/grub-rescue/grub-rescue-usb.img")
    grub_lists(run, r"\(hd0\)", *run.seabios(), "--hda", image, "--snapshot")


@case
def grub_floppy_seabios(run):
    image = run.guests.find("grub-rescue/usr/lib/grub-rescue/grub-rescue-floppy.img")
    grub_lists(run, r"\(fd0\)", *run.seabios(), "--fda", image, "--boot", "a", "--snapshot")


@case
def grub_cd_seabios(run):
    grub_lists(run, r"\(cd0?\)", *run.seabios(), *cdrom(run))


@case
def grub_functional_test(run):
    """GRUB's own tests of its terminals, arithmetic, video modes and compression."""
    machine = run.terminal("-m", "256M", *cdrom(run), seconds=400)
    machine.wait_for(r"GNU GRUB|grub>")
    machine.type("c")
    machine.wait_for(r"grub> ?")
    machine.type("functional_test\r")
    machine.wait_for(r"ALL TESTS PASSED")


@case
def memdisk_seabios(run):
    grub_in_memdisk(run, *run.seabios())


@case
def ipxe_seabios(run):
    machine = run.terminal(*run.seabios(), "--cdrom", run.guests.find("ipxe/usr/lib/ipxe/ipxe.iso"))
    machine.wait_for(r"Ctrl-B")
    machine.type("\x02")
    machine.wait_for(r"iPXE> ?")


@case
def memtest_seabios(run):
    """Up to its first test."""
    machine = run.terminal("-m", "32M", *run.seabios(), "--cdrom", run.guests.find("memtest/**/memtest86+ia32.iso"), seconds=300)
    machine.wait_for(r"Test #[1-9]")


@case
def debian_installer_seabios(run):
    debian_installer_on(run, *run.seabios())


@case
def kit_cd_seabios(run):
    kit_boots(run, *run.seabios(), "--cdrom", str(run.kit / "bench-i386/boot.iso"))


@case
def kit_disk_seabios(run):
    kit_boots(run, *run.seabios(), "--hda", str(run.kit / "bench-i386/boot.img"), "--snapshot")


@case
def bochs_bios(run):
    """A bochsrc that names Bochs's own BIOS and VGA BIOS, as Debian's packages have them."""
    machine_file = run.scratch / "bochsrc"
    floppy = run.guests.find("grub-rescue/usr/lib/grub-rescue/grub-rescue-floppy.img")
    bios = run.guests.find("bochsbios/usr/share/bochs/BIOS-bochs-latest")
    vgabios = run.guests.find("vgabios/usr/share/vgabios/vgabios.bin")
    machine_file.write_text(f"romimage: file={bios}\nvgaromimage: file={vgabios}\nmegs: 64\n"
                            f"floppya: 1_44={floppy}, status=inserted, write_protected=1\nboot: floppy\n")
    grub_lists(run, r"\(fd0\)", str(machine_file))


@case
def apm_power_off(run):
    """DOS programs switch the machine off by INT 15h: connect, version 1.2, all devices off."""
    floppy = run.scratch / "apm.img"
    code = bytes.fromhex("31db b80153 cd15"            # xor bx, bx; mov ax, 5301h; int 15h
                         "31db b90201 b80e53 cd15"     # version 1.2
                         "bb0100 b90300 b80753 cd15"   # all devices: off
                         "f4ebfd")                     # hlt
    floppy.write_bytes(code.ljust(510, b"\0") + b"\x55\xaa" + bytes(1440 * 1024 - 512))
    status, output, _, _, _ = run.finish("--fda", str(floppy), "--boot", "a", "--timeout", "60")
    if status != 0:
        raise Failed(f"status {status}: {output}")


@case
def syslinux_power_off(run):
    """poweroff.c32 finds APM in our BIOS and uses it."""
    tree = run.scratch / "tree/isolinux"
    tree.mkdir(parents=True)
    modules = "/usr/lib/syslinux/modules/bios"
    for file in ("/usr/lib/ISOLINUX/isolinux.bin", f"{modules}/ldlinux.c32", f"{modules}/poweroff.c32", f"{modules}/libcom32.c32"):
        (tree / file.rsplit("/", 1)[1]).write_bytes(open(file, "rb").read())
    (tree / "isolinux.cfg").write_text("DEFAULT off\nLABEL off\n  COM32 poweroff.c32\n")
    image = run.scratch / "off.iso"
    subprocess.run(["xorriso", "-as", "mkisofs", "-quiet", "-o", str(image), "-b", "isolinux/isolinux.bin", "-c", "isolinux/boot.cat",
                    "-no-emul-boot", "-boot-load-size", "4", "-boot-info-table", str(tree.parent)], check=True, capture_output=True)
    status, output, _, _, _ = run.finish("--cdrom", str(image), "--timeout", "120")
    if status != 0:
        raise Failed(f"status {status}: {output}")


@case
def u_boot(run):
    """U-Boot as the firmware, up to its prompt; it starts in 16 bits and runs in 64."""
    machine = run.serial("-m", "256M", "--bios", run.guests.find("u-boot/usr/lib/u-boot/qemu-x86_64/u-boot.rom"))
    machine.wait_for("Jumping to 64-bit U-Boot")
    machine.wait_for("Hit any key to stop autoboot")
    machine.type("\r")
    machine.wait_for("=> ")
    machine.type("version\r")
    machine.wait_for("U-Boot 20")


@case
def gnumach(run):
    """GNU Mach by Multiboot, until it misses the programs of the Hurd."""
    machine = run.serial("--kernel", run.guests.find("gnumach/boot/gnumach-*.gz"), "--append", "console=com0")
    machine.wait_for("No bootstrap code loaded with the kernel")


@case
def grub_legacy(run):
    """GRUB 0.97 from a floppy disk; its shell shows the geometry of drives."""
    folder = "grub-legacy/usr/lib/grub/x86_64-pc/"
    stages = [open(run.guests.find(folder + name), "rb").read() for name in ("stage1", "stage2")]
    image = run.scratch / "legacy.img"
    image.write_bytes((stages[0][:512] + stages[1]).ljust(1440 * 1024, b"\0"))
    machine = run.terminal("--fda", str(image), "--boot", "a")
    machine.wait_for(r"GNU GRUB +version 0\.97")
    machine.type("geometry (fd0)\r")
    machine.wait_for(r"drive 0x0: C/H/S = 80/2/18")


@case
def empty_floppies(run):
    """Disks that were formatted only are not executed; one without the signature of later systems still is."""
    text = run.scratch / "screen.txt"
    for fill in (b"\0", b"\xf6"):
        floppy = run.scratch / "empty.img"
        floppy.write_bytes(fill * (1440 * 1024))
        run.finish("--fda", str(floppy), "--boot", "a", "--max-instructions", "30000000", "--screen-text", str(text))
        if "empty boot sector" not in text.read_text():
            raise Failed(text.read_text())
    # mov al, 42; mov dx, 0f4h; out dx, al; hlt
    floppy.write_bytes(bytes([0xB0, 42, 0xBA, 0xF4, 0x00, 0xEE, 0xF4]).ljust(1440 * 1024, b"\0"))
    status, output, _, _, _ = run.finish("--fda", str(floppy), "--boot", "a", "--set", "debug.exit_port=0xf4")
    if status != 42 << 1 | 1:
        raise Failed(f"status {status}: {output}")
