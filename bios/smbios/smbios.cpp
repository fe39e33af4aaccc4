// One function a structure type. DSP0134 2.8, the sections of the types' names.
#include "bios/smbios/smbios.h"

#include <fmt/format.h>

#include <algorithm>
#include <string_view>

namespace gnomon {
namespace {

constexpr u16 kNoHandle = 0xffff;
constexpr u16 kNoErrors = 0xfffe;  // no error information structure
constexpr u16 kSystem = 0x0100, kChassis = 0x0300, kProcessor = 0x0400, kMemoryArray = 0x1000,
              kMemoryDevice = 0x1100, kMappedMemory = 0x1300, kBootStatus = 0x2000, kEnd = 0x7f00;

/// The structures while they grow. A string field gets its number from text().
class Structures {
  public:
    void begin(u8 type, u16 handle) {
        start_ = bytes_.size();
        strings_.clear();
        put(type);
        put(u8{0});  // length of the formatted area
        put(handle);
    }
    template<class T>
    void put(T value) {
        for (size_t i = 0; i < sizeof value; i++)
            bytes_.push_back(static_cast<u8>(static_cast<u64>(value) >> 8 * i));
    }
    void zeros(size_t count) { bytes_.resize(bytes_.size() + count); }
    void text(std::string_view string) {
        if (string.empty()) return put(u8{0});
        strings_.emplace_back(string);
        put(static_cast<u8>(strings_.size()));
    }
    void end() {
        bytes_[start_ + 1] = static_cast<u8>(bytes_.size() - start_);
        for (const std::string& string : strings_) {
            bytes_.insert(bytes_.end(), string.begin(), string.end());
            bytes_.push_back(0);
        }
        zeros(strings_.empty() ? 2 : 1);
        largest_ = std::max(largest_, bytes_.size() - start_);
        count_++;
    }

    [[nodiscard]] std::vector<u8>& bytes() { return bytes_; }
    [[nodiscard]] u16 largest() const { return static_cast<u16>(largest_); }
    [[nodiscard]] u16 count() const { return count_; }

  private:
    std::vector<u8> bytes_;
    std::vector<std::string> strings_;
    size_t start_ = 0;
    size_t largest_ = 0;
    u16 count_ = 0;
};

void add_system(Structures& out) {
    constexpr u8 kPowerSwitch = 6;
    out.begin(1, kSystem);
    out.text("Gnomon");
    out.text("PC (i440FX + PIIX3)");
    out.zeros(2);   // version, serial number
    out.zeros(16);  // UUID: not present
    out.put(kPowerSwitch);
    out.zeros(2);  // SKU number, family
    out.end();
}

void add_chassis(Structures& out) {
    constexpr u8 kDesktop = 3, kSafe = 3, kNoSecurity = 3;
    out.begin(3, kChassis);
    out.text("Gnomon");
    out.put(kDesktop);
    out.zeros(3);  // version, serial number, asset tag
    for (const u8 state : {kSafe, kSafe, kSafe, kNoSecurity}) out.put(state);
    out.zeros(4);    // OEM
    out.put(u8{0});  // height
    out.put(u8{1});  // power cords
    out.zeros(3);    // no contained elements, no SKU number
    out.end();
}

void add_processor(Structures& out, const SmbiosBoard& board, unsigned package) {
    constexpr u8 kCentral = 3, kOther = 1, kEnabled = 0x41, kNoUpgrade = 6;
    constexpr u16 k64Bit = 1 << 2, kMultiCore = 1 << 3;
    out.begin(4, static_cast<u16>(kProcessor + package));
    out.text(fmt::format("CPU {}", package));
    out.put(kCentral);
    out.put(kOther);  // family
    out.text(board.vendor.empty() ? "Unknown" : board.vendor);
    out.put(board.signature);
    out.put(board.features);
    out.text(board.brand);
    out.zeros(3);  // voltage, external clock: unknown
    out.put(static_cast<u16>(board.megahertz));
    out.put(static_cast<u16>(board.megahertz));
    out.put(kEnabled);
    out.put(kNoUpgrade);
    for (unsigned level = 1; level <= 3; level++) out.put(kNoHandle);  // caches
    out.zeros(3);  // serial number, asset tag, part number
    for (unsigned i = 0; i < 3; i++) out.put(static_cast<u8>(board.cores));  // cores, enabled ones, threads
    out.put(static_cast<u16>((board.long_mode ? k64Bit : 0) | (board.cores > 1 ? kMultiCore : 0)));
    out.put(u16{kOther});  // family
    out.end();
}

void add_mapped(Structures& out, u16 handle, u64 start, u64 bytes) {
    const u64 last_kib = (start + bytes - 1) >> 10;
    const bool extended = last_kib >= 0xffffffff;
    out.begin(19, handle);
    out.put(extended ? 0xffffffff : static_cast<u32>(start >> 10));
    out.put(extended ? 0xffffffff : static_cast<u32>(last_kib));
    out.put(kMemoryArray);
    out.put(u8{1});  // devices in a row
    out.put(extended ? start : u64{0});
    out.put(extended ? start + bytes - 1 : u64{0});
    out.end();
}

void add_memory(Structures& out, const SmbiosBoard& board) {
    constexpr u8 kSystemBoard = 3, kSystemMemory = 3, kNoCorrection = 3, kDimm = 9, kRam = 7;
    constexpr u32 kSeeExtendedCapacity = 0x80000000;
    constexpr u16 kSeeExtendedSize = 0x7fff, kDetailOther = 2, kWidth = 64;
    const u64 total = board.low_ram + board.high_ram;
    out.begin(16, kMemoryArray);
    for (const u8 value : {kSystemBoard, kSystemMemory, kNoCorrection}) out.put(value);
    out.put(static_cast<u32>(std::min<u64>(total >> 10, kSeeExtendedCapacity)));
    out.put(kNoErrors);
    out.put(u16{1});  // slots
    out.put(total >> 10 >= kSeeExtendedCapacity ? total : u64{0});
    out.end();

    const u64 mib = total >> 20;
    out.begin(17, kMemoryDevice);
    out.put(kMemoryArray);
    out.put(kNoErrors);
    out.put(kWidth);
    out.put(kWidth);
    out.put(mib < kSeeExtendedSize ? static_cast<u16>(mib) : kSeeExtendedSize);
    out.put(kDimm);
    out.put(u8{0});  // in no set
    out.text("DIMM 0");
    out.put(u8{0});  // bank
    out.put(kRam);
    out.put(kDetailOther);
    out.zeros(7);  // speed, manufacturer, serial number, asset tag, part number, rank: unknown
    out.put(mib < kSeeExtendedSize ? u32{0} : static_cast<u32>(mib));
    out.zeros(8);  // configured speed, voltages: unknown
    out.end();

    add_mapped(out, kMappedMemory, 0, board.low_ram);
    if (board.high_ram != 0) add_mapped(out, kMappedMemory + 1, u64{1} << 32, board.high_ram);
}

}  // namespace

SmbiosFiles build_smbios(const SmbiosBoard& board) {
    Structures structures;
    add_system(structures);
    add_chassis(structures);
    for (unsigned package = 0; package < board.packages; package++) add_processor(structures, board, package);
    add_memory(structures, board);
    structures.begin(32, kBootStatus);
    structures.zeros(7);  // no errors
    structures.end();
    structures.begin(127, kEnd);
    structures.end();

    Structures anchor;
    for (const char c : std::string_view("_SM_")) anchor.put(c);
    anchor.put(u8{0});   // checksum
    anchor.put(u8{31});  // length
    anchor.put(u8{2});
    anchor.put(u8{8});
    anchor.put(structures.largest());
    anchor.zeros(6);
    for (const char c : std::string_view("_DMI_")) anchor.put(c);
    anchor.put(u8{0});  // checksum
    anchor.put(static_cast<u16>(structures.bytes().size()));
    anchor.put(u32{0});  // address
    anchor.put(structures.count());
    anchor.put(u8{0x28});
    return {std::move(anchor.bytes()), std::move(structures.bytes())};
}

}  // namespace gnomon
