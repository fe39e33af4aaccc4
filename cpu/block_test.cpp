// Stores into decoded code: blocks that are changed by them against blocks that are decoded anew, and
// programs that change themselves against the same programs decoded anew before every instruction. SDM Vol.
// 3, "Handling Self- and Cross-Modifying Code".
#include "cpu/block.h"

#include <cstring>
#include <random>

#include "cpu/test_machine.h"

namespace gnomon {
namespace {

using Bytes = std::vector<u8>;

constexpr u32 kCode64 = mode::kCode64 | mode::kFlat;
constexpr u32 kCode32 = mode::kCode32 | mode::kStack32 | mode::kFlat;

struct Random {
    std::mt19937 engine;
    u32 below(u32 n) { return static_cast<u32>(engine() % n); }
    u8 byte() { return static_cast<u8>(engine()); }
    /// Immediates at which instructions change their ways are frequent.
    u8 operand() {
        constexpr u8 kSpecial[] = {0, 1, 2, 8, 0x1f, 0x20, 0x40, 0x7f, 0x80, 0xff};
        return below(2) ? kSpecial[below(std::size(kSpecial))] : byte();
    }
};

/// An instruction with immediate or displacement, often; else anything.
Bytes random_instruction(Random& random) {
    const struct {
        Bytes opcode;
        u8 varies;         // bits of its last byte
        unsigned operand;  // bytes
    } forms[] = {
        {{0xb8}, 7, 4},           // MOV r,imm
        {{0x05}, 0x38, 4},        // ADD … CMP eAX,imm
        {{0x3d}, 0, 4},           // CMP, again: it is fused with a branch
        {{0x81, 0xc0}, 0x3f, 4},  // ADD … CMP r,imm
        {{0x83, 0xc0}, 0x3f, 1},
        {{0xc0, 0xc0}, 0x3f, 1},  // shifts
        {{0xc1, 0xc0}, 0x3f, 1},
        {{0x69, 0xc8}, 7, 4},                          // IMUL
        {{0x8b, 0x80}, 7, 4},                          // MOV r,[r+disp32]
        {{0x88, 0x40}, 7, 1},                          // MOV [r+disp8],r
        {{0xc7, 0x05}, 0, 8},                          // MOV [disp32],imm32
        {{0x70}, 15, 1},                               // Jcc
        {{0x0f, 0xba, 0xe0}, 0x1f, 1},                 // BT … BTC r,imm
        {{0x0f, 0xa4, 0xd8}, 7, 1},                    // SHLD
        {{0x66, 0x0f, 0xc6, 0xc8}, 7, 1},              // SHUFPD
        {{0x66, 0x0f, 0x3a, 0x0f, 0xc8}, 7, 1},        // PALIGNR
        {{0x66, 0x0f, 0x73, 0xd0}, 0x2f, 1},           // PSRLQ, PSLLDQ …
        {{0xa1}, 0, 4},                                // MOV eAX,moffs
        {{0xc8}, 0, 3},                                // ENTER
        {{0xd4}, 0, 1},                                // AAM
        {{0x62, 0xf1, 0x7c, 0x48, 0x10, 0x40}, 7, 1},  // VMOVUPS with disp8*N
        {{0xc5, 0xed, 0xc2, 0xc8}, 7, 1},              // VCMPPD
    };
    Bytes bytes;
    if (random.below(12) == 0) {
        for (unsigned n = 1 + random.below(6); n > 0; n--) bytes.push_back(random.byte());
        return bytes;
    }
    const auto& form = forms[random.below(std::size(forms))];
    bytes = form.opcode;
    bytes.back() |= random.byte() & form.varies;
    for (unsigned n = 0; n < form.operand; n++) bytes.push_back(random.operand());
    return bytes;
}

/// Two caches over the same memory: one whose blocks live through the stores, and one that decodes.
struct TwoCaches {
    static constexpr u32 kPage = 16;
    Log log{[](LogLevel, std::string_view, std::string_view) {}};
    std::unique_ptr<PhysicalMap> map = std::move(PhysicalMap::create(2 << 20, log)).value();
    FeatureSet features = default_model().features;
    const Instruction* current = nullptr;
    bool written = false;
    BlockCache kept{*map, features, current, written};
    BlockCache fresh{*map, features, current, written};

    [[nodiscard]] u8* page() const { return map->ram() + kPage * kPageSize; }
    [[nodiscard]] Mmu::FetchPage fetch_page() const {
        return {page(), GuestPhys(kPage * kPageSize), true, kPage};
    }
    Block* block(u32 offset, u32 mode) { return kept.find(reinterpret_cast<u64>(page() + offset), mode); }
    void put(u32 offset, const Bytes& bytes) { std::memcpy(page() + offset, bytes.data(), bytes.size()); }
    void store(u32 offset, const Bytes& bytes) {
        map->dma_write(GuestPhys(kPage * kPageSize + offset), bytes);
    }

    /// The kept block is what the bytes are now.
    testing::AssertionResult up_to_date(u32 offset, u32 mode) {
        Block* old = block(offset, mode);
        if (!old) return testing::AssertionFailure() << "no block";
        if (fresh.nearly_full()) fresh.flush();
        Block* now = fresh.translate(fetch_page(), offset, mode);
        if (!now || now->count != old->count || now->bytes != old->bytes)
            return testing::AssertionFailure() << "another length";
        for (unsigned n = 0; n < now->count; n++) {
            if (std::memcmp(old->entry() + n, now->entry() + n, sizeof(Instruction)) == 0) continue;
            return testing::AssertionFailure()
                   << "instruction " << n << " (" << opcode_row(now->entry()[n].row).mnemonic << " "
                   << opcode_row(now->entry()[n].row).operands << ") at " << old->entry()[n].ip_offset;
        }
        return testing::AssertionSuccess();
    }
};

TEST(Block, ThatStoresHaveChangedIsWhatDecodingAnewGives) {
    TwoCaches t;
    Random random{std::mt19937(5)};
    constexpr u32 kModes[] = {
        kCode32, kCode64, 0, mode::kCode32, kCode32 | mode::kSingle, kCode64 | mode::kSingle};
    constexpr u32 kBytes = 160;
    for (unsigned round = 0; round < 3000; round++) {
        if (t.kept.nearly_full()) t.kept.flush();
        std::vector<u32> starts;
        Bytes code;
        while (code.size() < kBytes) {
            starts.push_back(static_cast<u32>(code.size()));
            const Bytes more = random_instruction(random);
            code.insert(code.end(), more.begin(), more.end());
        }
        code.resize(kBytes);
        t.store(0, code);
        std::vector<std::pair<u32, u32>> live;
        for (unsigned n = 0; n < 6; n++) {
            const std::pair<u32, u32> where{starts[random.below(static_cast<u32>(starts.size()))],
                                            kModes[random.below(std::size(kModes))]};
            if (!t.block(where.first, where.second))
                t.kept.translate(t.fetch_page(), where.first, where.second);
            live.push_back(where);
        }
        for (unsigned n = 0; n < 30; n++) {
            Bytes data(1u << random.below(4));
            const u32 at = random.below(kBytes - 8);
            std::memcpy(data.data(), t.page() + at, data.size());
            data[random.below(static_cast<u32>(data.size()))] = random.operand();
            if (data.size() > 1 && random.below(2))
                data[random.below(static_cast<u32>(data.size()))] = random.operand();
            t.store(at, data);
            for (const auto& [offset, mode] : live) {
                if (t.block(offset, mode))
                    ASSERT_TRUE(t.up_to_date(offset, mode))
                        << "round " << round << " store " << n << " at " << at;
                else
                    t.kept.translate(t.fetch_page(), offset, mode);
            }
        }
    }
    EXPECT_GT(t.kept.counters().patched, 5000u);
    EXPECT_GT(t.kept.counters().invalidated, 5000u);
}

TEST(Block, StoreOfTheSameBytesLeavesItAlone) {
    TwoCaches t;
    t.put(0, {0xb8, 1, 0, 0, 0, 0xc3});
    Block* block = t.kept.translate(t.fetch_page(), 0, kCode32);
    t.store(0, {0xb8, 1, 0, 0, 0, 0xc3});
    EXPECT_EQ(t.block(0, kCode32), block);
    EXPECT_EQ(t.kept.counters().patched, 0u);
    EXPECT_EQ(t.kept.counters().invalidated, 0u);
    EXPECT_FALSE(t.written);
}

TEST(Block, KeepsItsPlaceWhenAnImmediateChanges) {
    TwoCaches t;
    t.put(0, {0xb8, 1, 0, 0, 0, 0x05, 2, 0, 0, 0, 0xc3});
    Block* block = t.kept.translate(t.fetch_page(), 0, kCode32);
    Block* inner = t.kept.translate(t.fetch_page(), 5, kCode32);
    t.store(6, {0x78, 0x56, 0x34, 0x92});
    EXPECT_EQ(t.block(0, kCode32), block);
    EXPECT_EQ(t.block(5, kCode32), inner);
    EXPECT_EQ(block->entry()[1].imm, 0xffffffff'92345678u);
    EXPECT_EQ(inner->entry()[0].imm, 0xffffffff'92345678u);
    EXPECT_EQ(t.kept.counters().patched, 2u);
    EXPECT_EQ(t.kept.counters().invalidated, 0u);
    EXPECT_FALSE(t.written);
}

TEST(Block, DiesWhenMoreThanAnOperandChanges) {
    const struct {
        const char* what;
        Bytes code;
        u32 at;
        Bytes data;
    } cases[] = {
        {"opcode", {0xb8, 1, 0, 0, 0, 0xc3}, 0, {0xb9}},
        {"two instructions", {0xb8, 1, 0, 0, 0, 0xb9, 1, 0, 0, 0, 0xc3}, 3, {0, 1, 0xb9, 7}},
        {"branch displacement", {0x40, 0x75, 2, 0xc3}, 2, {4}},
        {"call displacement", {0xe8, 2, 0, 0, 0}, 1, {4}},
        {"shift count from 0", {0x01, 0xd8, 0xc1, 0xe1, 0, 0xc3}, 4, {1}},
        {"shift count to 0", {0x01, 0xd8, 0xc1, 0xe1, 1, 0xc3}, 4, {0x20}},
        {"length", {0x8b, 0x43, 4, 0xc3}, 1, {0x83}},
        {"undefined opcode", {0x0f, 0x04, 0xc3}, 1, {0x31}},
        {"base register", {0x8b, 0x43, 4, 0xc3}, 1, {0x41}},
    };
    for (const auto& c : cases) {
        TwoCaches t;
        t.put(0, c.code);
        ASSERT_NE(t.kept.translate(t.fetch_page(), 0, kCode32), nullptr) << c.what;
        t.store(c.at, c.data);
        EXPECT_EQ(t.block(0, kCode32), nullptr) << c.what;
        EXPECT_EQ(t.kept.counters().patched, 0u) << c.what;
        EXPECT_TRUE(t.written) << c.what;
    }
}

TEST(Block, InstructionThatStoresIntoItselfKeepsItsOperands) {
    TwoCaches t;
    t.put(0, {0xb8, 1, 0, 0, 0, 0xc3});
    Block* block = t.kept.translate(t.fetch_page(), 0, kCode32);
    t.current = block->entry();
    t.store(1, {2});
    EXPECT_EQ(block->entry()->imm, 1u);
    EXPECT_EQ(t.block(0, kCode32), nullptr);
}

// ---- programs -------------------------------------------------------------------------------------------

u64 patched(TestMachine& m) { return m.cpu.blocks().counters().patched; }
u64 invalidated(TestMachine& m) { return m.cpu.blocks().counters().invalidated; }

TEST(SelfModifyingCode, StoreIntoTheNextInstructionIsSeenByIt) {
    TestMachine m;
    m.enter_protected();
    // MOV [kCodeBase + 11],EBX; ADD EAX,0 behind it, in one block that has run before.
    m.code({0x89, 0x1d, 0x07, 0x00, 0x01, 0x00, 0x05, 0, 0, 0, 0, 0xeb, 0xf3});
    m.cpu.put<u32>(reg::AX, 0);
    for (u32 n = 1; n <= 4; n++) {
        m.cpu.put<u32>(reg::BX, n * 0x10001);
        m.run(3);
        EXPECT_EQ(m.rip(), TestMachine::kCodeBase);
        EXPECT_EQ(m.gpr(reg::AX), n * (n + 1) / 2 * 0x10001);
    }
    EXPECT_EQ(patched(m), 4u);
    EXPECT_EQ(invalidated(m), 0u);
}

TEST(SelfModifyingCode, AddToItsOwnImmediateAddsTheOldOne) {
    TestMachine m;
    m.enter_protected();
    // ADD BYTE [kCodeBase + 6],5: its own immediate doubles.
    m.code({0x80, 0x05, 0x06, 0x00, 0x01, 0x00, 5, 0xeb, 0xf7});
    for (const u32 expected : {10u, 20u, 40u}) {
        m.run(2);
        EXPECT_EQ(m.peek8(TestMachine::kCodeBase + 6), expected);
    }
    EXPECT_EQ(patched(m), 0u);
    EXPECT_EQ(invalidated(m), 3u);
}

TEST(SelfModifyingCode, StoreIntoComparisonBeforeABranchIsSeen) {
    TestMachine m;
    m.enter_protected();
    // MOV [kCodeBase + 7],BL; CMP EAX,0 (imm32 at 7); JE +2; INC ECX; NOP; JMP back.
    m.code({0x88, 0x1d, 0x07, 0x00, 0x01, 0x00, 0x3d, 0, 0, 0, 0, 0x74, 0x02, 0x41, 0x90, 0xeb, 0xef});
    m.cpu.put<u32>(reg::CX, 0);
    m.cpu.put<u32>(reg::AX, 3);
    for (u32 n = 1; n <= 5; n++) {
        m.cpu.put<u32>(reg::BX, n);
        m.run(n == 3 ? 4 : 6);
        EXPECT_EQ(m.rip(), TestMachine::kCodeBase);
        EXPECT_EQ(m.gpr(reg::CX), n < 3 ? n : n - 1);
    }
    EXPECT_EQ(patched(m), 5u);
}

TEST(SelfModifyingCode, ReadModifyWriteBesideCodeNeedsNobody) {
    TestMachine m;
    m.enter_protected();
    // INC DWORD [kCodeBase + 0x800]; ROL BYTE [kCodeBase + 0x810],1; BTS [kCodeBase + 0x820],EDX; XCHG
    // [kCodeBase + 0x830],EBX; JMP.
    m.code({0xff, 0x05, 0x00, 0x08, 0x01, 0x00, 0xd0, 0x05, 0x10, 0x08, 0x01, 0x00, 0x0f, 0xab,
            0x15, 0x20, 0x08, 0x01, 0x00, 0x87, 0x1d, 0x30, 0x08, 0x01, 0x00, 0xeb, 0xe5});
    m.poke32(TestMachine::kCodeBase + 0x800, 0xfffffffe);
    m.poke8(TestMachine::kCodeBase + 0x810, 0x81);
    m.poke32(TestMachine::kCodeBase + 0x830, 7);
    m.cpu.put<u32>(reg::DX, 5);
    m.cpu.put<u32>(reg::BX, 9);
    m.run(15);
    EXPECT_EQ(m.peek32(TestMachine::kCodeBase + 0x800), 1u);
    EXPECT_EQ(m.peek8(TestMachine::kCodeBase + 0x810), 0x0cu);
    EXPECT_EQ(m.peek32(TestMachine::kCodeBase + 0x820), 0x20u);
    EXPECT_EQ(m.peek32(TestMachine::kCodeBase + 0x830), 9u);
    EXPECT_EQ(m.gpr(reg::BX), 7u);
    EXPECT_TRUE(m.cpu.eflags() & flag::CF);
    EXPECT_EQ(m.cpu.blocks().counters().decoded, 1u);
}

/// A loop whose instructions store into each other's operands mostly, and anywhere sometimes.
Bytes random_program(Random& random) {
    Bytes code;
    std::vector<u32> targets;     // offsets of operands
    std::vector<u32> references;  // where an address is to be filled in
    const auto some = [&] {
        constexpr unsigned kRegisters[] = {reg::AX, reg::CX, reg::DX, reg::BX, reg::BP};
        return kRegisters[random.below(std::size(kRegisters))];
    };
    const auto put = [&](std::initializer_list<unsigned> bytes) {
        for (const unsigned b : bytes) code.push_back(static_cast<u8>(b));
    };
    const auto with_operand = [&](std::initializer_list<unsigned> opcode, unsigned bytes) {
        put(opcode);
        targets.push_back(static_cast<u32>(code.size()));
        while (bytes-- > 0) code.push_back(random.operand());
    };
    const auto with_address = [&](std::initializer_list<unsigned> opcode) {
        put(opcode);
        references.push_back(static_cast<u32>(code.size()));
        put({0, 0, 0, 0});
    };
    for (unsigned n = 6 + random.below(14); n > 0; n--) {
        switch (random.below(11)) {
            case 0: with_operand({0xb8 + some()}, 4); break;                               // MOV r,imm
            case 1: with_operand({0x81, 0xc0 | random.below(8) << 3 | some()}, 4); break;  // ADD … CMP r,imm
            case 2: with_operand({0x83, 0xc0 | random.below(8) << 3 | some()}, 1); break;
            case 3: with_operand({0xc1, 0xe0 | some()}, 1); break;  // SHL
            case 4: with_operand({0x05}, 4); break;                 // ADD EAX,imm
            case 5: with_operand({0x3d}, 4); break;                 // CMP EAX,imm
            case 6: with_address({0x89, 0x05 | some() << 3}); break;
            case 7: with_address({0x88, 0x05 | random.below(4) << 3}); break;
            case 8: with_address({0xc6, 0x05}), with_operand({}, 1); break;  // MOV [address],imm8
            case 9: with_address({0x83, 0x05}), with_operand({}, 1); break;  // ADD [address],imm8
            case 10: with_operand({0x8b, 0x40 | some() << 3 | reg::SI}, 1); break;
        }
        if (random.below(3) == 0) put({0x70 | random.below(16), 0});  // Jcc to the next one
    }
    const u32 back = 0u - static_cast<u32>(code.size()) - 5;
    put({0xe9, back & 0xff, back >> 8 & 0xff, back >> 16 & 0xff, back >> 24});
    for (const u32 at : references) {
        const bool anywhere = targets.empty() || random.below(8) == 0;
        const u32 target = anywhere ? random.below(static_cast<u32>(code.size()))
                                    : targets[random.below(static_cast<u32>(targets.size()))];
        const u32 address = TestMachine::kCodeBase + target;
        std::memcpy(code.data() + at, &address, 4);
    }
    return code;
}

TEST(SelfModifyingCode, ProgramsRunAsIfDecodedAnewBeforeEachInstruction) {
    Random random{std::mt19937(11)};
    u64 patches = 0;
    for (unsigned round = 0; round < 150; round++) {
        const Bytes code = random_program(random);
        TestMachine quick, exact;
        for (TestMachine* m : {&quick, &exact}) {
            m->enter_protected();
            for (u32 at = 0; at < code.size(); at++) m->poke8(TestMachine::kCodeBase + at, code[at]);
            for (unsigned n = 0; n < 8; n++)
                if (n != reg::SP) m->cpu.put<u32>(n, 0x1000 * n);
        }
        constexpr unsigned kInstructions = 150;
        quick.run(kInstructions);
        for (unsigned n = 0; n < kInstructions; n++) {
            exact.cpu.forget_blocks();
            exact.run(1);
        }
        const CpuState a = quick.cpu.architectural_state();
        const CpuState b = exact.cpu.architectural_state();
        ASSERT_EQ(a.gpr, b.gpr) << "round " << round;
        ASSERT_EQ(a.rip, b.rip) << "round " << round;
        ASSERT_EQ(a.eflags, b.eflags) << "round " << round;
        ASSERT_EQ(std::memcmp(quick.map->ram(), exact.map->ram(), quick.map->ram_size()), 0)
            << "round " << round;
        patches += patched(quick);
    }
    EXPECT_GT(patches, 500u);
}

}  // namespace
}  // namespace gnomon
