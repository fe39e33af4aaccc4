// Runs 64-bit user code on the host's own processor. For x86-64 Linux; one of these per process, as it owns signal handlers and fixed
// addresses.
#pragma once

#include <array>
#include <memory>
#include <span>
#include <string>

#include "support/types.h"

namespace gnomon::oracle {

/// What a program sees of the processor. `fx` is in the format of FXSAVE.
struct UserState64 {
    std::array<u64, 16> gpr{};
    u64 rip = 0;
    u64 rflags = 0x202;
    alignas(16) std::array<u8, 512> fx{};
};

/// How the code ended: it reached its end, or an exception.
struct Ending64 {
    bool returned = true;
    unsigned vector = 0;
    u64 error = 0;
    u64 cr2 = 0;
};

class NativeCpu64 {
  public:
    struct Window {
        u64 address;
        u64 bytes;
    };
    // Within 2 GiB of each other, so that RIP-relative operands reach all of them; kLow for addresses of 32 bits.
    static constexpr Window kCode{0x400010000000, 0x1000};
    static constexpr Window kData{0x400020000000, 0x2000};
    static constexpr Window kStack{0x400030000000, 0x2000};
    static constexpr Window kLow{0x20000000, 0x2000};
    static constexpr u64 kGsBase = kData.address + 0x1000;
    /// Ends the code: HLT is privileged. A jump out would load its target, which EFLAGS.AC may forbid.
    static constexpr u8 kEnd = 0xf4;

    /// Null, and `why`, if this host does not let us.
    static std::unique_ptr<NativeCpu64> create(std::string& why);
    ~NativeCpu64();
    NativeCpu64(const NativeCpu64&) = delete;
    NativeCpu64& operator=(const NativeCpu64&) = delete;

    /// The code page, to be written here; the code itself sees it as read-only at kCode.
    [[nodiscard]] std::span<u8> code() { return {code_, kCode.bytes}; }
    [[nodiscard]] static std::span<u8> memory(const Window& w) { return {reinterpret_cast<u8*>(w.address), w.bytes}; }

    /// `end`: where kEnd is.
    Ending64 run(UserState64& state, u64 end);

  private:
    NativeCpu64() = default;
    u8* code_ = nullptr;
};

}  // namespace gnomon::oracle
