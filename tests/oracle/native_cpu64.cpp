// Loading all registers at once, and catching what goes wrong.
#include "tests/oracle/native_cpu64.h"

#include <asm/prctl.h>
#include <fmt/format.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/ucontext.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <cstring>

namespace gnomon::oracle {
namespace {

constexpr u64 kGate = 0x12000000;  // also in the assembly below

struct GatePage {
    u64 host_rsp;      // 000
    u64 target;        // 008
    u64 gpr[16];       // 010
    u64 rflags;        // 090
    u64 rip;           // 098
    u64 unused;        // 0a0
    u64 vector;        // 0a8
    u64 error;         // 0b0
    u64 cr2;           // 0b8
    u64 running;       // 0c0
    u8 padding[0x38];
    u8 fx[512];        // 100
};
static_assert(offsetof(GatePage, fx) == 0x100 && offsetof(GatePage, rflags) == 0x90);

GatePage& gate() { return *reinterpret_cast<GatePage*>(kGate); }

}  // namespace

extern "C" {
void gnomon_enter_user64();
void gnomon_leave_user64();
}

asm(R"(
    .text
    .globl gnomon_enter_user64, gnomon_leave_user64
gnomon_enter_user64:
    push %rbx
    push %rbp
    push %r12
    push %r13
    push %r14
    push %r15
    mov %rsp, 0x12000000
    fxrstor64 0x12000100
    mov 0x12000010, %rax
    mov 0x12000018, %rcx
    mov 0x12000020, %rdx
    mov 0x12000028, %rbx
    mov 0x12000038, %rbp
    mov 0x12000040, %rsi
    mov 0x12000048, %rdi
    mov 0x12000050, %r8
    mov 0x12000058, %r9
    mov 0x12000060, %r10
    mov 0x12000068, %r11
    mov 0x12000070, %r12
    mov 0x12000078, %r13
    mov 0x12000080, %r14
    mov 0x12000088, %r15
    pushq 0x12000090
    popfq
    mov 0x12000030, %rsp
    jmp *0x12000008
gnomon_leave_user64:
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
    GatePage& g = gate();
    if (!g.running) {
        signal(number, SIG_DFL);  // not from the code under test
        return;
    }
    constexpr int kOrder[] = {REG_RAX, REG_RCX, REG_RDX, REG_RBX, REG_RSP, REG_RBP, REG_RSI, REG_RDI,
                              REG_R8,  REG_R9,  REG_R10, REG_R11, REG_R12, REG_R13, REG_R14, REG_R15};
    for (unsigned i = 0; i < 16; i++) g.gpr[i] = static_cast<u64>(registers[kOrder[i]]);
    g.rip = static_cast<u64>(registers[REG_RIP]);
    g.rflags = static_cast<u64>(registers[REG_EFL]);
    g.vector = static_cast<u64>(registers[REG_TRAPNO]);
    g.error = static_cast<u64>(registers[REG_ERR]);
    g.cr2 = static_cast<u64>(registers[REG_CR2]);
    std::memcpy(g.fx, uc->uc_mcontext.fpregs, 512);
    registers[REG_RIP] = static_cast<greg_t>(reinterpret_cast<u64>(&gnomon_leave_user64));
    registers[REG_RSP] = static_cast<greg_t>(g.host_rsp);
    registers[REG_EFL] = 0x202;
}

void* map_at(const NativeCpu64::Window& w, int protection, int file = -1) {
    void* at = mmap(reinterpret_cast<void*>(w.address), w.bytes, protection,
                    MAP_FIXED_NOREPLACE | (file < 0 ? MAP_PRIVATE | MAP_ANONYMOUS : MAP_SHARED), file, 0);
    return at == MAP_FAILED ? nullptr : at;
}

constexpr NativeCpu64::Window kGateWindow{kGate, 0x1000};

}  // namespace

std::unique_ptr<NativeCpu64> NativeCpu64::create(std::string& why) {
    std::unique_ptr<NativeCpu64> cpu(new NativeCpu64);
    const int file = memfd_create("oracle code", 0);
    if (file < 0 || ftruncate(file, static_cast<off_t>(kCode.bytes)) < 0) {
        why = fmt::format("memfd_create: {}", std::strerror(errno));
        return nullptr;
    }
    void* writable = mmap(nullptr, kCode.bytes, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    const bool mapped = writable != MAP_FAILED && map_at(kCode, PROT_READ | PROT_EXEC, file) &&
                        map_at(kData, PROT_READ | PROT_WRITE) && map_at(kStack, PROT_READ | PROT_WRITE) &&
                        map_at(kLow, PROT_READ | PROT_WRITE) && map_at(kGateWindow, PROT_READ | PROT_WRITE);
    if (!mapped) why = fmt::format("fixed addresses: {}", std::strerror(errno));
    close(file);
    if (!mapped) return nullptr;
    cpu->code_ = static_cast<u8*>(writable);
    if (syscall(SYS_arch_prctl, ARCH_SET_GS, kGsBase) != 0) {
        why = fmt::format("arch_prctl: {}", std::strerror(errno));
        return nullptr;
    }
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

NativeCpu64::~NativeCpu64() {
    for (const int number : kSignals) signal(number, SIG_DFL);
    for (const Window& w : {kCode, kData, kStack, kLow, kGateWindow}) munmap(reinterpret_cast<void*>(w.address), w.bytes);
    if (code_) munmap(code_, kCode.bytes);
}

Ending64 NativeCpu64::run(UserState64& state, u64 end) {
    GatePage& g = gate();
    std::memcpy(g.gpr, state.gpr.data(), sizeof g.gpr);
    std::memcpy(g.fx, state.fx.data(), sizeof g.fx);
    g.rflags = state.rflags;
    g.target = state.rip;
    g.running = 1;
    gnomon_enter_user64();
    g.running = 0;
    std::memcpy(state.gpr.data(), g.gpr, sizeof g.gpr);
    std::memcpy(state.fx.data(), g.fx, sizeof g.fx);
    state.rflags = g.rflags;
    state.rip = g.rip;
    if (g.vector == 13 && g.rip == end) return {};
    return {false, static_cast<unsigned>(g.vector), g.error, g.cr2};
}

}  // namespace gnomon::oracle
