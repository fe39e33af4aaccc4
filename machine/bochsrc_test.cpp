// bochsrc files: recognised, mapped, and their mistakes named with the line.
#include "machine/bochsrc.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace gnomon {
namespace {

using testing::ElementsAre;

struct Outcome {
    Config config;
    std::vector<std::string> notes;
    std::string error;
};

Outcome read(std::string_view text) {
    Outcome outcome;
    const Result<void> applied = apply_bochsrc(outcome.config, text, "bochsrc", "/machines", outcome.notes);
    if (!applied) outcome.error = applied.error().message;
    return outcome;
}

TEST(Bochsrc, IsRecognisedByContent) {
    EXPECT_TRUE(is_bochsrc("# configuration\n\nmegs: 32\n"));
    EXPECT_TRUE(is_bochsrc("ata0-master: type=disk, path=c.img\n"));
    EXPECT_FALSE(is_bochsrc("[memory]\nsize = 32\n"));
    EXPECT_FALSE(is_bochsrc("# nothing\n"));
    EXPECT_FALSE(is_bochsrc("frobnicate: 1\n"));
}

TEST(Bochsrc, MapsWhatItCan) {
    const Outcome o = read(R"(# a usual one
megs: 64
cpu: count=1, ips=50000000, reset_on_triple_fault=0
floppya: 1_44="disk a.img", status=inserted
ata0: enabled=1, ioaddr1=0x1f0, ioaddr2=0x3f0, irq=14
ata0-master: type=disk, path="c.img", mode=flat, cylinders=306, heads=4, spt=17
ata1-master: type=cdrom, path=/cd.iso, status=inserted
boot: cdrom, disk
com1: enabled=1, mode=file, dev=serial.txt
parport1: enabled=1, file="printer.out"
clock: sync=none, time0=1
mouse: type=imps2, enabled=1
display_library: nogui
port_e9_hack: enabled=1
)");
    ASSERT_EQ(o.error, "");
    EXPECT_EQ(o.config.memory.size, u64{64} << 20);
    EXPECT_EQ(o.config.clock.ips, 50'000'000u);
    EXPECT_FALSE(o.config.boot.reboot);
    EXPECT_EQ(o.config.floppy[0].file, "/machines/disk a.img");
    EXPECT_EQ(o.config.floppy[0].type, FloppyTypeChoice::F1440K);
    EXPECT_EQ(o.config.disk[0].file, "/machines/c.img");
    EXPECT_EQ(o.config.disk[0].cylinders, 306u);
    EXPECT_EQ(o.config.disk[0].sectors, 17u);
    EXPECT_EQ(o.config.cdrom[2].file, "/cd.iso");
    EXPECT_EQ(o.config.boot.order, "dc");
    EXPECT_EQ(o.config.serial[0].to, "file:/machines/serial.txt");
    EXPECT_EQ(o.config.parallel[0].to, "file:/machines/printer.out");
    EXPECT_EQ(o.config.clock.mode, ClockChoice::Deterministic);
    EXPECT_EQ(o.config.rtc.start, "1970-01-01T00:00:01");
    EXPECT_EQ(o.config.input.mouse, MouseChoice::Wheel);
    EXPECT_EQ(o.config.display.kind, "none");
    EXPECT_EQ(o.config.debug.console, "stdio");
    EXPECT_TRUE(o.notes.empty());
}

TEST(Bochsrc, NotesWhatHasNoCounterpartOnce) {
    const Outcome o =
        read("megs: 32\nmagic_break: enabled=1\ne1000: driver=default\nmagic_break: enabled=1\n");
    EXPECT_EQ(o.error, "");
    EXPECT_THAT(o.notes, ElementsAre("bochsrc:2: magic_break has no effect here",
                                     "bochsrc:3: e1000 has no effect here"));
}

TEST(Bochsrc, SoundCardsAndOutputAreMapped) {
    const Outcome o = read("sound: driver=file, waveout=out.wav\n"
                           "sb16: enabled=0, wavemode=1, midimode=2\n"
                           "es1370: enabled=0\n"
                           "speaker: enabled=0, mode=sound\n");
    ASSERT_EQ(o.error, "");
    EXPECT_EQ(o.config.audio.output, "wav:/machines/out.wav");
    EXPECT_FALSE(o.config.sound.sb16);
    EXPECT_EQ(o.config.sound.pci, PciSoundChoice::None);
    EXPECT_FALSE(o.config.sound.speaker);
    EXPECT_THAT(o.notes, ElementsAre("bochsrc:2: sb16: midimode=2 has no effect here"));
    EXPECT_EQ(read("sound: waveoutdrv=dummy\n").config.audio.output, "none");
    EXPECT_EQ(read("sound: driver=default\n").config.audio.output, "auto");
    EXPECT_TRUE(read("sb16: wavemode=1\n").config.sound.sb16);
}

TEST(Bochsrc, MistakesAreErrorsWithTheirLine) {
    EXPECT_EQ(read("megs: 32\nmeggs: 3\n").error,
              "bochsrc:2: there is no directive 'meggs'; did you mean 'megs'?");
    EXPECT_EQ(read("megs: many\n").error,
              "bochsrc:1: megs: memory.size: 'manyM' is no size; accepted: 1M to 4096G, as 256M or 1G; a "
              "number alone "
              "is MiB");
    EXPECT_EQ(read("boot: tape\n").error,
              "bochsrc:1: boot: 'tape' is not possible; accepted: floppy, disk, cdrom and network");
    EXPECT_EQ(read("megs: 32\n\nwhatever\n").error,
              "bochsrc:3: 'whatever' is no directive: there is no colon");
    EXPECT_EQ(read("ata0-master: type=disk, path=x, mode=sparse\n").error,
              "bochsrc:1: ata0-master: mode 'sparse' is not possible; accepted: flat and volatile");
    EXPECT_EQ(read("ata0-slave: type=disk\n").error, "bochsrc:1: ata0-slave: a disk needs path=");
}

}  // namespace
}  // namespace gnomon
