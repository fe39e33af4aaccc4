// For tests: executes one instruction on the host itself, from an FXSAVE image to an FXSAVE image, and the
// same bytes in a processor of ours. The instructions have the same encoding in both: memory operands are
// [ECX] or [RCX].
#pragma once

#include <sys/mman.h>
#include <ucontext.h>

#include <csignal>
#include <cstring>
#include <random>
#include <span>
#include <vector>

#include "cpu/test_machine.h"

namespace gnomon::oracle {

struct alignas(16) FxImage {
    u16 control = 0x37f, status = 0;
    u8 tags = 0, reserved0 = 0;
    u16 opcode = 0;
    u32 ip = 0;
    u16 cs = 0, reserved1 = 0;
    u32 dp = 0;
    u16 ds = 0, reserved2 = 0;
    u32 mxcsr = 0x1f80, mxcsr_mask = 0xffff;
    std::array<std::array<u8, 16>, 8> st{};
    std::array<std::array<u8, 16>, 16> xmm{};
    std::array<u8, 96> unused{};
};
static_assert(sizeof(FxImage) == 512);

/// What the instruction starts from and what it leaves.
struct Frame {
    FxImage before, after;
    u64 rax = 0, rcx = 0, rdx = 0, rbx = 0;
    u64 flags = 0x202;
    u32 host_mxcsr = 0x1f80;
    u32 padding = 0;
    alignas(64) std::array<u8, 128> memory{};  ///< the operand is at memory[64 - 64 .. ]
    bool faulted = false;                      ///< SIGFPE
};

/// One at a time: it owns a signal handler.
class Native {
  public:
    Native() {
        page_ = static_cast<u8*>(
            mmap(nullptr, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
        struct sigaction action {};
        action.sa_sigaction = &Native::signal;
        action.sa_flags = SA_SIGINFO;
        sigaction(SIGFPE, &action, &old_);
    }
    ~Native() {
        sigaction(SIGFPE, &old_, nullptr);
        munmap(page_, 4096);
    }
    Native(const Native&) = delete;
    Native& operator=(const Native&) = delete;

    void prepare(std::span<const u8> instruction) {
        code_.clear();
        const auto at = [&](std::initializer_list<u8> op, size_t offset) {
            emit(op);
            for (unsigned n = 0; n < 4; n++) code_.push_back(static_cast<u8>(offset >> 8 * n));
        };
        emit({0x53, 0x55, 0x41, 0x54, 0x49, 0x89, 0xfc});  // push rbx, rbp, r12; mov r12, rdi
        at({0x41, 0x0f, 0xae, 0x8c, 0x24}, offsetof(Frame, before));
        at({0x49, 0x8b, 0x84, 0x24}, offsetof(Frame, rax));
        at({0x49, 0x8b, 0x8c, 0x24}, offsetof(Frame, rcx));
        at({0x49, 0x8b, 0x94, 0x24}, offsetof(Frame, rdx));
        at({0x49, 0x8b, 0x9c, 0x24}, offsetof(Frame, rbx));
        at({0x41, 0xff, 0xb4, 0x24}, offsetof(Frame, flags));
        emit({0x9d});
        first = code_.size();
        code_.insert(code_.end(), instruction.begin(), instruction.end());
        last = code_.size();
        emit({0x9c});
        at({0x41, 0x8f, 0x84, 0x24}, offsetof(Frame, flags));
        at({0x41, 0x0f, 0xae, 0x84, 0x24}, offsetof(Frame, after));
        at({0x49, 0x89, 0x84, 0x24}, offsetof(Frame, rax));
        at({0x49, 0x89, 0x8c, 0x24}, offsetof(Frame, rcx));
        at({0x49, 0x89, 0x94, 0x24}, offsetof(Frame, rdx));
        at({0x49, 0x89, 0x9c, 0x24}, offsetof(Frame, rbx));
        emit({0xdb, 0xe3});
        at({0x41, 0x0f, 0xae, 0x94, 0x24}, offsetof(Frame, host_mxcsr));
        emit({0x41, 0x5c, 0x5d, 0x5b, 0xc3});
        std::memcpy(page_, code_.data(), code_.size());
    }
    // A sanitizer of calls would look for the type of the function before it, where the page begins.
#if defined(__clang__)
    __attribute__((no_sanitize("function")))
#endif
    void run(Frame& frame) {
        frame.faulted = false;
        current() = this;
        frame_ = &frame;
        reinterpret_cast<void (*)(Frame*)>(page_)(&frame);
        current() = nullptr;
    }

  private:
    static Native*& current() {
        static Native* running = nullptr;
        return running;
    }
    static void signal(int, siginfo_t*, void* context) {
        auto& ip = static_cast<ucontext_t*>(context)->uc_mcontext.gregs[REG_RIP];
        Native* self = current();
        if (!self || ip != static_cast<greg_t>(reinterpret_cast<u64>(self->page_) + self->first))
            std::abort();
        ip += static_cast<greg_t>(self->last - self->first);
        self->frame_->faulted = true;
    }
    void emit(std::initializer_list<u8> bytes) { code_.insert(code_.end(), bytes); }

    u8* page_ = nullptr;
    std::vector<u8> code_;
    size_t first = 0, last = 0;
    struct sigaction old_ {};
    Frame* frame_ = nullptr;
};

/// The same in a processor of ours, in flat 32-bit code at ring 0. `real` leaves it in real mode, where
/// segments are not flat.
class Ours {
  public:
    static constexpr u32 kMemory = 0x5000;

    explicit Ours(const CpuModel& model = default_model()) : machine(model) {
        machine.enter_protected();
        machine.cpu.state.cr0 |= cr0::NE;
        machine.cpu.state.cr0 &= ~cr0::EM;
        machine.cpu.state.cr4 |= cr4::OSFXSR | cr4::OSXMMEXCPT;
        machine.cpu.update_mode();
    }

    void prepare(std::span<const u8> instruction) {
        u32 at = TestMachine::kCodeBase;
        for (const u8 b : instruction) machine.poke8(at++, b);
        end_ = at;
    }
    /// Sets what frame.before and the rest say, runs, and gives frame.after.
    void run(Frame& frame, const u8* memory) {
        Cpu& c = machine.cpu;
        FpuState& f = c.state.fpu;
        f.control = frame.before.control;
        f.set_status_word(frame.before.status);
        f.valid = frame.before.tags;
        f.mxcsr = frame.before.mxcsr;
        for (unsigned n = 0; n < 8; n++) {
            Float80& r = f.registers[(n + f.top) & 7];
            std::memcpy(&r.significand, frame.before.st[n].data(), 8);
            std::memcpy(&r.exponent, frame.before.st[n].data() + 8, 2);
            std::memcpy(f.vectors[n].bytes.data(), frame.before.xmm[n].data(), 16);
        }
        c.put<u32>(reg::AX, static_cast<u32>(frame.rax));
        c.put<u32>(reg::CX, kMemory);
        c.put<u32>(reg::DX, static_cast<u32>(frame.rdx));
        c.put<u32>(reg::BX, static_cast<u32>(frame.rbx));
        c.put<u32>(reg::SP, TestMachine::kStack);
        c.set_eflags(static_cast<u32>(frame.flags) & 0xcff);
        for (u32 n = 0; n < frame.memory.size(); n++) machine.poke8(kMemory + n, memory[n]);
        c.state.rip = TestMachine::kCodeBase;
        machine.run();
        frame.faulted = c.state.rip != end_;
        frame.after = frame.before;
        frame.after.control = f.control;
        frame.after.status = f.status_word();
        frame.after.tags = f.valid;
        frame.after.mxcsr = f.mxcsr;
        for (unsigned n = 0; n < 8; n++) {
            const Float80& r = f.registers[(n + f.top) & 7];
            std::memcpy(frame.after.st[n].data(), &r.significand, 8);
            std::memcpy(frame.after.st[n].data() + 8, &r.exponent, 2);
            std::memcpy(frame.after.xmm[n].data(), f.vectors[n].bytes.data(), 16);
        }
        frame.rax = c.get<u32>(reg::AX);
        frame.rdx = c.get<u32>(reg::DX);
        frame.rbx = c.get<u32>(reg::BX);
        frame.flags = c.eflags();
        for (u32 n = 0; n < frame.memory.size(); n++)
            frame.memory[n] = static_cast<u8>(machine.peek8(kMemory + n));
    }
    /// Vector whose handler was entered by the last run.
    [[nodiscard]] unsigned vector() const {
        return static_cast<unsigned>(machine.cpu.state.rip - TestMachine::kHandler) / 16;
    }

    TestMachine machine;

  private:
    u64 end_ = 0;
};

/// Operands that matter: specials of each format and random ones near them.
class Operands {
  public:
    explicit Operands(u64 seed) : random_(seed) {}

    u64 bits() { return random_(); }
    unsigned below(unsigned n) { return static_cast<unsigned>(random_() % n); }
    u32 single() {
        constexpr u32 kSpecial[] = {0,          0x80000000, 0x3f800000, 0xbf800000, 0x7f800000, 0xff800000,
                                    0x7fc00000, 0xffc00000, 0x7f800001, 0xff812345, 0x7fa00000, 1,
                                    0x80000001, 0x007fffff, 0x00800000, 0x7f7fffff, 0xff7fffff, 0x4f000000,
                                    0xcf000000, 0x4effffff, 0x3f000000, 0x3fc00000, 0x40200000, 0x5f000000,
                                    0x33800000, 0x34000001};
        switch (below(4)) {
            case 0: return kSpecial[below(std::size(kSpecial))];
            case 1: return static_cast<u32>(bits());
            case 2: return (static_cast<u32>(bits()) & 0x807fffff) | (127 - 12 + below(40)) << 23;
            default: return (static_cast<u32>(bits()) & 0x80000fff) | (126 + below(4)) << 23;
        }
    }
    u64 real() {
        constexpr u64 kSpecial[] = {0,
                                    1ull << 63,
                                    0x3ff0000000000000,
                                    0xbff0000000000000,
                                    0x7ff0000000000000,
                                    0xfff0000000000000,
                                    0x7ff8000000000000,
                                    0xfff8000000000000,
                                    0x7ff0000000000001,
                                    0xfff4000000000000,
                                    1,
                                    0x8000000000000001,
                                    0x000fffffffffffff,
                                    0x0010000000000000,
                                    0x7fefffffffffffff,
                                    0xffefffffffffffff,
                                    0x41dfffffffc00000,
                                    0x41e0000000000000,
                                    0xc1e0000000000000,
                                    0xc1e0000000200000,
                                    0x43e0000000000000,
                                    0xc3e0000000000000,
                                    0x3fe0000000000000,
                                    0x3ff8000000000000,
                                    0x36a0000000000000,
                                    0x47efffffe0000000,
                                    0x3810000000000000,
                                    0x380fffffffffffff};
        switch (below(4)) {
            case 0: return kSpecial[below(std::size(kSpecial))];
            case 1: return bits();
            case 2: return (bits() & 0x800fffffffffffff) | u64{1023 - 30 + below(90)} << 52;
            default: return (bits() & 0x8000000000ffffff) | u64{1022 + below(4)} << 52;
        }
    }
    /// 80-bit: also pseudo-denormals, unnormals, pseudo-NaNs.
    Float80 extended() {
        constexpr u16 kExponents[] = {0,      1,      2,      0x3c00, 0x3fbf, 0x3ffe, 0x3fff, 0x4000,
                                      0x401d, 0x401e, 0x403d, 0x403e, 0x403f, 0x43fe, 0x43ff, 0x3f80,
                                      0x407e, 0x407f, 0x3c01, 0x3fc0, 0x3ffd, 0x7ffe, 0x7fff, 0x7ffd};
        constexpr u64 kSignificands[] = {0,
                                         1,
                                         0x4000000000000000,
                                         0x8000000000000000,
                                         0xc000000000000000,
                                         0xffffffffffffffff,
                                         0x8000000000000001,
                                         0x7fffffffffffffff,
                                         0xfffffffffffffc00,
                                         0x8000000000000400,
                                         0xffffff8000000000,
                                         0xa000000000000000,
                                         0xc90fdaa22168c235};
        Float80 value;
        switch (below(6)) {
            case 0:
                value = {kSignificands[below(std::size(kSignificands))],
                         kExponents[below(std::size(kExponents))]};
                break;
            case 1: value = {bits(), static_cast<u16>(bits() & 0x7fff)}; break;
            case 2: value = {bits() | 1ull << 63, static_cast<u16>(0x3fff - 70 + below(140))}; break;
            case 3: value = {bits() | 1ull << 63, kExponents[below(std::size(kExponents))]}; break;
            case 4: value = {(bits() << 40) | 1ull << 63, static_cast<u16>(0x3ffe + below(20))}; break;
            default:
                value = {below(2) ? 0 : 1ull << 63, static_cast<u16>(below(2) ? 0 : 0x3ffd + below(6))};
                break;
        }
        value.exponent = static_cast<u16>(value.exponent | (below(2) << 15));
        return value;
    }

  private:
    std::mt19937_64 random_;
};

}  // namespace gnomon::oracle
