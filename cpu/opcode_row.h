// Rows of the opcode table, in the manual's own notation, checked when the compiler reads them.
// SDM Vol. 2, "Instruction Set Reference" and "Opcode Map".
#pragma once

#include <string_view>

#include "cpu/feature.h"
#include "cpu/instruction.h"
#include "support/types.h"

namespace gnomon {

struct Decoded;
/// Chooses the handler of a decoded instruction; the operand fields are already filled in.
using Build = void (*)(const Decoded&, Instruction&);

enum class OpcodeMap : u8 {
    One, Two, Three38, Three3A,      ///< one byte, 0F, 0F 38, 0F 3A
    Vex0F, Vex0F38, Vex0F3A,         ///< the same after a VEX prefix, and after an EVEX prefix
    Evex0F, Evex0F38, Evex0F3A,
    Count
};
constexpr bool is_vex(OpcodeMap map) { return map >= OpcodeMap::Vex0F && map <= OpcodeMap::Vex0F3A; }
constexpr bool is_evex(OpcodeMap map) { return map >= OpcodeMap::Evex0F && map <= OpcodeMap::Evex0F3A; }

/// A mandatory prefix: Any means that 66/F2/F3 have their ordinary meaning.
enum class MandatoryPrefix : u8 { Any, None, P66, PF3, PF2 };

/// What the decoder and the checks must know, beside the operands.
namespace attr {
inline constexpr u16 kLock = 1;         ///< LOCK is allowed if the destination is memory
inline constexpr u16 kCpl0 = 2;         ///< #GP(0) unless CPL is 0
inline constexpr u16 kProtected = 4;    ///< #UD in real and virtual-8086 mode
inline constexpr u16 kEnds = 8;         ///< always the last of its block (branches, mode changes)
inline constexpr u16 kNo64 = 16;        ///< #UD in 64-bit mode
inline constexpr u16 kOnly64 = 32;      ///< only in 64-bit mode (otherwise another row, or #UD)
inline constexpr u16 kDefault64 = 64;   ///< operand size 64 in 64-bit mode without REX.W
inline constexpr u16 kSetsFlags = 128;  ///< defines all six arithmetic flags and reads none
inline constexpr u16 kPure = 256;       ///< neither reads nor writes flags and, without a memory operand, cannot fault
inline constexpr u16 kForce64 = 1024;   ///< operand size 64 in 64-bit mode, whatever the prefixes (near branches)
inline constexpr u16 kKeepsFlags = 512; ///< changes some arithmetic flags and leaves the others (INC, rotates, shifts by CL)
}  // namespace attr

/// How a vector instruction uses memory and opmask: SDM Vol. 2, "Compressed Displacement (disp8*N) Support in EVEX".
struct Tuple {
    u8 memory = kVector;    ///< bytes of the memory operand
    u8 broadcast = 0;       ///< bytes of the element that EVEX.b broadcasts; 0: none
    u8 element = 0;         ///< bytes of an element under the opmask; 0: there is none
    u8 flags = 0;

    // Parts of the vector length, instead of a number of bytes.
    static constexpr u8 kVector = 0x80, kHalf = 0x81, kQuarter = 0x82, kEighth = 0x83, kDuplicated = 0x8f;
    static constexpr u8 kRounding = 1;     ///< EVEX.b with registers: embedded rounding
    static constexpr u8 kSae = 2;          ///< …: exceptions are suppressed
    static constexpr u8 kAligned = 4;      ///< #GP(0) unless the memory operand is aligned
    static constexpr u8 kAvx2 = 8;         ///< the form of 256 bits needs AVX2
    static constexpr u8 kGather = 16;      ///< an opmask other than k0, no zeroing, VSIB
    static constexpr u8 kUnaligned = 32;   ///< legacy encoding: the memory operand needs no alignment
    static constexpr u8 kNoZeroing = 64;

    constexpr Tuple with(unsigned more) const { return {memory, broadcast, element, static_cast<u8>(flags | more)}; }
    constexpr Tuple under(unsigned bytes) const { return {memory, broadcast, static_cast<u8>(bytes), flags}; }
    [[nodiscard]] constexpr unsigned memory_bytes(unsigned vector) const {
        if (memory == kDuplicated) return vector == 16 ? 8 : vector;
        return memory & 0x80 ? vector >> (memory & 0x7f) : memory;
    }
};

/// Values of OpcodeRow::vector beside 0, 1, 2 (128, 256, 512 bits).
namespace vector_length {
inline constexpr i8 kAny = -1, kIgnored = -2, kAbove128 = -3;
}

struct OpcodeRow {
    std::string_view mnemonic;
    std::string_view operands;    ///< "Ev,Gv": codes of SDM Vol. 2, "Key to Abbreviations"
    Build build = nullptr;
    OpcodeMap map = OpcodeMap::One;
    u8 opcode = 0;
    MandatoryPrefix mandatory = MandatoryPrefix::Any;
    i8 reg = -1;                  ///< /digit
    i8 mod = -1;                  ///< 0: memory only, 3: register only, -1 either
    i8 rm = -1;                   ///< of the fixed second byte (D9 E8, 0F 01 C1)
    bool has_modrm = false;
    u16 attributes = 0;
    Feature feature = Feature::I386;
    i8 vector = vector_length::kAny;    ///< VEX.L, EVEX.L'L
    i8 wide = -1;                       ///< VEX.W; -1: ignored
    Tuple tuple = {};
};

namespace detail {

[[noreturn]] void opcode_row_is_malformed();    // never defined: reaching it does not compile

consteval int hex_digit(char c) {
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'A' && c <= 'F') return c - 'A' + 10;
    return -1;
}

/// Letters of operand codes that come from ModRM.
consteval bool uses_modrm(std::string_view operands) {
    bool start = true;
    for (size_t i = 0; i < operands.size(); i++) {
        const char c = operands[i];
        if (start && std::string_view("CDEGMNPQRSUVW").find(c) != std::string_view::npos) {
            // Single upper-case letters followed by a size; registers such as "DX", "CL" and "SP" are spelled in capitals.
            const char next = i + 1 < operands.size() ? operands[i + 1] : ',';
            if (next == ',' || (next >= 'a' && next <= 'z')) return true;
        }
        start = c == ',';
    }
    return false;
}

/// "VEX.256.66.0F38.W0", "EVEX.LIG.F3.0F.W1": length, prefix and W may be left out (any length, none, ignored).
consteval void parse_vex(OpcodeRow& r, std::string_view token) {
    const bool evex = token[0] == 'E';
    r.mandatory = MandatoryPrefix::None;
    std::string_view rest = token.substr(evex ? 5 : 4);
    bool have_map = false;
    while (!rest.empty()) {
        const size_t dot = rest.find('.');
        const std::string_view part = rest.substr(0, dot);
        rest = dot == std::string_view::npos ? std::string_view{} : rest.substr(dot + 1);
        if (part == "128" || part == "LZ") r.vector = 0;
        else if (part == "256") r.vector = 1;
        else if (part == "512") r.vector = 2;
        else if (part == "256+") r.vector = vector_length::kAbove128;
        else if (part == "LIG") r.vector = vector_length::kIgnored;
        else if (part == "66") r.mandatory = MandatoryPrefix::P66;
        else if (part == "F3") r.mandatory = MandatoryPrefix::PF3;
        else if (part == "F2") r.mandatory = MandatoryPrefix::PF2;
        else if (part == "0F") have_map = true, r.map = evex ? OpcodeMap::Evex0F : OpcodeMap::Vex0F;
        else if (part == "0F38") have_map = true, r.map = evex ? OpcodeMap::Evex0F38 : OpcodeMap::Vex0F38;
        else if (part == "0F3A") have_map = true, r.map = evex ? OpcodeMap::Evex0F3A : OpcodeMap::Vex0F3A;
        else if (part == "W0") r.wide = 0;
        else if (part == "W1") r.wide = 1;
        else if (part != "WIG" && part != "NP") opcode_row_is_malformed();
    }
    if (!have_map) opcode_row_is_malformed();
}

}  // namespace detail

/// Parses "F3 0F 10 /r", "80 /0", "D9 E8", "D8 C0+i", "40+r", "0F C7 /1:mem", "NP 0F 28", "C6 /0:reg". Opcodes "xx+r" and "xx+i"
/// stand for eight rows each (expanded when the table is built). Codes in `operands` decide whether there is a ModRM byte.
consteval OpcodeRow row(std::string_view code, std::string_view mnemonic, std::string_view operands, Build build,
                        u16 attributes = 0, Feature feature = Feature::I386, Tuple tuple = {}) {
    OpcodeRow r;
    r.tuple = tuple;
    r.mnemonic = mnemonic;
    r.operands = operands;
    r.build = build;
    r.attributes = attributes;
    r.feature = feature;
    r.has_modrm = detail::uses_modrm(operands);
    bool have_opcode = false;
    bool have_second = false;
    size_t i = 0;
    while (i < code.size()) {
        if (code[i] == ' ') {
            i++;
            continue;
        }
        const size_t end = code.find(' ', i) == std::string_view::npos ? code.size() : code.find(' ', i);
        const std::string_view token = code.substr(i, end - i);
        i = end;
        if (token == "NP") {
            r.mandatory = MandatoryPrefix::None;
            continue;
        }
        if (token.starts_with("VEX.") || token.starts_with("EVEX.")) {
            detail::parse_vex(r, token);
            continue;
        }
        if (token[0] == '/') {
            r.has_modrm = true;
            if (token[1] != 'r') {
                if (token[1] < '0' || token[1] > '7') detail::opcode_row_is_malformed();
                r.reg = static_cast<i8>(token[1] - '0');
            }
            if (token.size() > 2) {
                if (token.substr(2) == ":mem") r.mod = 0;
                else if (token.substr(2) == ":reg") r.mod = 3;
                else detail::opcode_row_is_malformed();
            }
            continue;
        }
        if (token.size() < 2 || detail::hex_digit(token[0]) < 0 || detail::hex_digit(token[1]) < 0)
            detail::opcode_row_is_malformed();
        const u8 byte = static_cast<u8>(detail::hex_digit(token[0]) * 16 + detail::hex_digit(token[1]));
        if (!have_opcode && r.map == OpcodeMap::One && token == "66" && code.size() > end + 1) { r.mandatory = MandatoryPrefix::P66; continue; }
        if (!have_opcode && r.map == OpcodeMap::One && token == "F3" && code.size() > end + 2 && code.substr(end + 1, 2) == "0F") { r.mandatory = MandatoryPrefix::PF3; continue; }
        if (!have_opcode && r.map == OpcodeMap::One && token == "F2" && code.size() > end + 2 && code.substr(end + 1, 2) == "0F") { r.mandatory = MandatoryPrefix::PF2; continue; }
        if (!have_opcode && r.map == OpcodeMap::One && token == "0F" && code.size() > end) { r.map = OpcodeMap::Two; continue; }
        if (!have_opcode && r.map == OpcodeMap::Two && token == "38" && code.size() > end && code[end + 1] != '/') { r.map = OpcodeMap::Three38; continue; }
        if (!have_opcode && r.map == OpcodeMap::Two && token == "3A" && code.size() > end && code[end + 1] != '/') { r.map = OpcodeMap::Three3A; continue; }
        if (!have_opcode) {
            have_opcode = true;
            r.opcode = byte;
            if (token.size() == 4 && token.substr(2) == "+r") r.rm = -2;    // eight opcodes
            else if (token.size() != 2) detail::opcode_row_is_malformed();
        } else if (!have_second) {
            have_second = true;
            r.has_modrm = true;
            if (byte < 0xc0) detail::opcode_row_is_malformed();
            r.mod = 3;
            r.reg = static_cast<i8>(byte >> 3 & 7);
            r.rm = token.size() == 4 && token.substr(2) == "+i" ? i8{-1} : static_cast<i8>(byte & 7);
        } else {
            detail::opcode_row_is_malformed();
        }
    }
    if (!have_opcode) detail::opcode_row_is_malformed();
    if (r.map >= OpcodeMap::Vex0F && r.opcode != 0x77) r.has_modrm = true;
    return r;
}

}  // namespace gnomon
