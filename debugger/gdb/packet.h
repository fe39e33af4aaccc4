// Packets of the GDB remote serial protocol: framing, checksums, hexadecimal and binary data. GDB manual,
// "Remote Protocol", "Overview".
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "support/types.h"

namespace gnomon::gdb {

/// "$content#checksum"; content is already escaped where it holds binary data.
[[nodiscard]] std::string frame(std::string_view content);
/// Binary data with '#', '$', '}' and '*' escaped.
[[nodiscard]] std::string escape(std::string_view data);
[[nodiscard]] std::string unescape(std::string_view data);
[[nodiscard]] std::string to_hex(std::span<const u8> bytes);
[[nodiscard]] std::string to_hex(std::string_view text);
/// Nothing if the text has another character or an odd length.
[[nodiscard]] std::optional<std::string> from_hex(std::string_view text);
/// The hexadecimal number at the start of `text`, taken off it.
[[nodiscard]] std::optional<u64> take_number(std::string_view& text);
/// Takes `token` off the start of `text` if it is there.
[[nodiscard]] bool take(std::string_view& text, std::string_view token);

/// Splits the byte stream from the debugger.
class PacketReader {
  public:
    enum class Kind : u8 { Nothing, Packet, Corrupt, Interrupt, Acknowledged, Refused };

    void feed(std::string_view bytes) { buffer_ += bytes; }
    void clear() { buffer_.clear(); }
    /// The next thing in the stream; for Packet, `content` as sent (still escaped). Bytes between packets
    /// that mean nothing are passed over.
    Kind next(std::string& content);

  private:
    std::string buffer_;
};

}  // namespace gnomon::gdb
