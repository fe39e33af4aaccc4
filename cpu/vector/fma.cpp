// Fused multiply-add in its three operand orders. SDM Vol. 1, "Fused-Multiply-ADD (FMA) Numeric Behavior".
#include "cpu/vector/careful.h"
#include "cpu/vector/element.h"
#include "cpu/vector/host_features.h"
#include "cpu/vector/instructions.h"
#include "cpu/vector/lanes.h"

namespace gnomon::vec {
namespace {

/// The operands of d ← form(d, a, b): factors in the order in which a NaN is chosen, and the addend.
template<class T, unsigned form>
T fused_form(T d, T a, T b, bool negate_product, bool negate_addend) {
    if constexpr (form == 132) return fused(d, b, a, negate_product, negate_addend);
    else if constexpr (form == 213) return fused(a, d, b, negate_product, negate_addend);
    else return fused(a, b, d, negate_product, negate_addend);
}

template<class T, unsigned form>
Vector128 portable(Vector128 vd, Vector128 va, Vector128 vb, bool negate_product, unsigned subtract_even, unsigned subtract_odd, unsigned count) {
    const auto a = split<T>(va), b = split<T>(vb);
    auto r = split<T>(vd);
    for (unsigned n = 0; n < count; n++) r[n] = fused_form<T, form>(r[n], a[n], b[n], negate_product, n & 1 ? subtract_odd : subtract_even);
    return join<T>(r);
}

template<class T, unsigned form>
u32 flags_of(Cpu& c, Vector128 vd, Vector128 va, Vector128 vb, bool negate_product, unsigned subtract_even, unsigned subtract_odd, unsigned count) {
    const auto d = split<T>(vd), a = split<T>(va), b = split<T>(vb);
    Careful careful(c);
    for (unsigned n = 0; n < count; n++) {
        const bool negate_addend = n & 1 ? subtract_odd : subtract_even;
        if constexpr (form == 132) (void)careful.fused(d[n], b[n], a[n], negate_product, negate_addend);
        else if constexpr (form == 213) (void)careful.fused(a[n], d[n], b[n], negate_product, negate_addend);
        else (void)careful.fused(a[n], b[n], d[n], negate_product, negate_addend);
    }
    return careful.flags();
}

}  // namespace

/// `op` is the instruction of the host; the rest describes it for hosts without FMA.
#define GNOMON_FMA(Name, Base, T, op, form, negate, even, odd)                                                                  \
    struct Name : Base {                                                                                                        \
        static Vector128 run3(Vector128 d, Vector128 a, Vector128 b) {                                                          \
            if (!host::features().fma) return portable<T, form>(d, a, b, negate, even, odd, Base::kScalar ? 1 : 16 / sizeof(T)); \
            asm volatile(op " %2, %1, %0" : "+x"(d) : "x"(a), "x"(b));                                                          \
            return d;                                                                                                           \
        }                                                                                                                       \
        static u32 flags(Cpu& c, Vector128 d, Vector128 a, Vector128 b, u8) {                                                   \
            return flags_of<T, form>(c, d, a, b, negate, even, odd, Base::kScalar ? 1 : 16 / sizeof(T));                        \
        }                                                                                                                       \
    };                                                                                                                          \
    template void build<Name>(const Decoded&, Instruction&)
#define GNOMON_FMA_FORM(Name, op, form, negate, even, odd)                                              \
    GNOMON_FMA(Name##form##ps, Floating, u32, "v" op #form "ps", form, negate, even, odd);              \
    GNOMON_FMA(Name##form##pd, Floating, u64, "v" op #form "pd", form, negate, even, odd)
#define GNOMON_FMA_SCALAR(Name, op, form, negate, subtract)                                             \
    GNOMON_FMA(Name##form##ss, Scalar, u32, "v" op #form "ss", form, negate, subtract, subtract);       \
    GNOMON_FMA(Name##form##sd, Scalar, u64, "v" op #form "sd", form, negate, subtract, subtract)
#define GNOMON_FMA_PLAIN(Name, op, negate, subtract)              \
    GNOMON_FMA_FORM(Name, op, 132, negate, subtract, subtract);   \
    GNOMON_FMA_FORM(Name, op, 213, negate, subtract, subtract);   \
    GNOMON_FMA_FORM(Name, op, 231, negate, subtract, subtract);   \
    GNOMON_FMA_SCALAR(Name, op, 132, negate, subtract);           \
    GNOMON_FMA_SCALAR(Name, op, 213, negate, subtract);           \
    GNOMON_FMA_SCALAR(Name, op, 231, negate, subtract)
#define GNOMON_FMA_ALTERNATING(Name, op, even, odd)   \
    GNOMON_FMA_FORM(Name, op, 132, false, even, odd); \
    GNOMON_FMA_FORM(Name, op, 213, false, even, odd); \
    GNOMON_FMA_FORM(Name, op, 231, false, even, odd)

GNOMON_FMA_PLAIN(Fmadd, "fmadd", false, false);
GNOMON_FMA_PLAIN(Fmsub, "fmsub", false, true);
GNOMON_FMA_PLAIN(Fnmadd, "fnmadd", true, false);
GNOMON_FMA_PLAIN(Fnmsub, "fnmsub", true, true);
GNOMON_FMA_ALTERNATING(Fmaddsub, "fmaddsub", true, false);
GNOMON_FMA_ALTERNATING(Fmsubadd, "fmsubadd", false, true);

}  // namespace gnomon::vec
