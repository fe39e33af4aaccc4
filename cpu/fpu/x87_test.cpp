// Every x87 instruction against the host's own, from random states with special operands.
#include "cpu/decode.h"
#include "cpu/fpu/native_oracle.h"

namespace gnomon {
namespace {

using namespace oracle;

constexpr u16 kExceptions = 0x3f;

void put(std::array<u8, 16>& slot, const Float80& value) {
    slot.fill(0);
    std::memcpy(slot.data(), &value.significand, 8);
    std::memcpy(slot.data() + 8, &value.exponent, 2);
}

std::string hex(std::span<const u8> bytes) {
    std::string text;
    for (size_t n = bytes.size(); n-- > 0;) text += fmt::format("{:02x}", bytes[n]);
    return text;
}

/// A random state without a pending exception.
void randomize(FxImage& image, Operands& make, bool masked) {
    image.control = static_cast<u16>((make.bits() & 0x1f00) | 0x7f);
    if (!masked) image.control = static_cast<u16>(image.control & ~(make.bits() & kExceptions));
    if (image.control & 0x300 || make.below(4) == 0)
        image.control |= 0x300;
    else
        image.control = static_cast<u16>((image.control & ~0x300) | (make.below(2) ? 0x200 : 0));
    image.status = static_cast<u16>(make.bits() & 0x7f7f & ~(~image.control & kExceptions));
    image.tags = make.below(3) ? 0xff : static_cast<u8>(make.bits());
    if (make.below(3) == 0)
        image.tags = static_cast<u8>(image.tags & ~(1u << (((image.status >> 11) + 7) & 7)));
    for (auto& slot : image.st) put(slot, make.extended());
}

class X87 : public testing::Test {
  protected:
    void compare(std::span<const u8> bytes, unsigned rounds, bool masked) {
        Decoded d;
        if (decode(bytes.data(), static_cast<unsigned>(bytes.size()), mode::kCode32, default_model().features,
                   d) != DecodeStatus::Ok)
            return;
        native.prepare(bytes);
        ours.prepare(bytes);
        for (unsigned round = 0; round < rounds; round++) {
            Frame a;
            randomize(a.before, make, masked);
            a.rax = make.bits() & 0xffffffff;
            a.flags = 0x202 | (make.bits() & 0x8d5);
            for (auto& b : a.memory) b = static_cast<u8>(make.bits());
            const unsigned kind = make.below(4);
            const u64 real = make.real();
            const u32 single = make.single();
            const Float80 extended = make.extended();
            if (kind == 0) std::memcpy(a.memory.data(), &real, 8);
            if (kind == 1) std::memcpy(a.memory.data(), &single, 4);
            if (kind == 2) std::memcpy(a.memory.data(), &extended, 10);
            if (kind == 3 && make.below(2))
                for (auto& b : a.memory) b = static_cast<u8>(make.below(10) | make.below(10) << 4);
            Frame b = a;
            const auto memory = a.memory;
            a.rcx = reinterpret_cast<u64>(a.memory.data());
            native.run(a);
            ours.run(b, memory.data());
            ASSERT_FALSE(b.faulted);
            bool same = a.after.control == b.after.control && a.after.status == b.after.status &&
                        a.after.tags == b.after.tags && a.memory == b.memory &&
                        static_cast<u32>(a.rax) == static_cast<u32>(b.rax) &&
                        ((a.flags ^ b.flags) & flag::kArithmetic) == 0;
            for (unsigned n = 0; n < 8; n++)
                same &= std::memcmp(a.after.st[n].data(), b.after.st[n].data(), 10) == 0;
            if (same) continue;
            std::string text =
                fmt::format("{} {} ({}) control {:04x} status {:04x} tags {:02x}\n", d.row->mnemonic,
                            d.row->operands, hex(bytes), a.before.control, a.before.status, a.before.tags);
            text += fmt::format("  native: control {:04x} status {:04x} tags {:02x} flags {:x}\n",
                                a.after.control, a.after.status, a.after.tags, a.flags & 0x8d5);
            text += fmt::format("  ours:   control {:04x} status {:04x} tags {:02x} flags {:x}\n",
                                b.after.control, b.after.status, b.after.tags, b.flags & 0x8d5);
            for (unsigned n = 0; n < 8; n++) {
                const std::span before(a.before.st[n].data(), 10), one(a.after.st[n].data(), 10),
                    two(b.after.st[n].data(), 10);
                if (n < 2 || std::memcmp(one.data(), two.data(), 10) != 0)
                    text += fmt::format("  ST{} before {} native {} ours {}\n", n, hex(before), hex(one),
                                        hex(two));
            }
            if (a.memory != b.memory || d.memory)
                text += fmt::format("  memory {} native {} ours {}\n", hex(std::span(memory).first(10)),
                                    hex(std::span(a.memory).first(10)), hex(std::span(b.memory).first(10)));
            ADD_FAILURE() << text;
            return;
        }
    }

    void compare_all(unsigned rounds, bool masked) {
        for (u8 opcode = 0xd8; opcode <= 0xdf && opcode >= 0xd8; opcode++) {
            for (unsigned modrm = 0xc0; modrm < 0x100; modrm++) {
                const u8 bytes[] = {opcode, static_cast<u8>(modrm)};
                compare(bytes, rounds, masked);
            }
            for (unsigned reg = 0; reg < 8; reg++) {
                // Environments hold addresses: they have tests of their own.
                if ((opcode == 0xd9 && (reg == 4 || reg == 6)) || (opcode == 0xdd && (reg == 4 || reg == 6)))
                    continue;
                const u8 bytes[] = {opcode, static_cast<u8>(reg << 3 | 1)};
                compare(bytes, rounds, masked);
            }
        }
    }

    Native native;
    Ours ours;
    Operands make{20260101};
};

TEST_F(X87, EveryInstructionAgreesWithTheHostWhenExceptionsAreMasked) { compare_all(1000, true); }
TEST_F(X87, EveryInstructionAgreesWithTheHostWhenExceptionsAreNotMasked) { compare_all(1000, false); }

}  // namespace
}  // namespace gnomon
