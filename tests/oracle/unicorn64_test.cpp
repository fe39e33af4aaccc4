// Lockstep with Unicorn in 64-bit mode, instruction by instruction: registers and flags after each, memory at the end. Unicorn runs
// without paging of its own, so an exception is only known to have happened.
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <unicorn/unicorn.h>

#include <algorithm>
#include <map>

#include "cpu/opcode_table.h"
#include "tests/oracle/user_bench64.h"
#include "tests/oracle/user_program64.h"

namespace gnomon::oracle {
namespace {

constexpr u64 kStart = place64::kCode.address + 0x40;
constexpr Window kWindows[] = {place64::kCode, place64::kData, place64::kStack, place64::kLow};
constexpr int kRegisters[] = {UC_X86_REG_RAX, UC_X86_REG_RCX, UC_X86_REG_RDX, UC_X86_REG_RBX, UC_X86_REG_RSP, UC_X86_REG_RBP,
                              UC_X86_REG_RSI, UC_X86_REG_RDI, UC_X86_REG_R8,  UC_X86_REG_R9,  UC_X86_REG_R10, UC_X86_REG_R11,
                              UC_X86_REG_R12, UC_X86_REG_R13, UC_X86_REG_R14, UC_X86_REG_R15};

/// Why Unicorn is no judge of a row, or null.
const char* reason_to_skip(const OpcodeRow& row) {
    const std::string_view name = row.mnemonic;
    const auto is = [&](std::initializer_list<std::string_view> list) { return std::find(list.begin(), list.end(), name) != list.end(); };
    switch (row.feature) {
    case Feature::I386: case Feature::I486: case Feature::P6: case Feature::CMOV: case Feature::CX8: case Feature::CX16:
    case Feature::POPCNT: case Feature::ADX: case Feature::PREFETCHW: break;
    default: return "features of other models";
    }
    if (row.opcode == 0x9b || (row.map == OpcodeMap::One && (row.opcode & 0xf8) == 0xd8)) return "floating point is for the host to judge";
    if ((row.attributes & attr::kCpl0) || is({"CLI", "STI", "IN", "OUT", "INS", "OUTS", "PUSHF", "POPF"}) || row.operands == "Rd,Cd" ||
        row.operands == "Cd,Rd" || row.operands == "Rd,Dd" || row.operands == "Dd,Rd")
        return "runs at privilege 0 there";
    if (is({"UD0", "UD1", "UD2", "RSM", "SMSW", "LMSW", "RDPMC"})) return "ends the emulation in its own way";
    if (is({"SHLD", "SHRD"})) return "counts above 16 of the 16-bit forms are undefined";
    if (is({"BSF", "BSR"})) return "the destination for a source of zero is undefined";
    if (is({"CMPXCHG", "CMPXCHG8B"})) return "writes in other circumstances";
    if (is({"BSWAP"})) return "the 16-bit form is undefined";
    if (is({"NEG"})) return "the locked form leaves other flags";
    if (is({"HINT_NOP", "PREFETCHW"}) || (name == "TEST" && row.reg == 1)) return "undefined there";
    if (is({"ENTER"})) return "order of accesses";
    if (is({"LAHF", "SAHF"})) return "takes SPL for AH with a REX prefix";
    return ProgramMaker64::reason_to_skip(row);
}

class Lockstep64 {
  public:
    Lockstep64() {
        uc_open(UC_ARCH_X86, UC_MODE_64, &uc_);
        for (const auto& w : kWindows) uc_mem_map(uc_, w.address, w.bytes, w.address == place64::kCode.address ? UC_PROT_READ | UC_PROT_EXEC : UC_PROT_READ | UC_PROT_WRITE);
        uc_hook hook;
        uc_hook_add(uc_, &hook, UC_HOOK_INTR, reinterpret_cast<void*>(&on_interrupt), this, 1, 0);
    }
    ~Lockstep64() { uc_close(uc_); }
    [[nodiscard]] const FeatureSet& features() const { return bench_.cpu.features(); }

    /// Empty if every instruction left the same registers, and the end the same memory.
    std::string run(const Program& program, Random& random) {
        UserState start;
        for (u64& r : start.gpr) r = random.number64();
        start.gpr[4] = place64::kStack.address + 0x1000;
        start.rip = kStart;
        start.rflags = 0x202 | (random.next() & flag::kArithmetic);
        load(program, start, random);
        const u64 end = kStart + program.code.size();
        u32 undefined = 0;
        bench_.begin(start);
        for (unsigned step = 0; step < 200; step++) {
            const u64 rip = bench_.cpu.state.rip;
            if (rip >= end || rip < kStart) break;
            const u64 offset = rip - kStart;
            Decoded d;
            const auto available = static_cast<unsigned>(std::min<size_t>(15, program.code.size() - offset));
            decode(&program.code[offset], available, mode::kCode64, features(), d);
            if (!d.row) break;
            if (d.prefixes & (prefix::kRep | prefix::kRepne)) return {};    // Unicorn counts iterations
            // Unicorn follows AMD in near branches with an operand size, and refuses REX.R where reg extends the opcode.
            if (d.prefix_66 && row_shape(d.row_index).imm == ImmKind::Jz) return {};
            if (d.row->reg >= 0 && (d.rex & 4)) return {};
            undefined = (d.row->attributes & attr::kSetsFlags ? 0 : undefined) | undefined_flags(d);
            const bool ours_faulted = bench_.cpu.run(1) == StopReason::Shutdown;
            interrupted_ = false;
            const uc_err error = uc_emu_start(uc_, rip, ~u64{0}, 0, 1);
            u64 their_rip = 0;
            uc_reg_read(uc_, UC_X86_REG_RIP, &their_rip);
            const bool theirs_faulted = interrupted_ || error != UC_ERR_OK || their_rip == rip;
            const std::string at = fmt::format("{} {} [{}]: ", d.row->mnemonic, d.row->operands, hex({&program.code[offset], d.length}));
            // Unicorn fetches from where a branch went before the next step.
            if (!ours_faulted && (d.row->attributes & attr::kEnds) && error != UC_ERR_OK) return {};
            if (ours_faulted != theirs_faulted)
                return at + fmt::format("{}, Unicorn {}",
                                        ours_faulted ? fmt::format("exception {}", static_cast<unsigned>(bench_.cpu.shutdown_report().chain[0].fault.vector)) : "no exception",
                                        theirs_faulted ? uc_strerror(error) : "no exception");
            if (ours_faulted) return {};
            if (std::string text = compare(undefined, their_rip); !text.empty()) return at + text;
        }
        for (const auto& w : kWindows) {
            std::vector<u8> theirs(w.bytes);
            uc_mem_read(uc_, w.address, theirs.data(), w.bytes);
            for (u64 at = 0; at < w.bytes; at++)
                if (const u8 own = bench_.memory(w)[at]; theirs[at] != own)
                    return fmt::format("memory [{:x}] is {:02x}, Unicorn {:02x}", w.address + at, own, theirs[at]);
        }
        return {};
    }

  private:
    static void on_interrupt(uc_engine* uc, u32, void* self) {
        static_cast<Lockstep64*>(self)->interrupted_ = true;
        uc_emu_stop(uc);
    }
    void load(const Program& program, const UserState& start, Random& random) {
        for (const auto& w : kWindows) {
            std::vector<u8> bytes(w.bytes, 0x90);
            if (w.address == place64::kCode.address) {
                std::copy(program.code.begin(), program.code.end(), bytes.begin() + 0x40);
            } else {
                for (u64 at = 0; at < w.bytes; at += 8) {
                    const u64 v = random.next();
                    std::memcpy(&bytes[at], &v, 8);
                }
            }
            uc_mem_write(uc_, w.address, bytes.data(), bytes.size());
            bench_.put(w.address, bytes);
        }
        uc_ctl_remove_cache(uc_, place64::kCode.address, place64::kCode.address + place64::kCode.bytes);
        for (unsigned i = 0; i < 16; i++) uc_reg_write(uc_, kRegisters[i], &start.gpr[i]);
        uc_reg_write(uc_, UC_X86_REG_RFLAGS, &start.rflags);
        const u64 gs = place64::kGsBase;
        uc_reg_write(uc_, UC_X86_REG_GS_BASE, &gs);
    }
    std::string compare(u32 undefined, u64 their_rip) {
        const CpuState s = bench_.cpu.architectural_state();
        std::string text;
        for (unsigned i = 0; i < 16; i++) {
            u64 v = 0;
            uc_reg_read(uc_, kRegisters[i], &v);
            if (v != s.gpr[i]) text += fmt::format("register {} is {:016x}, Unicorn {:016x}; ", i, s.gpr[i], v);
        }
        u64 rflags = 0;
        uc_reg_read(uc_, UC_X86_REG_RFLAGS, &rflags);
        if (their_rip != s.rip) text += fmt::format("rip is {:x}, Unicorn {:x}; ", s.rip, their_rip);
        if ((rflags ^ s.eflags) & (flag::kArithmetic | flag::DF) & ~undefined)
            text += fmt::format("rflags is {:08x}, Unicorn {:08x}; ", s.eflags, rflags);
        return text;
    }

    uc_engine* uc_ = nullptr;
    bool interrupted_ = false;
    UserBench64 bench_;
};

TEST(Unicorn64, UserCodeGoesInStep) {
    Random random(seed());
    std::vector<unsigned> rows;
    std::map<std::string, unsigned> skipped;
    for (unsigned row = 0; row < opcode_row_count(); row++) {
        if (const char* reason = reason_to_skip(opcode_row(row))) skipped[reason]++;
        else rows.push_back(row);
    }
    Lockstep64 lockstep;
    ProgramMaker64 maker(random, lockstep.features());
    std::map<std::string, unsigned> failures;
    const u64 count = cases(800, 200'000);
    unsigned agreed = 0;
    for (u64 n = 0; n < count; n++) {
        const Program program = maker.make(rows, 4, kStart);
        const std::string difference = lockstep.run(program, random);
        if (difference.empty()) agreed++;
        else if (failures[difference.substr(0, difference.find('['))]++ < 1) ADD_FAILURE() << difference << "\n  program " << hex(program.code);
    }
    fmt::print("{} of {} programs agreed\n", agreed, count);
    for (const auto& [reason, number] : skipped) fmt::print("left out: {} rows ({})\n", number, reason);
    for (const auto& [row, number] : failures) fmt::print("FAILED: {} ({})\n", row, number);
}

}  // namespace
}  // namespace gnomon::oracle
