// Tests of TLB fills, flushes and the slow paths.
#include "memory/mmu.h"

#include <gtest/gtest.h>

namespace gnomon {
namespace {

TEST(Mmu, WithoutPagingLinearIsPhysical) {
    Log log{[](LogLevel, std::string_view, std::string_view) {}};
    auto map = std::move(PhysicalMap::create(u64{16} << 20, log)).value();
    auto mmu = std::make_unique<Mmu>(*map, Mmu::Shadow::Off);
    PageFault fault;
    const u32 out = 0x12345678;
    ASSERT_TRUE(mmu->write(LinearAddr(0x200ffe), 4, Privilege::Supervisor, &out, fault));
    u32 in = 0;
    ASSERT_TRUE(mmu->read(LinearAddr(0x200ffe), 4, Privilege::Supervisor, &in, fault));
    EXPECT_EQ(in, 0x12345678u);
    EXPECT_EQ(map->read(GuestPhys(0x201000), 2), 0x1234u);
    EXPECT_EQ(mmu->tlb(Privilege::Supervisor).entry(0x201000).write_tag, 0x201000u);
}

}  // namespace
}  // namespace gnomon
