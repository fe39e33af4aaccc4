// Code page 437 as the adapter's character generator draws it: Unicode for each of the 256 character codes,
// including the pictures of 00-1F and 7F. Reference: Unicode Consortium mapping tables, "IBM graph" variant.
#pragma once

#include <array>
#include <string>

#include "support/types.h"

namespace gnomon {

/// Unicode of each character code; 00 and FF, which draw nothing, are a space.
extern const std::array<char32_t, 256> kCodePage437;

/// Appends one code point in UTF-8.
void append_utf8(std::string& out, char32_t code_point);

}  // namespace gnomon
