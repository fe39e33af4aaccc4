// Registers and memory.
#include <algorithm>

#include "debugger/gdb/packet.h"
#include "debugger/gdb/session.h"

namespace gnomon::gdb {
namespace {

constexpr u64 kLongestRead = 0x4000;

std::span<const u8> bytes_of(std::string_view text) {
    return {reinterpret_cast<const u8*>(text.data()), text.size()};
}

}  // namespace

Reaction Session::read_registers(std::string_view) {
    CpuState state = debugger_.registers(selected_);
    return reply(to_hex(registers_.read_all(state)));
}

Reaction Session::write_registers(std::string_view arguments) {
    const std::optional<std::string> bytes = from_hex(arguments);
    CpuState state = debugger_.registers(selected_);
    if (!bytes || !registers_.write_all(state, *bytes)) return error(kBadArgument);
    debugger_.set_registers(selected_, state);
    return ok();
}

Reaction Session::read_register(std::string_view arguments) {
    const std::optional<u64> number = take_number(arguments);
    if (!number || *number >= registers_.count()) return error(kBadArgument);
    CpuState state = debugger_.registers(selected_);
    return reply(to_hex(registers_.read(state, *number)));
}

Reaction Session::write_register(std::string_view arguments) {
    const std::optional<u64> number = take_number(arguments);
    if (!number || !take(arguments, "=")) return error(kBadArgument);
    const std::optional<std::string> bytes = from_hex(arguments);
    CpuState state = debugger_.registers(selected_);
    if (!bytes || !registers_.write(state, *number, *bytes)) return error(kBadArgument);
    debugger_.set_registers(selected_, state);
    return ok();
}

/// Outside 64-bit mode linear addresses have 32 bits; a debugger may extend their sign.
u64 Session::canonical(u64 address) const {
    return debugger_.cpu(selected_).state.msr.efer >> 10 & 1 ? address : address & 0xffffffff;
}

size_t Session::memory_read(u64 address, std::span<u8> out) {
    if (!physical_) return debugger_.read_linear(selected_, canonical(address), out);
    return debugger_.read_physical(address, out) ? out.size() : 0;
}

bool Session::memory_write(u64 address, std::span<const u8> bytes) {
    if (physical_) return debugger_.write_physical(address, bytes);
    return debugger_.write_linear(selected_, canonical(address), bytes);
}

Reaction Session::read_memory(std::string_view arguments) {
    const std::optional<u64> address = take_number(arguments);
    if (!address || !take(arguments, ",")) return error(kBadArgument);
    const std::optional<u64> length = take_number(arguments);
    if (!length) return error(kBadArgument);
    if (*length == 0) return reply("");
    std::vector<u8> bytes(std::min(*length, kLongestRead));
    const size_t count = memory_read(*address, bytes);
    if (count == 0) return error(kBadAddress);
    return reply(to_hex(std::span(bytes).first(count)));
}

Reaction Session::write_memory(std::string_view arguments) {
    const std::optional<u64> address = take_number(arguments);
    if (!address || !take(arguments, ",")) return error(kBadArgument);
    const std::optional<u64> length = take_number(arguments);
    if (!length || !take(arguments, ":")) return error(kBadArgument);
    const std::optional<std::string> bytes = from_hex(arguments);
    if (!bytes || bytes->size() != *length) return error(kBadArgument);
    return memory_write(*address, bytes_of(*bytes)) ? ok() : error(kBadAddress);
}

Reaction Session::write_memory_binary(std::string_view arguments) {
    const std::optional<u64> address = take_number(arguments);
    if (!address || !take(arguments, ",")) return error(kBadArgument);
    const std::optional<u64> length = take_number(arguments);
    if (!length || !take(arguments, ":")) return error(kBadArgument);
    const std::string bytes = unescape(arguments);
    if (bytes.size() != *length) return error(kBadArgument);
    if (bytes.empty()) return ok();  // the question whether this packet is known
    return memory_write(*address, bytes_of(bytes)) ? ok() : error(kBadAddress);
}

}  // namespace gnomon::gdb
