// Source lines: from addresses to lines and back. DWARF 5, section 6.2, "Line Number Information".
#include <algorithm>

#include "debugger/symbols/dwarf_file.h"

namespace gnomon {
namespace {

/// Whether `path` is `tail`, or ends in it at a folder's border.
bool ends_in(std::string_view path, std::string_view tail) {
    return path.ends_with(tail) && (path.size() == tail.size() || tail.starts_with('/') ||
                                    path[path.size() - tail.size() - 1] == '/');
}

std::string full_path(const char* name, const char* folder) {
    if (*name == '/' || !folder || *folder == 0) return name;
    return std::string(folder) + "/" + name;
}

const char* compilation_folder(Dwarf_Die& unit) {
    Dwarf_Attribute attribute;
    return dwarf_formstring(dwarf_attr(&unit, DW_AT_comp_dir, &attribute));
}

}  // namespace

void DwarfFile::index_units() {
    if (std::exchange(units_indexed_, true)) return;
    for_each_unit([&](Dwarf_Die& unit) {
        Dwarf_Addr base = 0;
        Dwarf_Addr low = 0;
        Dwarf_Addr high = 0;
        ptrdiff_t at = 0;
        while ((at = dwarf_ranges(&unit, at, &base, &low, &high)) > 0)
            if (low < high) unit_ranges_.push_back({low, high, dwarf_dieoffset(&unit)});
        return true;
    });
    std::sort(unit_ranges_.begin(), unit_ranges_.end(),
              [](const UnitRange& a, const UnitRange& b) { return a.low < b.low; });
}

bool DwarfFile::unit_of(u64 address, Dwarf_Die& unit) {
    index_units();
    const auto next = std::upper_bound(unit_ranges_.begin(), unit_ranges_.end(), address,
                                       [](u64 wanted, const UnitRange& range) { return wanted < range.low; });
    if (next == unit_ranges_.begin() || address >= std::prev(next)->high) return false;
    return dwarf_offdie(dwarf_, std::prev(next)->unit, &unit) != nullptr;
}

std::optional<SourceLine> DwarfFile::line_at(u64 address) {
    Dwarf_Die unit;
    if (!dwarf_ || !unit_of(address, unit)) return {};
    Dwarf_Line* line = dwarf_getsrc_die(&unit, address);
    const char* file = line ? dwarf_linesrc(line, nullptr, nullptr) : nullptr;
    int number = 0;
    if (!file || dwarf_lineno(line, &number) != 0 || number == 0) return {};
    return SourceLine{full_path(file, compilation_folder(unit)), static_cast<unsigned>(number)};
}

std::vector<u64> DwarfFile::addresses_of(std::string_view file, unsigned line) {
    // The nearest line at or behind the wanted one that has code, over all units; then all its statements.
    std::vector<u64> found;
    int best = 0;
    for_each_unit([&](Dwarf_Die& unit) {
        Dwarf_Lines* lines = nullptr;
        size_t count = 0;
        if (dwarf_getsrclines(&unit, &lines, &count) != 0) return true;
        const char* folder = compilation_folder(unit);
        const char* last_name = nullptr;
        bool matches = false;
        int previous = 0;
        for (size_t i = 0; i < count; i++) {
            Dwarf_Line* row = dwarf_onesrcline(lines, i);
            const char* name = dwarf_linesrc(row, nullptr, nullptr);
            int number = 0;
            bool statement = false;
            bool end = false;
            Dwarf_Addr address = 0;
            if (!name || dwarf_lineno(row, &number) != 0 || dwarf_linebeginstatement(row, &statement) != 0 ||
                dwarf_lineendsequence(row, &end) != 0 || dwarf_lineaddr(row, &address) != 0)
                continue;
            if (name != last_name) {
                last_name = name;
                matches = ends_in(full_path(name, folder), file);
            }
            const bool begins = number != previous;
            previous = end ? 0 : number;
            if (!matches || end || !statement || !begins || number < static_cast<int>(line)) continue;
            if (best == 0 || number < best) {
                best = number;
                found.clear();
            }
            if (number == best) found.push_back(address);
        }
        return true;
    });
    std::sort(found.begin(), found.end());
    found.erase(std::unique(found.begin(), found.end()), found.end());
    return found;
}

std::vector<std::string> DwarfFile::files_ending_in(std::string_view tail) {
    std::vector<std::string> found;
    for_each_unit([&](Dwarf_Die& unit) {
        Dwarf_Files* files = nullptr;
        size_t count = 0;
        if (dwarf_getsrcfiles(&unit, &files, &count) != 0) return true;
        for (size_t i = 0; i < count; i++)
            if (const char* name = dwarf_filesrc(files, i, nullptr, nullptr)) {
                std::string path = full_path(name, compilation_folder(unit));
                if (ends_in(path, tail)) found.push_back(std::move(path));
            }
        return true;
    });
    std::sort(found.begin(), found.end());
    found.erase(std::unique(found.begin(), found.end()), found.end());
    return found;
}

}  // namespace gnomon
