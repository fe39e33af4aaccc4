// Opening an ELF file and reading its symbol table.
#include "debugger/symbols/dwarf_file.h"

#include <cxxabi.h>
#include <fcntl.h>
#include <gelf.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>

namespace gnomon {
namespace {

/// The letter of nm(1).
char kind_of(const GElf_Sym& symbol, Elf* elf) {
    const bool global = GELF_ST_BIND(symbol.st_info) != STB_LOCAL;
    char kind = 't';
    if (symbol.st_shndx == SHN_ABS) {
        kind = 'a';
    } else if (Elf_Scn* section = elf_getscn(elf, symbol.st_shndx)) {
        GElf_Shdr header;
        if (gelf_getshdr(section, &header)) {
            if (header.sh_flags & SHF_EXECINSTR)
                kind = 't';
            else if (header.sh_type == SHT_NOBITS)
                kind = 'b';
            else
                kind = header.sh_flags & SHF_WRITE ? 'd' : 'r';
        }
    }
    return global ? static_cast<char>(kind - 'a' + 'A') : kind;
}

std::string readable_name(const char* name) {
    if (std::strncmp(name, "_Z", 2) != 0) return name;
    int status = 0;
    char* plain = abi::__cxa_demangle(name, nullptr, nullptr, &status);
    std::string result = status == 0 && plain ? plain : name;
    std::free(plain);
    // "ns::f(int)" is called "ns::f".
    if (const size_t arguments = result.find('('); arguments != result.npos && arguments != 0)
        result.resize(arguments);
    return result;
}

}  // namespace

Result<std::unique_ptr<DebugInfo>> DebugInfo::open(const std::string& path) {
    auto file = std::make_unique<DwarfFile>();
    if (Result<void> opened = file->open_file(path); !opened) return opened.error();
    return std::unique_ptr<DebugInfo>(std::move(file));
}

bool reads_elf_files() { return true; }

Result<void> DwarfFile::open_file(const std::string& path) {
    elf_version(EV_CURRENT);
    descriptor_ = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
    if (descriptor_ < 0) return fail("{}: {}", path, std::strerror(errno));
    elf_ = elf_begin(descriptor_, ELF_C_READ_MMAP, nullptr);
    if (!elf_ || elf_kind(elf_) != ELF_K_ELF) return fail("{}: not an ELF file", path);
    GElf_Ehdr header;
    if (!gelf_getehdr(elf_, &header)) return fail("{}: {}", path, elf_errmsg(-1));
    if (header.e_machine != EM_386 && header.e_machine != EM_X86_64)
        return fail("{}: for machine {}, not for x86", path, header.e_machine);
    address_size_ = gelf_getclass(elf_) == ELFCLASS32 ? 4 : 8;
    dwarf_ = dwarf_begin_elf(elf_, DWARF_C_READ, nullptr);
    if (dwarf_) {
        // Files with only an .eh_frame count as DWARF too, but have no lines.
        Dwarf_Off next = 0;
        size_t size = 0;
        debug_frame_ = dwarf_getcfi(dwarf_);
        if (dwarf_nextcu(dwarf_, 0, &next, &size, nullptr, nullptr, nullptr) != 0 && !debug_frame_) {
            dwarf_end(dwarf_);
            dwarf_ = nullptr;
        }
    }
    eh_frame_ = dwarf_getcfi_elf(elf_);
    return {};
}

DwarfFile::~DwarfFile() {
    if (eh_frame_) dwarf_cfi_end(eh_frame_);
    if (dwarf_) dwarf_end(dwarf_);
    if (elf_) elf_end(elf_);
    if (descriptor_ >= 0) ::close(descriptor_);
}

std::vector<Symbol> DwarfFile::symbols() {
    std::vector<Symbol> symbols;
    Elf_Scn* table = nullptr;
    Elf_Scn* section = nullptr;
    GElf_Shdr header;
    while ((section = elf_nextscn(elf_, section)) != nullptr)
        if (gelf_getshdr(section, &header) &&
            (header.sh_type == SHT_SYMTAB || (header.sh_type == SHT_DYNSYM && !table)))
            table = section;
    if (!table || !gelf_getshdr(table, &header) || header.sh_entsize == 0) return symbols;
    Elf_Data* data = elf_getdata(table, nullptr);
    for (u64 i = 1; data && i < header.sh_size / header.sh_entsize; i++) {
        GElf_Sym symbol;
        if (!gelf_getsym(data, static_cast<int>(i), &symbol) || symbol.st_shndx == SHN_UNDEF) continue;
        const int type = GELF_ST_TYPE(symbol.st_info);
        if (type == STT_SECTION || type == STT_FILE || type == STT_TLS) continue;
        const char* name = elf_strptr(elf_, header.sh_link, symbol.st_name);
        if (!name || *name == 0 || *name == '$') continue;
        symbols.push_back({symbol.st_value, symbol.st_size, kind_of(symbol, elf_), readable_name(name)});
    }
    return symbols;
}

}  // namespace gnomon
