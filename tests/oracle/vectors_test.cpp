// Single-step vectors captured from an 80C286 in real mode: state before and after one instruction. The set is that of
// github.com/SingleStepTests/80286 (MIT licence) and lies outside of the repository; GNOMON_VECTORS names its folder.
//
// Left out by rule, because a 386 differs from a 286 there:
//   - LOCK prefixes (legal before fewer instructions),
//   - instructions longer than 10 bytes (#GP on a 286, legal up to 15 bytes on a 386),
//   - MOV of FS and GS (8C, 8E with reg 4 to 7; undefined on a 286),
//   - exception 13 in the middle of a string instruction or of POP m16 (the 286 has already moved its registers),
//   - opcodes undefined on a 286 that later became instructions,
//   - tests that the suite itself has revoked.
#include <gtest/gtest.h>
#include <zlib.h>

#include <array>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <map>
#include <optional>
#include <set>
#include <sstream>

#include "cpu/cpu.h"
#include "cpu/model.h"
#include "cpu/segmentation.h"

namespace gnomon {
namespace {

constexpr unsigned kRegisters = 14;
constexpr const char* kNames[kRegisters] = {"ax", "bx", "cx", "dx", "cs", "ss", "ds", "es", "sp", "bp", "si", "di", "ip", "flags"};
enum : unsigned { AX, BX, CX, DX, CS, SS, DS, ES, SP, BP, SI, DI, IP, FLAGS };

struct Snapshot {
    std::array<std::optional<u16>, kRegisters> registers;
    std::vector<std::pair<u32, u8>> ram;
};

struct Vector286 {
    std::string name;
    std::vector<u8> bytes;
    Snapshot before;
    Snapshot after;
    std::optional<u8> exception;
    std::string hash;
};

/// Reads the chunks of a MOO file.
class Reader {
  public:
    explicit Reader(std::span<const u8> data) : data_(data) {}
    [[nodiscard]] bool done() const { return at_ + 8 <= data_.size() ? false : true; }
    std::span<const u8> chunk(std::string& tag) {
        tag.assign(reinterpret_cast<const char*>(data_.data() + at_), 4);
        const u32 size = little<u32>(data_, at_ + 4);
        const auto body = data_.subspan(at_ + 8, size);
        at_ += 8 + size;
        return body;
    }
    template <class T>
    static T little(std::span<const u8> from, size_t at) {
        T value;
        std::memcpy(&value, from.data() + at, sizeof value);
        return value;
    }

  private:
    std::span<const u8> data_;
    size_t at_ = 0;
};

Snapshot read_snapshot(std::span<const u8> body) {
    Snapshot s;
    Reader reader(body);
    while (!reader.done()) {
        std::string tag;
        const auto chunk = reader.chunk(tag);
        if (tag == "REGS") {
            const u16 mask = Reader::little<u16>(chunk, 0);
            size_t at = 2;
            for (unsigned i = 0; i < kRegisters; i++)
                if (mask >> i & 1) {
                    s.registers[i] = Reader::little<u16>(chunk, at);
                    at += 2;
                }
        } else if (tag == "RAM ") {
            const u32 count = Reader::little<u32>(chunk, 0);
            for (u32 i = 0; i < count; i++) s.ram.emplace_back(Reader::little<u32>(chunk, 4 + 5 * i), chunk[8 + 5 * i]);
        }
    }
    return s;
}

std::vector<u8> gunzip(const std::filesystem::path& path) {
    std::vector<u8> out;
    gzFile file = gzopen(path.c_str(), "rb");
    std::array<u8, 65536> buffer;
    for (int n; file && (n = gzread(file, buffer.data(), buffer.size())) > 0;) out.insert(out.end(), buffer.begin(), buffer.begin() + n);
    if (file) gzclose(file);
    return out;
}

std::vector<Vector286> read_vectors(const std::filesystem::path& path) {
    std::vector<Vector286> out;
    const std::vector<u8> data = gunzip(path);
    Reader reader(data);
    while (!reader.done()) {
        std::string tag;
        const auto body = reader.chunk(tag);
        if (tag != "TEST") continue;
        Vector286 v;
        Reader inner(body.subspan(4));
        while (!inner.done()) {
            const auto chunk = inner.chunk(tag);
            if (tag == "NAME") v.name.assign(reinterpret_cast<const char*>(chunk.data() + 4), chunk.size() - 4);
            else if (tag == "BYTS") v.bytes.assign(chunk.begin() + 4, chunk.end());
            else if (tag == "INIT") v.before = read_snapshot(chunk);
            else if (tag == "FINA") v.after = read_snapshot(chunk);
            else if (tag == "EXCP") v.exception = chunk[0];
            else if (tag == "HASH")
                for (const u8 byte : chunk) v.hash += fmt::format("{:02x}", byte);
        }
        out.push_back(std::move(v));
    }
    return out;
}

/// Flag masks of metadata.json: "NN": {"flags-mask": N} or "NN": {"reg": {"D": {"flags-mask": N}}}. The file is regular enough to be
/// scanned for keys.
std::map<std::string, u16> read_masks(const std::filesystem::path& path) {
    std::ifstream in(path);
    std::stringstream all;
    all << in.rdbuf();
    const std::string text = all.str();
    std::map<std::string, u16> masks;
    std::vector<std::string> keys;
    std::string last_key;
    for (size_t i = 0; i < text.size(); i++) {
        if (text[i] == '"') {
            const size_t end = text.find('"', i + 1);
            const std::string word = text.substr(i + 1, end - i - 1);
            size_t after = end + 1;
            while (after < text.size() && std::isspace(static_cast<unsigned char>(text[after]))) after++;
            if (text[after] == ':') {
                last_key = word;
                if (word == "flags-mask") {
                    const auto value = static_cast<u16>(std::strtoul(text.c_str() + after + 1, nullptr, 10) & 0xfff);
                    // opcodes / NN / [reg / D]
                    if (keys.size() >= 4 && keys[keys.size() - 2] == "reg") masks[keys[keys.size() - 3] + "." + keys.back()] = value;
                    else if (!keys.empty()) masks[keys.back()] = value;
                }
            }
            i = end;
        } else if (text[i] == '{') {
            keys.push_back(last_key);
        } else if (text[i] == '}') {
            keys.pop_back();
        }
    }
    for (char digit = '0'; digit < '8'; digit++) {
        const std::string d(1, digit);
        if (masks.contains("D2." + d)) masks["C0." + d] = masks["D2." + d];
        if (masks.contains("D3." + d)) masks["C1." + d] = masks["D3." + d];
    }
    return masks;
}

struct NoPorts final : PortSpace {
    u32 port_read(u16, unsigned) override { return ~u32{0}; }
    void port_write(u16, unsigned, u32) override {}
};
struct NoInterrupts final : InterruptController {
    u8 acknowledge() override { return 0; }
};

/// A 386 with 1 MiB in which every vector runs.
struct Bench {
    Log log{[](LogLevel, std::string_view, std::string_view) {}};
    std::unique_ptr<PhysicalMap> map = std::move(PhysicalMap::create(u64{17} << 20, log)).value();
    NoPorts ports;
    NoInterrupts pic;
    VirtualClock clock{ClockMode::Deterministic, 1'000'000};
    Cpu cpu{*find_model("386"), *map, ports, clock, pic, log, Mmu::Shadow::Off};
    std::vector<u32> touched;

    Bench() {
        // RAM everywhere below 1 MiB and above.
        map->set_smram(true);
        map->set_window(GuestPhys(0xc0000), 0x40000, true, true);
    }
    u8& byte(u32 address) { return map->ram()[address]; }
    void put(u32 address, u8 value) {
        map->write(GuestPhys(address), 1, value);
        touched.push_back(address);
    }
};

/// A prefix-free look at the instruction: what the rules below need.
struct Shape {
    bool lock = false;
    u8 opcode = 0;
    u8 modrm = 0;
};

Shape shape_of(const Vector286& v) {
    Shape s;
    size_t at = 0;
    for (; at < v.bytes.size(); at++) {
        const u8 b = v.bytes[at];
        if (b == 0xf0) s.lock = true;
        else if (b != 0x26 && b != 0x2e && b != 0x36 && b != 0x3e && b != 0xf2 && b != 0xf3) break;
    }
    if (at < v.bytes.size()) s.opcode = v.bytes[at];
    if (at + 1 < v.bytes.size()) s.modrm = v.bytes[at + 1];
    return s;
}

const char* reason_to_skip(const Vector286& v, const std::set<std::string>& revoked) {
    const Shape s = shape_of(v);
    const unsigned reg = s.modrm >> 3 & 7;
    if (revoked.contains(v.hash)) return "revoked by the suite";
    if (s.lock) return "LOCK";
    if (v.bytes.size() > 11) return "longer than 10 bytes";    // the last byte is the HLT
    if ((s.opcode == 0x8c || s.opcode == 0x8e) && reg >= 4) return "FS, GS";
    const bool string = (s.opcode >= 0xa4 && s.opcode <= 0xa7) || (s.opcode >= 0xaa && s.opcode <= 0xaf) || (s.opcode >= 0x6c && s.opcode <= 0x6f);
    if (v.exception == 13 && (string || s.opcode == 0x8f)) return "exception 13 in the middle";
    if (v.exception == 6) {
        if (s.opcode >= 0x64 && s.opcode <= 0x67) return "later an instruction";
        if (s.opcode == 0x0f || s.opcode == 0xf1) return "later an instruction";
    }
    return nullptr;
}

void load(Bench& bench, const Vector286& v) {
    // Memory that a vector does not list reads as HLT.
    for (const u32 address : bench.touched) bench.map->write(GuestPhys(address), 1, 0xf4);
    bench.touched.clear();
    for (const auto& [address, value] : v.before.ram) bench.put(address, value);
    const auto get = [&](unsigned i) { return u64{v.before.registers[i].value_or(0)}; };
    bench.cpu.reset();
    CpuState state = bench.cpu.architectural_state();
    constexpr unsigned kOrder[8] = {AX, CX, DX, BX, SP, BP, SI, DI};
    for (unsigned i = 0; i < 8; i++) state.gpr[i] = get(kOrder[i]);
    constexpr unsigned kSegments[4] = {ES, CS, SS, DS};
    for (unsigned i = 0; i < 4; i++) {
        state.segments[i].selector = static_cast<u16>(get(kSegments[i]));
        state.segments[i].base = get(kSegments[i]) << 4;
    }
    state.rip = get(IP);
    state.eflags = static_cast<u32>((get(FLAGS) & 0xfd5) | 2);
    bench.cpu.set_architectural_state(state);
}

std::string compare(Bench& bench, const Vector286& v, u16 mask) {
    const CpuState state = bench.cpu.architectural_state();
    std::string text;
    constexpr unsigned kNumber[kRegisters] = {0, 3, 1, 2, 0, 0, 0, 0, 4, 5, 6, 7, 0, 0};
    for (unsigned i = 0; i < kRegisters; i++) {
        const u16 wanted = v.after.registers[i].value_or(v.before.registers[i].value_or(0));
        u16 found = static_cast<u16>(state.gpr[kNumber[i]]);
        u16 significant = 0xffff;
        if (i == CS) found = state.segments[1].selector;
        if (i == SS) found = state.segments[2].selector;
        if (i == DS) found = state.segments[3].selector;
        if (i == ES) found = state.segments[0].selector;
        if (i == IP) found = static_cast<u16>(state.rip);
        if (i == FLAGS) {
            found = static_cast<u16>(state.eflags);
            significant = mask;
        }
        if ((wanted ^ found) & significant) text += fmt::format("{} is {:04x}, should be {:04x}; ", kNames[i], found & significant, wanted & significant);
    }
    // The FLAGS word that an exception pushes has undefined bits as well.
    u32 pushed = ~u32{0};
    if (v.exception) {
        const u16 sp = v.after.registers[SP].value_or(v.before.registers[SP].value_or(0));
        const u16 ss = v.after.registers[SS].value_or(v.before.registers[SS].value_or(0));
        pushed = (u32{ss} << 4) + static_cast<u16>(sp + 4);
    }
    for (const auto& [address, wanted] : v.after.ram) {
        u8 significant = 0xff;
        if (address == pushed) significant = static_cast<u8>(mask);
        if (address == pushed + 1) significant = static_cast<u8>(mask >> 8);
        const u8 found = bench.byte(address);
        if ((found ^ wanted) & significant) text += fmt::format("[{:05x}] is {:02x}, should be {:02x}; ", address, found, wanted);
        bench.touched.push_back(address);
    }
    return text;
}

std::filesystem::path vector_folder() {
    const char* folder = std::getenv("GNOMON_VECTORS");
    return folder ? folder : GNOMON_DEFAULT_VECTORS;
}

TEST(Vectors, EveryInstructionLeavesTheStateOfTheRealProcessor) {
    const std::filesystem::path folder = vector_folder();
    ASSERT_TRUE(std::filesystem::exists(folder / "metadata.json")) << "no vectors in " << folder << "; set GNOMON_VECTORS";
    const std::map<std::string, u16> masks = read_masks(folder / "metadata.json");
    ASSERT_GT(masks.size(), 20u);
    std::set<std::string> revoked;
    std::ifstream list(folder / "revocation_list.txt");
    for (std::string line; std::getline(list, line);) revoked.insert(line.substr(0, line.find_first_of(" \r")));
    Bench bench;
    for (u32 address = 0; address < 0x110000; address++) bench.byte(address) = 0xf4;
    std::map<std::string, unsigned> skipped;
    unsigned passed = 0;
    unsigned failed = 0;
    std::vector<std::filesystem::path> files;
    for (const auto& entry : std::filesystem::directory_iterator(folder))
        if (entry.path().extension() == ".gz") files.push_back(entry.path());
    std::sort(files.begin(), files.end());
    for (const auto& path : files) {
        const std::string name = path.filename().string();
        const std::string form = name.substr(0, name.find(".MOO"));
        const auto mask = masks.find(form);
        unsigned failed_here = 0;
        for (const Vector286& v : read_vectors(path)) {
            if (const char* reason = reason_to_skip(v, revoked)) {
                skipped[reason]++;
                continue;
            }
            load(bench, v);
            // From the 386 on, stack accesses across the end of the segment take 12 in place of 13.
            if (v.exception == 13)
                for (u32 i = 0; i < 4; i++) {
                    const u8 value = bench.byte(13 * 4 + i);
                    bench.put(12 * 4 + i, value);
                }
            for (unsigned step = 0; step < 100000 && bench.cpu.run(1) == StopReason::Budget; step++) {
            }
            const std::string difference = compare(bench, v, mask == masks.end() ? 0xfff : mask->second);
            if (difference.empty()) {
                passed++;
            } else if (failed++; failed_here++ < 2) {
                std::string bytes;
                for (const u8 b : v.bytes) bytes += fmt::format("{:02x} ", b);
                ADD_FAILURE() << form << ": " << v.name << " [" << bytes << "]" << (v.exception ? fmt::format(" (exception {})", *v.exception) : "") << ": " << difference;
            }
        }
    }
    fmt::print("{} vectors passed, {} failed\n", passed, failed);
    for (const auto& [reason, count] : skipped) fmt::print("left out: {} ({})\n", count, reason);
    EXPECT_GT(passed, 100000u);
    EXPECT_EQ(failed, 0u);
}

}  // namespace
}  // namespace gnomon
