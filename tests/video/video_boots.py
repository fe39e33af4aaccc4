#!/usr/bin/env python3
"""Real software that draws: boot loaders and kernels in graphics modes, judged by the picture at their end.

    video_boots.py [--gnomon FILE] CASE...      as ../boot/boot.py, whose machinery this uses
"""
import struct
import subprocess
import sys
import zlib
from collections import Counter
from pathlib import Path

for folder in ("boot", "control"):
    sys.path.insert(0, str(Path(__file__).resolve().parent.parent / folder))
import boot  # noqa: E402
from boot import Failed, case  # noqa: E402
from gnomon_control import Control  # noqa: E402

SCREEN = (1024, 768)


class Picture:
    """A PNG file as the emulator writes it: 8 bits a component, no filters."""

    def __init__(self, path):
        data = Path(path).read_bytes()
        at, packed = 8, b""
        while at < len(data):
            size, kind = struct.unpack_from(">I4s", data, at)
            if kind == b"IHDR":
                self.width, self.height = struct.unpack_from(">II", data, at + 8)
            if kind == b"IDAT":
                packed += data[at + 8:at + 8 + size]
            at += size + 12
        rows = zlib.decompress(packed)
        stride = self.width * 3 + 1
        self.rows = [rows[y * stride + 1:(y + 1) * stride] for y in range(self.height)]

    def pixel(self, x, y):
        return self.rows[y][3 * x:3 * x + 3].hex()

    def colours(self):
        count = Counter()
        for row in self.rows:
            count.update(row[i:i + 3].hex() for i in range(0, len(row), 3))
        return count

    def expect_size(self, width, height):
        if (self.width, self.height) != (width, height):
            raise Failed(f"a picture of {self.width}x{self.height} instead of {width}x{height}")

    def expect_filled(self, colour):
        """All of that colour, but for a cursor."""
        colours = self.colours()
        if colours[colour] < self.width * self.height - 8 * 16:
            raise Failed(f"not filled with {colour}: {colours.most_common(5)}")


def show_framebuffer(run, arguments, commands, colour=None):
    """Linux with its console on a framebuffer: text is drawn there; then a program fills it with a colour."""
    shot = str(run.scratch / "screen.png")
    socket = str(run.scratch / "control")
    machine = run.serial("-m", "256M", "--no-reboot", "--control", f"unix:{socket}", *arguments, seconds=400)
    machine.wait_for(boot.PROMPT)
    for command, answer in commands:
        machine.type(command + "\n")
        machine.wait_for(answer)
    if colour is None:
        Control(socket).execute("screendump", filename=shot)
        machine.type("poweroff -f\n")
        machine.expect_exit(0)
        picture = Picture(shot)
        picture.expect_size(*SCREEN)
        if picture.colours()["aaaaaa"] < 1000:
            raise Failed(f"no console: {picture.colours().most_common(5)}")
        return
    machine.type("echo 0 > /sys/class/graphics/fbcon/cursor_blink; tr '\\0' '\\252' < /dev/zero | head -c 8388608 > /dev/fb0; "
                 "sleep 1; echo fil''led\n")
    machine.wait_for("filled")
    Control(socket).execute("screendump", filename=shot)    # before the kernel's last words
    machine.type("poweroff -f\n")
    machine.expect_exit(0)
    picture = Picture(shot)
    picture.expect_size(*SCREEN)
    picture.expect_filled(colour)


@case
def vesafb(run):
    """The VBE mode that the setup code of the kernel sets, 16 bits: AAAAh is 21, 21, 10 of 31, 63, 31."""
    show_framebuffer(run, run.direct("linux-686")[:-1] + [boot.LINE + " vga=791"],
                     [("dmesg | grep fb0", "VESA VGA frame buffer device")], "ad5552")


@case
def bochs_drm(run):
    """The kernel's own driver for the adapter, from its EDID to the screen; 32 bits."""
    modules = Path(run.guests.find("linux-686/lib/modules/*"))
    tree = run.scratch / "tree/mods"
    tree.mkdir(parents=True)
    names = ["syscopyarea", "sysfillrect", "sysimgblt", "fb_sys_fops", "drm", "drm_kms_helper", "ttm", "drm_ttm_helper",
             "drm_vram_helper", "bochs"]
    for name in names:
        (tree / f"{name}.ko").write_bytes(next(modules.rglob(f"{name}.ko")).read_bytes())
    archive = run.scratch / "modules.cpio"
    with archive.open("wb") as out:
        subprocess.run("find mods | cpio -o -H newc --quiet", shell=True, cwd=tree.parent, stdout=out, check=True)
    load = f"for m in {' '.join(names)}; do insmod /mods/$m.ko; done; dmesg | grep fb0"
    arguments = run.direct("linux-686") + ["--initrd", str(archive)]
    show_framebuffer(run, arguments, [(load, "bochs-drmdrmfb frame buffer device"),
                                      ("dmesg | grep Found", "Found EDID data blob")])


GRUB_CONFIGURATION = """
insmod all_video
insmod font
insmod gfxmenu
loadfont unicode
set gfxmode=1024x768x32
insmod gfxterm
terminal_output gfxterm
set theme=/boot/grub/theme.txt
set timeout=-1
menuentry "first" {
    videoinfo
    sleep 1000
}
"""
GRUB_THEME = """
desktop-color: "#204060"
title-text: "Gnomon"
+ boot_menu { left = 25% width = 50% top = 30% height = 40% item_color = "#ffffff" selected_item_color = "#ffff00" }
"""


GRUB_MENU_INSTRUCTIONS = 2_000_000_000    # enough until the menu is there


def grub_disc(run):
    folder = run.scratch / "iso/boot/grub"
    folder.mkdir(parents=True)
    (folder / "grub.cfg").write_text(GRUB_CONFIGURATION)
    (folder / "theme.txt").write_text(GRUB_THEME)
    image = str(run.scratch / "grub.iso")
    subprocess.run(["grub-mkrescue", "-o", image, str(folder.parent.parent)], check=True, capture_output=True)
    return image


def grub_gfxterm_with(run, *arguments):
    """GRUB's graphical menu with a theme."""
    shot = str(run.scratch / "menu.png")
    run.finish("--cdrom", grub_disc(run), "--max-instructions", str(GRUB_MENU_INSTRUCTIONS), "--screenshot", shot, *arguments)
    picture = Picture(shot)
    picture.expect_size(*SCREEN)
    colours = picture.colours()
    if picture.pixel(5, 760) != "204060" or not colours["ffff00"]:
        raise Failed(f"no menu on its desktop: {colours.most_common(6)}")


@case
def grub_gfxterm(run):
    grub_gfxterm_with(run)


@case
def grub_gfxterm_seabios(run):
    """SeaBIOS with its own VGA BIOS for the adapter."""
    grub_gfxterm_with(run, "--bios", run.guests.find("seabios/usr/share/seabios/bios-256k.bin"),
                      "--vgabios", run.guests.find("seabios/usr/share/seabios/vgabios-stdvga.bin"))


if __name__ == "__main__":
    sys.exit(boot.main())
