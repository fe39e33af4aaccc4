// Search: .orc_unwind_ip is by far the longest run of 32-bit words that, added to their own addresses, climb through the
// kernel's code; the entries follow it.
#include "debugger/symbols/orc.h"

#include <algorithm>
#include <cstring>

namespace gnomon {
namespace {

constexpr unsigned kEntryBytes = 6;
/// The image lies within this of its symbol table.
constexpr u64 kReach = u64{64} << 20;
constexpr size_t kFewest = 1000;
/// Alignment of the kernel in memory (CONFIG_PHYSICAL_ALIGN is at least that on x86-64).
constexpr u64 kImageAlign = u64{2} << 20;

/// ORC_REG_…
enum Base : u8 { Undefined, PreviousSp, Dx, Di, Bp, Sp, R10, R13, BpIndirect, SpIndirect, kBases };
/// ORC_TYPE_…, the two that end a stack apart.
enum Kind : unsigned { Call, Registers, PartialRegisters };

constexpr unsigned kDx = 2, kSpNumber = 4, kBpNumber = 5, kDi = 7;
/// struct pt_regs: the general registers by their numbers in instruction encodings.
constexpr std::array<u8, 16> kSavedOrder{15, 14, 13, 12, 5, 3, 11, 10, 9, 8, 0, 1, 2, 6, 7, 0xff};
constexpr u64 kSavedIp = 16 * 8;

template<class T>
T get(std::span<const u8> bytes, u64 at) {
    T value;
    std::memcpy(&value, bytes.data() + at, sizeof value);
    return value;
}

OrcTable::Entry entry_of(std::span<const u8> bytes, u64 at) {
    return {get<i16>(bytes, at), get<i16>(bytes, at + 2), bytes[at + 4], bytes[at + 5]};
}

bool plausible(const OrcTable::Entry& entry) {
    const unsigned bp = entry.registers >> 4;
    return (entry.registers & 15) < kBases && (bp == Undefined || bp == PreviousSp || bp == Bp) && entry.type < 16 &&
           entry.sp_offset % 8 == 0 && entry.bp_offset % 8 == 0;
}

struct Run {
    u64 start = 0;  ///< of the words, in the image
    size_t count = 0;
};

/// The longest stretch of words whose targets climb through the image. Words that are all the same climb, too: memory that
/// was filled.
Run longest_run(std::span<const u8> image) {
    constexpr unsigned kMostSame = 64;
    Run best;
    Run current;
    i64 previous = -1;
    unsigned same = 0;
    for (u64 at = 0; at + 4 <= image.size(); at += 4) {
        const i64 target = static_cast<i64>(at) + get<i32>(image, at);
        const bool inside = target >= 0 && target < static_cast<i64>(image.size());
        same = target == previous + 4 ? same + 1 : 0;
        if (inside && target >= previous && same < kMostSame && current.count != 0)
            current.count++;
        else
            current = {at, inside && same < kMostSame ? 1u : 0u};
        previous = target;
        if (current.count > best.count) best = current;
    }
    return best;
}

}  // namespace

OrcTable::OrcTable(u64 text, std::vector<u32> places, std::vector<Entry> entries)
    : text_(text), places_(std::move(places)), entries_(std::move(entries)) {
    // Most code is reached by calls: that type is the most frequent one.
    const auto calls = [&](unsigned type) {
        return std::count_if(entries_.begin(), entries_.end(), [type](const Entry& e) { return (e.type & 7) == type; });
    };
    numbered_from_two_ = calls(2) > calls(0);
}

std::unique_ptr<OrcTable> OrcTable::find(const MemoryReader& physical, u64 near, u64 memory_size, u64 text,
                                         const std::vector<u64>& functions) {
    const u64 start = (near > kReach ? near - kReach : 0) & ~(kImageAlign - 1);
    const u64 end = std::min(memory_size, near + kReach);
    if (end <= start) return nullptr;
    std::vector<u8> image(end - start);
    for (u64 at = 0; at < image.size(); at += kPageSize) {
        const std::span<u8> page = std::span(image).subspan(at, std::min<u64>(kPageSize, image.size() - at));
        if (!physical(start + at, page)) std::fill(page.begin(), page.end(), u8{0});
    }
    const Run run = longest_run(image);
    if (run.count < kFewest) return nullptr;
    const auto target = [&](size_t n) {
        const u64 at = run.start + n * 4;
        return at + static_cast<u64>(static_cast<i64>(get<i32>(image, at)));
    };
    // The first place is in the kernel's first instructions, _text the beginning of an aligned piece of memory.
    const u64 first_text = target(0) & ~(kImageAlign - 1);
    // A word of what follows may have looked like one more place.
    for (size_t count = run.count; count + 8 > run.count && count >= kFewest; count--) {
        const u64 entries_at = run.start + count * 4;
        if (entries_at + count * kEntryBytes > image.size()) continue;
        bool good = true;
        for (size_t n = 0; n < count && good; n++) good = plausible(entry_of(image, entries_at + n * kEntryBytes));
        if (!good) continue;
        std::vector<u32> places(count);
        std::vector<Entry> entries(count);
        for (size_t n = 0; n < count; n++) {
            places[n] = static_cast<u32>(target(n) - first_text);
            entries[n] = entry_of(image, entries_at + n * kEntryBytes);
        }
        auto table = std::make_unique<OrcTable>(text, std::move(places), std::move(entries));
        const auto known = std::count_if(functions.begin(), functions.end(), [&](u64 address) {
            return std::binary_search(table->places_.begin(), table->places_.end(), static_cast<u32>(address - text));
        });
        if (static_cast<size_t>(known) * 2 >= functions.size()) return table;
    }
    return nullptr;
}

const OrcTable::Entry* OrcTable::entry_at(u64 linear) const {
    if (linear < text_ || linear - text_ > 0xffffffff) return nullptr;
    const auto after = std::upper_bound(places_.begin(), places_.end(), static_cast<u32>(linear - text_));
    if (after == places_.begin()) return nullptr;
    return &entries_[static_cast<size_t>(after - places_.begin()) - 1];
}

std::optional<OrcTable::Caller> OrcTable::unwind(const FrameRegisters& registers, u64 lookup, const MemoryReader& read) const {
    const Entry* entry = entry_at(lookup);
    if (!entry) return {};
    const auto load = [&](u64 address) -> std::optional<u64> {
        u64 value = 0;
        if (!read(address, std::span(reinterpret_cast<u8*>(&value), 8))) return {};
        return value;
    };
    const u64 sp = registers.gpr[kSpNumber];
    const u64 bp = registers.gpr[kBpNumber];
    const auto offset = static_cast<u64>(i64{entry->sp_offset});
    std::optional<u64> cfa;
    switch (entry->registers & 15) {
        case Sp: cfa = sp + offset; break;
        case Bp: cfa = bp + offset; break;
        case R10: cfa = registers.gpr[10] + offset; break;
        case R13: cfa = registers.gpr[13] + offset; break;
        case Di: cfa = registers.gpr[kDi] + offset; break;
        case Dx: cfa = registers.gpr[kDx] + offset; break;
        case BpIndirect: cfa = load(bp + offset); break;
        case SpIndirect:
            cfa = load(sp);
            if (cfa) *cfa += offset;
            break;
        default: {
            // Nobody can say anything about this code, unless it is marked as the stack's end: by a bit, later by a type.
            if (numbered_from_two_ ? (entry->type & 7) != 1 : (entry->type >> 2 & 3) == 0) return {};
            Caller end;
            end.none = true;
            return end;
        }
    }
    if (!cfa) return {};
    const unsigned type = numbered_from_two_ ? (entry->type & 7u) - 2 : entry->type & 3u;
    Caller caller;
    caller.registers = registers;
    caller.cfa = *cfa;
    std::optional<u64> pc;
    std::optional<u64> stack = *cfa;
    bool bp_restored = false;
    switch (type) {
        case Call: pc = load(*cfa - 8); break;
        case Registers:
        case PartialRegisters: {
            const bool all = type == Registers;
            const u64 frame = all ? *cfa + kSavedIp : *cfa;
            for (unsigned i = 0; all && i < kSavedOrder.size(); i++)
                if (kSavedOrder[i] != 0xff)
                    if (const std::optional<u64> value = load(*cfa + i * 8)) caller.registers.gpr[kSavedOrder[i]] = *value;
            bp_restored = all;
            pc = load(frame);
            const std::optional<u64> cs = load(frame + 8);
            stack = load(frame + 24);
            if (!cs) return {};
            caller.interrupted = true;
            caller.code_selector = static_cast<u16>(*cs);
            break;
        }
        default: return {};
    }
    if (!pc || !stack || *pc == 0) return {};
    const auto bp_offset = static_cast<u64>(i64{entry->bp_offset});
    std::optional<u64> base = bp_restored ? caller.registers.gpr[kBpNumber] : bp;
    if (entry->registers >> 4 == PreviousSp) base = load(*cfa + bp_offset);
    if (entry->registers >> 4 == Bp) base = load(bp + bp_offset);
    if (!base) return {};
    caller.registers.pc = *pc;
    caller.registers.gpr[kSpNumber] = *stack;
    caller.registers.gpr[kBpNumber] = *base;
    return caller;
}

}  // namespace gnomon
