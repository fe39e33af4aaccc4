// SSE4.2: comparison of strings in registers, CRC-32C; SSE4a: bit fields. SDM Vol. 1, "SSE4.2 String and Text Instructions";
// APM Vol. 4, "EXTRQ", "INSERTQ".
#include "cpu/vector/instructions.h"
#include "cpu/vector/lanes.h"

namespace gnomon::vec {
namespace {

struct TextResult {
    unsigned bits;      ///< IntRes2
    unsigned first;     ///< IntRes1 is not looked at any more
    unsigned count;     ///< elements of a register
    unsigned length_a, length_b;
};

template<class T>
unsigned implicit_length(const Vector& v) {
    unsigned n = 0;
    while (n < 16 / sizeof(T) && v.get<T>(n) != 0) n++;
    return n;
}
unsigned explicit_length(u64 value, bool wide, unsigned limit) {
    const i64 signed_value = wide ? static_cast<i64>(value) : static_cast<i32>(value);
    const u64 magnitude = signed_value < 0 ? 0 - static_cast<u64>(signed_value) : static_cast<u64>(signed_value);
    return magnitude > limit ? limit : static_cast<unsigned>(magnitude);
}

/// `a` is the first operand (the set, ranges or needle), `b` the second (the text).
template<class T>
unsigned compare_text(const Vector& a, const Vector& b, unsigned la, unsigned lb, u8 imm) {
    constexpr unsigned kCount = 16 / sizeof(T);
    const auto in_range = [](T x, T low, T high) { return x >= low && x <= high; };
    unsigned r = 0;
    for (unsigned j = 0; j < kCount; j++) {
        bool bit = false;
        switch (imm >> 2 & 3) {
            case 0:    // equal to any
                for (unsigned i = 0; i < la && j < lb; i++) bit |= a.get<T>(i) == b.get<T>(j);
                break;
            case 1:    // in one of the ranges
                for (unsigned i = 0; i + 1 < la && j < lb; i += 2) bit |= in_range(b.get<T>(j), a.get<T>(i), a.get<T>(i + 1));
                break;
            case 2:    // equal at the same place; both beyond their ends are equal
                bit = j < la && j < lb ? a.get<T>(j) == b.get<T>(j) : j >= la && j >= lb;
                break;
            default:    // the needle begins here
                bit = true;
                for (unsigned i = 0; i < la && i + j < kCount; i++) bit &= i + j < lb && a.get<T>(i) == b.get<T>(i + j);
                break;
        }
        r |= static_cast<unsigned>(bit) << j;
    }
    if (imm & 16) {
        const unsigned valid = imm & 32 ? (1u << lb) - 1 : (1u << kCount) - 1;
        r ^= valid;
    }
    return r;
}

template<class T>
TextResult evaluate(Cpu& c, const Vector& a, const Vector& b, u8 imm, bool explicit_lengths, bool wide) {
    constexpr unsigned kCount = 16 / sizeof(T);
    const unsigned la = explicit_lengths ? explicit_length(c.get<u64>(reg::AX), wide, kCount) : implicit_length<T>(a);
    const unsigned lb = explicit_lengths ? explicit_length(c.get<u64>(reg::DX), wide, kCount) : implicit_length<T>(b);
    using Signed = std::make_signed_t<T>;
    const unsigned bits = imm & 2 ? compare_text<Signed>(a, b, la, lb, imm) : compare_text<T>(a, b, la, lb, imm);
    return {bits, bits, kCount, la, lb};
}

template<bool explicit_lengths, bool to_mask>
Outcome pcmpstr(Cpu& c, const Instruction& i) {
    const Operands o = operands(i);
    Vector b;
    if (!load_source(c, i, o, ~u64{0}, true, b)) return Outcome::Fault;
    const Vector& a = vector(c, i.reg);
    const bool wide = i.prefix & prefix::kOperand64;
    const TextResult t = o.imm & 1 ? evaluate<u16>(c, a, b, o.imm, explicit_lengths, wide) : evaluate<u8>(c, a, b, o.imm, explicit_lengths, wide);
    if constexpr (to_mask) {
        Vector r;
        if (!(o.imm & 64)) {
            r.set(0, t.bits);
        } else if (o.imm & 1) {
            for (unsigned n = 0; n < 8; n++) r.set(n, t.bits >> n & 1 ? u16{0xffff} : u16{0});
        } else {
            for (unsigned n = 0; n < 16; n++) r.set(n, t.bits >> n & 1 ? u8{0xff} : u8{0});
        }
        write_back(c, 0, o, ~u64{0}, r);
    } else {
        const unsigned index = !t.bits ? t.count : o.imm & 64 ? 31u - static_cast<unsigned>(std::countl_zero(t.bits)) : static_cast<unsigned>(std::countr_zero(t.bits));
        c.put<u32>(reg::CX, index);
    }
    c.set_arithmetic_flags((t.bits ? flag::CF : 0) | (t.length_b < t.count ? flag::ZF : 0) | (t.length_a < t.count ? flag::SF : 0) |
                           (t.bits & 1 ? flag::OF : 0));
    return Outcome::Next;
}

}  // namespace

Outcome pcmpestrm(Cpu& c, const Instruction& i) { return pcmpstr<true, true>(c, i); }
Outcome pcmpestri(Cpu& c, const Instruction& i) { return pcmpstr<true, false>(c, i); }
Outcome pcmpistrm(Cpu& c, const Instruction& i) { return pcmpstr<false, true>(c, i); }
Outcome pcmpistri(Cpu& c, const Instruction& i) { return pcmpstr<false, false>(c, i); }

// ---- CRC-32C: polynomial 11EDC6F41, bits reflected ---------------------------------------------------------------------------

namespace {

constexpr std::array<u32, 256> kCrcTable = [] {
    std::array<u32, 256> table{};
    for (u32 n = 0; n < 256; n++) {
        u32 value = n;
        for (unsigned bit = 0; bit < 8; bit++) value = value >> 1 ^ (value & 1 ? 0x82f63b78u : 0);
        table[n] = value;
    }
    return table;
}();

template<class T>
Outcome crc32_of(Cpu& c, const Instruction& i) {
    T value;
    if (!c.load_rm(i, value)) return Outcome::Fault;
    u32 crc = c.get_at<u32>(i.reg);
    for (unsigned n = 0; n < sizeof(T); n++) crc = crc >> 8 ^ kCrcTable[(crc ^ static_cast<u32>(u64{value} >> 8 * n)) & 255];
    c.put_at<u32>(i.reg, crc);
    return Outcome::Next;
}

}  // namespace

Outcome crc32_byte(Cpu& c, const Instruction& i) { return crc32_of<u8>(c, i); }
Outcome crc32(Cpu& c, const Instruction& i) {
    switch (i.operand_bytes()) {
        case 2: return crc32_of<u16>(c, i);
        case 4: return crc32_of<u32>(c, i);
        default: return crc32_of<u64>(c, i);
    }
}

// ---- bit fields: six bits of length (0: 64) and of place -----------------------------------------------------------------------

namespace {

u64 field_mask(unsigned length) { return length ? (u64{1} << length) - 1 : ~u64{0}; }

Outcome extract_field(Cpu& c, unsigned number, unsigned length, unsigned place) {
    Vector& v = vector(c, number);
    v.set(0, v.get<u64>(0) >> (place & 63) & field_mask(length & 63));
    return Outcome::Next;
}
Outcome insert_field(Cpu& c, const Instruction& i, unsigned length, unsigned place) {
    Vector& v = vector(c, i.reg);
    const u64 mask = field_mask(length & 63) << (place & 63);
    v.set(0, (v.get<u64>(0) & ~mask) | (vector(c, i.rm).get<u64>(0) << (place & 63) & mask));
    return Outcome::Next;
}

}  // namespace

// Of two immediates the first is in the low byte.
Outcome extrq_immediate(Cpu& c, const Instruction& i) {
    return extract_field(c, i.rm, static_cast<unsigned>(i.imm & 255), static_cast<unsigned>(i.imm >> 8 & 255));
}
Outcome extrq(Cpu& c, const Instruction& i) {
    const Vector& control = vector(c, i.rm);
    return extract_field(c, i.reg, control.get<u8>(0), control.get<u8>(1));
}
Outcome insertq_immediate(Cpu& c, const Instruction& i) {
    return insert_field(c, i, static_cast<unsigned>(i.imm & 255), static_cast<unsigned>(i.imm >> 8 & 255));
}
Outcome insertq(Cpu& c, const Instruction& i) {
    const Vector& control = vector(c, i.rm);
    return insert_field(c, i, control.get<u8>(8), control.get<u8>(9));
}

}  // namespace gnomon::vec
