"""Debian's installer, up to its first question."""

from cases import case


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
