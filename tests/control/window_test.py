#!/usr/bin/env python3
"""The real window, under Xvfb, as a person uses it: types into a booted Linux, moves the mouse, changes the disc by the menu,
takes a screenshot. Then the same through a VNC viewer (xtightvncviewer; discs over the control socket, which VNC lacks). What
the guest got is read back from its screen, what the user sees from the X server's.

    window_test.py --gnomon BINARY --guests DIR
"""

import argparse
import os
import re
import shutil
import subprocess
import tempfile
import time
from pathlib import Path

import guest
from control_test import BOOT_SECONDS
from desktop import Desktop, free_port, wait_until
from gnomon_control import Machine
from picture import Picture


def keyboard(desktop, machine, name):
    desktop.type(f"clear; echo $((6 * 7))-{name}\n")
    machine.wait_for_text(f"^42-{name}$", regex=True)


def mouse_reports(machine, count, move):
    """Sums of what the guest's mouse reported while `move` was called again and again: right, up."""
    machine.type_text("clear; sh /modules.sh 2> /dev/null; clear; echo rea''dy; "
                      f"head -c {3 * count} /dev/input/mice | hexdump -v -e '3/1 \"%02x\" \"\\n\"' | sed s/^/packet-/; echo e''nd\n")
    machine.wait_for_text("^ready", regex=True)
    for _ in range(300):
        move()
        if re.search("^end", machine.screen_text(), re.M):
            break
        time.sleep(0.1)
    packets = [bytes.fromhex(word) for word in re.findall("packet-([0-9a-f]{6})", machine.screen_text())]
    assert len(packets) == count, machine.screen_text()
    signed = [(x - (first << 4 & 0x100), y - (first << 3 & 0x100)) for first, x, y in packets]
    return sum(x for x, _ in signed), sum(y for _, y in signed)


def mouse(desktop, machine, window):
    x, y, _, _ = desktop.place(window)
    desktop.tool("mousemove", x + 300, y + 200)
    desktop.tool("click", "1")  # grabs
    right, up = mouse_reports(machine, 4, lambda: desktop.tool("mousemove_relative", "--", "5", "-3"))
    assert right > 0 and up > 0 and right > up, (right, up)
    desktop.key("ctrl+alt+g")  # lets it go


def drive_of(machine, name):
    return next(entry for entry in machine.execute("query-block") if entry["qdev"] == name)


def read_disc(machine, label):
    machine.type_text(f"clear; head -c {len(label)} /dev/sr0; echo\n")
    machine.wait_for_text(label)


def discs_by_menu(desktop, machine, folder):
    for label in ["disc-by-menu", "another-disc"]:
        path = guest.disc(folder / f"{label}.iso", label)
        # Continue or pause, Ctrl+Alt+Del, reset, power, drive A, then the disc drive.
        desktop.key("ctrl+alt+m", "Down", "Down", "Down", "Down", "Down", "Return")
        desktop.type(path[:-4])
        desktop.key("Tab", "Return")
        wait_until(lambda: drive_of(machine, "cdrom.2").get("inserted", {}).get("file") == path, f"{path} in the drive")
        read_disc(machine, label)


def shown_in_window(desktop, window):
    """The guest's picture as the window shows it: whole multiples, in the middle above the status line."""
    x, y, width, height = desktop.place(window)
    height -= 18
    return desktop.pixels(x + (width - 720) // 2, y + (height - 400) // 2, 720, 400)


def dump(machine, folder):
    machine.execute("screendump", filename=str(folder / "dump.png"))
    return Picture(folder / "dump.png")


def window_screenshot(desktop, machine, folder, window):
    machine.type_text("clear; echo some words on the screen; echo -e '\\033[?25l'\n")  # no cursor that blinks
    machine.wait_for_text("^some words on the screen", regex=True)
    desktop.key("ctrl+alt+Print")
    wait_until((folder / "screenshot-1.png").exists, "a screenshot")
    wait_until(lambda: (folder / "screenshot-1.png").stat().st_size > 0 and dump(machine, folder) == Picture(folder / "screenshot-1.png"),
               "the whole screenshot")
    picture = Picture(folder / "screenshot-1.png")
    assert (picture.width, picture.height) == (720, 400) and picture.colours()["aaaaaa"] > 500, picture.colours()
    desktop.tool("mousemove", 0, 0)    # Xvfb draws its pointer into the screen
    wait_until(lambda: shown_in_window(desktop, window) == dump(machine, folder), "the same picture in the window")


def picture_of_window(desktop, machine, window):
    """The whole window with its menu open, for the documentation (scripts/pictures.sh)."""
    folder = os.environ.get("GNOMON_PICTURES")
    if not folder:
        return
    machine.execute("eject", id="cdrom.2", force=True)
    machine.type_text("clear; echo -e '\\033[?25h'; cat /proc/cpuinfo; uptime; cat /proc/version\n")
    machine.wait_for_text("load average")
    desktop.key("ctrl+alt+i", "ctrl+alt+i")  # as large as fits
    time.sleep(6)                            # the status line has told so
    desktop.key("ctrl+alt+m", "Down", "Down", "Down", "Down", "Down")
    time.sleep(2)
    desktop.pixels(*desktop.place(window)).save(Path(folder) / "window.png")
    desktop.key("Escape", "ctrl+alt+i")


def pause(desktop, machine):
    desktop.key("ctrl+alt+p")
    assert machine.wait_event("STOP")
    desktop.key("ctrl+alt+p")
    assert machine.wait_event("RESUME")


def viewer(desktop, machine, folder, port):
    """All of it once more, with a viewer between."""
    with subprocess.Popen(["xtightvncviewer", "-encodings", "hextile", f"127.0.0.1::{port}"], env=desktop.environment,
                          stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        try:
            window = desktop.window("TightVNC")
            desktop.focus(window)
            x, y, width, height = desktop.place(window)
            assert (width, height) == (720, 400), (width, height)
            desktop.tool("mousemove", x + 10, y + 390)
            keyboard(desktop, machine, "Viewed")
            right, up = mouse_reports(machine, 4, lambda: desktop.tool("mousemove_relative", "--", "5", "-3"))
            assert right > 0 and up > 0 and right > up, (right, up)
            machine.execute("blockdev-change-medium", id="cdrom.2", filename=guest.disc(folder / "viewed.iso", "disc-viewed"))
            read_disc(machine, "disc-viewed")
            desktop.tool("mousemove", *[edge - 1 for edge in desktop.SIZE])
            wait_until(lambda: desktop.pixels(x, y, 720, 400).part(0, 0, 720, 380) == dump(machine, folder).part(0, 0, 720, 380),
                       "the screen in the viewer")
            assert dump(machine, folder).colours()["aaaaaa"] > 500
        finally:
            process.terminate()
    subprocess.run(["vncsnapshot", "-quiet", f"127.0.0.1:{port - 5900}", str(folder / "viewer.jpg")], check=True, timeout=60,
                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    assert (folder / "viewer.jpg").read_bytes()[:2] == b"\xff\xd8"


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--gnomon", required=True)
    parser.add_argument("--guests", required=True)
    options = parser.parse_args()
    for tool in ["Xvfb", "xdotool", "vncsnapshot", "xtightvncviewer"]:
        if not shutil.which(tool):
            print(f"skipped: no {tool}")
            raise SystemExit(77)
    port = free_port()
    with tempfile.TemporaryDirectory() as name, Desktop() as desktop:
        folder = Path(name)
        command = [os.path.abspath(options.gnomon), "--display", "sdl", "--display", f"vnc:{port}", "--set",
                   "display.scaling=integer", "--set", "display.scale=1", *guest.arguments(os.path.abspath(options.guests), folder)]
        with Machine(command, env=desktop.environment, cwd=folder) as machine:
            window = desktop.window("Gnomon")
            desktop.focus(window)
            machine.wait_for_text("gnomon:", timeout=BOOT_SECONDS)
            keyboard(desktop, machine, "Keyed")
            mouse(desktop, machine, window)
            discs_by_menu(desktop, machine, folder)
            window_screenshot(desktop, machine, folder, window)
            picture_of_window(desktop, machine, window)
            pause(desktop, machine)
            viewer(desktop, machine, folder, port)
            desktop.focus(window)
            desktop.key("ctrl+alt+m", "Up", "Return")  # the last item: switch off
            assert machine.process.wait(30) == 0
    print("passed")


if __name__ == "__main__":
    main()
