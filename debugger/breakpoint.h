// What can stop the machine: breakpoints on addresses, watchpoints on data, and events of the processor.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "cpu/cpu.h"

namespace gnomon {

enum class BreakOn : u8 {
    Linear,          ///< execution at a linear address (`address`, `length` bytes: any instruction that starts there)
    Physical,        ///< … at a physical address
    Virtual,         ///< … at `selector`:`address`
    Access,          ///< data access to linear [address, address + length)
    PhysicalAccess,  ///< … to physical [address, address + length)
    Event,           ///< exception or interrupt `number` (none: any), with `error` if given
    ModeSwitch,      ///< between real, virtual-8086, protected (16 and 32 bit) and long mode
    ControlRegister, ///< CR`number` is written (none: any)
    Msr,             ///< MSR `number` (none: any), by `on_read`, `on_write`
    Port,            ///< ports [address, address + length), by `on_read`, `on_write`
    TaskSwitch,
    TripleFault,
    PageTableWrite,  ///< the guest writes to a page that its paging structures lie in (needs memory.shadow)
    MagicExchange,   ///< XCHG r16,r16 of register `number` with itself (none: BX)
    Instructions,    ///< the clock has counted `address` instructions
    Time,            ///< the clock shows `address` ns
    Branch,          ///< a branch was taken (slow: every instruction is looked at)
};

struct Breakpoint {
    int id = 0;  ///< given by Debugger::add, from 1 on
    BreakOn on = BreakOn::Linear;
    u64 address = 0;
    u64 length = 1;
    u16 selector = 0;
    bool on_read = false;
    bool on_write = false;
    std::optional<u32> number;
    std::optional<u32> error;
    std::optional<unsigned> processor;  ///< none: any
    bool enabled = true;
    bool temporary = false;  ///< goes when it stops the machine
    bool reports_only = false;  ///< says so through Debugger::Reporter and goes on
    u64 ignore = 0;          ///< hits that do not stop yet
    u64 hits = 0;
    std::string condition;   ///< as the user wrote it
    std::function<bool(Cpu&)> holds;  ///< empty: always
    std::vector<std::string> commands;  ///< for the console to run when it has stopped
    int owner = 0;  ///< whose it is: 0 the console, others as they like (the GDB stub lists only its own)

    [[nodiscard]] bool on_execution() const {
        return on == BreakOn::Linear || on == BreakOn::Physical || on == BreakOn::Virtual;
    }
    [[nodiscard]] bool on_data() const { return on == BreakOn::Access || on == BreakOn::PhysicalAccess; }
};

}  // namespace gnomon
