"""OVMF, and what it starts."""

import shutil

from cases import PROMPT, case
from guest_console import Failed


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
