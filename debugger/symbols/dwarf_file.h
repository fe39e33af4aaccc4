// DebugInfo by libelf and libdw. Only the dwarf_*.cpp files include this.
#pragma once

#include <dwarf.h>
#include <elfutils/libdw.h>
#include <libelf.h>

#include <map>
#include <unordered_map>

#include "debugger/symbols/debug_info.h"

namespace gnomon {

class DwarfFile final : public DebugInfo {
  public:
    DwarfFile() = default;
    ~DwarfFile() override;
    DwarfFile(const DwarfFile&) = delete;
    DwarfFile& operator=(const DwarfFile&) = delete;
    Result<void> open_file(const std::string& path);

    // --- dwarf_file.cpp: ELF
    [[nodiscard]] unsigned address_size() const override { return address_size_; }
    [[nodiscard]] bool has_lines() const override { return dwarf_ != nullptr; }
    [[nodiscard]] std::vector<Symbol> symbols() override;
    // --- dwarf_lines.cpp
    [[nodiscard]] std::optional<SourceLine> line_at(u64 address) override;
    [[nodiscard]] std::vector<u64> addresses_of(std::string_view file, unsigned line) override;
    [[nodiscard]] std::vector<std::string> files_ending_in(std::string_view tail) override;
    // --- dwarf_types.cpp
    [[nodiscard]] const Type& type(TypeId id) override;
    [[nodiscard]] std::optional<TypeId> find_type(std::string_view name) override;
    [[nodiscard]] std::optional<Variable> find_variable(std::string_view name) override;
    // --- dwarf_frames.cpp
    [[nodiscard]] bool unwind(FrameRegisters& registers, u64 lookup, const MemoryReader& read, u64& cfa,
                              bool& signal_frame) override;

  private:
    struct NamedType {
        TypeId id = 0;
        bool complete = false;
    };

    /// Code of one compilation unit.
    struct UnitRange {
        u64 low = 0, high = 0;
        Dwarf_Off unit = 0;
    };

    void index_units();
    void index_names();
    void read_type(Dwarf_Die* die, Type& out);
    void read_members(Dwarf_Die* die, Type& out);
    void read_array(Dwarf_Die* die, Type& out);
    [[nodiscard]] bool unit_of(u64 address, Dwarf_Die& unit);
    template<class Visit>
    void for_each_unit(const Visit& visit);

    int descriptor_ = -1;
    Elf* elf_ = nullptr;
    Dwarf* dwarf_ = nullptr;
    Dwarf_CFI* debug_frame_ = nullptr;  ///< belongs to dwarf_
    Dwarf_CFI* eh_frame_ = nullptr;
    unsigned address_size_ = 8;
    bool units_indexed_ = false;
    bool names_indexed_ = false;
    std::vector<UnitRange> unit_ranges_;                        ///< sorted
    std::unordered_map<std::string, NamedType> types_by_name_;  ///< "struct x", "union x", "enum x", "x"
    std::unordered_map<std::string, Dwarf_Off> variables_;
    std::map<TypeId, Type> types_;  ///< references to its elements stay valid
};

template<class Visit>
void DwarfFile::for_each_unit(const Visit& visit) {
    Dwarf_CU* unit = nullptr;
    Dwarf_Die die;
    u8 kind = 0;
    while (dwarf_ && dwarf_get_units(dwarf_, unit, &unit, nullptr, &kind, &die, nullptr) == 0)
        if (kind == DW_UT_compile || kind == DW_UT_partial)
            if (!visit(die)) return;
}

}  // namespace gnomon
