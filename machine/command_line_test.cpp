// The command line: options reach their keys; what is not possible is refused with a reason.
#include "machine/command_line.h"
#include "machine/config_keys.h"
#include "machine/display_spec.h"
#include "machine/log_parts.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <regex>
#include <set>

namespace gnomon {
namespace {

Result<CommandLine> parse(const std::vector<std::string>& arguments) {
    return parse_command_line(arguments, "features");
}

std::string error_of(const std::vector<std::string>& arguments) {
    const Result<CommandLine> line = parse(arguments);
    return line ? "no error" : line.error().message;
}

TEST(CommandLine, OptionsReachTheirKeys) {
    const Result<CommandLine> line = parse({"-m",
                                            "64M",
                                            "--cpu",
                                            "486",
                                            "--kernel",
                                            "k",
                                            "--initrd",
                                            "i",
                                            "--append",
                                            "a b",
                                            "--hda",
                                            "h",
                                            "--cdrom",
                                            "c",
                                            "--boot",
                                            "dc",
                                            "--snapshot",
                                            "--serial",
                                            "stdio",
                                            "--no-reboot",
                                            "--timeout",
                                            "5",
                                            "--max-instructions",
                                            "1000",
                                            "--set",
                                            "debug.exit_port=0xf4",
                                            "--set",
                                            "cpu.model=pentium",
                                            "--stats",
                                            "s.json",
                                            "--clock",
                                            "realtime",
                                            "--display",
                                            "none"});
    ASSERT_TRUE(line.ok()) << line.error().message;
    const Config& c = line->config;
    EXPECT_EQ(c.memory.size, u64{64} << 20);
    EXPECT_EQ(c.cpu.model, "pentium");
    EXPECT_EQ(c.boot.kernel, "k");
    EXPECT_EQ(c.boot.initrd, std::vector<std::string>{"i"});
    EXPECT_EQ(c.boot.append, "a b");
    EXPECT_EQ(c.disk[0].file, "h");
    EXPECT_EQ(c.cdrom[2].file, "c");
    EXPECT_EQ(c.boot.order, "dc");
    EXPECT_TRUE(c.boot.snapshot);
    EXPECT_FALSE(c.boot.reboot);
    EXPECT_EQ(c.serial[0].to, "stdio");
    EXPECT_EQ(c.limit.timeout, 5u);
    EXPECT_EQ(c.limit.instructions, 1000u);
    EXPECT_EQ(c.debug.exit_port, 0xf4u);
    EXPECT_EQ(line->stats, "s.json");
    EXPECT_EQ(c.clock.mode, ClockChoice::Realtime);
    EXPECT_EQ(c.display.kind, "none");
}

TEST(CommandLine, SeveralDisplaysMakeAList) {
    const Result<CommandLine> line = parse({"--display", "sdl", "--display", "vnc:5901"});
    ASSERT_TRUE(line.ok());
    EXPECT_EQ(line->config.display.kind, "sdl,vnc:5901");
    EXPECT_EQ(*parse_displays(line->config.display.kind),
              (std::vector<DisplaySpec>{{DisplayKind::Sdl}, {DisplayKind::Vnc, "127.0.0.1", 5901}}));
    EXPECT_EQ(*parse_displays("vnc:0.0.0.0:6000"),
              (std::vector<DisplaySpec>{{DisplayKind::Vnc, "0.0.0.0", 6000}}));
    EXPECT_EQ(parse_displays("vnc:70000").error().message, "'vnc:70000': the port is a number from 1 to 65535");
}

TEST(CommandLine, TheCdromTakesThePlaceThatNoDiskHas) {
    const Result<CommandLine> line = parse({"--hdc", "d", "--cdrom", "c"});
    ASSERT_TRUE(line.ok());
    EXPECT_EQ(line->config.disk[2].file, "d");
    EXPECT_EQ(line->config.cdrom[3].file, "c");
}

TEST(CommandLine, PrintsWhatIsAskedFor) {
    EXPECT_EQ(*parse({"--version"})->print, "features");
    EXPECT_NE(parse({"--help"})->print->find("--max-instructions"), std::string::npos);
    EXPECT_NE(parse({"--cpu", "help"})->print->find("pentium"), std::string::npos);
    EXPECT_NE(parse({"--config-reference"})->print->find("`cpu.model`"), std::string::npos);
    EXPECT_FALSE(parse({})->print.has_value());
}

TEST(CommandLine, AMachineFileCanAskForTheStub) {
    const Result<CommandLine> line = parse({"--set", "debug.gdb=2345", "--set", "debug.paused=true"});
    ASSERT_TRUE(line.ok());
    EXPECT_EQ(line->gdb, "2345");
    EXPECT_TRUE(line->paused);
    EXPECT_EQ(parse({"--set", "debug.gdb=2345", "--gdb", "3456"})->gdb, "3456");
}

TEST(CommandLine, ErrorsThatComeLaterNameThePlace) {
    const Result<CommandLine> line = parse({"--hda", "h", "--serial", "none", "--set", "cpu.model=foo"});
    ASSERT_TRUE(line.ok());
    EXPECT_EQ(at_origin(line->config, fail("disk.0.file: h: No such file or directory")).message,
              "--hda: disk.0.file: h: No such file or directory");
    EXPECT_EQ(at_origin(line->config, fail("disk.0: a geometry")).message, "--hda: disk.0: a geometry");
    EXPECT_EQ(at_origin(line->config, fail("serial.1: 'x'")).message, "--serial: serial.1: 'x'");
    EXPECT_EQ(at_origin(line->config, fail("cpu.model: unknown")).message, "--set: cpu.model: unknown");
    EXPECT_EQ(at_origin(line->config, fail("cpu.count: few")).message, "cpu.count: few");
    EXPECT_EQ(at_origin(line->config, fail("disk.1: none")).message, "disk.1: none");
}

TEST(CommandLine, TakesTheStubsAddressOrLeavesItOut) {
    EXPECT_FALSE(parse({})->gdb.has_value());
    EXPECT_EQ(parse({"-s"})->gdb, "");
    EXPECT_EQ(parse({"--gdb", "1235"})->gdb, "1235");
    EXPECT_EQ(parse({"-s", "0.0.0.0:1235"})->gdb, "0.0.0.0:1235");
    EXPECT_TRUE(parse({"-s", "-S"})->paused);
    // A bare -s does not take the machine's file for its address.
    const std::string file = testing::TempDir() + "gnomon-behind-s.toml";
    std::ofstream(file) << "[cpu]\ncount = 2\n";
    const Result<CommandLine> line = parse({"-s", file});
    ASSERT_TRUE(line.ok()) << line.error().message;
    EXPECT_EQ(line->gdb, "");
    EXPECT_EQ(line->config.cpu.count, 2u);
    std::filesystem::remove(file);
    EXPECT_EQ(error_of({"-s", file}), "--gdb: '" + file + "' is neither [HOST:]PORT nor a machine file that is there");
    EXPECT_EQ(error_of({"--gdb", "127.0.0.1:"}), "--gdb: '127.0.0.1:' is neither [HOST:]PORT nor a machine file that is there");
}

TEST(CommandLine, EmptyValuesAreRefusedButForTheKernelsCommandLine) {
    for (const char* option : {"--memory", "--smp", "--cpu", "--kernel", "--initrd", "--fda", "--hdd", "--cdrom", "--boot", "--bios", "--serial",
                               "--log", "--stats", "--screenshot", "--load-state", "--save-state", "--debug-script", "--set"})
        EXPECT_EQ(error_of({option, ""}), std::string(option) + ": its value is empty");
    EXPECT_EQ(error_of({""}), "FILE: its value is empty");
    EXPECT_TRUE(parse({"--append", ""}).ok());
    EXPECT_TRUE(parse({"--set", "boot.kernel="}).ok());
}

TEST(CommandLine, SwitchesTakeNoValues) {
    for (const std::string option : {"--snapshot", "--no-reboot", "--debug", "--paused", "--config-reference"})
        for (const char* value : {"=x", "=3", "=false"}) EXPECT_EQ(error_of({option + value}), option + " takes no value");
}

TEST(CommandLine, LogLevelsAreOfPartsThatThereAre) {
    const std::string accepted = "; accepted: " + describe_accepted(*std::ranges::find(config_keys(), "log.level", &ConfigKey::name));
    EXPECT_NE(accepted.find(", ide, "), std::string::npos) << accepted;
    const std::string at = "--log: log.level: ";
    EXPECT_EQ(error_of({"--log", "idee=info"}), at + "there is no part 'idee' (did you mean 'ide'?)" + accepted);
    EXPECT_EQ(error_of({"--log", "info,printer9=debug"}), at + "there is no part 'printer9'" + accepted);
    EXPECT_EQ(error_of({"--log", "=info"}), at + "there is no part ''" + accepted);
    const std::string levels = " is not one of error, warning, info, debug, trace";
    EXPECT_EQ(error_of({"--log", "ide=loud"}), at + "log level 'loud'" + levels + accepted);
    EXPECT_EQ(error_of({"--log", "info,"}), at + "log level ''" + levels + accepted);
    EXPECT_EQ(error_of({"--log", ","}), at + "log level ''" + levels + accepted);
    EXPECT_EQ(parse({"--log", "ide=trace,serial.com1=debug,warning"})->config.log.level, "ide=trace,serial.com1=debug,warning");
}

/// A message of a part that is not listed could be asked for by nobody.
TEST(LogParts, HoldWhateverTheSourcesLogUnder) {
    const std::regex call(R"re(log_?(?:\(\))?(?:\.|->)(?:guest|error|warning|info|debug)\("([a-z0-9_.]+)")re");
    std::set<std::string, std::less<>> said;
    for (const char* folder : {"memory", "cpu", "devices", "machine", "debugger", "gui"})
        for (const auto& entry : std::filesystem::recursive_directory_iterator(std::filesystem::path(GNOMON_SOURCE_DIR) / folder)) {
            if (entry.path().extension() != ".cpp" || entry.path().stem().string().ends_with("_test")) continue;
            std::ifstream file(entry.path());
            for (std::string line; std::getline(file, line);)
                if (std::smatch found; line.find("log") != line.npos && std::regex_search(line, found, call)) said.insert(found[1]);
        }
    EXPECT_GT(said.size(), 15u);
    for (const std::string& part : said) EXPECT_TRUE(std::ranges::binary_search(log_parts(), part)) << part;
    for (const std::string_view part : log_parts())
        EXPECT_TRUE(part.find('.') != part.npos || said.contains(part)) << part;
}

TEST(CommandLine, RefusesWithAReason) {
    EXPECT_EQ(error_of({"--smp", "65"}), "--smp: cpu.count: 65 is out of range; accepted: 1 to 64");
    EXPECT_EQ(error_of({"-s", "--debug"}),
              "--gdb and --debug exclude each other; GDB passes console commands on by \"monitor\"");
    EXPECT_EQ(error_of({"--hda", "a", "--hda", "b"}), "--hda is given more than once");
    EXPECT_EQ(error_of({"-S"}), "--paused waits for a debugger: it needs --gdb");
    EXPECT_EQ(error_of({"--display", "curses"}),
              "--display: display.kind: 'curses' is not possible; accepted: auto, sdl, terminal, vnc, vnc:PORT, "
              "vnc:HOST:PORT and none, or several");
    EXPECT_EQ(error_of({"--display", "sdl", "--display", "none"}),
              "--display: display.kind: auto and none stand alone; accepted: auto, sdl, terminal, vnc, vnc:PORT, "
              "vnc:HOST:PORT and none, or several");
    EXPECT_EQ(error_of({"--boot", "x"}),
              "--boot: boot.order: 'x' is not possible; accepted: letters of a (floppy), c (hard disk), d "
              "(CD-ROM), n "
              "(network)");
    EXPECT_EQ(error_of({"--timeout", "soon"}),
              "--timeout: limit.timeout: 'soon' is no number; accepted: 0 to 31536000");
    EXPECT_EQ(error_of({"--set", "cpu.modle=1"}),
              "--set: there is no key 'cpu.modle'; did you mean 'cpu.model'?");
    EXPECT_EQ(error_of({"/nonexistent.toml"}), "/nonexistent.toml: No such file or directory");
    EXPECT_EQ(error_of({"--serial", "stdio", "--set", "serial.3.to=stdio"}),
              "--set: serial.3.to: stdio is what serial.1 reads from; one port can have it");
    EXPECT_EQ(error_of({"--set", "debug.magic_break=bx,eax"}),
              "--set: debug.magic_break: 'eax' is not possible; accepted: ax, cx, dx, bx, sp, bp, si, di");
    const std::string image = testing::TempDir() + "gnomon-no-machine.img";
    std::ofstream(image, std::ios::binary) << std::string(512, '\0');
    EXPECT_EQ(error_of({image}), image + ": is no machine file (TOML or bochsrc); images are given by --fda, --hda or "
                                         "--cdrom, kernels by --kernel");
    std::filesystem::remove(image);
    EXPECT_NE(error_of({"--frobnicate"}).find("--frobnicate"), std::string::npos);
}

}  // namespace
}  // namespace gnomon
