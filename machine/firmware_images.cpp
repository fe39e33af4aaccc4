// Opening firmware files. OVMF's README, "OVMF image files": code and variable store are one chip of 2 or 4
// MiB, cut in two.
#include "machine/firmware_images.h"

#include <zlib.h>

#include <bit>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>

#include "bios/embedded.h"

namespace gnomon {
namespace {

constexpr size_t kBiggestBios = size_t{16} << 20;

Result<void> check_size(const std::string& path, u64 bytes, std::string_view what) {
    if (bytes != 0 && bytes % kPageSize == 0 && bytes <= kBiggestBios) return {};
    return fail("{}: {} bytes; a {} has a multiple of 4 KiB, at most 16 MiB", path, bytes, what);
}

/// What the user should know of images that cannot run here; the name is all that tells them apart.
std::string note_on(const std::string& bios) {
    std::error_code none;
    const std::filesystem::path target = std::filesystem::canonical(bios, none);
    if (target.filename().string().find(".secboot.") == std::string::npos) return {};
    return fmt::format("{}: by its name this image enforces Secure Boot, for which it needs system management mode; there is none here, "
                       "and it will stop early. {} runs without",
                       bios, bios.find("_4M") != std::string::npos ? "OVMF_CODE_4M.fd" : "OVMF_CODE.fd");
}

}  // namespace

Result<std::vector<u8>> read_file(const std::string& path) {
    std::ifstream file(path, std::ios::binary);
    if (!file || std::filesystem::is_directory(path)) return fail("{}: {}", path, std::strerror(file ? EISDIR : errno));
    std::vector<u8> bytes((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
    if (file.bad()) return fail("{}: cannot be read", path);
    return bytes;
}

Result<FirmwareImages> FirmwareImages::open(const Config::Firmware& config, bool snapshot) {
    FirmwareImages images;
    if (!config.flash.empty()) {
        if (!config.bios.empty())
            return fail("firmware.flash and firmware.bios lie at the same place; give one of them");
        if (!config.flash_vars.empty())
            return fail(
                "firmware.flash holds the variables already; firmware.flash_vars goes with firmware.bios");
        images.in_one_chip_ = true;
        if (Result<void> opened = images.open_flash(config.flash, snapshot); !opened)
            return opened.error().in("firmware.flash");
        images.bios_.resize(images.flash_bytes());
        if (Result<void> read = images.read_flash(images.bios_); !read)
            return read.error().in("firmware.flash");
        return images;
    }
    const std::span<const u8> built_in = bios::system_bios();
    images.bios_.assign(built_in.begin(), built_in.end());
    if (!config.bios.empty()) {
        Result<std::vector<u8>> file = read_file(config.bios);
        if (!file) return file.error().in("firmware.bios");
        images.bios_ = std::move(*file);
        if (Result<void> fits = check_size(config.bios, images.bios_.size(), "system BIOS"); !fits)
            return fits.error().in("firmware.bios");
        images.note_ = note_on(config.bios);
    }
    if (config.flash_vars.empty()) return images;
    if (config.bios.empty())
        return fail("firmware.flash_vars: needs firmware.bios, as OVMF_CODE.fd; our own keeps no variables");
    if (Result<void> opened = images.open_flash(config.flash_vars, snapshot); !opened)
        return opened.error().in("firmware.flash_vars");
    if (const u64 both = images.bios_.size() + images.flash_bytes(); !std::has_single_bit(both))
        return fail(
            "firmware.flash_vars: {}: {} bytes do not go with the {} of {}: together they make a chip of 2 "
            "or 4 MiB "
            "(OVMF_VARS.fd goes with OVMF_CODE.fd, OVMF_VARS_4M.fd with OVMF_CODE_4M.fd)",
            config.flash_vars, images.flash_bytes(), images.bios_.size(), config.bios);
    return images;
}

Result<void> FirmwareImages::open_flash(const std::string& path, bool snapshot) {
    Result<HostFile> file =
        HostFile::open(path, snapshot ? HostFile::Access::Read : HostFile::Access::ReadWrite);
    if (!file) return file.error();
    if (Result<void> fits = check_size(path, file->size(), "flash chip"); !fits) return fits;
    if (!snapshot && !file->writable())
        note_ += fmt::format("{}{}: opened read-only ({}); what the firmware stores there is lost at the end",
                             note_.empty() ? "" : "; ", path, file->read_only_reason());
    flash_ = std::move(*file);
    return {};
}

u32 FirmwareImages::checksum() const {
    return in_one_chip_ ? 0 : static_cast<u32>(crc32_z(0, bios_.data(), bios_.size()));
}

Result<void> FirmwareImages::store(u64 offset, std::span<const u8> data) {
    if (!flash_->writable()) return {};
    return flash_->write(offset, data);
}

}  // namespace gnomon
