#!/usr/bin/env python3
"""A whole Debian, made by scripts/debian-disk.sh: systemd, logins on the serial line and on the screen, switched off from inside.

    debian.py --gnomon BINARY --disk FOLDER grub|direct

grub: from the master boot record, in deterministic time, with a text screen. direct: kernel and initrd given to the machine, two
processors, in real time, with a console in graphics that the kernel's driver for the adapter shows.
"""

import argparse
import os
import re
import select
import subprocess
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "control"))
from gnomon_control import ControlError, Machine  # noqa: E402

PASSWORD = "gnomon"


class Failed(Exception):
    pass


class Debian:
    def __init__(self, gnomon, arguments, seconds):
        self.deadline = time.monotonic() + seconds
        self.text = ""
        self.machine = Machine([gnomon, "--display", "none", "--serial", "stdio", "-m", "512M", "--no-reboot", "--snapshot", *arguments],
                               stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        self.process = self.machine.process

    def wait_for(self, mark):
        """The serial line up to the mark."""
        while mark not in self.text:
            if time.monotonic() > self.deadline:
                raise Failed(f"no {mark!r} on the serial line in time:\n{self.text[-3000:]}")
            if select.select([self.process.stdout], [], [], 1)[0]:
                data = os.read(self.process.stdout.fileno(), 65536)
                if not data:
                    raise Failed(f"the emulator ended with status {self.process.wait()} before {mark!r}:\n{self.text[-3000:]}")
                self.text += data.decode("latin-1")
        seen, _, self.text = self.text.partition(mark)
        return seen

    def type(self, text):
        self.process.stdin.write(text.encode())
        self.process.stdin.flush()

    def ask(self, command):
        """The echo of a command and what it prints, on the serial line, without the control sequences of the shell's prompt."""
        self.type(f"{command}; echo end-$((6 * 7))\n")
        return re.sub(r"\x1b\[[0-9;?]*[A-Za-z]|\r", "", self.wait_for("end-42")).strip()

    def on_screen(self, text):
        try:
            self.machine.wait_for_text(text, timeout=max(1, int(self.deadline - time.monotonic())))
        except ControlError as error:
            raise Failed(f"no {text!r} on the screen: {error.description}") from None

    def log_in(self):
        self.wait_for("gnomon login: ")
        self.type("root\n")
        self.wait_for("Password: ")
        self.type(PASSWORD + "\n")
        self.wait_for("root@gnomon:~# ")

    def log_in_blindly(self):
        """The same where the screen is graphics: the shell leaves a note."""
        if self.ask("systemctl is-active getty@tty1").splitlines()[-1:] != ["active"]:
            raise Failed("no login on tty1")
        if not self.machine.execute("screen-text")["graphics"]:
            raise Failed("the console is not in a graphics mode")
        for line in ["root", PASSWORD, "tty > /tmp/typed"]:
            self.machine.type_text(line + "\n")
            time.sleep(5)
        for _ in range(60):
            if self.ask("cat /tmp/typed").splitlines()[-1:] == ["/dev/tty1"]:
                return
            time.sleep(1)
        raise Failed("nobody logged in on tty1")

    def log_in_on_the_screen(self):
        self.on_screen("gnomon login:")
        self.machine.type_text("root\n")
        self.on_screen("Password:")
        self.machine.type_text(PASSWORD + "\n")
        self.on_screen("root@gnomon:~#")
        self.machine.type_text("echo $((6 * 7))-typed on $(tty)\n")
        self.on_screen("42-typed on /dev/tty1")

    def switch_off(self):
        self.type("systemctl poweroff\n")
        while self.process.poll() is None and time.monotonic() < self.deadline:
            if select.select([self.process.stdout], [], [], 1)[0]:
                self.text += os.read(self.process.stdout.fileno(), 65536).decode("latin-1")
        status = self.process.poll()
        if status != 0:
            raise Failed(f"switched off, the emulator ended with status {status}:\n{self.text[-2000:]}")


def boot(debian, text_screen):
    debian.log_in()
    state = debian.ask("systemctl is-system-running --wait")
    report = debian.ask("systemctl --failed --no-legend --plain; systemd-analyze; journalctl -b -p warning --no-pager -o cat")
    print(report)
    if state.splitlines()[-1:] != ["running"]:
        raise Failed(f"the system is {state!r}")
    for complaint in ["unstable", "soft lockup", "timed out", "nobody cared", "I/O error"]:
        if complaint in report:
            raise Failed(f"the journal says {complaint!r}")
    if text_screen:
        debian.log_in_on_the_screen()
    else:
        debian.log_in_blindly()
    debian.switch_off()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--gnomon", required=True)
    parser.add_argument("--disk", required=True)
    parser.add_argument("--seconds", type=float, default=900)
    parser.add_argument("case", choices=["grub", "direct"])
    options = parser.parse_args()
    arguments = ["--hda", f"{options.disk}/disk.img", "--clock", "deterministic"]
    if options.case == "direct":
        arguments = ["--hda", f"{options.disk}/disk.img", "--clock", "realtime", "--smp", "2", "--kernel", f"{options.disk}/kernel",
                     "--initrd", f"{options.disk}/initrd", "--append", "root=/dev/sda1 ro console=ttyS0,115200 console=tty0"]
    began = time.monotonic()
    debian = Debian(options.gnomon, arguments, options.seconds)
    try:
        boot(debian, options.case == "grub")
        print(f"booted, used and switched off in {time.monotonic() - began:.0f} s")
    except Failed as reason:
        print(f"{options.case}: {reason}")
        return 1
    finally:
        debian.machine.end()
    return 0


if __name__ == "__main__":
    sys.exit(main())
