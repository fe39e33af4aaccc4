#!/usr/bin/env python3
"""The window on a Wayland desktop: Weston, itself a window of an X server of ours, so that xdotool can type.

    wayland_test.py --gnomon BINARY --guests DIR
"""

import argparse
import os
import shutil
import subprocess
import tempfile
import time
from pathlib import Path

import guest
from control_test import BOOT_SECONDS
from desktop import Desktop, wait_until
from gnomon_control import Machine
from window_test import dump, keyboard, read_disc

PICTURE = (720, 400)
MARGIN = 50    # above and below; the pointer, which Weston draws, is left there


def weston(desktop, folder):
    """Weston with a shell that gives its whole output to the one window."""
    environment = dict(desktop.environment, XDG_RUNTIME_DIR=str(folder))
    return subprocess.Popen(["weston", "--backend=x11-backend.so", "--shell=kiosk-shell.so", f"--width={PICTURE[0]}",
                             f"--height={PICTURE[1] + 2 * MARGIN}", "--socket=wayland-test", "--idle-time=0", "--no-config"],
                            env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def shown(desktop):
    return desktop.pixels(0, MARGIN, *PICTURE)


def drive(desktop, machine, folder):
    machine.wait_for_text("gnomon:", timeout=BOOT_SECONDS)
    keyboard(desktop, machine, "Wayland")
    disc = guest.disc(folder / "wayland.iso", "disc-wayland")
    desktop.key("ctrl+alt+m", "Down", "Down", "Down", "Down", "Down", "Return")
    desktop.type(disc)
    desktop.key("Return")
    wait_until(lambda: any(entry.get("inserted", {}).get("file") == disc for entry in machine.execute("query-block")), "the disc")
    machine.type_text("clear; sh /modules.sh 2> /dev/null\n")
    read_disc(machine, "disc-wayland")
    machine.type_text("clear; echo some words on the screen; echo -e '\\033[?25l'\n")  # no cursor that blinks
    machine.wait_for_text("^some words on the screen", regex=True)
    wait_until(lambda: shown(desktop) == dump(machine, folder), "the picture in the window")
    assert dump(machine, folder).colours()["aaaaaa"] > 500
    desktop.key("ctrl+alt+p")
    assert machine.wait_event("STOP")
    desktop.key("ctrl+alt+p")
    assert machine.wait_event("RESUME")
    desktop.key("ctrl+alt+m", "Up", "Return")  # the last item: switch off
    assert machine.process.wait(30) == 0


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--gnomon", required=True)
    parser.add_argument("--guests", required=True)
    options = parser.parse_args()
    for tool in ["Xvfb", "xdotool", "weston"]:
        if not shutil.which(tool):
            print(f"skipped: no {tool}")
            raise SystemExit(77)
    with tempfile.TemporaryDirectory() as name, Desktop() as desktop:
        folder = Path(name)
        folder.chmod(0o700)
        with weston(desktop, folder) as compositor:
            try:
                wait_until((folder / "wayland-test").exists, "a compositor")
                time.sleep(1)
                environment = dict(os.environ, XDG_RUNTIME_DIR=str(folder), WAYLAND_DISPLAY="wayland-test", SDL_VIDEODRIVER="wayland")
                environment.pop("DISPLAY", None)
                command = [os.path.abspath(options.gnomon), "--display", "sdl", "--set", "display.scaling=integer", "--set",
                           "display.scale=1", *guest.arguments(os.path.abspath(options.guests), folder)]
                with Machine(command, env=environment, cwd=folder) as machine:
                    desktop.tool("mousemove", 300, PICTURE[1] + 2 * MARGIN - 20)  # Weston's window has the keyboard where the pointer is
                    drive(desktop, machine, folder)
            finally:
                compositor.terminate()
    print("passed")


if __name__ == "__main__":
    main()
