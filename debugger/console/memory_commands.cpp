// Memory: examine, change, load, save, disassemble.
#include <algorithm>
#include <cstring>
#include <fstream>

#include "debugger/console/console.h"
#include "debugger/expression.h"

namespace gnomon {
namespace {

struct Format {
    u64 count = 1;
    char kind = 'x';      ///< m x d u o t c s i
    unsigned size = 4;    ///< b 1, h 2, w 4, g 8
};

Result<Format> parse_format(Console& c, const std::string& text) {
    Format f;
    std::string letters = c.data_format;
    if (text.starts_with('/')) {
        size_t at = 1;
        u64 count = 0;
        while (at < text.size() && std::isdigit(static_cast<unsigned char>(text[at]))) count = count * 10 + static_cast<u64>(text[at++] - '0');
        if (at > 1) f.count = count;
        letters += text.substr(at);
    }
    for (const char letter : letters) switch (letter) {
            case 'b': f.size = 1; break;
            case 'h': f.size = 2; break;
            case 'w': f.size = 4; break;
            case 'g': f.size = 8; break;
            case 'x': case 'd': case 'u': case 'o': case 't': case 'c': case 's': case 'i': case 'm': f.kind = letter; break;
            default: return fail("\"{}\" in the format is not one of m x d u o t c s i (how) b h w g (1, 2, 4, 8 bytes)", letter);
        }
    c.data_format = std::string{f.kind} + (f.size == 1 ? 'b' : f.size == 2 ? 'h' : f.size == 4 ? 'w' : 'g');
    if (f.count > 65536) return fail("at most 65536 units at once");
    return f;
}

std::string unit_text(const Format& f, u64 value) {
    const unsigned shift = 64 - 8 * f.size;
    switch (f.kind) {
        case 'd': return fmt::format("{}", static_cast<i64>(value << shift) >> shift);
        case 'u': return fmt::format("{}", value);
        case 'o': return fmt::format("{:#0{}o}", value, f.size * 3);
        case 't': return fmt::format("{:0{}b}", value, f.size * 8);
        case 'c': {
            const u8 code = static_cast<u8>(value);
            return code >= 32 && code < 127 ? fmt::format("'{}'", static_cast<char>(code)) : fmt::format("\\x{:02x}", code);
        }
        default: return fmt::format("0x{:0{}x}", value, f.size * 2);
    }
}

Result<void> print_instructions(Console& c, u64 linear, u64 count, u64 end);

Result<void> examine(Console& c, Arguments& a, bool physical) {
    std::string format;
    if (a.peek().starts_with('/')) format = a.next();
    Result<Format> parsed = parse_format(c, format);
    if (!parsed) return parsed.error();
    const Format f = *parsed;
    u64 address = c.next_data.value_or(0);
    if (!a.empty()) {
        Result<u64> value = take_value(c, a, "an address");
        if (!value) return value.error();
        address = *value;
    } else if (!c.next_data) {
        return fail("an address is missing");
    }
    if (f.kind == 'i') return print_instructions(c, address, f.count, ~u64{0});
    const auto read = [&](u64 at, std::span<u8> out) {
        return physical ? c.debugger().read_physical(at, out) : c.debugger().read_linear(c.debugger().current(), at, out) == out.size();
    };
    const auto unreadable = [&](u64 at) { return fail("{} address {:#x} cannot be read", physical ? "physical" : "linear", at); };
    if (f.kind == 's') {
        std::string text;
        u8 code = 0;
        for (u64 at = address; text.size() < 4096; at++) {
            if (!read(at, std::span(&code, 1))) return unreadable(at);
            if (code == 0) break;
            text += code >= 32 && code < 127 ? std::string(1, static_cast<char>(code)) : fmt::format("\\x{:02x}", code);
        }
        c.print("{}: \"{}\"\n", address_text(address), text);
        c.next_data = address + text.size() + 1;
        return {};
    }
    const unsigned per_line = f.kind == 'm' || f.kind == 'c' ? 16 / f.size : f.size == 8 || f.kind == 't' ? 2 : f.size == 4 ? 4 : 8;
    const Format shown{f.count, f.kind == 'm' ? 'x' : f.kind, f.size};
    for (u64 n = 0; n < f.count;) {
        std::string line = address_text(address) + ":";
        const std::string symbol = physical ? "" : c.debugger().symbol_text(address);
        if (!symbol.empty()) line = address_text(address) + " <" + symbol + ">:";
        std::string text;
        for (unsigned i = 0; i < per_line && n < f.count; i++, n++, address += f.size) {
            std::array<u8, 8> raw{};
            if (!read(address, std::span(raw).first(f.size))) {
                if (i > 0) c.print("{}\n", line);
                return unreadable(address);
            }
            u64 value = 0;
            std::memcpy(&value, raw.data(), f.size);
            line += " " + unit_text(shown, value);
            for (unsigned b = 0; b < f.size; b++) text += raw[b] >= 32 && raw[b] < 127 ? static_cast<char>(raw[b]) : '.';
        }
        c.print("{}{}\n", line, f.kind == 'm' ? "  " + text : "");
    }
    c.next_data = address;
    return {};
}
Result<void> examine_linear(Console& c, Arguments& a) { return examine(c, a, false); }
Result<void> examine_physical(Console& c, Arguments& a) { return examine(c, a, true); }

Result<void> print_instructions(Console& c, u64 linear, u64 count, u64 end) {
    const CpuState s = c.state();
    const unsigned bits = c.settings.code_size ? c.settings.code_size : code_bits(s);
    const u64 here = code_address(s);
    for (u64 n = 0; n < count && linear < end; n++) {
        std::array<u8, 15> bytes{};
        const size_t available = c.debugger().read_linear(c.debugger().current(), linear, bytes);
        if (available == 0) return fail("linear address {:#x} cannot be read", linear);
        // Targets are shown as linear addresses, except in the segment that is being executed.
        const Disassembled d = disassemble(std::span(bytes).first(available), linear, bits, c.settings.syntax);
        std::string hex;
        for (unsigned i = 0; i < d.length; i++) hex += fmt::format("{:02x}", bytes[i]);
        const std::string symbol = c.debugger().symbol_text(linear);
        if (c.debugger().symbols())
            if (const auto line = c.debugger().symbols()->line_at(linear)) hex += fmt::format("  {}:{}", line->file, line->line);
        c.print("{} {}{}: {:<30} ; {}\n", linear == here ? "=>" : "  ", address_text(linear), symbol.empty() ? "" : " <" + symbol + ">", d.text, hex);
        linear += d.length;
    }
    c.next_code = linear;
    return {};
}

Result<void> disassemble_code(Console& c, Arguments& a) {
    if (a.peek() == "size") {
        a.next();
        if (a.peek() == "=") a.next();
        Result<u64> size = take_value(c, a, "16, 32, 64 or 0");
        if (!size) return size.error();
        if (*size != 0 && *size != 16 && *size != 32 && *size != 64) return fail("the size is 16, 32, 64, or 0 for that of the processor");
        c.settings.code_size = static_cast<unsigned>(*size);
        return {};
    }
    if (a.peek() == "switch-mode" || a.peek() == "intel" || a.peek() == "att") {
        const std::string word = a.next();
        c.settings.syntax = word == "att" || (word == "switch-mode" && c.settings.syntax == Syntax::Intel) ? Syntax::Att : Syntax::Intel;
        return {};
    }
    u64 count = 10;
    if (a.peek().starts_with('/')) {
        Result<u64> value = evaluate(a.next().substr(1), c.debugger());
        if (!value) return value.error();
        count = *value;
    }
    u64 start = c.next_code.value_or(code_address(c.cpu().state));
    u64 end = ~u64{0};
    if (!a.empty()) {
        Result<u64> value = take_value(c, a, "an address");
        if (!value) return value.error();
        start = *value;
    }
    if (!a.empty()) {
        Result<u64> value = take_value(c, a, "an end");
        if (!value) return value.error();
        end = *value;
        count = 65536;
    }
    return print_instructions(c, start, count, end);
}

Result<void> set_memory(Console& c, Arguments& a, bool physical) {
    Result<u64> address = take_value(c, a, "an address");
    if (!address) return address.error();
    Result<u64> size = take_value(c, a, "a size");
    if (!size) return size.error();
    if (*size != 1 && *size != 2 && *size != 4 && *size != 8) return fail("the size is 1, 2, 4 or 8");
    Result<u64> value = take_value(c, a, "a value");
    if (!value) return value.error();
    std::array<u8, 8> raw{};
    std::memcpy(raw.data(), &*value, 8);
    const auto bytes = std::span<const u8>(raw).first(*size);
    const bool done = physical ? c.debugger().write_physical(*address, bytes)
                               : c.debugger().write_linear(c.debugger().current(), *address, bytes);
    if (!done) return fail("address {:#x} cannot be written", *address);
    return {};
}
Result<void> set_physical(Console& c, Arguments& a) { return set_memory(c, a, true); }
Result<void> set_linear(Console& c, Arguments& a) { return set_memory(c, a, false); }

/// A chunk at a time, so that a mistyped length does not take all memory.
constexpr u64 kChunk = 65536;

Result<void> write_file(Console& c, Arguments& a) {
    const std::string path = a.next();
    if (path.empty()) return fail("the name of a file is missing");
    Result<u64> address = take_value(c, a, "an address");
    if (!address) return address.error();
    Result<u64> length = take_value(c, a, "a length");
    if (!length) return length.error();
    std::ofstream file(path, std::ios::binary);
    std::vector<u8> chunk;
    for (u64 done = 0; done < *length; done += chunk.size()) {
        chunk.resize(std::min(kChunk, *length - done));
        const size_t got = c.debugger().read_linear(c.debugger().current(), *address + done, chunk);
        file.write(reinterpret_cast<const char*>(chunk.data()), static_cast<std::streamsize>(got));
        if (got != chunk.size()) return fail("linear address {:#x} cannot be read", *address + done + got);
    }
    file.close();
    if (!file) return fail("{}: cannot be written", path);
    c.print("{} bytes written to {}\n", *length, path);
    return {};
}

Result<void> load_file(Console& c, Arguments& a) {
    const std::string path = a.next();
    if (path.empty()) return fail("the name of a file is missing");
    Result<u64> address = take_value(c, a, "an address");
    if (!address) return address.error();
    std::ifstream file(path, std::ios::binary);
    if (!file) return fail("{}: cannot be opened", path);
    std::vector<u8> chunk(kChunk);
    u64 done = 0;
    while (file.read(reinterpret_cast<char*>(chunk.data()), kChunk), file.gcount() > 0) {
        const auto got = static_cast<size_t>(file.gcount());
        if (!c.debugger().write_linear(c.debugger().current(), *address + done, std::span<const u8>(chunk).first(got)))
            return fail("linear memory at {:#x} cannot be written", *address + done);
        done += got;
    }
    c.print("{} bytes loaded from {}\n", done, path);
    return {};
}

Result<void> print_stack(Console& c, Arguments& a) {
    u64 count = 16;
    if (!a.empty()) {
        Result<u64> value = take_value(c, a, "a number of slots");
        if (!value) return value.error();
        count = *value;
    }
    const CpuState s = c.state();
    const unsigned bits = code_bits(s);
    const bool wide = bits == 64 || (s.segments[2].attributes & attribute::kBig);
    const unsigned slot = bits == 64 ? 8 : (s.cr0 & 1) && wide ? 4 : bits / 8;
    const u64 pointer = bits == 64 ? s.gpr[reg::SP] : wide ? static_cast<u32>(s.gpr[reg::SP]) : s.gpr[reg::SP] & 0xffff;
    c.print("stack at {:04x}:{:x}, slots of {} bytes\n", s.segments[2].selector, pointer, slot);
    for (u64 n = 0; n < count; n++) {
        const u64 linear = linear_address(s, Seg::SS, pointer + n * slot);
        std::array<u8, 8> raw{};
        if (c.debugger().read_linear(c.debugger().current(), linear, std::span(raw).first(slot)) != slot)
            return fail("linear address {:#x} cannot be read", linear);
        u64 value = 0;
        std::memcpy(&value, raw.data(), slot);
        const std::string symbol = c.debugger().symbol_text(value);
        c.print("  {} [+{:#04x}] 0x{:0{}x}{}\n", address_text(linear), n * slot, value, slot * 2, symbol.empty() ? "" : " <" + symbol + ">");
    }
    return {};
}

constexpr Command kCommands[] = {
    {"x", "[/COUNT FORMAT] [ADDRESS]", "examine linear memory; FORMAT of m x d u o t c s i and b h w g (1, 2, 4, 8 bytes)", "x /8xb 0x7c00", examine_linear},
    {"xp", "[/COUNT FORMAT] [ADDRESS]", "examine physical memory", "xp /2xg 0x1000", examine_physical},
    {"u disasm disassemble", "[/COUNT] [START [END]] | size = 16|32|64|0 | intel | att | switch-mode", "disassemble", "u /4 0x7c00", disassemble_code},
    {"setpmem", "ADDRESS 1|2|4|8 VALUE", "change physical memory", "setpmem 0x7e00 2 0xaa55", set_physical},
    {"setmem", "ADDRESS 1|2|4|8 VALUE", "change linear memory", "setmem 0x7e00 1 0x90", set_linear},
    {"writemem", "FILE ADDRESS LENGTH", "write linear memory to a file", "writemem boot.bin 0x7c00 512", write_file},
    {"loadmem", "FILE ADDRESS", "load a file to linear memory", "loadmem patch.bin 0x7c00", load_file},
    {"print-stack", "[COUNT]", "print COUNT slots of the stack (default 16)", "print-stack 4", print_stack},
};

}  // namespace

std::span<const Command> memory_commands() { return kCommands; }

}  // namespace gnomon
