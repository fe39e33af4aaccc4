// What is known about the programs in the machine: names, source lines, types, frames; from ELF files, symbol
// lists and a running Linux. Addresses are linear.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "debugger/symbol_source.h"
#include "debugger/symbols/debug_info.h"
#include "debugger/symbols/orc.h"
#include "debugger/symbols/symbol_table.h"

namespace gnomon {

class Symbols final : public SymbolSource {
  public:
    /// Symbols of one file, or of the kernel that runs.
    struct Module {
        std::string name;  ///< path, or "kallsyms"
        u64 offset = 0;    ///< added to the addresses in the file, modulo the address size
        unsigned address_size = 8;
        SymbolTable table;
        std::unique_ptr<DebugInfo> info;  ///< null: names only
        std::unique_ptr<OrcTable> orc;    ///< of a Linux kernel in memory
        bool kernel_memory = false;       ///< read from the guest's memory
    };

    /// An ELF file or a list of symbols (recognised by content), moved by `offset`. A file that is already
    /// loaded is read again. Returns a line for the user.
    Result<std::string> load(const std::string& path, u64 offset = 0);
    /// "PATH" or "PATH@OFFSET" (C notation), as in the configuration.
    Result<std::string> load_spec(std::string_view spec);
    /// Symbols of the Linux in memory. Files of the same kernel (with a _text) that are loaded move to where
    /// it runs.
    Result<std::string> load_kernel(const MemoryReader& physical, u64 memory_size);
    /// By path or its last part; false if there is none.
    bool unload(std::string_view name);
    bool set_offset(std::string_view name, u64 offset);
    /// Folders in which sources are looked for when they are not where the compiler had them.
    void add_source_folder(std::string folder) { source_folders_.push_back(std::move(folder)); }

    [[nodiscard]] const std::vector<Module>& modules() const { return modules_; }
    [[nodiscard]] std::string describe() const;

    // --- SymbolSource
    [[nodiscard]] std::optional<u64> address_of(std::string_view name) const override;
    [[nodiscard]] std::optional<Place> symbol_at(u64 linear) const override;
    [[nodiscard]] std::optional<Line> line_at(u64 linear) const override;

    // --- Names
    struct Named {
        u64 address = 0;
        char kind = 't';
        std::string_view name;
    };
    /// Symbols whose name matches a pattern with * and ?, by address.
    [[nodiscard]] std::vector<Named> matching(std::string_view pattern) const;
    /// "name", "name+0x12", with " (file.c:34)" if wanted and known; empty where nothing is known.
    [[nodiscard]] std::string describe_address(u64 linear, bool with_line = false) const;
    /// First address of the procedure that `linear` lies in.
    [[nodiscard]] std::optional<u64> procedure_start(u64 linear) const;

    // --- Sources
    /// Code of a source line, where its statements begin.
    [[nodiscard]] std::vector<u64> addresses_of_line(std::string_view file, unsigned line) const;
    /// "file.c:34" or a name to an address.
    [[nodiscard]] Result<u64> address_of_location(std::string_view location) const;
    /// Lines [first, last] of a source file, numbered, `marked` with an arrow.
    [[nodiscard]] Result<std::string> list_source(const std::string& file, unsigned first, unsigned last,
                                                  unsigned marked = 0) const;
    /// One line of it, empty if the file is not at hand.
    [[nodiscard]] std::string source_text(const std::string& file, unsigned line) const;
    /// Full path of a source file given by its end.
    [[nodiscard]] std::optional<std::string> find_source(std::string_view tail) const;

    // --- Types and frames
    struct TypedVariable {
        TypeSource* types = nullptr;
        unsigned address_size = 8;
        Variable variable;
    };
    struct TypeIn {
        TypeSource* types = nullptr;
        unsigned address_size = 8;
        TypeId id = 0;
    };
    [[nodiscard]] std::optional<TypedVariable> find_variable(std::string_view name) const;
    [[nodiscard]] std::optional<TypeIn> find_type(std::string_view name) const;
    /// As DebugInfo::unwind(), for code of this address size.
    [[nodiscard]] bool unwind(FrameRegisters& registers, u64 lookup, unsigned address_size,
                              const MemoryReader& read, u64& cfa, bool& signal_frame) const;

    /// By the ORC tables of the kernel that runs.
    [[nodiscard]] std::optional<OrcTable::Caller> unwind_kernel(const FrameRegisters& registers, u64 lookup,
                                                                const MemoryReader& read) const;

  private:
    [[nodiscard]] const Module* module_of(u64 linear, const Symbol*& symbol) const;
    [[nodiscard]] Module* find_module(std::string_view name);
    const std::vector<std::string>* source_lines(const std::string& file) const;

    std::vector<Module> modules_;
    std::vector<std::string> source_folders_;
    struct SourceFile {
        std::string path;
        std::vector<std::string> lines;
    };
    mutable std::vector<SourceFile> sources_;  ///< read once
};

}  // namespace gnomon
