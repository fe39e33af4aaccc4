// Joins the rows of all families and sorts them by map and opcode at compile time.
#include "cpu/opcode_table.h"

#include <algorithm>
#include <array>

#include "cpu/rows/avx.h"
#include "cpu/rows/avx2.h"
#include "cpu/rows/avx512.h"
#include "cpu/rows/avx512_bw.h"
#include "cpu/rows/bmi.h"
#include "cpu/rows/fma.h"
#include "cpu/rows/fpu.h"
#include "cpu/rows/integer.h"
#include "cpu/rows/mmx.h"
#include "cpu/rows/sse.h"
#include "cpu/rows/sse4.h"
#include "cpu/rows/system.h"

namespace gnomon {

[[noreturn]] void unknown_operand_code();    // never defined: reaching them does not compile
[[noreturn]] void duplicate_opcode_row();

namespace {

template <size_t... Sizes>
consteval auto join(const std::array<OpcodeRow, Sizes>&... families) {
    std::array<OpcodeRow, (Sizes + ...)> all{};
    size_t n = 0;
    const auto append = [&](const auto& family) {
        for (const OpcodeRow& r : family) all[n++] = r;
    };
    (append(families), ...);
    return all;
}

constexpr bool is_one_of(std::string_view code, std::initializer_list<std::string_view> list) {
    for (const std::string_view item : list)
        if (code == item) return true;
    return false;
}

constexpr RowShape shape_of(const OpcodeRow& r) {
    RowShape s;
    std::string_view rest = r.operands;
    s.to_memory = r.operands.starts_with('W') || r.operands.starts_with('M') || r.operands.starts_with('E') || r.operands.starts_with("vm");
    s.to_opmask = r.operands.starts_with('K');
    while (!rest.empty()) {
        const size_t comma = rest.find(',');
        const std::string_view code = rest.substr(0, comma);
        rest = comma == std::string_view::npos ? std::string_view{} : rest.substr(comma + 1);
        if (is_one_of(code, {"By", "Gy", "Gd", "Ey", "Ed", "My"})) s.general = true;
        if (is_one_of(code, {"Hx", "Hq", "Hss", "Hsd", "Hps", "Hpd", "By", "Kh"})) s.source = true;
        if (is_one_of(code, {"Ib", "Lx"})) s.imm = s.imm == ImmKind::Word ? ImmKind::WordByte : ImmKind::Byte;
        else if (code == "Ibs") s.imm = ImmKind::ByteSigned;
        else if (code == "Iw") s.imm = ImmKind::Word;
        else if (code == "Iz") s.imm = ImmKind::Z;
        else if (code == "Iv") s.imm = ImmKind::V;
        else if (code == "Jb") s.imm = ImmKind::Jb;
        else if (code == "Jz") s.imm = ImmKind::Jz;
        else if (code == "Ap") s.imm = ImmKind::Far;
        else if (is_one_of(code, {"Ob", "Ov"})) s.imm = ImmKind::Offset;
        else if (code == "1") s.imm = ImmKind::One;
        else if (code == "Gb") s.reg = RegKind::Byte;
        else if (is_one_of(code, {"Gw", "Gd", "Gq", "Gv", "Gy", "Gz"})) s.reg = RegKind::General;
        else if (code == "Zb") s.reg = RegKind::Byte, s.reg_from_opcode = true;
        else if (code == "Zv") s.reg = RegKind::General, s.reg_from_opcode = true;
        else if (code == "Eb") s.rm = RegKind::Byte;
        else if (is_one_of(code, {"Ew", "Ed", "Eq", "Ev", "Ey", "Ez", "Rd", "Rv", "Ry", "Mw/Rv", "Mb/Rd", "Mw/Rd"})) {
            s.rm = RegKind::General;
            s.register_only = code[0] == 'R';
        } else if (is_one_of(code, {"Cd", "Dd", "Td", "Vx", "Vd", "Vq", "Vss", "Vsd", "Vps", "Vpd", "Kr"})) s.reg = RegKind::Plain;
        else if (is_one_of(code, {"Sw", "Pq", "Pd"})) s.reg = RegKind::Low;
        else if (is_one_of(code, {"Wx", "Wd", "Wq", "Wss", "Wsd", "Wps", "Wpd", "Ww", "Wb", "Km"})) s.rm = RegKind::Plain;
        else if (is_one_of(code, {"Qq", "Qd"})) s.rm = RegKind::Low;
        else if (is_one_of(code, {"Nq", "Ux", "Ups", "Upd", "Uq"})) {
            s.rm = code == "Nq" ? RegKind::Low : RegKind::Plain;
            s.register_only = true;
        }
        else if (is_one_of(code, {"vm32", "vm64"})) s.memory_only = true, s.vector_index = true;
        else if (code[0] == 'M' && is_one_of(code, {"M", "Ma", "Mb", "Mw", "Md", "Mq", "Mp", "Ms", "Mx", "Mt", "Mv", "Mps", "Mpd", "My"})) s.memory_only = true;
        else if (is_one_of(code, {"AL", "rAX", "AX", "eAX"})) {
            if (s.reg == RegKind::None) s.reg = code == "AL" ? RegKind::Byte : RegKind::General;
        } else if (is_one_of(code, {"Xb", "Xv", "Xz"})) s.implicit_source = true;
        else if (!s.source || !is_one_of(code, {"Hx", "Hq", "Hss", "Hsd", "Hps", "Hpd", "By", "Kh"})) {
            if (!is_one_of(code, {"XMM0", "CL", "DX", "Yb", "Yv", "Yz", "ES", "CS", "SS", "DS", "FS", "GS", "ST0", "STi", "Fv", "AH", "3"}))
                unknown_operand_code();
        }
    }
    if (r.mod == 3) s.register_only = true;
    return s;
}

constexpr auto kRows = join(kIntegerRows, kSystemRows, kFpuRows, kMmxRows, kSseRows, kSse4Rows, kAvxRows, kAvx2Rows,
                           kFmaRows, kAvx512Rows, kAvx512BwRows, kBmiRows);
constexpr size_t kRowCount = kRows.size();

constexpr auto kShapes = [] {
    std::array<RowShape, kRowCount> shapes{};
    for (size_t i = 0; i < kRowCount; i++) shapes[i] = shape_of(kRows[i]);
    return shapes;
}();

constexpr size_t slot_of(OpcodeMap map, unsigned opcode) { return static_cast<size_t>(map) * 256 + opcode; }

/// More specific rows are tried first.
constexpr int specificity(const OpcodeRow& r) {
    return (r.vector >= 0 ? 32 : 0) + (r.wide >= 0 ? 16 : 0) + (r.mandatory == MandatoryPrefix::Any ? 0 : 8) + (r.rm >= 0 ? 4 : 0) + (r.reg >= 0 ? 2 : 0) + (r.mod >= 0 ? 1 : 0);
}

constexpr size_t kSlots = static_cast<size_t>(OpcodeMap::Count) * 256;

struct Index {
    std::array<u16, kSlots + 1> first{};
    std::array<u16, kRowCount * 2 + 512> order{};    ///< room for the opcodes that stand for eight
    std::array<bool, kSlots> modrm{};
    size_t used = 0;
};

constexpr Index kIndex = [] {
    Index index;
    std::array<u16, kSlots + 1> count{};
    const auto each = [](const OpcodeRow& r, auto visit) {
        for (unsigned n = 0; n < (r.rm == -2 ? 8u : 1u); n++) visit(slot_of(r.map, r.opcode + n));
    };
    for (const OpcodeRow& r : kRows) each(r, [&](size_t slot) { count[slot]++; });
    for (size_t i = 0; i < kSlots; i++) index.first[i + 1] = static_cast<u16>(index.first[i] + count[i]);
    std::array<u16, kSlots> fill{};
    for (size_t i = 0; i < kSlots; i++) fill[i] = index.first[i];
    for (size_t i = 0; i < kRowCount; i++)
        each(kRows[i], [&](size_t slot) { index.order[fill[slot]++] = static_cast<u16>(i); });
    for (size_t slot = 0; slot < kSlots; slot++)
        for (size_t a = index.first[slot]; a < index.first[slot + 1]; a++)
            for (size_t b = a + 1; b < index.first[slot + 1]; b++)
                if (specificity(kRows[index.order[b]]) > specificity(kRows[index.order[a]])) {
                    const u16 swap = index.order[a];
                    index.order[a] = index.order[b];
                    index.order[b] = swap;
                }
    for (const OpcodeRow& r : kRows) each(r, [&](size_t slot) { index.modrm[slot] |= r.has_modrm; });
    index.used = index.first[kSlots];
    return index;
}();

consteval bool same_encoding(const OpcodeRow& a, const OpcodeRow& b) {
    return a.mandatory == b.mandatory && a.vector == b.vector && a.wide == b.wide && a.reg == b.reg && a.mod == b.mod && (a.rm == b.rm || a.rm == -2 || b.rm == -2) &&
           (a.attributes & (attr::kNo64 | attr::kOnly64)) == (b.attributes & (attr::kNo64 | attr::kOnly64));
}

consteval bool no_duplicates() {
    for (size_t slot = 0; slot < kSlots; slot++)
        for (size_t a = kIndex.first[slot]; a < kIndex.first[slot + 1]; a++)
            for (size_t b = a + 1; b < kIndex.first[slot + 1]; b++)
                if (same_encoding(kRows[kIndex.order[a]], kRows[kIndex.order[b]])) duplicate_opcode_row();
    return true;
}
static_assert(no_duplicates());

}  // namespace

Candidates candidates(OpcodeMap map, u8 opcode) {
    const size_t slot = slot_of(map, opcode);
    return {kIndex.order.data() + kIndex.first[slot], kIndex.order.data() + kIndex.first[slot + 1], kIndex.modrm[slot]};
}

const RowShape& row_shape(unsigned index) { return kShapes[index]; }
const OpcodeRow& opcode_row(unsigned index) { return kRows[index]; }
unsigned opcode_row_count() { return kRowCount; }

}  // namespace gnomon
