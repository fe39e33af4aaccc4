// Opmask registers: moves, logic, shifts, and between them and vectors. SDM Vol. 1, "Opmask Registers".
#include "cpu/vector/instructions.h"
#include "cpu/vector/lanes.h"

namespace gnomon::vec {
namespace {

u64& opmask(Cpu& c, unsigned n) { return c.state.fpu.opmasks[n & 7]; }

}  // namespace

/// KMOV from an opmask or memory, and to memory.
template<class T>
Outcome kmov_load(Cpu& c, const Instruction& i) {
    T value;
    if (!i.in_memory()) value = static_cast<T>(opmask(c, i.rm));
    else if (!c.load(i, value)) return Outcome::Fault;
    opmask(c, i.reg) = value;
    return Outcome::Next;
}
template<class T>
Outcome kmov_store(Cpu& c, const Instruction& i) {
    return c.store(i, static_cast<T>(opmask(c, i.reg))) ? Outcome::Next : Outcome::Fault;
}
template<class T>
Outcome kmov_from_general(Cpu& c, const Instruction& i) {
    opmask(c, i.reg) = static_cast<T>(c.get_at<u64>(i.rm));
    return Outcome::Next;
}
template<class T>
Outcome kmov_to_general(Cpu& c, const Instruction& i) {
    const T value = static_cast<T>(opmask(c, i.rm));
    if constexpr (sizeof(T) == 8) c.put_at<u64>(i.reg, value);
    else c.put_at<u32>(i.reg, value);
    return Outcome::Next;
}

/// KAND and relatives: K ← H op M, by the opcode.
template<class T>
Outcome klogic(Cpu& c, const Instruction& i) {
    const Operands o = operands(i);
    const u64 a = opmask(c, o.source), b = opmask(c, i.rm);
    u64 r = 0;
    switch (opcode_row(i.row).opcode) {
        case 0x41: r = a & b; break;
        case 0x42: r = ~a & b; break;
        case 0x45: r = a | b; break;
        case 0x46: r = ~(a ^ b); break;
        case 0x47: r = a ^ b; break;
        default: r = a + b; break;
    }
    opmask(c, i.reg) = static_cast<T>(r);
    return Outcome::Next;
}
template<class T>
Outcome knot(Cpu& c, const Instruction& i) {
    opmask(c, i.reg) = static_cast<T>(~opmask(c, i.rm));
    return Outcome::Next;
}
/// Half from each.
template<class Half>
Outcome kunpck(Cpu& c, const Instruction& i) {
    const u64 high = static_cast<Half>(opmask(c, operands(i).source));
    opmask(c, i.reg) = high << 8 * sizeof(Half) | static_cast<Half>(opmask(c, i.rm));
    return Outcome::Next;
}
template<class T, bool left>
Outcome kshift(Cpu& c, const Instruction& i) {
    const unsigned by = operands(i).imm;
    const T value = static_cast<T>(opmask(c, i.rm));
    opmask(c, i.reg) = by >= 8 * sizeof(T) ? 0 : left ? static_cast<T>(u64{value} << by) : static_cast<T>(value >> by);
    return Outcome::Next;
}
/// ZF: a | b is zero, CF: it is all ones.
template<class T>
Outcome kortest(Cpu& c, const Instruction& i) {
    const T both = static_cast<T>(opmask(c, i.reg) | opmask(c, i.rm));
    c.set_arithmetic_flags((both == 0 ? flag::ZF : 0) | (both == static_cast<T>(~T{0}) ? flag::CF : 0));
    return Outcome::Next;
}
template<class T>
Outcome ktest(Cpu& c, const Instruction& i) {
    const u64 a = opmask(c, i.reg), b = opmask(c, i.rm);
    c.set_arithmetic_flags((static_cast<T>(a & b) == 0 ? flag::ZF : 0) | (static_cast<T>(~a & b) == 0 ? flag::CF : 0));
    return Outcome::Next;
}
#define GNOMON_OPMASK(T)                                                \
    template Outcome kmov_load<T>(Cpu&, const Instruction&);            \
    template Outcome kmov_store<T>(Cpu&, const Instruction&);           \
    template Outcome kmov_from_general<T>(Cpu&, const Instruction&);    \
    template Outcome kmov_to_general<T>(Cpu&, const Instruction&);      \
    template Outcome klogic<T>(Cpu&, const Instruction&);               \
    template Outcome knot<T>(Cpu&, const Instruction&);                 \
    template Outcome kshift<T, true>(Cpu&, const Instruction&);         \
    template Outcome kshift<T, false>(Cpu&, const Instruction&);        \
    template Outcome kortest<T>(Cpu&, const Instruction&);              \
    template Outcome ktest<T>(Cpu&, const Instruction&)
GNOMON_OPMASK(u8);
GNOMON_OPMASK(u16);
GNOMON_OPMASK(u32);
GNOMON_OPMASK(u64);
template Outcome kunpck<u8>(Cpu&, const Instruction&);
template Outcome kunpck<u16>(Cpu&, const Instruction&);
template Outcome kunpck<u32>(Cpu&, const Instruction&);

/// VPMOVB2M and relatives: the signs.
template<class T>
Outcome vector_to_opmask(Cpu& c, const Instruction& i) {
    const Vector& b = vector(c, i.rm);
    u64 mask = 0;
    for (unsigned n = 0; n < operands(i).bytes / sizeof(T); n++) mask |= static_cast<u64>(b.get<T>(n) >> (8 * sizeof(T) - 1)) << n;
    opmask(c, i.reg) = mask;
    return Outcome::Next;
}
/// VPMOVM2B and relatives.
template<class T>
Outcome opmask_to_vector(Cpu& c, const Instruction& i) {
    const Operands o = operands(i);
    const u64 mask = opmask(c, i.rm);
    Vector r;
    for (unsigned n = 0; n < o.bytes / sizeof(T); n++) r.set(n, mask >> n & 1 ? static_cast<T>(~T{0}) : T{0});
    write_back(c, i.reg, o, ~u64{0}, r);
    return Outcome::Next;
}
#define GNOMON_OPMASK_VECTOR(T)                                      \
    template Outcome vector_to_opmask<T>(Cpu&, const Instruction&);  \
    template Outcome opmask_to_vector<T>(Cpu&, const Instruction&)
GNOMON_OPMASK_VECTOR(u8);
GNOMON_OPMASK_VECTOR(u16);
GNOMON_OPMASK_VECTOR(u32);
GNOMON_OPMASK_VECTOR(u64);

}  // namespace gnomon::vec
