// Configuration files: TOML, bochsrc and --set assignments; everything that is wrong has a message.
#include <string>

#include "machine/bochsrc.h"
#include "machine/config_keys.h"
#include "tests/fuzz/fuzz_input.h"

using namespace gnomon;

std::vector<u8> fuzz_example(unsigned index) {
    constexpr std::string_view kTexts[] = {
        "[cpu]\nmodel = \"pentium\"\n[memory]\nsize = \"64M\"\n[floppy.a]\nfile = \"a.img\"\n[serial.1]\nto "
        "= \"stdio\"\n",
        "[boot]\norder = \"cd\"\nkernel = \"vmlinuz\"\ninitrd = [\"initrd\"]\nappend = "
        "\"console=ttyS0\"\n[disk.0]\nfile = 'disk'\ncylinders = 100\n",
        "megs: 64\nromimage: file=$BXSHARE/BIOS-bochs-latest\nata0-master: type=disk, path=\"c.img\", "
        "mode=flat, cylinders=306\nboot: disk\n",
        "cpu: model=pentium, ips=10000000\nfloppya: 1_44=a.img, status=inserted\ncom1: enabled=1, mode=file, "
        "dev=out.txt\n",
        "memory.size=1G",
        "cpu.model=p3,+sse2",
    };
    if (index >= std::size(kTexts)) return {};
    return {kTexts[index].begin(), kTexts[index].end()};
}

extern "C" int LLVMFuzzerTestOneInput(const u8* data, size_t size) {
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    const auto check = [](const Result<void>& result) {
        if (!result.ok()) fuzz::require(!result.error().message.empty(), "an error without a message");
    };
    Config toml, bochs, set;
    check(apply_toml(toml, text, "machine.toml", "/nowhere"));
    std::vector<std::string> notes;
    (void)is_bochsrc(text);
    check(apply_bochsrc(bochs, text, "bochsrc", "/nowhere", notes));
    if (const Result<Setting> setting = parse_assignment(text, "--set"); setting.ok())
        check(apply_setting(set, *setting));
    return 0;
}
