// Short random programs of 64-bit user instructions whose operands lie where they should, for the comparison with the host.
#pragma once

#include "tests/oracle/native_cpu.h"
#include "tests/oracle/user_program.h"

namespace gnomon::oracle {

class ProgramMaker64 {
  public:
    ProgramMaker64(Random& random, const FeatureSet& features) : random_(random), features_(features) {}

    /// Why the host cannot run the row, or null.
    static const char* reason_to_skip(const OpcodeRow& row);
    /// `units` instructions of these rows, to run at `base`.
    Program make(std::span<const unsigned> rows, unsigned units, u64 base);

  private:
    void byte(unsigned value) { program_.code.push_back(static_cast<u8>(value)); }
    void little(unsigned size, u64 value) {
        for (unsigned i = 0; i < size; i++) byte(static_cast<u8>(value >> 8 * i));
    }
    /// MOV r64, imm64.
    void mov(unsigned reg, u64 value) {
        byte(reg < 8 ? 0x48 : 0x49);
        byte(0xb8 + (reg & 7));
        little(8, value);
    }
    u64 target(const Window& window, bool aligned);
    bool unit(unsigned row);
    void place_operand(Encoding& e, const Decoded& d, u64 address);
    void prepare(const OpcodeRow& row, Encoding& e, const Decoded& d);
    [[nodiscard]] u64 here() const { return base_ + program_.code.size(); }

    Random& random_;
    const FeatureSet& features_;
    u64 base_ = 0;
    Program program_;
};

}  // namespace gnomon::oracle
