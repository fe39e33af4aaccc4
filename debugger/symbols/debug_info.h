// One ELF file: its symbols, and from DWARF its source lines, types and call frame information. ELF
// specification, "Symbol Table"; DWARF 5, chapters 2 (addresses), 5 (types), 6.2 (lines), 6.4 (frames).
#pragma once

#include <array>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "debugger/symbols/symbol_table.h"
#include "debugger/symbols/type_printer.h"
#include "support/result.h"

namespace gnomon {

struct SourceLine {
    std::string file;  ///< as the compiler was given it, with its folder
    unsigned line = 0;
};

/// General registers by their numbers in instruction encodings (AX CX DX BX SP BP SI DI R8 …), and the
/// instruction pointer as a linear address.
struct FrameRegisters {
    std::array<u64, 16> gpr{};
    u64 pc = 0;
};

/// Addresses here are those in the file; whoever loads it elsewhere adds the difference.
class DebugInfo : public TypeSource {
  public:
    /// Errors name the file.
    [[nodiscard]] static Result<std::unique_ptr<DebugInfo>> open(const std::string& path);

    [[nodiscard]] virtual unsigned address_size() const = 0;  ///< 4 or 8
    [[nodiscard]] virtual bool has_lines() const = 0;
    [[nodiscard]] virtual std::vector<Symbol> symbols() = 0;
    [[nodiscard]] virtual std::optional<SourceLine> line_at(u64 address) = 0;
    /// Where the statements of a line begin; `file` may be the end of a path ("main.c"). If the line has no
    /// code, those of the next line that has.
    [[nodiscard]] virtual std::vector<u64> addresses_of(std::string_view file, unsigned line) = 0;
    /// Full paths of the source files whose path ends in `tail`.
    [[nodiscard]] virtual std::vector<std::string> files_ending_in(std::string_view tail) = 0;
    /// Turns the registers of a function into those of its caller, by call frame information. False if there
    /// is none for the PC (`lookup`, which is within the call instruction for callers). `signal_frame` tells
    /// that the caller was interrupted rather than calling.
    [[nodiscard]] virtual bool unwind(FrameRegisters& registers, u64 lookup, const MemoryReader& read,
                                      u64& cfa, bool& signal_frame) = 0;
};

/// Whether this build reads ELF files.
[[nodiscard]] bool reads_elf_files();

}  // namespace gnomon
