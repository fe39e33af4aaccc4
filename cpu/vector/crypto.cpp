// AES, carry-less multiplication, SHA, Galois fields. FIPS 197, FIPS 180; SDM Vol. 2, "Instruction Set Reference".
#include "cpu/vector/instructions.h"
#include "cpu/vector/lanes.h"

namespace gnomon::vec {
namespace {

/// x · y modulo x^8 + x^4 + x^3 + x + 1.
constexpr u8 multiply(unsigned x, unsigned y) {
    unsigned product = 0;
    for (; y; y >>= 1) {
        if (y & 1) product ^= x;
        x = x << 1 ^ (x & 0x80 ? 0x11b : 0);
    }
    return static_cast<u8>(product);
}
constexpr std::array<u8, 256> kInverse = [] {
    std::array<u8, 256> table{};
    // 3 generates the group.
    std::array<u8, 255> power{};
    u8 value = 1;
    for (unsigned n = 0; n < 255; n++) power[n] = value, value = multiply(value, 3);
    for (unsigned n = 0; n < 255; n++) table[power[n]] = power[(255 - n) % 255];
    return table;
}();

constexpr std::array<u8, 256> kSubstitute = [] {
    std::array<u8, 256> table{};
    for (unsigned n = 0; n < 256; n++) {
        const u8 x = kInverse[n];
        table[n] = static_cast<u8>(x ^ std::rotl(x, 1) ^ std::rotl(x, 2) ^ std::rotl(x, 3) ^ std::rotl(x, 4) ^ 0x63);
    }
    return table;
}();
constexpr std::array<u8, 256> kUnsubstitute = [] {
    std::array<u8, 256> table{};
    for (unsigned n = 0; n < 256; n++) table[kSubstitute[n]] = static_cast<u8>(n);
    return table;
}();

using State = Elements<u8>;

/// SubBytes and ShiftRows: byte n of the result is row n % 4 of column n / 4.
State substitute_and_shift(const State& s) {
    State r;
    for (unsigned n = 0; n < 16; n++) r[n] = kSubstitute[s[(n + 4 * (n % 4)) % 16]];
    return r;
}
State unsubstitute_and_shift(const State& s) {
    State r;
    for (unsigned n = 0; n < 16; n++) r[n] = kUnsubstitute[s[(n + 16 - 4 * (n % 4)) % 16]];
    return r;
}
/// Columns times a circulant matrix.
template<unsigned m0, unsigned m1, unsigned m2, unsigned m3>
State mix(const State& s) {
    constexpr auto table = [](unsigned m) {
        std::array<u8, 256> t{};
        for (unsigned n = 0; n < 256; n++) t[n] = multiply(n, m);
        return t;
    };
    static constexpr std::array<u8, 256> k0 = table(m0), k1 = table(m1), k2 = table(m2), k3 = table(m3);
    State r;
    for (unsigned n = 0; n < 16; n++) {
        const unsigned column = n & ~3u;
        r[n] = k0[s[n]] ^ k1[s[column + (n + 1) % 4]] ^ k2[s[column + (n + 2) % 4]] ^ k3[s[column + (n + 3) % 4]];
    }
    return r;
}
State mix_columns(const State& s) { return mix<2, 3, 1, 1>(s); }
State unmix_columns(const State& s) { return mix<14, 11, 13, 9>(s); }

}  // namespace

#define GNOMON_AES(Name, ...)                                                                                      \
    struct Name : Shuffle {                                                                                        \
        static Vector128 run([[maybe_unused]] Vector128 a, [[maybe_unused]] Vector128 b) { return __VA_ARGS__; }   \
    };                                                                                                             \
    template void build<Name>(const Decoded&, Instruction&)
GNOMON_AES(Aesenc, _mm_xor_si128(join<u8>(mix_columns(substitute_and_shift(split<u8>(a)))), b));
GNOMON_AES(Aesenclast, _mm_xor_si128(join<u8>(substitute_and_shift(split<u8>(a))), b));
GNOMON_AES(Aesdec, _mm_xor_si128(join<u8>(unmix_columns(unsubstitute_and_shift(split<u8>(a)))), b));
GNOMON_AES(Aesdeclast, _mm_xor_si128(join<u8>(unsubstitute_and_shift(split<u8>(a))), b));
GNOMON_AES(Aesimc, join<u8>(unmix_columns(split<u8>(b))));

struct Aeskeygenassist : Shuffle {
    static Vector128 run(Vector128, Vector128 vb, u8 imm) {
        const auto b = split<u32>(vb);
        const auto substitute = [](u32 x) {
            return u32{kSubstitute[x & 255]} | u32{kSubstitute[x >> 8 & 255]} << 8 | u32{kSubstitute[x >> 16 & 255]} << 16 |
                   u32{kSubstitute[x >> 24]} << 24;
        };
        const u32 one = substitute(b[1]), three = substitute(b[3]);
        return join<u32>({one, std::rotr(one, 8) ^ imm, three, std::rotr(three, 8) ^ imm});
    }
};
template void build<Aeskeygenassist>(const Decoded&, Instruction&);

struct Pclmulqdq : Shuffle {
    static Vector128 run(Vector128 va, Vector128 vb, u8 imm) {
        const u64 a = split<u64>(va)[imm & 1], b = split<u64>(vb)[imm >> 4 & 1];
        unsigned __int128 product = 0;
        for (unsigned n = 0; n < 64; n++)
            if (b >> n & 1) product ^= static_cast<unsigned __int128>(a) << n;
        return join<u64>({static_cast<u64>(product), static_cast<u64>(product >> 64)});
    }
};
template void build<Pclmulqdq>(const Decoded&, Instruction&);

// ---- SHA: legacy encodings only --------------------------------------------------------------------------------------

struct Sha1nexte : Shuffle {
    static Vector128 run(Vector128 va, Vector128 vb) {
        auto r = split<u32>(vb);
        r[3] += std::rotl(split<u32>(va)[3], 30);
        return join<u32>(r);
    }
};
struct Sha1msg1 : Shuffle {
    static Vector128 run(Vector128 va, Vector128 vb) {
        const auto a = split<u32>(va), b = split<u32>(vb);
        return join<u32>({b[2] ^ a[0], b[3] ^ a[1], a[0] ^ a[2], a[1] ^ a[3]});
    }
};
struct Sha1msg2 : Shuffle {
    static Vector128 run(Vector128 va, Vector128 vb) {
        const auto a = split<u32>(va), b = split<u32>(vb);
        const u32 w16 = std::rotl(a[3] ^ b[2], 1);
        return join<u32>({std::rotl(a[0] ^ w16, 1), std::rotl(a[1] ^ b[0], 1), std::rotl(a[2] ^ b[1], 1), w16});
    }
};
struct Sha1rnds4 : Shuffle {
    static Vector128 run(Vector128 va, Vector128 vb, u8 imm) {
        const auto s = split<u32>(va), w = split<u32>(vb);
        constexpr u32 kConstants[] = {0x5a827999, 0x6ed9eba1, 0x8f1bbcdc, 0xca62c1d6};
        u32 a = s[3], b = s[2], c = s[1], d = s[0], e = 0;
        for (unsigned n = 0; n < 4; n++) {
            const u32 f = (imm & 3) == 0 ? (b & c) ^ (~b & d) : (imm & 3) == 2 ? (b & c) ^ (b & d) ^ (c & d) : b ^ c ^ d;
            const u32 next = f + std::rotl(a, 5) + w[3 - n] + e + kConstants[imm & 3];
            e = d, d = c, c = std::rotl(b, 30), b = a, a = next;
        }
        return join<u32>({d, c, b, a});
    }
};
struct Sha256msg1 : Shuffle {
    static Vector128 run(Vector128 va, Vector128 vb) {
        const auto a = split<u32>(va), b = split<u32>(vb);
        const auto sigma = [](u32 x) { return std::rotr(x, 7) ^ std::rotr(x, 18) ^ x >> 3; };
        return join<u32>({a[0] + sigma(a[1]), a[1] + sigma(a[2]), a[2] + sigma(a[3]), a[3] + sigma(b[0])});
    }
};
struct Sha256msg2 : Shuffle {
    static Vector128 run(Vector128 va, Vector128 vb) {
        const auto a = split<u32>(va), b = split<u32>(vb);
        const auto sigma = [](u32 x) { return std::rotr(x, 17) ^ std::rotr(x, 19) ^ x >> 10; };
        const u32 w16 = a[0] + sigma(b[2]), w17 = a[1] + sigma(b[3]);
        return join<u32>({w16, w17, a[2] + sigma(w16), a[3] + sigma(w17)});
    }
};
/// Two rounds; the third operand is XMM0, and so an operation of its own.
Outcome sha256rnds2(Cpu& cpu, const Instruction& i) {
    const Operands o = operands(i);
    Vector source;
    if (!load_source(cpu, i, o, ~u64{0}, true, source)) return Outcome::Fault;
    const auto cdgh = split<u32>(vector(cpu, i.reg).lane(0)), abef = split<u32>(source.lane(0));
    const auto w = split<u32>(vector(cpu, 0).lane(0));
    u32 a = abef[3], b = abef[2], c = cdgh[3], d = cdgh[2], e = abef[1], f = abef[0], g = cdgh[1], h = cdgh[0];
    for (unsigned n = 0; n < 2; n++) {
        const u32 choose = (e & f) ^ (~e & g), majority = (a & b) ^ (a & c) ^ (b & c);
        const u32 first = choose + (std::rotr(e, 6) ^ std::rotr(e, 11) ^ std::rotr(e, 25)) + w[n] + h;
        const u32 second = majority + (std::rotr(a, 2) ^ std::rotr(a, 13) ^ std::rotr(a, 22));
        h = g, g = f, f = e, e = d + first, d = c, c = b, b = a, a = first + second;
    }
    vector(cpu, i.reg).set(0, join<u32>({f, e, b, a}));
    return Outcome::Next;
}
template void build<Sha1nexte>(const Decoded&, Instruction&);
template void build<Sha1msg1>(const Decoded&, Instruction&);
template void build<Sha1msg2>(const Decoded&, Instruction&);
template void build<Sha1rnds4>(const Decoded&, Instruction&);
template void build<Sha256msg1>(const Decoded&, Instruction&);
template void build<Sha256msg2>(const Decoded&, Instruction&);

// ---- Galois fields ------------------------------------------------------------------------------------------------------

GNOMON_EACH(Gf2p8mulb, u8, multiply(a, b));

/// Each byte as a vector of bits times the matrix of its quadword.
template<bool inverse>
GNOMON_INLINE Vector128 affine(Vector128 va, Vector128 vb, u8 imm) {
    const auto a = split<u8>(va), b = split<u8>(vb);
    Elements<u8> r;
    for (unsigned n = 0; n < 16; n++) {
        const u8 x = inverse ? kInverse[a[n]] : a[n];
        unsigned y = 0;
        for (unsigned bit = 0; bit < 8; bit++) y |= (static_cast<unsigned>(std::popcount(static_cast<u8>(b[(n & 8) + 7 - bit] & x))) & 1) << bit;
        r[n] = static_cast<u8>(y ^ imm);
    }
    return join<u8>(r);
}
/// The opmask selects bytes, the matrices are quadwords.
struct Gf2p8affineqb : Shuffle {
    static Vector128 run(Vector128 a, Vector128 b, u8 imm) { return affine<false>(a, b, imm); }
};
struct Gf2p8affineinvqb : Shuffle {
    static Vector128 run(Vector128 a, Vector128 b, u8 imm) { return affine<true>(a, b, imm); }
};
template void build<Gf2p8affineqb>(const Decoded&, Instruction&);
template void build<Gf2p8affineinvqb>(const Decoded&, Instruction&);

}  // namespace gnomon::vec
