// Modules and the questions that go to all of them.
#include "debugger/symbols/symbols.h"

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <fstream>

#include "debugger/symbols/kallsyms.h"
#include "debugger/symbols/symbol_text.h"

namespace gnomon {
namespace {

u64 mask_of(const Symbols::Module& module) { return module.address_size == 4 ? 0xffffffff : ~u64{0}; }
u64 to_file(const Symbols::Module& module, u64 linear) { return (linear - module.offset) & mask_of(module); }
u64 to_linear(const Symbols::Module& module, u64 address) {
    return (address + module.offset) & mask_of(module);
}
/// Whether an address can belong to the module at all.
bool in_reach(const Symbols::Module& module, u64 linear) { return (linear & ~mask_of(module)) == 0; }

std::optional<u64> parse_number(std::string_view text) {
    const bool negative = text.starts_with('-');
    if (negative) text.remove_prefix(1);
    int base = 10;
    if (text.starts_with("0x") || text.starts_with("0X")) {
        base = 16;
        text.remove_prefix(2);
    }
    u64 value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, base);
    if (error != std::errc{} || end != text.data() + text.size()) return {};
    return negative ? ~value + 1 : value;
}

std::string last_part(std::string_view path) {
    return std::string(path.substr(path.rfind('/') == path.npos ? 0 : path.rfind('/') + 1));
}

Result<std::string> read_text(const std::string& path) {
    std::ifstream file(path, std::ios::binary);
    if (!file || std::filesystem::is_directory(path)) return fail("{}: cannot be read", path);
    return std::string(std::istreambuf_iterator<char>(file), {});
}

Result<Symbols::Module> read_module(const std::string& path) {
    Symbols::Module module;
    module.name = path;
    std::array<char, 4> magic{};
    std::ifstream(path, std::ios::binary).read(magic.data(), magic.size());
    if (std::string_view(magic.data(), 4) == "\177ELF") {
        Result<std::unique_ptr<DebugInfo>> info = DebugInfo::open(path);
        if (!info) return info.error();
        module.info = std::move(*info);
        module.address_size = module.info->address_size();
        module.table = SymbolTable(module.info->symbols());
        if (module.table.size() == 0 && !module.info->has_lines())
            return fail("{}: has neither symbols nor debugging information", path);
        return module;
    }
    Result<std::string> text = read_text(path);
    if (!text) return text.error();
    Result<std::vector<Symbol>> symbols = parse_symbol_text(*text);
    if (!symbols) return symbols.error().in(path);
    module.table = SymbolTable(std::move(*symbols));
    if (module.table.all().back().address <= 0xffffffff) module.address_size = 4;
    return module;
}

std::string summary(const Symbols::Module& module) {
    std::string text = fmt::format("{}: {} symbols", module.name, module.table.size());
    if (module.info && module.info->has_lines()) text += ", source lines and types";
    if (module.offset != 0) text += fmt::format(", moved by {:#x}", module.offset);
    return text;
}

}  // namespace

Result<std::string> Symbols::load(const std::string& path, u64 offset) {
    Result<Module> module = read_module(path);
    if (!module) return module.error();
    module->offset = offset;
    std::erase_if(modules_, [&](const Module& known) { return known.name == path; });
    modules_.push_back(std::move(*module));
    return summary(modules_.back());
}

Result<std::string> Symbols::load_spec(std::string_view spec) {
    const size_t at = spec.rfind('@');
    if (at == spec.npos || std::filesystem::exists(spec)) return load(std::string(spec));
    const std::optional<u64> offset = parse_number(spec.substr(at + 1));
    if (!offset)
        return fail("\"{}\" is no offset; expected PATH@OFFSET, as kernel.elf@0x100000", spec.substr(at + 1));
    return load(std::string(spec.substr(0, at)), *offset);
}

namespace {

void find_frames(Symbols::Module& kernel, const MemoryReader& physical, u64 place, u64 memory_size) {
    const Symbol* text = kernel.table.named("_text");
    const Symbol* end = kernel.table.named("_etext");
    if (!text) return;
    constexpr size_t kSamples = 2000;
    std::vector<u64> functions;
    const auto& all = kernel.table.all();
    for (size_t i = 0; i < all.size(); i += all.size() / kSamples + 1)
        if ((all[i].kind == 't' || all[i].kind == 'T') && all[i].address > text->address && end && all[i].address < end->address)
            functions.push_back(all[i].address);
    kernel.orc = OrcTable::find(physical, place, memory_size, text->address, functions);
}

}  // namespace

Result<std::string> Symbols::load_kernel(const MemoryReader& physical, u64 memory_size) {
    Result<KernelSymbols> found = find_kernel_symbols(physical, memory_size);
    if (!found) return found.error();
    Module kernel;
    kernel.name = "kallsyms";
    kernel.kernel_memory = true;
    kernel.address_size = found->address_size;
    kernel.table = SymbolTable(std::move(found->symbols));
    std::erase_if(modules_, [](const Module& module) { return module.kernel_memory; });
    std::string text =
        fmt::format("Linux in memory: {} symbols from {:#x} on", kernel.table.size(), found->relative_base);
    if (const Symbol* here = kernel.table.named("_text"))
        for (Module& module : modules_) {
            const Symbol* there = module.table.named("_text");
            if (!there || module.address_size != kernel.address_size) continue;
            module.offset = (here->address - there->address) & mask_of(module);
            text += fmt::format("\n{} moved by {:#x}", module.name, module.offset);
        }
    if (kernel.address_size == 8) find_frames(kernel, physical, found->place, memory_size);
    if (kernel.orc) text += fmt::format("\nORC tables for backtraces: {} entries", kernel.orc->size());
    modules_.push_back(std::move(kernel));
    return text;
}

Symbols::Module* Symbols::find_module(std::string_view name) {
    for (Module& module : modules_)
        if (module.name == name || last_part(module.name) == name) return &module;
    return nullptr;
}

bool Symbols::unload(std::string_view name) {
    const Module* module = find_module(name);
    if (!module) return false;
    modules_.erase(modules_.begin() + (module - modules_.data()));
    return true;
}

bool Symbols::set_offset(std::string_view name, u64 offset) {
    Module* module = find_module(name);
    if (module) module->offset = offset & mask_of(*module);
    return module != nullptr;
}

std::string Symbols::describe() const {
    std::string text;
    for (const Module& module : modules_) text += summary(module) + "\n";
    return text.empty() ? "no symbols are loaded\n" : text;
}

std::optional<OrcTable::Caller> Symbols::unwind_kernel(const FrameRegisters& registers, u64 lookup, const MemoryReader& read) const {
    for (const Module& module : modules_)
        if (module.orc)
            if (auto caller = module.orc->unwind(registers, lookup, read)) return caller;
    return {};
}

std::optional<u64> Symbols::address_of(std::string_view name) const {
    for (const Module& module : modules_)
        if (const Symbol* symbol = module.table.named(name)) return to_linear(module, symbol->address);
    return {};
}

const Symbols::Module* Symbols::module_of(u64 linear, const Symbol*& symbol) const {
    const Module* best = nullptr;
    u64 nearest = ~u64{0};
    for (const Module& module : modules_) {
        if (!in_reach(module, linear)) continue;
        const u64 address = to_file(module, linear);
        const Symbol* found = module.table.covering(address);
        if (!found || address - found->address >= nearest) continue;
        nearest = address - found->address;
        best = &module;
        symbol = found;
    }
    return best;
}

std::optional<SymbolSource::Place> Symbols::symbol_at(u64 linear) const {
    const Symbol* symbol = nullptr;
    const Module* module = module_of(linear, symbol);
    if (!module) return {};
    return Place{symbol->name, to_file(*module, linear) - symbol->address};
}

std::optional<u64> Symbols::procedure_start(u64 linear) const {
    const std::optional<Place> place = symbol_at(linear);
    if (!place) return {};
    return linear - place->offset;
}

std::optional<SymbolSource::Line> Symbols::line_at(u64 linear) const {
    for (const Module& module : modules_)
        if (module.info && in_reach(module, linear))
            if (std::optional<SourceLine> line = module.info->line_at(to_file(module, linear)))
                return Line{std::move(line->file), line->line};
    return {};
}

std::vector<Symbols::Named> Symbols::matching(std::string_view pattern) const {
    std::vector<Named> found;
    for (const Module& module : modules_)
        for (const Symbol& symbol : module.table.all())
            if (matches_pattern(pattern, symbol.name))
                found.push_back({to_linear(module, symbol.address), symbol.kind, symbol.name});
    std::sort(found.begin(), found.end(), [](const Named& a, const Named& b) {
        return a.address != b.address ? a.address < b.address : a.name < b.name;
    });
    return found;
}

std::string Symbols::describe_address(u64 linear, bool with_line) const {
    const std::optional<Place> place = symbol_at(linear);
    if (!place) return {};
    std::string text = place->offset == 0 ? place->name : fmt::format("{}+{:#x}", place->name, place->offset);
    if (with_line)
        if (const std::optional<Line> line = line_at(linear))
            text += fmt::format(" ({}:{})", last_part(line->file), line->line);
    return text;
}

std::vector<u64> Symbols::addresses_of_line(std::string_view file, unsigned line) const {
    std::vector<u64> found;
    for (const Module& module : modules_)
        if (module.info)
            for (const u64 address : module.info->addresses_of(file, line))
                found.push_back(to_linear(module, address));
    return found;
}

Result<u64> Symbols::address_of_location(std::string_view location) const {
    if (const std::optional<u64> address = address_of(location)) return *address;
    const size_t colon = location.rfind(':');
    if (colon != location.npos) {
        const std::optional<u64> line = parse_number(location.substr(colon + 1));
        if (line && *line != 0) {
            const std::vector<u64> found =
                addresses_of_line(location.substr(0, colon), static_cast<unsigned>(*line));
            if (!found.empty()) return found.front();
            return fail("no code is known for {}", location);
        }
    }
    return fail("no symbol \"{}\"", location);
}

const std::vector<std::string>* Symbols::source_lines(const std::string& file) const {
    for (const SourceFile& source : sources_)
        if (source.path == file) return source.lines.empty() ? nullptr : &source.lines;
    SourceFile source;
    source.path = file;
    std::vector<std::string> candidates{file};
    for (const std::string& folder : source_folders_) {
        // The longest part of the path that exists below the folder.
        for (size_t slash = 0; slash != file.npos; slash = file.find('/', slash + 1))
            candidates.push_back(folder + "/" + file.substr(slash == 0 ? 0 : slash + 1));
    }
    for (const std::string& candidate : candidates) {
        std::ifstream stream(candidate);
        std::string line;
        while (std::getline(stream, line)) source.lines.push_back(line);
        if (!source.lines.empty()) break;
    }
    sources_.push_back(std::move(source));
    return sources_.back().lines.empty() ? nullptr : &sources_.back().lines;
}

Result<std::string> Symbols::list_source(const std::string& file, unsigned first, unsigned last,
                                         unsigned marked) const {
    const std::vector<std::string>* lines = source_lines(file);
    if (!lines) return fail("{}: the source is not at hand", file);
    if (first > lines->size()) return fail("{} has {} lines", file, lines->size());
    std::string text;
    for (unsigned line = std::max(first, 1u); line <= last && line <= lines->size(); line++)
        text += fmt::format("{}{:5}  {}\n", line == marked ? "->" : "  ", line, (*lines)[line - 1]);
    return text;
}

std::string Symbols::source_text(const std::string& file, unsigned line) const {
    const std::vector<std::string>* lines = source_lines(file);
    return lines && line != 0 && line <= lines->size() ? (*lines)[line - 1] : std::string();
}

std::optional<std::string> Symbols::find_source(std::string_view tail) const {
    for (const Module& module : modules_)
        if (module.info)
            if (const auto files = module.info->files_ending_in(tail); !files.empty()) return files.front();
    return {};
}

std::optional<Symbols::TypedVariable> Symbols::find_variable(std::string_view name) const {
    for (const Module& module : modules_)
        if (module.info)
            if (std::optional<Variable> found = module.info->find_variable(name)) {
                found->address = to_linear(module, found->address);
                return TypedVariable{module.info.get(), module.address_size, *found};
            }
    return {};
}

std::optional<Symbols::TypeIn> Symbols::find_type(std::string_view name) const {
    for (const Module& module : modules_)
        if (module.info)
            if (const std::optional<TypeId> found = module.info->find_type(name))
                return TypeIn{module.info.get(), module.address_size, *found};
    return {};
}

bool Symbols::unwind(FrameRegisters& registers, u64 lookup, unsigned address_size, const MemoryReader& read,
                     u64& cfa, bool& signal_frame) const {
    for (const Module& module : modules_) {
        if (!module.info || module.address_size != address_size || !in_reach(module, lookup)) continue;
        FrameRegisters moved = registers;
        moved.pc = to_file(module, registers.pc);
        if (!module.info->unwind(moved, to_file(module, lookup), read, cfa, signal_frame)) continue;
        registers = moved;  // the caller's PC was read from the stack: it needs no move
        return true;
    }
    return false;
}

}  // namespace gnomon
