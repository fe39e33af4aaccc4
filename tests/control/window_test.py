#!/usr/bin/env python3
"""The real window, under Xvfb: typed into, its mouse moved, its menu worked, as a person would; the control socket only
looks. A VNC viewer watches the same screen.

    window_test.py --gnomon BINARY --guests DIR
"""

import argparse
import os
import shutil
import socket
import subprocess
import tempfile
import time
from pathlib import Path

import guest
from control_test import BOOT_SECONDS
from gnomon_control import Machine


class Desktop:
    """A display server of our own, without a window manager."""

    def __enter__(self):
        read, write = os.pipe()
        self.server = subprocess.Popen(["Xvfb", "-displayfd", str(write), "-screen", "0", "1024x768x24", "-nolisten", "tcp"],
                                       pass_fds=[write], stderr=subprocess.DEVNULL)
        os.close(write)
        with os.fdopen(read) as number:
            self.name = ":" + number.readline().strip()
        self.environment = dict(os.environ, DISPLAY=self.name, SDL_VIDEODRIVER="x11")
        return self

    def __exit__(self, *_):
        self.server.terminate()
        self.server.wait()

    def tool(self, *arguments):
        return subprocess.run(["xdotool", *arguments], env=self.environment, check=True, capture_output=True, text=True,
                              timeout=60).stdout.strip()

    def key(self, *names):
        for name in names:
            self.tool("key", name)
            time.sleep(0.1)

    def type(self, text):
        # xdotool types a line end as Linefeed, a key that keyboards do not have.
        for number, line in enumerate(text.split("\n")):
            if number:
                self.key("Return")
            if line:
                self.tool("type", "--delay", "100", line)


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_until(condition, what, seconds=60):
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise AssertionError(f"not in time: {what}")
        time.sleep(0.1)


def keyboard(desktop, machine):
    desktop.type("echo $((6 * 7))-Keyed\n")
    machine.wait_for_text("^42-Keyed$", regex=True)


def mouse(desktop, machine):
    machine.type_text("clear; sh /modules.sh 2> /dev/null; dd if=/dev/input/mice bs=3 count=4 2> /dev/null | wc -c | sed s/^/bytes-/\n")
    time.sleep(3)  # for the modules
    desktop.tool("mousemove", "300", "200")
    desktop.tool("click", "1")  # grabs
    for _ in range(100):
        desktop.tool("mousemove_relative", "--", "5", "3")
        if "bytes-12" in machine.screen_text():
            break
        time.sleep(0.1)
    machine.wait_for_text("bytes-12", timeout=1)
    desktop.key("ctrl+alt+g")  # lets it go


def drive_of(machine, name):
    return next(entry for entry in machine.execute("query-block") if entry["qdev"] == name)


def disc_by_menu(desktop, machine, folder):
    path = guest.disc(folder / "disc.iso", "disc-by-menu")
    # Continue or pause, Ctrl+Alt+Del, reset, power, drive A, then the disc drive.
    desktop.key("ctrl+alt+m", "Down", "Down", "Down", "Down", "Down", "Return")
    desktop.type(path[:-4])
    desktop.key("Tab", "Return")
    wait_until(lambda: drive_of(machine, "cdrom.2").get("inserted", {}).get("file") == path, "the disc in the drive")
    machine.type_text("clear; head -c 12 /dev/sr0; echo\n")
    machine.wait_for_text("disc-by-menu")


def pictures(desktop, folder, port):
    desktop.key("ctrl+alt+Print")
    wait_until((folder / "screenshot-1.png").exists, "a screenshot")
    time.sleep(0.3)
    assert guest.png_size(folder / "screenshot-1.png") == (720, 400)
    subprocess.run(["vncsnapshot", "-quiet", f"127.0.0.1:{port - 5900}", str(folder / "viewer.jpg")], check=True, timeout=60,
                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    assert (folder / "viewer.jpg").read_bytes()[:2] == b"\xff\xd8"


def pause(desktop, machine):
    desktop.key("ctrl+alt+p")
    assert machine.wait_event("STOP")
    desktop.key("ctrl+alt+p")
    assert machine.wait_event("RESUME")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--gnomon", required=True)
    parser.add_argument("--guests", required=True)
    options = parser.parse_args()
    for tool in ["Xvfb", "xdotool", "vncsnapshot"]:
        if not shutil.which(tool):
            print(f"skipped: no {tool}")
            raise SystemExit(77)
    port = free_port()
    with tempfile.TemporaryDirectory() as name, Desktop() as desktop:
        folder = Path(name)
        command = [os.path.abspath(options.gnomon), "--display", "sdl", "--display", f"vnc:{port}",
                   *guest.arguments(os.path.abspath(options.guests), folder)]
        with Machine(command, env=desktop.environment, cwd=folder) as machine:
            desktop.tool("search", "--sync", "--onlyvisible", "--name", "Gnomon")
            window = desktop.tool("search", "--onlyvisible", "--name", "Gnomon").splitlines()[0]
            desktop.tool("windowfocus", "--sync", window)
            machine.wait_for_text("gnomon:", timeout=BOOT_SECONDS)
            keyboard(desktop, machine)
            mouse(desktop, machine)
            disc_by_menu(desktop, machine, folder)
            pictures(desktop, folder, port)
            pause(desktop, machine)
            desktop.key("ctrl+alt+m", "Up", "Return")  # the last item: switch off
            assert machine.process.wait(30) == 0
    print("passed")


if __name__ == "__main__":
    main()
