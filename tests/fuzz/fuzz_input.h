// What fuzz targets share: reading an input piece by piece, and saying what went wrong.
#pragma once

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <span>
#include <vector>

#include "support/types.h"

namespace gnomon::fuzz {

class Input {
  public:
    explicit Input(std::span<const u8> bytes) : bytes_(bytes) {}
    [[nodiscard]] bool empty() const { return bytes_.empty(); }
    /// Zeros after the end.
    template<class T>
    T take() {
        T value{};
        const size_t size = bytes_.size() < sizeof(T) ? bytes_.size() : sizeof(T);
        std::memcpy(&value, bytes_.data(), size);
        bytes_ = bytes_.subspan(size);
        return value;
    }
    [[nodiscard]] std::span<const u8> rest() const { return bytes_; }

  private:
    std::span<const u8> bytes_;
};

/// A failure that the fuzzer keeps the input of.
inline void require(bool condition, const char* what) {
    if (condition) return;
    std::fprintf(stderr, "%s\n", what);
    std::abort();
}

}  // namespace gnomon::fuzz
