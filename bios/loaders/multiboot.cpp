// Multiboot kernels: finds and checks the header, places segments and modules (Multiboot Specification
// 0.6.96, "OS image format"; Multiboot2 Specification 2.0, "OS image format").
#include <algorithm>
#include <bit>

#include "bios/loaders/formats.h"

namespace gnomon::loaders {
namespace {

constexpr std::uint32_t magic1 = 0x1BADB002, magic2 = 0xE85250D6;
constexpr std::uint32_t search1 = 8192, search2 = 32768;

// Multiboot 1 header flags. The lower half is what the loader must understand.
constexpr std::uint32_t flag_page_align = 1, flag_memory = 2, flag_video = 4, required_flags = 0xFFFF,
                        flag_addresses = 0x10000;

/// The address fields of either version: an image that is loaded without regard to its format.
struct AddressFields {
    std::uint32_t header_addr, load_addr, load_end_addr, bss_end_addr;
};

Result<GnomonBootSegment> segment_of(const NamedBytes& kernel, const AddressFields& fields,
                                     std::uint32_t header) {
    const std::uint64_t file_size = kernel.bytes.size();
    // load_addr FFFFFFFF means: from the start of the file.
    const std::uint32_t load =
        fields.load_addr == 0xFFFFFFFF ? fields.header_addr - header : fields.load_addr;
    if (load > fields.header_addr || fields.header_addr - load > header)
        return fail("{}: offset {:#x}: Multiboot load address {:#x} does not fit the header's address {:#x}",
                    kernel.name, header, load, fields.header_addr);
    const std::uint32_t offset = header - (fields.header_addr - load);
    std::uint64_t size = file_size - offset;
    if (fields.load_end_addr) {
        if (fields.load_end_addr < load)
            return fail("{}: offset {:#x}: Multiboot load_end_addr {:#x} lies below load_addr {:#x}",
                        kernel.name, header, fields.load_end_addr, load);
        size = fields.load_end_addr - load;
        if (size > file_size - offset)
            return fail("{}: offset {:#x}: Multiboot load_end_addr {:#x} lies beyond the file: truncated?",
                        kernel.name, header, fields.load_end_addr);
    }
    std::uint64_t memory = size;
    if (fields.bss_end_addr) {
        if (fields.bss_end_addr < load || fields.bss_end_addr - load < size)
            return fail("{}: offset {:#x}: Multiboot bss_end_addr {:#x} lies below the end of the data",
                        kernel.name, header, fields.bss_end_addr);
        memory = fields.bss_end_addr - load;
    }
    if (load + memory > 0xFFFFFFFF)
        return fail("{}: offset {:#x}: the image ends beyond 4 GB", kernel.name, header);
    return GnomonBootSegment{offset, static_cast<std::uint32_t>(size), load,
                             static_cast<std::uint32_t>(memory)};
}

/// Sets what the segments span. `movable` images may be linked anywhere, the boot ROM finds them a place.
Result<void> set_span(const NamedBytes& kernel, Plan& plan, bool movable) {
    std::uint64_t start = 0xFFFFFFFF, end = 0;
    for (const GnomonBootSegment& segment : plan.segments) {
        const std::uint64_t segment_end = std::uint64_t{segment.address} + segment.memory_size;
        start = std::min<std::uint64_t>(start, segment.address);
        end = std::max(end, segment_end);
        if (movable) continue;
        if (segment.address < 0x1000)
            return fail("{}: a segment loads at {:#x}; the first 4 KB belong to the BIOS", kernel.name,
                        segment.address);
        if (segment.address < 0x100000 && segment_end > GNOMON_STAGE_START)
            return fail(
                "{}: a segment loads at {:#x}-{:#x}; {:#x}-0xfffff belongs to the boot ROM, the BIOS and the "
                "video memory",
                kernel.name, segment.address, segment_end - 1, GNOMON_STAGE_START);
    }
    if (end > 0xFFFFFFFF) return fail("{}: the image ends beyond 4 GB", kernel.name);
    plan.head.image_start = static_cast<std::uint32_t>(start);
    plan.head.image_end = static_cast<std::uint32_t>(end);
    return {};
}

std::string with_arguments(std::string_view name, std::string_view arguments) {
    std::string text(name);
    if (!arguments.empty()) text.append(" ").append(arguments);
    return text;
}

/// The strings start with the kernel's own command line, for Multiboot with its name first, as GRUB 0.97
/// and QEMU pass it.
Result<void> add_modules(const NamedBytes& kernel, const std::vector<NamedBytes>& modules,
                         std::string_view command_line, Plan& plan) {
    plan.strings = plan.head.kind == GNOMON_BOOT_PVH ? std::string(command_line)
                                                     : with_arguments(kernel.name, command_line);
    plan.strings += '\0';
    if (modules.size() > GNOMON_MAX_MODULES)
        return fail("{} modules, at most {} are possible", modules.size(), +GNOMON_MAX_MODULES);
    for (const NamedBytes& module : modules) {
        if (plan.initrd.size() + module.bytes.size() > 0xFFFFFFFF)
            return fail("the modules exceed 4 GB together");
        plan.modules.push_back({static_cast<std::uint32_t>(plan.initrd.size()),
                                static_cast<std::uint32_t>(module.bytes.size()),
                                static_cast<std::uint32_t>(plan.strings.size())});
        plan.initrd.insert(plan.initrd.end(), module.bytes.begin(), module.bytes.end());
        plan.strings += with_arguments(module.name, module.arguments) + '\0';
    }
    if (plan.strings.size() > GNOMON_MAX_STRINGS)
        return fail("the command lines of kernel and modules have {} characters, at most {} are possible",
                    plan.strings.size(), +GNOMON_MAX_STRINGS);
    return {};
}

/// `plain` images have no Multiboot header.
Result<void> use_elf(const NamedBytes& kernel, LongMode long_mode, bool movable, bool plain, Plan& plan) {
    auto image = parse_elf(kernel);
    if (!image) return image.error();
    if (image->is_64_bit && long_mode == LongMode::Absent)
        return fail("{}: offset 0x4: an ELF64 kernel needs long mode, which this CPU model does not have",
                    kernel.name);
    plan.segments = image->segments;
    plan.head.entry = image->entry;
    if (plain && image->pvh_entry) {
        plan.head.kind = GNOMON_BOOT_PVH;
        plan.head.entry = *image->pvh_entry;
        return set_span(kernel, plan, false);
    }
    if (!image->sections.empty()) {
        plan.head.flags |= GNOMON_BOOT_ELF_SECTIONS;
        plan.head.section_count = image->section_count;
        plan.head.section_entry_size = image->section_entry_size;
        plan.head.section_names_index = image->section_names_index;
        plan.sections = image->sections;
    }
    return set_span(kernel, plan, movable);
}

Result<void> use_addresses(const NamedBytes& kernel, const AddressFields& fields, std::uint32_t header,
                           bool movable, Plan& plan) {
    auto segment = segment_of(kernel, fields, header);
    if (!segment) return segment.error();
    plan.segments.push_back(*segment);
    return set_span(kernel, plan, movable);
}

// What the tags of a Multiboot 2 header ask for.
struct Requests {
    std::optional<AddressFields> addresses;
    std::optional<std::uint32_t> entry;
    bool relocatable = false;
    std::uint32_t minimum = 0, maximum = 0, alignment = 1, preference = 0;
};

constexpr std::uint32_t tag_end = 0, tag_information = 1, tag_address = 2, tag_entry = 3, tag_console = 4,
                        tag_framebuffer = 5, tag_module_alignment = 6, tag_efi_boot_services = 7,
                        tag_entry_efi32 = 8, tag_entry_efi64 = 9, tag_relocatable = 10;
constexpr std::uint32_t last_known_information = 21;
constexpr std::uint16_t tag_is_optional = 1;
constexpr std::uint32_t console_required = 1, console_ega_text = 2;

Result<void> read_tag(const NamedBytes& kernel, const ByteReader& file, std::uint32_t at, std::uint32_t size,
                      Requests& requests) {
    const auto type = file.at<std::uint16_t>(at);
    const bool optional = file.at<std::uint16_t>(at + 2) & tag_is_optional;
    const auto word = [&](std::uint32_t index) { return file.at<std::uint32_t>(at + 8 + 4 * index); };
    const auto needs = [&](std::uint32_t bytes) -> Result<void> {
        if (size < 8 + bytes)
            return fail("{}: offset {:#x}: Multiboot 2 header tag {} of {} bytes, expected {}", kernel.name,
                        at, type, size, 8 + bytes);
        return {};
    };
    switch (type) {
        case tag_information:
            for (std::uint32_t i = 0; 8 + 4 * (i + 1) <= size; ++i)
                if (word(i) > last_known_information && !optional)
                    return fail(
                        "{}: offset {:#x}: the kernel requires Multiboot 2 information of type {}, which is "
                        "not known",
                        kernel.name, at + 8 + 4 * i, word(i));
            return {};
        case tag_address:
            if (auto enough = needs(16); !enough) return enough;
            requests.addresses = AddressFields{word(0), word(1), word(2), word(3)};
            return {};
        case tag_entry:
            if (auto enough = needs(4); !enough) return enough;
            requests.entry = word(0);
            return {};
        case tag_console:
            if (auto enough = needs(4); !enough) return enough;
            if ((word(0) & console_required) && !(word(0) & console_ega_text) && !optional)
                return fail(
                    "{}: offset {:#x}: the kernel requires a console but no EGA text, which is all there is",
                    kernel.name, at);
            return {};
        case tag_relocatable:
            if (auto enough = needs(16); !enough) return enough;
            requests.relocatable = true;
            requests.minimum = word(0);
            requests.maximum = word(1);
            requests.alignment = std::max(word(2), 1u);
            requests.preference = word(3);
            if (!std::has_single_bit(requests.alignment))
                return fail("{}: offset {:#x}: relocation alignment {:#x} is not a power of two", kernel.name,
                            at, requests.alignment);
            if (requests.preference > GNOMON_PREFER_HIGHEST)
                return fail("{}: offset {:#x}: unknown relocation preference {}", kernel.name, at,
                            requests.preference);
            return {};
        case tag_framebuffer:       // a wish: the kernel is told what it got, EGA text
        case tag_module_alignment:  // modules are always page-aligned
        case tag_efi_boot_services:
        case tag_entry_efi32:
        case tag_entry_efi64:  // they matter on EFI machines only
            return {};
        default:
            if (optional) return {};
            return fail("{}: offset {:#x}: the kernel requires Multiboot 2 header tag {}, which is not known",
                        kernel.name, at, type);
    }
}

Result<Requests> read_tags(const NamedBytes& kernel, std::uint32_t header) {
    const ByteReader file(kernel.bytes);
    Requests requests;
    const auto length = file.at<std::uint32_t>(header + 8);
    if (length < 16 || !file.has(header, length))
        return fail("{}: offset {:#x}: a Multiboot 2 header of {} bytes does not fit the file", kernel.name,
                    header + 8, length);
    std::uint32_t at = 16;
    while (length - at >= 8) {
        const auto type = file.at<std::uint16_t>(header + at);
        const auto size = file.at<std::uint32_t>(header + at + 4);
        if (type == tag_end) return requests;
        if (size < 8 || size > length - at)
            return fail("{}: offset {:#x}: Multiboot 2 header tag {} of {} bytes does not fit the header",
                        kernel.name, header + at, type, size);
        if (auto read = read_tag(kernel, file, header + at, size, requests); !read) return read.error();
        at += std::min((size + 7) & ~7u, length - at);
    }
    return requests;  // some kernels leave the end tag out; the header's length ends it as well
}

}  // namespace

std::optional<std::uint32_t> find_multiboot1(const ByteReader& file) {
    for (std::uint32_t at = 0; at + 12 <= search1 && file.has(at, 12); at += 4)
        if (file.at<std::uint32_t>(at) == magic1 &&
            magic1 + file.at<std::uint32_t>(at + 4) + file.at<std::uint32_t>(at + 8) == 0)
            return at;
    return std::nullopt;
}

std::optional<std::uint32_t> find_multiboot2(const ByteReader& file) {
    for (std::uint32_t at = 0; at + 16 <= search2 && file.has(at, 16); at += 8)
        if (file.at<std::uint32_t>(at) == magic2 && magic2 + file.at<std::uint32_t>(at + 4) +
                                                            file.at<std::uint32_t>(at + 8) +
                                                            file.at<std::uint32_t>(at + 12) ==
                                                        0)
            return at;
    return std::nullopt;
}

Result<Plan> plan_multiboot1(const NamedBytes& kernel, std::optional<std::uint32_t> header,
                             const std::vector<NamedBytes>& modules, std::string_view command_line,
                             LongMode long_mode) {
    const ByteReader file(kernel.bytes);
    const std::uint32_t flags = header ? file.at<std::uint32_t>(*header + 4) : 0;
    Plan plan;
    plan.head.kind = GNOMON_BOOT_MULTIBOOT1;
    plan.image = kernel.bytes;
    if (const std::uint32_t unknown = flags & required_flags & ~(flag_page_align | flag_memory | flag_video))
        return fail("{}: offset {:#x}: the kernel requires Multiboot features {:#x}, which are not known",
                    kernel.name, *header + 4, unknown);
    if (flags & flag_addresses) {
        if (!file.has(*header, 32))
            return fail("{}: offset {:#x}: the Multiboot address fields are truncated", kernel.name, *header);
        const auto word = [&](std::uint32_t index) {
            return file.at<std::uint32_t>(*header + 12 + 4 * index);
        };
        if (auto used = use_addresses(kernel, {word(0), word(1), word(2), word(3)}, *header, false, plan);
            !used)
            return used.error();
        plan.head.entry = word(4);
    } else if (is_elf(file)) {
        if (auto used = use_elf(kernel, long_mode, false, !header, plan); !used) return used.error();
    } else {
        return fail("{}: offset {:#x}: a Multiboot kernel that is not ELF needs the address fields (flag 16)",
                    kernel.name, *header + 4);
    }
    if (auto added = add_modules(kernel, modules, command_line, plan); !added) return added.error();
    return plan;
}

Result<Plan> plan_multiboot2(const NamedBytes& kernel, std::uint32_t header,
                             const std::vector<NamedBytes>& modules, std::string_view command_line,
                             LongMode long_mode) {
    const ByteReader file(kernel.bytes);
    if (const auto architecture = file.at<std::uint32_t>(header + 4); architecture != 0)
        return fail("{}: offset {:#x}: Multiboot 2 architecture {}, expected 0 (i386)", kernel.name,
                    header + 4, architecture);
    auto requests = read_tags(kernel, header);
    if (!requests) return requests.error();
    Plan plan;
    plan.head.kind = GNOMON_BOOT_MULTIBOOT2;
    plan.image = kernel.bytes;
    if (requests->addresses) {
        if (!requests->entry)
            return fail("{}: offset {:#x}: a Multiboot 2 address tag needs an entry address tag", kernel.name,
                        header);
        if (auto used = use_addresses(kernel, *requests->addresses, header, requests->relocatable, plan);
            !used)
            return used.error();
    } else if (is_elf(file)) {
        if (auto used = use_elf(kernel, long_mode, requests->relocatable, false, plan); !used)
            return used.error();
    } else {
        return fail("{}: offset {:#x}: a Multiboot 2 kernel that is not ELF needs an address tag",
                    kernel.name, header);
    }
    if (requests->entry) plan.head.entry = *requests->entry;
    if (requests->relocatable) {
        plan.head.flags |= GNOMON_BOOT_RELOCATABLE;
        plan.head.relocate_minimum = requests->minimum;
        plan.head.relocate_maximum = requests->maximum;
        plan.head.relocate_alignment = requests->alignment;
        plan.head.relocate_preference = requests->preference;
    }
    if (auto added = add_modules(kernel, modules, command_line, plan); !added) return added.error();
    return plan;
}

}  // namespace gnomon::loaders
