// Every vector and BMI row in random encodings against the host's own processor, from random states with special operands, in
// 64-bit and compatibility mode. Rows that the host lacks are left out, and said to be.
#include <cstdlib>
#include <map>
#include <set>

#include "cpu/vector/vector_encoder.h"

namespace gnomon {
namespace {

using namespace oracle;

constexpr Feature kFirst = Feature::SSSE3, kLast = Feature::AVX512_VPOPCNTDQ;

bool is_new(Feature f) { return f == Feature::SSE3 || f == Feature::BMI1 || f == Feature::BMI2 || (f >= kFirst && f <= kLast); }

/// The default model with what the host has of vector instructions.
CpuModel as_the_host() {
    CpuModel m = default_model();
    for (unsigned n = 0; n < static_cast<unsigned>(Feature::Count); n++) {
        const auto feature = static_cast<Feature>(n);
        if (is_new(feature)) m.features.set(feature, HostFeatures::has(feature));
    }
    return m;
}

u64 number_from(const char* variable, u64 otherwise) {
    const char* value = std::getenv(variable);
    return value && *value ? std::strtoull(value, nullptr, 0) : otherwise;
}

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

struct Comparison {
    bool code64;
    bool masked;    ///< all exceptions
};

class VectorInstructions : public testing::TestWithParam<Comparison> {
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

    VectorFrame state(const OpcodeRow& row, const RowShape& shape) {
        VectorFrame a;
        a.mxcsr = static_cast<u32>(make.bits()) & 0xe07f;
        if (make.below(3) == 0) a.mxcsr &= 0x6000;
        a.mxcsr |= GetParam().masked ? 0x1f80 : static_cast<u32>(make.bits()) & 0x1f80;
        if (approximates_inexact(row)) a.mxcsr |= 0xc00;
        for (auto& v : a.vectors) fill(v);
        if (make.below(3) == 0) a.vectors[2] = a.vectors[0];
        if (make.below(4) == 0)
            for (auto& v : a.vectors) v[0] = static_cast<u8>(make.below(70)), std::fill_n(v.begin() + 1, 7, u8{0});
        for (u64& k : a.opmasks) k = make.below(4) ? make.bits() : make.below(2) ? ~u64{0} : 0;
        for (u64& r : a.gpr) r = make.below(2) ? make.below(20) : make.bits();
        a.gpr[reg::SP] = place::kStack;
        a.gpr[reg::DI] = place::kOrigin + make.below(64);    // of MASKMOVDQU
        a.flags = 0x202 | (make.bits() & 0x8d5);
        fill(a.memory);
        if (row.mnemonic.ends_with("LDMXCSR"))
            for (size_t at = 2; at < a.memory.size(); at += 4) a.memory[at] = a.memory[at + 1] = 0;
        if (shape.vector_index) small_indices(a, row.operands.find("vm32") != std::string_view::npos);
        if (!GetParam().code64)
            for (u64& r : a.gpr) r &= 0xffffffff;
        return a;
    }

    /// Within the memory.
    void small_indices(VectorFrame& a, bool dwords) {
        for (auto& v : a.vectors)
            for (unsigned n = 0; n < 8; n++) {
                i64 value = static_cast<i64>(make.below(48)) - 24;
                if (dwords) value = (value & 0xffffffff) | (static_cast<i64>(make.below(48)) - 24) << 32;
                std::memcpy(v.data() + 8 * n, &value, 8);
            }
    }

    /// What differs, or nothing.
    std::string difference(const VectorFrame& before, const VectorFrame& native, const VectorFrame& ours, u32 undefined) {
        std::string text;
        const auto report = [&](std::string_view name, const auto& b, const auto& n, const auto& o) {
            if (n != o) text += fmt::format("  {}: before {} native {} ours {}\n", name, b, n, o);
        };
        if (native.vector != ours.vector) text += fmt::format("  exception: native {} ours {}\n", native.vector, ours.vector);
        if (native.mxcsr != ours.mxcsr) text += fmt::format("  mxcsr: before {:04x} native {:04x} ours {:04x}\n", before.mxcsr, native.mxcsr, ours.mxcsr);
        const u64 width = GetParam().code64 ? ~u64{0} : 0xffffffff;
        for (unsigned n = 0; n < 16; n++)
            if ((native.gpr[n] ^ ours.gpr[n]) & width)
                text += fmt::format("  gpr{}: before {:x} native {:x} ours {:x}\n", n, before.gpr[n], native.gpr[n], ours.gpr[n]);
        if (!native.vector && ((native.flags ^ ours.flags) & flag::kArithmetic & ~undefined))
            text += fmt::format("  eflags: native {:x} ours {:x}\n", native.flags & flag::kArithmetic, ours.flags & flag::kArithmetic);
        const unsigned bytes = HostFeatures::vector_bytes();
        // VZEROALL knows eight registers in compatibility mode.
        for (unsigned n = 0; n < (GetParam().code64 ? HostFeatures::vector_count() : 8); n++) {
            const auto part = [&](const VectorFrame& f) { return std::span(f.vectors[n]).first(bytes); };
            if (std::memcmp(native.vectors[n].data(), ours.vectors[n].data(), bytes) != 0)
                report(fmt::format("vector{}", n), hex(part(before)), hex(part(native)), hex(part(ours)));
        }
        for (unsigned n = 0; n < 8; n++)
            if (native.opmasks[n] != ours.opmasks[n])
                text += fmt::format("  k{}: before {:x} native {:x} ours {:x}\n", n, before.opmasks[n], native.opmasks[n], ours.opmasks[n]);
        for (unsigned at = 0; at < VectorFrame::kMemoryBytes; at += 8)
            if (std::memcmp(&native.memory[at], &ours.memory[at], 8) != 0)
                report(fmt::format("memory {}", at), hex(std::span(before.memory).subspan(at, 8)), hex(std::span(native.memory).subspan(at, 8)),
                       hex(std::span(ours.memory).subspan(at, 8)));
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

    /// Null: it can be compared.
    const char* reason_to_skip(const OpcodeRow& row, const RowShape& shape, const CpuModel& model) const {
        if (!is_new(row.feature)) return "older than SSE3: compared as whole programs in tests/oracle";
        if (!model.features.has(row.feature)) return "the host lacks it";
        if ((row.attributes & attr::kOnly64) && !GetParam().code64) return "in 64-bit mode only";
        if (shape.reg == RegKind::Plain && row.operands.find("Pq") != std::string_view::npos) return "MMX registers";
        if (row.operands.find("Pq") != std::string_view::npos) return "MMX registers";
        if (row.map == OpcodeMap::One || row.operands == "Mw") return "FISTTP";
        return nullptr;
    }

    void compare_row(unsigned index, unsigned encodings, unsigned rounds) {
        const OpcodeRow& row = opcode_row(index);
        const RowShape& shape = row_shape(index);
        const std::string name = fmt::format("{} {} {}", row.mnemonic, row.operands, is_evex(row.map) ? "EVEX" : is_vex(row.map) ? "VEX" : "");
        VectorEncoder encoder(make, GetParam().code64);
        const u32 mode = GetParam().code64 ? mode::kCode64 : mode::kCode32;
        bool met = false;
        const auto fail = [&](std::string_view what, const VectorEncoding& e, const std::string& text) {
            if (failed[fmt::format("{}{}", name, what)]++ == 0 && failed.size() < 40) ADD_FAILURE() << name << what << ": " << code(e.bytes) << "\n" << text;
        };
        for (unsigned n = 0; n < encodings; n++) {
            VectorEncoding e = encoder.encode(row, shape);
            Decoded d;
            const DecodeStatus status = decode(e.bytes.data(), static_cast<unsigned>(e.bytes.size()), mode, model.features, d);
            if (status == DecodeStatus::NeedMore) {
                fail(" needs more", e, "");
                continue;
            }
            const bool defined = status == DecodeStatus::Ok;
            if (defined && d.length != e.bytes.size()) fail(" length", e, "");
            met |= defined && d.row_index == index;
            for (unsigned round = 0; round < rounds; round++) {
                VectorFrame a = state(row, shape);
                if (defined) {
                    const bool aligned = shape.vector_index || make.below(2);
                    encoder.place(e, d, place::kOrigin + (aligned ? 0 : make.below(64)), a.gpr);
                }
                native.prepare(e.bytes);
                ours->prepare(e.bytes);
                const VectorFrame before = a;
                VectorFrame b = a;
                native.run(a);
                ours->run(b);
                instructions++;
                completed += a.vector == 0;
                const std::string text = difference(before, a, b, undefined_flags(row));
                if (text.empty()) continue;
                fail("", e, text);
                break;
            }
        }
        if (!met) ADD_FAILURE() << name << " is never decoded";
    }

    CpuModel model = as_the_host();
    NativeVector native;
    std::unique_ptr<OurVector> ours;
    u64 instructions = 0, completed = 0;
    std::map<std::string, unsigned> failed;
    u64 first_seed = number_from("GNOMON_SEED", 20261122);
    Operands make{first_seed};
};

TEST_P(VectorInstructions, AgreeWithTheHost) {
    ASSERT_TRUE(native.usable()) << "fixed addresses below 2 GiB cannot be mapped";
    ours = std::make_unique<OurVector>(model, GetParam().code64);
    const bool extended = number_from("GNOMON_LONG", 0) != 0;
    const char* only = std::getenv("GNOMON_ONLY");    // a mnemonic, or its beginning
    const unsigned encodings = GetParam().masked ? (extended ? 640 : 16) : (extended ? 160 : 8);
    std::map<std::string, unsigned> skipped;
    unsigned rows = 0;
    for (unsigned index = 0; index < opcode_row_count(); index++) {
        if (only && !opcode_row(index).mnemonic.starts_with(only)) continue;
        if (const char* reason = reason_to_skip(opcode_row(index), row_shape(index), model)) {
            skipped[reason]++;
            continue;
        }
        rows++;
        compare_row(index, encodings, 6);
    }
    fmt::print("{} instructions ({} without an exception) of {} rows, seed {}\n", instructions, completed, rows, first_seed);
    for (const auto& [reason, count] : skipped) fmt::print("left out: {} ({} rows)\n", reason, count);
    for (const auto& [name, count] : failed) fmt::print("FAILED: {} ({} encodings)\n", name, count);
}

INSTANTIATE_TEST_SUITE_P(Modes, VectorInstructions,
                         testing::Values(Comparison{false, true}, Comparison{false, false}, Comparison{true, true}, Comparison{true, false}),
                         [](const auto& test) {
                             return fmt::format("{}With{}Exceptions", test.param.code64 ? "In64BitMode" : "InCompatibilityMode",
                                                test.param.masked ? "Masked" : "Unmasked");
                         });

}  // namespace
}  // namespace gnomon
