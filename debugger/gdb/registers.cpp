// Register tables: name, size, how to read and write it.
#include "debugger/gdb/registers.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>

#include "debugger/debugger.h"

namespace gnomon::gdb {
namespace {

constexpr const char* kFlagsType =
    "<flags id=\"eflags_t\" size=\"4\">"
    "<field name=\"CF\" start=\"0\" end=\"0\"/><field name=\"\" start=\"1\" end=\"1\"/>"
    "<field name=\"PF\" start=\"2\" end=\"2\"/><field name=\"AF\" start=\"4\" end=\"4\"/>"
    "<field name=\"ZF\" start=\"6\" end=\"6\"/><field name=\"SF\" start=\"7\" end=\"7\"/>"
    "<field name=\"TF\" start=\"8\" end=\"8\"/><field name=\"IF\" start=\"9\" end=\"9\"/>"
    "<field name=\"DF\" start=\"10\" end=\"10\"/><field name=\"OF\" start=\"11\" end=\"11\"/>"
    "<field name=\"IOPL\" start=\"12\" end=\"13\"/><field name=\"NT\" start=\"14\" end=\"14\"/>"
    "<field name=\"RF\" start=\"16\" end=\"16\"/><field name=\"VM\" start=\"17\" end=\"17\"/>"
    "<field name=\"AC\" start=\"18\" end=\"18\"/><field name=\"VIF\" start=\"19\" end=\"19\"/>"
    "<field name=\"VIP\" start=\"20\" end=\"20\"/><field name=\"ID\" start=\"21\" end=\"21\"/></flags>";
constexpr std::string_view kVectorTypes =
    "<vector id=\"v4f\" type=\"ieee_single\" count=\"4\"/><vector id=\"v2d\" type=\"ieee_double\" "
    "count=\"2\"/>"
    "<vector id=\"v16i8\" type=\"int8\" count=\"16\"/><vector id=\"v8i16\" type=\"int16\" count=\"8\"/>"
    "<vector id=\"v4i32\" type=\"int32\" count=\"4\"/><vector id=\"v2i64\" type=\"int64\" count=\"2\"/>"
    "<union id=\"vec128\"><field name=\"v4_float\" type=\"v4f\"/><field name=\"v2_double\" type=\"v2d\"/>"
    "<field name=\"v16_int8\" type=\"v16i8\"/><field name=\"v8_int16\" type=\"v8i16\"/>"
    "<field name=\"v4_int32\" type=\"v4i32\"/><field name=\"v2_int64\" type=\"v2i64\"/>"
    "<field name=\"uint128\" type=\"uint128\"/></union>";
constexpr std::string_view kHalfType = "<vector id=\"v2ui128\" type=\"uint128\" count=\"2\"/>";

/// Numbers of instruction encodings in GDB's order.
constexpr std::array<u8, 16> kOrder64{0, 3, 1, 2, 6, 7, 5, 4, 8, 9, 10, 11, 12, 13, 14, 15};
constexpr std::array<u8, 8> kOrder32{0, 1, 2, 3, 4, 5, 6, 7};
constexpr const char* kNames[] = {"ax", "cx", "dx", "bx", "sp", "bp", "si", "di"};
constexpr std::pair<const char*, Seg> kSegments[] = {{"cs", Seg::CS}, {"ss", Seg::SS}, {"ds", Seg::DS},
                                                     {"es", Seg::ES}, {"fs", Seg::FS}, {"gs", Seg::GS}};

const Segment& segment(const CpuState& state, unsigned index) { return state.segments[index]; }

/// x87 tag word as FSTENV stores it: two bits a physical register.
u16 tag_word(const FpuState& fpu) {
    unsigned tags = 0;
    for (unsigned i = 0; i < 8; i++) {
        const Float80& value = fpu.registers[i];
        const unsigned exponent = value.exponent & 0x7fff;
        unsigned tag = 0;
        if (!(fpu.valid >> i & 1))
            tag = 3;
        else if (exponent == 0 && value.significand == 0)
            tag = 1;
        else if (exponent == 0 || exponent == 0x7fff || !(value.significand >> 63))
            tag = 2;
        tags |= tag << (2 * i);
    }
    return static_cast<u16>(tags);
}

struct FpuControl {
    const char* name;
    u64 (*get)(const CpuState&, unsigned);
    void (*set)(CpuState&, unsigned, u64);
};
constexpr FpuControl kFpuControls[] = {
    {"fctrl", [](const CpuState& s, unsigned) -> u64 { return s.fpu.control; },
     [](CpuState& s, unsigned, u64 v) { s.fpu.control = static_cast<u16>(v); }},
    {"fstat", [](const CpuState& s, unsigned) -> u64 { return s.fpu.status_word(); },
     [](CpuState& s, unsigned, u64 v) { s.fpu.set_status_word(static_cast<u16>(v)); }},
    {"ftag", [](const CpuState& s, unsigned) -> u64 { return tag_word(s.fpu); },
     [](CpuState& s, unsigned, u64 v) {
         s.fpu.valid = 0;
         for (unsigned i = 0; i < 8; i++)
             if ((v >> (2 * i) & 3) != 3) s.fpu.valid = static_cast<u8>(s.fpu.valid | 1u << i);
     }},
    {"fiseg", [](const CpuState& s, unsigned) -> u64 { return s.fpu.instruction_selector; },
     [](CpuState& s, unsigned, u64 v) { s.fpu.instruction_selector = static_cast<u16>(v); }},
    {"fioff", [](const CpuState& s, unsigned) -> u64 { return static_cast<u32>(s.fpu.instruction_pointer); },
     [](CpuState& s, unsigned, u64 v) { s.fpu.instruction_pointer = v; }},
    {"foseg", [](const CpuState& s, unsigned) -> u64 { return s.fpu.data_selector; },
     [](CpuState& s, unsigned, u64 v) { s.fpu.data_selector = static_cast<u16>(v); }},
    {"fooff", [](const CpuState& s, unsigned) -> u64 { return static_cast<u32>(s.fpu.data_pointer); },
     [](CpuState& s, unsigned, u64 v) { s.fpu.data_pointer = v; }},
    {"fop", [](const CpuState& s, unsigned) -> u64 { return s.fpu.opcode; },
     [](CpuState& s, unsigned, u64 v) { s.fpu.opcode = static_cast<u16>(v & 0x7ff); }},
};

u8* low_lane(CpuState& s, unsigned index) { return s.fpu.vectors[index].bytes.data(); }
u8* second_lane(CpuState& s, unsigned index) { return s.fpu.vectors[index].bytes.data() + 16; }
u8* upper_half(CpuState& s, unsigned index) { return s.fpu.vectors[index].bytes.data() + 32; }

u64 get_gpr(const CpuState& state, unsigned index) { return state.gpr[index]; }
void set_gpr(CpuState& state, unsigned index, u64 value) { state.gpr[index] = value; }
u64 get_pc(const CpuState& state, unsigned) { return linear_pc(state); }
void set_pc(CpuState& state, unsigned, u64 value) {
    if (code_bits(state) == 64)
        state.rip = value;
    else
        state.rip = static_cast<u32>(value - segment(state, static_cast<unsigned>(Seg::CS)).base);
}

/// Registers that no debugger's architecture knows, for the user's eyes and scripts.
struct SystemRegister {
    const char* name;
    unsigned bits;
    u64 (*get)(const CpuState&, unsigned);
    void (*set)(CpuState&, unsigned, u64);
};
constexpr SystemRegister kSystem[] = {
    {"ip", 64, [](const CpuState& s, unsigned) { return s.rip; },
     [](CpuState& s, unsigned, u64 v) { s.rip = v; }},
    {"code_bits", 32, [](const CpuState& s, unsigned) -> u64 { return code_bits(s); }, nullptr},
    {"cpl", 32, [](const CpuState& s, unsigned) -> u64 { return s.cpl; }, nullptr},
    {"cr0", 64, [](const CpuState& s, unsigned) { return s.cr0; },
     [](CpuState& s, unsigned, u64 v) { s.cr0 = v; }},
    {"cr2", 64, [](const CpuState& s, unsigned) { return s.cr2; },
     [](CpuState& s, unsigned, u64 v) { s.cr2 = v; }},
    {"cr3", 64, [](const CpuState& s, unsigned) { return s.cr3; },
     [](CpuState& s, unsigned, u64 v) { s.cr3 = v; }},
    {"cr4", 64, [](const CpuState& s, unsigned) { return s.cr4; },
     [](CpuState& s, unsigned, u64 v) { s.cr4 = v; }},
    {"efer", 64, [](const CpuState& s, unsigned) { return s.msr.efer; },
     [](CpuState& s, unsigned, u64 v) { s.msr.efer = v; }},
    {"gdt_base", 64, [](const CpuState& s, unsigned) { return s.gdtr.base; },
     [](CpuState& s, unsigned, u64 v) { s.gdtr.base = v; }},
    {"gdt_limit", 32, [](const CpuState& s, unsigned) -> u64 { return s.gdtr.limit; },
     [](CpuState& s, unsigned, u64 v) { s.gdtr.limit = static_cast<u16>(v); }},
    {"idt_base", 64, [](const CpuState& s, unsigned) { return s.idtr.base; },
     [](CpuState& s, unsigned, u64 v) { s.idtr.base = v; }},
    {"idt_limit", 32, [](const CpuState& s, unsigned) -> u64 { return s.idtr.limit; },
     [](CpuState& s, unsigned, u64 v) { s.idtr.limit = static_cast<u16>(v); }},
    {"ldtr", 32, [](const CpuState& s, unsigned) -> u64 { return s.ldtr.selector; }, nullptr},
    {"tr", 32, [](const CpuState& s, unsigned) -> u64 { return s.tr.selector; }, nullptr},
    {"tr_base", 64, [](const CpuState& s, unsigned) { return s.tr.base; }, nullptr},
};

}  // namespace

u64 linear_pc(const CpuState& state) { return code_address(state); }

RegisterFile::RegisterFile(const FeatureSet& features) : long_mode_(features.has(Feature::LongMode)) {
    add_core(long_mode_);
    add_sse(long_mode_);
    if (features.has(Feature::AVX)) {
        add_avx(long_mode_);
        if (features.has(Feature::AVX512F)) add_avx512(long_mode_);
    }
    add_system(long_mode_);
}

void RegisterFile::add(std::string name, unsigned bits, const char* type, const char* group,
                       u64 (*get)(const CpuState&, unsigned), void (*set)(CpuState&, unsigned, u64),
                       unsigned index) {
    registers_.push_back({std::move(name), bits, type, group, get, set, index});
}

void RegisterFile::add_core(bool long_mode) {
    sections_.push_back({"org.gnu.gdb.i386.core", kFlagsType, registers_.size()});
    if (long_mode) {
        for (const u8 number : kOrder64)
            add(number < 8 ? fmt::format("r{}", kNames[number]) : fmt::format("r{}", number), 64, "uint64",
                nullptr, get_gpr, set_gpr, number);
        add("rip", 64, "uint64", nullptr, get_pc, set_pc);
    }
    // For i386 the names of 32 bits; beside those of 64 bits they are aliases in a group of their own.
    const auto add_narrow = [&](const char* group) {
        for (const u8 number : kOrder32)
            add(
                fmt::format("e{}", kNames[number]), 32, "uint32", group,
                [](const CpuState& s, unsigned i) -> u64 { return static_cast<u32>(s.gpr[i]); }, set_gpr,
                number);
        add(
            "eip", 32, "uint32", group,
            [](const CpuState& s, unsigned) -> u64 { return static_cast<u32>(linear_pc(s)); }, set_pc);
    };
    if (!long_mode) add_narrow(nullptr);
    add(
        "eflags", 32, "eflags_t", nullptr, [](const CpuState& s, unsigned) -> u64 { return s.eflags; },
        [](CpuState& s, unsigned, u64 v) { s.eflags = static_cast<u32>(v) | 2; });
    for (const auto& [name, seg] : kSegments)
        add(
            name, 32, "int32", nullptr,
            [](const CpuState& s, unsigned i) -> u64 { return segment(s, i).selector; }, nullptr,
            static_cast<unsigned>(seg));
    for (unsigned i = 0; i < 8; i++) {
        add(fmt::format("st{}", i), 80, "i387_ext", nullptr, nullptr, nullptr, i);
        registers_.back().bytes = [](CpuState& s, unsigned index) {
            // Significand and exponent lie one behind the other, as in memory.
            return reinterpret_cast<u8*>(&s.fpu.registers[(s.fpu.top + index) & 7]);
        };
    }
    for (const FpuControl& control : kFpuControls)
        add(control.name, 32, "int", "float", control.get, control.set);
    if (long_mode) add_narrow("i386");
}

void RegisterFile::add_vectors(const char* pattern, unsigned first, unsigned end, unsigned bits, const char* type,
                               u8* (*bytes)(CpuState&, unsigned)) {
    for (unsigned i = first; i < end; i++) {
        add(fmt::format(fmt::runtime(pattern), i), bits, type, nullptr, nullptr, nullptr, i);
        registers_.back().bytes = bytes;
    }
}

void RegisterFile::add_sse(bool long_mode) {
    sections_.push_back({"org.gnu.gdb.i386.sse", std::string(kVectorTypes), registers_.size()});
    add_vectors("xmm{}", 0, long_mode ? 16 : 8, 128, "vec128", low_lane);
    add(
        "mxcsr", 32, "int", "vector", [](const CpuState& s, unsigned) -> u64 { return s.fpu.mxcsr; },
        [](CpuState& s, unsigned, u64 v) { s.fpu.mxcsr = static_cast<u32>(v); });
}

/// GDB puts the parts of a register together: ymm0 from xmm0 and ymm0h, zmm0 from these and zmm0h.
void RegisterFile::add_avx(bool long_mode) {
    sections_.push_back({"org.gnu.gdb.i386.avx", "", registers_.size()});
    add_vectors("ymm{}h", 0, long_mode ? 16 : 8, 128, "uint128", second_lane);
}

void RegisterFile::add_avx512(bool long_mode) {
    // Types are known within their feature only.
    sections_.push_back(
        {"org.gnu.gdb.i386.avx512", std::string(kVectorTypes) + std::string(kHalfType), registers_.size()});
    for (unsigned i = 0; i < 8; i++)
        add(
            fmt::format("k{}", i), 64, "uint64", nullptr,
            [](const CpuState& s, unsigned n) { return s.fpu.opmasks[n]; },
            [](CpuState& s, unsigned n, u64 v) { s.fpu.opmasks[n] = v; }, i);
    add_vectors("zmm{}h", 0, long_mode ? 16 : 8, 256, "v2ui128", upper_half);
    if (!long_mode) return;
    add_vectors("xmm{}", 16, 32, 128, "vec128", low_lane);
    add_vectors("ymm{}h", 16, 32, 128, "uint128", second_lane);
    add_vectors("zmm{}h", 16, 32, 256, "v2ui128", upper_half);
}

void RegisterFile::add_system(bool long_mode) {
    sections_.push_back({"org.gnomon.x86.system", "", registers_.size()});
    const auto width = [&](unsigned bits) { return long_mode ? bits : 32; };
    const auto type = [](unsigned bits) { return bits == 64 ? "uint64" : "uint32"; };
    for (const auto& [name, seg] : kSegments)
        add(
            fmt::format("{}_base", name), width(64), type(width(64)), "system",
            [](const CpuState& s, unsigned i) { return segment(s, i).base; },
            [](CpuState& s, unsigned i, u64 v) { s.segments[i].base = v; }, static_cast<unsigned>(seg));
    for (const SystemRegister& one : kSystem)
        add(one.name, width(one.bits), type(width(one.bits)), "system", one.get, one.set);
}

std::string RegisterFile::description(const CpuState& state) const {
    std::string xml =
        "<?xml version=\"1.0\"?><!DOCTYPE target SYSTEM \"gdb-target.dtd\"><target version=\"1.0\">";
    if (!long_mode_)
        xml += "<architecture>i386</architecture>";
    else if (code_bits(state) == 64)
        xml += "<architecture>i386:x86-64</architecture>";
    xml += "<osabi>none</osabi>";
    for (size_t i = 0; i < sections_.size(); i++) {
        const Section& feature = sections_[i];
        const size_t end = i + 1 < sections_.size() ? sections_[i + 1].first : registers_.size();
        xml += fmt::format("<feature name=\"{}\">{}", feature.name, feature.types);
        for (size_t number = feature.first; number < end; number++) {
            const Register& r = registers_[number];
            xml += fmt::format("<reg name=\"{}\" bitsize=\"{}\" type=\"{}\" regnum=\"{}\"", r.name, r.bits,
                               r.type, number);
            if (r.group) xml += fmt::format(" group=\"{}\"", r.group);
            xml += "/>";
        }
        xml += "</feature>";
    }
    return xml + "</target>";
}

std::string RegisterFile::read(CpuState& state, size_t number) const {
    const Register& r = registers_.at(number);
    const size_t size = r.bits / 8;
    std::string out(size, 0);
    if (r.bytes) {
        std::memcpy(out.data(), r.bytes(state, r.index), size);
    } else {
        const u64 value = r.get(state, r.index);
        std::memcpy(out.data(), &value, size);
    }
    return out;
}

std::string RegisterFile::read_all(CpuState& state) const {
    std::string out;
    for (size_t number = 0; number < registers_.size(); number++) out += read(state, number);
    return out;
}

bool RegisterFile::write(CpuState& state, size_t number, std::string_view bytes) const {
    if (number >= registers_.size()) return false;
    const Register& r = registers_[number];
    if (bytes.size() != r.bits / 8) return false;
    if (r.bytes) {
        std::memcpy(r.bytes(state, r.index), bytes.data(), bytes.size());
        return true;
    }
    if (!r.set) return read(state, number) == bytes;
    u64 value = 0;
    std::memcpy(&value, bytes.data(), bytes.size());
    r.set(state, r.index, value);
    return true;
}

bool RegisterFile::write_all(CpuState& state, std::string_view bytes) const {
    CpuState before = state;
    for (size_t number = 0; number < registers_.size() && !bytes.empty(); number++) {
        const size_t size = registers_[number].bits / 8;
        if (bytes.size() < size) return false;
        const std::string_view value = bytes.substr(0, size);
        if (read(before, number) != value && !write(state, number, value)) return false;
        bytes.remove_prefix(size);
    }
    return bytes.empty();
}

size_t RegisterFile::number_of(std::string_view name) const {
    return static_cast<size_t>(std::find_if(registers_.begin(), registers_.end(),
                                            [&](const Register& r) { return r.name == name; }) -
                               registers_.begin());
}

}  // namespace gnomon::gdb
