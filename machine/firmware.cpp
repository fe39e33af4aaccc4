// What firmware finds: ROMs, CMOS memory, fw_cfg files, the date. IBM PC/AT Technical Reference, "CMOS RAM";
// the extensions of memory sizes and boot order are those that Bochs and SeaBIOS use.
#include <algorithm>
#include <chrono>
#include <cstring>
#include <ctime>

#include "bios/embedded.h"
#include "bios/loaders/kernel.h"
#include "machine/machine.h"

namespace gnomon {
namespace {

constexpr u64 kMiB = u64{1} << 20;
constexpr u64 kTop = u64{1} << 32;
constexpr size_t kAliasBytes = 0x20000;
constexpr u64 kVgaRom = 0xc0000;

std::vector<u8> copy(std::span<const u8> bytes) { return {bytes.begin(), bytes.end()}; }

/// The pointer at 18h leads to "PCIR". PCI Firmware Specification 3.0, "PCI Expansion ROM Header Format".
bool has_pci_data(std::span<const u8> rom) {
    if (rom.size() < 0x1a) return false;
    const size_t at = rom[0x18] | size_t{rom[0x19]} << 8;
    return at >= 0x1a && at + 4 <= rom.size() && std::memcmp(&rom[at], "PCIR", 4) == 0;
}

std::string base_name(const std::string& path) { return path.substr(path.find_last_of('/') + 1); }

}  // namespace

Result<void> Machine::load_roms() {
    if (Result<void> built = build_flash(); !built) return built;
    // The chipset decodes the top of the image twice: below 4 GiB, and below 1 MiB for real mode.
    const std::span<const u8> bios = firmware_.bios();
    const std::span<const u8> alias = bios.last(std::min(bios.size(), kAliasBytes));
    Result<PhysicalRegion> low = memory_->add_rom("bios alias", GuestPhys(kMiB - alias.size()), alias);
    if (!low) return low.error();
    regions_.push_back(std::move(*low));
    if (Result<void> loaded = load_vga_rom(); !loaded) return loaded;
    return fill_fw_cfg();
}

/// The BIOS ends at 4 GiB; a variable store lies right below it.
Result<void> Machine::build_flash() {
    u64 base = kTop;
    if (!firmware_.in_one_chip()) {
        base -= firmware_.bios().size();
        Result<PhysicalRegion> rom = memory_->add_rom("bios", GuestPhys(base), firmware_.bios());
        if (!rom) return rom.error();
        regions_.push_back(std::move(*rom));
    }
    if (!firmware_.note().empty()) log_.warning("firmware", "{}", firmware_.note());
    if (firmware_.flash_bytes() == 0) return {};
    Result<std::unique_ptr<Flash>> flash =
        Flash::create(*memory_, log_,
                      {.name = "flash",
                       .base = GuestPhys(base - firmware_.flash_bytes()),
                       .bytes = firmware_.flash_bytes(),
                       .store = [this](u64 offset, std::span<const u8> data) { return firmware_.store(offset, data); }});
    if (!flash) return flash.error();
    flash_ = std::move(*flash);
    return firmware_.read_flash(flash_->array());
}

Result<void> Machine::load_vga_rom() {
    std::vector<u8> rom = copy(bios::vga_bios());
    if (!config_.firmware.vgabios.empty()) {
        Result<std::vector<u8>> file = read_file(config_.firmware.vgabios);
        if (!file) return file.error().in("firmware.vgabios");
        if (file->size() < 512 || (*file)[0] != 0x55 || (*file)[1] != 0xaa)
            return fail("firmware.vgabios: {}: is no option ROM (it does not begin with 55 AA)",
                        config_.firmware.vgabios);
        rom = std::move(*file);
    }
    // It is the adapter's expansion ROM, unless it does not say that it is for a PCI device: then the firmware
    // gets it as a file.
    std::span<const u8> expansion;
    if (has_pci_data(rom))
        expansion = rom;
    else if (!rom.empty())
        if (Result<void> added = fw_cfg_->add_file("vgaroms/vgabios.bin", rom); !added) return added;
    // Bochs's own BIOS knows neither: it looks where an ISA adapter has its ROM. Shadow RAM hides it.
    const bool as_in_bochs = config_.firmware.power_on == PowerOnChoice::Bochs;
    if (as_in_bochs && !rom.empty()) {
        Result<PhysicalRegion> isa = memory_->add_rom("vga bios", GuestPhys(kVgaRom), rom);
        if (!isa) return isa.error();
        regions_.push_back(std::move(*isa));
    }
    Result<std::unique_ptr<VgaPci>> function = VgaPci::create(pci_, *vga_, expansion, log_, as_in_bochs);
    if (!function) return function.error();
    vga_pci_ = std::move(*function);
    return {};
}

Result<void> Machine::fill_fw_cfg() {
    fw_cfg_->set_legacy(FwCfgKey::RamSize, memory_->ram_size());
    fw_cfg_->set_legacy(FwCfgKey::NbCpus, static_cast<u16>(config_.cpu.count));
    fw_cfg_->set_legacy(FwCfgKey::MaxCpus, static_cast<u16>(config_.cpu.count));
    fw_cfg_->set_legacy(FwCfgKey::NoGraphic, u16{0});
    fw_cfg_->set_legacy(FwCfgKey::BootMenu, static_cast<u16>(config_.boot.menu));
    std::vector<E820Entry> map{{0, memory_->low_ram(), E820Entry::Type::Ram}};
    if (memory_->high_ram() != 0) map.push_back({kTop, memory_->high_ram(), E820Entry::Type::Ram});
    if (Result<void> added = fw_cfg_->add_file("etc/e820", e820_table(map)); !added) return added;
    // A byte for each of S0 to S5, bit 7: it is there. The low bits are the PIIX4's sleep types.
    const std::vector<u8> sleep_states{0x80, 0, 0, 1, 2, 0x80};
    if (Result<void> added = fw_cfg_->add_file("etc/system-states", sleep_states); !added) return added;
    for (auto add : {&Machine::add_acpi_tables, &Machine::add_smbios_tables})
        if (Result<void> added = (this->*add)(); !added) return added;
    for (const std::string& path : config_.firmware.roms) {
        Result<std::vector<u8>> rom = read_file(path);
        if (!rom) return rom.error().in("firmware.roms");
        if (Result<void> added = fw_cfg_->add_file("genroms/" + base_name(path), std::move(*rom)); !added)
            return added.error().in("firmware.roms");
    }
    if (config_.boot.menu)
        if (Result<void> added = fw_cfg_->add_file("etc/boot-menu-wait", std::vector<u8>{0xb8, 0x0b}); !added)
            return added;
    if (config_.boot.kernel.empty()) {
        if (!config_.boot.initrd.empty()) return fail("boot.initrd: needs boot.kernel");
        if (!config_.boot.append.empty()) return fail("boot.append: needs boot.kernel");
        return {};
    }
    Result<BootPayload> payload =
        load_kernel(config_.boot.kernel, config_.boot.initrd, config_.boot.append,
                    model_.features.has(Feature::LongMode) ? LongMode::Present : LongMode::Absent);
    if (!payload) return payload.error().in("boot.kernel");
    for (BootFile& file : *payload)
        if (Result<void> added = fw_cfg_->add_file(file.name, std::move(file.bytes)); !added) return added;
    if (Result<void> added = fw_cfg_->add_file("genroms/kernelboot.bin", copy(bios::kernel_boot_rom()));
        !added)
        return added;
    const std::vector<std::string> order{"/rom@genroms/kernelboot.bin"};
    return fw_cfg_->add_file("bootorder", boot_order(order));
}

void Machine::fill_cmos() {
    const auto word = [this](u8 index, u64 value) {
        rtc_->set_cmos(index, static_cast<u8>(value));
        rtc_->set_cmos(static_cast<u8>(index + 1), static_cast<u8>(value >> 8));
    };
    const u64 low = memory_->low_ram();
    const u64 extended_kib = std::min<u64>((low - kMiB) >> 10, 0xffff);
    word(0x15, 640);
    word(0x17, extended_kib);
    word(0x30, extended_kib);
    word(0x34, low > 16 * kMiB ? (low - 16 * kMiB) >> 16 : 0);
    const u64 high_units = memory_->high_ram() >> 16;
    word(0x5b, high_units);
    rtc_->set_cmos(0x5d, static_cast<u8>(high_units >> 16));
    rtc_->set_cmos(0x5f, static_cast<u8>(config_.cpu.count - 1));

    const u8 drive_a = cmos_type(floppy_->drive(0).type());
    const u8 drive_b = cmos_type(floppy_->drive(1).type());
    rtc_->set_cmos(0x10, static_cast<u8>(drive_a << 4 | drive_b));
    const unsigned floppies = (drive_a != 0) + (drive_b != 0);
    u8 equipment = 0x06;  // mouse port, x87
    if (floppies != 0) equipment |= static_cast<u8>(1 | (floppies - 1) << 6);
    rtc_->set_cmos(0x14, equipment);

    // Types 47 for the two disks of the primary channel, with their geometry; 39h says how INT 13h
    // translates.
    u8 types = 0;
    u8 translations = 0;
    for (unsigned i = 0; i < 4; i++) {
        if (!disks_[i]) continue;
        const DiskGeometry& geometry = disks_[i]->geometry();
        if (geometry.logical != geometry.drive) translations |= static_cast<u8>(1 << 2 * i);
        if (i > 1) continue;
        types |= static_cast<u8>(i == 0 ? 0xf0 : 0x0f);
        rtc_->set_cmos(static_cast<u8>(0x19 + i), 47);
        const u8 base = i == 0 ? 0x1b : 0x24;
        word(base, geometry.drive.cylinders);
        rtc_->set_cmos(static_cast<u8>(base + 2), static_cast<u8>(geometry.drive.heads));
        word(static_cast<u8>(base + 3), 0xffff);  // no write precompensation
        rtc_->set_cmos(static_cast<u8>(base + 5), geometry.drive.heads > 8 ? 0xc8 : 0xc0);
        word(static_cast<u8>(base + 6), geometry.drive.cylinders);  // landing zone
        rtc_->set_cmos(static_cast<u8>(base + 8), static_cast<u8>(geometry.drive.sectors));
    }
    rtc_->set_cmos(0x12, types);
    rtc_->set_cmos(0x39, translations);

    fill_boot_order();
    rtc_->update_checksum();
}

void Machine::fill_boot_order() {
    // Firmware waits seconds for an empty floppy drive, so drives without a medium are left out, unless that
    // leaves nothing.
    const auto has_medium = [this](char letter) {
        const auto disk = [](const AtaDisk* drive) { return drive != nullptr; };
        const auto disc = [](const AtapiDrive* drive) { return drive != nullptr && drive->has_disc(); };
        switch (letter) {
            case 'a': return floppy_->drive(0).has_disk();
            case 'c': return std::any_of(disks_.begin(), disks_.end(), disk);
            case 'd': return std::any_of(cdroms_.begin(), cdroms_.end(), disc);
            default: return true;
        }
    };
    std::string letters = config_.boot.order;
    std::erase_if(letters, [&](char letter) { return !has_medium(letter); });
    if (letters.empty()) letters = config_.boot.order;
    std::array<u8, 3> codes{};
    for (size_t i = 0; i < std::min(letters.size(), codes.size()); i++)
        codes[i] = static_cast<u8>(std::string_view("acdn").find(letters[i]) + 1);
    rtc_->set_cmos(0x3d, static_cast<u8>(codes[0] | codes[1] << 4));
    // Bit 0: no check of the boot sector's signature.
    rtc_->set_cmos(0x38, static_cast<u8>(codes[2] << 4 | 1));
}

Result<void> Machine::set_rtc() {
    const std::string& start = config_.rtc.start;
    const bool now = start == "now" || (start.empty() && clock_.mode() == ClockMode::Realtime);
    if (!now && start.empty()) {
        rtc_->set_time(Rtc::kDefaultTime);
        return {};
    }
    if (!now) {
        // The text is what the guest's clock shows, so no time zone comes in.
        std::tm tm{};
        const char* end = strptime(start.c_str(), "%Y-%m-%dT%H:%M:%S", &tm);
        if (!end) end = strptime(start.c_str(), "%Y-%m-%d %H:%M:%S", &tm);
        if (!end) end = strptime(start.c_str(), "%Y-%m-%d", &tm);
        if (!end || *end != '\0')
            return fail("rtc.start: '{}' is no date; accepted are now, 2026-01-31 and 2026-01-31T12:00:00",
                        start);
        rtc_->set_time(timegm(&tm));
        return {};
    }
    const auto since_epoch = std::chrono::system_clock::now().time_since_epoch();
    const i64 ns = std::chrono::duration_cast<std::chrono::nanoseconds>(since_epoch).count();
    i64 seconds = ns / 1'000'000'000;
    if (config_.rtc.base == RtcBase::Local) {
        const std::time_t utc = seconds;
        std::tm tm{};
        localtime_r(&utc, &tm);
        seconds += tm.tm_gmtoff;
    }
    rtc_->set_time(seconds, static_cast<u32>(ns % 1'000'000'000));
    return {};
}

}  // namespace gnomon
