// Every MMX, SSE and SSE2 instruction against the host's own, from random states with special operands.
#include "cpu/decode.h"
#include "cpu/fpu/native_oracle.h"

namespace gnomon {
namespace {

using namespace oracle;

std::string hex(std::span<const u8> bytes) {
    std::string text;
    for (size_t n = bytes.size(); n-- > 0;) text += fmt::format("{:02x}", bytes[n]);
    return text;
}

class Simd : public testing::Test {
  protected:
    void fill(std::span<u8> out) {
        const unsigned kind = make.below(4);
        for (size_t at = 0; at + 8 <= out.size(); at += 8) {
            u64 value = make.bits();
            if (kind == 0) value = make.real();
            if (kind == 1) value = u64{make.single()} << 32 | make.single();
            if (kind == 2) value &= 0x00ff00ff00ff00ff;
            std::memcpy(out.data() + at, &value, 8);
        }
    }

    void compare(std::span<const u8> bytes, unsigned rounds, bool masked) {
        Decoded d;
        const unsigned size = static_cast<unsigned>(bytes.size());
        if (decode(bytes.data(), size, mode::kCode32, default_model().features, d) != DecodeStatus::Ok)
            return;
        if (d.row->feature != Feature::MMX && d.row->feature != Feature::SSE &&
            d.row->feature != Feature::SSE2)
            return;
        if (d.opcode == 0xae || d.row->mnemonic.starts_with("MASKMOV")) return;
        ASSERT_EQ(d.length, bytes.size()) << d.row->mnemonic;
        native.prepare(bytes);
        ours.prepare(bytes);
        tested++;
        for (unsigned round = 0; round < rounds; round++) {
            Frame a;
            a.before.status = static_cast<u16>(make.bits() & 0x7f7f);
            a.before.tags = static_cast<u8>(make.bits());
            a.before.mxcsr = static_cast<u32>(make.bits()) & 0xe07f;
            if (make.below(3) == 0) a.before.mxcsr &= 0x6000;
            a.before.mxcsr |= masked ? 0x1f80 : static_cast<u32>(make.bits()) & 0x1f80;
            for (auto& slot : a.before.st) {
                slot.fill(0);
                fill(std::span(slot).first(8));
                const u16 exponent = static_cast<u16>(make.bits());
                std::memcpy(slot.data() + 8, &exponent, 2);
            }
            for (auto& slot : a.before.xmm) fill(slot);
            if (make.below(3) == 0) a.before.xmm[2] = a.before.xmm[0];
            if (make.below(4) == 0)
                for (unsigned n = 0; n < 8; n++) {
                    const u64 count = make.below(70);
                    std::memcpy(a.before.xmm[n].data(), &count, 8);
                    std::memcpy(a.before.st[n].data(), &count, 8);
                }
            a.rax = make.bits() & 0xffffffff;
            a.rdx = make.bits() & 0xffffffff;
            a.rbx = make.bits() & 0xffffffff;
            a.flags = 0x202 | (make.bits() & 0x8d5);
            fill(a.memory);
            if (make.below(4) == 0)
                a.memory[0] = static_cast<u8>(make.below(70)), std::fill_n(a.memory.begin() + 1, 7, u8{0});
            Frame b = a;
            const auto memory = a.memory;
            a.rcx = reinterpret_cast<u64>(a.memory.data());
            native.run(a);
            ours.run(b, memory.data());
            bool same = a.after.mxcsr == b.after.mxcsr && a.after.status == b.after.status &&
                        a.after.tags == b.after.tags && a.memory == b.memory &&
                        static_cast<u32>(a.rax) == static_cast<u32>(b.rax) &&
                        static_cast<u32>(a.rdx) == static_cast<u32>(b.rdx) &&
                        static_cast<u32>(a.rbx) == static_cast<u32>(b.rbx) && a.faulted == b.faulted &&
                        (a.faulted || ((a.flags ^ b.flags) & flag::kArithmetic) == 0);
            if (b.faulted) same &= ours.vector() == 19;
            for (unsigned n = 0; n < 8; n++) {
                same &= std::memcmp(a.after.st[n].data(), b.after.st[n].data(), 10) == 0;
                same &= a.after.xmm[n] == b.after.xmm[n];
            }
            if (same) continue;
            std::string text =
                fmt::format("{} {} ({}) mxcsr {:04x} status {:04x} tags {:02x}\n", d.row->mnemonic,
                            d.row->operands, hex(bytes), a.before.mxcsr, a.before.status, a.before.tags);
            for (const Frame* f : {&a, &b})
                text += fmt::format("  {}: mxcsr {:04x} status {:04x} tags {:02x} flags {:x} rax {:x}{}\n",
                                    f == &a ? "native" : "ours", f->after.mxcsr, f->after.status,
                                    f->after.tags, f->flags & 0x8d5, f->rax, f->faulted ? " fault" : "");
            for (unsigned n = 0; n < 8; n++) {
                if (n == d.reg || n == d.rm || a.after.xmm[n] != b.after.xmm[n])
                    text += fmt::format("  XMM{} before {} native {} ours {}\n", n, hex(a.before.xmm[n]),
                                        hex(a.after.xmm[n]), hex(b.after.xmm[n]));
                const std::span one(a.after.st[n].data(), 10), two(b.after.st[n].data(), 10);
                if (std::memcmp(one.data(), two.data(), 10) != 0)
                    text += fmt::format("  ST{} before {} native {} ours {}\n", n,
                                        hex(std::span(a.before.st[n]).first(10)), hex(one), hex(two));
            }
            if (d.memory)
                text += fmt::format("  memory {} native {} ours {}\n", hex(std::span(memory).first(16)),
                                    hex(std::span(a.memory).first(16)), hex(std::span(b.memory).first(16)));
            ADD_FAILURE() << text;
            return;
        }
    }

    void compare_all(unsigned rounds, bool masked) {
        constexpr u8 kRegisters[] = {0, 2, 3};
        for (const u8 prefix : {0x00, 0x66, 0xf3, 0xf2})
            for (unsigned opcode = 0x10; opcode < 0x100; opcode++) {
                std::vector<std::vector<u8>> forms;
                const bool group = opcode >= 0x71 && opcode <= 0x73;
                for (unsigned digit = 0; digit < (group ? 8u : 3u); digit++) {
                    const unsigned reg = group ? digit : kRegisters[digit];
                    forms.push_back({static_cast<u8>(0xc0 | reg << 3 | kRegisters[(digit + 1) % 3])});
                    if (!group && digit == 0) forms.push_back({static_cast<u8>(0xc0)});
                    forms.push_back({static_cast<u8>(reg << 3 | 1)});
                }
                for (const auto& form : forms) {
                    std::vector<u8> bytes;
                    if (prefix) bytes.push_back(prefix);
                    bytes.insert(bytes.end(), {0x0f, static_cast<u8>(opcode)});
                    if (opcode != 0x77) bytes.insert(bytes.end(), form.begin(), form.end());
                    const bool immediate = group || opcode == 0x70 || opcode == 0xc2 || opcode == 0xc4 ||
                                           opcode == 0xc5 || opcode == 0xc6;
                    if (!immediate) {
                        compare(bytes, rounds, masked);
                        continue;
                    }
                    for (unsigned n = 0; n < 24; n++) {
                        bytes.push_back(static_cast<u8>(n < 17 ? n : make.bits()));
                        compare(bytes, rounds / 8, masked);
                        bytes.pop_back();
                    }
                }
            }
    }

    Native native;
    Ours ours;
    Operands make{20260202};
    unsigned tested = 0;
};

TEST_F(Simd, EveryInstructionAgreesWithTheHostWhenExceptionsAreMasked) {
    compare_all(400, true);
    EXPECT_GT(tested, 1000u);
}
TEST_F(Simd, EveryInstructionAgreesWithTheHostWhenExceptionsAreNotMasked) { compare_all(400, false); }

}  // namespace
}  // namespace gnomon
