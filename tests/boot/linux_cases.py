"""Linux of 32 and 64 bits, on one processor and several, by the loaders for kernels and from media of ours."""

import lzma
import struct
import zlib
from pathlib import Path

from cases import LINE, PROMPT, ROOT, case
from guest_console import Failed


@case
def linux_direct(run):
    run.shell(*run.direct("linux-686"))


@case
def linux_pae_direct(run):
    run.shell(*run.direct("linux-686-pae"))


def several_processors(run, count, line, online):
    run.shell("--kernel", run.guests.find("linux-686-pae/kernel"), "--initrd", run.guests.find("shell/initrd"), "--append",
              f"{LINE} {line}", processors=count, online=online, seconds=600)


@case
def linux_smp(run):
    several_processors(run, 4, "", 4)


@case
def linux_smp_noapic(run):
    several_processors(run, 2, "noapic", 2)


@case
def linux_smp_nolapic(run):
    several_processors(run, 2, "nolapic", 1)


@case
def linux_direct_seabios(run):
    run.shell(*run.seabios(), *run.direct("linux-686"))


@case
def linux_amd64_direct(run):
    run.shell(*run.direct("linux-amd64", "shell-amd64"), seconds=600)


def unpack_vmlinux(bzimage):
    """The ELF image inside a bzImage: the payload of the header's fields (Linux, "The Linux/x86 Boot Protocol")."""
    setup_sectors = bzimage[0x1F1] or 4
    offset, length = struct.unpack_from("<II", bzimage, 0x248)
    start = (setup_sectors + 1) * 512 + offset
    payload = bzimage[start:start + length]
    if payload[:6] == b"\xfd7zXZ\0":
        return lzma.LZMADecompressor().decompress(payload)
    if payload[:2] == b"\x1f\x8b":
        return zlib.decompressobj(31).decompress(payload)
    raise Failed(f"the kernel's payload begins with {payload[:6].hex()}: neither xz nor gzip")


@case
def linux_amd64_pvh(run):
    """The uncompressed ELF64 kernel, entered by its PVH note."""
    image = run.scratch / "vmlinux"
    image.write_bytes(unpack_vmlinux(Path(run.guests.find("linux-amd64/kernel")).read_bytes()))
    run.shell("--kernel", str(image), "--initrd", run.guests.find("shell-amd64/initrd"), "--append", LINE, seconds=600)


@case
def linux_amd64_smp_topology(run):
    """One package with four cores, as CPUID, MADT and SMBIOS have it."""
    machine = run.serial("-m", "256M", "--no-reboot", "--smp", "4", "--kernel", run.guests.find("linux-amd64/kernel"), "--initrd",
                         run.guests.find("shell-amd64/initrd"), "--append", LINE, seconds=600)
    machine.wait_for(PROMPT)
    machine.type("dmesg | grep 'smpboot: Allowing'; dmesg | grep 'Total of'; cat /sys/devices/system/cpu/cpu*/topology/physical_package_id | "
                 "sort -u | wc -l | sed s/^/packages-/; cat /sys/devices/system/cpu/cpu*/topology/core_id | sort -u | wc -l | sed s/^/cores-/; "
                 "od -An -tu1 -j 35 -N 3 /sys/firmware/dmi/entries/4-0/raw | sed 's/^ */smbios-/; s/  */-/g'\n")
    machine.wait_for("Allowing 4 CPUs")
    machine.wait_for("Total of 4 processors")
    machine.wait_for("packages-1")
    machine.wait_for("cores-4")
    machine.wait_for("smbios-4-4-4")
    machine.type("poweroff -f\n")
    machine.expect_exit(0)


@case
def linux_amd64_with_programs_of_32_bits(run):
    """Compatibility mode: the kernel is 64-bit, the programs are not."""
    run.shell(*run.direct("linux-amd64"), seconds=600)


@case
def linux_amd64_above_4_gib(run):
    machine = run.serial("-m", "6G", "--no-reboot", *run.direct("linux-amd64", "shell-amd64"), seconds=600)
    machine.wait_for(PROMPT)
    machine.type("echo $(($(sed -n 's/MemTotal: *\\([0-9]*\\) kB/\\1/p' /proc/meminfo) > 5500000))-big\n")
    machine.wait_for("1-big")


@case
def linux_amd64_cd(run):
    run.shell("--cdrom", run.image("cd", run.guests.find("linux-amd64/kernel"), "shell-amd64"), seconds=600)


@case
def linux_amd64_disk(run):
    run.shell("--hda", run.image("disk", run.guests.find("linux-amd64/kernel"), "shell-amd64"), seconds=600)


@case
def linux_amd64_smp(run):
    """Idle processors wait in MWAIT, and wake each other by stores."""
    run.shell(*run.direct("linux-amd64", "shell-amd64"), processors=4, mwait=True, seconds=900)


@case
def linux_amd64_smp_cd(run):
    run.shell("--cdrom", run.image("cd", run.guests.find("linux-amd64/kernel"), "shell-amd64"), processors=4, seconds=900)


@case
def linux_amd64_smp_disk(run):
    """A processor without MONITOR idles in HLT."""
    run.shell("--cpu", "max,-monitor", "--hda", run.image("disk", run.guests.find("linux-amd64/kernel"), "shell-amd64"), processors=4,
              mwait=False, seconds=900)


@case
def linux_amd64_4_levels(run):
    """With la57 the kernel uses five."""
    run.shell("--cpu", "max,-la57", *run.direct("linux-amd64", "shell-amd64"), seconds=600)


@case
def linux_amd64_shadow_verified(run):
    run.shell("--set", "memory.shadow=verify", *run.direct("linux-amd64", "shell-amd64"), seconds=900)


@case
def linux_cd(run):
    run.shell("--cdrom", run.image("cd", run.guests.find("linux-686/kernel")))


@case
def linux_disk(run):
    run.shell("--hda", run.image("disk", run.guests.find("linux-686/kernel")))


@case
def linux_pae_cd(run):
    run.shell("--cdrom", run.image("cd", run.guests.find("linux-686-pae/kernel")))


@case
def linux_pae_disk(run):
    run.shell("--hda", run.image("disk", run.guests.find("linux-686-pae/kernel")))


@case
def linux_cd_seabios(run):
    run.shell(*run.seabios(), "--cdrom", run.image("cd", run.guests.find("linux-686/kernel")))


@case
def linux_disk_seabios(run):
    run.shell(*run.seabios(), "--hda", run.image("disk", run.guests.find("linux-686/kernel")))


@case
def linux_shadow_verified(run):
    run.shell("--set", "memory.shadow=verify", *run.direct("linux-686-pae"), seconds=400)


@case
def shell_in_terminal(run):
    """What ./run does where there is no display."""
    machine = run.terminal(str(ROOT / "configs/linux-shell.toml"))
    machine.wait_for(PROMPT)
    machine.type("echo $((6 * 7))-typed\r")
    machine.wait_for("(?m)^42-typed")


def counts_events(run, model, driver, *arguments):
    """The kernel tries the performance counters before it believes in them."""
    machine = run.serial("-m", "256M", "--no-reboot", "--cpu", model, *arguments, seconds=600)
    machine.wait_for(PROMPT)
    machine.type(f"echo pmu-$(dmesg | grep -c 'Performance Events:.*{driver} PMU driver')-$(dmesg | grep -c 'Broken PMU')\n")
    machine.wait_for("pmu-1-0")
    machine.type("poweroff -f\n")
    machine.expect_exit(0)


@case
def linux_p3_counters(run):
    counts_events(run, "p3", "p6", *run.direct("linux-686"))


@case
def linux_zen2_counters(run):
    counts_events(run, "zen2", "AMD", *run.direct("linux-amd64", "shell-amd64"))
