// Runs user code on the host's own processor: 64-bit code as it is, 32-bit code in the compatibility mode of
// a 64-bit process. SDM Vol. 3, "IA-32 Modes of Operation". For x86-64 Linux; one of these per process, as it
// owns signal handlers and fixed addresses.
#pragma once

#include <array>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "support/types.h"

namespace gnomon::oracle {

/// What a program sees of the processor; 32-bit code of the low halves. `fx` is in the format of FXSAVE.
struct UserState {
    std::array<u64, 16> gpr{};
    u64 rip = 0;
    u64 rflags = 0x202;
    alignas(16) std::array<u8, 512> fx{};
};

/// How the code ended: it reached its end, or an exception.
struct Ending {
    bool returned = true;
    unsigned vector = 0;
    u64 error = 0;
    u64 cr2 = 0;
};

struct Window {
    u64 address;
    u64 bytes;
};

/// Addresses of 32-bit programs.
namespace place32 {
inline constexpr u32 kCode = 0x10000000, kCodeBytes = 0x1000;
inline constexpr u32 kData = 0x20000000, kDataBytes = 0x2000;
inline constexpr u32 kStack = 0x30000000, kStackBytes = 0x2000;
inline constexpr u32 kLow = 0x8000, kLowBytes = 0x2000;  ///< for 16-bit addresses
}  // namespace place32

/// Addresses of 64-bit programs, within 2 GiB of each other, so that RIP-relative operands reach all of them;
/// kLow for addresses of 32 bits.
namespace place64 {
inline constexpr Window kCode{0x400010000000, 0x1000};
inline constexpr Window kData{0x400020000000, 0x2000};
inline constexpr Window kStack{0x400030000000, 0x2000};
inline constexpr Window kLow{0x20000000, 0x2000};
inline constexpr u64 kGsBase = kData.address + 0x1000;
}  // namespace place64

class NativeCpu {
  public:
    enum class Mode { Compatibility, Long };

    /// Ends the code: HLT is privileged. A jump out would load its target, which EFLAGS.AC may forbid.
    static constexpr u8 kEnd = 0xf4;

    /// Null, and `why`, if this host does not let us.
    static std::unique_ptr<NativeCpu> create(Mode mode, std::string& why);
    ~NativeCpu();
    NativeCpu(const NativeCpu&) = delete;
    NativeCpu& operator=(const NativeCpu&) = delete;

    /// The code page, to be written here; the code itself sees it as read-only at its address.
    [[nodiscard]] std::span<u8> code() { return {code_, code_window_.bytes}; }
    [[nodiscard]] u64 code_address() const { return code_window_.address; }
    [[nodiscard]] static std::span<u8> memory(const Window& w) {
        return {reinterpret_cast<u8*>(w.address), w.bytes};
    }
    /// What the program may write. Without place32::kLow if 16-bit addresses cannot be had (they need
    /// CAP_SYS_RAWIO where vm.mmap_min_addr is set).
    [[nodiscard]] const std::vector<Window>& windows() const { return windows_; }
    [[nodiscard]] bool has_low() const { return has_low_; }

    /// This process has memory at `address`: the test's own, or the code's.
    [[nodiscard]] static bool maps(u64 address);

    /// `end`: where kEnd is.
    Ending run(UserState& state, u64 end);

  private:
    explicit NativeCpu(Mode mode) : mode_(mode) {}
    bool map(const Window& w, int protection, int file = -1);
    bool map_windows(int code_file);

    Mode mode_;
    Window code_window_{};
    std::vector<Window> windows_;
    std::vector<Window> mapped_;
    u8* code_ = nullptr;
    bool has_low_ = false;
};

}  // namespace gnomon::oracle
