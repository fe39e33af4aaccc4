// What all vector instructions share out of line: operands and traps at decode time, memory under an opmask, write-back.
// SDM Vol. 2, "Instruction Exception Specification"; Vol. 1, "Programming with Intel AVX-512".
#include "cpu/vector/frame.h"

#include "cpu/fpu/simd_instructions.h"

namespace gnomon::vec {

bool usable(const Decoded& d, Instruction& insn) {
    const bool vex = is_vex(d.row->map), evex = is_evex(d.row->map);
    const bool opmask = vex && d.row->operands.find('K') != std::string_view::npos;
    const u32 undefined = evex || opmask ? mode::kAvx512Undefined : vex ? mode::kAvxUndefined : mode::kSseUndefined;
    if (d.mode & undefined) insn.handler = &call<&simd::undefined>;
    else if (d.mode & mode::kSimdTrap) insn.handler = &call<&simd::not_available>;
    else return true;
    return false;
}

bool prepare(const Decoded& d, Instruction& insn) {
    if (!usable(d, insn)) return false;
    const OpcodeRow& row = *d.row;
    const bool legacy = !is_vex(row.map) && !is_evex(row.map);
    const bool registers = !d.memory;
    Operands o;
    o.imm = static_cast<u8>(d.imm);
    o.source = legacy ? insn.reg : d.vex.source;
    o.opmask = d.vex.opmask;
    u8 length = d.vex.length;
    if (d.vex.zeroing) o.control |= Operands::kZeroing;
    if (d.vex.broadcast && registers) {
        o.control |= Operands::kOverride;
        if (row.tuple.flags & Tuple::kRounding) o.control |= static_cast<u8>(Operands::kRounding | length << Operands::kRoundingShift);
        length = 2;
    }
    if (row.vector == vector_length::kIgnored) length = 0;
    if (row.vector >= 0) length = static_cast<u8>(row.vector);
    o.bytes = static_cast<u8>(16u << length);
    o.broadcast = d.vex.broadcast && d.memory ? row.tuple.broadcast : 0;
    o.memory = static_cast<u8>(row.tuple.memory_bytes(o.bytes));
    o.element = row.tuple.element;
    if (legacy) o.control |= Operands::kLegacy;
    const bool aligned = legacy ? o.memory == 16 && !(row.tuple.flags & Tuple::kUnaligned) : (row.tuple.flags & Tuple::kAligned) != 0;
    if (aligned) o.control |= Operands::kAligned;
    if (d.vex.wide) o.control |= Operands::kWide;
    insn.imm = std::bit_cast<u64>(o);
    return true;
}

void direct_to_source(Instruction& insn) { insn.reg = operands(insn).source; }

u64 active_elements(const Cpu& c, const Operands& o) {
    const u64 all = o.element ? low_bits(o.bytes / o.element) : ~u64{0};
    return o.opmask ? c.state.fpu.opmasks[o.opmask] & all : all;
}

// ---- memory ----------------------------------------------------------------------------------------------------------

namespace {

template<unsigned bytes>
bool read_piece(Cpu& c, Seg segment, u64 offset, u8* out) {
    std::array<u8, bytes> piece;
    if (!c.read(segment, offset, piece)) return false;
    __builtin_memcpy(out, piece.data(), bytes);
    return true;
}
template<unsigned bytes>
bool write_piece(Cpu& c, Seg segment, u64 offset, const u8* from) {
    std::array<u8, bytes> piece;
    __builtin_memcpy(piece.data(), from, bytes);
    return c.write(segment, offset, piece);
}

u64 offset_of(const Cpu& c, const Instruction& i, unsigned at) {
    const u64 sum = c.effective_address(i) + at;
    return i.prefix & prefix::kAddress64 ? sum : i.prefix & prefix::kAddress32 ? static_cast<u32>(sum) : static_cast<u16>(sum);
}

}  // namespace

bool read_memory(Cpu& c, const Instruction& i, unsigned at, unsigned bytes, u8* out) {
    const u64 offset = offset_of(c, i, at);
    switch (bytes) {
        case 1: return read_piece<1>(c, i.segment, offset, out);
        case 2: return read_piece<2>(c, i.segment, offset, out);
        case 4: return read_piece<4>(c, i.segment, offset, out);
        case 8: return read_piece<8>(c, i.segment, offset, out);
        case 16: return read_piece<16>(c, i.segment, offset, out);
        case 32: return read_piece<32>(c, i.segment, offset, out);
        default: return read_piece<64>(c, i.segment, offset, out);
    }
}

bool write_memory(Cpu& c, const Instruction& i, unsigned at, unsigned bytes, const u8* from) {
    const u64 offset = offset_of(c, i, at);
    switch (bytes) {
        case 1: return write_piece<1>(c, i.segment, offset, from);
        case 2: return write_piece<2>(c, i.segment, offset, from);
        case 4: return write_piece<4>(c, i.segment, offset, from);
        case 8: return write_piece<8>(c, i.segment, offset, from);
        case 16: return write_piece<16>(c, i.segment, offset, from);
        case 32: return write_piece<32>(c, i.segment, offset, from);
        default: return write_piece<64>(c, i.segment, offset, from);
    }
}

bool load_source(Cpu& c, const Instruction& i, const Operands& o, u64 active, bool reads_all, Vector& out) {
    if (!i.in_memory()) {
        out = vector(c, i.rm);
        return true;
    }
    // Processors do not look at the alignment where the opmask selects nothing.
    if (o.aligned() && active) {
        u64 linear;
        if (!simd::locate(c, i, o.memory, true, false, linear)) return false;
    }
    if (o.broadcast) {
        if (active == 0 && !reads_all) return true;
        std::array<u8, 8> one{};
        if (!read_memory(c, i, 0, o.broadcast, one.data())) return false;
        for (unsigned at = 0; at < 64; at += o.broadcast) __builtin_memcpy(out.bytes.data() + at, one.data(), o.broadcast);
        return true;
    }
    const unsigned elements = o.element ? o.bytes / o.element : 1;
    if (!o.opmask || reads_all) return read_memory(c, i, 0, o.memory, out.bytes.data());
    if (active == low_bits(elements)) return read_memory(c, i, 0, o.memory, out.bytes.data());
    const unsigned each = o.memory / elements;
    for (unsigned n = 0; n < elements; n++)
        if ((active >> n & 1) && !read_memory(c, i, n * each, each, out.bytes.data() + n * each)) return false;
    return true;
}

bool store_active(Cpu& c, const Instruction& i, const Vector& value, unsigned element, unsigned count, u64 active) {
    active &= low_bits(count);
    if (active == low_bits(count)) return write_memory(c, i, 0, element * count, value.bytes.data());
    for (unsigned n = 0; n < count; n++)
        if ((active >> n & 1) && !c.check_write(i.segment, offset_of(c, i, n * element), element)) return false;
    for (unsigned n = 0; n < count; n++)
        if ((active >> n & 1) && !write_memory(c, i, n * element, element, value.bytes.data() + n * element)) return false;
    return true;
}

// ---- results -----------------------------------------------------------------------------------------------------------

namespace {

/// Elements of T that are not active become zero, or what `old` holds.
template<class T>
void select(Vector& out, const Vector& result, const Vector& old, bool zeroing, u64 active, unsigned count) {
    for (unsigned n = 0; n < count; n++)
        out.set<T>(n, active >> n & 1 ? result.get<T>(n) : zeroing ? T{0} : old.get<T>(n));
}

template<class T>
void fill(Vector& v, u64 active, T one) {
    for (unsigned n = 0; n < 64 / sizeof(T); n++)
        if (!(active >> n & 1)) v.set<T>(n, one);
}
void fill(Vector& v, unsigned element, u64 active) {
    switch (element) {
        case 1: return fill<u8>(v, active, 0);
        case 2: return fill<u16>(v, active, 0x3c00);
        case 4: return fill<u32>(v, active, 0x3f800000);
        default: return fill<u64>(v, active, 0x3ff0000000000000);
    }
}

}  // namespace

void write_back(Cpu& c, unsigned number, const Operands& o, u64 active, const Vector& result) {
    Vector& out = vector(c, number);
    if (o.legacy()) {
        out.set(0, result.lane(0));
        return;
    }
    Vector value = result;
    if (o.opmask) {
        const unsigned count = o.bytes / o.element;
        switch (o.element) {
            case 1: select<u8>(value, result, out, o.zeroing(), active, count); break;
            case 2: select<u16>(value, result, out, o.zeroing(), active, count); break;
            case 4: select<u32>(value, result, out, o.zeroing(), active, count); break;
            default: select<u64>(value, result, out, o.zeroing(), active, count); break;
        }
    }
    clear_beyond(value, o.bytes);
    out = value;
}

void neutralise(Arguments& v, unsigned element, unsigned source_element) {
    fill(v.a, element, v.active);
    fill(v.b, source_element, v.active);
    fill(v.d, element, v.active);
}

}  // namespace gnomon::vec
