// BMI1, BMI2: bit manipulation of general registers, VEX-encoded. SDM Vol. 2, "ANDN" and following.
#include <bit>
#include <type_traits>

#include "cpu/vector/instructions.h"
#include "cpu/out_of_line.h"

namespace gnomon::bmi {
namespace {

/// The register that VEX.vvvv names.
unsigned source(const Instruction& i) { return static_cast<unsigned>(i.imm >> 8 & 255) * 8; }

template<class T>
u32 zero_sign(T r) {
    return (r == 0 ? flag::ZF : 0) | (r >> (8 * sizeof(T) - 1) ? flag::SF : 0);
}

/// Calls `operation` with a value of the operand's width.
template<class F>
Outcome by_width(const Instruction& i, F operation) {
    return i.prefix & prefix::kOperand64 ? operation(u64{}) : operation(u32{});
}

template<class T>
T deposit(T value, T mask) {
    T r = 0;
    for (; mask; mask &= mask - 1, value >>= 1)
        if (value & 1) r |= mask & (~mask + 1);
    return r;
}
template<class T>
T extract(T value, T mask) {
    T r = 0;
    for (unsigned n = 0; mask; mask &= mask - 1, n++)
        if (value & mask & (~mask + 1)) r |= T{1} << n;
    return r;
}

}  // namespace

Outcome andn(Cpu& c, const Instruction& i) {
    return by_width(i, [&]<class T>(T) {
        T b;
        if (!c.load_rm(i, b)) return Outcome::Fault;
        const T r = ~c.get_at<T>(source(i)) & b;
        c.put_at<T>(i.reg, r);
        c.set_arithmetic_flags(zero_sign(r));
        return Outcome::Next;
    });
}

/// BLSR, BLSMSK, BLSI: by ModRM.reg; the destination is vvvv.
template<unsigned digit>
Outcome lowest_bit(Cpu& c, const Instruction& i) {
    return by_width(i, [&]<class T>(T) {
        T b;
        if (!c.load_rm(i, b)) return Outcome::Fault;
        T r;
        u32 flags;
        if constexpr (digit == 1) r = b & (b - 1), flags = zero_sign(r) | (b == 0 ? flag::CF : 0);
        else if constexpr (digit == 2) r = b ^ (b - 1), flags = (zero_sign(r) & flag::SF) | (b == 0 ? flag::CF : 0);
        else r = b & (~b + 1), flags = zero_sign(r) | (b != 0 ? flag::CF : 0);
        c.put_at<T>(source(i), r);
        c.set_arithmetic_flags(flags);
        return Outcome::Next;
    });
}
template Outcome lowest_bit<1>(Cpu&, const Instruction&);
template Outcome lowest_bit<2>(Cpu&, const Instruction&);
template Outcome lowest_bit<3>(Cpu&, const Instruction&);

Outcome bextr(Cpu& c, const Instruction& i) {
    return by_width(i, [&]<class T>(T) {
        T b;
        if (!c.load_rm(i, b)) return Outcome::Fault;
        const T control = c.get_at<T>(source(i));
        const unsigned start = control & 255, length = control >> 8 & 255;
        T r = start < 8 * sizeof(T) ? b >> start : 0;
        if (length < 8 * sizeof(T)) r &= (T{1} << length) - 1;
        c.put_at<T>(i.reg, r);
        c.set_arithmetic_flags(r == 0 ? flag::ZF : 0);
        return Outcome::Next;
    });
}
Outcome bzhi(Cpu& c, const Instruction& i) {
    return by_width(i, [&]<class T>(T) {
        T b;
        if (!c.load_rm(i, b)) return Outcome::Fault;
        const unsigned index = c.get_at<T>(source(i)) & 255;
        const T r = index < 8 * sizeof(T) ? b & ((T{1} << index) - 1) : b;
        c.put_at<T>(i.reg, r);
        c.set_arithmetic_flags(zero_sign(r) | (index > 8 * sizeof(T) - 1 ? flag::CF : 0));
        return Outcome::Next;
    });
}
Outcome mulx(Cpu& c, const Instruction& i) {
    return by_width(i, [&]<class T>(T) {
        T b;
        if (!c.load_rm(i, b)) return Outcome::Fault;
        using Wide = std::conditional_t<sizeof(T) == 8, unsigned __int128, u64>;
        const Wide product = Wide{b} * c.get<T>(reg::DX);
        c.put_at<T>(source(i), static_cast<T>(product));
        c.put_at<T>(i.reg, static_cast<T>(product >> 8 * sizeof(T)));    // the high half stays if both are the same
        return Outcome::Next;
    });
}
Outcome pdep(Cpu& c, const Instruction& i) {
    return by_width(i, [&]<class T>(T) {
        T b;
        if (!c.load_rm(i, b)) return Outcome::Fault;
        c.put_at<T>(i.reg, deposit(c.get_at<T>(source(i)), b));
        return Outcome::Next;
    });
}
Outcome pext(Cpu& c, const Instruction& i) {
    return by_width(i, [&]<class T>(T) {
        T b;
        if (!c.load_rm(i, b)) return Outcome::Fault;
        c.put_at<T>(i.reg, extract(c.get_at<T>(source(i)), b));
        return Outcome::Next;
    });
}
Outcome rorx(Cpu& c, const Instruction& i) {
    return by_width(i, [&]<class T>(T) {
        T b;
        if (!c.load_rm(i, b)) return Outcome::Fault;
        c.put_at<T>(i.reg, std::rotr(b, static_cast<int>(i.imm & (8 * sizeof(T) - 1))));
        return Outcome::Next;
    });
}
template<ShiftKind kind>
Outcome shiftx(Cpu& c, const Instruction& i) {
    return by_width(i, [&]<class T>(T) {
        T b;
        if (!c.load_rm(i, b)) return Outcome::Fault;
        const unsigned by = c.get_at<T>(source(i)) & (8 * sizeof(T) - 1);
        if constexpr (kind == ShiftKind::Left) b <<= by;
        else if constexpr (kind == ShiftKind::Right) b >>= by;
        else b = static_cast<T>(static_cast<std::make_signed_t<T>>(b) >> by);
        c.put_at<T>(i.reg, b);
        return Outcome::Next;
    });
}
template Outcome shiftx<ShiftKind::Left>(Cpu&, const Instruction&);
template Outcome shiftx<ShiftKind::Right>(Cpu&, const Instruction&);
template Outcome shiftx<ShiftKind::Arithmetic>(Cpu&, const Instruction&);

}  // namespace gnomon::bmi
