"""Cases of boot.py: other firmware than ours (SeaBIOS, the BIOS of Bochs), and what only a firmware's services show."""

import subprocess

from boot import HERE, Failed, case, debian_installer_on, grub_lists, kit_boots


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
    floppy = run.guests.find("grub-rescue/usr/lib/grub-rescue/grub-rescue-floppy.img")
    image = str(run.scratch / "memdisk.iso")
    subprocess.run([str(HERE / "make_image.sh"), "memdisk", image, floppy], check=True)
    grub_lists(run, r"\(fd0\)", *run.seabios(), "--cdrom", image)


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
    machine_file.write_text(f"romimage: file=$BXSHARE/BIOS-bochs-latest\nvgaromimage: file=$BXSHARE/VGABIOS-lgpl-latest\nmegs: 64\n"
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
