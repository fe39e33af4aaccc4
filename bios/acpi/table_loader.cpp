// Layout of the loader's commands.
#include "bios/acpi/table_loader.h"

#include <cstring>

namespace gnomon {
namespace {

void put_name(u8* at, std::string_view name) { std::memcpy(at, name.data(), name.size()); }

void put32(u8* at, u32 value) {
    for (unsigned i = 0; i < 4; i++) at[i] = static_cast<u8>(value >> 8 * i);
}

}  // namespace

u8* TableLoader::append(Command command) {
    const size_t at = script_.size();
    script_.resize(at + kCommandBytes);
    put32(&script_[at], static_cast<u32>(command));
    return &script_[at + 4];
}

void TableLoader::allocate(std::string_view file, u32 alignment, Zone zone) {
    u8* at = append(Command::Allocate);
    put_name(at, file);
    put32(at + kNameBytes, alignment);
    at[kNameBytes + 4] = static_cast<u8>(zone);
}

void TableLoader::add_pointer(std::string_view file, u32 offset, u8 size, std::string_view target) {
    u8* at = append(Command::AddPointer);
    put_name(at, file);
    put_name(at + kNameBytes, target);
    put32(at + 2 * kNameBytes, offset);
    at[2 * kNameBytes + 4] = size;
}

void TableLoader::add_checksum(std::string_view file, u32 offset, u32 start, u32 length) {
    u8* at = append(Command::AddChecksum);
    put_name(at, file);
    put32(at + kNameBytes, offset);
    put32(at + kNameBytes + 4, start);
    put32(at + kNameBytes + 8, length);
}

}  // namespace gnomon
