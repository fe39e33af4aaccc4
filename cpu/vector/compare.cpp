// Comparisons to vectors, opmasks and EFLAGS, and tests. SDM Vol. 2, "CMPPS", "Comparison Predicate for CMPPD and CMPPS".
#include "cpu/vector/compare.h"

#include "cpu/vector/element.h"
#include "cpu/vector/instructions.h"
#include "cpu/vector/lanes.h"

namespace gnomon::vec {
namespace {

/// The relations for which each of the first 16 predicates holds, and whether it is signaling; the other 16 differ in that.
struct Predicate {
    u8 relations;
    bool signaling;
};
constexpr Predicate kPredicates[16] = {
    {kEqual, false},                         // EQ_OQ
    {kLess, true},                           // LT_OS
    {kLess | kEqual, true},                  // LE_OS
    {kUnordered, false},                     // UNORD_Q
    {kLess | kGreater | kUnordered, false},  // NEQ_UQ
    {kEqual | kGreater | kUnordered, true},  // NLT_US
    {kGreater | kUnordered, true},           // NLE_US
    {kLess | kEqual | kGreater, false},      // ORD_Q
    {kEqual | kUnordered, false},            // EQ_UQ
    {kLess | kUnordered, true},              // NGE_US
    {kLess | kEqual | kUnordered, true},     // NGT_US
    {0, false},                              // FALSE_OQ
    {kLess | kGreater, false},               // NEQ_OQ
    {kEqual | kGreater, true},               // GE_OS
    {kGreater, true},                        // GT_OS
    {15, false},                             // TRUE_UQ
};

template<class T>
bool holds(T a, T b, u8 imm) {
    const Predicate p = kPredicates[imm & 15];
    return relation(a, b, p.signaling != ((imm & 16) != 0)) & p.relations;
}

}  // namespace

template<class T, class Base>
struct Compare : Base {
    static Vector128 run(Vector128 va, Vector128 vb, u8 imm) {
        const auto a = split<T>(va), b = split<T>(vb);
        auto r = a;
        for (unsigned n = 0; n < (Base::kScalar ? 1 : r.size()); n++) r[n] = holds(a[n], b[n], imm) ? static_cast<T>(~T{0}) : T{0};
        return join<T>(r);
    }
};
struct VCmpps : Compare<u32, Floating> {};
struct VCmppd : Compare<u64, Floating> {};
struct VCmpss : Compare<u32, Scalar> {};
struct VCmpsd : Compare<u64, Scalar> {};
template void build<VCmpps>(const Decoded&, Instruction&);
template void build<VCmppd>(const Decoded&, Instruction&);
template void build<VCmpss>(const Decoded&, Instruction&);
template void build<VCmpsd>(const Decoded&, Instruction&);

// ---- to opmasks ------------------------------------------------------------------------------------------------------------

template<class T, class Base, class F>
GNOMON_INLINE u64 mask_of(const Arguments& v, F f) {
    u64 mask = 0;
    for (unsigned n = 0; n < (Base::kScalar ? 1 : v.count<T>()); n++)
        if (v.active >> n & 1) mask |= static_cast<u64>(f(v.a.get<T>(n), v.b.get<T>(n))) << n;
    return mask;
}
/// Sets bits of an opmask from elements `a`, `b` of T.
#define GNOMON_MASK(Name, Base, T, ...)                                                                                      \
    struct Name : Base {                                                                                                     \
        static u64 compare(const Arguments& v) {                                                                             \
            return mask_of<T, Base>(v, [&v]([[maybe_unused]] T a, [[maybe_unused]] T b) { (void)v; return __VA_ARGS__; });   \
        }                                                                                                                    \
    };                                                                                                                       \
    template void build_mask<Name>(const Decoded&, Instruction&)

GNOMON_MASK(MaskCmpps, Floating, u32, holds(a, b, v.imm));
GNOMON_MASK(MaskCmppd, Floating, u64, holds(a, b, v.imm));
GNOMON_MASK(MaskCmpss, Scalar, u32, holds(a, b, v.imm));
GNOMON_MASK(MaskCmpsd, Scalar, u64, holds(a, b, v.imm));
GNOMON_MASK(Fpclassps, Floating, u32, is_of_class(b, v.imm));
GNOMON_MASK(Fpclasspd, Floating, u64, is_of_class(b, v.imm));
GNOMON_MASK(Fpclassss, Scalar, u32, is_of_class(b, v.imm));
GNOMON_MASK(Fpclasssd, Scalar, u64, is_of_class(b, v.imm));

template<class T>
bool integers_compare(T a, T b, u8 predicate) {
    switch (predicate & 7) {
        case 0: return a == b;
        case 1: return a < b;
        case 2: return a <= b;
        case 3: return false;
        case 4: return a != b;
        case 5: return a >= b;
        case 6: return a > b;
        default: return true;
    }
}
#define GNOMON_MASK_INTEGERS(letter, S, U)                                           \
    GNOMON_MASK(MaskCmp##letter, Integer, S, integers_compare(a, b, v.imm));         \
    GNOMON_MASK(MaskCmpu##letter, Integer, U, integers_compare(a, b, v.imm));        \
    GNOMON_MASK(MaskCmpeq##letter, Integer, U, a == b);                              \
    GNOMON_MASK(MaskCmpgt##letter, Integer, S, a > b);                               \
    GNOMON_MASK(Ptestm##letter, Integer, U, (a & b) != 0);                           \
    GNOMON_MASK(Ptestnm##letter, Integer, U, (a & b) == 0)
GNOMON_MASK_INTEGERS(b, i8, u8);
GNOMON_MASK_INTEGERS(w, i16, u16);
GNOMON_MASK_INTEGERS(d, i32, u32);
GNOMON_MASK_INTEGERS(q, i64, u64);

struct Shufbitqmb : Shuffle {
    static u64 compare(const Arguments& v) {
        u64 mask = 0;
        for (unsigned n = 0; n < v.bytes; n++) mask |= (v.a.get<u64>(n / 8) >> (v.b.get<u8>(n) & 63) & 1) << n;
        return mask;
    }
};
template void build_mask<Shufbitqmb>(const Decoded&, Instruction&);

// ---- to EFLAGS -------------------------------------------------------------------------------------------------------------

namespace {

/// ZF: all of a & b is zero; CF: all of ~a & b is, in the bits of `of_each`.
Outcome test(Cpu& c, const Instruction& i, u64 of_each) {
    const Operands o = operands(i);
    Vector b;
    if (!load_source(c, i, o, ~u64{0}, true, b)) return Outcome::Fault;
    const Vector& a = vector(c, i.reg);
    u64 both = 0, other = 0;
    for (unsigned n = 0; n < o.bytes / 8u; n++) {
        both |= a.get<u64>(n) & b.get<u64>(n) & of_each;
        other |= ~a.get<u64>(n) & b.get<u64>(n) & of_each;
    }
    c.set_arithmetic_flags((both ? 0 : flag::ZF) | (other ? 0 : flag::CF));
    return Outcome::Next;
}

template<class T, bool signaling>
Outcome compare_flags(Cpu& c, const Instruction& i) {
    const Operands o = operands(i);
    Vector b;
    if (!load_source(c, i, o, ~u64{0}, true, b)) return Outcome::Fault;
    unsigned r = 0;
    if (!floating(c, o, [&] { r = relation(vector(c, i.reg).get<T>(0), b.get<T>(0), signaling); })) return Outcome::Fault;
    c.set_arithmetic_flags(r == kUnordered ? flag::ZF | flag::PF | flag::CF : r == kEqual ? flag::ZF : r == kLess ? flag::CF : 0);
    return Outcome::Next;
}

}  // namespace

Outcome ptest(Cpu& c, const Instruction& i) { return test(c, i, ~u64{0}); }
Outcome vtestps(Cpu& c, const Instruction& i) { return test(c, i, 0x8000000080000000); }
Outcome vtestpd(Cpu& c, const Instruction& i) { return test(c, i, 0x8000000000000000); }
Outcome vcomiss(Cpu& c, const Instruction& i) { return compare_flags<u32, true>(c, i); }
Outcome vcomisd(Cpu& c, const Instruction& i) { return compare_flags<u64, true>(c, i); }
Outcome vucomiss(Cpu& c, const Instruction& i) { return compare_flags<u32, false>(c, i); }
Outcome vucomisd(Cpu& c, const Instruction& i) { return compare_flags<u64, false>(c, i); }

}  // namespace gnomon::vec
