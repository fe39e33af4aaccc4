// Internal to the loaders: bounds-checked reading, the plan under construction, and one parser per format.
#pragma once

#include <concepts>
#include <cstdint>
#include <cstring>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "bios/bootrom/plan.h"
#include "bios/loaders/kernel.h"

namespace gnomon::loaders {

/// Little-endian numbers in a file. Reading past the end gives 0: callers check `has` where that matters.
class ByteReader {
  public:
    explicit ByteReader(std::span<const std::uint8_t> bytes) : bytes_(bytes) {}

    [[nodiscard]] std::uint64_t size() const { return bytes_.size(); }
    [[nodiscard]] bool has(std::uint64_t offset, std::uint64_t count) const {
        return offset <= bytes_.size() && count <= bytes_.size() - offset;
    }
    template<std::unsigned_integral T>
    [[nodiscard]] T at(std::uint64_t offset) const {
        if (!has(offset, sizeof(T))) return 0;
        T value;
        std::memcpy(&value, bytes_.data() + offset, sizeof value);
        return value;
    }

  private:
    std::span<const std::uint8_t> bytes_;
};

/// Everything that becomes a payload.
struct Plan {
    GnomonBootPlan head{};
    std::vector<GnomonBootSegment> segments;
    std::vector<GnomonBootModule> modules;
    std::string strings;
    std::vector<std::uint8_t> image, setup, initrd, sections;
};

/// An ELF image's segments, entry and section headers, with addresses that fit the 4 GB a loader works in.
struct ElfImage {
    bool is_64_bit = false;
    std::uint32_t entry = 0;
    std::optional<std::uint32_t> pvh_entry;  ///< from the note that Xen defines
    std::vector<GnomonBootSegment> segments;
    std::uint32_t section_count = 0, section_entry_size = 0, section_names_index = 0;
    std::vector<std::uint8_t> sections;  ///< the header table, empty if there is none
};

// linux.cpp
[[nodiscard]] bool is_linux(const ByteReader& file);
[[nodiscard]] Result<Plan> plan_linux(const NamedBytes& kernel, const std::vector<NamedBytes>& initrds,
                                      std::string_view command_line);

// elf.cpp
[[nodiscard]] bool is_elf(const ByteReader& file);
[[nodiscard]] Result<ElfImage> parse_elf(const NamedBytes& kernel);

// multiboot.cpp
[[nodiscard]] std::optional<std::uint32_t> find_multiboot1(const ByteReader& file);
[[nodiscard]] std::optional<std::uint32_t> find_multiboot2(const ByteReader& file);
/// Multiboot 1, and ELF images without a Multiboot header: those with a PVH note are entered there, the
/// others are started as if they were Multiboot 1.
[[nodiscard]] Result<Plan> plan_multiboot1(const NamedBytes& kernel, std::optional<std::uint32_t> header,
                                           const std::vector<NamedBytes>& modules,
                                           std::string_view command_line, LongMode long_mode);
[[nodiscard]] Result<Plan> plan_multiboot2(const NamedBytes& kernel, std::uint32_t header,
                                           const std::vector<NamedBytes>& modules,
                                           std::string_view command_line, LongMode long_mode);

}  // namespace gnomon::loaders
