// Random user-mode programs on the host's own processor and on Gnomon's, in either mode: registers, flags,
// memory, exceptions.
//
// A program is a few instructions from the opcode table with operands that mostly lie in mapped memory. Both
// processors start from the same state; where they end differently, the program is cut to its first
// instruction that differs and printed.
#pragma once

#include <gtest/gtest.h>

#include <map>

#include "cpu/flags.h"
#include "cpu/opcode_table.h"
#include "tests/oracle/fx_image.h"
#include "tests/oracle/user_program.h"

namespace gnomon::oracle {

struct Outcomes {
    UserState theirs, ours;
    Ending their_end, our_end;
    bool stuck = false;
};

/// `Bench` is our processor in one of the modes; `Rules` what is particular to the mode:
///   kRegisters, kVectors, kNames   how many general and XMM registers there are, and what they are called
///   excuse(theirs, ours)           why these endings may differ, or null
///   error_bits(ending)             bits of the error code that the host shows
///   tolerate(row, start, outcomes) why two exceptions may have left different states, or null
template<class Bench, class Rules>
class Duel {
  public:
    Duel(NativeCpu& native, Bench& bench, u64 start) : native_(native), bench_(bench), start_(start) {}

    /// The memory of both sides; always the same between programs.
    void fill(Random& random) {
        for (const Window& w : native_.windows()) {
            for (u64 at = 0; at < w.bytes; at += 8) {
                const u64 value = random.one_in(4) ? random.number64() : random.next();
                std::memcpy(NativeCpu::memory(w).data() + at, &value, 8);
            }
            std::memcpy(bench_.memory(w), NativeCpu::memory(w).data(), w.bytes);
        }
    }
    void save() {
        saved_.clear();
        for (const Window& w : native_.windows())
            saved_.emplace_back(NativeCpu::memory(w).begin(), NativeCpu::memory(w).end());
    }
    void restore() {
        for (size_t i = 0; i < saved_.size(); i++) {
            const Window& w = native_.windows()[i];
            std::memcpy(NativeCpu::memory(w).data(), saved_[i].data(), saved_[i].size());
            std::memcpy(bench_.memory(w), saved_[i].data(), saved_[i].size());
        }
    }

    Outcomes run(const UserState& state, std::span<const u8> code) {
        std::vector<u8> bytes(code.begin(), code.end());
        // Longer than what the last instruction may jump over.
        bytes.insert(bytes.end(), 16, NativeCpu::kEnd);
        std::copy(bytes.begin(), bytes.end(),
                  native_.code().begin() + static_cast<i64>(start_ - native_.code_address()));
        bench_.put_code(start_, bytes);
        Outcomes o;
        o.theirs = o.ours = state;
        o.theirs.rip = o.ours.rip = start_;
        o.their_end = native_.run(o.theirs, start_ + code.size());
        o.our_end = bench_.run(o.ours, start_ + code.size(), o.stuck);
        return o;
    }

    /// What differs; nothing also where `allowed` says why it may.
    std::string compare(const Outcomes& o, u32 undefined_flags, const char*& allowed) {
        allowed = nullptr;
        if (o.stuck) return "never ends";
        const Ending& t = o.their_end;
        const Ending& u = o.our_end;
        allowed = Rules::excuse(t, u);
        if (allowed) return {};
        if (t.returned != u.returned || t.vector != u.vector)
            return fmt::format("{}, host {}; ", describe(u, o.ours), describe(t, o.theirs));
        std::string text;
        for (unsigned i = 0; i < Rules::kRegisters; i++)
            if (o.ours.gpr[i] != o.theirs.gpr[i])
                text +=
                    fmt::format("{} is {:x}, host {:x}; ", Rules::kNames[i], o.ours.gpr[i], o.theirs.gpr[i]);
        const u64 flags = (o.ours.rflags ^ o.theirs.rflags) & kFlags & ~u64{undefined_flags};
        if (flags)
            text += fmt::format("flags are {:08x}, host {:08x} (differ in {:x}); ", o.ours.rflags,
                                o.theirs.rflags, flags);
        if (!t.returned) {
            if (o.ours.rip != o.theirs.rip)
                text += fmt::format("ip is {:x}, host {:x}; ", o.ours.rip, o.theirs.rip);
            const bool has_error = t.vector == 13 || t.vector == 14 || t.vector == 12 || t.vector == 17;
            if (has_error && ((t.error ^ u.error) & Rules::error_bits(t)))
                text += fmt::format("error code is {:x}, host {:x}; ", u.error, t.error);
            if (t.vector == 14 && t.cr2 != u.cr2)
                text += fmt::format("cr2 is {:x}, host {:x}; ", u.cr2, t.cr2);
        }
        return text + compare_fx(o.ours.fx, o.theirs.fx, Rules::kVectors) + memory_difference();
    }

    [[nodiscard]] static std::string describe(const UserState& s) {
        std::string text;
        for (unsigned i = 0; i < Rules::kRegisters; i++)
            text += fmt::format("{} {:x}{}", Rules::kNames[i], s.gpr[i], i % 8 == 7 ? "\n  " : " ");
        return text + fmt::format("flags {:08x}", s.rflags) + describe_fx(s.fx, Rules::kVectors);
    }

  private:
    static constexpr u64 kFlags =
        flag::kArithmetic | flag::DF | flag::TF | flag::IF | flag::IOPL | flag::NT | flag::AC | flag::VM;

    static std::string describe(const Ending& e, const UserState& s) {
        return e.returned
                   ? "no exception"
                   : fmt::format("exception {} ({:x}) at {:x}, cr2 {:x}", e.vector, e.error, s.rip, e.cr2);
    }
    std::string memory_difference() {
        std::string text;
        for (const Window& w : native_.windows()) {
            const u8* theirs = NativeCpu::memory(w).data();
            const u8* ours = bench_.memory(w);
            if (!std::memcmp(theirs, ours, w.bytes)) continue;
            unsigned shown = 0;
            for (u64 at = 0; at < w.bytes && shown < 8; at++)
                if (theirs[at] != ours[at]) {
                    text +=
                        fmt::format("[{:x}] is {:02x}, host {:02x}; ", w.address + at, ours[at], theirs[at]);
                    shown++;
                }
        }
        return text;
    }

    NativeCpu& native_;
    Bench& bench_;
    u64 start_;
    std::vector<std::vector<u8>> saved_;
};

/// Rows whose mnemonic begins as GNOMON_ONLY says, that the processor has and the maker does not leave out.
template<class Maker>
std::vector<unsigned> rows_to_compare(const FeatureSet& features, std::map<std::string, unsigned>& skipped) {
    const char* only = std::getenv("GNOMON_ONLY");
    std::vector<unsigned> rows;
    for (unsigned row = 0; row < opcode_row_count(); row++) {
        if (only && !opcode_row(row).mnemonic.starts_with(only)) continue;
        if (const char* reason = Maker::reason_to_skip(opcode_row(row)))
            skipped[reason]++;
        else if (features.has(opcode_row(row).feature))
            rows.push_back(row);
    }
    return rows;
}

/// The test itself: 200,000 instructions, ten million with GNOMON_LONG. `make_state` gives a random state to
/// start from.
template<class Bench, class Rules, class Maker, class MakeState>
void fight(Duel<Bench, Rules>& duel, Maker& maker, Random& random, std::span<const unsigned> rows, u64 start,
           MakeState make_state) {
    const u64 wanted = cases(200'000, 10'000'000);
    std::map<std::string, unsigned> failures;
    std::map<std::string, u64> differ_by_rule;
    std::array<u64, 33> by_vector{};
    u64 instructions = 0;
    duel.fill(random);
    for (u64 n = 0; instructions < wanted; n++) {
        if (n % 64 == 0) duel.fill(random);
        const Program program = maker.make(rows, 1 + static_cast<unsigned>(random.below(6)), start);
        const UserState state = make_state(random);
        duel.save();
        Outcomes o = duel.run(state, program.code);
        instructions += program.units.size();
        by_vector[o.their_end.returned ? 32 : o.their_end.vector & 31]++;
        const char* allowed = nullptr;
        std::string difference = duel.compare(o, program.units.back().undefined_flags, allowed);
        if (allowed) {
            differ_by_rule[allowed]++;
            duel.restore();
        }
        if (difference.empty()) continue;
        // Cut to the first unit after which the states differ.
        for (const ProgramUnit& unit : program.units) {
            const std::span<const u8> code(program.code.data(), unit.end);
            duel.restore();
            o = duel.run(state, code);
            difference = duel.compare(o, unit.undefined_flags, allowed);
            if (difference.empty()) continue;
            const OpcodeRow& row = opcode_row(unit.row);
            if (const char* reason = o.their_end.returned ? nullptr : Rules::tolerate(row, state, o)) {
                differ_by_rule[reason]++;
                break;
            }
            if (failures[fmt::format("{} {}", row.mnemonic, row.operands)]++ < 2 && failures.size() < 60) {
                duel.restore();
                const Outcomes before = duel.run(state, code.first(unit.at));
                ADD_FAILURE() << row.mnemonic << " " << row.operands << ": " << hex(code.subspan(unit.at))
                              << " at " << fmt::format("{:x}", start + unit.at) << "\n  " << difference
                              << "\n  before: " << duel.describe(before.theirs);
            }
            break;
        }
        if (difference.empty()) ADD_FAILURE() << "only as one program: " << hex(program.code);
        duel.restore();
    }
    fmt::print("{} instructions, seed {:#x}\n", instructions, seed());
    for (unsigned vector = 0; vector < 33; vector++)
        if (by_vector[vector])
            fmt::print("{} programs ended by {}\n", by_vector[vector],
                       vector == 32 ? "running through" : fmt::format("exception {}", vector));
    for (const auto& [reason, count] : differ_by_rule)
        fmt::print("allowed to differ: {} ({})\n", count, reason);
    for (const auto& [row, count] : failures) fmt::print("FAILED: {} ({})\n", row, count);
    EXPECT_GT(by_vector[32], instructions / 20);
}

/// What both modes tolerate when both processors ended in an exception: what one has done by then is its own
/// affair, and differs between models.
inline const char* reason_to_tolerate(const OpcodeRow& row, const UserState& start, const Outcomes& o) {
    const std::string_view name = row.mnemonic;
    if (row.operands == "Mt")
        return "stores of ten bytes: eight are written before a fault, and an unmasked exception of FBSTP "
               "comes first";
    if (row.operands == "M") return "another part of a large operand faults first";
    if ((name == "CMPS" || name == "SCAS") && (start.rflags & flag::AC))
        return "a long comparison was interrupted in between";
    if (name.starts_with("DPP"))
        return "exceptions of the sums are found together with those of the products";
    if (name.starts_with("MASKMOV") && o.our_end.vector == 14 && o.their_end.vector == 14)
        return "which byte of MASKMOV faults first";
    if (row.operands.find("Pq") != std::string_view::npos ||
        row.operands.find("Pd") != std::string_view::npos)
        return "the MMX state is entered before the fault";
    return nullptr;
}

}  // namespace gnomon::oracle
