// Short random programs of user-mode instructions whose operands lie where they should, for the comparison
// with the host.
#pragma once

#include <vector>

#include "tests/oracle/encoder.h"
#include "tests/oracle/native_cpu.h"

namespace gnomon::oracle {

/// Flags and registers that the manual leaves undefined after an instruction.
struct Undefined {
    u32 flags = 0;
};

struct ProgramUnit {
    unsigned row = 0;
    unsigned start = 0;  ///< of the setting-up instructions
    unsigned at = 0;     ///< of the instruction itself
    unsigned end = 0;    ///< after it (and what follows a branch)
    u32 undefined_flags = 0;
};

struct Program {
    std::vector<u8> code;
    std::vector<ProgramUnit> units;
};

class ProgramMaker {
  public:
    ProgramMaker(Random& random, bool low) : random_(random), low_(low) {}

    /// Why the host cannot run the row, or null.
    static const char* reason_to_skip(const OpcodeRow& row);
    /// `units` instructions of these rows, to run at `base`.
    Program make(std::span<const unsigned> rows, unsigned units, u32 base);

  private:
    void byte(unsigned value) { program_.code.push_back(static_cast<u8>(value)); }
    void dword(u32 value) {
        for (unsigned i = 0; i < 4; i++) byte(value >> 8 * i);
    }
    void mov(unsigned reg, u32 value) {
        byte(0xb8 + reg);
        dword(value);
    }
    void store(u32 address, u32 value) {
        byte(0xc7);
        byte(0x05);
        dword(address);
        dword(value);
    }
    u32 target(u32 window, u32 bytes, bool aligned);
    bool unit(unsigned row);
    void place_operand(Encoding& e, const Decoded& d, u32 address);
    void prepare(const OpcodeRow& row, Encoding& e, const Decoded& d);
    [[nodiscard]] u32 here() const { return base_ + static_cast<u32>(program_.code.size()); }

    Random& random_;
    bool low_;
    u32 base_ = 0;
    Program program_;
};

/// Which of the flags are undefined after this instruction; shift counts in CL are taken as anything.
u32 undefined_flags(const Decoded& d);

}  // namespace gnomon::oracle
