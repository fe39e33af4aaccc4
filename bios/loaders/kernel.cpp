// Recognises a kernel's format and packs the plan into fw_cfg files; reads files, unpacking gzip as boot
// loaders do.
#include "bios/loaders/kernel.h"

#include <zlib.h>

#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <memory>

#include "bios/loaders/formats.h"

namespace gnomon {
namespace {

using loaders::ByteReader;
using loaders::Plan;

constexpr std::size_t largest_file = std::size_t{2} << 30;

Result<std::vector<std::uint8_t>> read_file(const std::string& path) {
    std::error_code code;
    if (std::filesystem::is_directory(path, code)) return fail("{}: is a directory", path);
    const std::unique_ptr<std::FILE, int (*)(std::FILE*)> file(std::fopen(path.c_str(), "rb"), std::fclose);
    if (!file) return fail("{}: {}", path, std::strerror(errno));
    std::vector<std::uint8_t> bytes;
    constexpr std::size_t step = std::size_t{1} << 20;
    for (std::size_t filled = 0;;) {
        bytes.resize(filled + step);
        const std::size_t got = std::fread(bytes.data() + filled, 1, step, file.get());
        filled += got;
        if (got == step && filled <= largest_file) continue;
        if (std::ferror(file.get())) return fail("{}: {}", path, std::strerror(errno));
        if (filled > largest_file) return fail("{}: larger than 2 GB", path);
        bytes.resize(filled);
        return bytes;
    }
}

Result<std::vector<std::uint8_t>> gunzip(const std::string& name, const std::vector<std::uint8_t>& packed) {
    constexpr std::size_t limit = std::size_t{1} << 30, step = std::size_t{1} << 20;
    std::vector<std::uint8_t> bytes;
    z_stream stream{};
    if (inflateInit2(&stream, 16 + MAX_WBITS) != Z_OK) return fail("{}: zlib does not start", name);
    const std::unique_ptr<z_stream, int (*)(z_stream*)> guard(&stream, inflateEnd);
    stream.next_in = const_cast<Bytef*>(packed.data());
    stream.avail_in = static_cast<uInt>(packed.size());
    for (;;) {
        const std::size_t filled = bytes.size();
        if (filled >= limit) return fail("{}: the compressed kernel unpacks to more than 1 GB", name);
        bytes.resize(filled + step);
        stream.next_out = bytes.data() + filled;
        stream.avail_out = static_cast<uInt>(step);
        const int status = inflate(&stream, Z_NO_FLUSH);
        bytes.resize(filled + step - stream.avail_out);
        if (status == Z_STREAM_END) return bytes;
        if (status != Z_OK || (stream.avail_in == 0 && stream.avail_out != 0))
            return fail("{}: offset {:#x}: the gzip data are damaged or truncated", name, stream.total_in);
    }
}

/// "PATH" or "PATH ARGUMENTS"; a file whose name has spaces wins.
Result<NamedBytes> read_module(const std::string& text) {
    NamedBytes module{text, {}, {}};
    std::error_code code;
    if (!std::filesystem::exists(text, code)) {
        if (const std::size_t space = text.find(' '); space != std::string::npos) {
            module.name = text.substr(0, space);
            module.arguments = text.substr(space + 1);
        }
    }
    auto bytes = read_file(module.name);
    if (!bytes) return bytes.error();
    module.bytes = std::move(*bytes);
    return module;
}

Result<Plan> make_plan(const NamedBytes& kernel, const std::vector<NamedBytes>& initrds,
                       std::string_view command_line, LongMode long_mode) {
    const ByteReader file(kernel.bytes);
    if (loaders::is_linux(file)) return loaders::plan_linux(kernel, initrds, command_line);
    if (const auto header = loaders::find_multiboot2(file))
        return loaders::plan_multiboot2(kernel, *header, initrds, command_line, long_mode);
    const auto header = loaders::find_multiboot1(file);
    if (header || loaders::is_elf(file))
        return loaders::plan_multiboot1(kernel, header, initrds, command_line, long_mode);
    return fail(
        "{}: not a kernel in any accepted format: Linux bzImage or zImage (\"HdrS\" at offset 0x202, boot "
        "protocol "
        "2.00 or later), Multiboot 1 (header in the first 8 KB), Multiboot 2 (header in the first 32 KB), "
        "ELF "
        "executable, by its PVH entry if it has one; each may be gzip-compressed",
        kernel.name);
}

template<class T>
void append(std::vector<std::uint8_t>& bytes, const T& value) {
    const auto* start = reinterpret_cast<const std::uint8_t*>(&value);
    bytes.insert(bytes.end(), start, start + sizeof value);
}

BootPayload pack(Plan plan) {
    GnomonBootPlan& head = plan.head;
    std::memcpy(head.magic, GNOMON_BOOT_MAGIC, sizeof head.magic);
    head.version = GNOMON_BOOT_VERSION;
    head.segment_count = static_cast<std::uint32_t>(plan.segments.size());
    head.module_count = static_cast<std::uint32_t>(plan.modules.size());
    head.strings_size = static_cast<std::uint32_t>(plan.strings.size());
    head.size = static_cast<std::uint32_t>(sizeof head + plan.segments.size() * sizeof(GnomonBootSegment) +
                                           plan.modules.size() * sizeof(GnomonBootModule));
    std::vector<std::uint8_t> bytes;
    append(bytes, head);
    for (const GnomonBootSegment& segment : plan.segments) append(bytes, segment);
    for (const GnomonBootModule& module : plan.modules) append(bytes, module);

    BootPayload payload;
    payload.push_back({GNOMON_BOOT_PLAN, std::move(bytes)});
    payload.push_back({GNOMON_BOOT_IMAGE, std::move(plan.image)});
    payload.push_back({GNOMON_BOOT_STRINGS, {plan.strings.begin(), plan.strings.end()}});
    if (!plan.setup.empty()) payload.push_back({GNOMON_BOOT_SETUP, std::move(plan.setup)});
    if (!plan.initrd.empty() || !plan.modules.empty())
        payload.push_back({GNOMON_BOOT_INITRD, std::move(plan.initrd)});
    if (!plan.sections.empty()) payload.push_back({GNOMON_BOOT_SECTIONS, std::move(plan.sections)});
    return payload;
}

}  // namespace

Result<BootPayload> plan_boot(const NamedBytes& kernel, const std::vector<NamedBytes>& initrds,
                              std::string_view command_line, LongMode long_mode) {
    if (command_line.find('\0') != std::string_view::npos)
        return fail("the kernel command line holds a NUL character");
    const ByteReader file(kernel.bytes);
    if (file.at<std::uint16_t>(0) == 0x8B1F) {
        auto unpacked = gunzip(kernel.name, kernel.bytes);
        if (!unpacked) return unpacked.error();
        auto plan = make_plan({kernel.name, std::move(*unpacked), {}}, initrds, command_line, long_mode);
        if (!plan) return plan.error();
        return pack(std::move(*plan));
    }
    auto plan = make_plan(kernel, initrds, command_line, long_mode);
    if (!plan) return plan.error();
    return pack(std::move(*plan));
}

Result<BootPayload> load_kernel(const std::string& kernel, const std::vector<std::string>& initrds,
                                std::string_view command_line, LongMode long_mode) {
    auto bytes = read_file(kernel);
    if (!bytes) return bytes.error();
    std::vector<NamedBytes> modules;
    for (const std::string& text : initrds) {
        auto module = read_module(text);
        if (!module) return module.error();
        modules.push_back(std::move(*module));
    }
    return plan_boot({kernel, std::move(*bytes), {}}, modules, command_line, long_mode);
}

}  // namespace gnomon
