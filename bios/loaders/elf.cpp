// ELF images (System V ABI, "Object files"): load segments, entry point and section headers, for both classes
// from one template.
#include <bit>

#include "bios/loaders/formats.h"

namespace gnomon::loaders {
namespace {

// Field offsets of the two classes.
struct Elf32 {
    using Address = std::uint32_t;
    static constexpr std::uint16_t machine = 3;  // EM_386
    static constexpr std::uint32_t header_size = 52, e_entry = 24, e_phoff = 28, e_shoff = 32,
                                   e_phentsize = 42, e_phnum = 44, e_shentsize = 46, e_shnum = 48,
                                   e_shstrndx = 50;
    static constexpr std::uint32_t ph_size = 32, p_offset = 4, p_vaddr = 8, p_paddr = 12, p_filesz = 16,
                                   p_memsz = 20;
    static constexpr std::uint32_t sh_header_size = 40, sh_flags = 8, sh_addr = 12, sh_offset = 16,
                                   sh_size = 20, sh_addralign = 32;
};

struct Elf64 {
    using Address = std::uint64_t;
    static constexpr std::uint16_t machine = 62;  // EM_X86_64
    static constexpr std::uint32_t header_size = 64, e_entry = 24, e_phoff = 32, e_shoff = 40,
                                   e_phentsize = 54, e_phnum = 56, e_shentsize = 58, e_shnum = 60,
                                   e_shstrndx = 62;
    static constexpr std::uint32_t ph_size = 56, p_offset = 8, p_vaddr = 16, p_paddr = 24, p_filesz = 32,
                                   p_memsz = 40;
    static constexpr std::uint32_t sh_header_size = 64, sh_flags = 8, sh_addr = 16, sh_offset = 24,
                                   sh_size = 32, sh_addralign = 48;
};

constexpr std::uint32_t pt_load = 1, pt_note = 4, note_phys32_entry = 18, sht_null = 0, sht_nobits = 8,
                        shf_alloc = 2;
constexpr std::uint64_t four_gigabytes = 0x100000000;

/// Looks for XEN_ELFNOTE_PHYS32_ENTRY: where to enter an uncompressed Linux or BSD kernel with paging off.
std::optional<std::uint32_t> find_pvh_entry(const ByteReader& file, std::uint64_t offset,
                                            std::uint64_t size) {
    if (!file.has(offset, size)) return std::nullopt;
    const std::uint64_t end = offset + size;
    while (end - offset >= 12) {
        const std::uint64_t name_size = file.at<std::uint32_t>(offset),
                            value_size = file.at<std::uint32_t>(offset + 4);
        const std::uint64_t name = offset + 12, value = name + ((name_size + 3) & ~std::uint64_t{3});
        const std::uint64_t next = value + ((value_size + 3) & ~std::uint64_t{3});
        if (next > end) return std::nullopt;
        if (file.at<std::uint32_t>(offset + 8) == note_phys32_entry && name_size == 4 &&
            file.at<std::uint32_t>(name) == 0x006E6558 && value_size >= 4)  // "Xen"
            return file.at<std::uint32_t>(value);
        offset = next;
    }
    return std::nullopt;
}

template<class Elf>
Result<void> read_segments(const NamedBytes& kernel, const ByteReader& file, ElfImage& image) {
    using Address = typename Elf::Address;
    const std::uint64_t table = file.at<Address>(Elf::e_phoff);
    const std::uint32_t count = file.at<std::uint16_t>(Elf::e_phnum);
    const std::uint32_t stride = file.at<std::uint16_t>(Elf::e_phentsize);
    if (count == 0)
        return fail("{}: offset {:#x}: the ELF image has no program headers", kernel.name, Elf::e_phnum);
    if (stride < Elf::ph_size)
        return fail("{}: offset {:#x}: program headers of {} bytes, expected {}", kernel.name,
                    Elf::e_phentsize, stride, Elf::ph_size);
    if (!file.has(table, std::uint64_t{count} * stride))
        return fail("{}: offset {:#x}: the program headers lie outside the file", kernel.name, table);

    const std::uint64_t entry = file.at<Address>(Elf::e_entry);
    std::optional<std::uint64_t> physical_entry;
    for (std::uint32_t i = 0; i < count; ++i) {
        const std::uint64_t at = table + std::uint64_t{i} * stride;
        const std::uint64_t offset = file.at<Address>(at + Elf::p_offset),
                            file_size = file.at<Address>(at + Elf::p_filesz),
                            memory_size = file.at<Address>(at + Elf::p_memsz),
                            virtual_address = file.at<Address>(at + Elf::p_vaddr),
                            address = file.at<Address>(at + Elf::p_paddr);
        if (file.at<std::uint32_t>(at) == pt_note && !image.pvh_entry)
            image.pvh_entry = find_pvh_entry(file, offset, file_size);
        if (file.at<std::uint32_t>(at) != pt_load || memory_size == 0) continue;
        if (file_size > memory_size)
            return fail("{}: offset {:#x}: segment {} has more bytes in the file than in memory", kernel.name,
                        at, i);
        if (!file.has(offset, file_size))
            return fail("{}: offset {:#x}: segment {} lies outside the file: truncated?", kernel.name, at, i);
        if (address >= four_gigabytes || memory_size > four_gigabytes - address)
            return fail("{}: offset {:#x}: segment {} loads at {:#x}, beyond 4 GB", kernel.name, at, i,
                        address);
        if (image.segments.size() == GNOMON_MAX_SEGMENTS)
            return fail("{}: offset {:#x}: more than {} segments", kernel.name, at, +GNOMON_MAX_SEGMENTS);
        image.segments.push_back({static_cast<std::uint32_t>(offset), static_cast<std::uint32_t>(file_size),
                                  static_cast<std::uint32_t>(address),
                                  static_cast<std::uint32_t>(memory_size)});
        // The entry point is a virtual address; the kernel is entered with paging off.
        if (entry >= virtual_address && entry - virtual_address < memory_size && !physical_entry)
            physical_entry = entry - virtual_address + address;
    }
    // Some kernels, 64-bit Linux among them, name the physical address.
    for (const GnomonBootSegment& segment : image.segments)
        if (!physical_entry && entry >= segment.address && entry - segment.address < segment.memory_size)
            physical_entry = entry;
    if (image.segments.empty()) return fail("{}: the ELF image has nothing to load", kernel.name);
    if (!physical_entry)
        return fail("{}: offset {:#x}: the entry point {:#x} lies in no segment", kernel.name, Elf::e_entry,
                    entry);
    image.entry = static_cast<std::uint32_t>(*physical_entry);
    return {};
}

/// Multiboot hands the section headers to the kernel, with the sections that no segment holds (symbols, their
/// names) loaded behind the image. A table that makes no sense is left out: nothing needs it to boot.
template<class Elf>
void read_sections(const NamedBytes& kernel, const ByteReader& file, ElfImage& image) {
    using Address = typename Elf::Address;
    const std::uint64_t table = file.at<Address>(Elf::e_shoff);
    const std::uint32_t count = file.at<std::uint16_t>(Elf::e_shnum);
    const std::uint32_t stride = file.at<std::uint16_t>(Elf::e_shentsize);
    const std::uint64_t size = std::uint64_t{count} * stride;
    if (count == 0 || stride < Elf::sh_header_size || size > GNOMON_MAX_SECTIONS || !file.has(table, size))
        return;

    std::uint64_t end = 0;
    for (const GnomonBootSegment& segment : image.segments)
        end = std::max(end, std::uint64_t{segment.address} + segment.memory_size);
    std::vector<std::uint8_t> headers(kernel.bytes.begin() + static_cast<std::ptrdiff_t>(table),
                                      kernel.bytes.begin() + static_cast<std::ptrdiff_t>(table + size));
    std::vector<GnomonBootSegment> loaded;
    for (std::uint32_t i = 0; i < count; ++i) {
        const std::uint64_t at = table + std::uint64_t{i} * stride;
        const auto type = file.at<std::uint32_t>(at + 4);
        const std::uint64_t flags = file.at<Address>(at + Elf::sh_flags),
                            bytes = file.at<Address>(at + Elf::sh_size),
                            offset = file.at<Address>(at + Elf::sh_offset);
        const std::uint64_t alignment = file.at<Address>(at + Elf::sh_addralign);
        if (type == sht_null || type == sht_nobits || (flags & shf_alloc) || bytes == 0) continue;
        if (!file.has(offset, bytes) || image.segments.size() + loaded.size() >= GNOMON_MAX_SEGMENTS) return;
        const std::uint64_t step = std::has_single_bit(alignment) && alignment <= 4096 ? alignment : 16;
        end = loaded.empty() ? (end + 4095) & ~std::uint64_t{4095} : (end + step - 1) & ~(step - 1);
        if (end + bytes >= four_gigabytes) return;
        loaded.push_back({static_cast<std::uint32_t>(offset), static_cast<std::uint32_t>(bytes),
                          static_cast<std::uint32_t>(end), static_cast<std::uint32_t>(bytes)});
        const auto address = static_cast<Address>(end);
        std::memcpy(headers.data() + std::size_t{i} * stride + Elf::sh_addr, &address, sizeof address);
        end += bytes;
    }
    image.segments.insert(image.segments.end(), loaded.begin(), loaded.end());
    image.section_count = count;
    image.section_entry_size = stride;
    image.section_names_index = file.at<std::uint16_t>(Elf::e_shstrndx);
    image.sections = std::move(headers);
}

template<class Elf>
Result<ElfImage> parse(const NamedBytes& kernel, const ByteReader& file) {
    if (!file.has(0, Elf::header_size))
        return fail("{}: {} bytes: the ELF header is truncated", kernel.name, file.size());
    if (file.at<std::uint8_t>(5) != 1)
        return fail("{}: offset 0x5: the ELF image is not little-endian", kernel.name);
    if (const auto type = file.at<std::uint16_t>(16); type != 2 && type != 3)
        return fail("{}: offset 0x10: ELF type {}, expected an executable (2 or 3)", kernel.name, type);
    if (const auto machine = file.at<std::uint16_t>(18); machine != Elf::machine)
        return fail("{}: offset 0x12: ELF machine {}, expected {}", kernel.name, machine, +Elf::machine);
    ElfImage image;
    image.is_64_bit = sizeof(typename Elf::Address) == 8;
    if (auto read = read_segments<Elf>(kernel, file, image); !read) return read.error();
    read_sections<Elf>(kernel, file, image);
    return image;
}

}  // namespace

bool is_elf(const ByteReader& file) { return file.at<std::uint32_t>(0) == 0x464C457F; }

Result<ElfImage> parse_elf(const NamedBytes& kernel) {
    const ByteReader file(kernel.bytes);
    switch (file.at<std::uint8_t>(4)) {
        case 1: return parse<Elf32>(kernel, file);
        case 2: return parse<Elf64>(kernel, file);
        default: return fail("{}: offset 0x4: unknown ELF class {}", kernel.name, file.at<std::uint8_t>(4));
    }
}

}  // namespace gnomon::loaders
