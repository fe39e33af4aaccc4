// Linux images, boot protocol 2.00 to 2.15 ("The Linux/x86 Boot Protocol"): splits the image into its
// real-mode and protected-mode parts and fills in the header fields that belong to the boot loader.
#include <algorithm>
#include <bit>
#include <cctype>
#include <charconv>

#include "bios/loaders/formats.h"

namespace gnomon::loaders {
namespace {

// Offsets in the image, named as the protocol names the fields.
constexpr std::uint32_t setup_sects = 0x1F1, syssize = 0x1F4, vid_mode = 0x1FA, boot_flag = 0x1FE,
                        header = 0x202, version = 0x206, type_of_loader = 0x210, loadflags = 0x211,
                        setup_move_size = 0x212, heap_end_ptr = 0x224, cmd_line_ptr = 0x228,
                        initrd_addr_max = 0x22C, kernel_alignment = 0x230, relocatable_kernel = 0x234,
                        cmdline_size = 0x238, pref_address = 0x258, init_size = 0x260;
constexpr std::uint32_t old_cl_magic = 0x20, old_cl_offset = 0x22;
constexpr std::uint8_t loaded_high = 0x01, can_use_heap = 0x80;

// Where things go: kernels of protocol 2.02 find the command line anywhere, older ones behind the setup code.
struct Placement {
    std::uint32_t setup, stack_top, command_line, image, setup_limit;
};
constexpr Placement modern{0x10000, 0xE000, 0x20000, 0x100000, 0xD000};
constexpr Placement old_high{0x90000, 0x9800, 0x99800, 0x100000, 0x9000};
constexpr Placement old_low{0x90000, 0x9800, 0x99800, 0x10000, 0x9000};
constexpr std::uint32_t old_command_line_room = 0x9B000 - 0x99800;

template<class T>
void put(std::vector<std::uint8_t>& bytes, std::uint32_t offset, T value) {
    std::memcpy(bytes.data() + offset, &value, sizeof value);
}

/// The value of `name=` on the command line; the last one counts.
std::optional<std::string_view> option(std::string_view command_line, std::string_view name) {
    std::optional<std::string_view> found;
    std::size_t at = 0;
    while (at < command_line.size()) {
        const std::size_t end = std::min(command_line.find(' ', at), command_line.size());
        const std::string_view word = command_line.substr(at, end - at);
        if (word.starts_with(name)) found = word.substr(name.size());
        at = end + 1;
    }
    return found;
}

/// A number as the kernel reads it: 0x hexadecimal, leading 0 octal, else decimal. `rest` is what follows it.
std::optional<std::uint64_t> number(std::string_view text, std::string_view* rest) {
    int radix = 10;
    if (text.size() > 2 && text[0] == '0' && (text[1] | 0x20) == 'x') {
        radix = 16;
        text.remove_prefix(2);
    } else if (text.size() > 1 && text[0] == '0') {
        radix = 8;
    }
    std::uint64_t value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, radix);
    if (error != std::errc{}) return std::nullopt;
    *rest = std::string_view(end, static_cast<std::size_t>(text.data() + text.size() - end));
    return value;
}

/// vga=: a video mode for the setup code.
Result<std::optional<std::uint16_t>> video_mode(std::string_view command_line) {
    const auto text = option(command_line, "vga=");
    if (!text) return std::optional<std::uint16_t>{};
    if (*text == "normal") return std::optional<std::uint16_t>{0xFFFF};
    if (*text == "ext") return std::optional<std::uint16_t>{0xFFFE};
    if (*text == "ask") return std::optional<std::uint16_t>{0xFFFD};
    std::string_view rest;
    const auto value = number(*text, &rest);
    if (!value || !rest.empty() || *value > 0xFFFF)
        return fail("kernel command line: vga={}: expected normal, ext, ask or a mode number", *text);
    return std::optional<std::uint16_t>{static_cast<std::uint16_t>(*value)};
}

/// mem=: the kernel will not see memory above it, so the initrd must be below.
std::optional<std::uint64_t> memory_limit(std::string_view command_line) {
    const auto text = option(command_line, "mem=");
    if (!text) return std::nullopt;
    std::string_view rest;
    const auto value = number(*text, &rest);
    if (!value || *value == 0) return std::nullopt;
    const char unit =
        rest.empty() ? ' ' : static_cast<char>(std::tolower(static_cast<unsigned char>(rest[0])));
    const int shift = unit == 'k' ? 10 : unit == 'm' ? 20 : unit == 'g' ? 30 : 0;
    if (*value > (std::uint64_t{1} << 40 >> shift)) return std::nullopt;
    return *value << shift;
}

}  // namespace

bool is_linux(const ByteReader& file) {
    return file.at<std::uint16_t>(boot_flag) == 0xAA55 &&
           file.at<std::uint32_t>(header) == 0x53726448;  // "HdrS"
}

Result<Plan> plan_linux(const NamedBytes& kernel, const std::vector<NamedBytes>& initrds,
                        std::string_view command_line) {
    const ByteReader file(kernel.bytes);
    const auto protocol = file.at<std::uint16_t>(version);
    if (protocol < 0x200)
        return fail("{}: offset {:#x}: boot protocol {}.{:02} is too old, 2.00 is the first supported",
                    kernel.name, version, protocol >> 8, protocol & 0xFF);
    const std::uint32_t sectors = file.at<std::uint8_t>(setup_sects) ? file.at<std::uint8_t>(setup_sects) : 4;
    const std::uint32_t setup_size = (sectors + 1) * 512;
    if (file.size() <= setup_size)
        return fail("{}: offset {:#x}: {} bytes of setup code announced, the file has {} bytes: truncated",
                    kernel.name, setup_sects, setup_size, file.size());
    const std::uint64_t image_size = file.size() - setup_size;
    if (image_size > 0x40000000)
        return fail("{}: {} bytes: larger than any Linux image", kernel.name, file.size());
    const std::uint64_t announced = std::uint64_t{file.at<std::uint32_t>(syssize)} * 16;
    if (protocol >= 0x204 && announced > image_size + 15)
        return fail("{}: offset {:#x}: {} bytes of kernel announced, the file has {} bytes of it: truncated",
                    kernel.name, syssize, announced, image_size);
    const auto flags = file.at<std::uint8_t>(loadflags);
    const Placement& place = !(flags & loaded_high) ? old_low : protocol < 0x202 ? old_high : modern;
    if (setup_size > place.setup_limit)
        return fail("{}: offset {:#x}: {} bytes of setup code, at most {} fit", kernel.name, setup_sects,
                    setup_size, place.setup_limit);
    if (place.image < 0x100000 && image_size > GNOMON_STAGE_START - place.image)
        return fail("{}: a zImage of {} bytes, at most {} fit below 1 MB", kernel.name, image_size,
                    GNOMON_STAGE_START - place.image);

    std::uint64_t longest = protocol >= 0x206 ? file.at<std::uint32_t>(cmdline_size) : 255;
    if (&place != &modern) longest = std::min<std::uint64_t>(longest, old_command_line_room - 1);
    longest = std::min<std::uint64_t>(longest, GNOMON_MAX_STRINGS - 1);
    if (command_line.size() > longest)
        return fail("{}: a kernel command line of {} characters, this kernel takes {}", kernel.name,
                    command_line.size(), longest);

    Plan plan;
    plan.setup.assign(kernel.bytes.begin(), kernel.bytes.begin() + setup_size);
    plan.setup.resize(std::max<std::size_t>(plan.setup.size(), 0x268));
    plan.image.assign(kernel.bytes.begin() + setup_size, kernel.bytes.end());
    plan.strings = std::string(command_line) + '\0';

    auto mode = video_mode(command_line);
    if (!mode) return mode.error();
    if (*mode) put<std::uint16_t>(plan.setup, vid_mode, **mode);
    put<std::uint8_t>(plan.setup, type_of_loader, 0xFF);
    if (protocol >= 0x201) {
        put<std::uint8_t>(plan.setup, loadflags, flags | can_use_heap);
        put<std::uint16_t>(plan.setup, heap_end_ptr, static_cast<std::uint16_t>(place.stack_top - 0x200));
    }
    if (protocol >= 0x202) {
        put<std::uint32_t>(plan.setup, cmd_line_ptr, place.command_line);
    } else {
        put<std::uint16_t>(plan.setup, old_cl_magic, 0xA33F);
        put<std::uint16_t>(plan.setup, old_cl_offset,
                           static_cast<std::uint16_t>(place.command_line - place.setup));
        put<std::uint16_t>(
            plan.setup, setup_move_size,
            static_cast<std::uint16_t>(place.command_line - place.setup + plan.strings.size()));
    }

    for (const NamedBytes& initrd : initrds) {  // concatenated archives start at multiples of four
        plan.initrd.insert(plan.initrd.end(), initrd.bytes.begin(), initrd.bytes.end());
        plan.initrd.resize((plan.initrd.size() + 3) & ~std::size_t{3});
    }
    if (plan.initrd.size() > 0x7FFFFFFF)
        return fail("the initrds together have {} bytes", plan.initrd.size());
    std::uint32_t limit = protocol >= 0x203 ? file.at<std::uint32_t>(initrd_addr_max) : 0x37FFFFFF;
    if (const auto memory = memory_limit(command_line); memory && *memory <= limit)
        limit = static_cast<std::uint32_t>(*memory - 1);

    // A kernel of protocol 2.10 says how much memory it needs until it reads the memory map; a relocatable
    // one moves up to its preferred address, unless it is loaded above.
    std::uint64_t end = place.image + image_size;
    if (protocol >= 0x20A && place.image == 0x100000) {
        std::uint64_t start = place.image;
        if (file.at<std::uint8_t>(relocatable_kernel)) {
            const std::uint64_t alignment =
                std::max<std::uint64_t>(file.at<std::uint32_t>(kernel_alignment), 1);
            if (std::has_single_bit(alignment)) start = (start + alignment - 1) & ~(alignment - 1);
        }
        start = std::max(start, file.at<std::uint64_t>(pref_address));
        const std::uint64_t needed = start + file.at<std::uint32_t>(init_size);
        if (start < 0x100000000 && needed < 0x100000000) end = std::max(end, needed);
    }
    plan.head.kind = GNOMON_BOOT_LINUX;
    plan.head.image_start = place.image;
    plan.head.image_end = static_cast<std::uint32_t>(end);
    plan.head.setup_address = place.setup;
    plan.head.setup_size = static_cast<std::uint32_t>(plan.setup.size());
    plan.head.command_line_address = place.command_line;
    plan.head.stack_top = place.stack_top;
    plan.head.initrd_size = static_cast<std::uint32_t>(plan.initrd.size());
    plan.head.initrd_limit = limit;
    const auto bytes = static_cast<std::uint32_t>(image_size);
    plan.segments.push_back({0, bytes, place.image, bytes});
    return plan;
}

}  // namespace gnomon::loaders
