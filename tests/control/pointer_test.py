#!/usr/bin/env python3
"""A pointer that knows places: Linux's driver for VMware's mouse finds ours, and reports the places that the control socket and
the window (under Xvfb, without a grab) tell.

    pointer_test.py --gnomon BINARY --guests DIR
"""

import argparse
import itertools
import os
import re
import shutil
import tempfile
import time
from pathlib import Path

import guest
from control_test import BOOT_SECONDS, shell
from desktop import Desktop
from gnomon_control import Machine

EDGE = 65535
ABS_X, ABS_Y, BTN_LEFT = 0x00000003, 0x00010003, 0x01100001  # code and type of an input_event


def find_device(machine):
    shell(machine, "sh /modules.sh 2> /dev/null; echo $((1+1))-modules", "2-modules")
    shell(machine, "dmesg | grep -c 'Hypervisor detected: VMware' | sed s/^/hyper-/", "hyper-1")
    # Two devices bear the name; the one of places has two absolute axes.
    shell(machine, "cd /sys/class/input; grep -l '^3$' event*/device/capabilities/abs | cut -d/ -f1 > /tmp/n; "
                   "cat $(cat /tmp/n)/device/name | sed s/^/name-/; cd /; echo $((1+1))-device", "2-device")
    assert re.search("^name-VirtualPS/2 VMware VMMouse$", machine.screen_text(), re.M), machine.screen_text()
    shell(machine, "cat /dev/input/$(cat /tmp/n) > /tmp/events & sleep 2; echo $((1+1))-open", "2-open")


def shell_regex(machine, command, mark):
    machine.type_text(f"clear; {command}\n")
    machine.wait_for_text(mark, timeout=60, regex=True)


def events(machine, calls=itertools.count()):
    """(code and type, value) of what was reported since the last call."""
    mark = next(calls)    # the end of the last call may still be on the screen
    shell_regex(machine, "hexdump -v -e '4/4 \"%08x \" \"\\n\"' /tmp/events | cut -d' ' -f3- | sed s/^/event-/ | tail -n 18; "
                         f"> /tmp/events; echo e''nd{mark}", f"^end{mark}")
    return [(int(kind, 16), int(value, 16)) for kind, value in re.findall("event-([0-9a-f]{8}) ([0-9a-f]{8})", machine.screen_text())]


def last(reported, kind):
    values = [value for what, value in reported if what == kind]
    assert values, reported
    return values[-1]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--gnomon", required=True)
    parser.add_argument("--guests", required=True)
    options = parser.parse_args()
    if not shutil.which("Xvfb") or not shutil.which("xdotool"):
        print("skipped: no Xvfb or xdotool")
        raise SystemExit(77)
    with tempfile.TemporaryDirectory() as name, Desktop() as desktop:
        command = [os.path.abspath(options.gnomon), "--display", "sdl", "--set", "display.scale=1", "--set", "input.pointer=vmware",
                   *guest.arguments(os.path.abspath(options.guests), Path(name))]
        with Machine(command, env=desktop.environment, cwd=name) as machine:
            window = desktop.window("Gnomon")
            desktop.focus(window)
            machine.wait_for_text("gnomon:", timeout=BOOT_SECONDS)
            find_device(machine)
            machine.execute("input-send-event", events=[{"type": "abs", "data": {"axis": "x", "value": 16384}},
                                                        {"type": "abs", "data": {"axis": "y", "value": 32767}}])
            machine.execute("input-send-event", events=[{"type": "btn", "data": {"button": "left", "down": down}}
                                                        for down in [True, False]])
            time.sleep(1)
            reported = events(machine)
            assert last(reported, ABS_X) == 16384 * EDGE // 32767 and last(reported, ABS_Y) == EDGE, reported
            assert [value for kind, value in reported if kind == BTN_LEFT] == [1, 0], reported

            x, y, width, height = desktop.place(window)
            desktop.tool("mousemove", x + width // 4, y + (height - 18) // 2)
            time.sleep(1)
            reported = events(machine)
            assert abs(last(reported, ABS_X) - EDGE // 4) < EDGE // width * 2, reported
            assert abs(last(reported, ABS_Y) - EDGE // 2) < EDGE // height * 2, reported
            desktop.tool("click", "1")
            time.sleep(1)
            assert [value for kind, value in events(machine) if kind == BTN_LEFT] == [1, 0]
            assert "Ctrl+Alt+G" not in desktop.tool("getwindowname", window)  # neither grabbed nor in need of it
    print("passed")


if __name__ == "__main__":
    main()
