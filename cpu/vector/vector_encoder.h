// For tests: random encodings of vector and BMI rows with every register and form of memory operand, and
// registers that make the operand lie at a given place. SDM Vol. 2, "Instruction Format", "Intel AVX-512
// Encoding".
#pragma once

#include <optional>

#include "cpu/decode.h"
#include "cpu/fpu/native_oracle.h"
#include "cpu/opcode_table.h"
#include "cpu/vector/vector_oracle.h"

namespace gnomon::oracle {

/// Bytes, and what the operand's address is made of.
struct VectorEncoding {
    std::vector<u8> bytes;
    bool memory = false;
    unsigned disp_at = 0, disp_size = 0;  ///< of the displacement
};

class VectorEncoder {
  public:
    /// In compatibility mode only what means the same to a host that decodes it in 64-bit mode.
    VectorEncoder(Operands& make, bool code64) : make_(make), code64_(code64) {}

    /// Now and then something that is not allowed.
    VectorEncoding encode(const OpcodeRow& row, const RowShape& shape) {
        Fields f = choose(row, shape);
        VectorEncoding e;
        e.memory = f.memory;
        if (code64_ && f.memory && !make_.below(8)) e.bytes.push_back(0x67);
        if (is_evex(row.map))
            evex(e, row, f);
        else if (is_vex(row.map))
            vex(e, row, f);
        else
            legacy(e, row, f);
        e.bytes.push_back(row.opcode);
        if (row.has_modrm) modrm(e, shape, f);
        // Bit 7 of a register in the immediate counts in 64-bit mode only.
        const unsigned mask = !code64_ && row.operands.ends_with("Lx") ? 0x7f : 0xff;
        if (shape.imm == ImmKind::Byte) e.bytes.push_back(static_cast<u8>(make_.bits() & mask));
        if (shape.imm == ImmKind::Word)
            for (unsigned n = 0; n < 2; n++) e.bytes.push_back(static_cast<u8>(make_.bits()));
        return e;
    }

    /// Registers (or the displacement) that bring the operand of `d` to `address`. A vector index adds to it.
    void place(VectorEncoding& e, const Decoded& d, u64 address, std::array<u64, 16>& gpr) {
        if (!d.memory) return;
        if (d.base == kRipRegister) {
            patch(e, address - place::kInstruction - e.bytes.size());
            return;
        }
        const bool index = d.index != kNoRegister && !row_shape(d.row_index).vector_index;
        if (d.base == kNoRegister) {
            const u64 value = make_.below(16);
            if (index) gpr[d.index / 8u] = value;
            patch(e, address - (index ? value << d.scale : 0));
            return;
        }
        u64 rest = address - static_cast<u64>(static_cast<i64>(d.disp));
        if (index) {
            // Sums wrap around in 64-bit mode, of which a host in 64-bit mode knows nothing at 4 GiB.
            u64 value = code64_ && make_.below(2) ? make_.bits() : make_.below(16);
            gpr[d.index / 8u] = value;
            rest -= value << d.scale;
        }
        gpr[d.base / 8u] = code64_ ? rest : static_cast<u32>(rest);
    }

  private:
    struct Fields {
        unsigned reg = 0, rm = 0, source = 0, wide = 0, length = 0, opmask = 0, pp = 0;
        unsigned base = 0, index = 0, scale = 0, mod = 0;
        bool memory = false, sib = false, no_base = false, zeroing = false, b = false;
    };

    unsigned any(unsigned count64) { return make_.below(code64_ ? count64 : 8); }

    Fields choose(const OpcodeRow& row, const RowShape& shape) {
        Fields f;
        const bool evex = is_evex(row.map), vex = is_vex(row.map);
        const unsigned vectors = evex ? 32 : 16;
        const bool strange = make_.below(20) == 0;
        const auto has = [&](std::string_view code) {
            return row.operands.find(code) != std::string_view::npos;
        };
        f.pp = row.mandatory == MandatoryPrefix::P66   ? 1
               : row.mandatory == MandatoryPrefix::PF3 ? 2
               : row.mandatory == MandatoryPrefix::PF2 ? 3
                                                       : 0;
        if (row.wide >= 0)
            f.wide = static_cast<unsigned>(row.wide);
        else if (code64_ || !shape.general)
            f.wide = make_.below(2);
        f.length = make_.below(vex ? 2 : 3);
        if (row.vector >= 0) f.length = static_cast<unsigned>(row.vector);
        if (row.vector == vector_length::kAbove128 && f.length == 0) f.length = 1;

        f.reg = row.reg >= 0 ? static_cast<unsigned>(row.reg)
                : has("Kr")  ? make_.below(8)
                             : any(shape.reg == RegKind::General ? 16 : vectors);
        if (shape.source)
            f.source = has("Kh") ? make_.below(8) : any(has("By") ? 16 : vectors);
        else if (strange && make_.below(3) == 0)
            f.source = make_.below(8);
        f.memory = make_.below(2);
        if (row.mod == 0 || shape.memory_only) f.memory = true;
        if (row.mod == 3 || shape.register_only) f.memory = false;
        if (!f.memory) {
            const bool general = shape.rm == RegKind::General || shape.rm == RegKind::Byte;
            f.rm = row.rm >= 0 ? static_cast<unsigned>(row.rm)
                   : has("Km") ? make_.below(8)
                               : any(general ? 16 : vectors);
            if (row.rm < 0 && !general && !has("Km") && make_.below(5) == 0) f.rm = f.reg;
        } else {
            address(f, shape, vectors);
        }
        if (!evex) return f;
        f.opmask = row.tuple.element && make_.below(3) ? make_.below(8) : 0;
        const bool gather = row.tuple.flags & Tuple::kGather;
        if (gather && f.opmask == 0 && !strange) f.opmask = 1;
        f.zeroing =
            f.opmask && make_.below(2) && !shape.to_opmask && !(shape.to_memory && f.memory) && !gather;
        f.b = make_.below(2) && (f.memory ? row.tuple.broadcast != 0
                                          : (row.tuple.flags & (Tuple::kRounding | Tuple::kSae)) != 0);
        if (strange && make_.below(3) == 0) f.b = !f.b;
        if (strange && make_.below(3) == 0) f.zeroing = !f.zeroing;
        if (f.b && !f.memory && (row.tuple.flags & Tuple::kRounding)) f.length = make_.below(4);
        return f;
    }

    void address(Fields& f, const RowShape& shape, unsigned vectors) {
        const unsigned form = make_.below(8);
        f.base = any(16);
        f.mod = make_.below(3);
        f.scale = make_.below(4);
        f.sib = shape.vector_index || form < 3;
        f.index = shape.vector_index ? any(vectors) : any(16);
        while (!shape.vector_index && f.index == f.base) f.index = any(16);
        if (form == 7 && code64_ && !shape.vector_index) {  // RIP-relative
            f.no_base = true;
            f.sib = false;
            f.mod = 0;
            f.base = 5;
            return;
        }
        if (form == 6 && f.sib) {
            f.no_base = true;
            f.mod = 0;
            f.base = 5;
            return;
        }
        if ((f.base & 7) == 5 && f.mod == 0) f.mod = 1;
        if ((f.base & 7) == 4 && !f.sib) {
            f.sib = true;
            f.index = 4;  // none
        }
    }

    void vex(VectorEncoding& e, const OpcodeRow& row, const Fields& f) {
        const unsigned map = static_cast<unsigned>(row.map) - static_cast<unsigned>(OpcodeMap::Vex0F) + 1;
        const unsigned x = f.memory && f.sib ? f.index >> 3 & 1 : 0,
                       b = f.memory ? f.base >> 3 & 1 : f.rm >> 3 & 1;
        const unsigned r = f.reg >> 3 & 1;
        const unsigned tail = (~f.source & 15) << 3 | f.length << 2 | f.pp;
        if (map == 1 && !f.wide && !x && !b && make_.below(2)) {
            e.bytes.insert(e.bytes.end(), {0xc5, static_cast<u8>((r ^ 1) << 7 | tail)});
            return;
        }
        e.bytes.insert(e.bytes.end(),
                       {0xc4, static_cast<u8>((r ^ 1) << 7 | (x ^ 1) << 6 | (b ^ 1) << 5 | map),
                        static_cast<u8>(f.wide << 7 | tail)});
    }
    void evex(VectorEncoding& e, const OpcodeRow& row, const Fields& f) {
        const unsigned map = static_cast<unsigned>(row.map) - static_cast<unsigned>(OpcodeMap::Evex0F) + 1;
        const bool vector_index = row.operands.find("vm") != std::string_view::npos;
        const unsigned high = vector_index && f.memory ? f.index >> 4 & 1 : f.source >> 4 & 1;  // V'
        const unsigned r = f.reg >> 3 & 1, r2 = f.reg >> 4 & 1;
        const unsigned x = f.memory ? (f.sib ? f.index >> 3 & 1 : 0) : f.rm >> 4 & 1,
                       b = f.memory ? f.base >> 3 & 1 : f.rm >> 3 & 1;
        e.bytes.insert(
            e.bytes.end(),
            {0x62, static_cast<u8>((r ^ 1) << 7 | (x ^ 1) << 6 | (b ^ 1) << 5 | (r2 ^ 1) << 4 | map),
             static_cast<u8>(f.wide << 7 | (~f.source & 15) << 3 | 4 | f.pp),
             static_cast<u8>(unsigned{f.zeroing} << 7 | f.length << 5 | unsigned{f.b} << 4 | (high ^ 1) << 3 |
                             f.opmask)});
    }
    void legacy(VectorEncoding& e, const OpcodeRow& row, const Fields& f) {
        if (row.mandatory == MandatoryPrefix::Any && make_.below(3) == 0) e.bytes.push_back(0x66);
        if (f.pp) e.bytes.push_back(f.pp == 1 ? 0x66 : f.pp == 2 ? 0xf3 : 0xf2);
        const unsigned x = f.memory && f.sib ? f.index >> 3 & 1 : 0,
                       b = f.memory ? f.base >> 3 & 1 : f.rm >> 3 & 1;
        const unsigned rex = f.wide << 3 | (f.reg >> 3 & 1) << 2 | x << 1 | b;
        if (code64_ && (rex || make_.below(4) == 0)) e.bytes.push_back(static_cast<u8>(0x40 | rex));
        e.bytes.push_back(0x0f);
        if (row.map == OpcodeMap::Three38) e.bytes.push_back(0x38);
        if (row.map == OpcodeMap::Three3A) e.bytes.push_back(0x3a);
    }
    void modrm(VectorEncoding& e, const RowShape&, const Fields& f) {
        const unsigned reg = (f.reg & 7) << 3;
        if (!f.memory) {
            e.bytes.push_back(static_cast<u8>(0xc0 | reg | (f.rm & 7)));
            return;
        }
        e.bytes.push_back(static_cast<u8>(f.mod << 6 | reg | (f.sib ? 4 : f.base & 7)));
        if (f.sib) e.bytes.push_back(static_cast<u8>(f.scale << 6 | (f.index & 7) << 3 | (f.base & 7)));
        e.disp_at = static_cast<unsigned>(e.bytes.size());
        e.disp_size = f.no_base || f.mod == 2 ? 4 : f.mod;
        const u64 value = static_cast<u64>(static_cast<i64>(make_.below(4096)) - 2048);
        for (unsigned n = 0; n < e.disp_size; n++) e.bytes.push_back(static_cast<u8>(value >> 8 * n));
    }
    static void patch(VectorEncoding& e, u64 disp) {
        for (unsigned n = 0; n < e.disp_size; n++) e.bytes[e.disp_at + n] = static_cast<u8>(disp >> 8 * n);
    }

    Operands& make_;
    bool code64_;
};

}  // namespace gnomon::oracle
