#!/usr/bin/env python3
"""Real software that draws: boot loaders, kernels and an X server, judged by the picture at their end.

    video_boots.py [--gnomon FILE] CASE...      as ../boot/boot.py, whose cases.py this uses

With GNOMON_PICTURES=FOLDER in the environment the pictures that were judged good are left there (scripts/pictures.sh).
"""
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

for folder in ("boot", "control"):
    sys.path.insert(0, str(Path(__file__).resolve().parent.parent / folder))
from cases import LINE, PROMPT, case, main  # noqa: E402
from gnomon_control import Control  # noqa: E402
from guest_console import Failed  # noqa: E402
from picture import Picture  # noqa: E402

SCREEN = (1024, 768)


def expect_size(picture, width, height):
    if (picture.width, picture.height) != (width, height):
        raise Failed(f"a picture of {picture.width}x{picture.height} instead of {width}x{height}")


def keep(shot, name):
    """For the documentation."""
    if folder := os.environ.get("GNOMON_PICTURES"):
        shutil.copy(shot, Path(folder) / f"{name}.png")


def expect_filled(picture, colour):
    """All of that colour, but for a cursor."""
    colours = picture.colours()
    if colours[colour] < picture.width * picture.height - 8 * 16:
        raise Failed(f"not filled with {colour}: {colours.most_common(5)}")


def show_framebuffer(run, arguments, commands, colour):
    """Linux with its console on a framebuffer: text is drawn there; then a program fills it with a colour."""
    shot = str(run.scratch / "screen.png")
    socket = str(run.scratch / "control")
    machine = run.serial("-m", "256M", "--no-reboot", "--control", f"unix:{socket}", *arguments, seconds=400)
    machine.wait_for(PROMPT)
    for command, answer in commands:
        machine.type(command + "\n")
        machine.wait_for(answer)
    machine.type("echo 0 > /sys/class/graphics/fbcon/cursor_blink; tr '\\0' '\\252' < /dev/zero | head -c 3145728 > /tmp/fill; "
                 "dd if=/tmp/fill of=/dev/fb0 bs=1000000; sleep 1; echo fil''led\n")
    machine.wait_for("filled")
    Control(socket).execute("screendump", filename=shot)    # before the kernel's last words
    machine.type("poweroff -f\n")
    machine.expect_exit(0)
    picture = Picture(shot)
    expect_size(picture, *SCREEN)
    expect_filled(picture, colour)


@case
def vesafb(run):
    """The VBE mode that the setup code of the kernel sets, 16 bits: AAAAh is 21, 21, 10 of 31, 63, 31."""
    show_framebuffer(run, run.direct("linux-686")[:-1] + [LINE + " vga=791"],
                     [("dmesg | grep fb0", "VESA VGA frame buffer device")], "ad5552")


@case
def bochs_drm(run):
    """The kernel's own driver for the adapter, from its EDID to the screen; 32 bits. What is written to /dev/fb0 goes to a
    shadow buffer, of which the kernel copies what it takes for changed: of a write of exactly one line (4096 bytes) it takes
    nothing, in QEMU likewise; hence dd's larger pieces."""
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
                                      ("dmesg | grep Found", "Found EDID data blob")], "aaaaaa")


GRUB_CONFIGURATION = """
insmod all_video
insmod font
insmod png
insmod gfxmenu
loadfont unicode
for font in 10 12 14 16 bold_14; do loadfont /boot/grub/dejavu_$font.pf2; done
set gfxmode=1024x768x32
insmod gfxterm
terminal_output gfxterm
set theme=/boot/grub/theme.txt
set timeout=-1
menuentry "Debian GNU/Linux" {
    videoinfo
    sleep 1000
}
menuentry "Memory test" {
    sleep 1000
}
"""
GRUB_THEME = """
desktop-color: "#204060"
title-text: "Gnomon"
+ boot_menu { left = 25% width = 50% top = 30% height = 40% item_color = "#ffffff" selected_item_color = "#ffff00" }
"""
STARFIELD = Path("/usr/share/grub/themes/starfield")    # package grub-theme-starfield


GRUB_MENU_INSTRUCTIONS = 2_000_000_000    # enough until the menu is there


def grub_disc(run, theme=None):
    """GRUB with a theme: the folder of one, or the small one above."""
    folder = run.scratch / "iso/boot/grub"
    if theme:
        shutil.copytree(theme, folder)
    else:
        folder.mkdir(parents=True)
        (folder / "theme.txt").write_text(GRUB_THEME)
    (folder / "grub.cfg").write_text(GRUB_CONFIGURATION)
    image = str(run.scratch / "grub.iso")
    subprocess.run(["grub-mkrescue", "-o", image, str(folder.parent.parent)], check=True, capture_output=True)
    return image


def grub_gfxterm_with(run, *arguments):
    """GRUB's graphical menu with a theme."""
    shot = str(run.scratch / "menu.png")
    run.finish("--cdrom", grub_disc(run), "--max-instructions", str(GRUB_MENU_INSTRUCTIONS), "--screenshot", shot, *arguments)
    picture = Picture(shot)
    expect_size(picture, *SCREEN)
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


@case
def grub_starfield(run):
    """GRUB's own theme: a picture behind the menu, boxes made of pictures, fonts with smooth edges."""
    shot = str(run.scratch / "menu.png")
    run.finish("--cdrom", grub_disc(run, STARFIELD), "--max-instructions", str(2 * GRUB_MENU_INSTRUCTIONS), "--screenshot", shot,
               seconds=400)
    picture = Picture(shot)
    expect_size(picture, *SCREEN)
    colours = picture.colours()
    if len(colours) < 500 or colours["ffffff"] < 200:
        raise Failed(f"{len(colours)} colours, no picture of stars with a menu: {colours.most_common(6)}")
    keep(shot, "grub")


@case
def grub_invaders(run):
    """A Multiboot kernel that is a game: ships of its characters in text mode's colours."""
    shot = str(run.scratch / "game.png")
    run.finish("--kernel", run.guests.find("invaders/boot/invaders.exec"), "--max-instructions", "1000000000", "--screenshot", shot)
    picture = Picture(shot)
    expect_size(picture, 720, 400)
    colours = picture.colours()
    if colours["00aaaa"] < 1000 or not 20 < colours["aa00aa"] < 200 or len(colours) > 4:    # the fleet, the ship
        raise Failed(f"no game: {colours.most_common(6)}")
    keep(shot, "invaders")


def settled(control, shot, good, seconds):
    """The first picture that is good and stays."""
    deadline = time.monotonic() + seconds
    last = None
    while time.monotonic() < deadline:
        control.execute("screendump", filename=shot)
        picture = Picture(shot)
        if last and picture == last and good(picture):
            return picture
        last = picture
        time.sleep(2)
    raise Failed(f"no such picture in time; the last one has {last.colours().most_common(6)}")


LANGUAGE_BAR = "29"    # behind the chosen one: red of all its shades
POINTER = (16, 22)


def pointer_at(picture, shape, rows):
    """Where in these rows the pointer's shape is, or None."""
    for y in rows:
        line = picture.rows[y]
        at = line.find(shape.rows[0])
        while at >= 0:
            if at % 3 == 0 and picture.part(at // 3, y, *POINTER) == shape:
                return at // 3, y
            at = line.find(shape.rows[0], at + 1)
    return None


@case
def debian_installer_gtk(run):
    """X and GTK+ on the kernel's driver for the adapter: the list of languages, and a pointer that moves. In real time, or the
    screen saver would come while nothing happens."""
    tree = "installer-amd64/usr/lib/debian-installer/images/12/amd64/gtk/debian-installer/amd64/"
    shot, socket = str(run.scratch / "screen.png"), str(run.scratch / "control")
    run.serial("-m", "1G", "--clock", "realtime", "--control", f"unix:{socket}", "--kernel", run.guests.find(tree + "linux"),
               "--initrd", run.guests.find(tree + "initrd.gz"), "--append", "vga=788 --- quiet", seconds=1700)
    while not Path(socket).exists():
        time.sleep(0.1)
    control = Control(socket)

    def list_drawn(picture):
        colours = picture.colours()
        bar = sum(count for colour, count in colours.items() if colour.startswith(LANGUAGE_BAR))
        return (picture.width, picture.height) == SCREEN and bar > 15_000 and colours["000000"] > 800

    before = settled(control, shot, list_drawn, 1600)
    keep(shot, "debian-installer")
    x, y = SCREEN[0] // 2 - 2, SCREEN[1] // 2 - 2
    shape = before.part(x, y, *POINTER)
    if shape.colours()["000000"] < 40:
        raise Failed(f"no pointer in the middle of the screen: {shape.colours()}")
    for _ in range(10):
        control.execute("input-send-event", events=[{"type": "rel", "data": {"axis": "x", "value": 10}}])
    time.sleep(5)
    after = settled(control, shot, list_drawn, 60)
    place = pointer_at(after, shape, range(y - 2, y + 3))
    if not place or place[0] <= x + POINTER[0]:
        raise Failed(f"the pointer was at {x}, {y} and is at {place}")
    if after.part(x, y, *POINTER).colours()["ffffff"] != POINTER[0] * POINTER[1]:
        raise Failed("the pointer has left a trace")


if __name__ == "__main__":
    sys.exit(main())
