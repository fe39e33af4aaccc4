// For tests: executes one vector instruction on the host itself, with all general, vector and opmask
// registers that the host has, and the same bytes at the same addresses in a processor of ours, in 64-bit or
// compatibility mode.
#pragma once

#include <cpuid.h>
#include <sys/mman.h>
#include <ucontext.h>

#include <csignal>
#include <cstring>
#include <span>
#include <vector>

#include "cpu/long_mode_machine.h"

namespace gnomon::oracle {

/// The registers that an instruction may see, and the memory around kOrigin.
struct VectorFrame {
    alignas(64) std::array<std::array<u8, 64>, 32> vectors{};
    std::array<u64, 8> opmasks{};
    std::array<u64, 16> gpr{};
    u64 flags = 0x202;
    u64 host_rsp = 0;
    u32 mxcsr = 0x1f80, host_mxcsr = 0x1f80;
    unsigned vector = 0;  ///< of the exception; 0: none
    static constexpr u32 kMemoryBytes = 1024;
    alignas(64) std::array<u8, kMemoryBytes> memory{};
};

/// Where things lie, on the host as for our processor: below 2 GiB, so that addresses of 32 bits reach them.
namespace place {
inline constexpr u64 kArena = 0x20000000, kMemory = kArena + 0x5000,
                     kOrigin = kMemory + VectorFrame::kMemoryBytes / 2,
                     kInstruction = kArena + TestMachine::kCodeBase, kStack = kArena + TestMachine::kStack,
                     kFrame = kArena + 0x100000, kArenaBytes = 0x200000;
}

/// Whether the host has an instruction set. CPUID leaves 1 and 7.
class HostFeatures {
  public:
    [[nodiscard]] static bool has(Feature feature) {
        struct Bit {
            Feature feature;
            unsigned leaf, reg, bit;  ///< reg: EAX 0 … EDX 3
        };
        using enum Feature;
        static constexpr Bit kBits[] = {
            {SSE3, 1, 2, 0},         {PCLMULQDQ, 1, 2, 1},      {SSSE3, 1, 2, 9},
            {FMA, 1, 2, 12},         {SSE4_1, 1, 2, 19},        {SSE4_2, 1, 2, 20},
            {AES, 1, 2, 25},         {AVX, 1, 2, 28},           {F16C, 1, 2, 29},
            {BMI1, 7, 1, 3},         {AVX2, 7, 1, 5},           {BMI2, 7, 1, 8},
            {AVX512F, 7, 1, 16},     {AVX512DQ, 7, 1, 17},      {AVX512_IFMA, 7, 1, 21},
            {AVX512CD, 7, 1, 28},    {SHA, 7, 1, 29},           {AVX512BW, 7, 1, 30},
            {AVX512VL, 7, 1, 31},    {AVX512_VBMI, 7, 2, 1},    {AVX512_VBMI2, 7, 2, 6},
            {GFNI, 7, 2, 8},         {VAES, 7, 2, 9},           {VPCLMULQDQ, 7, 2, 10},
            {AVX512_VNNI, 7, 2, 11}, {AVX512_BITALG, 7, 2, 12}, {AVX512_VPOPCNTDQ, 7, 2, 14}};
        for (const Bit& b : kBits) {
            if (b.feature != feature) continue;
            unsigned r[4] = {};
            return __get_cpuid_count(b.leaf, 0, &r[0], &r[1], &r[2], &r[3]) && (r[b.reg] >> b.bit & 1);
        }
        if (feature != AVX_VNNI) return false;
        unsigned r[4] = {};
        return __get_cpuid_count(7, 1, &r[0], &r[1], &r[2], &r[3]) && (r[0] >> 4 & 1);
    }
    /// Bytes of a vector register; 64 only with all that makes 32 of them usable.
    [[nodiscard]] static unsigned vector_bytes() {
        static const unsigned bytes = has(Feature::AVX512BW) && has(Feature::AVX512VL) ? 64
                                      : has(Feature::AVX)                              ? 32
                                                                                       : 16;
        return bytes;  // CPUID is slow in a virtual machine
    }
    [[nodiscard]] static unsigned vector_count() { return vector_bytes() == 64 ? 32 : 16; }
};

/// One at a time: it owns signal handlers and fixed addresses.
class NativeVector {
  public:
    NativeVector() {
        void* at = mmap(reinterpret_cast<void*>(place::kArena), place::kArenaBytes,
                        PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE,
                        -1, 0);
        usable_ = at != MAP_FAILED;
        if (!usable_) return;
        stack_t alternative{};
        alternative.ss_sp = signal_stack_.data();
        alternative.ss_size = signal_stack_.size();
        sigaltstack(&alternative, nullptr);
        struct sigaction action {};
        action.sa_sigaction = &NativeVector::signal;
        action.sa_flags = SA_SIGINFO | SA_ONSTACK;
        for (unsigned n = 0; n < kSignalCount; n++) sigaction(kSignals[n], &action, &old_[n]);
        prologue();
    }
    ~NativeVector() {
        if (!usable_) return;
        for (unsigned n = 0; n < kSignalCount; n++) sigaction(kSignals[n], &old_[n], nullptr);
        stack_t off{};
        off.ss_flags = SS_DISABLE;
        sigaltstack(&off, nullptr);
        munmap(reinterpret_cast<void*>(place::kArena), place::kArenaBytes);
    }
    NativeVector(const NativeVector&) = delete;
    NativeVector& operator=(const NativeVector&) = delete;

    [[nodiscard]] bool usable() const { return usable_; }

    void prepare(std::span<const u8> instruction) {
        code_.assign(instruction.begin(), instruction.end());
        length_ = instruction.size();
        for (unsigned n = 0; n < 16; n++) general(0x89, n);
        frame({0x48, 0x8b, 0x24}, offsetof(VectorFrame, host_rsp));
        emit({0x9c});
        frame({0x8f, 0x04}, offsetof(VectorFrame, flags));
        vectors(0x7f, 0x91);
        frame({0x0f, 0xae, 0x1c}, offsetof(VectorFrame, mxcsr));
        frame({0x0f, 0xae, 0x14}, offsetof(VectorFrame, host_mxcsr));
        if (HostFeatures::vector_bytes() > 16) emit({0xc5, 0xf8, 0x77});
        emit({0x41, 0x5f, 0x41, 0x5e, 0x41, 0x5d, 0x41, 0x5c, 0x5d, 0x5b, 0xc3});  // pop r15 … rbx; ret
        std::memcpy(reinterpret_cast<void*>(place::kInstruction), code_.data(), code_.size());
    }
    void run(VectorFrame& state) {
        auto* shared = reinterpret_cast<VectorFrame*>(place::kFrame);
        state.vector = 0;
        std::memcpy(reinterpret_cast<void*>(place::kMemory), state.memory.data(), state.memory.size());
        *shared = state;
        current() = this;
        reinterpret_cast<void (*)()>(entry_)();
        current() = nullptr;
        state = *shared;
        std::memcpy(state.memory.data(), reinterpret_cast<void*>(place::kMemory), state.memory.size());
    }

  private:
    static constexpr unsigned kSignalCount = 4;
    static constexpr int kSignals[kSignalCount] = {SIGFPE, SIGILL, SIGSEGV, SIGBUS};
    static constexpr unsigned kVectors[kSignalCount] = {19, 6, 13, 12};
    static NativeVector*& current() {
        static NativeVector* running = nullptr;
        return running;
    }
    static void signal(int number, siginfo_t*, void* context) {
        auto& ip = static_cast<ucontext_t*>(context)->uc_mcontext.gregs[REG_RIP];
        NativeVector* self = current();
        if (!self || static_cast<u64>(ip) != place::kInstruction) std::abort();
        ip += static_cast<greg_t>(self->length_);
        for (unsigned n = 0; n < kSignalCount; n++)
            if (kSignals[n] == number) reinterpret_cast<VectorFrame*>(place::kFrame)->vector = kVectors[n];
    }

    void emit(std::initializer_list<u8> bytes) { code_.insert(code_.end(), bytes); }
    /// An instruction whose ModRM byte is last in `op`, with an absolute address in the frame.
    void frame(std::initializer_list<u8> op, size_t offset) {
        emit(op);
        code_.push_back(0x25);
        const u64 at = place::kFrame + offset;
        for (unsigned n = 0; n < 4; n++) code_.push_back(static_cast<u8>(at >> 8 * n));
    }
    void general(u8 mov, unsigned n) {
        frame({static_cast<u8>(n < 8 ? 0x48 : 0x4c), mov, static_cast<u8>(4 | (n & 7) << 3)},
              offsetof(VectorFrame, gpr) + 8 * n);
    }
    void vectors(u8 move, u8 kmovq) {
        const unsigned bytes = HostFeatures::vector_bytes();
        for (unsigned n = 0; n < HostFeatures::vector_count(); n++) {
            const size_t at = offsetof(VectorFrame, vectors) + 64 * n;
            const u8 modrm = static_cast<u8>(4 | (n & 7) << 3);
            if (bytes == 64) {
                const u8 first = static_cast<u8>(0xf1 & ~(n & 8 ? 0x80 : 0) & ~(n & 16 ? 0x10 : 0));
                frame({0x62, first, 0xfe, 0x48, move, modrm}, at);  // VMOVDQU64
            } else if (bytes == 32) {
                frame({0xc5, static_cast<u8>(n < 8 ? 0xfe : 0x7e), move, modrm}, at);  // VMOVDQU
            } else {
                frame({0xf3, static_cast<u8>(n < 8 ? 0x40 : 0x44), 0x0f, move, modrm}, at);  // MOVDQU
            }
        }
        if (bytes == 64)
            for (unsigned n = 0; n < 8; n++)
                frame({0xc4, 0xe1, 0xf8, kmovq, static_cast<u8>(4 | n << 3)},
                      offsetof(VectorFrame, opmasks) + 8 * n);
    }
    /// Ends where the instruction begins.
    void prologue() {
        code_.clear();
        emit({0x53, 0x55, 0x41, 0x54, 0x41, 0x55, 0x41, 0x56, 0x41, 0x57});  // push rbx … r15
        frame({0x48, 0x89, 0x24}, offsetof(VectorFrame, host_rsp));
        vectors(0x6f, 0x90);
        frame({0x0f, 0xae, 0x14}, offsetof(VectorFrame, mxcsr));
        frame({0xff, 0x34}, offsetof(VectorFrame, flags));
        emit({0x9d});
        for (unsigned n = 0; n < 16; n++) general(0x8b, n);
        entry_ = place::kInstruction - code_.size();
        std::memcpy(reinterpret_cast<void*>(entry_), code_.data(), code_.size());
    }

    bool usable_ = false;
    u64 entry_ = 0;
    std::vector<u8> code_;
    size_t length_ = 0;
    struct sigaction old_[kSignalCount] {};
    std::array<u8, 65536> signal_stack_;
};

/// The same in a processor of ours.
class OurVector {
  public:
    OurVector(const CpuModel& model, bool code64) : machine(model) {
        machine.enter_long(0, !code64);
        // Handlers have a stack of their own: RSP may be an operand.
        for (unsigned vector = 0; vector < 32; vector++)
            machine.set_gate64(vector, sel64::kCode, TestMachine::kHandler + vector * 16, 0x8e, 1);
        machine.poke64(LongMachine::kDirectory + (place::kArena >> 21) * 8, 0x87);
        CpuState& s = machine.cpu.state;
        s.cr0 |= cr0::NE;
        s.cr0 &= ~cr0::EM;
        s.cr4 |= cr4::OSFXSR | cr4::OSXMMEXCPT | cr4::OSXSAVE;
        s.xcr0 = 0xe7;
        machine.cpu.update_mode();
        start_ = machine.cpu.state;
    }

    void prepare(std::span<const u8> instruction) {
        u32 at = TestMachine::kCodeBase;
        for (const u8 b : instruction) machine.poke8(at++, b);
        length_ = static_cast<u32>(instruction.size());
    }
    void run(VectorFrame& frame) {
        Cpu& c = machine.cpu;
        CpuState& s = c.state;
        s.segments = start_.segments;
        s.cpl = 0;
        FpuState& f = s.fpu;
        f.mxcsr = frame.mxcsr;
        for (unsigned n = 0; n < 32; n++) f.vectors[n].bytes = frame.vectors[n];
        f.opmasks = frame.opmasks;
        for (unsigned n = 0; n < 16; n++) s.gpr[n] = frame.gpr[n];
        c.set_eflags(static_cast<u32>(frame.flags) & 0xcff);
        u8* memory = machine.map->ram() + (place::kMemory - place::kArena);
        std::memcpy(memory, frame.memory.data(), frame.memory.size());
        s.rip = place::kInstruction;
        s.activity = Activity::Active;
        c.update_mode();
        machine.run();
        frame.vector = s.rip == place::kInstruction + length_
                           ? 0
                           : static_cast<unsigned>(s.rip - TestMachine::kHandler) / 16;
        frame.mxcsr = f.mxcsr;
        for (unsigned n = 0; n < 32; n++) frame.vectors[n] = f.vectors[n].bytes;
        frame.opmasks = f.opmasks;
        for (unsigned n = 0; n < 16; n++)
            if (n != reg::SP || !frame.vector) frame.gpr[n] = s.gpr[n];
        frame.flags = c.eflags();
        std::memcpy(frame.memory.data(), memory, frame.memory.size());
    }

    LongMachine machine;

  private:
    CpuState start_;
    u32 length_ = 0;
};

}  // namespace gnomon::oracle
