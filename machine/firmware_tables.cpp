// What firmware tells operating systems about this machine, as fw_cfg files: ACPI and SMBIOS tables.
#include <algorithm>

#include "bios/acpi/acpi_tables.h"
#include "bios/smbios/smbios.h"
#include "cpu/cpuid.h"
#include "machine/machine.h"

namespace gnomon {

AcpiBoard Machine::acpi_board() {
    // Firmware puts PCI devices above the RAM, and not below 2 GiB.
    constexpr u64 kLowestHole = u64{2} << 30;
    AcpiBoard board;
    board.processors = static_cast<unsigned>(config_.cpu.count);
    board.local_apic = ioapic_ != nullptr;
    if (hpet_) board.hpet_id = static_cast<u32>(hpet_->mmio_read(0, 4));
    if (const std::optional<u16> base = power_->pm_base()) board.pm_base = *base;
    board.pci_hole = static_cast<u32>(std::max(memory_->low_ram(), kLowestHole));
    const auto present = [](const auto& port) { return port.present || port.to != "none"; };
    board.com1 = present(config_.serial[0]);
    board.com2 = present(config_.serial[1]);
    board.lpt1 = present(config_.parallel[0]);
    board.floppy = floppy_->drive(0).present() || floppy_->drive(1).present();
    board.mouse = config_.input.mouse != MouseChoice::None;
    return board;
}

Result<void> Machine::add_acpi_tables() {
    AcpiFiles files = build_acpi_files(acpi_board());
    if (Result<void> added = fw_cfg_->add_file(AcpiFiles::kRsdpName, std::move(files.rsdp)); !added)
        return added;
    // The power-management registers lie where the firmware has put them when it reads this.
    const auto refresh = [this](std::span<u8> tables) {
        const AcpiFiles now = build_acpi_files(acpi_board());
        std::copy(now.tables.begin(), now.tables.end(), tables.begin());
    };
    if (Result<void> added = fw_cfg_->add_file(AcpiFiles::kTablesName, std::move(files.tables), refresh);
        !added)
        return added;
    return fw_cfg_->add_file(AcpiFiles::kLoaderName, std::move(files.loader));
}

Result<void> Machine::add_smbios_tables() {
    SmbiosBoard board;
    if (cpu().features().has(Feature::CPUID)) {
        const CpuidResult features = cpuid_leaf(cpu(), 1, 0);
        board.vendor = model_.vendor;
        board.signature = features.eax;
        board.features = features.edx;
    }
    board.brand = model_.brand;
    board.megahertz = static_cast<unsigned>(VirtualClock::kSecond / 1'000'000);
    board.cores = model_.cores;
    board.packages = static_cast<unsigned>(config_.cpu.count) / model_.cores;
    board.long_mode = model_.features.has(Feature::LongMode);
    board.low_ram = memory_->low_ram();
    board.high_ram = memory_->high_ram();
    SmbiosFiles files = build_smbios(board);
    if (Result<void> added = fw_cfg_->add_file(SmbiosFiles::kAnchorName, std::move(files.anchor)); !added)
        return added;
    return fw_cfg_->add_file(SmbiosFiles::kTablesName, std::move(files.tables));
}

}  // namespace gnomon
