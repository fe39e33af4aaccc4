#!/usr/bin/env python3
"""Debuggers from Debian against the GDB stub: gdb and lldb on guests of ours and on Linux.

    gdb_test.py --gnomon BINARY --guests DIR --programs DIR CASE
"""

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
# Whatever a debugger complains about. The first line of a session without a program is a remark, not a complaint.
COMPLAINTS = re.compile(r"error|warning|too long|too short|rejected|not compatible|cannot|ignoring packet|timed out|unexpected",
                        re.IGNORECASE)
REMARK = "No executable has been specified"


class Failed(Exception):
    pass


class Stub:
    """A machine that waits for a debugger."""

    def __init__(self, options, *arguments):
        self.process = subprocess.Popen(
            [options.gnomon, "--display", "none", "--serial", "none", "--gdb", "127.0.0.1:0", "--paused", "--timeout", "1500",
             *arguments], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        self.seen = ""
        while "GDB stub on" not in self.seen:
            text = self.process.stdout.readline()
            if not text:
                raise Failed(f"no stub: {self.seen}")
            self.seen += text
        self.port = int(re.search(r"GDB stub on 127\.0\.0\.1:(\d+)", self.seen).group(1))

    def status(self):
        """Of a machine that ends by itself."""
        self.process.wait(30)
        return self.process.returncode

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        if self.process.poll() is None:
            self.process.terminate()
        try:
            self.seen += self.process.communicate(timeout=10)[0]
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.seen += self.process.communicate()[0]


def debug(command, seconds):
    try:
        result = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=seconds,
                                stdin=subprocess.DEVNULL)
        text = result.stdout
    except subprocess.TimeoutExpired as expired:
        text = (expired.stdout or b"").decode(errors="replace") + "\nthe session did not end in time"
    return text


def gdb(options, stub, script, program=None, seconds=300, **variables):
    command = ["gdb", "-nx", "-batch", "-iex", "set pagination off"]
    command += ["-iex", f"python import sys; sys.path.insert(0, {str(HERE)!r})"]
    for name, value in {"port": stub.port, **variables}.items():
        command += ["-iex", f"python {name} = {value!r}"]
    command += ["-x", str(HERE / script)]
    if program:
        command += [str(program)]
    text = debug(command, seconds)
    complaints = [l for l in text.splitlines()
                  if COMPLAINTS.search(l) and REMARK not in l and not l.startswith(("SESSION", "determining executable"))]
    if "SESSION OK" not in text or complaints:
        stub.close()
        raise Failed(f"{text}\n--- gnomon ---\n{stub.seen}\n--- complaints: {complaints}")


def kernel(options, bits):
    program = Path(options.programs) / f"kernel{bits}.elf"
    with Stub(options, "--kernel", str(program), "--set", "debug.exit_port=0xf4", "--set",
              f"debug.symbols={program}") as stub:
        gdb(options, stub, "kernel_session.py", program, bits=bits, source=str(HERE / "kernel/kernel.c"))
        if stub.status() != 2 * 42 + 1:
            raise Failed(f"the machine ended with status {stub.process.returncode}, not 85")


def linux_disk(options, bits):
    guests = Path(options.guests)
    kernel_image, initrd = ("linux-amd64/kernel", "shell-amd64/initrd") if bits == 64 else ("linux-686/kernel", "shell/initrd")
    with tempfile.TemporaryDirectory() as folder:
        image = Path(folder) / "disk.img"
        subprocess.run([ROOT / "tests/boot/make_image.sh", "disk", image, guests / kernel_image, guests / initrd,
                        "console=ttyS0,115200 quiet mitigations=off nokaslr panic=-1"], check=True,
                       stdout=subprocess.DEVNULL)
        with Stub(options, "-m", "512M", "--hda", str(image)) as stub:
            gdb(options, stub, "linux_session.py", bits=bits, seconds=1200, folder=folder,
                make_symbols=str(ROOT / "scripts/symbols-to-elf.py"))


def lldb(options, bits):
    program = Path(options.programs) / f"kernel{bits}.elf"
    debugger = next((name for name in ("lldb", "lldb-14", "lldb-19") if shutil.which(name)), None)
    if not debugger:
        raise Failed("lldb is not installed")
    # lldb settles on one architecture when it connects: that of the processor.
    model = ["--cpu", "core2-32"] if bits == 32 else []
    with Stub(options, *model, "--kernel", str(program), "--set", "debug.exit_port=0xf4") as stub:
        lldb_session(stub, debugger, program, bits)


def lldb_session(stub, debugger, program, bits):
    pc, sp = ("rip", "rsp") if bits == 64 else ("eip", "esp")
    commands = [f"gdb-remote 127.0.0.1:{stub.port}", f"register read {pc}", "breakpoint set --name work", "continue",
                f"register read {pc} {sp}", "frame variable rounds seed", "bt", "thread step-inst",
                "memory read --format x --size 4 --count 1 &calls", "process detach"]
    line = [debugger, "--batch", "--no-lldbinit", str(program)]
    for command in commands:
        line += ["-o", command]
    text = debug(line, 240)
    for word in ("stop reason = breakpoint 1.1", "rounds = 3", "seed = 1", "middle(rounds=3)", "kernel_main",
                 "stop reason = instruction step into", "detached"):
        if word not in text:
            stub.close()
            raise Failed(f"no {word!r} in:\n{text}\n--- gnomon ---\n{stub.seen}")
    if re.search(r"^error:", text, re.MULTILINE):
        raise Failed(text)


CASES = {
    "kernel32": lambda o: kernel(o, 32),
    "kernel64": lambda o: kernel(o, 64),
    "linux-i386": lambda o: linux_disk(o, 32),
    "linux-amd64": lambda o: linux_disk(o, 64),
    "lldb32": lambda o: lldb(o, 32),
    "lldb64": lambda o: lldb(o, 64),
}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--gnomon", required=True)
    parser.add_argument("--guests", required=True)
    parser.add_argument("--programs", required=True)
    parser.add_argument("case", choices=CASES)
    options = parser.parse_args()
    os.environ["DEBUGINFOD_URLS"] = ""
    try:
        CASES[options.case](options)
    except Failed as failed:
        print(failed)
        sys.exit(1)
    print(f"{options.case}: passed")


if __name__ == "__main__":
    main()
