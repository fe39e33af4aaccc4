// Random user-mode programs on the host's own processor and on Gnomon's: registers, flags, memory,
// exceptions.
//
// A program is a few instructions from the opcode table with operands that mostly lie in mapped memory. Both
// processors start from the same state; where they end differently, the program is cut to its first
// instruction that differs and printed.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <map>
#include <set>

#include "cpu/opcode_table.h"
#include "tests/oracle/user_bench.h"
#include "tests/oracle/user_program.h"

namespace gnomon::oracle {
namespace {

constexpr u32 kStart = NativeCpu::kCode + 0x40;
constexpr u32 kFlags =
    flag::kArithmetic | flag::DF | flag::TF | flag::IF | flag::IOPL | flag::NT | flag::AC | flag::VM;

struct Window {
    u32 address;
    u32 bytes;
};

/// Memory of both sides; always the same between programs.
class Memories {
  public:
    Memories(UserBench& bench, bool low) : bench_(bench) {
        windows_ = {{NativeCpu::kData, NativeCpu::kDataBytes}, {NativeCpu::kStack, NativeCpu::kStackBytes}};
        if (low) windows_.push_back({NativeCpu::kLow, NativeCpu::kLowBytes});
    }
    void fill(Random& random) {
        for (const Window& w : windows_) {
            for (u32 at = 0; at < w.bytes; at += 8) {
                const u64 value =
                    random.one_in(4) ? random.number() | u64{random.number()} << 32 : random.next();
                std::memcpy(native(w).data() + at, &value, 8);
            }
            std::memcpy(ours(w), native(w).data(), w.bytes);
        }
    }
    void save() {
        saved_.clear();
        for (const Window& w : windows_) saved_.emplace_back(native(w).begin(), native(w).end());
    }
    void restore() {
        for (size_t i = 0; i < windows_.size(); i++) {
            std::memcpy(native(windows_[i]).data(), saved_[i].data(), windows_[i].bytes);
            std::memcpy(ours(windows_[i]), saved_[i].data(), windows_[i].bytes);
        }
    }
    std::string difference() {
        std::string text;
        for (const Window& w : windows_) {
            const u8* theirs = native(w).data();
            const u8* own = ours(w);
            if (!std::memcmp(theirs, own, w.bytes)) continue;
            unsigned shown = 0;
            for (u32 at = 0; at < w.bytes && shown < 8; at++)
                if (theirs[at] != own[at]) {
                    text +=
                        fmt::format("[{:08x}] is {:02x}, host {:02x}; ", w.address + at, own[at], theirs[at]);
                    shown++;
                }
        }
        return text;
    }

  private:
    static std::span<u8> native(const Window& w) { return NativeCpu::memory(w.address, w.bytes); }
    u8* ours(const Window& w) { return bench_.memory(w.address); }
    UserBench& bench_;
    std::vector<Window> windows_;
    std::vector<std::vector<u8>> saved_;
};

constexpr const char* kNames[] = {"eax", "ecx", "edx", "ebx", "esp", "ebp", "esi", "edi"};

std::string describe(const UserState& s) {
    std::string text;
    for (unsigned i = 0; i < 8; i++) text += fmt::format("{} {:08x} ", kNames[i], s.gpr[i]);
    text += fmt::format("eflags {:08x}", s.eflags);
    u16 control, status;
    u32 mxcsr;
    std::memcpy(&control, &s.fx[0], 2);
    std::memcpy(&status, &s.fx[2], 2);
    std::memcpy(&mxcsr, &s.fx[24], 4);
    text += fmt::format("\n  control {:04x} status {:04x} valid {:02x} mxcsr {:08x}", control, status,
                        s.fx[4], mxcsr);
    for (unsigned i = 0; i < 8; i++) {
        u64 low;
        u16 high;
        std::memcpy(&low, &s.fx[32 + 16 * i], 8);
        std::memcpy(&high, &s.fx[40 + 16 * i], 2);
        text += fmt::format("{}st{} {:04x}:{:016x}", i % 4 ? " " : "\n  ", i, high, low);
    }
    for (unsigned i = 0; i < 8; i++)
        text += fmt::format("{}xmm{} {}", i % 2 ? " " : "\n  ", i, hex({&s.fx[160 + 16 * i], 16}));
    return text;
}

/// Both ended in an exception; what a processor has done or reports by then is its own affair for these, and
/// differs between models.
const char* reason_to_tolerate(const OpcodeRow& row, const UserState& start) {
    const std::string_view name = row.mnemonic;
    if (name == "POPA") return "POPA has loaded some registers before the fault";
    if (row.operands == "Mt")
        return "stores of ten bytes: eight are written before a fault, and an unmasked exception of FBSTP "
               "comes first";
    if (row.operands == "M") return "another part of a large operand faults first";
    if ((name == "CMPS" || name == "SCAS") && (start.eflags & flag::AC))
        return "a long comparison was interrupted in between";
    if (name.starts_with("DPP")) return "exceptions of the sums are found together with those of the products";
    if (name.starts_with("MASKMOV")) return "bytes that are not selected fault as well";
    if (row.operands.find("Pq") != std::string_view::npos ||
        row.operands.find("Pd") != std::string_view::npos)
        return "the MMX state is entered before the fault";
    return nullptr;
}

struct Outcomes {
    UserState theirs, ours;
    Ending their_end, our_end;
    bool stuck = false;
};

class Duel {
  public:
    explicit Duel(NativeCpu& native)
        : native_(native), bench_(native.has_low()), memories_(bench_, native.has_low()) {}

    Outcomes run(const UserState& start, std::span<const u8> code) {
        std::span<u8> page = native_.code().subspan(kStart - NativeCpu::kCode);
        std::vector<u8> both(code.begin(), code.end());
        std::copy(code.begin(), code.end(), page.begin());
        const auto their_ending = NativeCpu::ending();
        std::copy(their_ending.begin(), their_ending.end(), page.begin() + static_cast<long>(code.size()));
        const auto our_ending = UserBench::ending();
        both.insert(both.end(), our_ending.begin(), our_ending.end());
        bench_.put_code(kStart, both);
        Outcomes o;
        o.theirs = o.ours = start;
        o.theirs.eip = o.ours.eip = kStart;
        o.their_end = native_.run(o.theirs);
        o.our_end = bench_.run(o.ours, o.stuck);
        return o;
    }

    std::string compare(const Outcomes& o, u32 undefined_flags, const char*& allowed) {
        allowed = nullptr;
        if (o.stuck) return "never ends";
        const Ending& t = o.their_end;
        const Ending& u = o.our_end;
        // A 64-bit host has no limit of 4 GiB in compatibility mode: accesses across the end of the segment
        // fail by paging, or not at all.
        if (!t.returned && t.vector == 14 && (t.cr2 >= 0xffff0000 || t.cr2 < 0x1000) && !u.returned &&
            (u.vector == 13 || u.vector == 12)) {
            allowed = "across the end of the segment";
            return {};
        }
        if (!t.returned && t.vector == 14 && (t.error & 0x10) &&
            t.cr2 - NativeCpu::kCode >= NativeCpu::kCodeBytes) {
            if (u.returned || u.vector != 14 || u.cr2 != t.cr2) {
                allowed = "execution of data: no-execute on the host only";
                return {};
            }
        }
        // All segments are flat, so that only their end gives #SS, or #GP where the host finds fault with the
        // alignment.
        if (!t.returned && !u.returned && t.vector != u.vector && (u.vector == 12 || u.vector == 13) &&
            u.error == 0 && (t.vector == 13 || t.vector == 17)) {
            allowed = "across the end of the segment";
            return {};
        }
        if (!t.returned && !u.returned && t.vector == 14 && u.vector == 14 && UserBench::in_kernel(t.cr2) &&
            t.cr2 == u.cr2) {
            allowed = "the kernels lie in different places";
            return {};
        }
        if (t.returned != u.returned || t.vector * !t.returned != u.vector * !u.returned)
            return fmt::format(
                "{}, host {}; ",
                u.returned ? "no exception" : fmt::format("exception {} ({:x})", u.vector, u.error),
                t.returned ? "no exception"
                           : fmt::format("exception {} ({:x}), cr2 {:08x}", t.vector, t.error, t.cr2));
        std::string text;
        for (unsigned i = 0; i < 8; i++)
            if (o.ours.gpr[i] != o.theirs.gpr[i])
                text += fmt::format("{} is {:08x}, host {:08x}; ", kNames[i], o.ours.gpr[i], o.theirs.gpr[i]);
        const u32 flags = (o.ours.eflags ^ o.theirs.eflags) & kFlags & ~undefined_flags;
        if (flags)
            text += fmt::format("eflags is {:08x}, host {:08x} (differ in {:x}); ", o.ours.eflags,
                                o.theirs.eflags, flags);
        if (!t.returned) {
            if (o.ours.eip != o.theirs.eip)
                text += fmt::format("eip is {:08x}, host {:08x}; ", o.ours.eip, o.theirs.eip);
            const bool has_error = t.vector == 13 || t.vector == 14 || t.vector == 12 || t.vector == 17;
            const u32 mask = t.vector == 14 ? 0xf : ~0u;  // without the instruction-fetch bit
            if (has_error && ((t.error ^ u.error) & mask))
                text += fmt::format("error code is {:x}, host {:x}; ", u.error, t.error);
            if (t.vector == 14 && t.cr2 != u.cr2)
                text += fmt::format("cr2 is {:08x}, host {:08x}; ", u.cr2, t.cr2);
        }
        text += compare_fx(o.ours.fx, o.theirs.fx);
        text += memories_.difference();
        return text;
    }

    static std::string compare_fx(const std::array<u8, 512>& ours, const std::array<u8, 512>& theirs) {
        std::string text;
        const auto part = [&](const std::string& name, unsigned at, unsigned size) {
            if (std::memcmp(&ours[at], &theirs[at], size) != 0)
                text += fmt::format("{} is {}, host {}; ", name, hex({&ours[at], size}),
                                    hex({&theirs[at], size}));
        };
        part("control", 0, 2);
        part("status", 2, 2);
        part("valid", 4, 1);
        part("mxcsr", 24, 4);
        for (unsigned i = 0; i < 8; i++) part(fmt::format("st{}", i), 32 + 16 * i, 10);
        for (unsigned i = 0; i < 8; i++) part(fmt::format("xmm{}", i), 160 + 16 * i, 16);
        return text;
    }

    Memories& memories() { return memories_; }

  private:
    NativeCpu& native_;
    UserBench bench_;
    Memories memories_;
};

UserState random_state(Random& random) {
    UserState s;
    for (u32& r : s.gpr) r = random.number();
    s.gpr[4] = NativeCpu::kStack + 0x800 + (random.number() & 0x7fc);
    s.eflags =
        0x202 |
        (static_cast<u32>(random.next()) & (flag::kArithmetic | (random.one_in(4) ? u32{flag::DF} : 0))) |
        (random.one_in(64) ? u32{flag::AC} : 0);
    u16 control = 0x37f, status = static_cast<u16>(random.next() & 0x7f00);
    u32 mxcsr = 0x1f80;
    if (random.one_in(3))
        control = static_cast<u16>(0x37f ^ (random.next() & 0xc00) ^
                                   (random.one_in(2) ? 0x100 << random.below(2) : 0));
    if (random.one_in(8)) control &= static_cast<u16>(~(random.next() & 0x3f));
    if (random.one_in(3)) mxcsr ^= static_cast<u32>(random.next() & 0xe07f);
    if (random.one_in(12)) mxcsr &= static_cast<u32>(~(random.next() & 0x1f80));
    if (random.one_in(3)) status |= static_cast<u16>(random.next() & control & 0x3f);
    std::memcpy(&s.fx[0], &control, 2);
    std::memcpy(&s.fx[2], &status, 2);
    s.fx[4] = static_cast<u8>(random.one_in(2) ? random.next() : 0xff);
    std::memcpy(&s.fx[24], &mxcsr, 4);
    for (unsigned i = 0; i < 8; i++) {
        u64 significand = random.next();
        u16 exponent =
            static_cast<u16>(0x3fff + random.below(64) - 20) | static_cast<u16>(random.next() & 0x8000);
        switch (random.below(12)) {
            case 0: significand = 0, exponent &= 0x8000; break;
            case 1: significand = u64{1} << 63, exponent |= 0x7fff; break;
            case 2: exponent |= 0x7fff; [[fallthrough]];
            case 3: significand |= u64{1} << 63; break;
            case 4: exponent &= 0x8000; break;
            case 5: exponent = static_cast<u16>(random.next()); break;
            case 6: significand = u64{1} << 63; break;
            default: significand |= u64{1} << 63; break;
        }
        std::memcpy(&s.fx[32 + 16 * i], &significand, 8);
        std::memcpy(&s.fx[40 + 16 * i], &exponent, 2);
        for (unsigned n = 0; n < 4; n++) {
            u32 lane = static_cast<u32>(random.next());
            if (random.one_in(2))
                lane = (lane & 0x807fffff) | static_cast<u32>(0x70 + random.below(0x20)) << 23;
            if (random.one_in(8)) lane = random.number();
            std::memcpy(&s.fx[160 + 16 * i + 4 * n], &lane, 4);
        }
    }
    return s;
}

TEST(Host, RandomProgramsEndInTheSameState) {
    std::string why;
    const std::unique_ptr<NativeCpu> native = NativeCpu::create(why);
    ASSERT_TRUE(native) << "32-bit code cannot run on this host: " << why;
    Duel duel(*native);
    const u64 wanted = cases(200'000, 10'000'000);
    const u64 first_seed = seed();
    Random random(first_seed);
    std::vector<unsigned> rows;
    std::map<std::string, unsigned> skipped;
    const char* only = std::getenv("GNOMON_ONLY");  // a mnemonic, or its beginning
    for (unsigned row = 0; row < opcode_row_count(); row++) {
        if (only && !opcode_row(row).mnemonic.starts_with(only)) continue;
        if (const char* reason = ProgramMaker::reason_to_skip(opcode_row(row)))
            skipped[fmt::format("{}: {}", opcode_row(row).mnemonic, reason)]++;
        else if (default_model().features.has(opcode_row(row).feature))
            rows.push_back(row);
    }
    ProgramMaker maker(random, native->has_low());
    std::map<std::string, unsigned> failures;
    std::map<std::string, u64> differ_by_rule;
    std::array<u64, 33> by_vector{};
    u64 instructions = 0;
    duel.memories().fill(random);
    for (u64 n = 0; instructions < wanted; n++) {
        if (n % 64 == 0) duel.memories().fill(random);
        const Program program = maker.make(rows, 1 + static_cast<unsigned>(random.below(6)), kStart);
        const UserState start = random_state(random);
        duel.memories().save();
        Outcomes o = duel.run(start, program.code);
        instructions += program.units.size();
        by_vector[o.their_end.returned ? 32 : o.their_end.vector & 31]++;
        const char* allowed = nullptr;
        std::string difference = duel.compare(o, program.units.back().undefined_flags, allowed);
        if (allowed) {
            differ_by_rule[allowed]++;
            duel.memories().restore();
        }
        if (difference.empty()) continue;
        // Cut to the first unit after which the states differ.
        for (const ProgramUnit& unit : program.units) {
            const std::span<const u8> code(program.code.data(), unit.end);
            duel.memories().restore();
            o = duel.run(start, code);
            difference = duel.compare(o, unit.undefined_flags, allowed);
            if (difference.empty()) continue;
            const OpcodeRow& row = opcode_row(unit.row);
            if (const char* reason = o.their_end.returned ? nullptr : reason_to_tolerate(row, start)) {
                differ_by_rule[reason]++;
                break;
            }
            if (failures[fmt::format("{} {}", row.mnemonic, row.operands)]++ < 2 && failures.size() < 60) {
                duel.memories().restore();
                const Outcomes before = duel.run(start, code.first(unit.at));
                ADD_FAILURE() << row.mnemonic << " " << row.operands << ": " << hex(code.subspan(unit.at))
                              << " at " << fmt::format("{:08x}", kStart + unit.at) << "\n  " << difference
                              << "\n  before: " << describe(before.theirs);
            }
            break;
        }
        if (difference.empty()) ADD_FAILURE() << "only as one program: " << hex(program.code);
        duel.memories().restore();
    }
    fmt::print("{} instructions, seed {:#x}{}\n", instructions, first_seed,
               native->has_low() ? "" : ", no 16-bit addresses");
    for (unsigned vector = 0; vector < 33; vector++)
        if (by_vector[vector])
            fmt::print("{} programs ended by {}\n", by_vector[vector],
                       vector == 32 ? "running through" : fmt::format("exception {}", vector));
    for (const auto& [reason, count] : differ_by_rule)
        fmt::print("allowed to differ: {} ({})\n", count, reason);
    for (const auto& [reason, count] : skipped) fmt::print("left out: {} ({} rows)\n", reason, count);
    for (const auto& [row, count] : failures) fmt::print("FAILED: {} ({})\n", row, count);
    EXPECT_GT(by_vector[32], instructions / 20);
}

}  // namespace
}  // namespace gnomon::oracle
