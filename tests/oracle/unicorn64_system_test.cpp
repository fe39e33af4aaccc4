// Lockstep with Unicorn in IA-32e mode, system code: far transfers and returns between privileges and
// submodes, segment loads, tables, paging, model-specific registers. What Unicorn keeps to itself
// (interrupts, SYSCALL) is left to cpu/long_mode_test.cpp.
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <unicorn/unicorn.h>

#include <cstring>
#include <map>

#include "cpu/cpu.h"
#include "cpu/decode.h"
#include "cpu/model.h"
#include "tests/oracle/encoder.h"

namespace gnomon::oracle {
namespace {

// Linear is physical: Unicorn checks what is mapped by linear address.
constexpr u32 kGdt = 0x1000, kTss = 0x3000, kLdt = 0x3800, kPml4 = 0x4000, kPdpt = 0x5000,
              kDirectory = 0x6000, kTable = 0x7000, kCode = 0x10000, kStub = 0x18000, kPrologue = 0x18100,
              kInnerStack = 0x21000, kStack = 0x31000, kData = 0x40000, kMemory = 0x200000;

/// What is written, or set up.
constexpr u32 kPages[] = {0x1000, 0x3000,  0x4000,  0x5000,  0x6000,  0x7000, kCode,
                          kStub,  0x20000, 0x21000, 0x30000, 0x31000, kData};

namespace sel {
constexpr u16 kCode64 = 0x08, kData = 0x10, kUser32 = 0x18, kUserData = 0x20, kUser64 = 0x28, kCode32 = 0x30,
              kConforming = 0x38, kTss = 0x40, kLdt = 0x50, kAbsent = 0x60, kReadOnly = 0x68, kGate = 0x70,
              kLast = 0x80;
}
constexpr u16 kSelectors[] = {0,
                              sel::kCode64,
                              sel::kData,
                              sel::kUser32 | 3,
                              sel::kUserData | 3,
                              sel::kUser64 | 3,
                              sel::kCode32,
                              sel::kAbsent,
                              sel::kReadOnly,
                              sel::kConforming,
                              sel::kLast,
                              sel::kUserData,
                              3,
                              sel::kData | 3,
                              sel::kTss,
                              4 /* in the LDT */};

/// A unit: its bytes, and the mode that it leaves if it does not fault.
struct Mode {
    bool code64 = true;
    unsigned cpl = 0;
};

class SystemProgram {
  public:
    SystemProgram(Random& random) : random_(random) {}

    std::vector<u8> make() {
        code_.clear();
        mode_ = {};
        for (unsigned n = 0; n < 6; n++) unit();
        return code_;
    }

  private:
    void put(std::initializer_list<u8> bytes) { code_.insert(code_.end(), bytes); }
    void imm(unsigned size, u64 value) {
        for (unsigned n = 0; n < size; n++) code_.push_back(static_cast<u8>(value >> 8 * n));
    }
    void push(u64 value) {  // sign-extended
        code_.push_back(0x68);
        imm(4, value);
    }
    void mov(unsigned reg, u32 value) {
        code_.push_back(static_cast<u8>(0xb8 + reg));
        imm(4, value);
    }
    u16 selector() { return kSelectors[random_.below(std::size(kSelectors))]; }
    [[nodiscard]] u32 here() const { return kCode + static_cast<u32>(code_.size()); }

    void unit() {
        switch (random_.below(mode_.cpl == 0 ? 9 : 5)) {
            case 0: return segment_load();
            case 1: return verify();
            case 2: return far_return();
            case 3: return far_pointer();
            case 4: return flags();
            case 5: return interrupt_return();
            case 6: return tables();
            case 7: return bases();
            case 8: return control();
        }
    }
    void segment_load() {
        mov(0, selector());
        constexpr u8 kLoadable[] = {0, 3, 4, 5, 0, 3};  // ES, DS, FS, GS
        put({0x8e, static_cast<u8>(0xc0 | kLoadable[random_.below(6)] << 3)});
    }
    void verify() {
        mov(0, selector());
        mov(1, 0x11223344);
        switch (random_.below(4)) {
            case 0: return put({0x0f, 0x00, 0xe0});   // VERR AX
            case 1: return put({0x0f, 0x00, 0xe8});   // VERW AX
            case 2: return put({0x0f, 0x02, 0xc8});   // LAR ECX, AX
            default: return put({0x0f, 0x03, 0xc8});  // LSL ECX, AX
        }
    }
    /// Where a far transfer may lead from here.
    Mode target(u16& cs) {
        if (mode_.cpl == 3) {
            const bool wide = random_.below(2);
            cs = wide ? sel::kUser64 | 3 : sel::kUser32 | 3;
            return {wide, 3};
        }
        const unsigned choice = static_cast<unsigned>(random_.below(3));
        cs = choice == 0 ? sel::kCode64 : choice == 1 ? sel::kCode32 : sel::kConforming;
        return {choice != 1, mode_.cpl};
    }
    void far_return() {
        u16 cs;
        const Mode next = target(cs);
        push(cs);
        const unsigned length = 5 + 1 + (mode_.code64 ? 1 : 0);
        push(here() + length);
        if (mode_.code64) put({0x48});
        put({0xcb});
        mode_ = next;
    }
    /// JMP or CALL m16:32, and calls through a gate.
    void far_pointer() {
        u16 cs;
        const Mode next = target(cs);
        const bool call = random_.below(2);
        const bool gate = call && random_.below(3) == 0;
        // The offset is stored before the length of the rest is known.
        if (mode_.code64)
            put({0xc7, 0x04, 0x25});
        else
            put({0xc7, 0x05});
        imm(4, kData);
        imm(4, 0);
        const size_t patch = code_.size() - 4;
        if (mode_.code64)
            put({0x66, 0xc7, 0x04, 0x25}), imm(4, kData + 4), imm(2, gate ? sel::kGate : cs);
        else
            put({0x66, 0xc7, 0x05}), imm(4, kData + 4), imm(2, gate ? sel::kGate : cs);
        if (mode_.code64)
            put({0xff, static_cast<u8>(call ? 0x1c : 0x2c), 0x25}), imm(4, kData);
        else
            put({0xff, static_cast<u8>(call ? 0x1d : 0x2d)}), imm(4, kData);
        const u32 after = here();
        std::memcpy(&code_[patch], &after, 4);
        if (!gate) mode_ = next;  // the gate's procedure returns here by itself
    }
    void flags() {
        if (random_.below(2)) {
            put({0x9c, 0x58});  // PUSHF; POP EAX or RAX
        } else {
            push(static_cast<u32>(random_.next()) & (flag::kArithmetic | flag::DF | flag::NT | flag::ID));
            put({0x9d});
        }
    }
    void interrupt_return() {
        struct Choice {
            u16 cs, ss;
            Mode mode;
        };
        constexpr Choice kChoices[] = {{sel::kCode64, sel::kData, {true, 0}},
                                       {sel::kUser64 | 3, sel::kUserData | 3, {true, 3}},
                                       {sel::kUser32 | 3, sel::kUserData | 3, {false, 3}},
                                       {sel::kCode32, sel::kData, {false, 0}},
                                       {sel::kCode64, 0, {true, 0}},
                                       {sel::kUser64 | 3, sel::kData, {true, 3}},
                                       {sel::kUser64, sel::kUserData | 3, {true, 3}}};
        const Choice& c = kChoices[random_.below(random_.below(4) ? 4 : std::size(kChoices))];
        // From a compatibility-mode handler the stack is popped only with the privilege.
        const bool pops = mode_.code64 || c.mode.cpl != mode_.cpl;
        if (pops) push(c.ss), push(kStack - 0x100);
        push(2 | (random_.next() & (flag::kArithmetic | flag::DF)));
        push(c.cs);
        push(here() + 5 + 1 + (mode_.code64 ? 1 : 0));
        if (mode_.code64) put({0x48});
        put({0xcf});
        mode_ = c.mode;
    }
    void tables() {
        switch (random_.below(3)) {
            case 0:
                mov(0, random_.below(2) ? sel::kLdt : selector());
                return put({0x0f, 0x00, 0xd0});       // LLDT AX
            case 1: return put({0x0f, 0x00, 0xc1});   // SLDT ECX
            default: return put({0x0f, 0x00, 0xc9});  // STR ECX
        }
    }
    void bases() {
        if (mode_.code64 && random_.below(3) == 0) return put({0x0f, 0x01, 0xf8});  // SWAPGS
        constexpr u32 kMsrs[] = {0xc0000100, 0xc0000101, 0xc0000102};
        mov(1, kMsrs[random_.below(3)]);
        mov(0, random_.number());
        mov(2, random_.below(2) ? 0 : 0xffff8000);
        put({0x0f, 0x30});  // WRMSR
        mov(0, 0);
        put({0x0f, 0x32});  // RDMSR
    }
    void control() {
        switch (random_.below(3)) {
            case 0: return put({0x0f, 0x20, 0xd8, 0x0f, 0x22, 0xd8});  // MOV EAX, CR3; MOV CR3, EAX
            case 1: return put({0x0f, 0x06});                          // CLTS
            default: return put({0x0f, 0x01, 0x38});                   // INVLPG [EAX]
        }
    }

    Random& random_;
    std::vector<u8> code_;
    Mode mode_;
};

class SystemLockstep {
  public:
    SystemLockstep() {
        build_image();
        uc_open(UC_ARCH_X86, UC_MODE_64, &uc_);
        uc_mem_map(uc_, 0, kMemory, UC_PROT_ALL);
        uc_context_alloc(uc_, &fresh_);
        uc_context_save(uc_, fresh_);
        uc_hook hook;
        uc_hook_add(uc_, &hook, UC_HOOK_INTR, reinterpret_cast<void*>(&on_interrupt), this, 1, 0);
    }
    ~SystemLockstep() {
        uc_context_free(fresh_);
        uc_close(uc_);
    }

    /// Empty if every instruction left the same state.
    std::string run(std::span<const u8> code, Random& random, unsigned& steps) {
        std::vector<u8> memory = image_;
        std::copy(code.begin(), code.end(), memory.begin() + kCode);
        load(memory, random);
        for (unsigned step = 0; step < 100; step++) {
            const u64 rip = cpu_.state.rip;
            const bool in_code = rip >= kCode && rip < kCode + code.size();
            if (!in_code && !(rip >= kStub && rip < kStub + 16)) break;
            Decoded d;
            decode(&memory[rip], 15, cpu_.mode_key, cpu_.features(), d);
            if (!d.row) break;
            const std::string at = fmt::format("{} {} [{}] at {:x}: ", d.row->mnemonic, d.row->operands,
                                               hex({&memory[rip], d.length}), rip);
            const bool code64 = cpu_.in_64bit_mode();
            const bool ours_faulted = cpu_.run(1) == StopReason::Shutdown;
            interrupt_ = -1;
            const uc_err error = uc_emu_start(uc_, rip, ~u64{0}, 0, 1);
            u64 their_rip = 0;
            uc_reg_read(uc_, UC_X86_REG_RIP, &their_rip);
            const bool theirs_faulted = interrupt_ >= 0 || error != UC_ERR_OK || their_rip == rip;
            const unsigned vector =
                ours_faulted ? static_cast<unsigned>(cpu_.shutdown_report().chain[0].fault.vector) : 0;
            // Unicorn does not look at segments when memory is accessed.
            if (ours_faulted && d.memory && !code64 && (vector == 13 || vector == 12)) return {};
            if (ours_faulted != theirs_faulted)
                return at + fmt::format("{}, Unicorn {} ({})",
                                        ours_faulted ? fmt::format("exception {}", vector)
                                                     : std::string("no exception"),
                                        theirs_faulted ? fmt::format("exception {}", interrupt_)
                                                       : std::string("no exception"),
                                        uc_strerror(error));
            if (ours_faulted) {
                // As no exception is delivered there, a second one of the contributory class becomes a double
                // fault.
                const bool contributory = vector >= 10 && vector <= 13;
                if (interrupt_ >= 0 && vector != static_cast<unsigned>(interrupt_) &&
                    !(contributory && interrupt_ == 8))
                    return at + fmt::format("exception {}, Unicorn {}", vector, interrupt_);
                return {};
            }
            steps++;
            if (std::string text = compare(their_rip); !text.empty()) return at + text;
        }
        return {};
    }

  private:
    static void on_interrupt(uc_engine* uc, u32 number, void* self) {
        static_cast<SystemLockstep*>(self)->interrupt_ = static_cast<int>(number);
        uc_emu_stop(uc);
    }
    void poke64(u32 at, u64 v) { std::memcpy(&image_[at], &v, 8); }
    void build_image() {
        poke64(kGdt + sel::kCode64, 0x00af9b000000ffff);
        poke64(kGdt + sel::kData, 0x00cf93000000ffff);
        poke64(kGdt + sel::kUser32, 0x00cffb000000ffff);
        poke64(kGdt + sel::kUserData, 0x00cff3000000ffff);
        poke64(kGdt + sel::kUser64, 0x00affb000000ffff);
        poke64(kGdt + sel::kCode32, 0x00cf9b000000ffff);
        poke64(kGdt + sel::kConforming, 0x00af9f000000ffff);
        poke64(kGdt + sel::kTss, 0x67 | u64{kTss} << 16 | u64{0x8b} << 40);
        poke64(kGdt + sel::kLdt, 0x1f | u64{kLdt} << 16 | u64{0x82} << 40);
        poke64(kGdt + sel::kAbsent, 0x00cf13000000ffff);
        poke64(kGdt + sel::kReadOnly, 0x00cf91000000ffff);
        poke64(kGdt + sel::kGate, kStub | u64{sel::kCode64} << 16 | u64{0xec} << 40);
        poke64(kLdt, 0x00cf93000000ffff);
        poke64(kTss + 4, kInnerStack);
        poke64(kPml4, kPdpt | 7);
        poke64(kPdpt, kDirectory | 7);
        poke64(kDirectory, kTable | 7);
        for (u32 page = 0; page < 512; page++) poke64(kTable + page * 8, u64{page} << 12 | 0x67);
        image_[kStub] = 0x48;
        image_[kStub + 1] = 0xcb;  // RETF
        // MOV EAX, data; MOV DS, ES, FS, GS, SS; PUSH code; PUSH kCode; RETF
        const u8 prologue[] = {0xb8,
                               sel::kData,
                               0,
                               0,
                               0,
                               0x8e,
                               0xd8,
                               0x8e,
                               0xc0,
                               0x8e,
                               0xe0,
                               0x8e,
                               0xe8,
                               0x8e,
                               0xd0,
                               0x68,
                               sel::kCode64,
                               0,
                               0,
                               0,
                               0x68,
                               kCode & 0xff,
                               kCode >> 8 & 0xff,
                               kCode >> 16,
                               0,
                               0x48,
                               0xcb};
        std::copy(std::begin(prologue), std::end(prologue), image_.begin() + kPrologue);
    }
    void load(const std::vector<u8>& memory, Random& random) {
        for (const u32 page : kPages)
            for (u32 at = page; at < page + 0x1000; at += 8) {
                u64 v, old;
                std::memcpy(&v, &memory[at], 8);
                std::memcpy(&old, map_->ram() + at, 8);
                if (v != old) map_->write(GuestPhys(at), 8, v);
            }
        cpu_.reset();
        CpuState s = cpu_.architectural_state();
        s.cr0 = 0x80000011;
        s.cr3 = kPml4;
        s.cr4 = 0x20;
        s.msr.efer = 0xd01;
        s.gdtr = {kGdt, sel::kLast - 1};
        s.idtr = {0, 0};
        s.tr = {.base = kTss, .limit = 0x67, .selector = sel::kTss, .attributes = 0x8b};
        s.ldtr = {.limit = 0, .selector = 0, .attributes = 0};
        for (unsigned n = 0; n < 6; n++) {
            s.segments[n] = {.limit = 0xffffffff,
                             .selector = n == 1 ? sel::kCode64 : sel::kData,
                             .attributes = static_cast<u16>(n == 1 ? 0xa09b : 0xc093)};
            Cpu::update_windows(s.segments[n]);
        }
        for (unsigned n = 0; n < 16; n++) s.gpr[n] = random.number64();
        s.gpr[reg::SP] = kStack;
        s.rip = kCode;
        s.eflags = 2;
        s.cpl = 0;
        cpu_.set_architectural_state(s);

        uc_context_restore(uc_, fresh_);
        for (const u32 page : kPages) uc_mem_write(uc_, page, &memory[page], 0x1000);
        uc_ctl_remove_cache(uc_, u64{kCode}, u64{kCode} + 0x200);
        const auto set = [&](int id, u64 value) { uc_reg_write(uc_, id, &value); };
        const auto msr = [&](u32 index, u64 value) {
            uc_x86_msr m{index, value};
            uc_reg_write(uc_, UC_X86_REG_MSR, &m);
        };
        uc_x86_mmr gdtr{0, kGdt, sel::kLast - 1, 0}, idtr{0, 0, 0, 0}, tr{sel::kTss, kTss, 0x67, 0x8b00},
            ldtr{0, 0, 0, 0};
        uc_reg_write(uc_, UC_X86_REG_GDTR, &gdtr);
        uc_reg_write(uc_, UC_X86_REG_IDTR, &idtr);
        uc_reg_write(uc_, UC_X86_REG_TR, &tr);
        uc_reg_write(uc_, UC_X86_REG_LDTR, &ldtr);
        msr(0xc0000080, 0xd01);
        set(UC_X86_REG_CR4, 0x20);
        set(UC_X86_REG_CR3, kPml4);
        set(UC_X86_REG_CR0, 0x80000011);
        set(UC_X86_REG_RSP, kStack);
        // Segment registers are loaded by instructions: what the interface writes is not the whole of them in
        // 64-bit mode. One by one: between counted and free runs Unicorn clears its whole translation buffer.
        u64 rip = kPrologue;
        for (unsigned step = 0; step < 16 && rip != kCode; step++) {
            uc_emu_start(uc_, rip, ~u64{0}, 0, 1);
            uc_reg_read(uc_, UC_X86_REG_RIP, &rip);
        }
        for (const u32 index : {0xc0000100u, 0xc0000101u, 0xc0000102u}) msr(index, 0);
        for (unsigned n = 0; n < 16; n++) set(kRegisters[n], s.gpr[n]);
        set(UC_X86_REG_RFLAGS, 2);
        set(UC_X86_REG_RIP, kCode);
    }
    std::string compare(u64 their_rip) {
        const CpuState s = cpu_.architectural_state();
        std::string text;
        const auto differ = [&](std::string_view name, u64 ours, u64 theirs) {
            if (ours != theirs) text += fmt::format("{} is {:x}, Unicorn {:x}; ", name, ours, theirs);
        };
        const auto get = [&](int id) {
            u64 value = 0;
            uc_reg_read(uc_, id, &value);
            return value;
        };
        differ("rip", s.rip, their_rip);
        for (unsigned n = 0; n < (cpu_.in_64bit_mode() ? 16u : 8u); n++)
            differ(fmt::format("register {}", n), s.gpr[n], get(kRegisters[n]));
        constexpr u32 kFlags = flag::kArithmetic | flag::DF | flag::IF | flag::IOPL | flag::NT;
        differ("flags", s.eflags & kFlags, get(UC_X86_REG_RFLAGS) & kFlags);
        constexpr int kSegments[] = {UC_X86_REG_ES, UC_X86_REG_CS, UC_X86_REG_SS,
                                     UC_X86_REG_DS, UC_X86_REG_FS, UC_X86_REG_GS};
        // A null selector may keep its RPL when a return to an outer level makes it null again.
        const auto without_rpl = [](u64 selector) { return selector < 4 ? 0 : selector; };
        for (unsigned n = 0; n < 6; n++)
            differ(fmt::format("segment {}", n), without_rpl(s.segments[n].selector),
                   without_rpl(get(kSegments[n]) & 0xffff));
        differ("FS base", s.segments[4].base, get(UC_X86_REG_FS_BASE));
        differ("GS base", s.segments[5].base, get(UC_X86_REG_GS_BASE));
        return text;
    }

    static constexpr int kRegisters[] = {UC_X86_REG_RAX, UC_X86_REG_RCX, UC_X86_REG_RDX, UC_X86_REG_RBX,
                                         UC_X86_REG_RSP, UC_X86_REG_RBP, UC_X86_REG_RSI, UC_X86_REG_RDI,
                                         UC_X86_REG_R8,  UC_X86_REG_R9,  UC_X86_REG_R10, UC_X86_REG_R11,
                                         UC_X86_REG_R12, UC_X86_REG_R13, UC_X86_REG_R14, UC_X86_REG_R15};
    struct Ports final : PortSpace {
        u32 port_read(u16, unsigned) override { return ~u32{0}; }
        void port_write(u16, unsigned, u32) override {}
    } ports_;
    struct Pic final : InterruptController {
        u8 acknowledge() override { return 0; }
    } pic_;
    uc_engine* uc_ = nullptr;
    uc_context* fresh_ = nullptr;
    int interrupt_ = -1;
    std::vector<u8> image_ = std::vector<u8>(kMemory);
    Log log_{[](LogLevel, std::string_view, std::string_view) {}};
    VirtualClock clock_{ClockMode::Deterministic, 1'000'000'000};
    std::unique_ptr<PhysicalMap> map_ = std::move(PhysicalMap::create(kMemory, log_)).value();
    Cpu cpu_{default_model(), *map_, ports_, clock_, pic_, log_, Mmu::Shadow::Off};
};

TEST(Unicorn64, SystemCodeGoesInStep) {
    Random random(seed());
    SystemLockstep lockstep;
    SystemProgram maker(random);
    std::map<std::string, unsigned> failures;
    const u64 count = cases(400, 100'000);
    unsigned agreed = 0, steps = 0;
    for (u64 n = 0; n < count; n++) {
        const std::vector<u8> code = maker.make();
        const std::string difference = lockstep.run(code, random, steps);
        if (difference.empty())
            agreed++;
        else if (failures[difference.substr(0, difference.find('['))]++ < 1)
            ADD_FAILURE() << difference << "\n  program " << hex(code);
    }
    fmt::print("{} of {} programs agreed, {} instructions\n", agreed, count, steps);
    for (const auto& [row, number] : failures) fmt::print("FAILED: {} ({})\n", row, number);
    EXPECT_GT(steps, 4 * count);
}

}  // namespace
}  // namespace gnomon::oracle
