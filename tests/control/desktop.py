"""An X server of our own to open windows on, its mouse and keyboard (xdotool), and its screen as pixels."""

import os
import socket
import struct
import subprocess
import tempfile
import time
from pathlib import Path

from picture import Picture


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


class Desktop:
    """Xvfb without a window manager."""

    SIZE = (1280, 1024)

    def __enter__(self):
        self.folder = tempfile.TemporaryDirectory()
        read, write = os.pipe()
        self.server = subprocess.Popen(
            ["Xvfb", "-displayfd", str(write), "-screen", "0", "{}x{}x24".format(*self.SIZE), "-nolisten", "tcp", "-fbdir",
             self.folder.name], pass_fds=[write], stderr=subprocess.DEVNULL)
        os.close(write)
        with os.fdopen(read) as number:
            self.name = ":" + number.readline().strip()
        self.environment = dict(os.environ, DISPLAY=self.name, SDL_VIDEODRIVER="x11")
        return self

    def __exit__(self, *_):
        self.server.terminate()
        self.server.wait()
        self.folder.cleanup()

    def tool(self, *arguments):
        return subprocess.run(["xdotool", *map(str, arguments)], env=self.environment, check=True, capture_output=True, text=True,
                              timeout=60).stdout.strip()

    def key(self, *names):
        for name in names:
            self.tool("key", name)
            time.sleep(0.1)

    def type(self, text):
        for number, line in enumerate(text.split("\n")):
            if number:
                self.key("Return")
            if line:
                self.tool("type", "--delay", "100", line)

    def window(self, name):
        """The ID of the window whose title holds the name, once it is there."""
        self.tool("search", "--sync", "--onlyvisible", "--name", name)
        return self.tool("search", "--onlyvisible", "--name", name).splitlines()[0]

    def place(self, window):
        """x, y, width, height on the screen."""
        lines = dict(line.split("=", 1) for line in self.tool("getwindowgeometry", "--shell", window).splitlines())
        return tuple(int(lines[name]) for name in ["X", "Y", "WIDTH", "HEIGHT"])

    def focus(self, window):
        self.tool("windowraise", window)
        self.tool("windowfocus", "--sync", window)

    def pixels(self, x, y, width, height):
        """What a monitor would show there: the server's frame buffer, a file of the xwd format."""
        data = (Path(self.folder.name) / "Xvfb_screen0").read_bytes()
        header = struct.unpack(">25I", data[:100])
        assert header[1] == 7 and header[11] == 32 and header[7] == 0, header  # version, bits a pixel, little-endian
        stride = header[12]
        first = header[0] + header[19] * 12
        rows = []
        for line in range(y, y + height):
            at = first + line * stride + x * 4
            row = bytearray(width * 3)
            for part in range(3):  # blue is lowest
                row[2 - part::3] = data[at + part:at + width * 4:4]
            rows.append(bytes(row))
        return Picture.of(rows)
