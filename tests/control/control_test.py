#!/usr/bin/env python3
"""Drives a booted Linux over the control socket, as a test script of a user would.

    control_test.py --gnomon BINARY --guests DIR
"""

import argparse
import subprocess
import tempfile
from pathlib import Path

import guest
from gnomon_control import Control, ControlError, Machine

BOOT_SECONDS = 300  # on a busy host; in real time Linux would miss the timer there, hence no_timer_check


def expect_error(action, error_class, words):
    try:
        action()
    except ControlError as error:
        assert error.error_class == error_class, error.error_class
        assert words in error.description, error.description
    else:
        raise AssertionError(f"no error with {words!r}")


def protocol(machine, path):
    assert machine.greeting["version"]["package"].startswith("Gnomon ")
    names = [entry["name"] for entry in machine.execute("query-commands")]
    for name in ["stop", "cont", "screendump", "send-key", "wait-for-text", "blockdev-change-medium", "qmp_capabilities"]:
        assert name in names, name
    expect_error(lambda: machine.execute("frobnicate"), "CommandNotFound", "frobnicate")
    expect_error(lambda: machine.execute("type-text"), "GenericError", "Parameter 'text' is missing")
    expect_error(lambda: machine.execute("stop", now=True), "GenericError", "Parameter 'now' is unexpected")
    expect_error(lambda: machine.execute("type-text", text=1), "GenericError", "expected: string")
    expect_error(lambda: machine.send_key("ctrl-any"), "GenericError", "is no key")
    other = Control(path)  # a second caller at the same time
    assert other.execute("query-status")["status"] == "running"
    other.close()


def shell(machine, command, mark):
    """A command line whose output ends with the mark, which the line itself does not hold."""
    machine.type_text(f"clear; {command}\n")
    machine.wait_for_text(mark, timeout=60)


def text_and_keys(machine):
    shell(machine, "echo $((6 * 7))-typed", "42-typed")
    lines = machine.screen_text().splitlines()
    assert lines[0] == "42-typed" and lines[1].startswith("gnomon:/#"), lines
    machine.type_text("echo aXb")
    machine.send_key("backspace")
    machine.send_key("shift-z", hold_time=20)
    machine.send_key("ret")
    machine.wait_for_text("^aXZ$", regex=True)
    expect_error(lambda: machine.wait_for_text("never there", timeout=0.2), "GenericError", "did not appear")


def discs(machine, folder):
    shell(machine, "sh /modules.sh 2>/dev/null; echo $((1+1))-modules", "2-modules")
    expect_error(lambda: machine.execute("blockdev-change-medium", id="cdrom.2", filename="/nonexistent"), "GenericError",
                 "No such file")
    expect_error(lambda: machine.execute("eject", device="tape0"), "GenericError", "accepted are floppy.a, cdrom.2")
    for label in ["first", "second"]:
        machine.execute("blockdev-change-medium", id="cdrom.2", filename=guest.disc(folder / label, f"disc-is-{label}"))
        shell(machine, "head -c 16 /dev/sr0; echo", f"disc-is-{label}")
    block = next(entry for entry in machine.execute("query-block") if entry["qdev"] == "cdrom.2")
    assert block["device"] == "ide1-cd0" and block["inserted"]["file"].endswith("second"), block
    machine.execute("eject", device="ide1-cd0")
    block = next(entry for entry in machine.execute("query-block") if entry["qdev"] == "cdrom.2")
    assert "inserted" not in block, block


def states(machine, folder):
    saved = str(folder / "saved")
    shell(machine, "X=before-$((2+3)); echo $X", "before-5")
    machine.execute("savevm", filename=saved)
    shell(machine, "X=after-$((2+3)); echo $X", "after-5")
    machine.execute("loadvm", filename=saved)
    assert machine.screen_text().splitlines()[0] == "before-5"
    shell(machine, "echo again-$X", "again-before-5")
    expect_error(lambda: machine.execute("loadvm", filename=guest.disc(folder / "bad", "x")), "GenericError", "no saved machine")


def run_control(machine, folder):
    machine.execute("stop")
    assert machine.wait_event("STOP")
    assert machine.execute("query-status") == {"status": "paused", "running": False, "singlestep": False}
    machine.execute("screendump", filename=str(folder / "screen.png"))
    assert guest.png_size(folder / "screen.png") == (720, 400)
    machine.execute("screendump", filename=str(folder / "screen.ppm"))
    assert (folder / "screen.ppm").read_bytes().startswith(b"P6\n720 400\n255\n")
    machine.execute("cont")
    assert machine.wait_event("RESUME")
    assert machine.monitor("info status") == "VM status: running\n"
    assert "unknown command" in machine.monitor("frobnicate")
    # The debugger's console looks, but does not stop a machine that nobody would start again.
    assert "eip" in machine.monitor("info registers")
    assert "1234:1111" in machine.monitor("info pci")
    assert machine.monitor("xp /1xb 0xffff0") == "0x000ffff0: 0xea\n"  # the firmware's jump
    assert "unknown command" in machine.monitor("pb 0x7c00")
    machine.execute("system_reset")
    event = machine.wait_event("RESET")
    assert event["data"] == {"guest": False, "reason": "host-qmp-system-reset"} and event["timestamp"]["seconds"] > 0
    machine.wait_for_text("Gnomon BIOS")
    machine.execute("quit")
    event = machine.wait_event("SHUTDOWN")
    assert event["data"]["guest"] is False and event["data"]["reason"] == "host-qmp-quit"
    assert machine.process.wait(20) == 0


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--gnomon", required=True)
    parser.add_argument("--guests", required=True)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        command = [options.gnomon, "--display", "none", *guest.arguments(options.guests, folder)]
        refused = subprocess.run([options.gnomon, "--control", "tcp:0.0.0.0:4444"], capture_output=True, text=True, timeout=20)
        assert refused.returncode == 2 and "loopback" in refused.stderr, refused
        with Machine(command) as machine:
            protocol(machine, machine.folder + "/socket")
            machine.wait_for_text("gnomon:", timeout=BOOT_SECONDS)
            text_and_keys(machine)
            discs(machine, folder)
            states(machine, folder)
            run_control(machine, folder)
    print("passed")


if __name__ == "__main__":
    main()
