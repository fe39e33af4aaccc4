// bochsrc files: recognised, mapped, and their mistakes named with the line.
#include "machine/bochsrc.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

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
    EXPECT_TRUE(is_bochsrc("frobnicate: 1\nmegs: 32\n"));  // so that the mistake is named
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
        read("megs: 32\nvoodoo: enabled=1\ne1000: driver=default\nvoodoo: enabled=1\nne2k: enabled=0\n");
    EXPECT_EQ(o.error, "");
    EXPECT_THAT(o.notes, ElementsAre("bochsrc:2: voodoo has no effect here",
                                     "bochsrc:3: e1000 has no effect here"));
}

TEST(Bochsrc, ARomImageFindsTheChipsAsInBochs) {
    EXPECT_EQ(read("megs: 32\n").config.firmware.power_on, PowerOnChoice::Datasheet);
    EXPECT_EQ(read("romimage: file=/nowhere/BIOS-bochs-latest\n").config.firmware.power_on, PowerOnChoice::Datasheet);
    const Outcome o = read("romimage: file=/roms/mine.rom\n");
    EXPECT_EQ(o.config.firmware.bios, "/roms/mine.rom");
    EXPECT_EQ(o.config.firmware.power_on, PowerOnChoice::Bochs);
}

TEST(Bochsrc, DebuggersAreMapped) {
    const Outcome o = read("gdbstub: enabled=1, port=2345, text_base=0, data_base=0, bss_base=0\n"
                           "magic_break: enabled=1 cx dx\n"
                           "debug_symbols: file=kernel.sym, offset=0x1000\n");
    ASSERT_EQ(o.error, "");
    EXPECT_EQ(o.config.debug.gdb, "2345");
    EXPECT_TRUE(o.config.debug.paused);
    EXPECT_EQ(o.config.debug.magic_break, "cx,dx");
    EXPECT_THAT(o.config.debug.symbols, ElementsAre("/machines/kernel.sym@0x1000"));
    EXPECT_EQ(read("magic_break: sp bp\n").config.debug.magic_break, "sp,bp");
    EXPECT_EQ(read("magic_break: enabled=1\n").config.debug.magic_break, "bx");
    EXPECT_EQ(read("gdbstub: enabled=0\n").config.debug.gdb, "");
}

TEST(Bochsrc, ProcessorsOfBochsGetTheNearestModel) {
    const Outcome o = read("cpu: model=corei7_haswell_4770, count=2:2:1, ips=50000000\n");
    ASSERT_EQ(o.error, "");
    EXPECT_EQ(o.config.cpu.model, "haswell");
    EXPECT_EQ(o.config.cpu.count, 4u);
    EXPECT_THAT(o.notes, ElementsAre("bochsrc:1: cpu: model=corei7_haswell_4770: the nearest model here is haswell"));
    EXPECT_EQ(read("cpu: count=2:\n").error,
              "bochsrc:1: cpu: count '2:' is not possible; accepted: a number or PROCESSORS:CORES:THREADS");
}

TEST(Bochsrc, VariablesOfTheEnvironmentAreReplaced) {
    setenv("GNOMON_TEST_IMAGES", "/images", 1);
    unsetenv("GNOMON_TEST_NOTHING");
    EXPECT_EQ(read("floppya: 1_44=$GNOMON_TEST_IMAGES/a.img\n").config.floppy[0].file, "/images/a.img");
    EXPECT_EQ(read("floppya: 1_44=$GNOMON_TEST_NOTHING/a.img\n").error,
              "bochsrc:1: floppya: $GNOMON_TEST_NOTHING is not set in the environment");
}

TEST(Bochsrc, OtherFilesAreIncluded) {
    const std::string folder = testing::TempDir() + "gnomon-bochsrc";
    std::filesystem::create_directory(folder);
    std::ofstream(folder + "/part") << "megs: 48\nfloppya: 1_44=a.img\n";
    std::ofstream(folder + "/loop") << "#include loop\n";
    Config config;
    std::vector<std::string> notes;
    ASSERT_TRUE(apply_bochsrc(config, "#include \"part\"\n# comment\nmegs: 64\n", "b", folder, notes).ok());
    EXPECT_EQ(config.memory.size, u64{64} << 20);
    EXPECT_EQ(config.floppy[0].file, folder + "/a.img");
    EXPECT_EQ(apply_bochsrc(config, "#include nothing\n", "b", folder, notes).error().message,
              "b:1: #include: " + folder + "/nothing: No such file or directory");
    EXPECT_EQ(apply_bochsrc(config, "#include loop\n", "b", folder, notes).error().message,
              folder + "/loop:1: #include: too many files in each other");
    std::filesystem::remove_all(folder);
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
    EXPECT_EQ(read("floppya: 1_44=a.img, statu=inserted\n").error,
              "bochsrc:1: floppya: there is no option 'statu'; did you mean 'status'?; accepted: 360k, 1_2, 720k, 1_44, "
              "2_88, 160k, 180k, 320k, image, type, status, write_protected");
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
