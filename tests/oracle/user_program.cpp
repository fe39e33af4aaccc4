// Random user-mode programs. What is undefined: SDM Vol. 1, "EFLAGS Cross-Reference".
#include "tests/oracle/user_program.h"

#include <algorithm>

#include "cpu/flags.h"
#include "cpu/model.h"
#include "cpu/opcode_table.h"

namespace gnomon::oracle {
namespace {

bool is(std::string_view name, std::initializer_list<std::string_view> list) {
    return std::find(list.begin(), list.end(), name) != list.end();
}

bool is_string(const OpcodeRow& row) {
    return is(row.mnemonic, {"MOVS", "CMPS", "STOS", "LODS", "SCAS", "INS", "OUTS"});
}

}  // namespace

u32 undefined_flags(const Decoded& d) {
    using namespace flag;
    const std::string_view name = d.row->mnemonic;
    const bool by_cl = d.row->operands.ends_with("CL");
    const unsigned bits = d.row->operands.starts_with("Eb") ? 8 : d.operand_bytes * 8;
    const unsigned count = static_cast<unsigned>(d.imm & (d.operand_bytes == 8 && bits != 8 ? 63 : 31));
    const bool once = !by_cl && count == 1;
    const bool beyond = by_cl || count >= bits;
    if (is(name, {"AND", "OR", "XOR", "TEST"})) return AF;
    if (is(name, {"SHL", "SAL", "SHR", "SAR"})) return AF | (once ? 0 : OF) | (beyond && bits < 32 ? CF : 0);
    if (is(name, {"ROL", "ROR", "RCL", "RCR"})) return once ? 0 : OF;
    if (is(name, {"SHLD", "SHRD"})) return beyond && bits < 32 ? kArithmetic : AF | (once ? 0 : OF);
    if (is(name, {"MUL", "IMUL"})) return SF | ZF | AF | PF;
    if (is(name, {"DIV", "IDIV"})) return kArithmetic;
    if (is(name, {"BSF", "BSR"})) return kArithmetic & ~ZF;
    if (is(name, {"LZCNT", "TZCNT"})) return OF | SF | PF | AF;
    if (is(name, {"BT", "BTS", "BTR", "BTC"})) return OF | SF | AF | PF;
    if (is(name, {"AAA", "AAS"})) return OF | SF | ZF | PF;
    if (is(name, {"AAM", "AAD"})) return OF | AF | CF;
    if (is(name, {"DAA", "DAS"})) return OF;
    return 0;
}

const char* ProgramMaker::reason_to_skip(const OpcodeRow& row) {
    const std::string_view name = row.mnemonic;
    if (row.map >= OpcodeMap::Vex0F) return "compared with all vector registers in cpu/vector/vector_test.cpp";
    if (is(name, {"SYSENTER"})) return "enters the host's kernel";
    if (is(name, {"CPUID", "RDTSC", "RDPMC", "RDTSCP", "RDPID", "RDRAND", "RDSEED", "XGETBV", "XSETBV"}))
        return "answers what the host is";
    if (is(name, {"WRFSBASE", "WRGSBASE", "RDFSBASE", "RDGSBASE", "WRPKRU", "RDPKRU"})) return "the host's thread needs its own";
    if (is(name, {"MONITOR", "MWAIT", "UMONITOR", "UMWAIT", "TPAUSE"})) return "waits";
    if (name.starts_with("XSAVE") || name.starts_with("XRSTOR")) return "the host has other state components";
    if (is(name, {"SGDT", "SIDT", "SLDT", "STR", "SMSW", "LAR", "LSL", "VERR", "VERW"}))
        return "reads the host kernel's tables";
    if (is(name, {"LES", "LDS", "LSS", "LFS", "LGS"}))
        return "loads segment registers from the host kernel's tables";
    if ((name == "MOV" && row.operands.starts_with("Sw")) ||
        (name == "POP" && row.operands.size() == 2 && row.operands[1] == 'S'))
        return "loads segment registers from the host kernel's tables";
    if (is(name, {"RETF", "IRET"}) ||
        ((name == "CALL" || name == "JMP") && (row.operands == "Ap" || row.operands == "Mp")))
        return "far transfer through the host kernel's tables";
    if (is(name, {"FNSTENV", "FNSAVE", "FXSAVE"}))
        return "stores pointers of which newer processors keep only a part";
    return nullptr;
}

u32 ProgramMaker::target(u32 window, u32 bytes, bool aligned) {
    // Near the ends now and then: the page after the window is missing.
    u32 at = random_.one_in(24) ? bytes - 1 - static_cast<u32>(random_.below(20))
                                : 64 + static_cast<u32>(random_.below(bytes - 640));
    if (aligned) at &= ~15u;
    return window + at;
}

/// Sets the registers of the address, or patches its displacement.
void ProgramMaker::place_operand(Encoding& e, const Decoded& d, u32 address) {
    const bool base = d.base != kNoRegister;
    const bool index = d.index != kNoRegister;
    const unsigned base_number = d.base / 8u;
    const unsigned index_number = d.index / 8u;
    if (!base && !index) {
        e.patch(e.disp_at, e.disp_size, address);
        return;
    }
    if (base && index && base_number == index_number) {
        const u32 value = static_cast<u32>(random_.below(64));
        mov(base_number, value);
        if (e.disp_size >= 4) e.patch(e.disp_at, 4, address - value * (1 + (1u << d.scale)));
        return;
    }
    u32 rest = address - static_cast<u32>(d.disp);
    if (index) {
        u32 value = static_cast<u32>(random_.below(64));
        if (!base) {
            if (e.disp_size >= 4)
                e.patch(e.disp_at, 4, address - (value << d.scale));
            else
                value = rest;  // 16-bit forms
        }
        mov(index_number, value);
        rest -= value << d.scale;
    }
    if (base)
        mov(base_number,
            d.address_bytes == 2 ? (rest & 0xffff) | static_cast<u32>(random_.next()) << 16 : rest);
}

/// Gives implicit operands and results of control transfers a sensible place.
void ProgramMaker::prepare(const OpcodeRow& row, Encoding& e, const Decoded& d) {
    const std::string_view name = row.mnemonic;
    if (!random_.one_in(3))
        mov(4, target(place32::kStack, place32::kStackBytes, false) & ~(random_.one_in(4) ? 0u : 3u));
    if (name == "LEAVE" || name == "ENTER") mov(5, target(place32::kStack, place32::kStackBytes, false));
    if (is_string(row) && !random_.one_in(16)) {
        const bool low = d.address_bytes == 2;
        const u32 window = low ? place32::kLow : place32::kData;
        mov(1, (low ? static_cast<u32>(random_.next()) << 16 : 0) | static_cast<u32>(random_.below(40)));
        mov(6, target(window, 0x2000, false));
        mov(7, target(window, 0x2000, false));
    }
    if (name == "XLAT" || name.starts_with("MASKMOV")) {
        mov(3, target(place32::kData, place32::kDataBytes, false));
        mov(7, target(place32::kData, place32::kDataBytes, false));
    }
    if (is(name, {"DIV", "IDIV"}) && random_.below(4)) {
        mov(2, random_.one_in(4) ? ~0u : static_cast<u32>(random_.below(256)));
        if (random_.below(2)) mov(0, random_.number() >> 4);
    }
    if (is(name, {"LOOP", "LOOPE", "LOOPNE", "JCXZ"}))
        mov(1, static_cast<u32>(random_.below(4)) | (random_.one_in(4) ? 0x10000 : 0));
    if (row.operands.starts_with("Ev,Gv") && is(name, {"BT", "BTS", "BTR", "BTC"}) && d.memory &&
        random_.below(4))
        mov(d.reg, static_cast<u32>(random_.below(400)) - 200);
    if (name == "INT" && (e.bytes[e.imm_at] == 0x80 || e.bytes[e.imm_at] == 0x81)) e.bytes[e.imm_at] = 0x82;
    if (name == "RET" && e.imm_size) e.patch(e.imm_at, 2, random_.below(32) * 4);
}

bool ProgramMaker::unit(unsigned row_index) {
    const OpcodeRow& row = opcode_row(row_index);
    const std::string_view name = row.mnemonic;
    EncodingRequest request;
    request.prefix_66 = random_.one_in(3);
    request.prefix_67 = random_.one_in(low_ ? 6 : 60);
    request.lock = (row.attributes & attr::kLock) && random_.one_in(4);
    if (is_string(row))
        request.repeat = static_cast<u8>(random_.below(2) ? 0 : 0xf2 + random_.below(2));
    else if (random_.one_in(30))
        request.repeat = static_cast<u8>(0xf2 + random_.below(2));
    constexpr u8 kOverrides[] = {0x26, 0x2e, 0x36, 0x3e};
    if (random_.one_in(16)) request.segment = kOverrides[random_.below(4)];
    if (request.lock) request.mod = 0;
    const bool indirect = (name == "CALL" || name == "JMP") && row.operands == "Ev";
    if ((row.attributes & attr::kEnds) && random_.below(8)) request.prefix_66 = false;
    Encoding e = encode(row_index, request, random_);
    Decoded d;
    if (decode(e.bytes.data(), 15, mode::kCode32, default_model().features, d) != DecodeStatus::Ok ||
        d.row_index != row_index)
        return false;
    // On newer processors F3 turns these into other instructions.
    if (request.repeat && row.map != OpcodeMap::One && !is_string(row) &&
        row.mandatory == MandatoryPrefix::Any)
        return false;

    ProgramUnit u;
    u.row = row_index;
    u.start = static_cast<unsigned>(program_.code.size());
    if (!program_.units.empty() && program_.units.back().undefined_flags) {
        byte(0x3d);  // CMP EAX, imm32 defines them all
        dword(random_.number());
    }
    prepare(row, e, d);
    if (name == "POPF") {
        byte(0x68);
        dword((static_cast<u32>(random_.next()) & ~(flag::TF | flag::AC)) |
              (random_.one_in(16) ? u32{flag::AC} : 0));
    }
    const bool locked = (d.row->attributes & attr::kLock) && (request.lock || name == "XCHG");
    const bool vector = row.feature >= Feature::FXSR;
    if (d.memory) {
        const bool small = d.address_bytes == 2;
        const u32 address = target(small ? place32::kLow : place32::kData, 0x2000,
                                   locked || (vector && random_.below(8)));
        place_operand(e, d, address);
        // The operands' registers are set last, the target of a jump is stored before it is known: a fixed
        // distance.
        if (indirect) {
            const u32 length = 10 + e.length;
            store(address, here() + length);
        }
    } else if (indirect) {
        mov(d.modrm & 7, here() + 5 + e.length);
    } else if (name == "RET") {
        byte(0x68);
        dword(here() + 4 + e.length);
    }
    const ImmKind kind = row_shape(row_index).imm;
    bool filler = false;
    if (kind == ImmKind::Jb || kind == ImmKind::Jz) {
        filler = random_.below(2);
        e.patch(e.imm_at, e.imm_size, filler ? 1 : 0);
    }
    u.at = static_cast<unsigned>(program_.code.size());
    for (const u8 b : e.span()) byte(b);
    if (filler) byte(0x43);  // INC EBX, jumped over or not
    u.end = static_cast<unsigned>(program_.code.size());
    u.undefined_flags = undefined_flags(d);
    if (filler && u.undefined_flags) u.undefined_flags = flag::kArithmetic;
    program_.units.push_back(u);
    return true;
}

Program ProgramMaker::make(std::span<const unsigned> rows, unsigned units, u32 base) {
    program_ = {};
    base_ = base;
    while (program_.units.size() < units) unit(rows[random_.below(rows.size())]);
    return std::move(program_);
}

}  // namespace gnomon::oracle
