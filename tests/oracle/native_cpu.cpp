// Switching to compatibility mode and back, and catching what goes wrong there. SDM Vol. 3, "Control
// Transfers Between 64-Bit Mode and Compatibility Mode"; the selectors are those of Linux.
#include "tests/oracle/native_cpu.h"

#include <fmt/format.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/ucontext.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <cstdlib>
#include <cstring>

namespace gnomon::oracle {
namespace {

constexpr u32 kGate = 0x11000000;  // also in the assembly below

/// At kGate, where both modes reach it.
struct GatePage {
    u64 host_rsp;         // 000
    u64 leave;            // 008
    u32 target_offset;    // 010
    u32 target_selector;  // 014
    u32 gpr[8];           // 018
    u32 eflags;           // 038
    u32 eip;              // 03c
    u32 faulted;          // 040
    u32 vector;           // 044
    u32 error;            // 048
    u32 cr2;              // 04c
    u64 eflags_in;        // 050
    u8 padding[0xa8];
    u8 fx[512];   // 100
    u8 stub[16];  // 300
};
static_assert(offsetof(GatePage, fx) == 0x100 && offsetof(GatePage, eflags) == 0x38 &&
              offsetof(GatePage, eflags_in) == 0x50 && offsetof(GatePage, stub) == 0x300);

GatePage& gate() { return *reinterpret_cast<GatePage*>(u64{kGate}); }

}  // namespace

extern "C" {
void gnomon_enter_compatibility();
void gnomon_leave_compatibility();
void gnomon_leave_after_fault();
}

asm(R"(
    .text
    .globl gnomon_enter_compatibility, gnomon_leave_compatibility, gnomon_leave_after_fault
gnomon_enter_compatibility:
    push %rbx
    push %rbp
    push %r12
    push %r13
    push %r14
    push %r15
    mov %rsp, 0x11000000
    mov $0x2b, %eax
    mov %eax, %ds
    mov %eax, %es
    fxrstor 0x11000100
    mov 0x11000018, %eax
    mov 0x1100001c, %ecx
    mov 0x11000020, %edx
    mov 0x11000024, %ebx
    mov 0x1100002c, %ebp
    mov 0x11000030, %esi
    mov 0x11000034, %edi
    pushq 0x11000050
    popfq
    mov 0x11000028, %esp
    ljmp *0x11000010
gnomon_leave_compatibility:
    mov %eax, 0x11000018
    mov %ecx, 0x1100001c
    mov %edx, 0x11000020
    mov %ebx, 0x11000024
    mov %esp, 0x11000028
    mov %ebp, 0x1100002c
    mov %esi, 0x11000030
    mov %edi, 0x11000034
    mov 0x11000000, %rsp
    pushfq
    pop %rax
    mov %eax, 0x11000038
    push $0x202
    popfq
    fxsave 0x11000100
gnomon_leave_after_fault:
    fninit
    push $0x1f80
    ldmxcsr (%rsp)
    pop %rax
    pop %r15
    pop %r14
    pop %r13
    pop %r12
    pop %rbp
    pop %rbx
    ret
)");

namespace {

constexpr int kSignals[] = {SIGSEGV, SIGBUS, SIGFPE, SIGTRAP, SIGILL};

void on_signal(int number, siginfo_t*, void* context) {
    asm volatile("pushfq\n\tandl $~0x40000, (%%rsp)\n\tpopfq" ::
                     : "memory", "cc");  // AC would fault in the library
    auto* uc = static_cast<ucontext_t*>(context);
    auto& registers = uc->uc_mcontext.gregs;
    if ((registers[REG_CSGSFS] & 0xffff) != 0x23) {
        signal(number, SIG_DFL);  // not from the code under test
        return;
    }
    GatePage& g = gate();
    constexpr int kOrder[] = {REG_RAX, REG_RCX, REG_RDX, REG_RBX, REG_RSP, REG_RBP, REG_RSI, REG_RDI};
    for (unsigned i = 0; i < 8; i++) g.gpr[i] = static_cast<u32>(registers[kOrder[i]]);
    g.eip = static_cast<u32>(registers[REG_RIP]);
    g.eflags = static_cast<u32>(registers[REG_EFL]);
    g.faulted = 1;
    g.vector = static_cast<u32>(registers[REG_TRAPNO]);
    g.error = static_cast<u32>(registers[REG_ERR]);
    g.cr2 = static_cast<u32>(registers[REG_CR2]);
    std::memcpy(g.fx, uc->uc_mcontext.fpregs, 512);
    registers[REG_RIP] = static_cast<greg_t>(reinterpret_cast<u64>(&gnomon_leave_after_fault));
    registers[REG_RSP] = static_cast<greg_t>(g.host_rsp);
    registers[REG_EFL] = 0x202;
    registers[REG_CSGSFS] = (registers[REG_CSGSFS] & ~greg_t{0xffff}) | 0x33;
}

void* map_at(u32 address, u32 bytes, int protection, int file = -1) {
    void* at = mmap(reinterpret_cast<void*>(u64{address}), bytes, protection,
                    MAP_FIXED_NOREPLACE | (file < 0 ? MAP_PRIVATE | MAP_ANONYMOUS : MAP_SHARED), file, 0);
    return at == MAP_FAILED ? nullptr : at;
}

}  // namespace

std::unique_ptr<NativeCpu> NativeCpu::create(std::string& why) {
    std::unique_ptr<NativeCpu> cpu(new NativeCpu);
    const int file = memfd_create("oracle code", 0);
    if (file < 0 || ftruncate(file, kCodeBytes) < 0) {
        why = fmt::format("memfd_create: {}", std::strerror(errno));
        return nullptr;
    }
    void* writable = mmap(nullptr, kCodeBytes, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    const bool mapped = writable != MAP_FAILED && map_at(kCode, kCodeBytes, PROT_READ | PROT_EXEC, file) &&
                        map_at(kData, kDataBytes, PROT_READ | PROT_WRITE) &&
                        map_at(kStack, kStackBytes, PROT_READ | PROT_WRITE) &&
                        map_at(kGate, 0x1000, PROT_READ | PROT_WRITE | PROT_EXEC);
    if (!mapped) why = fmt::format("fixed addresses below 4 GiB: {}", std::strerror(errno));
    close(file);
    if (!mapped) return nullptr;
    cpu->code_ = static_cast<u8*>(writable);
    cpu->has_low_ = map_at(kLow, kLowBytes, PROT_READ | PROT_WRITE) != nullptr;
    GatePage& g = gate();
    g.leave = reinterpret_cast<u64>(&gnomon_leave_compatibility);
    g.target_selector = 0x23;
    constexpr u8 kStub[] = {0xff, 0x24, 0x25, 0x08, 0x00, 0x00, 0x11};  // jmp [kGate + 8]
    std::memcpy(g.stub, kStub, sizeof kStub);

    static u8 stack[65536];
    stack_t alternative{};
    alternative.ss_sp = stack;
    alternative.ss_size = sizeof stack;
    sigaltstack(&alternative, nullptr);
    struct sigaction action {};
    action.sa_sigaction = on_signal;
    action.sa_flags = SA_SIGINFO | SA_ONSTACK | SA_NODEFER;
    for (const int number : kSignals) sigaction(number, &action, nullptr);
    return cpu;
}

NativeCpu::~NativeCpu() {
    for (const int number : kSignals) signal(number, SIG_DFL);
    munmap(reinterpret_cast<void*>(u64{kCode}), kCodeBytes);
    munmap(reinterpret_cast<void*>(u64{kData}), kDataBytes);
    munmap(reinterpret_cast<void*>(u64{kStack}), kStackBytes);
    munmap(reinterpret_cast<void*>(u64{kGate}), 0x1000);
    if (has_low_) munmap(reinterpret_cast<void*>(u64{kLow}), kLowBytes);
    if (code_) munmap(code_, kCodeBytes);
}

std::array<u8, 7> NativeCpu::ending() {
    constexpr u32 at = kGate + offsetof(GatePage, stub);
    return {0xea,
            static_cast<u8>(at),
            static_cast<u8>(at >> 8),
            static_cast<u8>(at >> 16),
            static_cast<u8>(at >> 24),
            0x33,
            0};
}

Ending NativeCpu::run(UserState& state) {
    GatePage& g = gate();
    std::memcpy(g.gpr, state.gpr.data(), sizeof g.gpr);
    std::memcpy(g.fx, state.fx.data(), sizeof g.fx);
    g.eflags_in = state.eflags;
    g.target_offset = state.eip;
    g.faulted = 0;
    gnomon_enter_compatibility();
    std::memcpy(state.gpr.data(), g.gpr, sizeof g.gpr);
    std::memcpy(state.fx.data(), g.fx, sizeof g.fx);
    state.eflags = g.eflags;
    if (!g.faulted) return {};
    state.eip = g.eip;
    return {false, g.vector, g.error, g.cr2};
}

}  // namespace gnomon::oracle
