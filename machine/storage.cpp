// The machine's drives: floppy disks, hard disks and CD-ROMs at the places of the two IDE channels.
#include "machine/machine.h"

namespace gnomon {
namespace {

constexpr std::array<std::string_view, 4> kPlaces{"ide.primary.master", "ide.primary.slave",
                                                  "ide.secondary.master", "ide.secondary.slave"};

}  // namespace

Result<std::unique_ptr<BlockImage>> Machine::open_medium(const std::string& key, const std::string& path,
                                                         ImageOptions options, MediumTraffic& traffic) {
    options.snapshot = config_.boot.snapshot && !options.read_only;
    options.state_name = "medium." + key;
    Result<OpenedImage> opened = open_image(path, options);
    if (!opened) return opened.error().in(key + ".file");
    if (!opened->note.empty()) log_.warning("storage", "{}", opened->note);
    if (opened->overlay) overlays_.push_back(opened->overlay);
    return std::unique_ptr<BlockImage>(std::make_unique<MeteredImage>(std::move(opened->image), traffic));
}

Result<void> Machine::build_storage() {
    FloppyController::Config floppies;
    std::array<std::unique_ptr<BlockImage>, 2> disks;
    for (unsigned i = 0; i < 2; i++) {
        const Config::Floppy& wanted = config_.floppy[i];
        const std::string key = i == 0 ? "floppy.a" : "floppy.b";
        FloppyDriveType type = i == 0 ? FloppyDriveType::Drive1440K : FloppyDriveType::None;
        if (!wanted.file.empty()) {
            Result<std::unique_ptr<BlockImage>> image = open_medium(
                key, wanted.file, {.read_only = wanted.readonly, .assume_raw = true}, traffic_[i]);
            if (!image) return image.error();
            const std::optional<FloppyFormat> format = floppy_format_for((*image)->sectors());
            if (!format)
                return fail("{}.file: {}: {} bytes are more than the biggest floppy disk holds (2880 KiB)",
                            key, wanted.file, (*image)->sectors() * kSectorSize);
            type = floppy_drive_for(*format);
            // A 720K disk in a 1.44M drive is what PCs have.
            if (type == FloppyDriveType::Drive720K) type = FloppyDriveType::Drive1440K;
            disks[i] = std::move(*image);
        }
        if (wanted.type != FloppyTypeChoice::Automatic)
            type = static_cast<FloppyDriveType>(static_cast<unsigned>(wanted.type) - 1);
        if (disks[i] && type == FloppyDriveType::None)
            return fail("{}.type: is none, but {}.file names a disk", key, key);
        floppies.drives[i] = type;
    }
    floppies.as_in_bochs = config_.firmware.power_on == PowerOnChoice::Bochs;
    Result<std::unique_ptr<FloppyController>> controller =
        FloppyController::create(ports_, scheduler_, log_, dma_->channel(2), isa_interrupts_->add_source(6), floppies);
    if (!controller) return controller.error();
    floppy_ = std::move(*controller);
    for (unsigned i = 0; i < 2; i++)
        if (disks[i])
            if (Result<void> inserted = floppy_->insert(i, std::move(disks[i])); !inserted)
                return inserted.error().in(i == 0 ? "floppy.a.file" : "floppy.b.file");

    Result<std::unique_ptr<PiixIde>> ide =
        PiixIde::create(ports_, *memory_, log_, isa_interrupts_->add_source(14), isa_interrupts_->add_source(15));
    if (!ide) return ide.error();
    ide_ = std::move(*ide);
    Result<PciSlot> slot = pci_.add("pci.ide", Piix3::kDevice, 1, *ide_);
    if (!slot) return slot.error();
    ide_slot_ = std::move(*slot);
    for (unsigned place = 0; place < 4; place++) {
        const bool disk = !config_.disk[place].file.empty();
        const bool cdrom = config_.cdrom[place].present || !config_.cdrom[place].file.empty();
        if (disk && cdrom)
            return fail(
                "disk.{}.file and cdrom.{}.file are the same drive ({}); give one of them another number",
                place, place, kPlaces[place]);
        if (disk)
            if (Result<void> added = add_disk(place); !added) return added;
        if (cdrom)
            if (Result<void> added = add_cdrom(place); !added) return added;
    }
    return {};
}

Result<void> Machine::add_disk(unsigned place) {
    const Config::Disk& wanted = config_.disk[place];
    const std::string key = fmt::format("disk.{}", place);
    Result<std::unique_ptr<BlockImage>> image = open_medium(
        key, wanted.file, {.read_only = wanted.readonly, .assume_raw = wanted.raw}, traffic_[2 + place]);
    if (!image) return image.error();
    AtaDisk::Config config;
    config.name = kPlaces[place];
    config.model = wanted.model;
    config.serial = wanted.serial.empty() ? fmt::format("GN{:05}", place + 1) : wanted.serial;
    const u64 given = (wanted.cylinders != 0) + (wanted.heads != 0) + (wanted.sectors != 0);
    if (given != 0 && given != 3) return fail("{}: a geometry needs cylinders, heads and sectors", key);
    if (given == 3)
        config.geometry = Chs{static_cast<u32>(wanted.cylinders), static_cast<u32>(wanted.heads),
                              static_cast<u32>(wanted.sectors)};
    Result<std::unique_ptr<AtaDisk>> disk =
        AtaDisk::create(scheduler_, log_, std::move(*image), std::move(config));
    if (!disk) return disk.error().in(key);
    disks_[place] = disk->get();
    ide_->channel(place / 2).attach(place % 2, std::move(*disk));
    return {};
}

Result<void> Machine::add_cdrom(unsigned place) {
    const Config::Cdrom& wanted = config_.cdrom[place];
    const std::string key = fmt::format("cdrom.{}", place);
    std::unique_ptr<BlockImage> image;
    if (!wanted.file.empty()) {
        Result<std::unique_ptr<BlockImage>> opened =
            open_medium(key, wanted.file, {.read_only = true, .assume_raw = true}, traffic_[2 + place]);
        if (!opened) return opened.error();
        image = std::move(*opened);
    }
    AtapiDrive::Config config;
    config.name = kPlaces[place];
    config.serial = fmt::format("GN{:05}", place + 1);
    Result<std::unique_ptr<AtapiDrive>> drive =
        AtapiDrive::create(scheduler_, log_, std::move(image), std::move(config));
    if (!drive) return drive.error().in(key);
    cdroms_[place] = drive->get();
    ide_->channel(place / 2).attach(place % 2, std::move(*drive));
    return {};
}

}  // namespace gnomon
