// Lockstep with Unicorn, instruction by instruction, in privilege 0 of protected mode with paging: segment
// loads and moves, far transfers, descriptor inspection, and everything that the opcode table has beside.
// Unicorn hands exceptions to a hook and does not go through the IDT, so a program ends with its first
// exception, of which the vector is compared.
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <unicorn/unicorn.h>

#include <map>

#include "cpu/eflags.h"
#include "cpu/model.h"
#include "cpu/opcode_table.h"
#include "tests/oracle/user_program.h"

namespace gnomon::oracle {
namespace {

constexpr u32 kGdt = 0x1000, kIdt = 0x2000, kHandlers = 0x4000, kDirectory = 0x5000, kTables = 0x6000,
              kSystemBytes = 0x10000;
constexpr u32 kRam = place32::kStack + (1 << 20);
constexpr u32 kStart = place32::kCode + 0x40;
constexpr u16 kSelectors[] = {0, 0x08, 0x10, 0x18, 0x20, 0x2b, 0x30, 0x38, 0x40, 0x13, 0x7f8};

struct Ports final : PortSpace {
    u32 port_read(u16, unsigned) override { return 0; }
    void port_write(u16, unsigned, u32) override {}
};
struct Pic final : InterruptController {
    u8 acknowledge() override { return 0; }
};

struct Window {
    u32 address;
    u32 bytes;
};
constexpr Window kWindows[] = {{0, kSystemBytes},
                               {place32::kCode, place32::kCodeBytes},
                               {place32::kData, place32::kDataBytes},
                               {place32::kStack, place32::kStackBytes}};

/// Why Unicorn is no judge of a row, or null.
const char* reason_to_skip(const OpcodeRow& row) {
    const std::string_view name = row.mnemonic;
    const auto is = [&](std::initializer_list<std::string_view> list) {
        return std::find(list.begin(), list.end(), name) != list.end();
    };
    if (row.feature >= Feature::FXSR || row.feature == Feature::MMX || row.opcode == 0x9b ||
        (row.map == OpcodeMap::One && (row.opcode & 0xf8) == 0xd8))
        return "floating point is for the host to judge";
    if (is({"IN", "OUT", "INS", "OUTS"})) return "has hooks in place of ports";
    if (is({"INT", "INT3", "INT1", "INTO", "IRET", "BOUND"})) return "has a hook in place of the IDT";
    if (is({"CPUID", "RDTSC", "RDMSR", "WRMSR", "RDPMC", "SYSENTER", "SYSEXIT"}))
        return "another model of processor";
    if (is({"HLT", "UD0", "UD1", "UD2", "RSM", "SALC"})) return "ends the emulation in its own way";
    if (is({"LLDT", "LTR", "LGDT", "LIDT", "LMSW", "SGDT", "SIDT", "SMSW", "STR", "SLDT"}) ||
        row.operands == "Cd,Rd" || row.operands == "Dd,Rd" || row.operands == "Rd,Cd" ||
        row.operands == "Rd,Dd")
        return "control state with values of its own";
    if (is({"SHLD", "SHRD"})) return "counts above 16 of the 16-bit forms are undefined";
    if (is({"BSF", "BSR"})) return "the destination for a source of zero is undefined";
    if (is({"ARPL", "CMPXCHG8B", "CMPXCHG"})) return "writes in other circumstances";
    if (name == "PUSH" && row.operands.size() == 2 && row.operands[1] == 'S')
        return "writes 32 bits of a selector's slot where processors write 16";
    if (is({"CLFLUSH"})) return "no access there";
    if (is({"BSWAP"})) return "the 16-bit form is undefined";
    if (is({"NEG"})) return "the locked form leaves other flags";
    if (is({"HINT_NOP"}) || (is({"TEST"}) && row.reg == 1)) return "undefined there";
    if (is({"ENTER", "POPA", "PUSHF", "POPF"})) return "order of accesses, reserved flags";
    return nullptr;
}

class Lockstep {
  public:
    Lockstep() {
        const auto poke64 = [&](u32 at, u64 v) { std::memcpy(&image_[at], &v, 8); };
        const auto poke32 = [&](u32 at, u32 v) { std::memcpy(&image_[at], &v, 4); };
        poke64(kGdt + 0x08, 0x00cf9b000000ffff);
        poke64(kGdt + 0x10, 0x00cf93000000ffff);
        poke64(kGdt + 0x18, 0x10009b000000ffff);  // 16-bit code at place32::kCode
        poke64(kGdt + 0x20, 0x200093000000ffff);  // 16-bit data at place32::kData
        poke64(kGdt + 0x28, 0x00cff3000000ffff);
        poke64(kGdt + 0x30, 0x00cf91000000ffff);  // read-only
        poke64(kGdt + 0x38, 0x00cf13000000ffff);  // absent
        poke64(kGdt + 0x40, 0x2000930000000fff);  // 4 KiB
        for (u32 v = 0; v < 32; v++) {
            poke64(kIdt + v * 8, ((kHandlers + v) & 0xffff) | 0x80000u | u64{0x8e00} << 32);
            image_[kHandlers + v] = 0xf4;
        }
        u32 tables = kTables;
        const auto map = [&](u32 address, u32 bytes) {
            u32 entry;
            std::memcpy(&entry, &image_[kDirectory + (address >> 22) * 4], 4);
            if (!entry) {
                entry = tables | 3;
                tables += 0x1000;
                poke32(kDirectory + (address >> 22) * 4, entry);
            }
            for (u32 at = 0; at < bytes; at += 0x1000)
                poke32((entry & ~0xfffu) + ((address + at) >> 12 & 0x3ff) * 4, (address + at) | 3);
        };
        uc_open(UC_ARCH_X86, UC_MODE_32, &uc_);
        // Unicorn checks what is mapped by linear address, so linear is physical here.
        for (const Window& w : kWindows) {
            map(w.address, w.bytes);
            uc_mem_map(uc_, w.address, w.bytes, UC_PROT_ALL);
        }
        uc_hook hook;
        uc_hook_add(uc_, &hook, UC_HOOK_INTR, reinterpret_cast<void*>(&on_interrupt), this, 1, 0);
    }
    ~Lockstep() { uc_close(uc_); }

    /// Empty if every instruction left the same registers, and the end the same memory.
    std::string run(const Program& program, Random& random) {
        std::array<u32, 8> gpr;
        for (u32& r : gpr) r = random.number();
        gpr[4] = place32::kStack + 0x1000;
        const u32 eflags = 2 | (static_cast<u32>(random.next()) & flag::kArithmetic);
        std::array<std::vector<u8>, std::size(kWindows)> memory;
        memory[0] = image_;
        for (size_t w = 1; w < memory.size(); w++) {
            memory[w].resize(kWindows[w].bytes, 0x90);
            if (w == 1) continue;
            for (u32 at = 0; at < kWindows[w].bytes; at += 8) {
                const u64 v = random.next();
                std::memcpy(&memory[w][at], &v, 8);
            }
            // Selectors among the data, so that far pointers and POP find some.
            for (unsigned n = 0; n < 400; n++) {
                const u16 selector = kSelectors[random.below(std::size(kSelectors))];
                std::memcpy(&memory[w][random.below(kWindows[w].bytes - 2)], &selector, 2);
            }
        }
        std::copy(program.code.begin(), program.code.end(), memory[1].begin() + 0x40);
        load_ours(memory, gpr, eflags);
        load_theirs(memory, gpr, eflags);
        const u32 end = kStart + static_cast<u32>(program.code.size());
        u32 undefined = 0;
        size_t unit = 0;
        for (unsigned step = 0; step < 200; step++) {
            const u32 eip = static_cast<u32>(cpu_.state.rip);
            if (cpu_.segment(Seg::CS).base + eip >= end || cpu_.segment(Seg::CS).base + eip < kStart) break;
            const u32 offset = static_cast<u32>(cpu_.segment(Seg::CS).base) + eip - kStart;
            for (unit = 0; unit + 1 < program.units.size() && program.units[unit].end <= offset; unit++) {
            }
            Decoded d;
            decode(&program.code[offset],
                   static_cast<unsigned>(std::min<size_t>(15, program.code.size() - offset)), cpu_.mode_key,
                   cpu_.features(), d);
            if (!d.row) break;
            undefined = (d.row->attributes & attr::kSetsFlags ? 0 : undefined) | undefined_flags(d);
            const bool was_repeat = d.prefixes & (prefix::kRep | prefix::kRepne);
            if (was_repeat) return {};                                    // Unicorn counts iterations
            if (d.row->mnemonic == "RETF" && d.imm >= 0x8000) return {};  // Unicorn takes it as signed
            const bool ours_faulted = step_ours();
            interrupt_ = -1;
            const uc_err error = uc_emu_start(uc_, eip_theirs(), 0xffffffff, 0, 1);
            // An exception in the only instruction of a run does not always reach the hook: EIP has then
            // stayed where it was.
            const bool theirs_faulted = interrupt_ >= 0 || error != UC_ERR_OK || eip_theirs() == eip;
            if (d.row->mnemonic == "CALL" && (cpu_.state.gpr[4] & ~0xfffu) == place32::kCode)
                return {};  // pushes into its own code
            if (ours_faulted && vector_ == 13 && d.segment_override && d.segment == Seg::CS)
                return {};  // Unicorn lets code segments be written
            // Unicorn does not check the limits and rights of segments when memory is accessed.
            const bool far = (d.row->attributes & attr::kEnds) != 0;
            if (ours_faulted && (vector_ == 13 || vector_ == 12) && (far || limited())) return {};
            const std::string at = fmt::format("{} {} [{}]: ", d.row->mnemonic, d.row->operands,
                                               hex({&program.code[offset], d.length}));
            if (ours_faulted != theirs_faulted)
                return at + fmt::format("{}, Unicorn {}",
                                        ours_faulted ? fmt::format("exception {}", vector_) : "no exception",
                                        theirs_faulted
                                            ? fmt::format("exception {} ({})", interrupt_, uc_strerror(error))
                                            : "no exception");
            if (ours_faulted) {
                if (interrupt_ >= 0 && static_cast<unsigned>(interrupt_) != vector_)
                    return at + fmt::format("exception {}, Unicorn {}", vector_, interrupt_);
                return {};
            }
            // At times it stops behind a far transfer with the linear address for EIP.
            const u64 base = cpu_.segment(Seg::CS).base;
            if (far && base != 0 && eip_theirs() == static_cast<u32>(base + cpu_.state.rip)) return {};
            if (std::string text = compare(undefined); !text.empty()) return at + text;
        }
        for (const Window& w : kWindows) {
            if (w.address == 0) continue;  // accessed bits are the processors' own affair
            std::vector<u8> theirs(w.bytes);
            uc_mem_read(uc_, w.address, theirs.data(), w.bytes);
            for (u32 at = 0; at < w.bytes; at++)
                if (const u8 own = map_->ram()[w.address + at]; theirs[at] != own)
                    return fmt::format("memory [{:08x}] is {:02x}, Unicorn {:02x}", w.address + at, own,
                                       theirs[at]);
        }
        return {};
    }

  private:
    static void on_interrupt(uc_engine* uc, u32 number, void* self) {
        static_cast<Lockstep*>(self)->interrupt_ = static_cast<int>(number);
        uc_emu_stop(uc);
    }
    using Memory = std::array<std::vector<u8>, 4>;
    void load_ours(const Memory& memory, const std::array<u32, 8>& gpr, u32 eflags) {
        for (size_t w = 0; w < memory.size(); w++)
            for (u32 at = 0; at < kWindows[w].bytes; at += 8) {
                u64 v, old;
                std::memcpy(&v, &memory[w][at], 8);
                std::memcpy(&old, map_->ram() + kWindows[w].address + at, 8);
                if (v != old) map_->write(GuestPhys(kWindows[w].address + at), 8, v);
            }
        cpu_.reset();
        CpuState s = cpu_.architectural_state();
        for (unsigned i = 0; i < 8; i++) s.gpr[i] = gpr[i];
        s.rip = kStart;
        s.eflags = eflags;
        s.cr0 = 0x80000011;
        s.cr3 = kDirectory;
        s.ldtr = {.limit = 0, .attributes = 0};
        s.gdtr = {kGdt, 0x47};
        s.idtr = {kIdt, 0xff};
        for (unsigned i = 0; i < 6; i++) {
            s.segments[i] = {.limit = 0xffffffff,
                             .selector = static_cast<u16>(i == 1 ? 0x08 : 0x10),
                             .attributes = static_cast<u16>(i == 1 ? 0xc09b : 0xc093)};
            Cpu::update_windows(s.segments[i]);
        }
        s.cpl = 0;
        cpu_.set_architectural_state(s);
    }
    void load_theirs(const Memory& memory, const std::array<u32, 8>& gpr, u32 eflags) {
        u32 zero = 0;
        uc_reg_write(uc_, UC_X86_REG_CR0, &(zero = 0x11));
        for (size_t w = 0; w < memory.size(); w++)
            uc_mem_write(uc_, kWindows[w].address, memory[w].data(), memory[w].size());
        uc_ctl_remove_cache(uc_, u64{place32::kCode}, u64{place32::kCode + place32::kCodeBytes});
        uc_x86_mmr gdtr{0, kGdt, 0x47, 0}, idtr{0, kIdt, 0xff, 0};
        uc_reg_write(uc_, UC_X86_REG_GDTR, &gdtr);
        uc_reg_write(uc_, UC_X86_REG_IDTR, &idtr);
        u16 code = 0x08, data = 0x10;
        uc_reg_write(uc_, UC_X86_REG_CS, &code);
        for (const int r : kSegments)
            if (r != UC_X86_REG_CS) uc_reg_write(uc_, r, &data);
        u32 value = kDirectory;
        uc_reg_write(uc_, UC_X86_REG_CR3, &value);
        uc_reg_write(uc_, UC_X86_REG_CR0, &(value = 0x80000011));
        for (unsigned i = 0; i < 8; i++) uc_reg_write(uc_, kRegisters[i], &gpr[i]);
        uc_reg_write(uc_, UC_X86_REG_EFLAGS, &eflags);
        uc_reg_write(uc_, UC_X86_REG_EIP, &(value = kStart));
    }
    [[nodiscard]] bool limited() const {
        for (const Segment& s : before_)
            if (s.limit != 0xffffffff || s.read_low > s.read_high || s.write_low > s.write_high) {
                if (&s != &before_[1]) return true;
            }
        return false;
    }
    bool step_ours() {
        before_ = cpu_.state.segments;
        cpu_.run(1);
        const u32 eip = static_cast<u32>(cpu_.state.rip);
        if (eip >= kHandlers && eip < kHandlers + 32) {
            vector_ = eip - kHandlers;
            return true;
        }
        if (cpu_.state.activity != Activity::Shutdown) return false;
        // No stack to deliver the exception to: what began it counts.
        vector_ = static_cast<unsigned>(cpu_.shutdown_report().chain[0].fault.vector);
        return true;
    }
    u32 eip_theirs() {
        u32 eip = 0;
        uc_reg_read(uc_, UC_X86_REG_EIP, &eip);
        return eip;
    }
    std::string compare(u32 undefined) {
        const CpuState s = cpu_.architectural_state();
        std::string text;
        for (unsigned i = 0; i < 8; i++) {
            u32 v = 0;
            uc_reg_read(uc_, kRegisters[i], &v);
            if (v != static_cast<u32>(s.gpr[i]))
                text += fmt::format("register {} is {:08x}, Unicorn {:08x}; ", i, s.gpr[i], v);
        }
        u32 eip = 0, eflags = 0;
        uc_reg_read(uc_, UC_X86_REG_EIP, &eip);
        uc_reg_read(uc_, UC_X86_REG_EFLAGS, &eflags);
        if (eip != s.rip) text += fmt::format("eip is {:08x}, Unicorn {:08x}; ", s.rip, eip);
        if ((eflags ^ s.eflags) & (flag::kArithmetic | flag::DF | flag::IF | flag::IOPL | flag::NT) &
            ~undefined)
            text += fmt::format("eflags is {:08x}, Unicorn {:08x}; ", s.eflags, eflags);
        for (unsigned i = 0; i < 6; i++) {
            u32 v = 0;
            uc_reg_read(uc_, kSegments[i], &v);
            if ((v & 0xffff) != s.segments[i].selector)
                text += fmt::format("segment {} is {:04x}, Unicorn {:04x}; ", i, s.segments[i].selector, v);
        }
        return text;
    }

    static constexpr int kRegisters[] = {UC_X86_REG_EAX, UC_X86_REG_ECX, UC_X86_REG_EDX, UC_X86_REG_EBX,
                                         UC_X86_REG_ESP, UC_X86_REG_EBP, UC_X86_REG_ESI, UC_X86_REG_EDI};
    static constexpr int kSegments[] = {UC_X86_REG_ES, UC_X86_REG_CS, UC_X86_REG_SS,
                                        UC_X86_REG_DS, UC_X86_REG_FS, UC_X86_REG_GS};
    uc_engine* uc_ = nullptr;
    int interrupt_ = -1;
    unsigned vector_ = 0;
    std::vector<u8> image_ = std::vector<u8>(kSystemBytes);
    Log log_{[](LogLevel, std::string_view, std::string_view) {}};
    Ports ports_;
    Pic pic_;
    VirtualClock clock_{ClockMode::Deterministic, 1'000'000'000};
    std::unique_ptr<PhysicalMap> map_ = std::move(PhysicalMap::create(kRam, log_)).value();
    std::array<Segment, 6> before_;
    Cpu cpu_{default_model(), *map_, ports_, clock_, pic_, log_, Mmu::Shadow::Off};
};

TEST(Unicorn, ProtectedModeWithPagingGoesInStep) {
    Random random(seed());
    std::vector<unsigned> rows;
    std::map<std::string, unsigned> skipped;
    for (unsigned row = 0; row < opcode_row_count(); row++) {
        const OpcodeRow& r = opcode_row(row);
        if (const char* reason = reason_to_skip(r)) {
            skipped[reason]++;
            continue;
        }
        rows.push_back(row);
        // What touches segments, more often.
        if (ProgramMaker::reason_to_skip(r))
            for (unsigned n = 0; n < 8; n++) rows.push_back(row);
    }
    Lockstep lockstep;
    ProgramMaker maker(random, false);
    std::map<std::string, unsigned> failures;
    const u64 count = cases(1'500, 200'000);
    unsigned agreed = 0;
    for (u64 n = 0; n < count; n++) {
        const Program program = maker.make(rows, 4, kStart);
        const std::string difference = lockstep.run(program, random);
        if (difference.empty()) {
            agreed++;
        } else if (failures[difference.substr(0, difference.find('['))]++ < 1) {
            ADD_FAILURE() << difference << "\n  program " << hex(program.code);
        }
    }
    fmt::print("{} of {} programs agreed\n", agreed, count);
    for (const auto& [reason, number] : skipped) fmt::print("left out: {} rows ({})\n", number, reason);
    for (const auto& [row, number] : failures) fmt::print("FAILED: {} ({})\n", row, number);
}

}  // namespace
}  // namespace gnomon::oracle
