// Bytes to Decoded: prefixes, opcode, ModRM, SIB, displacement, immediates. SDM Vol. 2, "Instruction Format".
#include "cpu/decode.h"

#include <algorithm>

#include <cstring>

#include "cpu/opcode_table.h"
#include "cpu/state.h"

namespace gnomon {
namespace {

/// Reads bytes; remembers when it ran out of them.
class Cursor {
  public:
    Cursor(const u8* bytes, unsigned available) : bytes_(bytes), available_(available) {}

    u8 byte() {
        if (at_ >= available_) {
            ran_out_ = true;
            return 0;
        }
        return bytes_[at_++];
    }
    u8 peek() {
        const u8 value = byte();
        if (!ran_out_) peeked_ = at_--;
        return value;
    }
    u64 little(unsigned size) {
        u64 value = 0;
        if (at_ + size <= available_) {
            const u8* from = bytes_ + at_;
            at_ += size;
            switch (size) {
            case 1: return *from;
            case 2: std::memcpy(&value, from, 2); return value;
            case 4: std::memcpy(&value, from, 4); return value;
            default: std::memcpy(&value, from, size); return value;
            }
        }
        for (unsigned i = 0; i < size; i++) value |= u64{byte()} << 8 * i;
        return value;
    }
    u64 little_signed(unsigned size) {
        const unsigned shift = 64 - 8 * size;
        return static_cast<u64>(static_cast<i64>(little(size) << shift) >> shift);
    }
    [[nodiscard]] bool ran_out() const { return ran_out_; }
    [[nodiscard]] unsigned at() const { return at_; }
    [[nodiscard]] unsigned looked_at() const { return std::max(at_, peeked_); }

  private:
    const u8* bytes_;
    unsigned available_;
    unsigned at_ = 0;
    unsigned peeked_ = 0;
    bool ran_out_ = false;
};

constexpr u8 general(unsigned number) { return static_cast<u8>(number * 8); }

/// 16-bit addressing forms: SDM Vol. 2, "16-Bit Addressing Forms with the ModR/M Byte".
void decode_address16(Cursor& in, Decoded& d) {
    constexpr u8 kBase[8] = {general(3), general(3), general(5), general(5), kNoRegister, kNoRegister, general(5), general(3)};
    constexpr u8 kIndex[8] = {general(6), general(7), general(6), general(7), general(6), general(7), kNoRegister, kNoRegister};
    const unsigned rm = d.modrm & 7;
    d.base = kBase[rm];
    d.index = kIndex[rm];
    Seg segment = rm == 2 || rm == 3 || rm == 6 ? Seg::SS : Seg::DS;
    if (d.mod == 0 && rm == 6) {
        d.base = kNoRegister;
        segment = Seg::DS;
        d.disp = static_cast<i32>(in.little_signed(2));
    } else if (d.mod == 1) {
        d.disp = static_cast<i32>(in.little_signed(1));
    } else if (d.mod == 2) {
        d.disp = static_cast<i32>(in.little_signed(2));
    }
    if (!d.segment_override) d.segment = segment;
}

constexpr u8 rex_r(u8 rex) { return static_cast<u8>((rex & 4) << 1); }
constexpr u8 rex_x(u8 rex) { return static_cast<u8>((rex & 2) << 2); }
constexpr u8 rex_b(u8 rex) { return static_cast<u8>((rex & 1) << 3); }

/// 32-bit and 64-bit addresses: SDM Vol. 2, "32-Bit Addressing Forms with the ModR/M Byte", "… with the SIB Byte", "RIP-Relative
/// Addressing". The special meanings of SP and BP as base do not look at REX.B, that of SP as index does look at REX.X.
void decode_address32(Cursor& in, Decoded& d, bool vector_index) {
    unsigned base = d.modrm & 7;
    bool no_base = d.mod == 0 && base == 5;
    bool relative = no_base && (d.mode & mode::kCode64);
    if (base == 4) {
        const u8 sib = in.byte();
        base = sib & 7;
        no_base = d.mod == 0 && base == 5;
        relative = false;
        const unsigned index = (sib >> 3 & 7u) | rex_x(d.rex);
        if (vector_index) {
            d.index = static_cast<u8>(index | d.vex.index_high);
            d.scale = sib >> 6;
        } else if (index != 4) {
            d.index = general(index);
            d.scale = sib >> 6;
        }
    }
    base |= rex_b(d.rex);
    d.base = relative ? kRipRegister : no_base ? kNoRegister : general(base);
    if (no_base || d.mod == 2) d.disp = static_cast<i32>(in.little_signed(4));
    else if (d.mod == 1) d.disp = static_cast<i32>(in.little_signed(1));
    if (!d.segment_override) d.segment = !no_base && (base == reg::SP || base == reg::BP) ? Seg::SS : Seg::DS;
}

struct Prefixes {
    bool operand = false;
    bool address = false;
    u8 repeat = 0;    ///< 0, F2 or F3: the last one counts
    bool lock = false;
};

bool read_prefix(u8 byte, Prefixes& p, Decoded& d) {
    constexpr Seg kOverride[] = {Seg::ES, Seg::CS, Seg::SS, Seg::DS};
    switch (byte) {
    case 0x26: case 0x2e: case 0x36: case 0x3e:
        if (d.mode & mode::kCode64) return true;    // these segments are all the same there
        d.segment = kOverride[byte >> 3 & 3];
        d.segment_override = true;
        return true;
    case 0x64: case 0x65:
        d.segment = byte == 0x64 ? Seg::FS : Seg::GS;
        d.segment_override = true;
        return true;
    case 0x66: p.operand = true; return true;
    case 0x67: p.address = true; return true;
    case 0xf0: p.lock = true; return true;
    case 0xf2: case 0xf3: p.repeat = byte; return true;
    default: return false;
    }
}

bool mandatory_matches(MandatoryPrefix wanted, const Prefixes& p) {
    switch (wanted) {
    case MandatoryPrefix::Any: return true;
    case MandatoryPrefix::None: return !p.repeat && !p.operand;
    case MandatoryPrefix::P66: return !p.repeat && p.operand;
    case MandatoryPrefix::PF3: return p.repeat == 0xf3;
    case MandatoryPrefix::PF2: return p.repeat == 0xf2;
    }
    return false;
}

// ---- VEX and EVEX: SDM Vol. 2, "Intel AVX", "Intel AVX-512 Encoding" --------------------------------------------------

void set_mandatory(u8 pp, Prefixes& p) {
    p.operand = pp == 1;
    p.repeat = pp == 2 ? 0xf3 : pp == 3 ? 0xf2 : 0;
}

/// After the byte `escape`, which begins a VEX or EVEX prefix. False: undefined. Reads up to the opcode.
bool read_vex(Cursor& in, u8 escape, Prefixes& p, Decoded& d, OpcodeMap& map) {
    if (p.operand || p.repeat || p.lock || d.rex) return false;
    const bool code64 = d.mode & mode::kCode64;
    VexFields& v = d.vex;
    const u8 first = in.byte();
    u8 second = first;
    unsigned map_number = 1;
    u8 rex = first & 0x80 ? 0 : 4;
    if (escape != 0xc5) {
        second = in.byte();
        map_number = first & (escape == 0x62 ? 7 : 31);
        v.wide = second & 0x80;
        rex = static_cast<u8>((~first >> 5 & 7) | (v.wide ? 8 : 0));
    }
    if (map_number < 1 || map_number > 3) return false;
    v.source = static_cast<u8>(~second >> 3 & 15);
    set_mandatory(second & 3, p);
    if (escape == 0x62) {
        const u8 third = in.byte();
        if ((first & 8) || !(second & 4)) return false;
        v.reg_high = first & 0x10 ? 0 : 16;
        v.rm_high = first & 0x40 ? 0 : 16;
        v.index_high = third & 8 ? 0 : 16;
        v.source |= v.index_high;
        v.length = third >> 5 & 3;
        v.opmask = third & 7;
        v.zeroing = third & 0x80;
        v.broadcast = third & 0x10;
    } else {
        v.length = second >> 2 & 1;
    }
    if (code64) d.rex = rex;
    else v.reg_high = v.rm_high = v.index_high = 0;
    const unsigned base = static_cast<unsigned>(escape == 0x62 ? OpcodeMap::Evex0F : OpcodeMap::Vex0F);
    map = static_cast<OpcodeMap>(base + map_number - 1);
    return true;
}

bool vector_length_matches(const OpcodeRow& row, const Decoded& d, bool registers) {
    using namespace vector_length;
    // Embedded rounding and SAE take the place of the length.
    const bool overridden = is_evex(row.map) && registers && d.vex.broadcast && (row.tuple.flags & (Tuple::kRounding | Tuple::kSae));
    if (overridden) return row.vector == kAny || row.vector == kAbove128 || row.vector == kIgnored || row.vector == 2;
    if (row.vector == kIgnored) return d.vex.length < 3;
    if (row.vector == kAny) return d.vex.length < 3;
    if (row.vector == kAbove128) return d.vex.length == 1 || d.vex.length == 2;
    return row.vector == d.vex.length;
}

/// What the prefix may say about the operands of this row; ModRM has been read.
bool vex_allowed(const OpcodeRow& row, const RowShape& shape, const FeatureSet& features, const Decoded& d) {
    const VexFields& v = d.vex;
    const bool code64 = d.mode & mode::kCode64;
    if (!shape.source && (v.source & (shape.vector_index ? 15 : 31)) != 0) return false;
    if (is_vex(row.map)) return v.length == 0 || !(row.tuple.flags & Tuple::kAvx2) || row.vector == 0 || features.has(Feature::AVX2);
    const bool overridden = v.broadcast && !d.memory;
    if (overridden && !(row.tuple.flags & (Tuple::kRounding | Tuple::kSae))) return false;
    if (v.broadcast && d.memory && !row.tuple.broadcast) return false;
    if (v.opmask && !row.tuple.element) return false;
    if (v.zeroing && (v.opmask == 0 || shape.to_opmask || (shape.to_memory && d.memory) || (row.tuple.flags & (Tuple::kGather | Tuple::kNoZeroing)))) return false;
    if ((row.tuple.flags & Tuple::kGather) && v.opmask == 0) return false;
    const bool agile = row.vector == vector_length::kAny || row.vector == vector_length::kAbove128;
    if (agile && !overridden && v.length < 2 && !features.has(Feature::AVX512VL)) return false;
    return code64 || !(v.source & 16) || !shape.source;
}

/// Which of the rows of its opcode it is on a processor with these features, or null. `modrm` is the byte after the opcode (whatever it is).
const OpcodeRow* find_row(const Candidates& list, OpcodeMap map, u8 modrm, const Prefixes& p, u32 mode, const FeatureSet& features,
                          const Decoded& d, u16& index) {
    for (const u16* it = list.begin; it != list.end; ++it) {
        const OpcodeRow& row = opcode_row(*it);
        if (!mandatory_matches(row.mandatory, p)) continue;
        if (row.reg >= 0 && row.reg != (modrm >> 3 & 7)) continue;
        if (row.mod == 0 && modrm >= 0xc0) continue;
        if (row.mod == 3 && modrm < 0xc0) continue;
        if (row.rm >= 0 && row.rm != (modrm & 7)) continue;
        if (map >= OpcodeMap::Vex0F) {
            const bool wide = d.vex.wide && ((mode & mode::kCode64) || !row_shape(*it).general);
            if (row.wide >= 0 && row.wide != wide) continue;
            if (!vector_length_matches(row, d, modrm >= 0xc0)) continue;
        }
        if ((row.attributes & attr::kNo64) && (mode & mode::kCode64)) continue;
        if ((row.attributes & attr::kOnly64) && !(mode & mode::kCode64)) continue;
        // F3 before BSF is TZCNT for some processors and nothing for the others.
        if (!features.has(row.feature)) continue;
        index = *it;
        return &row;
    }
    return nullptr;
}

/// Some processor's opcode is also one of this processor.
bool exists_here(const Candidates& list, const FeatureSet& features) {
    return std::any_of(list.begin, list.end, [&](u16 row) { return features.has(opcode_row(row).feature); });
}

/// N of disp8*N.
int disp8_scale(const OpcodeRow& row, const Decoded& d) {
    if (d.vex.broadcast && row.tuple.broadcast) return row.tuple.broadcast;
    return static_cast<int>(row.tuple.memory_bytes(16u << (d.vex.length < 3 ? d.vex.length : 0)));
}

void read_immediates(Cursor& in, const RowShape& shape, Decoded& d) {
    const unsigned z = d.operand_bytes == 2 ? 2 : 4;
    switch (shape.imm) {
    case ImmKind::None: break;
    case ImmKind::Byte: d.imm = in.byte(); break;
    case ImmKind::ByteSigned:
    case ImmKind::Jb: d.imm = in.little_signed(1); break;
    case ImmKind::Word: d.imm = in.little(2); break;
    case ImmKind::Z:
    case ImmKind::Jz: d.imm = in.little_signed(z); break;
    case ImmKind::V: d.imm = in.little_signed(d.operand_bytes); break;
    case ImmKind::Far:
        d.imm = in.little(z);
        d.imm2 = static_cast<u16>(in.little(2));
        break;
    case ImmKind::Offset:
        d.memory = true;
        d.imm = in.little(d.address_bytes);
        d.disp = static_cast<i32>(d.imm);
        break;
    case ImmKind::WordByte:
        d.imm = in.little(2);
        d.imm2 = in.byte();
        break;
    case ImmKind::One: d.imm = 1; break;
    }
}

DecodeStatus decode_from(Cursor& in, unsigned available, u32 mode, const FeatureSet& features, Decoded& d) {
    d = Decoded{};
    d.mode = mode;
    const auto ran_out = [&] { return available < 15 ? DecodeStatus::NeedMore : DecodeStatus::TooLong; };
    Prefixes p;
    const bool code64 = mode & mode::kCode64;
    u8 byte = in.byte();
    while (!in.ran_out()) {
        // REX counts only directly before the opcode.
        if (read_prefix(byte, p, d)) d.rex = 0;
        else if (code64 && (byte & 0xf0) == 0x40) d.rex = byte;
        else break;
        byte = in.byte();
    }

    const bool wide = mode & (mode::kCode32 | mode::kCode64);
    d.operand_bytes = wide != p.operand ? 4 : 2;
    d.address_bytes = code64 ? (p.address ? 4 : 8) : wide != p.address ? 4 : 2;

    OpcodeMap map = OpcodeMap::One;
    // C4, C5 and 62 are LES, LDS and BOUND where what follows is a memory operand of those.
    const bool escape = (byte == 0xc4 || byte == 0xc5 || byte == 0x62) && !(mode & mode::kNoVex) &&
                        ((mode & mode::kCode64) || in.peek() >= 0xc0);
    if (in.ran_out()) return ran_out();
    if (escape) {
        const bool defined = read_vex(in, byte, p, d, map);
        if (in.ran_out()) return ran_out();
        if (!defined) return DecodeStatus::Undefined;
        byte = in.byte();
        d.operand_bytes = 4;
    } else if (byte == 0x0f) {
        map = OpcodeMap::Two;
        byte = in.byte();
        if (byte == 0x38 || byte == 0x3a) {
            map = byte == 0x38 ? OpcodeMap::Three38 : OpcodeMap::Three3A;
            byte = in.byte();
        }
    }
    if (in.ran_out()) return ran_out();
    d.opcode = byte;

    const Candidates list = candidates(map, byte);
    if (list.begin == list.end) return DecodeStatus::Undefined;
    const u8 modrm = list.modrm ? in.peek() : 0;
    if (in.ran_out()) return exists_here(list, features) ? ran_out() : DecodeStatus::Undefined;
    d.row = find_row(list, map, modrm, p, mode, features, d, d.row_index);
    if (!d.row) return DecodeStatus::Undefined;
    const RowShape& shape = row_shape(d.row_index);
    if (code64) {
        const u16 attributes = d.row->attributes;
        const bool default64 = (attributes & attr::kForce64) || ((attributes & attr::kDefault64) && !p.operand);
        if ((d.rex & 8) || default64) d.operand_bytes = 8;
    }

    if (d.row->has_modrm) {
        in.byte();
        d.modrm = modrm;
        d.mod = modrm >> 6;
        d.reg = static_cast<u8>((modrm >> 3 & 7) | rex_r(d.rex));
        d.rm = static_cast<u8>((modrm & 7) | rex_b(d.rex));
        if (escape) {
            d.reg |= d.vex.reg_high;
            if (d.mod == 3) d.rm |= d.vex.rm_high;
        }
        // MOV to and from CR and DR treat the operand as a register whatever mod says.
        const bool register_form = d.mod == 3 || shape.register_only;
        if (!register_form) {
            d.memory = true;
            if (shape.vector_index && ((modrm & 7) != 4 || d.address_bytes == 2)) return DecodeStatus::Undefined;
            if (d.address_bytes == 2) decode_address16(in, d);
            else decode_address32(in, d, shape.vector_index);
            if (is_evex(map) && d.mod == 1) d.disp *= disp8_scale(*d.row, d);
        } else if (d.mod != 3 && (shape.rm == RegKind::Plain || shape.rm == RegKind::Low)) {    // N and U operands
            return in.ran_out() ? ran_out() : DecodeStatus::Undefined;
        } else if (shape.memory_only && shape.rm == RegKind::None) {
            return in.ran_out() ? ran_out() : DecodeStatus::Undefined;
        }
    }
    if (shape.reg_from_opcode) d.reg = static_cast<u8>((byte & 7) | rex_b(d.rex));
    read_immediates(in, shape, d);
    if (in.ran_out()) return ran_out();
    d.length = static_cast<u8>(in.at());

    if (escape && !vex_allowed(*d.row, shape, features, d)) return DecodeStatus::Undefined;
    if (p.lock && (!(d.row->attributes & attr::kLock) || !d.memory)) return DecodeStatus::Undefined;
    d.prefix_66 = p.operand;
    d.prefixes = static_cast<u8>((p.repeat == 0xf3 ? prefix::kRep : 0) | (p.repeat == 0xf2 ? prefix::kRepne : 0) |
                                 (p.lock ? prefix::kLock : 0) | (d.operand_bytes == 4 ? prefix::kOperand32 : 0) |
                                 (d.operand_bytes == 8 ? prefix::kOperand64 : 0) | (d.address_bytes == 4 ? prefix::kAddress32 : 0) |
                                 (d.address_bytes == 8 ? prefix::kAddress64 : 0) | (d.memory ? prefix::kMemory : 0));
    return DecodeStatus::Ok;
}

/// With any REX prefix byte registers 4 to 7 are SPL, BPL, SIL and DIL.
u8 register_field(RegKind kind, unsigned number, bool rex) {
    switch (kind) {
    case RegKind::Byte: return rex ? general(number) : static_cast<u8>((number & 3) * 8 + (number >> 2 & 1));
    case RegKind::General: return general(number);
    case RegKind::Plain: return static_cast<u8>(number);
    case RegKind::Low:
    case RegKind::None: break;
    }
    return static_cast<u8>(number & 7);
}

}  // namespace

DecodeStatus decode(const u8* bytes, unsigned available, u32 mode, const FeatureSet& features, Decoded& out) {
    Cursor in(bytes, std::min(available, 15u));
    const DecodeStatus status = decode_from(in, available, mode, features, out);
    if (status != DecodeStatus::Ok) out.length = static_cast<u8>(in.looked_at());
    return status;
}

void fill_operands(const Decoded& d, Instruction& insn) {
    const RowShape& shape = row_shape(d.row_index);
    insn.imm = d.imm;
    insn.disp = d.disp;
    if (shape.imm == ImmKind::Far || shape.imm == ImmKind::WordByte) insn.disp = d.imm2;
    insn.base = d.base;
    insn.index = d.index;
    insn.scale = d.scale;
    insn.segment = d.segment;
    insn.reg = register_field(shape.reg, d.reg, d.rex);
    insn.rm = register_field(shape.rm, d.rm, d.rex);
    insn.prefix = d.prefixes;
    insn.row = d.row_index;
}

}  // namespace gnomon
