// Kernel loaders: Linux, Multiboot 1 and 2, ELF, gzip, or a clear error.
#include "bios/loaders/kernel.h"
#include "tests/fuzz/fuzz_input.h"

using namespace gnomon;

std::vector<u8> fuzz_example(unsigned index) {
    std::vector<u8> file(2048);
    const auto put32 = [&](size_t at, u32 value) { std::memcpy(&file[at], &value, 4); };
    const auto put16 = [&](size_t at, u16 value) { std::memcpy(&file[at], &value, 2); };
    const auto elf = [&](u8 bits) {
        const u8 identity[] = {0x7f, 'E', 'L', 'F', bits, 1, 1};
        std::copy(std::begin(identity), std::end(identity), file.begin());
        put16(16, 2);
        put16(18, bits == 1 ? 3 : 62);
        put32(24, 0x100000);
        if (bits == 1) {
            put32(28, 52), put16(42, 32), put16(44, 1);
            put32(52, 1), put32(56, 0x200), put32(60, 0x100000), put32(64, 0x100000), put32(68, 0x100),
                put32(72, 0x200);
        } else {
            put32(32, 64), put16(54, 56), put16(56, 1);
            put32(64, 1), put32(72, 0x200), put32(80, 0x100000), put32(88, 0x100000), put32(96, 0x100),
                put32(104, 0x200);
        }
    };
    switch (index) {
        case 0:  // Linux
            file[0x1f1] = 1;
            put16(0x1fe, 0xaa55);
            std::memcpy(&file[0x202], "HdrS", 4);
            put16(0x206, 0x20c);
            file[0x211] = 1;
            put32(0x22c, 0x7fffffff);
            put32(0x1f4, 0x20);
            return file;
        case 1: elf(1); return file;
        case 2: elf(2); return file;
        case 3:
            elf(1);
            put32(0x100, 0x1badb002), put32(0x104, 3), put32(0x108, 0u - 0x1badb002 - 3);
            return file;
        case 4:
            elf(1);
            put32(0x100, 0xe85250d6), put32(0x104, 0), put32(0x108, 24), put32(0x10c, 0u - 0xe85250d6 - 24),
                put32(0x110, 0), put32(0x114, 8);
            return file;
        case 5:  // Multiboot 1 with address fields
            put32(0, 0x1badb002), put32(4, 0x10003), put32(8, 0u - 0x1badb002 - 0x10003);
            put32(12, 0x100000), put32(16, 0x100000), put32(20, 0x100800), put32(24, 0x101000),
                put32(28, 0x100040);
            return file;
        default: return {};
    }
}

extern "C" int LLVMFuzzerTestOneInput(const u8* data, size_t size) {
    const NamedBytes kernel{"kernel", {data, data + size}};
    const NamedBytes initrd{"initrd", std::vector<u8>(100), "argument"};
    for (const LongMode long_mode : {LongMode::Absent, LongMode::Present}) {
        const Result<BootPayload> payload = plan_boot(kernel, {initrd}, "console=ttyS0", long_mode);
        if (!payload.ok()) fuzz::require(!payload.error().message.empty(), "an error without a message");
    }
    return 0;
}
