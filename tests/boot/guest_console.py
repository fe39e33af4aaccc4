"""A machine with a guest whose serial line or screen is at our end."""

import fcntl
import os
import pty
import re
import select
import signal
import struct
import subprocess
import termios
import time
from pathlib import Path


class Failed(Exception):
    pass


class Guests:
    """Where the fetched packages are."""

    def __init__(self, folder):
        self.folder = Path(folder)

    def find(self, pattern):
        found = sorted(self.folder.glob(pattern))
        if not found:
            raise Failed(f"no {pattern} in {self.folder}: run scripts/guests.sh all")
        return str(found[0])


class Serial:
    """A machine whose first serial port is our pipe."""

    def __init__(self, binary, arguments, seconds):
        self.deadline = time.monotonic() + seconds
        self.text = ""     # not yet waited for
        self.seen = ""     # waited for
        self.process = subprocess.Popen(
            [binary, "--display", "none", "--serial", "stdio", *arguments],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)

    def wait_for(self, mark):
        start = 0
        while True:
            at = self.text.find(mark, start)
            if at >= 0:
                self.seen += self.text[:at + len(mark)]
                self.text = self.text[at + len(mark):]
                return
            left = self.deadline - time.monotonic()
            if left <= 0:
                raise Failed(f"no {mark!r} in time; the last lines were:\n{self.text[-3000:]}")
            ready, _, _ = select.select([self.process.stdout], [], [], min(left, 1))
            if not ready:
                continue
            data = os.read(self.process.stdout.fileno(), 65536)
            if not data:
                raise Failed(f"the emulator ended with status {self.process.wait()} before {mark!r}:\n{self.text[-3000:]}")
            self.text += data.decode("latin-1")

    def read_until(self, mark):
        """All text up to the mark."""
        seen = ""
        while mark not in seen:
            self.wait_for("\n")
            seen = self.seen
        return seen

    def type(self, text):
        self.process.stdin.write(text.encode())
        self.process.stdin.flush()

    def expect_exit(self, status):
        try:
            self.process.stdin.close()
            rest = self.process.stdout.read()
            got = self.process.wait(max(1, self.deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            raise Failed("the emulator did not end") from None
        if got != status:
            raise Failed(f"the emulator ended with status {got}, not {status}:\n{rest.decode('latin-1')[-2000:]}")

    def close(self):
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(5)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()


class Terminal:
    """A machine whose screen is drawn in our pseudo-terminal; what is drawn is kept as a grid of characters."""

    ROWS, COLUMNS = 52, 134

    def __init__(self, binary, arguments, seconds):
        self.deadline = time.monotonic() + seconds
        self.grid = [[" "] * self.COLUMNS for _ in range(self.ROWS)]
        self.row = self.column = 0
        self.pending = b""
        pid, self.fd = pty.fork()
        if pid == 0:
            os.environ["TERM"] = "xterm-256color"
            os.environ.pop("DISPLAY", None)
            os.environ["LC_ALL"] = "C.UTF-8"
            os.execv(binary, [binary, "--display", "terminal", *arguments])
        self.pid = pid
        fcntl.ioctl(self.fd, termios.TIOCSWINSZ, struct.pack("HHHH", self.ROWS, self.COLUMNS, 0, 0))

    def feed(self, data):
        data = self.pending + data
        self.pending = b""
        i = 0
        while i < len(data):
            c = data[i]
            if c == 0x1B:
                match = re.match(rb"\x1b(\[[0-9;:?<=>]*[ -/]*[@-~]|\][^\x07\x1b]*(\x07|\x1b\\)|[()][0-9A-Za-z]|[=>78cDEHM])", data[i:])
                if not match:
                    if len(data) - i < 64:
                        self.pending = data[i:]
                        return
                    i += 1
                    continue
                self.escape(match.group(0).decode("latin-1"))
                i += len(match.group(0))
                continue
            if c == 13:
                self.column = 0
            elif c == 10:
                self.row = min(self.row + 1, self.ROWS - 1)
            elif c == 8:
                self.column = max(0, self.column - 1)
            elif c >= 32:
                size = 1 if c < 0x80 else 2 if c < 0xE0 else 3 if c < 0xF0 else 4
                if len(data) - i < size:
                    self.pending = data[i:]
                    return
                if self.row < self.ROWS and self.column < self.COLUMNS:
                    self.grid[self.row][self.column] = data[i:i + size].decode("utf-8", "replace")
                self.column += 1
                i += size - 1
            i += 1

    def escape(self, sequence):
        if not sequence.startswith("\x1b["):
            return
        numbers = [int(n) if n else 0 for n in re.sub(r"[^0-9;]", "", sequence[2:-1]).split(";")]
        final = sequence[-1]
        if final in "Hf":
            self.row = max(0, (numbers[0] or 1) - 1)
            self.column = max(0, (numbers[1] if len(numbers) > 1 and numbers[1] else 1) - 1)
        elif final == "J" and numbers[0] == 2:
            self.grid = [[" "] * self.COLUMNS for _ in range(self.ROWS)]
        elif final == "K" and self.row < self.ROWS:
            for column in range(self.column, self.COLUMNS):
                self.grid[self.row][column] = " "
        elif final == "C":
            self.column += numbers[0] or 1
        elif final == "A":
            self.row = max(0, self.row - (numbers[0] or 1))
        elif final == "B":
            self.row += numbers[0] or 1
        elif final == "G":
            self.column = max(0, (numbers[0] or 1) - 1)
        elif final == "X" and self.row < self.ROWS:
            for column in range(self.column, min(self.column + (numbers[0] or 1), self.COLUMNS)):
                self.grid[self.row][column] = " "

    def screen(self):
        return "\n".join("".join(line).rstrip() for line in self.grid)

    def rest(self, seconds):
        """Takes in what is drawn for so long."""
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            if select.select([self.fd], [], [], left)[0]:
                self.feed(os.read(self.fd, 65536))

    def wait_for(self, pattern):
        while not re.search(pattern, self.screen()):
            left = self.deadline - time.monotonic()
            if left <= 0:
                raise Failed(f"no {pattern!r} on the screen in time:\n{self.screen()}")
            ready, _, _ = select.select([self.fd], [], [], min(left, 1))
            if ready:
                try:
                    self.feed(os.read(self.fd, 65536))
                except OSError:
                    raise Failed(f"the emulator ended before {pattern!r}:\n{self.screen()}") from None

    def type(self, text):
        os.write(self.fd, text.encode("latin-1"))

    def close(self):
        try:
            os.kill(self.pid, signal.SIGTERM)
            for _ in range(50):
                if os.waitpid(self.pid, os.WNOHANG)[0]:
                    return
                time.sleep(0.1)
            os.kill(self.pid, signal.SIGKILL)
            os.waitpid(self.pid, 0)
        except (ProcessLookupError, ChildProcessError):
            pass
