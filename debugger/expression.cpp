// A recursive-descent parser to a tree, and its evaluation.
#include "debugger/expression.h"

#include <array>
#include <cstring>

#include "debugger/registers.h"

namespace gnomon {

struct Expression::Node {
    enum class Kind : u8 { Number, Register, Symbol, Unary, Binary, Cast, Memory, Physical, Logical };
    Kind kind = Kind::Number;
    std::string op;                 ///< operator, symbol
    u64 number = 0;                 ///< Number; bytes of Cast and Memory (0: a stack slot)
    bool is_signed = false;         ///< Cast
    const RegisterName* reg = nullptr;
    std::shared_ptr<const Node> a, b;
};

namespace {

using Node = Expression::Node;
using Tree = std::shared_ptr<const Node>;

struct Type {
    std::string_view name;
    u64 bytes;
    bool is_signed;
};
constexpr Type kCasts[] = {{"u8", 1, false}, {"u16", 2, false}, {"u32", 4, false}, {"u64", 8, false},
                           {"s8", 1, true},  {"s16", 2, true},  {"s32", 4, true},  {"s64", 8, true}};
constexpr Type kSizes[] = {{"byte", 1, false}, {"word", 2, false}, {"dword", 4, false}, {"qword", 8, false}};

/// Loosest first.
constexpr std::array<std::array<std::string_view, 4>, 10> kLevels{{{"||"},
                                                                   {"&&"},
                                                                   {"|"},
                                                                   {"^"},
                                                                   {"&"},
                                                                   {"==", "!="},
                                                                   {"<=", ">=", "<", ">"},
                                                                   {"<<", ">>"},
                                                                   {"+", "-"},
                                                                   {"*", "/", "%"}}};

bool word_char(char c) { return std::isalnum(static_cast<unsigned char>(c)) || c == '_' || c == '.' || c == '$' || c == '@'; }

class Parser {
  public:
    explicit Parser(std::string_view text) : text_(text) {}

    Result<Tree> parse() {
        Result<Tree> tree = binary(0);
        if (!tree) return tree;
        skip();
        if (at_ != text_.size()) return wrong("an operator is missing");
        return tree;
    }

  private:
    [[nodiscard]] Error wrong(std::string_view what) const {
        return fail("expression \"{}\", column {}: {}", text_, at_ + 1, what);
    }
    void skip() {
        while (at_ < text_.size() && std::isspace(static_cast<unsigned char>(text_[at_]))) at_++;
    }
    bool take(std::string_view token) {
        skip();
        if (!text_.substr(at_).starts_with(token)) return false;
        // "<" must not eat half of "<<", nor "&" of "&&".
        if (token.size() == 1 && at_ + 1 < text_.size()) {
            const char next = text_[at_ + 1];
            if ((token == "<" || token == ">") && (next == token[0] || next == '=')) return false;
            if ((token == "&" || token == "|") && next == token[0]) return false;
        }
        at_ += token.size();
        return true;
    }
    [[nodiscard]] std::string_view peek_word() {
        skip();
        size_t end = at_;
        while (end < text_.size() && word_char(text_[end])) end++;
        return text_.substr(at_, end - at_);
    }
    static Tree make(Node node) { return std::make_shared<const Node>(std::move(node)); }

    Result<Tree> binary(size_t level) {
        if (level == kLevels.size()) return unary();
        Result<Tree> left = binary(level + 1);
        if (!left) return left;
        for (;;) {
            std::string_view found;
            for (const std::string_view op : kLevels[level])
                if (!op.empty() && found.empty() && take(op)) found = op;
            if (found.empty()) return left;
            Result<Tree> right = binary(level + 1);
            if (!right) return right;
            left = make({.kind = Node::Kind::Binary, .op = std::string(found), .reg = nullptr, .a = *left, .b = *right});
        }
    }

    Result<Tree> unary() {
        for (const std::string_view op : {"-", "~", "!", "+"})
            if (take(op)) {
                Result<Tree> inner = unary();
                if (!inner) return inner;
                return make({.kind = Node::Kind::Unary, .op = std::string(op), .reg = nullptr, .a = *inner, .b = {}});
            }
        const size_t start = at_;
        if (take("(")) {
            const std::string_view word = peek_word();
            for (const Type& type : kCasts)
                if (word == type.name) {
                    at_ += word.size();
                    if (!take(")")) return wrong("\")\" is missing");
                    Result<Tree> inner = unary();
                    if (!inner) return inner;
                    return make({.kind = Node::Kind::Cast, .op = {}, .number = type.bytes, .is_signed = type.is_signed, .a = *inner, .b = {}});
                }
            at_ = start;
        }
        Result<Tree> left = primary();
        if (!left || !take(":")) return left;
        Result<Tree> offset = binary(kLevels.size() - 2);
        if (!offset) return offset;
        return make({.kind = Node::Kind::Logical, .op = {}, .reg = nullptr, .a = *left, .b = *offset});
    }

    Result<Tree> memory(u64 bytes, bool physical) {
        Result<Tree> address = binary(0);
        if (!address) return address;
        if (!take("]")) return wrong("\"]\" is missing");
        return make({.kind = physical ? Node::Kind::Physical : Node::Kind::Memory, .op = {}, .number = bytes, .reg = nullptr, .a = *address, .b = {}});
    }

    Result<Tree> primary() {
        if (take("(")) {
            Result<Tree> inner = binary(0);
            if (!inner) return inner;
            if (!take(")")) return wrong("\")\" is missing");
            return inner;
        }
        if (take("[")) return memory(0, false);
        if (take("`")) {
            const size_t end = text_.find('`', at_);
            if (end == text_.npos) return wrong("\"`\" is missing");
            const std::string name(text_.substr(at_, end - at_));
            at_ = end + 1;
            return make({.kind = Node::Kind::Symbol, .op = name, .reg = nullptr, .a = {}, .b = {}});
        }
        skip();
        if (at_ + 2 < text_.size() && text_[at_] == '\'' && text_[at_ + 2] == '\'') {
            const u64 code = static_cast<u8>(text_[at_ + 1]);
            at_ += 3;
            return make({.op = {}, .number = code, .reg = nullptr, .a = {}, .b = {}});
        }
        const bool percent = take("%");
        std::string_view word = peek_word();
        if (word.empty()) return wrong("a number, register, symbol or \"[\" is expected");
        if (std::isdigit(static_cast<unsigned char>(word[0]))) return number(word);
        bool physical = false;
        if (word == "phys") {
            at_ += word.size();
            physical = true;
            word = peek_word();
        }
        for (const Type& type : kSizes)
            if (word == type.name) {
                at_ += word.size();
                if (!take("[")) return wrong("\"[\" is expected");
                return memory(type.bytes, physical);
            }
        if (physical) return take("[") ? memory(0, true) : Result<Tree>(wrong("\"[\" is expected"));
        if (const RegisterName* found = find_register(word)) {
            at_ += word.size();
            return make({.kind = Node::Kind::Register, .op = {}, .reg = found, .a = {}, .b = {}});
        }
        if (percent || word[0] == '$') return wrong(fmt::format("there is no register \"{}\"", word));
        at_ += word.size();
        return make({.kind = Node::Kind::Symbol, .op = std::string(word), .reg = nullptr, .a = {}, .b = {}});
    }

    Result<Tree> number(std::string_view word) {
        unsigned radix = 10;
        std::string_view digits = word;
        if (word.starts_with("0x") || word.starts_with("0X")) {
            radix = 16;
            digits.remove_prefix(2);
        } else if (word.starts_with("0b")) {
            radix = 2;
            digits.remove_prefix(2);
        }
        u64 value = 0;
        for (const char c : digits) {
            const unsigned digit = c <= '9' ? static_cast<unsigned>(c - '0') : static_cast<unsigned>((c | 32) - 'a' + 10);
            if (digit >= radix) return wrong(fmt::format("\"{}\" is not a number", word));
            value = value * radix + digit;
        }
        if (digits.empty()) return wrong(fmt::format("\"{}\" is not a number", word));
        at_ += word.size();
        return make({.op = {}, .number = value, .reg = nullptr, .a = {}, .b = {}});
    }

    std::string_view text_;
    size_t at_ = 0;
};

struct Evaluator {
    Debugger& debugger;
    unsigned processor;

    Result<u64> load(u64 address, u64 bytes, bool physical) const {
        if (bytes == 0) bytes = code_bits(debugger.cpu(processor).state) / 8;
        std::array<u8, 8> raw{};
        const std::span<u8> out = std::span(raw).first(bytes);
        const bool good = physical ? debugger.read_physical(address, out) : debugger.read_linear(processor, address, out) == bytes;
        if (!good) return fail("{} {:#x} cannot be read", physical ? "physical address" : "address", address);
        u64 value = 0;
        std::memcpy(&value, raw.data(), bytes);
        return value;
    }

    Result<u64> value(const Node& n) const {
        switch (n.kind) {
            case Node::Kind::Number: return n.number;
            case Node::Kind::Register: return read(*n.reg);
            case Node::Kind::Symbol: {
                const std::optional<u64> address =
                    debugger.symbols() ? debugger.symbols()->address_of(n.op) : std::nullopt;
                if (address) return *address;
                return fail("\"{}\" is neither a register nor a known symbol", n.op);
            }
            case Node::Kind::Logical: return logical(n);
            default: break;
        }
        Result<u64> a = value(*n.a);
        if (!a) return a;
        if (n.kind == Node::Kind::Memory) return load(*a, n.number, false);
        if (n.kind == Node::Kind::Physical) return load(*a, n.number, true);
        if (n.kind == Node::Kind::Cast) return cast(*a, n);
        if (n.kind == Node::Kind::Unary)
            return n.op == "-" ? ~*a + 1 : n.op == "~" ? ~*a : n.op == "!" ? u64{*a == 0} : *a;
        // The right side of && and || is not looked at if the left one decides.
        if (n.op == "&&" && *a == 0) return u64{0};
        if (n.op == "||" && *a != 0) return u64{1};
        Result<u64> b = value(*n.b);
        if (!b) return b;
        return binary(n.op, *a, *b);
    }

    [[nodiscard]] u64 read(const RegisterName& reg) const {
        Cpu& cpu = debugger.cpu(processor);
        // EFLAGS of a stopped processor are partly lazy.
        if (reg.bits == 1 || reg.name.ends_with("flags")) return reg.read(debugger.registers(processor), reg.index);
        return reg.read(cpu.state, reg.index);
    }

    Result<u64> logical(const Node& n) const {
        Result<u64> offset = value(*n.b);
        if (!offset) return offset;
        const CpuState& s = debugger.cpu(processor).state;
        constexpr std::string_view kOrder[] = {"es", "cs", "ss", "ds", "fs", "gs"};
        if (n.a->kind == Node::Kind::Register)
            for (unsigned i = 0; i < 6; i++)
                if (n.a->reg->name == kOrder[i]) return linear_address(s, static_cast<Seg>(i), *offset);
        Result<u64> selector = value(*n.a);
        if (!selector) return selector;
        Result<u64> base = selector_base(debugger, processor, static_cast<u16>(*selector));
        if (!base) return base;
        return code_bits(s) == 64 ? *base + *offset : static_cast<u32>(*base + *offset);
    }

    static u64 cast(u64 a, const Node& n) {
        if (n.number == 8) return a;
        const unsigned shift = 64 - 8 * static_cast<unsigned>(n.number);
        return n.is_signed ? static_cast<u64>(static_cast<i64>(a << shift) >> shift) : a << shift >> shift;
    }

    static Result<u64> binary(std::string_view op, u64 a, u64 b) {
        if (op == "+") return a + b;
        if (op == "-") return a - b;
        if (op == "*") return a * b;
        if (op == "/" || op == "%") {
            if (b == 0) return fail("division by zero");
            return op == "/" ? a / b : a % b;
        }
        if (op == "<<") return b < 64 ? a << b : 0;
        if (op == ">>") return b < 64 ? a >> b : 0;
        if (op == "&") return a & b;
        if (op == "|") return a | b;
        if (op == "^") return a ^ b;
        if (op == "==") return u64{a == b};
        if (op == "!=") return u64{a != b};
        if (op == "<") return u64{a < b};
        if (op == ">") return u64{a > b};
        if (op == "<=") return u64{a <= b};
        if (op == ">=") return u64{a >= b};
        return u64{b != 0};  // && and || whose left side did not decide
    }
};

}  // namespace

Result<Expression> Expression::parse(std::string_view text) {
    Result<Tree> tree = Parser(text).parse();
    if (!tree) return tree.error();
    return Expression(*tree);
}

Result<u64> Expression::value(Debugger& debugger, unsigned processor) const {
    return Evaluator{debugger, processor}.value(*root_);
}

Result<u64> evaluate(std::string_view text, Debugger& debugger) {
    Result<Expression> expression = Expression::parse(text);
    if (!expression) return expression.error();
    return expression->value(debugger, debugger.current());
}

Result<u64> selector_base(Debugger& debugger, unsigned processor, u16 selector) {
    const CpuState& s = debugger.cpu(processor).state;
    if (!(s.cr0 & 1) || (s.eflags & (1u << 17))) return u64{selector} << 4;
    for (const Segment& segment : s.segments)
        if (segment.selector == selector) return segment.base;
    const bool local = selector & 4;
    const u64 table = local ? s.ldtr.base : s.gdtr.base;
    const u64 limit = local ? s.ldtr.limit : s.gdtr.limit;
    const u64 offset = selector & 0xfff8u;
    std::array<u8, 8> raw{};
    if (offset + 7 > limit || debugger.read_linear(processor, table + offset, raw) != raw.size())
        return fail("selector {:#06x} is not in the descriptor table", selector);
    return u64{raw[2]} | u64{raw[3]} << 8 | u64{raw[4]} << 16 | u64{raw[7]} << 24;
}

}  // namespace gnomon
