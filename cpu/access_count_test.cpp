// The counters of --stats: operands in memory by instruction, and what blocks that ran add up to.
#include "cpu/access_count.h"

#include "cpu/block.h"
#include "cpu/test_machine.h"

namespace gnomon {
namespace {

AccessCount accesses_of(std::initializer_list<u8> bytes) {
    Decoded decoded;
    const FeatureSet all = find_model("max")->features;
    EXPECT_EQ(decode(std::data(bytes), static_cast<unsigned>(bytes.size()), mode::kCode32 | mode::kStack32, all, decoded), DecodeStatus::Ok);
    EXPECT_EQ(decoded.length, bytes.size());
    return data_accesses(decoded);
}

TEST(AccessCount, FollowsWhatInstructionsDoWithMemory) {
    const AccessCount none{}, read{1, 0}, write{0, 1}, both{1, 1};
    EXPECT_EQ(accesses_of({0x01, 0xc8}), none) << "add eax, ecx";
    EXPECT_EQ(accesses_of({0x03, 0x07}), read) << "add eax, [edi]";
    EXPECT_EQ(accesses_of({0x01, 0x07}), write) << "add [edi], eax: a read-modify-write is a write";
    EXPECT_EQ(accesses_of({0x89, 0x07}), write) << "mov [edi], eax";
    EXPECT_EQ(accesses_of({0xa1, 0, 0, 0, 0}), read) << "mov eax, [0]";
    EXPECT_EQ(accesses_of({0xa3, 0, 0, 0, 0}), write) << "mov [0], eax";
    EXPECT_EQ(accesses_of({0x39, 0x07}), read) << "cmp [edi], eax";
    EXPECT_EQ(accesses_of({0xf6, 0x27}), read) << "mul byte [edi]";
    EXPECT_EQ(accesses_of({0xf6, 0x1f}), write) << "neg byte [edi]";
    EXPECT_EQ(accesses_of({0x8d, 0x07}), none) << "lea eax, [edi]";
    EXPECT_EQ(accesses_of({0x50}), write) << "push eax";
    EXPECT_EQ(accesses_of({0xff, 0x37}), both) << "push dword [edi]";
    EXPECT_EQ(accesses_of({0x8f, 0x07}), both) << "pop dword [edi]";
    EXPECT_EQ(accesses_of({0xff, 0x17}), both) << "call [edi]";
    EXPECT_EQ(accesses_of({0xff, 0x27}), read) << "jmp [edi]";
    EXPECT_EQ(accesses_of({0xc3}), read) << "ret";
    EXPECT_EQ(accesses_of({0x60}), (AccessCount{0, 8})) << "pusha";
    EXPECT_EQ(accesses_of({0xa4}), both) << "movsb";
    EXPECT_EQ(accesses_of({0xa6}), (AccessCount{2, 0})) << "cmpsb";
    EXPECT_EQ(accesses_of({0xaa}), write) << "stosb";
    EXPECT_EQ(accesses_of({0xac}), read) << "lodsb";
    EXPECT_EQ(accesses_of({0xae}), read) << "scasb";
    EXPECT_EQ(accesses_of({0xd9, 0x07}), read) << "fld dword [edi]";
    EXPECT_EQ(accesses_of({0xd9, 0x1f}), write) << "fstp dword [edi]";
    EXPECT_EQ(accesses_of({0xdc, 0x07}), read) << "fadd qword [edi]";
    EXPECT_EQ(accesses_of({0xd9, 0x3f}), write) << "fnstcw [edi]";
    EXPECT_EQ(accesses_of({0x0f, 0x28, 0x07}), read) << "movaps xmm0, [edi]";
    EXPECT_EQ(accesses_of({0x0f, 0x29, 0x07}), write) << "movaps [edi], xmm0";
    EXPECT_EQ(accesses_of({0x0f, 0x18, 0x07}), none) << "prefetchnta [edi]";
    EXPECT_EQ(accesses_of({0xc5, 0xfc, 0x11, 0x07}), write) << "vmovups [edi], ymm0";
}

TEST(AccessCount, RunsOfBlocksAddUp) {
    TestMachine m;
    m.enter_protected();
    m.cpu.blocks().count_runs();
    // mov ecx, 10; l: add [edi], eax; mov edx, [edi]; push edx; pop edx; loop l; hlt
    u32 at = TestMachine::kCodeBase;
    for (const u8 b : {0xb9, 10, 0, 0, 0, 0x01, 0x07, 0x8b, 0x17, 0x52, 0x5a, 0xe2, 0xf8, 0xf4}) m.poke8(at++, static_cast<u8>(b));
    m.cpu.state.gpr[7] = 0x80000;
    EXPECT_EQ(m.cpu.run(1000), StopReason::Halted);
    BlockCache::Runs runs = m.cpu.blocks().runs();
    EXPECT_EQ(runs.blocks, 11u) << "the way in with the first turn, nine turns, HLT";
    EXPECT_EQ(runs.reads, 20u);
    EXPECT_EQ(runs.writes, 20u);
    m.cpu.blocks().flush();
    runs = m.cpu.blocks().runs();
    EXPECT_EQ(runs.blocks, 11u) << "a flush forgets no run";
    EXPECT_EQ(runs.writes, 20u);
}

}  // namespace
}  // namespace gnomon
