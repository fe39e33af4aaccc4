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

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "boot"))
import boot  # noqa: E402
from boot import Failed, case  # noqa: E402

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


def fill_framebuffer(run, arguments, commands, colour):
    """Linux with its console on a framebuffer: text is drawn there, then a program fills it."""
    shot = str(run.scratch / "screen.png")
    machine = run.serial("-m", "256M", "--no-reboot", "--screenshot", shot, *arguments, seconds=400)
    machine.wait_for(boot.PROMPT)
    for command, answer in commands:
        machine.type(command + "\n")
        machine.wait_for(answer)
    machine.type("echo 0 > /sys/class/graphics/fbcon/cursor_blink; tr '\\0' '\\252' < /dev/zero | head -c 8388608 > /dev/fb0; "
                 "sleep 1; echo fil''led\n")
    machine.wait_for("filled")
    machine.type("poweroff -f\n")
    machine.expect_exit(0)
    picture = Picture(shot)
    picture.expect_size(*SCREEN)
    picture.expect_filled(colour)


@case
def vesafb(run):
    """The VBE mode that the setup code of the kernel sets, 16 bits: AAAAh is 21, 21, 10 of 31, 63, 31."""
    fill_framebuffer(run, run.direct("linux-686")[:-1] + [boot.LINE + " vga=791"],
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
    fill_framebuffer(run, arguments, [(load, "bochs-drmdrmfb frame buffer device"),
                                      ("dmesg | grep Found", "Found EDID data blob")], "aaaaaa")


GRUB_CONFIGURATION = """
insmod all_video
insmod font
insmod gfxmenu
loadfont unicode
set gfxmode=1024x768x32
insmod gfxterm
serial --unit=0 --speed=115200
terminal_output gfxterm
set theme=/boot/grub/theme.txt
set timeout={timeout}
menuentry "first" {{
    terminal_output serial
    echo GRUB-MENU-SHOWN
    terminal_output serial gfxterm
    videoinfo
    echo GRUB-VIDEO-SHOWN
    sleep 1000
}}
"""
GRUB_THEME = """
desktop-color: "#204060"
title-text: "Gnomon"
+ boot_menu { left = 25% width = 50% top = 30% height = 40% item_color = "#ffffff" selected_item_color = "#ffff00" }
"""


GRUB_MENU_INSTRUCTIONS = 2_000_000_000    # enough until the menu is there


def grub_disc(run, timeout):
    folder = run.scratch / f"iso{timeout}/boot/grub"
    folder.mkdir(parents=True)
    (folder / "grub.cfg").write_text(GRUB_CONFIGURATION.format(timeout=timeout))
    (folder / "theme.txt").write_text(GRUB_THEME)
    image = str(run.scratch / f"grub{timeout}.iso")
    subprocess.run(["grub-mkrescue", "-o", image, str(folder.parent.parent)], check=True, capture_output=True)
    return image


def grub_gfxterm_with(run, *arguments):
    """GRUB's graphical menu with a theme; then text on its graphical terminal."""
    shot = str(run.scratch / "menu.png")
    run.finish("--cdrom", grub_disc(run, -1), "--max-instructions", str(GRUB_MENU_INSTRUCTIONS), "--screenshot", shot, *arguments)
    picture = Picture(shot)
    picture.expect_size(*SCREEN)
    colours = picture.colours()
    if picture.pixel(5, 760) != "204060" or not colours["ffff00"]:
        raise Failed(f"no menu on its desktop: {colours.most_common(6)}")
    shot = str(run.scratch / "text.png")
    machine = run.serial("--cdrom", grub_disc(run, 0), "--screenshot", shot, *arguments)
    machine.wait_for("GRUB-MENU-SHOWN")
    machine.wait_for("1024 x  768 x 32")
    machine.wait_for("GRUB-VIDEO-SHOWN")
    machine.process.terminate()
    machine.expect_exit(128 + 15)
    picture = Picture(shot)
    picture.expect_size(*SCREEN)
    if picture.colours()["aaaaaa"] < 2000:
        raise Failed(f"no text: {picture.colours().most_common(6)}")


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
