// Printing, comparing and encoding of state trees.
#include "support/state.h"

namespace gnomon {
namespace {

std::string joined(std::string_view name, std::string_view field) {
    return name.empty() ? std::string(field) : fmt::format("{}.{}", name, field);
}

std::string text_of(const StateNode& node) {
    if (node.kind == StateNode::Kind::Integer) return fmt::format("{:#x}", node.integer);
    if (node.kind != StateNode::Kind::Bytes) return "(structure)";
    std::string text = fmt::format("{} bytes", node.bytes.size());
    for (size_t i = 0; i < std::min<size_t>(node.bytes.size(), 16); i++) text += fmt::format(" {:02x}", node.bytes[i]);
    if (node.bytes.size() > 16) text += " …";
    return text;
}

void put(std::vector<u8>& out, u64 value, unsigned bytes) {
    for (unsigned i = 0; i < bytes; i++) out.push_back(static_cast<u8>(value >> 8 * i));
}

void encode(const StateNode& node, std::vector<u8>& out) {
    out.push_back(static_cast<u8>(node.kind));
    switch (node.kind) {
    case StateNode::Kind::Integer: put(out, node.integer, 8); break;
    case StateNode::Kind::Bytes:
        put(out, node.bytes.size(), 8);
        out.insert(out.end(), node.bytes.begin(), node.bytes.end());
        break;
    case StateNode::Kind::List:
        put(out, node.list.size(), 8);
        for (const StateNode& element : node.list) encode(element, out);
        break;
    case StateNode::Kind::Map:
        put(out, node.map.size(), 8);
        for (const auto& [name, child] : node.map) {
            put(out, name.size(), 2);
            out.insert(out.end(), name.begin(), name.end());
            encode(child, out);
        }
        break;
    }
}

class Decoder {
  public:
    explicit Decoder(std::span<const u8> bytes) : bytes_(bytes) {}

    Result<StateNode> node(unsigned depth) {
        if (depth > 32) return fail("nested too deeply at offset {}", at_);
        if (!has(9)) return truncated();
        StateNode result;
        const u8 kind = bytes_[at_++];
        if (kind > static_cast<u8>(StateNode::Kind::Map)) return fail("unknown kind {} at offset {}", kind, at_ - 1);
        result.kind = static_cast<StateNode::Kind>(kind);
        const u64 number = get(8);
        switch (result.kind) {
        case StateNode::Kind::Integer: result.integer = number; break;
        case StateNode::Kind::Bytes:
            if (!has(number)) return truncated();
            result.bytes.assign(bytes_.begin() + static_cast<std::ptrdiff_t>(at_),
                                bytes_.begin() + static_cast<std::ptrdiff_t>(at_ + number));
            at_ += number;
            break;
        case StateNode::Kind::List:
        case StateNode::Kind::Map:
            for (u64 i = 0; i < number; i++) {
                std::string name;
                if (result.kind == StateNode::Kind::Map) {
                    if (!has(2)) return truncated();
                    const u64 length = get(2);
                    if (!has(length)) return truncated();
                    name.assign(reinterpret_cast<const char*>(bytes_.data() + at_), length);
                    at_ += length;
                }
                Result<StateNode> child = node(depth + 1);
                if (!child) return child;
                if (result.kind == StateNode::Kind::Map)
                    result.map.emplace_back(std::move(name), std::move(*child));
                else
                    result.list.push_back(std::move(*child));
            }
            break;
        }
        return result;
    }
    [[nodiscard]] bool finished() const { return at_ == bytes_.size(); }

  private:
    [[nodiscard]] bool has(u64 count) const { return count <= bytes_.size() - at_; }
    [[nodiscard]] Error truncated() const { return fail("cut off at offset {}", at_); }
    u64 get(unsigned count) {
        u64 value = 0;
        for (unsigned i = 0; i < count; i++) value |= u64{bytes_[at_++]} << 8 * i;
        return value;
    }

    std::span<const u8> bytes_;
    size_t at_ = 0;
};

}  // namespace

const StateNode* StateNode::find(std::string_view name) const {
    for (const auto& [key, child] : map)
        if (key == name) return &child;
    return nullptr;
}

std::string print_state(const StateNode& node, std::string_view name) {
    std::string text;
    if (node.kind == StateNode::Kind::Map) {
        for (const auto& [key, child] : node.map) text += print_state(child, joined(name, key));
    } else if (node.kind == StateNode::Kind::List) {
        for (size_t i = 0; i < node.list.size(); i++) text += print_state(node.list[i], fmt::format("{}[{}]", name, i));
    } else {
        text = fmt::format("{} = {}\n", name, text_of(node));
    }
    return text;
}

std::string diff_state(const StateNode& a, const StateNode& b, std::string_view name) {
    if (a == b) return {};
    if (a.kind == b.kind && a.kind == StateNode::Kind::Map) {
        std::string text;
        for (const auto& [key, child] : a.map) {
            const StateNode* other = b.find(key);
            text += other ? diff_state(child, *other, joined(name, key)) : fmt::format("{}: only in the first\n", joined(name, key));
        }
        for (const auto& [key, child] : b.map)
            if (!a.find(key)) text += fmt::format("{}: only in the second\n", joined(name, key));
        return text;
    }
    if (a.kind == b.kind && a.kind == StateNode::Kind::List && a.list.size() == b.list.size()) {
        std::string text;
        for (size_t i = 0; i < a.list.size(); i++) text += diff_state(a.list[i], b.list[i], fmt::format("{}[{}]", name, i));
        return text;
    }
    if (a.kind == b.kind && a.kind == StateNode::Kind::Bytes && a.bytes.size() == b.bytes.size()) {
        const size_t at = static_cast<size_t>(
            std::mismatch(a.bytes.begin(), a.bytes.end(), b.bytes.begin()).first - a.bytes.begin());
        return fmt::format("{}[{:#x}]: {:#x} -> {:#x}\n", name, at, a.bytes[at], b.bytes[at]);
    }
    return fmt::format("{}: {} -> {}\n", name, text_of(a), text_of(b));
}

std::vector<u8> encode_state(const StateNode& node) {
    std::vector<u8> out;
    encode(node, out);
    return out;
}

Result<StateNode> decode_state(std::span<const u8> bytes) {
    Decoder decoder(bytes);
    Result<StateNode> node = decoder.node(0);
    if (node && !decoder.finished()) return fail("more data than the tree needs");
    return node;
}

}  // namespace gnomon
