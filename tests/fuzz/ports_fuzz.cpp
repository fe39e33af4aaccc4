// Every port of a whole machine: reads, writes and time passing, as the input says.
#include "machine/machine.h"
#include "tests/fuzz/fuzz_input.h"

using namespace gnomon;

std::vector<u8> fuzz_example(unsigned) { return {}; }

namespace {

std::unique_ptr<Machine> make() {
    Config config;
    config.memory.size = u64{4} << 20;
    HostEnvironment host;
    host.log = [](LogLevel, std::string_view, std::string_view) {};
    Result<std::unique_ptr<Machine>> machine = Machine::create(config, std::move(host));
    fuzz::require(machine.ok(), "the machine cannot be built");
    return std::move(*machine);
}

/// The ranges that devices answer in are chosen more often than chance would.
u16 port_of(u8 choice, u16 any) {
    constexpr u16 kRanges[] = {0x00,  0x20,  0x40,   0x60,   0x70,  0x80,  0xa0,  0xc0,  0x1f0, 0x170,
                               0x378, 0x3b0, 0x3c0,  0x3d0,  0x3f0, 0x2f8, 0x3f6, 0x4d0, 0x510, 0xcf8,
                               0xcfc, 0x600, 0xb000, 0xc000, 0x1ce, 0xb2,  0xe9,  0x92};
    return choice & 0x80 ? any : static_cast<u16>(kRanges[(choice & 0x7f) % std::size(kRanges)] + (any & 15));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const u8* data, size_t size) {
    static std::unique_ptr<Machine> machine;
    static unsigned uses = 0;
    if (!machine || ++uses % 64 == 0) machine = make();
    fuzz::Input input({data, size});
    while (!input.empty()) {
        const u8 action = input.take<u8>();
        const u16 port = port_of(input.take<u8>(), input.take<u16>());
        const unsigned width = 1u << action % 3;
        if (action & 4)
            machine->ports().port_read(port, width);
        else
            machine->ports().port_write(port, width, input.take<u32>() >> (action >> 3 & 3) * 8);
        if ((action & 0xc0) == 0xc0) {
            machine->clock().skip_to(machine->clock().now() + (u64{1} << (action >> 3 & 7) * 3));
            machine->scheduler().run_due();
        }
    }
    machine->perform_reset();
    machine->resume();
    return 0;
}
