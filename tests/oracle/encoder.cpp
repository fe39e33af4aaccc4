// Random encodings of opcode rows. SDM Vol. 2, "Instruction Format".
#include "tests/oracle/encoder.h"

#include <fmt/format.h>

#include <cstdlib>

#include "cpu/opcode_table.h"

namespace gnomon::oracle {

u32 Random::number() {
    constexpr u32 kCorners[] = {0,          1,          2,          0x7f,      0x80,   0x81,
                                0xff,       0x100,      0x7fff,     0x8000,    0xffff, 0x10000,
                                0x7fffffff, 0x80000000, 0xfffffffe, 0xffffffff};
    const u64 r = next();
    switch (r & 3) {
        case 0: return kCorners[r >> 8 & 15];
        case 1: return static_cast<u32>(r >> 32) >> (r >> 8 & 31);
        default: return static_cast<u32>(r >> 32);
    }
}

void Encoding::patch(unsigned at, unsigned size, u64 value) {
    for (unsigned i = 0; i < size; i++) bytes[at + i] = static_cast<u8>(value >> 8 * i);
}

namespace {

struct Writer {
    Encoding& e;
    void byte(unsigned value) { e.bytes[e.length++] = static_cast<u8>(value); }
    void random(unsigned size, u64 value) {
        for (unsigned i = 0; i < size; i++) byte(static_cast<u8>(value >> 8 * i));
    }
};

unsigned immediate_size(ImmKind kind, unsigned operand_bytes, unsigned address_bytes) {
    const unsigned z = operand_bytes == 2 ? 2 : 4;
    switch (kind) {
        case ImmKind::None:
        case ImmKind::One: return 0;
        case ImmKind::Byte:
        case ImmKind::ByteSigned:
        case ImmKind::Jb: return 1;
        case ImmKind::Word: return 2;
        case ImmKind::V: return operand_bytes;
        case ImmKind::Z:
        case ImmKind::Jz: return z;
        case ImmKind::Far: return z + 2;
        case ImmKind::Offset: return address_bytes;
        case ImmKind::WordByte: return 3;
    }
    return 0;
}

/// ModRM, SIB and displacement.
void address(Writer& w, unsigned reg, unsigned mod, unsigned rm, unsigned address_bytes, Random& random) {
    w.byte(mod << 6 | reg << 3 | rm);
    unsigned size = mod == 1 ? 1 : mod == 2 ? (address_bytes == 2 ? 2 : 4) : 0;
    if (address_bytes == 2) {
        if (mod == 0 && rm == 6) size = 2;
    } else if (rm == 4) {
        const unsigned sib = static_cast<u8>(random.next());
        w.byte(sib);
        if (mod == 0 && (sib & 7) == 5) size = 4;
    } else if (mod == 0 && rm == 5) {
        size = 4;
    }
    w.e.disp_at = w.e.length;
    w.e.disp_size = size;
    w.random(size, size == 1 ? random.next() : random.number());
}

/// A VEX or EVEX prefix that this row allows. SDM Vol. 2, "Intel AVX-512 Encoding".
void vex_prefix(Writer& w, const OpcodeRow& row, const RowShape& shape, Random& random) {
    const bool evex = is_evex(row.map);
    const unsigned map = static_cast<unsigned>(row.map) - static_cast<unsigned>(evex ? OpcodeMap::Evex0F : OpcodeMap::Vex0F) + 1;
    const unsigned pp = row.mandatory == MandatoryPrefix::P66 ? 1u : row.mandatory == MandatoryPrefix::PF3 ? 2u
                        : row.mandatory == MandatoryPrefix::PF2 ? 3u : 0u;
    const unsigned wide = row.wide >= 0 ? static_cast<unsigned>(row.wide) : static_cast<unsigned>(random.below(2));
    unsigned length = static_cast<unsigned>(random.below(evex ? 3 : 2));
    if (row.vector >= 0) length = static_cast<unsigned>(row.vector);
    if (row.vector == vector_length::kAbove128) length = 1 + static_cast<unsigned>(random.below(2));
    const unsigned source = shape.source ? static_cast<unsigned>(random.below(8)) : 0u;
    if (!evex) {
        w.byte(0xc4);
        w.byte(0xe0 | map);
        w.byte(wide << 7 | (~source & 15) << 3 | length << 2 | pp);
        return;
    }
    const bool gather = row.tuple.flags & Tuple::kGather;
    const unsigned opmask = gather ? 1 + static_cast<unsigned>(random.below(7)) : row.tuple.element ? static_cast<unsigned>(random.below(8)) : 0u;
    w.byte(0x62);
    w.byte(0xf0 | map);
    w.byte(wide << 7 | (~source & 15) << 3 | 4 | pp);
    w.byte(length << 5 | 8 | opmask);
}

}  // namespace

Encoding encode(unsigned row_index, const EncodingRequest& request, Random& random) {
    const OpcodeRow& row = opcode_row(row_index);
    const RowShape& shape = row_shape(row_index);
    Encoding e;
    Writer w{e};
    bool prefix_66 = request.prefix_66;
    u8 repeat = request.repeat;
    if (row.mandatory != MandatoryPrefix::Any) {
        prefix_66 = row.mandatory == MandatoryPrefix::P66;
        repeat = row.mandatory == MandatoryPrefix::PF3   ? 0xf3
                 : row.mandatory == MandatoryPrefix::PF2 ? 0xf2
                                                         : 0;
    }
    const bool vector = row.map >= OpcodeMap::Vex0F;
    if (request.lock) w.byte(0xf0);
    if (request.segment) w.byte(request.segment);
    if (request.prefix_67) w.byte(0x67);
    if (vector) {
        vex_prefix(w, row, shape, random);
        prefix_66 = false;
    } else {
        if (prefix_66) w.byte(0x66);
        if (repeat) w.byte(repeat);
        if (request.rex) w.byte(request.rex);
        if (row.map != OpcodeMap::One) w.byte(0x0f);
        if (row.map == OpcodeMap::Three38) w.byte(0x38);
        if (row.map == OpcodeMap::Three3A) w.byte(0x3a);
    }
    w.byte(row.opcode + (row.rm == -2 ? random.below(8) : 0u));

    const bool wide = request.code32 || request.code64;
    unsigned operand_bytes = wide != prefix_66 ? 4 : 2;
    unsigned address_bytes = wide != request.prefix_67 ? 4 : 2;
    if (request.code64) {
        const bool default64 = (row.attributes & attr::kForce64) || ((row.attributes & attr::kDefault64) && !prefix_66);
        if ((request.rex & 8) || default64) operand_bytes = 8;
        address_bytes = request.prefix_67 ? 4 : 8;
    }
    if (row.has_modrm) {
        const unsigned reg =
            row.reg >= 0 ? static_cast<unsigned>(row.reg) : static_cast<unsigned>(random.below(8));
        const unsigned rm = shape.vector_index ? 4u
                            : row.rm >= 0      ? static_cast<unsigned>(row.rm)
                                               : static_cast<unsigned>(random.below(8));
        bool memory = request.mod == 0 || (request.mod < 0 && random.below(2));
        if (row.mod == 0 || shape.memory_only) memory = true;
        if (row.mod == 3 || shape.register_only) memory = false;
        if (memory)
            address(w, reg, static_cast<unsigned>(random.below(3)), rm, address_bytes, random);
        else
            w.byte(0xc0 | reg << 3 | rm);
    }
    e.imm_at = e.length;
    e.imm_size = immediate_size(shape.imm, operand_bytes, address_bytes);
    w.random(e.imm_size, e.imm_size == 1 ? random.next() : e.imm_size > 4 ? random.next() : random.number());
    if (shape.imm == ImmKind::Offset) {
        e.disp_at = e.imm_at;
        e.disp_size = e.imm_size;
    }
    return e;
}

u64 cases(u64 quick, u64 extended) {
    const char* value = std::getenv("GNOMON_LONG");
    return value && *value && *value != '0' ? extended : quick;
}

u64 seed() {
    const char* value = std::getenv("GNOMON_SEED");
    return value ? std::strtoull(value, nullptr, 0) : 0x676e6f6d6f6e;
}

std::string hex(std::span<const u8> bytes) {
    std::string text;
    for (const u8 b : bytes) text += fmt::format("{}{:02x}", text.empty() ? "" : " ", b);
    return text;
}

}  // namespace gnomon::oracle
