// x87 operations on the unit of an x86-64 host. Every function gives the host's status word of its operation.
//
// Two ways to run each: plainly, under a control word that masks everything (exception flags gather in the
// host's status word), and carefully, under the guest's control word as it is, after begin_careful(): no
// waiting instruction follows the operation before the flags are cleared, so an unmasked exception never
// becomes a signal; the unit is left as FNINIT leaves it.
#pragma once

#if !defined(__x86_64__)
#error "the floating-point units need an x86-64 host; see cpu/fpu/host.h"
#endif

#include "cpu/state.h"

namespace gnomon::host {

/// Memory operands, wherever they lie.
struct [[gnu::packed]] Real32 {
    u32 bits;
};
struct [[gnu::packed]] Real64 {
    u64 bits;
};
struct [[gnu::packed]] Int16 {
    u16 bits;
};
struct [[gnu::packed]] Int32 {
    u32 bits;
};
struct [[gnu::packed]] Int64 {
    u64 bits;
};
/// Integers that FISTTP stores: truncated whatever the control word says.
struct [[gnu::packed]] Truncated16 {
    u16 bits;
};
struct [[gnu::packed]] Truncated32 {
    u32 bits;
};
struct [[gnu::packed]] Truncated64 {
    u64 bits;
};
struct [[gnu::packed]] Packed80 {
    u64 low;
    u16 high;
};

inline void load_control(u16 control) { asm volatile("fldcw %0" : : "m"(control)); }
inline u16 status() {
    u16 value;
    asm volatile("fnstsw %0" : "=a"(value));
    return value;
}
inline void clear_flags() { asm volatile("fnclex"); }
/// From the guest's memory: not delayed by a store of our own.
inline void load_control(const Int16& control) { asm volatile("fldcw %0" : : "m"(control)); }
inline void begin_careful(u16 control) { asm volatile("fnclex\n\tfldcw %0" : : "m"(control)); }

inline u32 read_mxcsr() {
    u32 value;
    asm volatile("stmxcsr %0" : "=m"(value));
    return value;
}
inline void load_mxcsr(u32 value) { asm volatile("ldmxcsr %0" : : "m"(value)); }

/// `first` computes with the flags still to be read; `rest` stores the result and empties the stack. The
/// status is there before `rest` runs, hence the early clobber of AX.
#define GNOMON_X87(first, rest, ...)                                                     \
    if constexpr (careful)                                                               \
        asm volatile(first "\n\tfnstsw %0\n\tfnclex\n\t" rest "\n\tfninit" __VA_ARGS__); \
    else                                                                                 \
        asm volatile(first "\n\tfnstsw %0\n\t" rest __VA_ARGS__)

/// destination ← destination op source.
#define GNOMON_X87_BINARY(Name, op, iop)                                                         \
    struct Name {                                                                                \
        template<bool careful>                                                                   \
        static u16 run(Float80& d, const Float80& s) {                                           \
            u16 sw;                                                                              \
            GNOMON_X87("fldt %2\n\tfldt %1\n\t" op " %%st(1), %%st", "fstpt %1\n\tfstp %%st(0)", \
                       : "=&a"(sw), "+m"(d)                                                      \
                       : "m"(s));                                                                \
            return sw;                                                                           \
        }                                                                                        \
        template<bool careful>                                                                   \
        static u16 run(Float80& d, const Real32& s) {                                            \
            u16 sw;                                                                              \
            GNOMON_X87("fldt %1\n\t" op "s %2", "fstpt %1", : "=&a"(sw), "+m"(d) : "m"(s));      \
            return sw;                                                                           \
        }                                                                                        \
        template<bool careful>                                                                   \
        static u16 run(Float80& d, const Real64& s) {                                            \
            u16 sw;                                                                              \
            GNOMON_X87("fldt %1\n\t" op "l %2", "fstpt %1", : "=&a"(sw), "+m"(d) : "m"(s));      \
            return sw;                                                                           \
        }                                                                                        \
        template<bool careful>                                                                   \
        static u16 run(Float80& d, const Int16& s) {                                             \
            u16 sw;                                                                              \
            GNOMON_X87("fldt %1\n\t" iop "s %2", "fstpt %1", : "=&a"(sw), "+m"(d) : "m"(s));     \
            return sw;                                                                           \
        }                                                                                        \
        template<bool careful>                                                                   \
        static u16 run(Float80& d, const Int32& s) {                                             \
            u16 sw;                                                                              \
            GNOMON_X87("fldt %1\n\t" iop "l %2", "fstpt %1", : "=&a"(sw), "+m"(d) : "m"(s));     \
            return sw;                                                                           \
        }                                                                                        \
    }

GNOMON_X87_BINARY(Fadd, "fadd", "fiadd");
GNOMON_X87_BINARY(Fmul, "fmul", "fimul");
GNOMON_X87_BINARY(Fsub, "fsub", "fisub");
GNOMON_X87_BINARY(Fsubr, "fsubr", "fisubr");
GNOMON_X87_BINARY(Fdiv, "fdiv", "fidiv");
GNOMON_X87_BINARY(Fdivr, "fdivr", "fidivr");

/// Flags C0, C2, C3 of ST0 against the source.
#define GNOMON_X87_COMPARE(Name, registers, single, real_double, word, dword)                 \
    struct Name {                                                                             \
        template<bool careful>                                                                \
        static u16 run(const Float80& a, const Float80& b) {                                  \
            u16 sw;                                                                           \
            GNOMON_X87("fldt %2\n\tfldt %1\n\t" registers, "", : "=&a"(sw) : "m"(a), "m"(b)); \
            return sw;                                                                        \
        }                                                                                     \
        template<bool careful>                                                                \
        static u16 run(const Float80& a, const Real32& b) {                                   \
            u16 sw;                                                                           \
            GNOMON_X87("fldt %1\n\t" single " %2", "", : "=&a"(sw) : "m"(a), "m"(b));         \
            return sw;                                                                        \
        }                                                                                     \
        template<bool careful>                                                                \
        static u16 run(const Float80& a, const Real64& b) {                                   \
            u16 sw;                                                                           \
            GNOMON_X87("fldt %1\n\t" real_double " %2", "", : "=&a"(sw) : "m"(a), "m"(b));    \
            return sw;                                                                        \
        }                                                                                     \
        template<bool careful>                                                                \
        static u16 run(const Float80& a, const Int16& b) {                                    \
            u16 sw;                                                                           \
            GNOMON_X87("fldt %1\n\t" word " %2", "", : "=&a"(sw) : "m"(a), "m"(b));           \
            return sw;                                                                        \
        }                                                                                     \
        template<bool careful>                                                                \
        static u16 run(const Float80& a, const Int32& b) {                                    \
            u16 sw;                                                                           \
            GNOMON_X87("fldt %1\n\t" dword " %2", "", : "=&a"(sw) : "m"(a), "m"(b));          \
            return sw;                                                                        \
        }                                                                                     \
    }

GNOMON_X87_COMPARE(Fcom, "fcompp", "fcomps", "fcompl", "ficomps", "ficompl");
struct Fucom {
    template<bool careful>
    static u16 run(const Float80& a, const Float80& b) {
        u16 sw;
        GNOMON_X87("fldt %2\n\tfldt %1\n\tfucompp", "", : "=&a"(sw) : "m"(a), "m"(b));
        return sw;
    }
};

/// ST0 ← op ST0.
#define GNOMON_X87_UNARY(Name, op)                                          \
    struct Name {                                                           \
        template<bool careful>                                              \
        static u16 run(Float80& d) {                                        \
            u16 sw;                                                         \
            GNOMON_X87("fldt %1\n\t" op, "fstpt %1", : "=&a"(sw), "+m"(d)); \
            return sw;                                                      \
        }                                                                   \
    }

GNOMON_X87_UNARY(Fsqrt, "fsqrt");
GNOMON_X87_UNARY(Frndint, "frndint");
GNOMON_X87_UNARY(F2xm1, "f2xm1");
GNOMON_X87_UNARY(Fsin, "fsin");
GNOMON_X87_UNARY(Fcos, "fcos");
GNOMON_X87_UNARY(Ftst, "ftst");
GNOMON_X87_UNARY(Fxam, "fxam");

/// ST0 ← ST0 op ST1, ST1 stays.
#define GNOMON_X87_BOTH(Name, op)                                               \
    struct Name {                                                               \
        template<bool careful>                                                  \
        static u16 run(Float80& st0, const Float80& st1) {                      \
            u16 sw;                                                             \
            GNOMON_X87("fldt %2\n\tfldt %1\n\t" op, "fstpt %1\n\tfstp %%st(0)", \
                       : "=&a"(sw), "+m"(st0)                                   \
                       : "m"(st1));                                             \
            return sw;                                                          \
        }                                                                       \
    }

GNOMON_X87_BOTH(Fprem, "fprem");
GNOMON_X87_BOTH(Fprem1, "fprem1");
GNOMON_X87_BOTH(Fscale, "fscale");

/// ST1 ← op(ST1, ST0); the caller pops.
#define GNOMON_X87_INTO_ST1(Name, op)                                                               \
    struct Name {                                                                                   \
        template<bool careful>                                                                      \
        static u16 run(Float80& st1, const Float80& st0) {                                          \
            u16 sw;                                                                                 \
            GNOMON_X87("fldt %1\n\tfldt %2\n\t" op, "fstpt %1", : "=&a"(sw), "+m"(st1) : "m"(st0)); \
            return sw;                                                                              \
        }                                                                                           \
    }

GNOMON_X87_INTO_ST1(Fyl2x, "fyl2x");
GNOMON_X87_INTO_ST1(Fyl2xp1, "fyl2xp1");
GNOMON_X87_INTO_ST1(Fpatan, "fpatan");

/// ST0 ← one result, another is pushed.
#define GNOMON_X87_TWO_RESULTS(Name, op)                                                                \
    struct Name {                                                                                       \
        template<bool careful>                                                                          \
        static u16 run(Float80& st0, Float80& pushed) {                                                 \
            u16 sw;                                                                                     \
            GNOMON_X87("fldt %1\n\t" op, "fstpt %2\n\tfstpt %1", : "=&a"(sw), "+m"(st0), "=m"(pushed)); \
            return sw;                                                                                  \
        }                                                                                               \
    }

GNOMON_X87_TWO_RESULTS(Fptan, "fptan");
GNOMON_X87_TWO_RESULTS(Fsincos, "fsincos");
GNOMON_X87_TWO_RESULTS(Fxtract, "fxtract");

/// Conversions to the register format.
#define GNOMON_X87_LOAD(Type, op)                                        \
    template<bool careful>                                               \
    inline u16 load(Float80& d, const Type& s) {                         \
        u16 sw;                                                          \
        GNOMON_X87(op " %2", "fstpt %1", : "=&a"(sw), "=m"(d) : "m"(s)); \
        return sw;                                                       \
    }

GNOMON_X87_LOAD(Real32, "flds")
GNOMON_X87_LOAD(Real64, "fldl")
GNOMON_X87_LOAD(Int16, "filds")
GNOMON_X87_LOAD(Int32, "fildl")
GNOMON_X87_LOAD(Int64, "fildll")
GNOMON_X87_LOAD(Packed80, "fbld")

/// Conversions to the memory formats.
#define GNOMON_X87_STORE(Type, op)                                             \
    template<bool careful>                                                     \
    inline u16 store(Type& d, const Float80& s) {                              \
        u16 sw;                                                                \
        GNOMON_X87("fldt %2\n\t" op " %1", "", : "=&a"(sw), "+m"(d) : "m"(s)); \
        return sw;                                                             \
    }

GNOMON_X87_STORE(Real32, "fstps")
GNOMON_X87_STORE(Real64, "fstpl")
GNOMON_X87_STORE(Int16, "fistps")
GNOMON_X87_STORE(Int32, "fistpl")
GNOMON_X87_STORE(Int64, "fistpll")
GNOMON_X87_STORE(Truncated16, "fisttps")
GNOMON_X87_STORE(Truncated32, "fisttpl")
GNOMON_X87_STORE(Truncated64, "fisttpll")
GNOMON_X87_STORE(Packed80, "fbstp")

#undef GNOMON_X87_STORE
#undef GNOMON_X87_LOAD
#undef GNOMON_X87_TWO_RESULTS
#undef GNOMON_X87_INTO_ST1
#undef GNOMON_X87_BOTH
#undef GNOMON_X87_UNARY
#undef GNOMON_X87_COMPARE
#undef GNOMON_X87_BINARY
#undef GNOMON_X87

}  // namespace gnomon::host
