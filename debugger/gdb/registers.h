// The registers that GDB sees, and their description for it. GDB manual, "Target Descriptions" and "i386
// Features".
//
// GDB asks for the description once, when it connects; a PC changes between 16, 32 and 64-bit code later. The
// description therefore fits both of GDB's architectures: its core feature has the registers of x86-64 under
// their names and those of i386 (eax to eip) beside them. Whichever architecture GDB has chosen (from the
// program's file, or by "set architecture") finds what it needs, and the packet of all registers always has
// the same size. The description names no architecture, so that GDB's own choice stands, unless a connection
// is made in 64-bit code. No register has a type whose size depends on the architecture (code_ptr, data_ptr).
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "cpu/feature.h"
#include "cpu/state.h"

namespace gnomon::gdb {

struct Register {
    std::string name;
    unsigned bits;
    const char* type;
    const char* group;  ///< null: general
    u64 (*get)(const CpuState& state, unsigned index);
    void (*set)(CpuState& state, unsigned index, u64 value);  ///< null: read-only
    unsigned index;                                           ///< argument of get and set
    /// Wider than 64 bits, in place of get and set: first byte in the state.
    u8* (*bytes)(CpuState& state, unsigned index) = nullptr;
};

class RegisterFile {
  public:
    /// What CPUID tells: without 64-bit mode only i386 registers are described; AVX and AVX-512 bring theirs, which
    /// hold zeros until the guest uses them.
    explicit RegisterFile(const FeatureSet& features);

    [[nodiscard]] size_t count() const { return registers_.size(); }
    [[nodiscard]] const std::vector<Register>& all() const { return registers_; }
    /// target.xml, as it should be for a processor in this state.
    [[nodiscard]] std::string description(const CpuState& state) const;
    /// The bytes of one register, of all of them.
    [[nodiscard]] std::string read(CpuState& state, size_t number) const;
    [[nodiscard]] std::string read_all(CpuState& state) const;
    /// False: no such register, wrong size, or read-only.
    [[nodiscard]] bool write(CpuState& state, size_t number, std::string_view bytes) const;
    /// Registers that differ from what they are; since i386 names are aliases, an unchanged one must not undo
    /// a change of the other. Trailing registers may be absent.
    [[nodiscard]] bool write_all(CpuState& state, std::string_view bytes) const;
    /// Number of the register with this name.
    [[nodiscard]] size_t number_of(std::string_view name) const;

  private:
    struct Section {
        const char* name;
        std::string types;  ///< XML of the types that it defines
        size_t first;       ///< register; up to the next feature's
    };

    void add(std::string name, unsigned bits, const char* type, const char* group,
             u64 (*get)(const CpuState&, unsigned), void (*set)(CpuState&, unsigned, u64),
             unsigned index = 0);
    void add_core(bool long_mode);
    void add_sse(bool long_mode);
    void add_vectors(const char* pattern, unsigned first, unsigned end, unsigned bits, const char* type,
                     u8* (*bytes)(CpuState&, unsigned));
    void add_avx(bool long_mode);
    void add_avx512(bool long_mode);
    void add_system(bool long_mode);

    bool long_mode_;
    std::vector<Register> registers_;
    std::vector<Section> sections_;
};

/// The instruction pointer as GDB uses it: a linear address, so that breakpoints, disassembly and steps are
/// right in segmented code too. The offset is the register "ip".
[[nodiscard]] u64 linear_pc(const CpuState& state);

}  // namespace gnomon::gdb
