// FACS, DSDT, FADT, MADT, HPET and RSDT one behind the other. ACPI 2.0, sections of the tables' names; IA-PC
// HPET Specification 1.0a, "ACPI 2.0 HPET Description Table".
#include "bios/acpi/acpi_tables.h"

#include <algorithm>
#include <cstring>
#include <string_view>

#include "bios/acpi/table_loader.h"
#include "bios/embedded.h"

namespace gnomon {
namespace {

constexpr u32 kLocalApic = 0xfee00000;
constexpr u32 kIoApic = 0xfec00000;
constexpr u32 kHpet = 0xfed00000;

constexpr u32 kHeaderBytes = 36;
constexpr u32 kChecksumOffset = 9;

// Constants of the DSDT that are filled in (bios/system/dsdt.asl).
constexpr u32 kPatchHole = 0xc0de0000;
constexpr u32 kPatchDevices = 0xc0de1000;
constexpr u32 kHoleLength = 12;  ///< of the window's length, behind its first address
/// The power-management registers among the board's ports: an I/O descriptor of 40h ports at 600h.
constexpr u8 kPmPorts[] = {0x47, 0x01, 0x00, 0x06, 0x00, 0x06, 0x01, 0x40};

// FADT.
constexpr u32 kFadtFacs = 36, kFadtDsdt = 40, kFadtExtendedFacs = 132, kFadtExtendedDsdt = 140;
constexpr u8 kDesktop = 1;
constexpr u8 kSystemControlInterrupt = 9;
constexpr u32 kSmiCommand = 0xb2;
constexpr u8 kAcpiEnable = 0xf1, kAcpiDisable = 0xf0;  // what the PIIX4 function takes there
constexpr u16 kNoC2 = 0xfff, kNoC3 = 0xfff;
constexpr u8 kCmosCentury = 0x32;
constexpr u16 kIsaDevicesAnd8042 = 3;
// WBINVD works, C1 works, no sleep button and no RTC wake status in fixed hardware, the reset register works.
// The timer has 24 bits; the power button is fixed hardware.
constexpr u32 kFadtFlags = 1 << 0 | 1 << 2 | 1 << 5 | 1 << 6 | 1 << 10;
constexpr u16 kResetPort = 0xcf9;
constexpr u8 kResetValue = 6;

class TableFile {
  public:
    [[nodiscard]] u32 size() const { return static_cast<u32>(bytes_.size()); }
    template<class T>
    void put(T value) {
        for (size_t i = 0; i < sizeof value; i++) bytes_.push_back(static_cast<u8>(u64{value} >> 8 * i));
    }
    void put_text(std::string_view text) { bytes_.insert(bytes_.end(), text.begin(), text.end()); }
    void put_zeros(size_t count) { bytes_.resize(bytes_.size() + count); }
    void put_bytes(std::span<const u8> bytes) { bytes_.insert(bytes_.end(), bytes.begin(), bytes.end()); }
    /// Generic address of an I/O port.
    void put_port(u16 port, u8 bits) {
        put(u8{1});
        put(bits);
        put(u16{0});
        put(u64{port});
    }
    void patch32(u32 at, u32 value) {
        for (unsigned i = 0; i < 4; i++) bytes_[at + i] = static_cast<u8>(value >> 8 * i);
    }
    [[nodiscard]] u32 read32(u32 at) const {
        u32 value = 0;
        for (unsigned i = 0; i < 4; i++) value |= u32{bytes_[at + i]} << 8 * i;
        return value;
    }
    void align(u32 to) { bytes_.resize((bytes_.size() + to - 1) / to * to); }
    [[nodiscard]] std::vector<u8>& bytes() { return bytes_; }

  private:
    std::vector<u8> bytes_;
};

/// The tables while they grow, and the script that belongs to them.
class Builder {
  public:
    explicit Builder(const AcpiBoard& board) : board_(board) {}
    AcpiFiles build();

  private:
    u32 begin(std::string_view signature, u8 revision) {
        file_.align(16);
        const u32 at = file_.size();
        file_.put_text(signature);
        file_.put(u32{0});  // length
        file_.put(revision);
        file_.put(u8{0});  // checksum
        file_.put_text("GNOMONGNOMONPC");
        file_.put(u32{1});
        file_.put_text("GNMN");
        file_.put(u32{1});
        return at;
    }
    void end(u32 at) {
        file_.patch32(at + 4, file_.size() - at);
        sum(at);
    }
    void sum(u32 at) {
        loader_.add_checksum(AcpiFiles::kTablesName, at + kChecksumOffset, at, file_.read32(at + 4));
    }
    void point(u32 at, u8 size, u32 target) {
        file_.patch32(at, target);
        loader_.add_pointer(AcpiFiles::kTablesName, at, size, AcpiFiles::kTablesName);
    }

    void put_facs();
    void put_dsdt(u32 devices);
    u32 put_fadt(u32 facs, u32 dsdt);
    u32 put_madt();
    u32 put_hpet();
    [[nodiscard]] u8 found_devices() const {
        return static_cast<u8>(board_.com1 | board_.com2 << 1 | board_.lpt1 << 2 | board_.floppy << 3 |
                               board_.mouse << 4);
    }

    const AcpiBoard& board_;
    TableFile file_;
    TableLoader loader_;
};

void Builder::put_facs() {
    file_.put_text("FACS");
    file_.put(u32{64});
    file_.put_zeros(56);
}

void Builder::put_dsdt(u32 devices) {
    const u32 begin = file_.size();
    file_.put_bytes(bios::dsdt());
    const u32 end = file_.size();
    for (u32 at = begin + kHeaderBytes; at + 4 <= end; at++) {
        const u32 value = file_.read32(at);
        if (value == kPatchDevices) point(at, 4, devices);
        if (value == kPatchHole) {
            file_.patch32(at, board_.pci_hole);
            file_.patch32(at + kHoleLength, kIoApic - board_.pci_hole);
        }
    }
    auto& bytes = file_.bytes();
    const auto ports =
        std::search(bytes.begin() + begin, bytes.end(), std::begin(kPmPorts), std::end(kPmPorts));
    if (ports != bytes.end()) {
        ports[2] = ports[4] = static_cast<u8>(board_.pm_base);
        ports[3] = ports[5] = static_cast<u8>(board_.pm_base >> 8);
    }
    bytes[begin + kChecksumOffset] = 0;
    sum(begin);
}

u32 Builder::put_fadt(u32 facs, u32 dsdt) {
    const u16 pm = board_.pm_base;
    const u32 at = begin("FACP", 3);
    file_.put(facs);
    file_.put(dsdt);
    file_.put(u8{0});
    file_.put(kDesktop);
    file_.put(u16{kSystemControlInterrupt});
    file_.put(kSmiCommand);
    file_.put(kAcpiEnable);
    file_.put(kAcpiDisable);
    file_.put_zeros(2);
    file_.put(u32{pm});  // PM1a events
    file_.put(u32{0});
    file_.put(u32{pm} + 4);  // PM1a control
    file_.put(u32{0});
    file_.put(u32{0});
    file_.put(u32{pm} + 8);  // timer
    file_.put_zeros(8);      // no general-purpose events
    for (const u8 length : {4, 2, 0, 4, 0, 0, 0, 0}) file_.put(length);
    file_.put(kNoC2);
    file_.put(kNoC3);
    file_.put_zeros(8);
    file_.put(kCmosCentury);
    file_.put(kIsaDevicesAnd8042);
    file_.put(u8{0});
    file_.put(kFadtFlags);
    file_.put_port(kResetPort, 8);
    file_.put(kResetValue);
    file_.put_zeros(3);
    file_.put(u64{facs});
    file_.put(u64{dsdt});
    file_.put_port(pm, 32);
    file_.put_zeros(12);
    file_.put_port(static_cast<u16>(pm + 4), 16);
    file_.put_zeros(24);
    file_.put_port(static_cast<u16>(pm + 8), 32);
    file_.put_zeros(24);
    point(at + kFadtFacs, 4, facs);
    point(at + kFadtDsdt, 4, dsdt);
    point(at + kFadtExtendedFacs, 8, facs);
    point(at + kFadtExtendedDsdt, 8, dsdt);
    end(at);
    return at;
}

u32 Builder::put_madt() {
    const u32 at = begin("APIC", 2);
    file_.put(kLocalApic);
    file_.put(u32{1});  // there is a pair of 8259s too
    for (unsigned i = 0; i < board_.processors; i++) {
        for (const unsigned byte : {0u, 8u, i, i}) file_.put(static_cast<u8>(byte));
        file_.put(u32{1});
    }
    // The I/O APIC's 4-bit ID comes after those of the processors where it can.
    const unsigned id = board_.processors < 15 ? board_.processors : 0;
    for (const unsigned byte : {1u, 12u, id, 0u}) file_.put(static_cast<u8>(byte));
    file_.put(kIoApic);
    file_.put(u32{0});
    struct Override {
        u8 irq, input, flags;
    };
    // The timer as ISA has it; the system control interrupt is level-triggered and active high.
    for (const Override& o :
         {Override{0, 2, 0}, Override{kSystemControlInterrupt, kSystemControlInterrupt, 0xd}}) {
        for (const unsigned byte : {2u, 10u, 0u, unsigned{o.irq}}) file_.put(static_cast<u8>(byte));
        file_.put(u32{o.input});
        file_.put(u16{o.flags});
    }
    for (const unsigned byte : {4u, 6u, 0xffu, 0u, 0u, 1u})
        file_.put(static_cast<u8>(byte));  // NMI at every LINT1
    end(at);
    return at;
}

u32 Builder::put_hpet() {
    constexpr u16 kMinimumTicks = 100;
    const u32 at = begin("HPET", 1);
    file_.put(board_.hpet_id);
    file_.put(u32{0});  // memory
    file_.put(u64{kHpet});
    file_.put(u8{0});
    file_.put(kMinimumTicks);
    file_.put(u8{0});
    end(at);
    return at;
}

AcpiFiles Builder::build() {
    loader_.allocate(AcpiFiles::kRsdpName, 16, TableLoader::Zone::SegmentF);
    loader_.allocate(AcpiFiles::kTablesName, 64, TableLoader::Zone::High);

    put_facs();
    const u32 devices = file_.size();
    file_.put(u32{found_devices()});
    file_.align(16);
    const u32 dsdt = file_.size();
    put_dsdt(devices);
    std::vector<u32> tables{put_fadt(0, dsdt)};
    if (board_.local_apic) {
        tables.push_back(put_madt());
        if (board_.hpet_id != 0) tables.push_back(put_hpet());
    }
    const u32 rsdt = begin("RSDT", 1);
    for (size_t i = 0; i < tables.size(); i++) {
        const u32 at = file_.size();
        file_.put(u32{0});
        point(at, 4, tables[i]);
    }
    end(rsdt);

    TableFile rsdp;
    rsdp.put_text("RSD PTR ");
    rsdp.put(u8{0});
    rsdp.put_text("GNOMON");
    rsdp.put(u8{0});
    rsdp.put(rsdt);
    loader_.add_pointer(AcpiFiles::kRsdpName, 16, 4, AcpiFiles::kTablesName);
    loader_.add_checksum(AcpiFiles::kRsdpName, 8, 0, rsdp.size());
    return {std::move(rsdp.bytes()), std::move(file_.bytes()), loader_.script()};
}

}  // namespace

AcpiFiles build_acpi_files(const AcpiBoard& board) { return Builder(board).build(); }

}  // namespace gnomon
