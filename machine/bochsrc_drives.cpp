// Drives and the order in which they are booted from, as bochsrc gives them. Bochs User Manual, "The
// configuration file bochsrc".
#include "machine/bochsrc_appliers.h"

namespace gnomon::bochsrc {

Result<void> floppy(BochsContext& c, const BochsLine& line) {
    const std::string drive = line.directive == "floppya" ? "floppy.a" : "floppy.b";
    constexpr std::pair<std::string_view, const char*> kTypes[] = {
        {"360k", "360K"},  {"1_2", "1.2M"},  {"720k", "720K"}, {"1_44", "1.44M"},
        {"2_88", "2.88M"}, {"160k", "360K"}, {"180k", "360K"}, {"320k", "360K"}};  // the drive of the disk
    std::string file;
    for (const auto& [name, value] : line.options) {
        if (name == "image") file = value;
        if (name == "type" && value == "none") return c.set(line, drive + ".type", "none");
        if (name == "type")
            for (const auto& [bochs, ours] : kTypes)
                if (value == bochs)
                    if (Result<void> set = c.set(line, drive + ".type", ours); !set) return set;
        for (const auto& [bochs, ours] : kTypes)
            if (name == bochs) {
                file = value;
                if (Result<void> set = c.set(line, drive + ".type", ours); !set) return set;
            }
        if (name == "write_protected" && value == "1") c.config.floppy[drive.back() == 'b'].readonly = true;
    }
    const std::string* status = line.find("status");
    if ((status && *status == "ejected") || file.empty()) return {};
    return c.set(line, drive + ".file", file);
}

Result<void> ata(BochsContext& c, const BochsLine& line) {
    const unsigned channel = static_cast<unsigned>(line.directive[3] - '0');
    const bool slave = line.directive.ends_with("slave");
    if (channel > 1) {
        c.note(line, line.directive);
        return {};
    }
    const unsigned place = channel * 2 + slave;
    const std::string* type = line.find("type");
    const std::string* path = line.find("path");
    if (type && *type != "disk" && *type != "cdrom" && *type != "none")
        return fail("{}: {}: type '{}' is not possible; accepted: disk, cdrom and none", line.where,
                    line.directive, *type);
    if (type && *type == "none") return {};
    if (type && *type == "cdrom") {
        c.config.cdrom[place].present = true;
        const std::string* status = line.find("status");
        if (!path || path->empty() || (status && *status == "ejected")) return {};
        return c.set(line, fmt::format("cdrom.{}.file", place), *path);
    }
    if (!path || path->empty()) return fail("{}: {}: a disk needs path=", line.where, line.directive);
    if (const std::string* mode = line.find("mode"); mode && *mode != "flat") {
        if (*mode == "volatile")
            c.config.boot.snapshot = true;
        else
            return fail("{}: {}: mode '{}' is not possible; accepted: flat and volatile", line.where,
                        line.directive, *mode);
    }
    for (const auto& [bochs, ours] :
         {std::pair{"cylinders", "cylinders"}, {"heads", "heads"}, {"spt", "sectors"}})
        if (const std::string* value = line.find(bochs); value && *value != "0")
            if (Result<void> set = c.set(line, fmt::format("disk.{}.{}", place, ours), *value); !set)
                return set;
    const Config::Disk& disk = c.config.disk[place];
    if (disk.cylinders == 0 || disk.heads == 0 || disk.sectors == 0)
        c.config.disk[place].cylinders = c.config.disk[place].heads = c.config.disk[place].sectors = 0;
    if (const std::string* model = line.find("model")) c.config.disk[place].model = *model;
    return c.set(line, fmt::format("disk.{}.file", place), *path);
}

Result<void> boot(BochsContext& c, const BochsLine& line) {
    std::string order;
    for (const auto& [name, value] : line.options) {
        if (name == "floppy" || name == "a")
            order += 'a';
        else if (name == "disk" || name == "c")
            order += 'c';
        else if (name == "cdrom" || name == "d")
            order += 'd';
        else if (name == "network" || name == "n")
            order += 'n';
        else
            return fail("{}: boot: '{}' is not possible; accepted: floppy, disk, cdrom and network",
                        line.where, name);
    }
    return c.set(line, "boot.order", order);
}

}  // namespace gnomon::bochsrc
