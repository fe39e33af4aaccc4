// The configuration schema: values reach their place, and every mistake is named with file, line and key.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "machine/config_keys.h"

namespace gnomon {
namespace {

std::string error_of(std::string_view text) {
    Config config;
    const Result<void> applied = apply_toml(config, text, "m.toml", "/machines");
    return applied ? "no error" : applied.error().message;
}

TEST(Config, EveryTypeOfValueReachesItsPlace) {
    Config config;
    const Result<void> applied = apply_toml(config, R"(
        [cpu]
        model = "pentium,+cmov"
        [memory]
        size = "1G"
        shadow = "verify"
        [rtc]
        start = 2024-02-29
        [boot]
        order = "dc"
        initrd = ["a.img", "/b.img"]
        snapshot = true
        [floppy.b]
        type = "1.2M"
        [disk.3]
        file = "images/x.img"
        cylinders = 16
        [serial.1]
        to = "file:log/out.txt"
        type = "8250"
        [debug]
        exit_port = 0xf4
    )",
                                            "m.toml", "/machines");
    ASSERT_TRUE(applied.ok()) << applied.error().message;
    EXPECT_EQ(config.cpu.model, "pentium,+cmov");
    EXPECT_EQ(config.memory.size, u64{1} << 30);
    EXPECT_EQ(config.memory.shadow, ShadowChoice::Verify);
    EXPECT_EQ(config.rtc.start, "2024-02-29");
    EXPECT_EQ(config.boot.order, "dc");
    EXPECT_EQ(config.boot.initrd, (std::vector<std::string>{"/machines/a.img", "/b.img"}));
    EXPECT_TRUE(config.boot.snapshot);
    EXPECT_EQ(config.floppy[1].type, FloppyTypeChoice::F1200K);
    EXPECT_EQ(config.disk[3].file, "/machines/images/x.img");
    EXPECT_EQ(config.disk[3].cylinders, 16u);
    EXPECT_EQ(config.serial[0].to, "file:/machines/log/out.txt");
    EXPECT_EQ(config.serial[0].type, UartChoice::I8250);
    EXPECT_EQ(config.debug.exit_port, 0xf4u);
}

TEST(Config, ErrorsNameFileLineKeyAndWhatIsAccepted) {
    EXPECT_EQ(error_of("[cpu]\ncount = 300\n"),
              "m.toml:2: cpu.count: 300 is out of range; accepted: 1 to 64");
    EXPECT_EQ(error_of("[memory]\n\nshadow = 3\n"),
              "m.toml:3: memory.shadow: '3' is not possible; accepted: off, on and verify");
    EXPECT_EQ(error_of("[memory]\nsize = \"12x\"\n"),
              "m.toml:2: memory.size: '12x' is no size; accepted: 1M to 4096G, as 256M or 1G; a number alone "
              "is MiB");
    EXPECT_EQ(error_of("[boot]\nmenu = \"maybe\"\n"),
              "m.toml:2: boot.menu: 'maybe' is neither true nor false; accepted: true and false");
    EXPECT_EQ(error_of("[boot]\norder = \"cc\"\n"),
              "m.toml:2: boot.order: 'cc' is not possible; accepted: letters of a (floppy), c (hard disk), d "
              "(CD-ROM), n (network)");
    EXPECT_EQ(error_of("[disk.0]\nfile = 7\n"),
              "m.toml:2: disk.0.file: '7' is not text; accepted: a file name");
    EXPECT_EQ(error_of("[disk.0]\nfile = [\"a\"]\n"),
              "m.toml:2: disk.0.file: is a list; accepted: a file name");
    EXPECT_EQ(error_of("[clock]\nips = 1.5\n"), "m.toml:2: clock.ips: a value of this type is not possible");
}

TEST(Config, UnknownKeysAreErrorsWithASuggestion) {
    EXPECT_EQ(error_of("[cpu]\nmodle = \"486\"\n"),
              "m.toml:2: there is no key 'cpu.modle'; did you mean 'cpu.model'?");
    EXPECT_EQ(error_of("[disk.4]\nfile = \"x\"\n"),
              "m.toml:2: there is no key 'disk.4.file'; did you mean 'disk.0.file'?");
    EXPECT_EQ(error_of("frobnicate = 1\n"), "m.toml:1: there is no key 'frobnicate'");
}

TEST(Config, TheFirstMistakeOfTheFileIsTheOneReported) {
    EXPECT_EQ(error_of("[serial.1]\nto = 1\n[cpu]\ncount = 0\n").substr(0, 9), "m.toml:2:");
    EXPECT_EQ(error_of("[cpu]\ncount = 1\ncount = 1\n").substr(0, 9), "m.toml:3:");
}

TEST(Config, AFileWithAMistakeChangesNothing) {
    Config config;
    EXPECT_FALSE(apply_toml(config, "[memory]\nsize = 64\n[cpu]\ncount = 0\n", "m", "").ok());
    EXPECT_EQ(config.memory.size, Config().memory.size);
}

TEST(Config, AssignmentsTakeTheSamePath) {
    Config config;
    for (const std::string_view text :
         {"memory.size=64", "boot.menu=on", "boot.append=a=b c", "memory.shadow=off"}) {
        const Result<Setting> setting = parse_assignment(text, "--set");
        ASSERT_TRUE(setting.ok());
        EXPECT_TRUE(apply_setting(config, *setting).ok()) << text;
    }
    EXPECT_EQ(config.memory.size, u64{64} << 20);
    EXPECT_TRUE(config.boot.menu);
    EXPECT_EQ(config.boot.append, "a=b c");
    EXPECT_EQ(config.memory.shadow, ShadowChoice::Off);
    EXPECT_EQ(parse_assignment("nothing", "--set").error().message,
              "--set: 'nothing' is not of the form KEY=VALUE");
}

TEST(Config, EveryKeyHasARowOfItsOwnAndADefaultThatItAccepts) {
    Config config;
    for (const ConfigKey& key : config_keys()) {
        for (const ConfigKey& other : config_keys())
            if (&other != &key) EXPECT_NE(other.name, key.name);
        const std::string value = print_value(key, config, 0);
        if (value.empty() || value == "0") continue;
        Setting setting;
        setting.key = key.name;
        if (!key.indices.empty()) setting.key[setting.key.find(".N.") + 1] = key.indices[0];
        setting.text = value;
        const Result<void> applied = apply_setting(config, setting);
        EXPECT_TRUE(applied.ok()) << (applied ? "" : applied.error().message);
    }
}

TEST(Config, TheReferenceIsCurrent) {
    std::ifstream file(GNOMON_SOURCE_DIR "/docs/config.md");
    const std::string text((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
    EXPECT_EQ(text, config_reference()) << "write it anew: gnomon --config-reference > docs/config.md";
}

TEST(Config, TheReadyMachinesAreAccepted) {
    unsigned count = 0;
    for (const auto& entry : std::filesystem::directory_iterator(GNOMON_SOURCE_DIR "/configs")) {
        if (entry.path().extension() != ".toml") continue;
        Config config;
        const Result<void> applied = apply_toml_file(config, entry.path().string());
        EXPECT_TRUE(applied.ok()) << (applied ? "" : applied.error().message);
        count++;
    }
    EXPECT_GE(count, 4u);
}

}  // namespace
}  // namespace gnomon
