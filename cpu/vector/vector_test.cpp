// Every vector and BMI row in random encodings against the host's own processor, from random states with special operands.
#include <cstdlib>
#include <map>
#include <set>

#include "cpu/decode.h"
#include "cpu/fpu/native_oracle.h"
#include "cpu/opcode_table.h"
#include "cpu/vector/vector_oracle.h"

namespace gnomon {
namespace {

using namespace oracle;

constexpr Feature kFirst = Feature::SSSE3, kLast = Feature::AVX512_VPOPCNTDQ;

CpuModel everything() {
    CpuModel m = default_model();
    m.features.set(Feature::SSE3);
    m.features.set(Feature::BMI1);
    m.features.set(Feature::BMI2);
    for (unsigned n = static_cast<unsigned>(kFirst); n <= static_cast<unsigned>(kLast); n++) m.features.set(static_cast<Feature>(n));
    return m;
}
bool is_new(Feature f) { return f == Feature::SSE3 || f == Feature::BMI1 || f == Feature::BMI2 || (f >= kFirst && f <= kLast); }

std::string hex(std::span<const u8> bytes) {
    std::string text;
    for (size_t n = bytes.size(); n-- > 0;) text += fmt::format("{:02x}", bytes[n]);
    return text;
}
std::string code(std::span<const u8> bytes) {
    std::string text;
    for (const u8 b : bytes) text += fmt::format("{:02x} ", b);
    return text;
}

class VectorInstructions : public testing::Test {
  protected:
    void fill(std::span<u8> out) {
        const unsigned kind = make.below(6);
        for (size_t at = 0; at + 8 <= out.size(); at += 8) {
            u64 value = make.bits();
            if (kind == 0) value = make.real();
            if (kind == 1) value = u64{make.single()} << 32 | make.single();
            if (kind == 2) value &= 0x00ff00ff00ff00ff;
            if (kind == 3) value &= 0x003f003f001f000f;
            std::memcpy(out.data() + at, &value, 8);
        }
    }

    /// A general register that both sides set.
    u8 general() {
        constexpr u8 kGeneral[] = {0, 2, 3};
        return kGeneral[make.below(3)];
    }

    /// Random bytes of this row; now and then a prefix that is not allowed.
    std::vector<u8> encode(const OpcodeRow& row, const RowShape& shape) {
        std::vector<u8> bytes;
        const bool vex = is_vex(row.map), evex = is_evex(row.map);
        const unsigned pp = row.mandatory == MandatoryPrefix::P66 ? 1 : row.mandatory == MandatoryPrefix::PF3 ? 2 : row.mandatory == MandatoryPrefix::PF2 ? 3 : 0;
        const bool strange = make.below(20) == 0;
        const unsigned wide = shape.general ? (row.wide > 0) : row.wide >= 0 ? static_cast<unsigned>(row.wide) : make.below(2);
        unsigned length = make.below(vex ? 2 : 3);
        if (row.vector >= 0) length = static_cast<unsigned>(row.vector);
        if (row.vector == vector_length::kAbove128 && length == 0) length = 1;
        unsigned source = shape.source ? make.below(8) : 0;
        if (row.operands.find("By") != std::string_view::npos) source = general();
        else if (strange && make.below(3) == 0) source = make.below(8);
        bool memory = make.below(2);
        if (row.mod == 0 || shape.memory_only) memory = true;
        if (row.mod == 3 || shape.register_only) memory = false;
        unsigned reg = row.reg >= 0 ? static_cast<unsigned>(row.reg) : make.below(8);
        const bool general_reg = shape.reg == RegKind::General, general_rm = shape.rm == RegKind::General || shape.rm == RegKind::Byte;
        if (general_reg) reg = general();
        if (vex || evex) {
            const unsigned map = static_cast<unsigned>(row.map) - static_cast<unsigned>(vex ? OpcodeMap::Vex0F : OpcodeMap::Evex0F) + 1;
            if (vex && map == 1 && !wide && make.below(2)) {
                bytes = {0xc5, static_cast<u8>(0x80 | (~source & 15) << 3 | length << 2 | pp)};
            } else if (vex) {
                bytes = {0xc4, static_cast<u8>(0xe0 | map), static_cast<u8>(wide << 7 | (~source & 15) << 3 | length << 2 | pp)};
            } else {
                unsigned opmask = row.tuple.element && make.below(3) ? make.below(8) : 0;
                if ((row.tuple.flags & Tuple::kGather) && opmask == 0 && !strange) opmask = 1;
                bool zeroing = opmask && make.below(2) && !shape.to_opmask && !(shape.to_memory && memory) && !(row.tuple.flags & Tuple::kGather);
                bool b = memory ? row.tuple.broadcast && make.below(2) : (row.tuple.flags & (Tuple::kRounding | Tuple::kSae)) && make.below(2);
                if (strange && make.below(3) == 0) b = !b;
                if (strange && make.below(3) == 0) zeroing = !zeroing;
                if (b && !memory) length = row.tuple.flags & Tuple::kRounding ? make.below(4) : length;
                bytes = {0x62, static_cast<u8>(0xf0 | map), static_cast<u8>(wide << 7 | (~source & 15) << 3 | 4 | pp),
                         static_cast<u8>(zeroing << 7 | length << 5 | b << 4 | 8 | opmask)};
            }
        } else {
            if (row.mandatory == MandatoryPrefix::Any && make.below(3) == 0) bytes.push_back(0x66);
            if (pp) bytes.push_back(pp == 1 ? 0x66 : pp == 2 ? 0xf3 : 0xf2);
            bytes.push_back(0x0f);
            if (row.map == OpcodeMap::Three38) bytes.push_back(0x38);
            if (row.map == OpcodeMap::Three3A) bytes.push_back(0x3a);
        }
        bytes.push_back(row.opcode);
        if (row.has_modrm) {
            if (!memory) {
                const unsigned rm = general_rm ? general() : row.rm >= 0 ? static_cast<unsigned>(row.rm) : make.below(4) ? make.below(8) : reg;
                bytes.push_back(static_cast<u8>(0xc0 | reg << 3 | rm));
            } else if (shape.vector_index) {
                bytes.push_back(static_cast<u8>(reg << 3 | 4));
                bytes.push_back(static_cast<u8>(make.below(4) << 6 | make.below(8) << 3 | 1));
            } else if (make.below(2)) {
                bytes.push_back(static_cast<u8>(reg << 3 | 1));
            } else {
                bytes.push_back(static_cast<u8>(0x40 | reg << 3 | 1));
                bytes.push_back(static_cast<u8>(make.below(2) ? 0xff : make.below(4) << (make.below(4) ? 0 : 1)));
            }
        }
        // Bit 7 of a register in the immediate counts in 64-bit mode only.
        const unsigned mask = row.operands.ends_with("Lx") ? 0x7f : 0xff;
        if (shape.imm == ImmKind::Byte) bytes.push_back(static_cast<u8>(make.bits() & mask));
        if (shape.imm == ImmKind::Word) bytes.push_back(static_cast<u8>(make.bits())), bytes.push_back(static_cast<u8>(make.bits()));
        return bytes;
    }

    VectorFrame state(const RowShape& shape, bool small_dwords, bool masked) {
        VectorFrame a;
        a.mxcsr = static_cast<u32>(make.bits()) & 0xe07f;
        if (make.below(3) == 0) a.mxcsr &= 0x6000;
        a.mxcsr |= masked ? 0x1f80 : static_cast<u32>(make.bits()) & 0x1f80;
        for (auto& z : a.zmm) fill(z);
        if (make.below(3) == 0) a.zmm[2] = a.zmm[0];
        if (make.below(4) == 0)
            for (auto& z : a.zmm) z[0] = static_cast<u8>(make.below(70)), std::fill_n(z.begin() + 1, 7, u8{0});
        for (u64& k : a.opmask) k = make.below(4) ? make.bits() : make.below(2) ? ~u64{0} : 0;
        a.rax = make.below(2) ? make.below(20) : make.bits() & 0xffffffff;
        a.rdx = make.below(2) ? make.below(20) : make.bits() & 0xffffffff;
        a.rbx = make.bits() & 0xffffffff;
        a.flags = 0x202 | (make.bits() & 0x8d5);
        fill(a.memory);
        if (shape.vector_index)    // within the memory
            for (auto& z : a.zmm)
                for (unsigned n = 0; n < 8; n++) {
                    i64 value = static_cast<i64>(make.below(48)) - 24;
                    if (small_dwords) value = (value & 0xffffffff) | (static_cast<i64>(make.below(48)) - 24) << 32;
                    std::memcpy(z.data() + 8 * n, &value, 8);
                }
        return a;
    }

    /// What differs, or nothing.
    std::string difference(const VectorFrame& before, const VectorFrame& native, const VectorFrame& ours, u32 undefined) {
        std::string text;
        const auto report = [&](std::string_view name, const auto& b, const auto& n, const auto& o) {
            if (n != o) text += fmt::format("  {}: before {} native {} ours {}\n", name, b, n, o);
        };
        if (native.vector != ours.vector) text += fmt::format("  exception: native {} ours {}\n", native.vector, ours.vector);
        if (native.mxcsr != ours.mxcsr) text += fmt::format("  mxcsr: before {:04x} native {:04x} ours {:04x}\n", before.mxcsr, native.mxcsr, ours.mxcsr);
        report("eax", before.rax, native.rax & 0xffffffff, ours.rax);
        report("edx", before.rdx, native.rdx & 0xffffffff, ours.rdx);
        report("ebx", before.rbx, native.rbx & 0xffffffff, ours.rbx);
        if (!native.vector && ((native.flags ^ ours.flags) & flag::kArithmetic & ~undefined))
            text += fmt::format("  eflags: native {:x} ours {:x}\n", native.flags & flag::kArithmetic, ours.flags & flag::kArithmetic);
        for (unsigned n = 0; n < 8; n++) {
            if (native.zmm[n] != ours.zmm[n]) report(fmt::format("zmm{}", n), hex(before.zmm[n]), hex(native.zmm[n]), hex(ours.zmm[n]));
            if (native.opmask[n] != ours.opmask[n]) text += fmt::format("  k{}: before {:x} native {:x} ours {:x}\n", n, before.opmask[n], native.opmask[n], ours.opmask[n]);
        }
        if (native.memory != ours.memory) text += "  memory\n";
        return text;
    }

    /// With overflow or underflow not masked (VREDUCE: its result is not flushed to zero then) these report the inexactness of the result as it is stored, where a processor reports
    /// that of the result with an unbounded exponent.
    static bool approximates_inexact(const OpcodeRow& row) {
        for (const std::string_view part : {"SCALEF", "REDUCE", "CVTPS2PH"})
            if (row.mnemonic.find(part) != std::string_view::npos) return !row.mnemonic.starts_with("VPH");
        return false;
    }

    static u32 undefined_flags(const OpcodeRow& row) {
        if (row.mnemonic == "BEXTR") return flag::SF | flag::AF | flag::PF;
        if (row.feature == Feature::BMI1 || row.feature == Feature::BMI2) return flag::AF | flag::PF | (row.mnemonic == "BLSMSK" ? u32{flag::ZF} : 0);
        return 0;
    }

    void compare_all(unsigned encodings, unsigned rounds, bool masked) {
        const CpuModel model = everything();
        NativeVector native;
        OurVector ours(model);
        const char* only = std::getenv("GNOMON_ONLY");
        std::map<std::string, unsigned> failed;
        u64 instructions = 0, defined = 0;
        std::set<unsigned> met;
        for (unsigned index = 0; index < opcode_row_count(); index++) {
            const OpcodeRow& row = opcode_row(index);
            const RowShape& shape = row_shape(index);
            if (!is_new(row.feature) || row.feature == Feature::SSE4A || (only && !row.mnemonic.starts_with(only))) continue;
            if (row.attributes & attr::kOnly64) continue;
            if (row.mnemonic == "VMASKMOVDQU" || row.mnemonic == "VLDMXCSR") continue;    // EDI; random MXCSR
            if (shape.reg == RegKind::Plain && row.operands.find("Pq") != std::string_view::npos) continue;    // simd_test.cpp
            if (row.map == OpcodeMap::One || row.operands == "Mw") continue;    // FISTTP
            const std::string name = fmt::format("{} {} {}", row.mnemonic, row.operands, is_evex(row.map) ? "EVEX" : is_vex(row.map) ? "VEX" : "");
            for (unsigned n = 0; n < encodings; n++) {
                const std::vector<u8> bytes = encode(row, shape);
                Decoded d;
                const DecodeStatus status = decode(bytes.data(), static_cast<unsigned>(bytes.size()), mode::kCode32, model.features, d);
                if (status == DecodeStatus::NeedMore) {
                    if (failed[name + " length"]++ == 0) ADD_FAILURE() << name << " needs more than " << code(bytes);
                    continue;
                }
                if (status == DecodeStatus::Ok && d.row_index == index) {
                    met.insert(index);
                    if (d.length != bytes.size() && failed[name + " length"]++ == 0) ADD_FAILURE() << name << " length of " << code(bytes);
                }
                native.prepare(bytes);
                for (unsigned round = 0; round < rounds; round++) {
                    VectorFrame a = state(shape, row.operands.find("vm32") != std::string_view::npos, masked);
                    if (approximates_inexact(row)) a.mxcsr |= 0xc00;
                    const VectorFrame before = a;
                    VectorFrame b = a;
                    a.rcx = reinterpret_cast<u64>(a.memory.data()) + VectorFrame::kOrigin;
                    native.run(a);
                    ours.run(bytes, b);
                    instructions++;
                    defined += a.vector == 0;
                    const std::string text = difference(before, a, b, undefined_flags(row));
                    if (text.empty()) continue;
                    if (failed[name]++ == 0 && failed.size() < 40) ADD_FAILURE() << name << ": " << code(bytes) << "\n" << text;
                    break;
                }
            }
            if (!met.contains(index)) ADD_FAILURE() << name << " is never decoded";
        }
        fmt::print("{} instructions ({} without an exception) of {} rows\n", instructions, defined, met.size());
        for (const auto& [name, count] : failed) fmt::print("FAILED: {} ({} encodings)\n", name, count);
    }

    /// GNOMON_LONG asks for more than a million instructions.
    static bool only_quick() {
        const char* value = std::getenv("GNOMON_LONG");
        return !value || !*value || *value == '0';
    }

    Operands make{20261122};
};

#define GNOMON_NEEDS_AVX512() \
    if (!__builtin_cpu_supports("avx512vbmi2") || !__builtin_cpu_supports("gfni")) GTEST_SKIP() << "this host lacks AVX-512 of Ice Lake"

TEST_F(VectorInstructions, AgreeWithTheHostWhenExceptionsAreMasked) {
    GNOMON_NEEDS_AVX512();
    compare_all(only_quick() ? 24 : 170, 6, true);
}
TEST_F(VectorInstructions, AgreeWithTheHostWhenExceptionsAreNotMasked) {
    GNOMON_NEEDS_AVX512();
    compare_all(only_quick() ? 8 : 40, 6, false);
}

}  // namespace
}  // namespace gnomon
