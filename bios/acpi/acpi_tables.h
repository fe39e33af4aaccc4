// The board's ACPI tables as files for fw_cfg: firmware that knows no Gnomon (OVMF, SeaBIOS) places them. Our
// own BIOS makes the same ones itself. ACPI Specification 2.0, "ACPI Software Programming Model".
#pragma once

#include <vector>

#include "support/types.h"

namespace gnomon {

struct AcpiBoard {
    unsigned processors = 1;  ///< APIC IDs 0 …
    bool local_apic = true;   ///< else there are neither MADT nor HPET
    u32 hpet_id = 0;          ///< low half of the HPET's capabilities; 0: there is none
    u16 pm_base = 0x600;      ///< where firmware has put the power-management registers
    u32 pci_hole = 0;         ///< first address of the window for PCI devices, which ends at the I/O APIC
    // Which of the optional ISA devices there are.
    bool com1 = false, com2 = false, lpt1 = false, floppy = false, mouse = false;
};

struct AcpiFiles {
    static constexpr const char* kRsdpName = "etc/acpi/rsdp";
    static constexpr const char* kTablesName = "etc/acpi/tables";
    static constexpr const char* kLoaderName = "etc/table-loader";
    std::vector<u8> rsdp;
    std::vector<u8> tables;  ///< its size does not depend on addresses
    std::vector<u8> loader;
};

[[nodiscard]] AcpiFiles build_acpi_files(const AcpiBoard& board);

}  // namespace gnomon
