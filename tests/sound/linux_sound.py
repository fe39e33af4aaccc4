#!/usr/bin/env python3
"""Linux plays through its own drivers, and the WAV file has the tone.

    linux_sound.py [--gnomon FILE] CASE...      as ../boot/boot.py, whose cases.py this uses
"""
import array
import subprocess
import sys
import wave
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "boot"))
from cases import PROMPT, case, main  # noqa: E402
from guest_console import Failed  # noqa: E402

RATE = 8000       # what /dev/dsp has until it is told otherwise: 8 bits, one channel
PERIOD = 16       # 500 Hz
SECONDS = 2


def rising_crossings(samples):
    """Places where the signal goes up through zero, interpolated; noise around zero does not count."""
    peak = max(abs(sample) for sample in samples)
    places, low = [], 0
    for i in range(len(samples) - 1):
        a, b = samples[i], samples[i + 1]
        low = min(low, a)
        if a < 0 <= b and low < -peak / 4:
            places.append(i + a / (a - b))
            low = 0
    return places


def expect_tone(path, hertz, seconds):
    """Some part of the file is that tone for that long, without a gap; what the driver's start clicks is before it."""
    with wave.open(str(path)) as file:
        rate = file.getframerate()
        samples = array.array("h", file.readframes(file.getnframes()))[::2]
    if not samples or max(samples) < 1000:
        raise Failed("silence")
    places = rising_crossings(samples)
    longest, start = (0, 0), 0
    for i in range(1, len(places) + 1):
        if i == len(places) or abs((places[i] - places[i - 1]) * hertz / rate - 1) > 0.1:
            longest = max(longest, (i - 1 - start, start))
            start = i
    periods, first = longest
    if periods < hertz * seconds * 0.9:
        raise Failed(f"the longest part without a gap has {periods} periods instead of {hertz * seconds:.0f}")
    measured = periods * rate / (places[first + periods] - places[first])
    if abs(measured / hertz - 1) > 0.005:
        raise Failed(f"{measured:.2f} Hz instead of {hertz}")
    print(f"{measured:.2f} Hz, {periods} periods without a gap")


def play(run, names, load, *arguments):
    """Loads the modules with their dependences first, and sends a triangle wave to /dev/dsp."""
    modules = Path(run.guests.find("linux-686/lib/modules/*"))
    tree = run.scratch / "tree/mods"
    tree.mkdir(parents=True)
    for name in names:
        (tree / f"{name}.ko").write_bytes(next(modules.rglob(f"{name}.ko")).read_bytes())
    wave_form = bytes(128 + 100 * (4 * abs(i - PERIOD // 2) - PERIOD) // PERIOD for i in range(PERIOD))
    (tree / "tone").write_bytes(wave_form * (RATE * SECONDS // PERIOD))
    subprocess.run(["nasm", "-f", "bin", "-o", str(tree / "unmute"), str(HERE / "unmute.asm")], check=True)
    (tree / "unmute").chmod(0o755)
    archive = run.scratch / "modules.cpio"
    with archive.open("wb") as out:
        subprocess.run("find mods | cpio -o -H newc --quiet", shell=True, cwd=tree.parent, stdout=out, check=True)
    out = run.scratch / "out.wav"
    machine = run.serial("-m", "256M", "--no-reboot", "--audio", f"wav:{out}", *run.direct("linux-686"), "--initrd", str(archive),
                         *arguments, seconds=900)
    machine.wait_for(PROMPT)
    machine.type(load + "\n")
    machine.type("ls /dev/dsp && cat /proc/asound/cards; echo load''ed\n")
    machine.wait_for("loaded")
    machine.type("/mods/unmute && cat /mods/tone > /dev/dsp && echo pla''yed; dmesg | tail -n 5\n")
    machine.wait_for("played")
    machine.type("poweroff -f\n")
    machine.expect_exit(0)
    expect_tone(out, RATE / PERIOD, SECONDS)


CORE = ["soundcore", "snd", "snd-timer", "snd-pcm", "snd-mixer-oss", "snd-pcm-oss"]


def insmod(names):
    return f"for m in {' '.join(names)}; do insmod /mods/$m.ko; done"


@case
def linux_ac97(run):
    """snd-intel8x0 on the PCI card; ALSA sets its volumes to what the codec has after a reset: muted."""
    names = CORE + ["ac97_bus", "snd-ac97-codec", "snd-intel8x0"]
    play(run, names, insmod(names), "--set", "sound.sb16=false")


@case
def linux_sb16(run):
    """snd-sb16 on the ISA card."""
    extra = ["snd-seq-device", "snd-rawmidi", "snd-mpu401-uart", "snd-hwdep", "snd-opl3-lib", "snd-sb-common", "snd-sb16-dsp",
             "snd-sb16-csp"]
    names = CORE + extra + ["snd-sb16"]
    load = insmod(CORE + extra) + "; insmod /mods/snd-sb16.ko isapnp=0 port=0x220 irq=5 dma8=1 dma16=5 mpu_port=0x330"
    play(run, names, load, "--set", "sound.pci=none")


if __name__ == "__main__":
    sys.exit(main())
