// The memory path against a straightforward model that works bit by bit on four separate planes.
#include <random>

#include "devices/vga/vga_fixture.h"

namespace gnomon {
namespace {

/// What the manual's prose says, one bit at a time.
struct MemoryModel {
    std::array<std::vector<u8>, 4> planes{std::vector<u8>(65536), std::vector<u8>(65536),
                                          std::vector<u8>(65536), std::vector<u8>(65536)};
    std::array<u8, 4> latch{};
    std::array<u8, 5> seq{};
    std::array<u8, 9> gr{};
    u8 misc = 0;

    /// False when the address is not decoded; otherwise address within the plane and the plane chosen by
    /// A0/A1.
    bool locate(u32 cpu, u32& address, unsigned& low) const {
        u32 first = 0xa0000;
        u32 last = 0xbffff;
        if ((gr[6] >> 2 & 3) == 1) last = 0xaffff;
        if ((gr[6] >> 2 & 3) == 2) first = 0xb0000, last = 0xb7fff;
        if ((gr[6] >> 2 & 3) == 3) first = 0xb8000;
        if (!(misc & 2) || cpu < first || cpu > last) return false;
        const u32 a = cpu - first;
        if (seq[4] & 8) {
            low = a % 4;
            address = (a / 4 * 4) % 65536 + a / 65536;
        } else {
            low = a % 2;
            address = a % 65536;
            if (gr[6] & 2) {
                address -= low;
                if ((gr[6] >> 2 & 3) == 0)
                    address += a / 65536;
                else if (!(misc & 0x20))
                    address += 1;
            }
        }
        if (!(seq[4] & 2)) address %= 16384;
        return true;
    }
    u8 read(u32 cpu) {
        u32 address = 0;
        unsigned low = 0;
        if (!locate(cpu, address, low)) return 0xff;
        for (unsigned p = 0; p < 4; p++) latch[p] = planes[p][address];
        if (gr[5] & 8) {
            u8 result = 0;
            for (unsigned bit = 0; bit < 8; bit++) {
                bool match = true;
                for (unsigned p = 0; p < 4; p++)
                    if ((gr[7] >> p & 1) && (latch[p] >> bit & 1) != (gr[2] >> p & 1)) match = false;
                if (match) result |= static_cast<u8>(1 << bit);
            }
            return result;
        }
        if (seq[4] & 8) return latch[low];
        if (gr[5] & 0x10) return latch[(gr[4] & 2) + low];
        return latch[gr[4] & 3];
    }
    void write(u32 cpu, u8 value) {
        u32 address = 0;
        unsigned low = 0;
        if (!locate(cpu, address, low)) return;
        for (unsigned p = 0; p < 4; p++) {
            if (!(seq[2] >> p & 1)) continue;
            if (seq[4] & 8) {
                if (p != low) continue;
            } else if (!(seq[4] & 4) && p % 2 != low) {
                continue;
            }
            u8 out = 0;
            for (unsigned bit = 0; bit < 8; bit++) {
                const bool rotated = value >> ((bit + (gr[3] & 7)) % 8) & 1;
                const bool latched = latch[p] >> bit & 1;
                const bool set = gr[0] >> p & 1;
                bool in = false;
                bool masked = gr[8] >> bit & 1;
                const unsigned mode = gr[5] & 3;
                if (mode == 0) in = gr[1] >> p & 1 ? set : rotated;
                if (mode == 2) in = value >> p & 1;
                if (mode == 3) {
                    in = set;
                    masked = masked && rotated;
                }
                const unsigned function = gr[3] >> 3 & 3;
                if (function == 1) in = in && latched;
                if (function == 2) in = in || latched;
                if (function == 3) in = in != latched;
                if (mode == 1 || !masked) in = latched;
                if (in) out |= static_cast<u8>(1 << bit);
            }
            planes[p][address] = out;
        }
    }
};

struct VgaMemoryTest : VgaTest {
    MemoryModel model;

    void seq(unsigned i, u8 v) {
        indexed(0x3c4, i, v);
        model.seq[i] = v;
    }
    void gr(unsigned i, u8 v) {
        indexed(0x3ce, i, v);
        model.gr[i] = v;
    }
    void misc(u8 v) {
        out(0x3c2, v);
        model.misc = v;
    }
    void expect_same_planes() {
        for (u32 address = 0; address < 65536; address++)
            for (unsigned p = 0; p < 4; p++)
                ASSERT_EQ(vga->memory().plane_byte(address, p), model.planes[p][address])
                    << address << " plane " << p;
    }
};

TEST_F(VgaMemoryTest, EveryModeAgreesWithTheBitwiseModel) {
    std::mt19937 random(42);
    misc(0x23);
    for (int round = 0; round < 4000; round++) {
        const u32 r = random();
        switch (r % 12) {
            case 0: misc(static_cast<u8>((r >> 8 & 0x20) | (r >> 9 & 0x3f ? 2 : 0) | 1)); break;
            case 1: seq(2, r >> 8 & 15); break;
            case 2: seq(4, static_cast<u8>((r >> 8 & 12) | (r >> 10 & 7 ? 2 : 0))); break;
            case 3: gr(0, r >> 8 & 15); break;
            case 4: gr(1, r >> 8 & 1 ? r >> 9 & 15 : 0); break;
            case 5: gr(2, r >> 8 & 15); break;
            case 6: gr(3, r >> 8 & 1 ? r >> 9 & 31 : 0); break;
            case 7: gr(4, r >> 8 & 3); break;
            case 8: gr(5, static_cast<u8>((r >> 8 & 3) | (r >> 9 & 0x18))); break;
            case 9: gr(6, r >> 8 & 15); break;
            case 10: gr(7, r >> 8 & 15); break;
            case 11: gr(8, r >> 8 & 1 ? 0xff : r >> 9 & 255); break;
        }
        for (int i = 0; i < 20; i++) {
            const u32 where = random();
            const unsigned size = 1u << (where >> 30);
            // Close to the starts of the windows, where accesses meet each other and cross the borders.
            static constexpr u32 kStarts[] = {0xa0000, 0xaff80, 0xb0000, 0xb7fe0, 0xb8000, 0xbff80};
            u32 cpu = kStarts[where % 6] + (where >> 8 & 0x7f);
            if (cpu + size > 0xc0000) cpu = 0xc0000 - size;
            const u64 value = u64{random()} << 32 | random();
            if (where >> 20 & 1) {
                u64 expected = 0;
                for (unsigned b = 0; b < size; b++) expected |= u64{model.read(cpu + b)} << 8 * b;
                ASSERT_EQ(vga->mmio_read(cpu - 0xa0000, size), expected);
            } else {
                for (unsigned b = 0; b < size; b++) model.write(cpu + b, static_cast<u8>(value >> 8 * b));
                vga->mmio_write(cpu - 0xa0000, size, value);
            }
        }
    }
    expect_same_planes();
}

TEST_F(VgaMemoryTest, TextWritesGoToPlanes0And1AtEvenCells) {
    set_mode(kMode3);
    vga->mmio_write(0x18000 + 2, 4, 0x1e421f41);
    EXPECT_EQ(vga->memory().plane_byte(2, 0), 0x41);
    EXPECT_EQ(vga->memory().plane_byte(2, 1), 0x1f);
    EXPECT_EQ(vga->memory().plane_byte(4, 0), 0x42);
    EXPECT_EQ(vga->memory().plane_byte(4, 1), 0x1e);
    EXPECT_EQ(vga->memory().plane_byte(2, 2), 0);
    EXPECT_EQ(vga->memory().plane_byte(3, 0), 0);
    EXPECT_EQ(vga->mmio_read(0x18002, 8), 0x1e421f41u);
    EXPECT_EQ(vga->mmio_read(0x10002, 1), 0xffu);  // the monochrome window is not decoded
}

TEST_F(VgaMemoryTest, Chain4SpreadsBytesOverThePlanes) {
    set_mode(kMode12);
    indexed(0x3c4, 4, 0x0e);
    vga->mmio_write(0x100, 8, 0x8877665544332211);
    for (unsigned p = 0; p < 4; p++) {
        EXPECT_EQ(vga->memory().plane_byte(0x100, p), 0x11 * (p + 1));
        EXPECT_EQ(vga->memory().plane_byte(0x104, p), 0x11 * (p + 5));
    }
    EXPECT_EQ(vga->mmio_read(0x102, 4), 0x66554433u);
}

TEST_F(VgaMemoryTest, WriteMode1CopiesLatchesAndCrtc22ShowsThem) {
    set_mode(kMode12);
    for (unsigned p = 0; p < 4; p++) {
        indexed(0x3c4, 2, 1u << p);
        vga->mmio_write(0, 1, 0xa0 + p);
    }
    indexed(0x3c4, 2, 0x0f);
    indexed(0x3ce, 5, 0x01);
    vga->mmio_read(0, 1);
    vga->mmio_write(0x8000, 1, 0x00);
    for (unsigned p = 0; p < 4; p++) {
        EXPECT_EQ(vga->memory().plane_byte(0x8000, p), 0xa0 + p);
        indexed(0x3ce, 4, p);
        EXPECT_EQ(read_indexed(0x3d4, 0x22), 0xa0 + p);
    }
}

}  // namespace
}  // namespace gnomon
