// Search order: the token table (its digits stand for themselves), the index behind it, the markers before
// it, the names before those, and then the offsets, which older kernels have before the names and newer ones
// behind the index. Every step checks what it found, so that look-alikes are passed over.
#include "debugger/symbols/kallsyms.h"

#include <algorithm>
#include <cstring>

namespace gnomon {
namespace {

constexpr u64 kChunk = u64{1} << 20;
/// Names, markers and offsets of the largest kernels lie within this of the token table.
constexpr u64 kReach = u64{24} << 20;
constexpr u32 kFewest = 300;
constexpr u32 kMost = 4'000'000;
constexpr unsigned kMarkerStep = 256;  ///< symbols from one marker to the next

u64 round_up(u64 value, u64 to) { return (value + to - 1) / to * to; }

/// A stretch of memory around a token table; positions are relative to its start.
struct Image {
    std::vector<u8> bytes;

    [[nodiscard]] bool holds(u64 at, u64 size) const {
        return at <= bytes.size() && size <= bytes.size() - at;
    }
    template<class T>
    [[nodiscard]] T get(u64 at) const {
        T value{};
        if (holds(at, sizeof value)) std::memcpy(&value, bytes.data() + at, sizeof value);
        return value;
    }
};

class TableReader {
  public:
    TableReader(const Image& image, u64 digits, unsigned align)
        : image_(image), align_(align), digits_(digits) {}

    std::optional<KernelSymbols> read() {
        if (!find_tokens() || !find_names() || !find_offsets()) return {};
        KernelSymbols result;
        result.address_size = align_;
        result.relative_base = base_;
        result.symbols = expand();
        return result;
    }

  private:
    /// The token table's start and end, checked against the index of 256 offsets behind it.
    bool find_tokens() {
        u64 at = digits_;
        for (unsigned token = '0'; token < 256; token++) {
            const void* end = image_.holds(at, 1)
                                  ? std::memchr(image_.bytes.data() + at, 0, image_.bytes.size() - at)
                                  : nullptr;
            if (!end) return false;
            at = static_cast<u64>(static_cast<const u8*>(end) - image_.bytes.data()) + 1;
        }
        index_ = round_up(at, align_);
        if (!image_.holds(index_, 512)) return false;
        const u16 to_digits = image_.get<u16>(index_ + 2 * '0');
        if (to_digits > digits_ || image_.get<u16>(index_) != 0) return false;
        tokens_ = digits_ - to_digits;
        for (unsigned token = 1; token < 256; token++) {
            const u16 offset = image_.get<u16>(index_ + 2 * token);
            if (offset <= image_.get<u16>(index_ + 2 * (token - 1)) ||
                image_.get<u8>(tokens_ + offset - 1) != 0)
                return false;
        }
        return true;
    }

    /// Length of the name at `at`, and how many bytes say it (two for long names, from Linux 6.1 on).
    [[nodiscard]] std::pair<u64, u64> name_length(u64 at) const {
        const u8 first = image_.get<u8>(at);
        if (!(first & 0x80)) return {first, 1};
        return {(first & 0x7f) | u64{image_.get<u8>(at + 1)} << 7, 2};
    }

    /// Markers: offsets of every 256th name, the first of them 0. Tried from the token table backwards.
    bool find_names() {
        const u64 lowest = tokens_ > kReach ? tokens_ - kReach : 0;
        for (u64 at = tokens_ & ~u64{3}; at >= lowest + 8; at -= 4) {
            const u64 markers = at - 4;
            if (image_.get<u32>(markers) != 0 || markers % align_ != 0) continue;
            u32 count = 1;
            u32 previous = 0;
            for (; markers + 4 * count + 4 <= tokens_; count++) {
                const u32 next = image_.get<u32>(markers + 4 * count);
                if (next < previous + kMarkerStep * 2 || next > previous + kMarkerStep * 512) break;
                previous = next;
            }
            if (count >= 2 && find_names_before(markers, count)) return true;
        }
        return false;
    }

    bool find_names_before(u64 markers, u32 marker_count) {
        const u64 known = image_.get<u32>(markers + 4 * (marker_count - 1));
        // The number of symbols stands before the names; between them is only padding.
        for (u64 names = (markers - std::min(markers, known)) / align_ * align_;
             names >= align_ && markers - names < known + kMarkerStep * 512 + align_; names -= align_) {
            const u32 number = image_.get<u32>(names - align_);
            if (number < kFewest || number > kMost || (number + kMarkerStep - 1) / kMarkerStep > marker_count)
                continue;
            if (names_fit(names, number, markers)) {
                names_ = names;
                number_ = number;
                number_place_ = names - align_;
                return true;
            }
        }
        return false;
    }

    [[nodiscard]] bool names_fit(u64 names, u32 number, u64 markers) const {
        u64 at = names;
        for (u32 i = 0; i < number; i++) {
            if (i % kMarkerStep == 0 && image_.get<u32>(markers + i / kMarkerStep * 4) != at - names)
                return false;
            const auto [length, prefix] = name_length(at);
            if (length == 0 || at + prefix + length > markers) return false;
            at += prefix + length;
        }
        return markers - at < align_;
    }

    bool find_offsets() {
        // Linux 5 to 6.4: offsets, base, number, names.
        const u64 base_before = number_place_ - align_;
        const u64 room = round_up(u64{number_} * 4, align_);
        if (number_place_ >= align_ + room && offsets_fit(base_before - room, base_before)) return true;
        // From Linux 6.5 on: behind the token index.
        const u64 offsets = round_up(index_ + 512, align_);
        return offsets_fit(offsets, offsets + room);
    }

    bool offsets_fit(u64 offsets, u64 base_place) {
        if (!image_.holds(base_place, align_) || !image_.holds(offsets, u64{number_} * 4)) return false;
        const u64 base = align_ == 8 ? image_.get<u64>(base_place) : image_.get<u32>(base_place);
        if (align_ == 8 ? base < 0xffff'8000'0000'0000 : base < 0x1000'0000) return false;
        // With CONFIG_KALLSYMS_ABSOLUTE_PERCPU, offsets from the base are negative and the others absolute.
        bool negative = false;
        for (u32 i = 0; i < number_ && !negative; i++)
            negative = align_ == 8 && image_.get<i32>(offsets + 4 * i) < 0;
        u64 previous = 0;
        u32 disorder = 0;
        for (u32 i = 0; i < number_; i++) {
            const i32 offset = image_.get<i32>(offsets + 4 * i);
            const u64 address = address_of(offset, base, negative);
            if (address < previous) disorder++;
            previous = address;
        }
        if (disorder > number_ / 100) return false;
        offsets_ = offsets;
        base_ = base;
        signed_offsets_ = negative;
        return true;
    }

    [[nodiscard]] u64 address_of(i32 offset, u64 base, bool negative) const {
        if (negative)
            return offset >= 0 ? static_cast<u64>(offset)
                               : base - 1 - static_cast<u64>(static_cast<i64>(offset));
        const u64 address = base + static_cast<u32>(offset);
        return align_ == 4 ? address & 0xffffffff : address;
    }

    [[nodiscard]] std::vector<Symbol> expand() const {
        std::vector<Symbol> symbols;
        symbols.reserve(number_);
        u64 at = names_;
        for (u32 i = 0; i < number_; i++) {
            const auto [length, prefix] = name_length(at);
            at += prefix;
            std::string text;
            for (u64 k = 0; k < length; k++) {
                const u8 token = image_.get<u8>(at + k);
                text += reinterpret_cast<const char*>(image_.bytes.data() + tokens_ +
                                                      image_.get<u16>(index_ + 2 * token));
            }
            at += length;
            if (text.size() < 2) continue;
            const i32 offset = image_.get<i32>(offsets_ + 4 * i);
            const bool absolute = signed_offsets_ && offset >= 0;
            symbols.push_back(
                {address_of(offset, base_, signed_offsets_), 0, absolute ? 'A' : text[0], text.substr(1)});
        }
        return symbols;
    }

    const Image& image_;
    const unsigned align_;  ///< of the tables: the size of a pointer
    const u64 digits_;      ///< of the token "0"
    u64 tokens_ = 0, index_ = 0, names_ = 0, number_place_ = 0, offsets_ = 0, base_ = 0;
    u32 number_ = 0;
    bool signed_offsets_ = false;
};

Image read_around(const MemoryReader& physical, u64 size, u64 digits, u64& start) {
    start = (digits > kReach ? digits - kReach : 0) & kPageMask;
    const u64 end = std::min(size, digits + kReach / 2);
    Image image;
    image.bytes.resize(end - start);
    for (u64 at = 0; at < image.bytes.size(); at += kPageSize) {
        const std::span<u8> page =
            std::span(image.bytes).subspan(at, std::min(kPageSize, image.bytes.size() - at));
        if (!physical(start + at, page)) std::fill(page.begin(), page.end(), u8{0});
    }
    return image;
}

}  // namespace

Result<KernelSymbols> find_kernel_symbols(const MemoryReader& physical, u64 size) {
    constexpr std::string_view kDigits{"0\0001\0002\0003\0004\0005\0006\0007\0008\0009\000", 20};
    std::vector<u8> chunk(kChunk + kDigits.size());
    for (u64 base = 0; base < size; base += kChunk) {
        const std::span<u8> wanted = std::span(chunk).first(std::min<u64>(chunk.size(), size - base));
        if (!physical(base, wanted)) continue;
        const u8* from = wanted.data();
        const u8* const end = wanted.data() + wanted.size();
        while (const void* hit =
                   memmem(from, static_cast<size_t>(end - from), kDigits.data(), kDigits.size())) {
            const u64 digits = base + static_cast<u64>(static_cast<const u8*>(hit) - wanted.data());
            u64 start = 0;
            const Image image = read_around(physical, size, digits, start);
            for (const unsigned align : {8u, 4u})
                if (auto found = TableReader(image, digits - start, align).read()) {
                    found->place = digits;
                    return std::move(*found);
                }
            from = static_cast<const u8*>(hit) + 1;
        }
    }
    return fail(
        "no symbol table of a Linux kernel in {} MiB of memory (is it running, with CONFIG_KALLSYMS?)",
        size >> 20);
}

}  // namespace gnomon
