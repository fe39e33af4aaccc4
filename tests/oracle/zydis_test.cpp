// Our decoder against Zydis: what is an instruction, how long it is, what it is called, and what its fields
// hold, over random bytes and over random encodings of every row.
//
// Zydis knows every instruction there is; the processor of this program does not. What Zydis puts into an
// instruction set that our largest model lacks must be undefined for us. Other rules, where both are right in
// their own way, are in `reason_to_differ`.
#include <Zydis/Zydis.h>
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <vector>

#include "cpu/model.h"
#include "cpu/opcode_table.h"
#include "tests/oracle/encoder.h"

namespace gnomon::oracle {
namespace {

struct Mode {
    const char* name;
    u32 bits;
    ZydisMachineMode machine;
    ZydisStackWidth stack;
};
constexpr Mode kModes[] = {{"16-bit", 0, ZYDIS_MACHINE_MODE_LEGACY_16, ZYDIS_STACK_WIDTH_16},
                           {"32-bit", mode::kCode32, ZYDIS_MACHINE_MODE_LEGACY_32, ZYDIS_STACK_WIDTH_32},
                           {"64-bit", mode::kCode64, ZYDIS_MACHINE_MODE_LONG_64, ZYDIS_STACK_WIDTH_64}};

/// The default model, and the integer instructions of 64-bit processors.
FeatureSet features_of_test() {
    return default_model().features | FeatureSet{Feature::LongMode, Feature::LahfLong, Feature::CX16, Feature::MOVBE, Feature::POPCNT,
                                                 Feature::LZCNT, Feature::ADX, Feature::FSGSBASE, Feature::SYSCALL,
                                                 Feature::MONITOR, Feature::WAITPKG, Feature::SSE4A};
}

bool has_rows(Feature feature) {
    for (unsigned row = 0; row < opcode_row_count(); row++)
        if (opcode_row(row).feature == feature) return features_of_test().has(feature);
    return false;
}

/// Vector and bit-manipulation sets of our largest model. Zydis has AVX-512 sets for each vector length.
bool have_vector_set(ZydisISASet set) {
    struct Named {
        std::string_view name;
        Feature feature;
    };
    static constexpr Named kSets[] = {
        {"SSE3", Feature::SSE3}, {"SSE3X87", Feature::SSE3}, {"SSSE3", Feature::SSSE3}, {"SSSE3MMX", Feature::SSSE3}, {"SSE4", Feature::SSE4_1},
        {"SSE42", Feature::SSE4_2}, {"SSE4A", Feature::SSE4A}, {"AES", Feature::AES}, {"PCLMULQDQ", Feature::PCLMULQDQ}, {"SHA", Feature::SHA},
        {"GFNI", Feature::GFNI}, {"AVX", Feature::AVX}, {"AVXAES", Feature::AVX}, {"AVX_GFNI", Feature::GFNI}, {"AVX2", Feature::AVX2},
        {"AVX2GATHER", Feature::AVX2}, {"FMA", Feature::FMA}, {"F16C", Feature::F16C}, {"VAES", Feature::VAES}, {"VPCLMULQDQ", Feature::VPCLMULQDQ},
        {"AVX_VNNI", Feature::AVX_VNNI}, {"BMI1", Feature::BMI1}, {"BMI2", Feature::BMI2},
        {"AVX512F", Feature::AVX512F}, {"AVX512CD", Feature::AVX512CD}, {"AVX512BW", Feature::AVX512BW}, {"AVX512DQ", Feature::AVX512DQ},
        {"AVX512_IFMA", Feature::AVX512_IFMA}, {"AVX512_VBMI", Feature::AVX512_VBMI}, {"AVX512_VBMI2", Feature::AVX512_VBMI2},
        {"AVX512_VNNI", Feature::AVX512_VNNI}, {"AVX512_BITALG", Feature::AVX512_BITALG}, {"AVX512_VPOPCNTDQ", Feature::AVX512_VPOPCNTDQ},
        {"AVX512_GFNI", Feature::GFNI}, {"AVX512_VAES", Feature::VAES}, {"AVX512_VPCLMULQDQ", Feature::VPCLMULQDQ}};
    std::string_view name = ZydisISASetGetString(set);
    for (const std::string_view suffix : {"_128N", "_KOP", "_SCALAR", "_128", "_256", "_512"})
        if (name.starts_with("AVX512") && name.ends_with(suffix)) name.remove_suffix(suffix.size());
    for (const Named& s : kSets)
        if (s.name == name) return features_of_test().has(s.feature);
    return false;
}

/// The instruction sets of our largest model.
bool have(ZydisISASet set) {
    static const bool mmx = has_rows(Feature::MMX), sse = has_rows(Feature::SSE),
                      sse2 = has_rows(Feature::SSE2);
    switch (set) {
        case ZYDIS_ISA_SET_I86:
        case ZYDIS_ISA_SET_I186:
        case ZYDIS_ISA_SET_I286REAL:
        case ZYDIS_ISA_SET_I286PROTECTED:
        case ZYDIS_ISA_SET_I386:
        case ZYDIS_ISA_SET_I486:
        case ZYDIS_ISA_SET_I486REAL:
        case ZYDIS_ISA_SET_PENTIUMREAL:
        case ZYDIS_ISA_SET_PPRO:
        case ZYDIS_ISA_SET_CMOV:
        case ZYDIS_ISA_SET_FCMOV:
        case ZYDIS_ISA_SET_FAT_NOP:
        case ZYDIS_ISA_SET_LAHF:
        case ZYDIS_ISA_SET_PAUSE:
        case ZYDIS_ISA_SET_RDPMC:
        case ZYDIS_ISA_SET_X87: return true;
        case ZYDIS_ISA_SET_LONGMODE:
        case ZYDIS_ISA_SET_CMPXCHG16B: return true;
        case ZYDIS_ISA_SET_POPCNT: return has_rows(Feature::POPCNT);
        case ZYDIS_ISA_SET_LZCNT: return has_rows(Feature::LZCNT);
        case ZYDIS_ISA_SET_MOVBE: return has_rows(Feature::MOVBE);
        case ZYDIS_ISA_SET_ADOX_ADCX: return has_rows(Feature::ADX);
        case ZYDIS_ISA_SET_MONITOR: return has_rows(Feature::MONITOR);
        case ZYDIS_ISA_SET_WAITPKG: return has_rows(Feature::WAITPKG);
        case ZYDIS_ISA_SET_RDPID: return has_rows(Feature::RDPID);
        case ZYDIS_ISA_SET_AMD: return has_rows(Feature::SYSCALL);
        case ZYDIS_ISA_SET_CLFLUSHOPT: return has_rows(Feature::CLFLUSHOPT);
        case ZYDIS_ISA_SET_CLWB: return has_rows(Feature::CLWB);
        case ZYDIS_ISA_SET_INVPCID: return has_rows(Feature::INVPCID);
        case ZYDIS_ISA_SET_PKU: return has_rows(Feature::PKU);
        case ZYDIS_ISA_SET_PREFETCH_NOP: return has_rows(Feature::PREFETCHW);
        case ZYDIS_ISA_SET_RDRAND: return has_rows(Feature::RDRAND);
        case ZYDIS_ISA_SET_RDSEED: return has_rows(Feature::RDSEED);
        case ZYDIS_ISA_SET_RDTSCP: return has_rows(Feature::RDTSCP);
        case ZYDIS_ISA_SET_SERIALIZE: return has_rows(Feature::SERIALIZE);
        case ZYDIS_ISA_SET_SMAP: return has_rows(Feature::SMAP);
        case ZYDIS_ISA_SET_XSAVE: return has_rows(Feature::XSAVE);
        case ZYDIS_ISA_SET_XSAVEC: return has_rows(Feature::XSAVEC);
        case ZYDIS_ISA_SET_XSAVEOPT: return has_rows(Feature::XSAVEOPT);
        case ZYDIS_ISA_SET_XSAVES: return has_rows(Feature::XSAVES);
        case ZYDIS_ISA_SET_RDWRFSGS: return has_rows(Feature::FSGSBASE);
        case ZYDIS_ISA_SET_FXSAVE64:
        case ZYDIS_ISA_SET_FXSAVE: return has_rows(Feature::FXSR);
        case ZYDIS_ISA_SET_CLFSH: return has_rows(Feature::CLFSH);
        case ZYDIS_ISA_SET_PENTIUMMMX: return mmx;
        case ZYDIS_ISA_SET_SSE:
        case ZYDIS_ISA_SET_SSEMXCSR:
        case ZYDIS_ISA_SET_SSE_PREFETCH: return sse;
        case ZYDIS_ISA_SET_SSE2:
        case ZYDIS_ISA_SET_SSE2MMX: return sse2;
        default: return have_vector_set(set);
    }
}

std::string upper(std::string_view text) {
    std::string out(text);
    std::transform(out.begin(), out.end(), out.begin(),
                   [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
    return out;
}

/// Zydis names each operand size of an instruction apart, and prefers other spellings here and there.
bool same_mnemonic(std::string_view ours, std::string_view theirs) {
    struct Alias {
        std::string_view ours;
        std::initializer_list<std::string_view> theirs;
    };
    static const Alias kAliases[] = {
        {"CBW", {"CBW", "CWDE", "CDQE"}},
        {"PREFETCHW", {"PREFETCH", "PREFETCHW", "PREFETCHWT1", "NOP"}},
        {"XSAVE", {"XSAVE", "XSAVE64"}},
        {"XSAVEC", {"XSAVEC", "XSAVEC64"}},
        {"XSAVEOPT", {"XSAVEOPT", "XSAVEOPT64"}},
        {"XSAVES", {"XSAVES", "XSAVES64"}},
        {"XRSTOR", {"XRSTOR", "XRSTOR64"}},
        {"XRSTORS", {"XRSTORS", "XRSTORS64"}},
        {"CWD", {"CWD", "CDQ", "CQO"}},
        {"PUSHA", {"PUSHA", "PUSHAD"}},
        {"POPA", {"POPA", "POPAD"}},
        {"PUSHF", {"PUSHF", "PUSHFD", "PUSHFQ"}},
        {"POPF", {"POPF", "POPFD", "POPFQ"}},
        {"IRET", {"IRET", "IRETD", "IRETQ"}},
        {"MOVS", {"MOVSB", "MOVSW", "MOVSD", "MOVSQ"}},
        {"CMPS", {"CMPSB", "CMPSW", "CMPSD", "CMPSQ"}},
        {"STOS", {"STOSB", "STOSW", "STOSD", "STOSQ"}},
        {"LODS", {"LODSB", "LODSW", "LODSD", "LODSQ"}},
        {"SCAS", {"SCASB", "SCASW", "SCASD", "SCASQ"}},
        {"INS", {"INSB", "INSW", "INSD"}},
        {"OUTS", {"OUTSB", "OUTSW", "OUTSD"}},
        {"XLAT", {"XLAT"}},
        {"SAL", {"SHL", "SAL"}},
        {"JCXZ", {"JCXZ", "JECXZ", "JRCXZ"}},
        {"RETF", {"RET", "RETF"}},
        {"CALL", {"CALL"}},
        {"XCHG", {"XCHG", "NOP", "PAUSE"}},
        {"HINT_NOP", {"NOP", "PREFETCHNTA", "PREFETCHT0", "PREFETCHT1", "PREFETCHT2"}},
        {"WAIT", {"WAIT", "FWAIT"}},
        {"FWAIT", {"WAIT", "FWAIT"}},
        {"MOVQ", {"MOVQ", "MOVD"}},
        {"MOVD", {"MOVQ", "MOVD"}},
        {"CMPXCHG8B", {"CMPXCHG8B", "CMPXCHG16B"}},
        {"FXSAVE", {"FXSAVE", "FXSAVE64"}},
        {"FXRSTOR", {"FXRSTOR", "FXRSTOR64"}},
        {"SYSEXIT", {"SYSEXIT"}},
        {"SYSRET", {"SYSRET"}},
        {"MOVLPS", {"MOVLPS", "MOVHLPS"}},
        {"MOVHPS", {"MOVHPS", "MOVLHPS"}},
        {"PEXTRD", {"PEXTRD", "PEXTRQ"}},
        {"PINSRD", {"PINSRD", "PINSRQ"}},
        // The escape opcodes that nobody documents.
        {"FCOM2", {"FCOM"}},
        {"FCOMP3", {"FCOMP"}},
        {"FCOMP5", {"FCOMP"}},
        {"FXCH4", {"FXCH"}},
        {"FXCH7", {"FXCH"}},
        {"FSTP1", {"FSTPNCE"}},
        {"FSTP8", {"FSTP"}},
        {"FSTP9", {"FSTP"}},
        {"FNENI", {"FENI8087_NOP"}},
        {"FNDISI", {"FDISI8087_NOP"}},
        {"FNSETPM", {"FSETPM287_NOP"}},
    };
    if (ours == theirs) return true;
    for (const Alias& a : kAliases)
        if (a.ours == ours) return std::find(a.theirs.begin(), a.theirs.end(), theirs) != a.theirs.end();
    return false;
}

struct Comparison {
    explicit Comparison(const Mode& m) : mode(m) {
        ZydisDecoderInit(&decoder, m.machine, m.stack);
        for (const ZydisDecoderMode option :
              {ZYDIS_DECODER_MODE_MPX, ZYDIS_DECODER_MODE_CET, ZYDIS_DECODER_MODE_WBNOINVD, ZYDIS_DECODER_MODE_CLDEMOTE})
            ZydisDecoderEnableMode(&decoder, option, ZYAN_FALSE);
    }

    /// Empty if both see the same; `reason` is set where they may differ.
    std::string compare(const u8* bytes, bool deep) {
        status = decode(bytes, 15, mode.bits, features, ours);
        const ZyanStatus their_status = ZydisDecoderDecodeInstruction(&decoder, &context, bytes, 15, &theirs);
        const bool they = ZYAN_SUCCESS(their_status);
        const bool we = status == DecodeStatus::Ok;
        reason = nullptr;
        if (they && !have(theirs.meta.isa_set)) {
            reason = ZydisISASetGetString(theirs.meta.isa_set);
            if (we && !newer_form_of_old_opcode()) return fmt::format("we decode what belongs to {}", reason);
            return {};
        }
        if (we != they) {
            reason = reason_to_differ(their_status);
            if (reason) return {};
            return fmt::format(
                "{} by us, {} by Zydis ({})", we ? "decoded" : "undefined", they ? "decoded" : "undefined",
                they ? ZydisMnemonicGetString(theirs.mnemonic) : fmt::format("{:x}", their_status));
        }
        if (!we) {
            const bool too_long = their_status == ZYDIS_STATUS_INSTRUCTION_TOO_LONG ||
                                  their_status == ZYDIS_STATUS_NO_MORE_DATA;
            if ((status == DecodeStatus::TooLong) && !too_long) return "too long for us only";
            return {};
        }
        if (ours.length != theirs.length)
            return fmt::format("length {} by us, {} by Zydis", ours.length, theirs.length);
        if (!names.contains({ours.row_index, theirs.mnemonic})) {
            const std::string name = upper(ZydisMnemonicGetString(theirs.mnemonic));
            if (!same_mnemonic(ours.row->mnemonic, name))
                return fmt::format("{} by us, {} by Zydis", ours.row->mnemonic, name);
            names.insert({{ours.row_index, theirs.mnemonic}, true});
        }
        return fields(deep);
    }

    std::string fields(bool deep) {
        if (ours.row->has_modrm &&
            ours.modrm != (theirs.raw.modrm.mod << 6 | theirs.raw.modrm.reg << 3 | theirs.raw.modrm.rm))
            return "other ModRM";
        const ImmKind kind = row_shape(ours.row_index).imm;
        if (ours.memory && theirs.raw.disp.size == 64) {
            if (ours.imm != static_cast<u64>(theirs.raw.disp.value)) return "other moffs";
        } else if (ours.memory && theirs.raw.disp.size && theirs.encoding != ZYDIS_INSTRUCTION_ENCODING_EVEX) {
            const u64 mask = theirs.raw.disp.size >= 64 ? ~u64{0} : (u64{1} << theirs.raw.disp.size) - 1;
            if ((static_cast<u64>(static_cast<i64>(ours.disp)) ^ static_cast<u64>(theirs.raw.disp.value)) &
                mask)
                return fmt::format("displacement {:x} by us, {:x} by Zydis", ours.disp,
                                   theirs.raw.disp.value);
        }
        if (kind != ImmKind::None && kind != ImmKind::One && kind != ImmKind::Offset &&
            theirs.raw.imm[0].size) {
            const unsigned size = std::min<unsigned>(theirs.raw.imm[0].size, 32);
            const u64 mask = (u64{1} << size) - 1;
            if ((ours.imm ^ theirs.raw.imm[0].value.u) & mask)
                return fmt::format("immediate {:x} by us, {:x} by Zydis", ours.imm,
                                   theirs.raw.imm[0].value.u);
            // The two bytes of EXTRQ and INSERTQ are one word of ours.
            const u64 second = kind == ImmKind::Word ? ours.imm >> 8 : ours.imm2;
            if (theirs.raw.imm[1].size && second != (theirs.raw.imm[1].value.u & 0xffff))
                return fmt::format("second immediate {:x} by us, {:x} by Zydis", ours.imm2,
                                   theirs.raw.imm[1].value.u);
        }
        if (!deep) return {};
        ZydisDecodedOperand operands[ZYDIS_MAX_OPERAND_COUNT];
        if (!ZYAN_SUCCESS(ZydisDecoderDecodeOperands(&decoder, &context, &theirs, operands,
                                                     theirs.operand_count_visible)))
            return {};
        for (unsigned i = 0; i < theirs.operand_count_visible; i++) {
            const ZydisDecodedOperand& op = operands[i];
            if (op.type != ZYDIS_OPERAND_TYPE_MEMORY || op.encoding != ZYDIS_OPERAND_ENCODING_MODRM_RM)
                continue;
            const auto number = [](ZydisRegister r) {
                return r == ZYDIS_REGISTER_NONE                                 ? unsigned{kNoRegister}
                       : r == ZYDIS_REGISTER_RIP || r == ZYDIS_REGISTER_EIP ? unsigned{kRipRegister}
                                                                            : static_cast<unsigned>(ZydisRegisterGetId(r)) * 8;
            };
            unsigned base = number(op.mem.base), index = number(op.mem.index);
            if (op.mem.type == ZYDIS_MEMOP_TYPE_VSIB) index = static_cast<unsigned>(ZydisRegisterGetId(op.mem.index));
            // Compressed displacements count in units of the operand.
            if (theirs.encoding == ZYDIS_INSTRUCTION_ENCODING_EVEX && op.mem.disp.has_displacement && ours.disp != op.mem.disp.value)
                return fmt::format("displacement {:x} by us, {:x} by Zydis", ours.disp, op.mem.disp.value);
            // A SIB byte without base has none whatever REX.B says (the host agrees); Zydis overlooks it beside 67.
            if (ours.base == kNoRegister && base == 13 * 8 && ours.mod == 0 && theirs.address_width == 32 && (ours.rex & 1)) base = kNoRegister;
            // A lone SI or DI of 16-bit addressing is our index.
            if (ours.address_bytes == 2 && ours.base == kNoRegister && ours.index != kNoRegister)
                std::swap(base, index);
            const unsigned scale = op.mem.scale > 1 ? static_cast<unsigned>(__builtin_ctz(op.mem.scale)) : 0;
            if (base != ours.base || index != ours.index || scale != (index == kNoRegister ? 0u : ours.scale))
                return fmt::format("[{}+{}<<{}] by us, [{}+{}<<{}] by Zydis", ours.base, ours.index,
                                   ours.scale, base, index, scale);
            const auto segment = static_cast<unsigned>(ZydisRegisterGetId(op.mem.segment));
            if (op.mem.type != ZYDIS_MEMOP_TYPE_AGEN && segment != static_cast<unsigned>(ours.segment))
                return fmt::format("segment {} by us, {} by Zydis", static_cast<unsigned>(ours.segment),
                                   segment);
            if (theirs.address_width != ours.address_bytes * 8) return "other address size";
        }
        return {};
    }

    /// F3 or F2 before an old opcode became a new instruction: an older processor ignores the prefix.
    [[nodiscard]] bool newer_form_of_old_opcode() const {
        switch (theirs.meta.isa_set) {
            case ZYDIS_ISA_SET_POPCNT:
            case ZYDIS_ISA_SET_SSE_PREFETCH:
            case ZYDIS_ISA_SET_LZCNT:
            case ZYDIS_ISA_SET_BMI1:
            case ZYDIS_ISA_SET_MPX:
            case ZYDIS_ISA_SET_CET:
            case ZYDIS_ISA_SET_CLDEMOTE:
            case ZYDIS_ISA_SET_PREFETCHWT1: return true;
            default: return false;
        }
    }

    [[nodiscard]] const char* reason_to_differ(ZyanStatus their_status) const {
        const bool we = status == DecodeStatus::Ok;
        if (we && their_status == ZYDIS_STATUS_BAD_REGISTER)
            return "register that does not exist: #UD when executed";
        if (we && (ours.row->mnemonic == "UD2" || ours.row->mnemonic == "UD1" ||
                   ours.row->mnemonic == "UD0" || ours.row->mnemonic == "RSM"))
            return "undefined by name";
        return nullptr;
    }

    const Mode& mode;
    ZydisDecoder decoder;
    ZydisDecoderContext context{};
    ZydisDecodedInstruction theirs{};
    Decoded ours;
    DecodeStatus status = DecodeStatus::Ok;
    const char* reason = nullptr;
    FeatureSet features = features_of_test();
    std::map<std::pair<unsigned, unsigned>, bool> names;
};

/// Bytes that are instructions more often than chance: prefixes, then an opcode, then small ModRM forms.
void fill(u8* bytes, Random& random, bool code64) {
    constexpr u8 kPrefixes[] = {0x66, 0x67, 0xf2, 0xf3, 0xf0, 0x2e, 0x36, 0x3e, 0x26, 0x64, 0x65};
    const u64 a = random.next(), b = random.next();
    __builtin_memcpy(bytes, &a, 8);
    __builtin_memcpy(bytes + 8, &b, 8);
    const u64 choice = random.next();
    if (choice & 1) return;
    unsigned at = 0;
    const unsigned prefixes = (choice >> 1 & 15) == 0 ? static_cast<unsigned>(choice >> 8 & 15)
                                                      : static_cast<unsigned>(choice >> 8 & 3);
    for (; at < prefixes; at++) bytes[at] = kPrefixes[(choice >> (16 + at * 2)) % std::size(kPrefixes)];
    if (code64 && at < 14 && (choice >> 6 & 1)) bytes[at++] = static_cast<u8>(0x40 | (random.next() & 15));
    if (at < 14 && (choice >> 5 & 1)) bytes[at++] = 0x0f;
}

struct Summary {
    std::map<std::string, u64> reasons;
    std::map<std::string, unsigned> failures;  ///< by kind: only a few are printed
    u64 agreed = 0;

    void add(const Comparison& c, const std::string& difference, const u8* bytes) {
        if (difference.empty()) {
            if (c.reason)
                reasons[c.reason]++;
            else
                agreed++;
        } else if (failures[difference]++ < 2 && failures.size() < 60) {
            ADD_FAILURE() << c.mode.name << " " << hex({bytes, 15}) << ": " << difference;
        }
    }
    void print() const {
        fmt::print("{} agreed\n", agreed);
        for (const auto& [reason, count] : reasons) fmt::print("allowed to differ: {} ({})\n", count, reason);
    }
};

TEST(Zydis, RandomBytesDecodeAlike) {
    const u64 count = cases(5'000'000, 100'000'000);
    Random random(seed());
    Summary summary;
    Comparison comparisons[] = {Comparison(kModes[0]), Comparison(kModes[1]), Comparison(kModes[2])};
    u8 bytes[16];
    for (u64 n = 0; n < count; n++) {
        Comparison& c = comparisons[n % 3];
        fill(bytes, random, n % 3 == 2);
        summary.add(c, c.compare(bytes, n / 3 % 8 == 0), bytes);
    }
    summary.print();
    EXPECT_GT(summary.agreed, count / 2);
}

TEST(Zydis, EveryRowHasItsNameAndFields) {
    Random random(seed());
    Summary summary;
    Comparison comparisons[] = {Comparison(kModes[0]), Comparison(kModes[1]), Comparison(kModes[2])};
    const u64 tries = cases(400, 10'000);
    for (unsigned row = 0; row < opcode_row_count(); row++) {
        // No processor that Zydis knows has these.
        const Feature feature = opcode_row(row).feature;
        if (feature == Feature::TestRegisters || feature == Feature::LOADALL) continue;
        unsigned met = 0;
        for (u64 n = 0; n < tries; n++) {
            Comparison& c = comparisons[n % 3];
            EncodingRequest request;
            request.code32 = n % 3 == 1;
            request.code64 = n % 3 == 2;
            if (request.code64 && random.one_in(2)) request.rex = static_cast<u8>(0x40 | random.below(16));
            request.prefix_66 = random.one_in(3);
            request.prefix_67 = random.one_in(3);
            constexpr u8 kSegments[] = {0, 0, 0, 0x26, 0x2e, 0x36, 0x3e, 0x64, 0x65};
            request.segment = kSegments[random.below(std::size(kSegments))];
            Encoding e = encode(row, request, random);
            const std::string difference = c.compare(e.bytes.data(), true);
            summary.add(c, difference, e.bytes.data());
            if (c.status == DecodeStatus::Ok && c.ours.row_index == row) {
                met++;
                if (c.ours.length != e.length) ADD_FAILURE() << "encoder: " << hex(e.span());
            }
        }
        EXPECT_GT(met, 0u) << "row " << row << " (" << opcode_row(row).mnemonic << " "
                           << opcode_row(row).operands << ") is never decoded";
    }
    summary.print();
}

}  // namespace
}  // namespace gnomon::oracle
