// Frames of a Linux kernel without frame pointers: its ORC tables say for every address where the caller's frame is. As
// Documentation/arch/x86/orc-unwinder.rst of Linux describes them; entries of 6 bytes as Linux 4.14 to 6.x have them.
#pragma once

#include <memory>
#include <vector>

#include "debugger/symbols/debug_info.h"

namespace gnomon {

/// Addresses are linear.
class OrcTable {
  public:
    struct Entry {
        i16 sp_offset = 0;
        i16 bp_offset = 0;
        u8 registers = 0;  ///< base of the caller's SP in bits 0–3, of its BP in bits 4–7
        u8 type = 0;       ///< bits 0–1 (from Linux 6.5 on 0–2)
    };
    struct Caller {
        FrameRegisters registers;
        u64 cfa = 0;
        bool interrupted = false;  ///< by an exception or interrupt, whose frame was on the stack
        u16 code_selector = 0;     ///< then
        bool none = false;         ///< nobody has called this code: the stack begins here
    };

    /// `places`: offsets from `text`, in order; one entry for each.
    OrcTable(u64 text, std::vector<u32> places, std::vector<Entry> entries);

    /// Searches the kernel's image in physical memory around `near`. `text` is the linear address of its _text;
    /// `functions` some addresses of functions, which a right table knows. Null: there is none.
    [[nodiscard]] static std::unique_ptr<OrcTable> find(const MemoryReader& physical, u64 near, u64 memory_size, u64 text,
                                                        const std::vector<u64>& functions);

    [[nodiscard]] size_t size() const { return places_.size(); }
    /// The caller of the code at `lookup` (within the call instruction for callers); nothing where the tables know none.
    [[nodiscard]] std::optional<Caller> unwind(const FrameRegisters& registers, u64 lookup, const MemoryReader& read) const;

  private:
    [[nodiscard]] const Entry* entry_at(u64 linear) const;

    u64 text_;
    std::vector<u32> places_;
    std::vector<Entry> entries_;
    bool numbered_from_two_ = false;  ///< Linux 6.5 and later: calls are type 2
};

}  // namespace gnomon
