// Random 32-bit user programs on the host, in compatibility mode, and on Gnomon's processor.
#include "tests/oracle/duel.h"
#include "tests/oracle/user_bench.h"

namespace gnomon::oracle {
namespace {

constexpr u32 kStart = place32::kCode + 0x40;

struct Rules32 {
    static constexpr unsigned kRegisters = 8, kVectors = 8;
    static constexpr const char* kNames[] = {"eax", "ecx", "edx", "ebx", "esp", "ebp", "esi", "edi"};

    static const char* excuse(const Ending& t, const Ending& u) {
        if (t.returned) return nullptr;
        // A 64-bit host has no limit of 4 GiB in compatibility mode: accesses across the end of the segment
        // fail by paging, or not at all.
        if (t.vector == 14 && (t.cr2 >= 0xffff0000 || t.cr2 < 0x1000) && !u.returned &&
            (u.vector == 13 || u.vector == 12))
            return "across the end of the segment";
        if (t.vector == 14 && (t.error & 0x10) && t.cr2 - place32::kCode >= place32::kCodeBytes &&
            (u.returned || u.vector != 14 || u.cr2 != t.cr2))
            return "execution of data: no-execute on the host only";
        // All segments are flat, so that only their end gives #SS, or #GP where the host finds fault with the
        // alignment.
        if (!u.returned && t.vector != u.vector && (u.vector == 12 || u.vector == 13) && u.error == 0 &&
            (t.vector == 13 || t.vector == 17))
            return "across the end of the segment";
        if (t.vector == 14 && !u.returned && u.vector == 14 && UserBench::in_kernel(t.cr2) && t.cr2 == u.cr2)
            return "the kernels lie in different places";
        return nullptr;
    }
    /// Without the instruction-fetch bit.
    static u64 error_bits(const Ending& t) { return t.vector == 14 ? 0xf : ~u64{0}; }
    static const char* tolerate(const OpcodeRow& row, const UserState& start, const Outcomes& o) {
        if (row.mnemonic == "POPA") return "POPA has loaded some registers before the fault";
        return reason_to_tolerate(row, start, o);
    }
};

UserState random_state(Random& random) {
    UserState s;
    for (unsigned n = 0; n < 8; n++) s.gpr[n] = random.number();
    s.gpr[4] = place32::kStack + 0x800 + (random.number() & 0x7fc);
    s.rflags = 0x202 | (random.next() & (flag::kArithmetic | (random.one_in(4) ? u32{flag::DF} : 0))) |
               (random.one_in(64) ? u32{flag::AC} : 0);
    random_fx(random, s.fx, 8);
    return s;
}

TEST(Host, RandomProgramsEndInTheSameState) {
    std::string why;
    const std::unique_ptr<NativeCpu> native = NativeCpu::create(NativeCpu::Mode::Compatibility, why);
    ASSERT_TRUE(native) << "32-bit code cannot run on this host: " << why;
    UserBench bench(native->has_low());
    Duel<UserBench, Rules32> duel(*native, bench, kStart);
    Random random(seed());
    std::map<std::string, unsigned> skipped;
    const std::vector<unsigned> rows = rows_to_compare<ProgramMaker>(default_model().features, skipped);
    ASSERT_FALSE(rows.empty());
    ProgramMaker maker(random, native->has_low());
    if (!native->has_low()) fmt::print("no 16-bit addresses\n");
    fight(duel, maker, random, rows, kStart, random_state);
    for (const auto& [reason, count] : skipped) fmt::print("left out: {} ({} rows)\n", reason, count);
}

}  // namespace
}  // namespace gnomon::oracle
