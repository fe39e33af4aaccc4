// Random 64-bit user programs on the host and on Gnomon's processor.
#include "tests/oracle/duel.h"
#include "tests/oracle/user_bench64.h"
#include "tests/oracle/user_program64.h"

namespace gnomon::oracle {
namespace {

constexpr u64 kStart = place64::kCode.address + 0x40;
constexpr u64 kKernelHalf = 0x7ffffffff000;    ///< and the page below it

struct Rules64 {
    static constexpr unsigned kRegisters = 16, kVectors = 16;
    static constexpr const char* kNames[] = {"rax", "rcx", "rdx", "rbx", "rsp", "rbp", "rsi", "rdi",
                                             "r8",  "r9",  "r10", "r11", "r12", "r13", "r14", "r15"};

    static const char* excuse(const Ending& t, const Ending& u) {
        const bool absent = !u.returned && u.vector == 14 && !(u.error & 1) && u.cr2 < kKernelHalf;
        const bool same = !t.returned && t.vector == u.vector && t.error == u.error && t.cr2 == u.cr2;
        if (absent && !same && NativeCpu::maps(u.cr2)) return "the test's own memory lies there on the host";
        return nullptr;
    }
    /// The host's kernel shows nothing of its own half of the addresses, nor of the page below it.
    static u64 error_bits(const Ending& t) { return t.vector == 14 && t.cr2 >= kKernelHalf ? 0 : ~u64{0}; }
    static const char* tolerate(const OpcodeRow& row, const UserState& start, const Outcomes& o) {
        if (row.mnemonic == "CALL" && o.our_end.vector == 13 && o.their_end.vector == 13)
            return "the host has stored the return address of a call that then faults";
        return reason_to_tolerate(row, start, o);
    }
};

UserState random_state(Random& random) {
    UserState s;
    for (u64& r : s.gpr) r = random.number64();
    s.gpr[4] = place64::kStack.address + 0x800 + (random.number() & 0x7f8);
    s.rflags = 0x202 | (random.next() & (flag::kArithmetic | (random.one_in(4) ? u32{flag::DF} : 0))) |
               (random.one_in(64) ? u32{flag::AC} : 0);
    random_fx(random, s.fx, 16);
    return s;
}

TEST(Host64, RandomProgramsEndInTheSameState) {
    std::string why;
    const std::unique_ptr<NativeCpu> native = NativeCpu::create(NativeCpu::Mode::Long, why);
    ASSERT_TRUE(native) << "the code cannot run on this host: " << why;
    UserBench64 bench;
    Duel<UserBench64, Rules64> duel(*native, bench, kStart);
    Random random(seed());
    std::map<std::string, unsigned> skipped;
    const FeatureSet& features = bench.cpu.features();
    const std::vector<unsigned> rows = rows_to_compare<ProgramMaker64>(features, skipped);
    ASSERT_FALSE(rows.empty());
    ProgramMaker64 maker(random, features);
    fight(duel, maker, random, rows, kStart, random_state);
    for (const auto& [reason, count] : skipped) fmt::print("left out: {} ({} rows)\n", reason, count);
}

}  // namespace
}  // namespace gnomon::oracle
