// For tests: executes one vector instruction on the host itself, with all ZMM and opmask registers, and the same bytes in a
// processor of ours. The host must have AVX-512; memory operands are relative to ECX or RCX.
#pragma once

#include <sys/mman.h>
#include <ucontext.h>

#include <csignal>
#include <cstring>
#include <span>
#include <vector>

#include "cpu/test_machine.h"

namespace gnomon::oracle {

/// The registers that an instruction may see. `memory` is around ECX.
struct VectorFrame {
    alignas(64) std::array<std::array<u8, 64>, 8> zmm{};
    std::array<u64, 8> opmask{};
    u64 rax = 0, rcx = 0, rdx = 0, rbx = 0;
    u64 flags = 0x202;
    u32 mxcsr = 0x1f80, host_mxcsr = 0x1f80;
    static constexpr u32 kOrigin = 512;    ///< of `memory`: where ECX points
    alignas(64) std::array<u8, 1024> memory{};
    unsigned vector = 0;    ///< of the exception; 0: none
};

/// One at a time: it owns signal handlers.
class NativeVector {
  public:
    NativeVector() {
        page_ = static_cast<u8*>(mmap(nullptr, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
        struct sigaction action {};
        action.sa_sigaction = &NativeVector::signal;
        action.sa_flags = SA_SIGINFO;
        for (unsigned n = 0; n < 3; n++) sigaction(kSignals[n], &action, &old_[n]);
    }
    ~NativeVector() {
        for (unsigned n = 0; n < 3; n++) sigaction(kSignals[n], &old_[n], nullptr);
        munmap(page_, 4096);
    }
    NativeVector(const NativeVector&) = delete;
    NativeVector& operator=(const NativeVector&) = delete;

    void prepare(std::span<const u8> instruction) {
        code_.clear();
        const auto at = [&](std::initializer_list<u8> op, size_t offset) {
            code_.insert(code_.end(), op);
            for (unsigned n = 0; n < 4; n++) code_.push_back(static_cast<u8>(offset >> 8 * n));
        };
        const auto registers = [&](u8 vmovdqu64, u8 kmovq) {
            for (unsigned n = 0; n < 8; n++) {
                const u8 modrm = static_cast<u8>(0x84 | n << 3);
                at({0x62, 0xd1, 0xfe, 0x48, vmovdqu64, modrm, 0x24}, offsetof(VectorFrame, zmm) + 64 * n);
                at({0xc4, 0xc1, 0xf8, kmovq, modrm, 0x24}, offsetof(VectorFrame, opmask) + 8 * n);
            }
        };
        code_.insert(code_.end(), {0x53, 0x55, 0x41, 0x54, 0x49, 0x89, 0xfc});    // push rbx, rbp, r12; mov r12, rdi
        registers(0x6f, 0x90);
        at({0x41, 0x0f, 0xae, 0x94, 0x24}, offsetof(VectorFrame, mxcsr));
        at({0x49, 0x8b, 0x84, 0x24}, offsetof(VectorFrame, rax));
        at({0x49, 0x8b, 0x8c, 0x24}, offsetof(VectorFrame, rcx));
        at({0x49, 0x8b, 0x94, 0x24}, offsetof(VectorFrame, rdx));
        at({0x49, 0x8b, 0x9c, 0x24}, offsetof(VectorFrame, rbx));
        at({0x41, 0xff, 0xb4, 0x24}, offsetof(VectorFrame, flags));
        code_.push_back(0x9d);
        first_ = code_.size();
        code_.insert(code_.end(), instruction.begin(), instruction.end());
        last_ = code_.size();
        code_.push_back(0x9c);
        at({0x41, 0x8f, 0x84, 0x24}, offsetof(VectorFrame, flags));
        registers(0x7f, 0x91);
        at({0x41, 0x0f, 0xae, 0x9c, 0x24}, offsetof(VectorFrame, mxcsr));
        at({0x49, 0x89, 0x84, 0x24}, offsetof(VectorFrame, rax));
        at({0x49, 0x89, 0x8c, 0x24}, offsetof(VectorFrame, rcx));
        at({0x49, 0x89, 0x94, 0x24}, offsetof(VectorFrame, rdx));
        at({0x49, 0x89, 0x9c, 0x24}, offsetof(VectorFrame, rbx));
        at({0x41, 0x0f, 0xae, 0x94, 0x24}, offsetof(VectorFrame, host_mxcsr));
        code_.insert(code_.end(), {0xc5, 0xf8, 0x77, 0x41, 0x5c, 0x5d, 0x5b, 0xc3});    // vzeroupper; pop …; ret
        std::memcpy(page_, code_.data(), code_.size());
    }
    void run(VectorFrame& frame) {
        frame.vector = 0;
        current() = this;
        frame_ = &frame;
        reinterpret_cast<void (*)(VectorFrame*)>(page_)(&frame);
        current() = nullptr;
    }

  private:
    static constexpr int kSignals[3] = {SIGFPE, SIGILL, SIGSEGV};
    static constexpr unsigned kVectors[3] = {19, 6, 13};
    static NativeVector*& current() {
        static NativeVector* running = nullptr;
        return running;
    }
    static void signal(int number, siginfo_t*, void* context) {
        auto& ip = static_cast<ucontext_t*>(context)->uc_mcontext.gregs[REG_RIP];
        NativeVector* self = current();
        if (!self || ip != static_cast<greg_t>(reinterpret_cast<u64>(self->page_) + self->first_)) std::abort();
        ip += static_cast<greg_t>(self->last_ - self->first_);
        for (unsigned n = 0; n < 3; n++)
            if (kSignals[n] == number) self->frame_->vector = kVectors[n];
    }

    u8* page_ = nullptr;
    std::vector<u8> code_;
    size_t first_ = 0, last_ = 0;
    struct sigaction old_[3] {};
    VectorFrame* frame_ = nullptr;
};

/// The same in a processor of ours, in flat 32-bit code.
class OurVector {
  public:
    static constexpr u32 kMemory = 0x5000;

    explicit OurVector(const CpuModel& model) : machine(model) {
        machine.enter_protected();
        CpuState& s = machine.cpu.state;
        s.cr0 |= cr0::NE;
        s.cr0 &= ~cr0::EM;
        s.cr4 |= cr4::OSFXSR | cr4::OSXMMEXCPT | cr4::OSXSAVE;
        s.xcr0 = 0xe7;
        machine.cpu.update_mode();
    }

    void run(std::span<const u8> instruction, VectorFrame& frame) {
        Cpu& c = machine.cpu;
        u32 end = TestMachine::kCodeBase;
        for (const u8 b : instruction) machine.poke8(end++, b);
        FpuState& f = c.state.fpu;
        f.mxcsr = frame.mxcsr;
        for (unsigned n = 0; n < 8; n++) f.vectors[n].bytes = frame.zmm[n];
        f.opmasks = frame.opmask;
        c.put<u32>(reg::AX, static_cast<u32>(frame.rax));
        c.put<u32>(reg::CX, kMemory + VectorFrame::kOrigin);
        c.put<u32>(reg::DX, static_cast<u32>(frame.rdx));
        c.put<u32>(reg::BX, static_cast<u32>(frame.rbx));
        c.put<u32>(reg::SP, TestMachine::kStack);
        c.set_eflags(static_cast<u32>(frame.flags) & 0xcff);
        for (u32 n = 0; n < frame.memory.size(); n += 4) machine.poke32(kMemory + n, word(frame, n));
        c.state.rip = TestMachine::kCodeBase;
        machine.run();
        frame.vector = c.state.rip == end ? 0 : static_cast<unsigned>(c.state.rip - TestMachine::kHandler) / 16;
        frame.mxcsr = f.mxcsr;
        for (unsigned n = 0; n < 8; n++) frame.zmm[n] = f.vectors[n].bytes;
        frame.opmask = f.opmasks;
        frame.rax = c.get<u32>(reg::AX);
        frame.rcx = c.get<u32>(reg::CX);
        frame.rdx = c.get<u32>(reg::DX);
        frame.rbx = c.get<u32>(reg::BX);
        frame.flags = c.eflags();
        for (u32 n = 0; n < frame.memory.size(); n += 4) {
            const u32 value = machine.peek32(kMemory + n);
            std::memcpy(frame.memory.data() + n, &value, 4);
        }
    }

    TestMachine machine;

  private:
    static u32 word(const VectorFrame& frame, u32 at) {
        u32 value;
        std::memcpy(&value, frame.memory.data() + at, 4);
        return value;
    }
};

}  // namespace gnomon::oracle
