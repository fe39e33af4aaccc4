// Descriptors in words.
#pragma once

#include <string>

#include "cpu/segmentation.h"
#include "cpu/state.h"

namespace gnomon {

/// "code, base 0x00000000, limit 0xffffffff, DPL 0, 32-bit, execute/read"
[[nodiscard]] std::string segment_text(const Segment& segment);
/// The same of an entry of the GDT or LDT, with gates and system segments.
[[nodiscard]] std::string descriptor_text(const Descriptor& descriptor, bool long_mode);
[[nodiscard]] std::string gate_text(const Descriptor& gate, u32 high_offset, bool long_mode);

}  // namespace gnomon
