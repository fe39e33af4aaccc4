#!/usr/bin/env python3
"""What the program says and how it ends: every error has status 2 and names its place, before the guest runs.

    command_line_test.py GNOMON
"""

import os
import signal
import subprocess
import sys
import tempfile
import time
import unittest
from pathlib import Path

GNOMON = ""


class CommandLine(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory(prefix="gnomon-command-line-")
        self.path = Path(self.folder.name)
        (self.path / "folder").mkdir()
        (self.path / "empty").touch()
        (self.path / "a.img").write_bytes(bytes(1440 * 1024))
        # mov al, 42; mov dx, 0f4h; out dx, al; hlt
        sector = bytes([0xB0, 42, 0xBA, 0xF4, 0x00, 0xEE, 0xF4]).ljust(510, b"\0") + b"\x55\xaa"
        (self.path / "exit.img").write_bytes(sector + bytes(1440 * 1024 - 512))
        # cli; hlt
        (self.path / "halt.img").write_bytes(b"\xfa\xf4".ljust(510, b"\0") + b"\x55\xaa" + bytes(1440 * 1024 - 512))
        # lidt of nothing; int 3
        code = bytes.fromhex("fa 0f011e 107c cc") + bytes(10)
        (self.path / "fault.img").write_bytes(code.ljust(510, b"\0") + b"\x55\xaa" + bytes(1440 * 1024 - 512))

    def tearDown(self):
        self.folder.cleanup()

    def run_gnomon(self, *arguments, **more):
        limit = [] if "--timeout" in arguments else ["--timeout", "30"]
        memory = [] if "--memory" in arguments else ["-m", "16M"]
        return subprocess.run([GNOMON, "--display", "none", *memory, *limit, *arguments], cwd=self.path, text=True,
                              capture_output=True, timeout=120, **({"stdin": subprocess.DEVNULL} | more))

    def refused(self, message, *arguments):
        done = self.run_gnomon(*arguments)
        self.assertEqual((done.returncode, done.stderr), (2, f"gnomon: {message}\n"), arguments)

    def machine_file(self, text):
        (self.path / "machine.toml").write_text(text)
        return "machine.toml"

    def test_files_that_are_not_there_name_their_option(self):
        self.refused("--fda: floppy.a.file: nothing: No such file or directory", "--fda", "nothing")
        self.refused("--hdb: disk.1.file: nothing: No such file or directory", "--hdb", "nothing")
        self.refused("--cdrom: cdrom.2.file: nothing: No such file or directory", "--cdrom", "nothing")
        self.refused("--kernel: boot.kernel: nothing: No such file or directory", "--kernel", "nothing")
        self.refused("--bios: firmware.bios: nothing: No such file or directory", "--bios", "nothing")
        self.refused("--load-state: nothing: No such file or directory", "--load-state", "nothing")

    def test_folders_and_empty_files_are_no_images(self):
        self.refused("--hda: disk.0.file: folder: Is a directory", "--hda", "folder")
        self.refused("--hda: disk.0.file: empty: is empty", "--hda", "empty")
        self.refused("--bios: firmware.bios: folder: Is a directory", "--bios", "folder")
        self.refused("--vgabios: firmware.vgabios: folder: Is a directory", "--vgabios", "folder")
        self.refused("--load-state: folder: Is a directory", "--load-state", "folder")
        self.refused("--load-state: empty: is no saved machine", "--load-state", "empty")

    def test_errors_of_a_machine_file_name_file_and_line(self):
        self.refused("machine.toml:3: floppy.a.file: nothing: No such file or directory",
                     self.machine_file("# a machine\n[floppy.a]\nfile = \"nothing\"\n"))
        done = self.run_gnomon(self.machine_file("[cpu]\nmodel = \"pentum\"\n"))
        self.assertEqual(done.returncode, 2)
        self.assertTrue(done.stderr.startswith("gnomon: machine.toml:2: cpu.model: unknown processor model 'pentum' (did you mean 'pentium'?)"),
                        done.stderr)
        self.refused("machine.toml:2: there is no key 'cpu.mdel'; did you mean 'cpu.model'?", self.machine_file("[cpu]\nmdel = \"486\"\n"))
        self.refused("machine.toml:2: cpu.count: 3 processors need a model with a local APIC, which '486' has not; accepted is 1",
                     self.machine_file("[cpu]\ncount = 3\nmodel = \"486\"\n"))

    def test_errors_of_a_bochsrc_name_file_and_line(self):
        (self.path / "bochsrc").write_text("megs: 16\nfloppya: 1_44=nothing, status=inserted\n")
        self.refused("bochsrc:2: floppya: floppy.a.file: nothing: No such file or directory", "bochsrc")

    def test_results_without_a_place_are_refused_before_the_run(self):
        for option in ("--stats", "--screenshot", "--screen-text", "--save-state"):
            started = time.monotonic()
            self.refused(f"{option}: folder: Is a directory", option, "folder")
            self.refused(f"{option}: nowhere/x: No such file or directory", option, "nowhere/x")
            self.assertLess(time.monotonic() - started, 20)

    def test_an_image_is_no_machine_file(self):
        self.refused("a.img: is no machine file (TOML or bochsrc); images are given by --fda, --hda or --cdrom, kernels by --kernel", "a.img")

    def test_empty_values_are_refused(self):
        for option in ("--fda", "--cdrom", "--kernel", "--bios", "--cpu", "--log", "--stats", "--load-state", "--debug-script"):
            self.refused(f"{option}: its value is empty", option, "")

    def test_unknown_parts_of_the_log_are_refused_with_the_list(self):
        done = self.run_gnomon("--log", "idee=info")
        self.assertEqual(done.returncode, 2)
        self.assertTrue(done.stderr.startswith("gnomon: --log: log.level: there is no part 'idee' (did you mean 'ide'?); accepted: "), done.stderr)
        for part in (" ide,", " floppy,", " serial.com1,", " vga\n"):
            self.assertIn(part, done.stderr)

    def test_numbers_that_are_too_long_are_refused(self):
        digits = "9" * 40
        self.refused(f"--memory: memory.size: '{digits}G' is no size; accepted: 1M to 4096G, as 256M or 1G; a number alone is MiB",
                     "--memory", f"{digits}G")
        self.refused(f"--smp: cpu.count: '{digits}' is no number; accepted: 1 to 64", "--smp", digits)
        self.refused(f"--max-instructions: limit.instructions: '{digits}' is no number; accepted: 0 to {2**63 - 1}",
                     "--max-instructions", digits)
        self.refused(f"--gdb: \"{digits}\" is no port; expected [HOST:]PORT, as 1234 or 0.0.0.0:1234", "--gdb", digits)
        self.refused(f"--serial: serial.1: 'tcp:127.0.0.1:{digits}': '{digits}' is not a TCP port", "--serial", f"tcp:127.0.0.1:{digits}")

    def test_scripts_of_the_debugger_must_be_readable(self):
        self.refused("--debug-script: nothing: No such file or directory", "--debug-script", "nothing")
        self.refused("--debug-script: folder: Is a directory", "--debug-script", "folder")

    def test_an_option_given_twice_is_refused(self):
        self.refused("--hda is given more than once", "--hda", "a.img", "--hda", "exit.img")

    def test_an_image_in_use_is_named(self):
        holder = subprocess.Popen([GNOMON, "--display", "none", "--hda", "a.img", "--timeout", "60"], cwd=self.path,
                                  stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            descriptors = Path(f"/proc/{holder.pid}/fd")
            while not any(os.path.realpath(link) == os.path.realpath(self.path / "a.img") for link in descriptors.iterdir()):
                time.sleep(0.05)
            time.sleep(0.5)  # from open to locked
            done = self.run_gnomon("--hda", "a.img", "--timeout", "1")
            self.assertEqual(done.stderr, f"gnomon: --hda: disk.0.file: a.img: is in use by process {holder.pid}\n")
        finally:
            holder.terminate()
            self.assertEqual(holder.wait(20), 128 + signal.SIGTERM)

    def test_exit_statuses(self):
        floppy = ["--boot", "a", "--snapshot", "--fda"]
        self.assertEqual(self.run_gnomon(*floppy, "exit.img", "--set", "debug.exit_port=0xf4").returncode, 42 << 1 | 1)
        self.assertEqual(self.run_gnomon(*floppy, "halt.img").returncode, 8)
        fault = self.run_gnomon(*floppy, "fault.img", "--no-reboot")
        self.assertEqual(fault.returncode, 6, fault.stderr)
        self.assertIn("int3", fault.stderr)
        self.assertEqual(self.run_gnomon("--max-instructions", "1000").returncode, 4)
        self.assertEqual(self.run_gnomon("--timeout", "1").returncode, 4)

    def test_closed_streams_do_not_become_images(self):
        before = (self.path / "a.img").read_bytes()
        for closed in ("0<&-", ">&-", "2>&-", "<&- >&- 2>&-"):
            line = f'"{GNOMON}" --display none --serial stdio --hda a.img --timeout 1 {closed}'
            self.assertEqual(subprocess.run(["sh", "-c", line], cwd=self.path, timeout=60, capture_output=True).returncode, 4, closed)
            self.assertEqual((self.path / "a.img").read_bytes(), before, closed)

    def test_a_reader_that_goes_away_does_not_end_the_run(self):
        line = f'"{GNOMON}" --display none --set debug.firmware=stdio --timeout 2 2>&1 > /dev/full | true; ' \
               f'("{GNOMON}" --display none --set debug.firmware=stdio --timeout 2; echo $? > status) | true'
        subprocess.run(["sh", "-c", line], cwd=self.path, timeout=60, capture_output=True)
        self.assertEqual((self.path / "status").read_text(), "4\n")


if __name__ == "__main__":
    GNOMON = os.path.abspath(sys.argv.pop(1))
    unittest.main()
