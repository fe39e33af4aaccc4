// Random 64-bit user-mode programs on the host's own processor and on Gnomon's: registers, flags, memory, exceptions. As host_test.cpp
// does in compatibility mode.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cstring>
#include <map>

#include "cpu/opcode_table.h"
#include "tests/oracle/user_bench64.h"
#include "tests/oracle/user_program64.h"

namespace gnomon::oracle {
namespace {

constexpr u64 kStart = NativeCpu64::kCode.address + 0x40;
constexpr u64 kFlags = flag::kArithmetic | flag::DF | flag::TF | flag::IF | flag::IOPL | flag::NT | flag::AC | flag::VM;
constexpr NativeCpu64::Window kWindows[] = {NativeCpu64::kData, NativeCpu64::kStack, NativeCpu64::kLow};
constexpr const char* kNames[] = {"rax", "rcx", "rdx", "rbx", "rsp", "rbp", "rsi", "rdi",
                                  "r8",  "r9",  "r10", "r11", "r12", "r13", "r14", "r15"};

struct Outcomes {
    UserState64 theirs, ours;
    Ending64 their_end, our_end;
    bool stuck = false;
};

std::string describe(const UserState64& s) {
    std::string text;
    for (unsigned i = 0; i < 16; i++) text += fmt::format("{} {:016x}{}", kNames[i], s.gpr[i], i % 4 == 3 ? "\n  " : " ");
    return text + fmt::format("rflags {:08x}", s.rflags);
}

class Duel64 {
  public:
    explicit Duel64(NativeCpu64& native) : native_(native) {}

    void fill(Random& random) {
        for (const auto& w : kWindows) {
            for (u64 at = 0; at < w.bytes; at += 8) {
                const u64 value = random.one_in(4) ? random.number64() : random.next();
                std::memcpy(NativeCpu64::memory(w).data() + at, &value, 8);
            }
            std::memcpy(bench_.memory(w), NativeCpu64::memory(w).data(), w.bytes);
        }
    }
    void save() {
        saved_.clear();
        for (const auto& w : kWindows) saved_.emplace_back(NativeCpu64::memory(w).begin(), NativeCpu64::memory(w).end());
    }
    void restore() {
        for (size_t i = 0; i < std::size(kWindows); i++) {
            std::memcpy(NativeCpu64::memory(kWindows[i]).data(), saved_[i].data(), saved_[i].size());
            std::memcpy(bench_.memory(kWindows[i]), saved_[i].data(), saved_[i].size());
        }
    }

    Outcomes run(const UserState64& start, std::span<const u8> code) {
        std::span<u8> page = native_.code().subspan(kStart - NativeCpu64::kCode.address);
        std::vector<u8> ours(code.begin(), code.end());
        // Longer than what the last instruction may jump over.
        ours.insert(ours.end(), 16, NativeCpu64::kEnd);
        std::copy(ours.begin(), ours.end(), page.begin());
        bench_.put_code(kStart, ours);
        Outcomes o;
        o.theirs = o.ours = start;
        o.theirs.rip = o.ours.rip = kStart;
        o.their_end = native_.run(o.theirs, kStart + code.size());
        o.our_end = bench_.run(o.ours, kStart + code.size(), o.stuck);
        return o;
    }

    std::string compare(const Outcomes& o, u32 undefined_flags) {
        if (o.stuck) return "never ends";
        const Ending64& t = o.their_end;
        const Ending64& u = o.our_end;
        if (t.returned != u.returned || t.vector != u.vector)
            return fmt::format(
                "{}, host {}; ",
                u.returned ? "no exception" : fmt::format("exception {} ({:x}) at {:x}, cr2 {:x}", u.vector, u.error, o.ours.rip, u.cr2),
                t.returned ? "no exception" : fmt::format("exception {} ({:x}) at {:x}, cr2 {:x}", t.vector, t.error, o.theirs.rip, t.cr2));
        std::string text;
        for (unsigned i = 0; i < 16; i++)
            if (o.ours.gpr[i] != o.theirs.gpr[i])
                text += fmt::format("{} is {:016x}, host {:016x}; ", kNames[i], o.ours.gpr[i], o.theirs.gpr[i]);
        const u64 flags = (o.ours.rflags ^ o.theirs.rflags) & kFlags & ~undefined_flags;
        if (flags)
            text += fmt::format("rflags is {:08x}, host {:08x} (differ in {:x}); ", o.ours.rflags, o.theirs.rflags, flags);
        if (!t.returned) {
            if (o.ours.rip != o.theirs.rip) text += fmt::format("rip is {:x}, host {:x}; ", o.ours.rip, o.theirs.rip);
            // The host's kernel shows nothing of its own half of the addresses, nor of the page below it.
            const bool kernel = t.vector == 14 && t.cr2 >= 0x7ffffffff000;
            const bool has_error = t.vector == 13 || t.vector == 14 || t.vector == 12 || t.vector == 17;
            if (has_error && !kernel && t.error != u.error) text += fmt::format("error code is {:x}, host {:x}; ", u.error, t.error);
            if (t.vector == 14 && t.cr2 != u.cr2) text += fmt::format("cr2 is {:x}, host {:x}; ", u.cr2, t.cr2);
        }
        const auto part = [&](const std::string& name, unsigned at, unsigned size) {
            if (std::memcmp(&o.ours.fx[at], &o.theirs.fx[at], size) != 0)
                text += fmt::format("{} is {}, host {}; ", name, hex({&o.ours.fx[at], size}), hex({&o.theirs.fx[at], size}));
        };
        part("control", 0, 2);
        part("status", 2, 2);
        part("valid", 4, 1);
        part("mxcsr", 24, 4);
        for (unsigned i = 0; i < 8; i++) part(fmt::format("st{}", i), 32 + 16 * i, 10);
        for (unsigned i = 0; i < 16; i++) part(fmt::format("xmm{}", i), 160 + 16 * i, 16);
        for (const auto& w : kWindows) {
            const u8* theirs = NativeCpu64::memory(w).data();
            const u8* ours = bench_.memory(w);
            if (!std::memcmp(theirs, ours, w.bytes)) continue;
            unsigned shown = 0;
            for (u64 at = 0; at < w.bytes && shown < 8; at++)
                if (theirs[at] != ours[at]) {
                    text += fmt::format("[{:x}] is {:02x}, host {:02x}; ", w.address + at, ours[at], theirs[at]);
                    shown++;
                }
        }
        return text;
    }

    [[nodiscard]] const FeatureSet& features() const { return bench_.cpu.features(); }

  private:
    NativeCpu64& native_;
    UserBench64 bench_;
    std::vector<std::vector<u8>> saved_;
};

UserState64 random_state(Random& random) {
    UserState64 s;
    for (u64& r : s.gpr) r = random.number64();
    s.gpr[4] = NativeCpu64::kStack.address + 0x800 + (random.number() & 0x7f8);
    s.rflags = 0x202 | (random.next() & (flag::kArithmetic | (random.one_in(4) ? u32{flag::DF} : 0))) |
               (random.one_in(64) ? u32{flag::AC} : 0);
    const u16 control = 0x37f;
    const u32 mxcsr = 0x1f80;
    std::memcpy(&s.fx[0], &control, 2);
    s.fx[4] = 0xff;
    std::memcpy(&s.fx[24], &mxcsr, 4);
    for (unsigned i = 0; i < 8; i++) {
        const u64 significand = random.next() | u64{1} << 63;
        const u16 exponent = static_cast<u16>(0x3fff + random.below(64) - 20) | static_cast<u16>(random.next() & 0x8000);
        std::memcpy(&s.fx[32 + 16 * i], &significand, 8);
        std::memcpy(&s.fx[40 + 16 * i], &exponent, 2);
    }
    for (unsigned i = 0; i < 32; i++) {
        u64 lane = random.next();
        if (random.one_in(2)) lane = (lane & 0x807fffff807fffff) | 0x3c8000003c800000;
        std::memcpy(&s.fx[160 + 8 * i], &lane, 8);
    }
    return s;
}

/// Both ended in an exception; what a processor has done by then is its own affair for these.
const char* reason_to_tolerate(const OpcodeRow& row, const UserState64& start, const Outcomes& o) {
    const std::string_view name = row.mnemonic;
    if (row.feature >= Feature::FXSR && o.our_end.vector == 12 && o.their_end.vector == 13)
        return "the alignment of a vector is looked at before its address";
    if (row.operands == "Mt") return "stores of ten bytes: eight are written before a fault";
    if (row.operands == "M") return "another part of a large operand faults first";
    if ((name == "CMPS" || name == "SCAS") && (start.rflags & flag::AC)) return "a long comparison was interrupted in between";
    if (name == "CALL" && o.our_end.vector == 13 && o.their_end.vector == 13)
        return "the host has stored the return address of a call that then faults";
    if (name.starts_with("MASKMOV")) return "bytes that are not selected fault as well";
    if (row.operands.find("Pq") != std::string_view::npos || row.operands.find("Pd") != std::string_view::npos)
        return "the MMX state is entered before the fault";
    return nullptr;
}

TEST(Host64, RandomProgramsEndInTheSameState) {
    std::string why;
    const std::unique_ptr<NativeCpu64> native = NativeCpu64::create(why);
    ASSERT_TRUE(native) << "the code cannot run on this host: " << why;
    Duel64 duel(*native);
    const u64 wanted = cases(200'000, 10'000'000);
    const u64 first_seed = seed();
    Random random(first_seed);
    std::vector<unsigned> rows;
    std::map<std::string, unsigned> skipped;
    const char* only = std::getenv("GNOMON_ONLY");  // a mnemonic, or its beginning
    for (unsigned row = 0; row < opcode_row_count(); row++) {
        if (only && !opcode_row(row).mnemonic.starts_with(only)) continue;
        if (const char* reason = ProgramMaker64::reason_to_skip(opcode_row(row))) skipped[reason]++;
        else if (duel.features().has(opcode_row(row).feature)) rows.push_back(row);
    }
    ASSERT_FALSE(rows.empty());
    ProgramMaker64 maker(random, duel.features());
    std::map<std::string, unsigned> failures;
    std::map<std::string, u64> differ_by_rule;
    std::array<u64, 33> by_vector{};
    u64 instructions = 0;
    duel.fill(random);
    for (u64 n = 0; instructions < wanted; n++) {
        if (n % 64 == 0) duel.fill(random);
        const Program program = maker.make(rows, 1 + static_cast<unsigned>(random.below(6)), kStart);
        const UserState64 start = random_state(random);
        duel.save();
        Outcomes o = duel.run(start, program.code);
        instructions += program.units.size();
        by_vector[o.their_end.returned ? 32 : o.their_end.vector & 31]++;
        std::string difference = duel.compare(o, program.units.back().undefined_flags);
        if (difference.empty()) continue;
        // Cut to the first unit after which the states differ.
        for (const ProgramUnit& unit : program.units) {
            const std::span<const u8> code(program.code.data(), unit.end);
            duel.restore();
            o = duel.run(start, code);
            difference = duel.compare(o, unit.undefined_flags);
            if (difference.empty()) continue;
            const OpcodeRow& row = opcode_row(unit.row);
            if (const char* reason = o.their_end.returned ? nullptr : reason_to_tolerate(row, start, o)) {
                differ_by_rule[reason]++;
                break;
            }
            if (failures[fmt::format("{} {}", row.mnemonic, row.operands)]++ < 2 && failures.size() < 60) {
                duel.restore();
                const Outcomes before = duel.run(start, code.first(unit.at));
                ADD_FAILURE() << row.mnemonic << " " << row.operands << ": " << hex(code.subspan(unit.at)) << " at "
                              << fmt::format("{:x}", kStart + unit.at) << "\n  " << difference
                              << "\n  before: " << describe(before.theirs);
            }
            break;
        }
        if (difference.empty()) ADD_FAILURE() << "only as one program: " << hex(program.code);
        duel.restore();
    }
    fmt::print("{} instructions, seed {:#x}\n", instructions, first_seed);
    for (unsigned vector = 0; vector < 33; vector++)
        if (by_vector[vector])
            fmt::print("{} programs ended by {}\n", by_vector[vector],
                       vector == 32 ? "running through" : fmt::format("exception {}", vector));
    for (const auto& [reason, count] : differ_by_rule) fmt::print("allowed to differ: {} ({})\n", count, reason);
    for (const auto& [reason, count] : skipped) fmt::print("left out: {} ({} rows)\n", reason, count);
    for (const auto& [row, count] : failures) fmt::print("FAILED: {} ({})\n", row, count);
    EXPECT_GT(by_vector[32], instructions / 20);
}

}  // namespace
}  // namespace gnomon::oracle
