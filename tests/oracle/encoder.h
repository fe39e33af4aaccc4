// Random encodings of the opcode table's rows, for the comparisons with other processors and decoders.
#pragma once

#include <array>
#include <random>
#include <span>

#include "cpu/decode.h"

namespace gnomon::oracle {

/// Cheap and the same on every host: one 64-bit number per call.
class Random {
  public:
    explicit Random(u64 seed) : state_(seed) {}
    u64 next() {  // SplitMix64
        u64 z = state_ += 0x9e3779b97f4a7c15;
        z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
        z = (z ^ z >> 27) * 0x94d049bb133111eb;
        return z ^ z >> 31;
    }
    u64 below(u64 n) { return next() % n; }
    bool one_in(u64 n) { return below(n) == 0; }
    /// Mostly numbers at which arithmetic has corners.
    u32 number();
    u64 number64() {
        const u64 low = number();
        return one_in(3) ? low : one_in(2) ? static_cast<u64>(static_cast<i64>(static_cast<i32>(low))) : low << 32 | number();
    }

  private:
    u64 state_;
};

/// What is asked of an encoding; the rest is random.
struct EncodingRequest {
    bool code32 = true;
    bool code64 = false;
    u8 rex = 0;              ///< 64-bit mode: the REX prefix, or 0
    bool prefix_66 = false;  ///< ignored where the row has a mandatory prefix
    bool prefix_67 = false;
    bool lock = false;
    u8 repeat = 0;   ///< 0, F2, F3; ignored where the row has a mandatory prefix
    u8 segment = 0;  ///< 0 or the prefix byte
    int mod = -1;    ///< -1: any, 0: some form of memory operand, 3: register
};

struct Encoding {
    std::array<u8, 24> bytes{};
    unsigned length = 0;
    unsigned disp_at = 0;    ///< where the displacement (or moffs) is
    unsigned disp_size = 0;  ///< 0: there is none
    unsigned imm_at = 0;
    unsigned imm_size = 0;
    [[nodiscard]] std::span<const u8> span() const { return {bytes.data(), length}; }
    void patch(unsigned at, unsigned size, u64 value);
};

/// An encoding of this row; it is the caller's business to see with decode() that the request can be met.
Encoding encode(unsigned row_index, const EncodingRequest& request, Random& random);

/// The size asked for by GNOMON_LONG or the default one.
u64 cases(u64 quick, u64 extended);
/// GNOMON_SEED or a fixed number.
u64 seed();

/// "66 0f af c1"
std::string hex(std::span<const u8> bytes);

}  // namespace gnomon::oracle
