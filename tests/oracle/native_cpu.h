// Runs 32-bit code on the host's own processor, in the compatibility mode of a 64-bit process. SDM Vol. 3,
// "IA-32 Modes of Operation". For x86-64 Linux; one of these per process, as it owns signal handlers and
// fixed addresses below 4 GiB.
#pragma once

#include <array>
#include <memory>
#include <optional>
#include <span>
#include <string>

#include "support/types.h"

namespace gnomon::oracle {

/// What a program sees of the processor. `fx` is in the format of FXSAVE without REX.W.
struct UserState {
    std::array<u32, 8> gpr{};
    u32 eip = 0;
    u32 eflags = 0x202;
    alignas(16) std::array<u8, 512> fx{};
};

/// How the code ended: it reached the address to return to, or an exception.
struct Ending {
    bool returned = true;
    unsigned vector = 0;
    u32 error = 0;
    u32 cr2 = 0;
};

class NativeCpu {
  public:
    static constexpr u32 kCode = 0x10000000, kCodeBytes = 0x1000;
    static constexpr u32 kData = 0x20000000, kDataBytes = 0x2000;
    static constexpr u32 kStack = 0x30000000, kStackBytes = 0x2000;
    static constexpr u32 kLow = 0x8000, kLowBytes = 0x2000;  ///< for 16-bit addresses

    /// Null, and `why`, if this host does not let us.
    static std::unique_ptr<NativeCpu> create(std::string& why);
    ~NativeCpu();
    NativeCpu(const NativeCpu&) = delete;
    NativeCpu& operator=(const NativeCpu&) = delete;

    /// Seven bytes that end the code.
    [[nodiscard]] static std::array<u8, 7> ending();
    /// The code page, to be written here; the code itself sees it as read-only at kCode.
    [[nodiscard]] std::span<u8> code() { return {code_, kCodeBytes}; }
    [[nodiscard]] static std::span<u8> memory(u32 address, u32 bytes) {
        return {reinterpret_cast<u8*>(u64{address}), bytes};
    }
    /// False if 16-bit addresses cannot be had (they need CAP_SYS_RAWIO where vm.mmap_min_addr is set).
    [[nodiscard]] bool has_low() const { return has_low_; }

    Ending run(UserState& state);

  private:
    NativeCpu() = default;
    u8* code_ = nullptr;
    bool has_low_ = false;
};

}  // namespace gnomon::oracle
