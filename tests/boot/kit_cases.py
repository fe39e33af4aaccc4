"""The benchmark kit, shortened: checksums, boot loaders, and repeated runs."""

import re

from cases import case
from guest_console import Failed


def kit(run, image, processors=1, scale=0.02):
    """All workloads of the benchmark kit, shortened: every checksum equals the native one."""
    folder = run.kit / image
    expected = dict(line.split() for line in (run.kit_source / "guest/expected.txt").read_text().splitlines()
                    if line and not line.startswith("#"))
    line = (folder / "append").read_text().strip() + f" bench.scale={scale}"
    machine = run.serial("-m", "512M", "--no-reboot", "--smp", str(processors), "--kernel", str(folder / "kernel"), "--initrd", str(folder / "initrd"),
                         "--append", line, seconds=900)
    log = machine.read_until("BENCH-DONE")
    machine.expect_exit(0)
    results = re.findall(r"^BENCH (\S+) \d+ \d+ ([0-9a-f]{8})", log, re.M)
    wrong = [f"{name}: {checksum}, should be {expected[name]}" for name, checksum in results if expected.get(name) != checksum]
    wrong += re.findall(r"^BENCH-FAIL .*$", log, re.M)
    skipped = re.findall(r"^BENCH-SKIP (\S+)", log, re.M)
    if wrong or len(results) < 37:
        raise Failed(f"{len(results)} right or wrong results, skipped: {skipped}, wrong:\n" + "\n".join(wrong) + log[-2000:])


def kit_boots(run, *arguments):
    """An image of the kit by its own boot loader, up to the first of its lines."""
    machine = run.serial("-m", "512M", "--no-reboot", *arguments, seconds=400)
    machine.wait_for("BENCH ")


@case
def kit_i386(run):
    kit(run, "bench-i386")


@case
def kit_amd64(run):
    kit(run, "bench-amd64")


@case
def kit_amd64_smp(run):
    kit(run, "bench-amd64", processors=2, scale=0.005)


@case
def kit_repeats(run):
    """The same run twice: the same instructions, the same serial output."""
    folder = run.kit / "bench-i386"
    line = (folder / "append").read_text().strip() + " bench.scale=0.002"
    runs = []
    for _ in range(2):
        status, output, stats, _, _ = run.finish("-m", "256M", "--no-reboot", "--serial", "stdio", "--kernel", str(folder / "kernel"),
                                                 "--initrd", str(folder / "initrd"), "--append", line, seconds=900)
        if status != 0 or "BENCH-DONE" not in output:
            raise Failed(f"status {status}:\n{output[-2000:]}")
        runs.append((stats["instructions"], output))
    if runs[0] != runs[1]:
        raise Failed(f"{runs[0][0]} and {runs[1][0]} instructions, output {'equal' if runs[0][1] == runs[1][1] else 'different'}")


@case
def kit_i386_pae(run):
    kit(run, "bench-i386-pae")
