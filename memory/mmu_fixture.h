// The machine of the MMU's tests: 16 MiB of RAM, a device, and 32-bit page tables.
#pragma once

#include <gtest/gtest.h>

#include <array>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "memory/mmu.h"

namespace gnomon {

inline constexpr Privilege kSuper = Privilege::Supervisor;
inline constexpr Privilege kUser = Privilege::User;

struct MmuTestDevice final : MmioIo, PageWriteObserver {
    u64 mmio_read(u64 offset, unsigned size) override {
        reads.push_back({offset, size});
        return 0x8877665544332211;
    }
    void mmio_write(u64 offset, unsigned size, u64) override { writes.push_back({offset, size}); }
    void page_written(u32 page, u32 offset, u32, const u8*) override { stores.push_back({page, offset}); }
    std::vector<std::pair<u64, unsigned>> reads;
    std::vector<std::pair<u64, unsigned>> writes;
    std::vector<std::pair<u32, u32>> stores;
};

inline std::string shadow_name(const ::testing::TestParamInfo<Mmu::Shadow>& info) {
    constexpr std::array kNames = {"Off", "On", "Verify"};
    return kNames[static_cast<size_t>(info.param)];
}

/// 32-bit paging: directory at 1000, page table for 00000000–003fffff at 2000, for 00400000–007fffff at 3000.
class MmuTest : public ::testing::TestWithParam<Mmu::Shadow> {
  protected:
    static constexpr u64 kDirectory = 0x1000;
    static constexpr u64 kTable0 = 0x2000;
    static constexpr u64 kTable1 = 0x3000;

    void SetUp() override {
        put(kDirectory, kTable0 | 7);
        put(kDirectory + 4, kTable1 | 7);
        paging_.cr0 = u64{1} << 31 | u64{1} << 16 | 1;
        paging_.cr3 = kDirectory;
    }
    void put(u64 address, u32 value) { map->write(GuestPhys(address), 4, value); }
    u32 get(u64 address) { return static_cast<u32>(map->read(GuestPhys(address), 4)); }
    /// Maps a page of the first 8 MiB.
    void map_page(u64 linear, u64 physical, u32 bits) {
        put((linear < 0x400000 ? kTable0 : kTable1) + (linear >> 12 & 1023) * 4,
            static_cast<u32>(physical) | bits);
    }
    void load() { mmu->set_paging(paging_, true); }
    /// "ok VALUE" or "fault ADDRESS CODE" of a 4-byte access.
    std::string read(u64 linear, Privilege privilege) {
        u32 value = 0;
        if (!mmu->read(LinearAddr(linear), 4, privilege, &value, fault)) return fault_text();
        return fmt::format("ok {:x}", value);
    }
    std::string write(u64 linear, Privilege privilege, u32 value) {
        if (!mmu->write(LinearAddr(linear), 4, privilege, &value, fault)) return fault_text();
        return "ok";
    }
    std::string fault_text() const {
        return fmt::format("fault {:x} {:x}", fault.address.value, fault.error_code);
    }
    TlbEntry& tlb(u64 linear, Privilege privilege) { return mmu->tlb(privilege).entry(linear); }

    Log log{[](LogLevel, std::string_view, std::string_view) {}};
    std::unique_ptr<PhysicalMap> map = std::move(PhysicalMap::create(u64{16} << 20, log)).value();
    std::unique_ptr<Mmu> mmu = std::make_unique<Mmu>(*map, GetParam());
    PagingState paging_;
    PageFault fault;
    MmuTestDevice device;
};

}  // namespace gnomon
