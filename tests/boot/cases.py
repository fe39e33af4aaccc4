"""What a case of real software has at hand, the table of the cases, and the command line that runs them."""

import argparse
import json
import os
import shutil
import subprocess
import tempfile
import threading
import time
from pathlib import Path

from guest_console import Failed, Guests, Serial, Terminal

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
LINE = "console=tty0 console=ttyS0,115200 quiet mitigations=off panic=-1"
PROMPT = "gnomon:"


class Run:
    """What a case has at hand."""

    def __init__(self, binary, guests, kit, kit_source, scratch):
        self.binary, self.guests, self.scratch = binary, guests, scratch
        self.kit, self.kit_source = kit, kit_source    # the images of the benchmark kit, and its source
        self.open = []

    def serial(self, *arguments, seconds=240):
        self.open.append(Serial(self.binary, arguments, seconds))
        return self.open[-1]

    def terminal(self, *arguments, seconds=240):
        self.open.append(Terminal(self.binary, arguments, seconds))
        return self.open[-1]

    def seabios(self):
        return ["--bios", self.guests.find("seabios/usr/share/seabios/bios-256k.bin"),
                "--vgabios", self.guests.find("seabios/usr/share/seabios/vgabios-isavga.bin")]

    def image(self, kind, kernel, initrd="shell", *more):
        out = str(self.scratch / f"{kind}.img")
        subprocess.run([str(HERE / "make_image.sh"), kind, out, kernel, self.guests.find(f"{initrd}/initrd"), LINE, *more], check=True)
        return out

    def finish(self, *arguments, seconds=240):
        """Runs the binary to its end: status, what it printed, what --stats wrote, its largest size in KiB, processor
        seconds."""
        stats = self.scratch / "stats.json"
        process = subprocess.Popen([self.binary, "--display", "none", "--stats", str(stats), *arguments], stdout=subprocess.PIPE,
                                   stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL)
        watch = threading.Timer(seconds, process.kill)
        watch.start()
        output = process.stdout.read().decode("latin-1")
        _, status, usage = os.wait4(process.pid, 0)
        watch.cancel()
        spent = usage.ru_utime + usage.ru_stime
        return os.waitstatus_to_exitcode(status), output, json.loads(stats.read_text()), usage.ru_maxrss, spent

    def shell(self, *arguments, processors=1, online=None, mwait=None, seconds=240):
        """Linux up to its shell, a command there, and switched off from inside. With several processors they are all online (or
        as many as said), and the kernel has no complaint about clocks or interrupts. With `mwait` it idles (or not) in MWAIT."""
        machine = self.serial("-m", "256M", "--no-reboot", "--smp", str(processors), *arguments, seconds=seconds)
        machine.wait_for(PROMPT)
        machine.type("echo $((6 * 7))-$(cat /proc/sys/kernel/ostype)\n")
        machine.wait_for("42-Linux")
        if processors > 1:
            machine.type("echo online-$(nproc); dmesg | grep -iE 'unstable|warp|spurious|nobody cared|not functional|MP-BIOS bug|"
                         "soft lockup|stall' | wc -l | sed s/^/complaints-/\n")
            machine.wait_for(f"online-{online or processors}")
            machine.wait_for("complaints-0")
        if mwait is not None:
            machine.type("echo idle-$(dmesg | grep -ciE 'using mwait in idle threads|intel_idle: MWAIT')\n")
            machine.wait_for(f"idle-{'1' if mwait else '0'}")
        machine.type("poweroff -f\n")
        machine.expect_exit(0)

    def direct(self, flavour, initrd="shell"):
        return ["--kernel", self.guests.find(f"{flavour}/kernel"), "--initrd", self.guests.find(f"{initrd}/initrd"), "--append", LINE]


CASES = {}


def case(function):
    CASES[function.__name__.replace("_", "-")] = function
    return function


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--list", action="store_true")
    parser.add_argument("--gnomon", default=str(ROOT / "build/gnomon"))
    parser.add_argument("--guests", default=str(ROOT / ".cache/guests"))
    parser.add_argument("--kit", default=str(ROOT / ".cache/kit"))
    parser.add_argument("--kit-source", default=str(ROOT.parent / "shared/workloads"))
    parser.add_argument("cases", nargs="*")
    options = parser.parse_args()
    if options.list:
        print("\n".join(CASES))
        return 0
    status = 0
    for name in options.cases:
        scratch = Path(tempfile.mkdtemp(prefix="gnomon-boot-"))
        run = Run(options.gnomon, Guests(options.guests), Path(options.kit), Path(options.kit_source), scratch)
        began = time.monotonic()
        try:
            CASES[name](run)
            print(f"{name}: came up in {time.monotonic() - began:.1f} s")
        except Failed as reason:
            print(f"{name}: {reason}")
            status = 1
        finally:
            for machine in run.open:
                machine.close()
            shutil.rmtree(scratch, ignore_errors=True)
    return status
