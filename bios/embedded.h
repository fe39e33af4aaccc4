// The firmware images built from bios/, as bytes in the program.
#pragma once

#include <cstdint>
#include <span>

namespace gnomon::bios {

// 128 KB, the last byte lies at FFFFFFFF and FFFFF. Never empty.
std::span<const uint8_t> system_bios();

// An option ROM for C0000, handed over through fw_cfg as vgaroms/NAME; empty if the build has none.
std::span<const uint8_t> vga_bios();

// An option ROM that starts a kernel from fw_cfg, handed over as genroms/NAME; empty if the build has none.
std::span<const uint8_t> kernel_boot_rom();

// The compiled DSDT, with constants that whoever places it fills in. Never empty.
std::span<const uint8_t> dsdt();

}  // namespace gnomon::bios
