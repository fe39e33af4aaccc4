// Traces: instructions, branches, memory accesses, ports and interrupts as text or in a compact file; coverage.
#pragma once

#include <cstdio>
#include <memory>
#include <map>
#include <string>

#include "debugger/debugger.h"
#include "support/result.h"

namespace gnomon {

/// One event in a trace file: 32 bytes, little-endian, in the order of the fields.
struct TraceRecord {
    enum class Kind : u8 { Instruction = 1, Branch = 2, Read = 3, Write = 4, In = 5, Out = 6, Event = 7 };
    Kind kind = Kind::Instruction;
    u8 processor = 0;
    u8 size = 0;       ///< bytes of an access; for Event the EventKind
    u8 level = 0;      ///< CPL in bits 0-1; bits 2-3: 16, 32, 64 bits of code as 0, 1, 2
    u16 cs = 0;
    u16 port = 0;      ///< port, or vector
    u64 number = 0;    ///< instructions that the clock has counted
    u64 address = 0;   ///< linear: instruction, target of a branch, data; Event: IP
    u64 value = 0;     ///< of the access; Branch: where from; Event: error code
    bool operator==(const TraceRecord&) const = default;
};
static_assert(sizeof(TraceRecord) == 32);
/// A file begins with these 8 bytes; records follow.
inline constexpr char kTraceMagic[8] = {'G', 'N', 'T', 'R', 'A', 'C', 'E', '1'};

struct TraceFilter {
    u64 first = 0, last = ~u64{0};      ///< linear addresses of instructions
    std::optional<unsigned> level;      ///< CPL
    std::optional<unsigned> bits;       ///< 16, 32, 64
    std::optional<unsigned> processor;
};

class Tracer final : public TraceSink {
  public:
    using Output = std::function<void(std::string_view text)>;
    Tracer(Debugger& debugger, Output output);
    ~Tracer();

    struct Kinds {
        bool instructions = false, registers = false, branches = false, memory = false, ports = false, events = false;
        bool coverage = false;
        bool operator==(const Kinds&) const = default;
    };
    /// What is traced from the next run on.
    void select(const Kinds& kinds);
    [[nodiscard]] const Kinds& kinds() const { return kinds_; }
    TraceFilter filter;
    /// Records go to this file instead of as text to the output; "": text again.
    Result<void> to_file(const std::string& path);
    [[nodiscard]] u64 records() const { return records_; }
    /// Coverage so far, by source lines if symbols know them, else by a pseudo-file of addresses. lcov's format.
    Result<void> write_lcov(const std::string& path) const;
    /// Source file → line → how often; 0 for lines of procedures that were entered. Without symbols the "lines" of
    /// "addresses" are the instructions.
    using Lines = std::map<std::string, std::map<u64, u64>>;
    [[nodiscard]] Lines covered_lines() const;
    [[nodiscard]] size_t covered() const { return covered_.size(); }

    [[nodiscard]] bool wants_instructions() const override {
        return kinds_.instructions || kinds_.branches || kinds_.coverage || kinds_.registers;
    }
    [[nodiscard]] bool wants_accesses() const override { return kinds_.memory; }
    void instruction(Cpu& cpu, const Executed& what) override;
    void access(Cpu& cpu, unsigned processor, u64 linear, unsigned size, bool write, const void* value) override;
    void port(Cpu& cpu, unsigned processor, u16 port, unsigned size, bool write, u32 value) override;
    void event(Cpu& cpu, unsigned processor, EventKind kind, const Fault& fault) override;

  private:
    [[nodiscard]] bool passes(const Cpu& cpu, unsigned processor, u64 linear) const;
    void put(const TraceRecord& record, Cpu& cpu);
    TraceRecord start(TraceRecord::Kind kind, Cpu& cpu, unsigned processor) const;
    void flush();

    Debugger& debugger_;
    Output output_;
    Kinds kinds_;
    std::FILE* file_ = nullptr;
    u64 records_ = 0;
    std::map<u64, u64> covered_;       ///< linear address of an instruction → how often
    struct Last {
        u64 linear = 0;
        unsigned length = 0;  ///< 0: not known
    };
    std::vector<Last> last_;           ///< instruction of each processor
};

/// Reads a trace file record by record.
class TraceReader {
  public:
    [[nodiscard]] static Result<TraceReader> open(const std::string& path);
    /// False at the end.
    bool next(TraceRecord& out);

  private:
    struct Close {
        void operator()(std::FILE* file) const { std::fclose(file); }
    };
    explicit TraceReader(std::FILE* file) : file_(file) {}
    std::unique_ptr<std::FILE, Close> file_;
};

/// One line, as a text trace has it; `code` the instruction's text, if known.
[[nodiscard]] std::string print_record(const TraceRecord& record, const std::string& code = {}, const std::string& symbol = {});

}  // namespace gnomon
