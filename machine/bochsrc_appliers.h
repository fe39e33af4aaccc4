// What each directive of bochsrc does, for the table of bochsrc_directives.cpp.
#pragma once

#include "machine/bochsrc_directives.h"

namespace gnomon::bochsrc {

// bochsrc_processor.cpp
Result<void> memory(BochsContext& context, const BochsLine& line);
Result<void> system_rom(BochsContext& context, const BochsLine& line);
Result<void> vga_rom(BochsContext& context, const BochsLine& line);
Result<void> option_rom(BochsContext& context, const BochsLine& line);
Result<void> cpu(BochsContext& context, const BochsLine& line);
Result<void> ips(BochsContext& context, const BochsLine& line);
Result<void> clock(BochsContext& context, const BochsLine& line);

// bochsrc_drives.cpp
Result<void> floppy(BochsContext& context, const BochsLine& line);
Result<void> ata(BochsContext& context, const BochsLine& line);
Result<void> boot(BochsContext& context, const BochsLine& line);

// bochsrc_devices.cpp
Result<void> com(BochsContext& context, const BochsLine& line);
Result<void> parport(BochsContext& context, const BochsLine& line);
Result<void> mouse(BochsContext& context, const BochsLine& line);
Result<void> display(BochsContext& context, const BochsLine& line);
Result<void> e9_hack(BochsContext& context, const BochsLine& line);
Result<void> sound(BochsContext& context, const BochsLine& line);
Result<void> sb16(BochsContext& context, const BochsLine& line);
Result<void> es1370(BochsContext& context, const BochsLine& line);
Result<void> speaker(BochsContext& context, const BochsLine& line);
Result<void> debug_symbols(BochsContext& context, const BochsLine& line);
Result<void> gdb_stub(BochsContext& context, const BochsLine& line);
Result<void> magic_break(BochsContext& context, const BochsLine& line);
Result<void> vga(BochsContext& context, const BochsLine& line);
Result<void> pci(BochsContext& context, const BochsLine& line);

}  // namespace gnomon::bochsrc
