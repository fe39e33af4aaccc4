#!/usr/bin/env python3
"""Clocks of a Linux guest in realtime mode against the host's: drift, calibration, and what an idle guest costs.

    clock_test.py --gnomon BINARY --guests DIR --case amd64-smp [--seconds 75]

The guest prints its time on the serial line; the host notes when the line arrives. A busy host can only make a line late, so of
several lines the one that arrived earliest counts.
"""

import argparse
import re
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "boot"))
from cases import LINE, PROMPT  # noqa: E402
from guest_console import Failed, Guests, Serial  # noqa: E402

# Kernel, initrd, further arguments. core2duo has no CPUID leaf 15h: Linux measures its time-stamp counter with the PIT, the PM timer and HPET.
CASES = {
    "i386": ("linux-686", "shell", ["--cpu", "core2duo"]),
    "i386-smp": ("linux-686-pae", "shell", ["--smp", "2"]),
    "amd64": ("linux-amd64", "shell-amd64", []),
    "amd64-smp": ("linux-amd64", "shell-amd64", ["--smp", "2"]),
}
COMPLAINTS = r"unstable|invalid rate|skew|warp|wrong|inconsisten|not consistent|fast TSC calibration failed|unable to calibrate|read-back delay|lost"
READINGS = 12
BOOTS = 3


class Guest:
    def __init__(self, options):
        kernel, initrd, more = CASES[options.case]
        guests = Guests(options.guests)
        self.machine = Serial(options.gnomon, [
            "--clock", "realtime", "-m", "256M", "--no-reboot", *more, "--kernel", guests.find(f"{kernel}/kernel"),
            "--initrd", guests.find(f"{initrd}/initrd"), "--append", LINE], seconds=options.seconds + 900)
        self.machine.wait_for(PROMPT)

    def ask(self, command):
        """The echo of a command and what it prints."""
        before = len(self.machine.seen)
        self.machine.type(f"{command}; echo end-$((6 * 7))\n")
        self.machine.wait_for("end-42")
        return self.machine.seen[before:-len("end-42")].replace("\r", "")

    def offset(self):
        """Host time minus guest time, in seconds."""
        best = None
        for _ in range(READINGS):
            self.machine.type("adjtimex | grep time.tv_\n")
            self.machine.wait_for("time.tv_usec:")
            self.machine.wait_for("\n")
            arrived = time.time()
            seconds, micro = re.search(r"tv_sec: +(\d+)\s+time.tv_usec: +(\d+)\s+$", self.machine.seen).groups()
            told = int(seconds) + int(micro) / 1e6
            best = min(arrived - told, best if best is not None else arrived - told)
            time.sleep(0.05)
        return best

    def processor_seconds(self):
        fields = Path(f"/proc/{self.machine.process.pid}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / 100


def calibration(guest, case):
    log = guest.ask("dmesg | grep -iE 'tsc|clocksource|hpet|pm.timer|delay loop|mwait|cpuidle|intel_idle'")
    print(log)
    if found := re.search(rf"(?im)^.*({COMPLAINTS}).*$", log):
        raise Failed(f"the kernel complains: {found.group(0)}")
    source = guest.ask("cat /sys/devices/system/clocksource/clocksource0/current_clocksource").strip().splitlines()[-1]
    if source != "tsc":
        raise Failed(f"the clock source is {source}:\n{log}")
    detected = float(re.search(r"tsc: Detected ([\d.]+) MHz", log).group(1))
    refined = re.search(r"Refined TSC clocksource calibration: ([\d.]+) MHz", log)
    if case == "i386":
        if not refined or abs(detected - 1000) > 1 or abs(float(refined.group(1)) - 1000) > 0.1:
            raise Failed(f"the time-stamp counter has 1000 MHz, the kernel measures otherwise:\n{log}")
    elif detected != 1000:
        raise Failed(f"CPUID says 1000 MHz, the kernel {detected}")


def calibrated(options):
    """A guest whose kernel is content. Where the host runs other things between two turns of a kernel's measuring loop, that
    sees it, as on any busy host; so one of a few boots has to be undisturbed."""
    for attempt in range(BOOTS):
        guest = Guest(options)
        try:
            calibration(guest, options.case)
            return guest
        except Failed as reason:
            guest.machine.close()
            if attempt == BOOTS - 1:
                raise
            print(f"{options.case}: {reason}")


def drift(guest, seconds):
    """Half of the time the guest is idle, half of it busy on all processors."""
    began, first = time.monotonic(), guest.offset()
    spent, slept = guest.processor_seconds(), time.monotonic()
    time.sleep(seconds / 2)
    idle = (guest.processor_seconds() - spent) / (time.monotonic() - slept) * 100
    between = guest.offset()
    guest.ask("for i in $(seq $(nproc)); do while :; do :; done & done")
    time.sleep(seconds / 2)
    guest.ask("kill $(jobs -p)")
    last = guest.offset()
    passed = time.monotonic() - began
    print(f"in {passed:.0f} s the guest's clock lost {(last - first) * 1000:.1f} ms, {(between - first) * 1000:.1f} ms of them idle; "
          f"idle it took {idle:.1f} % of a processor")
    if abs(last - first) > passed * 0.001 or abs(between - first) > passed * 0.001:
        raise Failed("the clocks drift apart by more than 0.1 %")
    if abs(last) > 1.5:    # the RTC tells whole seconds
        raise Failed(f"the guest's clock is {last:.3f} s behind the host's")
    if idle > 15:
        raise Failed("an idle guest must not cost that much")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--gnomon", required=True)
    parser.add_argument("--guests", required=True)
    parser.add_argument("--case", choices=CASES, required=True)
    parser.add_argument("--seconds", type=float, default=75)
    options = parser.parse_args()
    guest = None
    try:
        guest = calibrated(options)
        drift(guest, options.seconds)
        guest.machine.type("poweroff -f\n")
        guest.machine.expect_exit(0)
    except Failed as reason:
        print(f"{options.case}: {reason}")
        return 1
    finally:
        if guest:
            guest.machine.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
