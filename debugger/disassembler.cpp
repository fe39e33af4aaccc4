// See disassembler.h; Zydis knows every instruction set extension, also those that the guest does not have.
#include "debugger/disassembler.h"

#include <fmt/format.h>

#include <algorithm>

#if GNOMON_HAVE_ZYDIS
#include <Zydis/Zydis.h>
#endif

namespace gnomon {

bool disassembler_built_in() { return GNOMON_HAVE_ZYDIS; }

Disassembled disassemble(std::span<const u8> bytes, u64 ip, unsigned bits, Syntax syntax) {
    Disassembled out;
    if (bytes.empty()) return {"(not mapped)", 1, false};
#if GNOMON_HAVE_ZYDIS
    const ZydisMachineMode mode = bits == 64   ? ZYDIS_MACHINE_MODE_LONG_64
                                  : bits == 32 ? ZYDIS_MACHINE_MODE_LEGACY_32
                                               : ZYDIS_MACHINE_MODE_LEGACY_16;
    ZydisDisassembledInstruction instruction;
    const auto decode = syntax == Syntax::Intel ? &ZydisDisassembleIntel : &ZydisDisassembleATT;
    if (ZYAN_SUCCESS(decode(mode, ip, bytes.data(), std::min<size_t>(bytes.size(), 15), &instruction)))
        return {instruction.text, instruction.info.length, true};
#else
    static_cast<void>(ip);
    static_cast<void>(bits);
    static_cast<void>(syntax);
#endif
    return {fmt::format("db {:#04x}", bytes[0]), 1, false};
}

}  // namespace gnomon
