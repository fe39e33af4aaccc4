// Framing and the codings of data.
#include "debugger/gdb/packet.h"

#include <fmt/format.h>

namespace gnomon::gdb {
namespace {

constexpr char kInterruptByte = '\x03';
constexpr char kEscape = '}';
constexpr char kEscapeXor = 0x20;

int digit(char c) {
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    if (c >= 'A' && c <= 'F') return c - 'A' + 10;
    return -1;
}

u8 checksum(std::string_view content) {
    u8 sum = 0;
    for (const char c : content) sum = static_cast<u8>(sum + static_cast<u8>(c));
    return sum;
}

}  // namespace

std::string frame(std::string_view content) { return fmt::format("${}#{:02x}", content, checksum(content)); }

std::string escape(std::string_view data) {
    std::string out;
    for (const char c : data) {
        if (c == '#' || c == '$' || c == kEscape || c == '*') {
            out += kEscape;
            out += static_cast<char>(c ^ kEscapeXor);
        } else {
            out += c;
        }
    }
    return out;
}

std::string unescape(std::string_view data) {
    std::string out;
    for (size_t i = 0; i < data.size(); i++) {
        if (data[i] == kEscape && i + 1 < data.size())
            out += static_cast<char>(data[++i] ^ kEscapeXor);
        else
            out += data[i];
    }
    return out;
}

std::string to_hex(std::span<const u8> bytes) {
    constexpr char kDigits[] = "0123456789abcdef";
    std::string text;
    for (const u8 byte : bytes) {
        text += kDigits[byte >> 4];
        text += kDigits[byte & 15];
    }
    return text;
}

std::string to_hex(std::string_view text) {
    return to_hex(std::span(reinterpret_cast<const u8*>(text.data()), text.size()));
}

std::optional<std::string> from_hex(std::string_view text) {
    if (text.size() % 2 != 0) return {};
    std::string out;
    for (size_t i = 0; i < text.size(); i += 2) {
        const int high = digit(text[i]);
        const int low = digit(text[i + 1]);
        if (high < 0 || low < 0) return {};
        out += static_cast<char>(high << 4 | low);
    }
    return out;
}

std::optional<u64> take_number(std::string_view& text) {
    u64 value = 0;
    size_t length = 0;
    for (; length < text.size() && digit(text[length]) >= 0; length++)
        value = value << 4 | static_cast<u64>(digit(text[length]));
    if (length == 0) return {};
    text.remove_prefix(length);
    return value;
}

bool take(std::string_view& text, std::string_view token) {
    if (!text.starts_with(token)) return false;
    text.remove_prefix(token.size());
    return true;
}

PacketReader::Kind PacketReader::next(std::string& content) {
    while (!buffer_.empty()) {
        const char first = buffer_[0];
        if (first == '$') {
            const size_t end = buffer_.find('#');
            if (end == buffer_.npos || end + 2 >= buffer_.size()) return Kind::Nothing;
            content = buffer_.substr(1, end - 1);
            const int high = digit(buffer_[end + 1]);
            const int low = digit(buffer_[end + 2]);
            buffer_.erase(0, end + 3);
            return (high << 4 | low) == checksum(content) ? Kind::Packet : Kind::Corrupt;
        }
        buffer_.erase(0, 1);
        if (first == kInterruptByte) return Kind::Interrupt;
        if (first == '+') return Kind::Acknowledged;
        if (first == '-') return Kind::Refused;
    }
    return Kind::Nothing;
}

}  // namespace gnomon::gdb
