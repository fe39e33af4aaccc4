// Expressions over registers, memory and symbols, for breakpoint conditions and the console. C's operators and
// precedence, on 64-bit numbers.
//
//   0x7c00  31744  'A'                    numbers (also 0b101)
//   eax  %al  $zf  cr0  fs.base           registers and flags
//   start  kernel_main+4                  symbols; `name` in backquotes if a register has the same name
//   [esi]  word [esp+4]  byte [ds:si]     memory: byte, word, dword, qword; without, of the size of a stack slot
//   phys dword [0x1000]                   physical memory
//   cs:eip  0x10:0x1234                   logical addresses, as linear ones
//   (u8) eax  (s16) ax                    casts: u8 u16 u32 u64 s8 s16 s32 s64
#pragma once

#include <memory>
#include <string>

#include "debugger/debugger.h"

namespace gnomon {

class Expression {
  public:
    /// An error names the place.
    [[nodiscard]] static Result<Expression> parse(std::string_view text);
    /// Fails where memory cannot be read, a symbol is unknown, or something is divided by zero.
    [[nodiscard]] Result<u64> value(Debugger& debugger, unsigned processor) const;

    struct Node;

  private:
    explicit Expression(std::shared_ptr<const Node> root) : root_(std::move(root)) {}
    std::shared_ptr<const Node> root_;
};

/// Both at once, for the current processor.
[[nodiscard]] Result<u64> evaluate(std::string_view text, Debugger& debugger);

/// The linear base that a selector stands for at the moment: ×16 in real and virtual-8086 mode, else from the
/// descriptor tables.
[[nodiscard]] Result<u64> selector_base(Debugger& debugger, unsigned processor, u16 selector);

}  // namespace gnomon
