// Loading all registers at once, entering either mode by IRET (with NT clear, which programs may have set),
// and catching what ends the code. SDM Vol. 3, "Control Transfers Between 64-Bit Mode and Compatibility
// Mode"; the selectors are those of Linux.
#include "tests/oracle/native_cpu.h"

#include <asm/prctl.h>
#include <fmt/format.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/ucontext.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <cstdio>
#include <cstring>
#include <fstream>

namespace gnomon::oracle {
namespace {

constexpr u64 kGate = 0x12000000;  // also in the assembly below
constexpr u64 kCompatibilityCode = 0x23, kLongCode = 0x33, kData = 0x2b;

struct GatePage {
    u64 host_rsp;  // 000
    u64 rip;       // 008: the frame of IRET
    u64 cs;        // 010
    u64 rflags;    // 018
    u64 rsp;       // 020
    u64 ss;        // 028
    u64 gpr[16];   // 030
    u64 vector;    // 0b0
    u64 error;     // 0b8
    u64 cr2;       // 0c0
    u64 running;   // 0c8
    u64 data;      // 0d0: DS and ES
    u8 padding[0x28];
    u8 fx[512];  // 100
};
static_assert(offsetof(GatePage, fx) == 0x100 && offsetof(GatePage, data) == 0xd0 &&
              offsetof(GatePage, gpr) == 0x30);

GatePage& gate() { return *reinterpret_cast<GatePage*>(kGate); }

}  // namespace

extern "C" {
void gnomon_enter_user();
void gnomon_leave_user();
}

asm(R"(
    .text
    .globl gnomon_enter_user, gnomon_leave_user
gnomon_enter_user:
    push %rbx
    push %rbp
    push %r12
    push %r13
    push %r14
    push %r15
    mov %rsp, 0x12000000
    mov 0x120000d0, %eax
    mov %eax, %ds
    mov %eax, %es
    fxrstor64 0x12000100
    mov 0x12000030, %rax
    mov 0x12000038, %rcx
    mov 0x12000040, %rdx
    mov 0x12000048, %rbx
    mov 0x12000058, %rbp
    mov 0x12000060, %rsi
    mov 0x12000068, %rdi
    mov 0x12000070, %r8
    mov 0x12000078, %r9
    mov 0x12000080, %r10
    mov 0x12000088, %r11
    mov 0x12000090, %r12
    mov 0x12000098, %r13
    mov 0x120000a0, %r14
    mov 0x120000a8, %r15
    pushq $0x202
    popfq
    mov $0x12000008, %esp
    iretq
gnomon_leave_user:
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
    registers[REG_RIP] = static_cast<greg_t>(reinterpret_cast<u64>(&gnomon_leave_user));
    registers[REG_RSP] = static_cast<greg_t>(g.host_rsp);
    registers[REG_EFL] = 0x202;
    registers[REG_CSGSFS] = (registers[REG_CSGSFS] & ~greg_t{0xffff}) | static_cast<greg_t>(kLongCode);
}

}  // namespace

bool NativeCpu::map(const Window& w, int protection, int file) {
    void* at = mmap(reinterpret_cast<void*>(w.address), w.bytes, protection,
                    MAP_FIXED_NOREPLACE | (file < 0 ? MAP_PRIVATE | MAP_ANONYMOUS : MAP_SHARED), file, 0);
    if (at == MAP_FAILED) return false;
    mapped_.push_back(w);
    return true;
}

bool NativeCpu::map_windows(int code_file) {
    constexpr int kReadWrite = PROT_READ | PROT_WRITE;
    const bool compatibility = mode_ == Mode::Compatibility;
    code_window_ = compatibility ? Window{place32::kCode, place32::kCodeBytes} : place64::kCode;
    if (compatibility)
        windows_ = {{place32::kData, place32::kDataBytes}, {place32::kStack, place32::kStackBytes}};
    else
        windows_ = {place64::kData, place64::kStack, place64::kLow};
    for (const Window& w : windows_)
        if (!map(w, kReadWrite)) return false;
    const Window low{place32::kLow, place32::kLowBytes};
    has_low_ = compatibility && map(low, kReadWrite);
    if (has_low_) windows_.push_back(low);
    return map(code_window_, PROT_READ | PROT_EXEC, code_file) && map({kGate, 0x1000}, kReadWrite);
}

std::unique_ptr<NativeCpu> NativeCpu::create(Mode mode, std::string& why) {
    std::unique_ptr<NativeCpu> cpu(new NativeCpu(mode));
    constexpr off_t kCodeBytes = 0x1000;
    const int file = memfd_create("oracle code", 0);
    if (file < 0 || ftruncate(file, kCodeBytes) < 0) {
        why = fmt::format("memfd_create: {}", std::strerror(errno));
        return nullptr;
    }
    void* writable = mmap(nullptr, kCodeBytes, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    if (writable != MAP_FAILED) cpu->code_ = static_cast<u8*>(writable);
    const bool mapped = cpu->code_ && cpu->map_windows(file);
    if (!mapped) why = fmt::format("fixed addresses: {}", std::strerror(errno));
    close(file);
    if (!mapped) return nullptr;
    if (mode == Mode::Long && syscall(SYS_arch_prctl, ARCH_SET_GS, place64::kGsBase) != 0) {
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

NativeCpu::~NativeCpu() {
    for (const int number : kSignals) signal(number, SIG_DFL);
    for (const Window& w : mapped_) munmap(reinterpret_cast<void*>(w.address), w.bytes);
    if (code_) munmap(code_, 0x1000);
}

bool NativeCpu::maps(u64 address) {
    std::ifstream file("/proc/self/maps");
    for (std::string line; std::getline(file, line);) {
        unsigned long first = 0, end = 0;
        if (std::sscanf(line.c_str(), "%lx-%lx", &first, &end) == 2 && address >= first && address < end) return true;
    }
    return false;
}

Ending NativeCpu::run(UserState& state, u64 end) {
    const bool compatibility = mode_ == Mode::Compatibility;
    GatePage& g = gate();
    std::memcpy(g.gpr, state.gpr.data(), sizeof g.gpr);
    std::memcpy(g.fx, state.fx.data(), sizeof g.fx);
    g.rip = state.rip;
    g.cs = compatibility ? kCompatibilityCode : kLongCode;
    g.rflags = state.rflags;
    g.rsp = state.gpr[4];
    g.ss = kData;
    g.data = compatibility ? kData : 0;
    g.running = 1;
    gnomon_enter_user();
    g.running = 0;
    std::memcpy(state.gpr.data(), g.gpr, sizeof g.gpr);
    if (compatibility)
        for (u64& r : state.gpr) r = static_cast<u32>(r);
    std::memcpy(state.fx.data(), g.fx, sizeof g.fx);
    state.rflags = g.rflags;
    state.rip = g.rip;
    if (g.vector == 13 && g.rip == end) return {};
    return {false, static_cast<unsigned>(g.vector), g.error, g.cr2};
}

}  // namespace gnomon::oracle
