"""The guest of these tests: Debian's Linux with a BusyBox shell on the screen, and the modules of disc drive and mouse."""

import os
import struct
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
# In the order in which they can be loaded.
MODULES = ["scsi/scsi_common", "scsi/scsi_mod", "ata/libata", "ata/ata_piix", "cdrom/cdrom", "scsi/sr_mod", "input/mouse/psmouse",
           "input/evdev"]


def cpio(files):
    """An archive as the kernel unpacks it ("newc")."""
    out = b""
    for number, (name, data) in enumerate([*files.items(), ("TRAILER!!!", b"")]):
        path = name.encode() + b"\0"
        fields = [number + 1, 0o100644, 0, 0, 1, 0, len(data), 0, 0, 0, 0, len(path), 0]
        out += b"070701" + b"".join(b"%08X" % field for field in fields) + path
        out += b"\0" * (-len(out) % 4) + data
        out += b"\0" * (-len(out) % 4)
    return out


def arguments(guests, folder):
    """Gnomon's arguments; `folder` gets the archive with the modules."""
    guests = Path(guests)
    tree = next((guests / "linux-686/lib/modules").iterdir()) / "kernel/drivers"
    files = {os.path.basename(name) + ".ko": (tree / (name + ".ko")).read_bytes() for name in MODULES}
    # The mouse is looked for while the shell goes on.
    files["modules.sh"] = ("[ -e /dev/input/mouse0 ] && exit\n" +
                           "".join(f"insmod /{os.path.basename(name)}.ko\n" for name in MODULES) +
                           "until [ -e /dev/input/mouse0 ]; do sleep 1; done\n").encode()
    archive = Path(folder) / "modules.cpio"
    archive.write_bytes(cpio(files))
    return ["-m", "128M", "--kernel", str(guests / "linux-686/kernel"), "--initrd", str(guests / "shell/initrd"),
            "--initrd", str(archive), "--append", "console=tty0 quiet mitigations=off no_timer_check", "--set", "cdrom.2.present=true"]


def disc(path, label):
    """A file that a drive takes for a disc; its first bytes say which."""
    Path(path).write_bytes(label.encode().ljust(2048 * 64, b"\0"))
    return str(path)


def png_size(path):
    data = Path(path).read_bytes()
    assert data[:8] == b"\x89PNG\r\n\x1a\n", "no PNG"
    return struct.unpack(">II", data[16:24])
