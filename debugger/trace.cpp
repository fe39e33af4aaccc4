// Trace records to text and files, and coverage.
#include "debugger/trace.h"

#include <algorithm>
#include <cstring>
#include <set>

#include "cpu/decode.h"
#include "cpu/shutdown_report.h"
#include "debugger/disassembler.h"

namespace gnomon {
namespace {

struct Here {
    std::array<u8, 15> bytes{};
    unsigned available = 0;
};

Here code_at(Debugger& debugger, unsigned processor, u64 linear) {
    Here here;
    here.available = static_cast<unsigned>(debugger.read_linear(processor, linear, here.bytes));
    return here;
}

unsigned bits_of(const TraceRecord& record) { return 16u << (record.level >> 2 & 3); }

}  // namespace

Tracer::Tracer(Debugger& debugger, Output output)
    : debugger_(debugger), output_(std::move(output)), last_(debugger.processors()) {}

Tracer::~Tracer() {
    debugger_.set_trace(nullptr);
    if (file_) std::fclose(file_);
}

void Tracer::select(const Kinds& kinds) {
    kinds_ = kinds;
    debugger_.set_trace(kinds == Kinds{} ? nullptr : this);
    last_.assign(last_.size(), {});
    flush();
}

void Tracer::flush() {
    if (file_) std::fflush(file_);
}

Result<void> Tracer::to_file(const std::string& path) {
    if (file_) std::fclose(std::exchange(file_, nullptr));
    records_ = 0;
    if (path.empty()) return {};
    file_ = std::fopen(path.c_str(), "wb");
    if (!file_ || std::fwrite(kTraceMagic, sizeof kTraceMagic, 1, file_) != 1) return fail("{}: cannot be written", path);
    return {};
}

bool Tracer::passes(const Cpu& cpu, unsigned processor, u64 linear) const {
    return linear >= filter.first && linear <= filter.last && (!filter.level || *filter.level == cpu.state.cpl) &&
           (!filter.bits || *filter.bits == code_bits(cpu.state)) && (!filter.processor || *filter.processor == processor);
}

TraceRecord Tracer::start(TraceRecord::Kind kind, Cpu& cpu, unsigned processor) const {
    TraceRecord record;
    record.kind = kind;
    record.processor = static_cast<u8>(processor);
    const unsigned bits = code_bits(cpu.state);
    record.level = static_cast<u8>(cpu.state.cpl | (bits == 64 ? 2 : bits == 32 ? 1 : 0) << 2);
    record.cs = cpu.segment(Seg::CS).selector;
    record.number = cpu.clock().instructions();
    return record;
}

void Tracer::put(const TraceRecord& record, Cpu&) {
    records_++;
    if (file_) {
        std::fwrite(&record, sizeof record, 1, file_);
        return;
    }
    std::string code;
    if (record.kind == TraceRecord::Kind::Instruction) {
        const Here here = code_at(debugger_, record.processor, record.address);
        code = disassemble(std::span(here.bytes).first(here.available), record.value, bits_of(record)).text;
    }
    output_(print_record(record, code, debugger_.symbol_text(record.address)) + "\n");
}

void Tracer::instruction(Cpu& cpu, const Executed& what) {
    if (kinds_.branches) {
        Last& last = last_[what.processor];
        if (last.length != 0 && what.linear != last.linear + last.length && passes(cpu, what.processor, what.linear)) {
            TraceRecord record = start(TraceRecord::Kind::Branch, cpu, what.processor);
            record.address = what.linear;
            record.value = last.linear;
            put(record, cpu);
        }
        const Here here = code_at(debugger_, what.processor, what.linear);
        Decoded decoded;
        const bool good = here.available != 0 &&
                          decode(here.bytes.data(), here.available, cpu.mode_key, cpu.features(), decoded) == DecodeStatus::Ok;
        last = {what.linear, good ? decoded.length : 0u};
    }
    if (!passes(cpu, what.processor, what.linear)) return;
    if (kinds_.coverage) covered_[what.linear]++;
    if (kinds_.instructions) {
        TraceRecord record = start(TraceRecord::Kind::Instruction, cpu, what.processor);
        record.address = what.linear;
        record.value = what.ip;
        put(record, cpu);
    }
    if (kinds_.registers && !file_) {
        const CpuState s = cpu.architectural_state();
        output_(fmt::format("  eax {:08x} ebx {:08x} ecx {:08x} edx {:08x} esi {:08x} edi {:08x} ebp {:08x} esp {:08x} eflags {:08x}\n",
                            s.gpr[0], s.gpr[3], s.gpr[1], s.gpr[2], s.gpr[6], s.gpr[7], s.gpr[5], s.gpr[4], s.eflags));
    }
}

void Tracer::access(Cpu& cpu, unsigned processor, u64 linear, unsigned size, bool write, const void* value) {
    if (!kinds_.memory || !passes(cpu, processor, linear)) return;
    TraceRecord record = start(write ? TraceRecord::Kind::Write : TraceRecord::Kind::Read, cpu, processor);
    record.size = static_cast<u8>(size);
    record.address = linear;
    std::memcpy(&record.value, value, std::min(size, 8u));
    put(record, cpu);
}

void Tracer::port(Cpu& cpu, unsigned processor, u16 port, unsigned size, bool write, u32 value) {
    if (!kinds_.ports || !passes(cpu, processor, code_address(cpu.state))) return;
    TraceRecord record = start(write ? TraceRecord::Kind::Out : TraceRecord::Kind::In, cpu, processor);
    record.size = static_cast<u8>(size);
    record.port = port;
    record.address = code_address(cpu.state);
    record.value = value;
    put(record, cpu);
}

void Tracer::event(Cpu& cpu, unsigned processor, EventKind kind, const Fault& fault) {
    last_[processor] = {};
    if (!kinds_.events || !passes(cpu, processor, code_address(cpu.state))) return;
    TraceRecord record = start(TraceRecord::Kind::Event, cpu, processor);
    record.size = static_cast<u8>(kind);
    record.port = static_cast<u16>(fault.vector);
    record.address = cpu.state.rip;
    record.value = fault.error;
    put(record, cpu);
}

Tracer::Lines Tracer::covered_lines() const {
    Lines files;
    SymbolSource* const symbols = debugger_.symbols();
    std::set<u64> entered;
    for (const auto& [linear, count] : covered_) {
        const std::optional<SymbolSource::Line> line = symbols ? symbols->line_at(linear) : std::nullopt;
        u64& hits = line ? files[line->file][line->line] : files["addresses"][linear];
        hits = std::max(hits, count);
        const auto place = line ? symbols->symbol_at(linear) : std::nullopt;
        if (!place || !entered.insert(linear - place->offset).second) continue;
        // The other lines of the procedure: up to the next symbol.
        constexpr u64 kLongest = 65536;
        for (u64 offset = 0; offset < kLongest; offset++) {
            const auto there = symbols->symbol_at(linear - place->offset + offset);
            const auto other = symbols->line_at(linear - place->offset + offset);
            if (!there || there->name != place->name || !other) break;
            files[other->file].try_emplace(other->line, 0);
        }
    }
    return files;
}

Result<void> Tracer::write_lcov(const std::string& path) const {
    const Lines files = covered_lines();
    std::FILE* file = std::fopen(path.c_str(), "w");
    if (!file) return fail("{}: cannot be written", path);
    std::string text = "TN:gnomon\n";
    for (const auto& [name, lines] : files) {
        text += fmt::format("SF:{}\n", name);
        for (const auto& [line, count] : lines) text += fmt::format("DA:{},{}\n", line, count);
        const auto hit = std::count_if(lines.begin(), lines.end(), [](const auto& line) { return line.second != 0; });
        text += fmt::format("LH:{}\nLF:{}\nend_of_record\n", hit, lines.size());
    }
    const bool written = std::fwrite(text.data(), text.size(), 1, file) == 1;
    if (std::fclose(file) != 0 || !written) return fail("{}: cannot be written", path);
    return {};
}

Result<TraceReader> TraceReader::open(const std::string& path) {
    std::FILE* file = std::fopen(path.c_str(), "rb");
    if (!file) return fail("{}: cannot be opened", path);
    TraceReader reader(file);
    char magic[sizeof kTraceMagic];
    if (std::fread(magic, sizeof magic, 1, file) != 1 || std::memcmp(magic, kTraceMagic, sizeof magic) != 0)
        return fail("{}: is not a trace file", path);
    return reader;
}

bool TraceReader::next(TraceRecord& out) { return std::fread(&out, sizeof out, 1, file_.get()) == 1; }

std::string print_record(const TraceRecord& r, const std::string& code, const std::string& symbol) {
    const std::string head = fmt::format("{:>12} ({}) ", r.number, r.processor);
    const std::string name = symbol.empty() ? "" : " <" + symbol + ">";
    switch (r.kind) {
        case TraceRecord::Kind::Instruction: return fmt::format("{}{:04x}:{:08x}{}{}{}", head, r.cs, r.value, name, code.empty() ? "" : " ", code);
        case TraceRecord::Kind::Branch: return fmt::format("{}branch {:#010x} -> {:#010x}{}", head, r.value, r.address, name);
        case TraceRecord::Kind::Read:
        case TraceRecord::Kind::Write:
            return fmt::format("{}{} {} byte{} at {:#010x}{} = {:#x}", head, r.kind == TraceRecord::Kind::Read ? "read" : "write", r.size,
                               r.size == 1 ? "" : "s", r.address, name, r.value);
        case TraceRecord::Kind::In:
        case TraceRecord::Kind::Out:
            return fmt::format("{}{} port {:#06x}, {} byte{}, {:#x}", head, r.kind == TraceRecord::Kind::In ? "in" : "out", r.port, r.size,
                               r.size == 1 ? "" : "s", r.value);
        case TraceRecord::Kind::Event:
            return fmt::format("{}{} at {:04x}:{:08x}, error code {:#x}", head, vector_name(static_cast<Vector>(r.port)), r.cs, r.address,
                               r.value);
    }
    return head + "?";
}

}  // namespace gnomon
