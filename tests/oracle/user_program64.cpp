// Random 64-bit user-mode programs.
#include "tests/oracle/user_program64.h"

#include <algorithm>

#include "cpu/flags.h"
#include "cpu/opcode_table.h"

namespace gnomon::oracle {
namespace {

bool is(std::string_view name, std::initializer_list<std::string_view> list) {
    return std::find(list.begin(), list.end(), name) != list.end();
}

bool is_string(const OpcodeRow& row) { return is(row.mnemonic, {"MOVS", "CMPS", "STOS", "LODS", "SCAS", "INS", "OUTS"}); }

constexpr unsigned kStackPointer = 4;

}  // namespace

const char* ProgramMaker64::reason_to_skip(const OpcodeRow& row) {
    if (row.attributes & attr::kNo64) return "not in 64-bit mode";
    const std::string_view name = row.mnemonic;
    if (is(name, {"SYSCALL", "SYSENTER"})) return "enters the host's kernel";
    if (is(name, {"INT", "INT3", "INT1"})) return "there are no gates here";
    if (name.starts_with("PUSH") && row.operands.size() == 2 && row.operands[1] == 'S') return "selectors of the host";
    if (name == "MOV" && row.operands.ends_with("Sw")) return "selectors of the host";
    return ProgramMaker::reason_to_skip(row);
}

u64 ProgramMaker64::target(const Window& window, bool aligned) {
    // Near the ends now and then: the page after the window is missing.
    u64 at = random_.one_in(24) ? window.bytes - 1 - random_.below(20) : 64 + random_.below(window.bytes - 640);
    if (aligned) at &= ~u64{15};
    return window.address + at;
}

/// Sets the registers of the address, or patches its displacement.
void ProgramMaker64::place_operand(Encoding& e, const Decoded& d, u64 address) {
    if (d.segment == Seg::GS) address -= place64::kGsBase;
    if (d.base == kRipRegister) {
        e.patch(e.disp_at, 4, address - (here() + e.length));
        return;
    }
    const bool base = d.base != kNoRegister;
    const bool index = d.index != kNoRegister;
    if (!base && !index) {
        e.patch(e.disp_at, e.disp_size, address);
        return;
    }
    const auto disp = static_cast<u64>(static_cast<i64>(d.disp));
    const unsigned base_number = d.base / 8u;
    const unsigned index_number = d.index / 8u;
    if (base && index && base_number == index_number) {
        if (d.scale == 0 && ((address - disp) & 1) == 0) mov(base_number, (address - disp) / 2);
        else mov(base_number, random_.below(64));
        return;
    }
    // One register of two gets a whole random number: sums wrap around.
    u64 rest = address - disp;
    if (index) {
        const u64 value = !base ? rest >> d.scale : random_.one_in(2) ? random_.next() : random_.below(64);
        if (!base && index_number == kStackPointer) return;
        mov(index_number, value);
        rest -= value << d.scale;
    }
    if (base) mov(base_number, rest);
}

/// Gives implicit operands and results of control transfers a sensible place.
void ProgramMaker64::prepare(const OpcodeRow& row, Encoding& e, const Decoded& d) {
    const std::string_view name = row.mnemonic;
    if (!random_.one_in(3)) mov(4, target(place64::kStack, false) & ~(random_.one_in(4) ? u64{0} : u64{7}));
    if (name == "LEAVE" || name == "ENTER") mov(5, target(place64::kStack, false));
    const bool repeated = d.prefixes & (prefix::kRep | prefix::kRepne);
    const bool low = d.address_bytes == 4;
    // Which upper halves are cleared by a repetition of no elements is every processor's own affair.
    if (is_string(row) && ((repeated && low) || !random_.one_in(16))) {
        const auto& window = low ? place64::kLow : place64::kData;
        const u64 upper = low && !repeated ? random_.next() << 32 : 0;
        mov(1, upper | random_.below(40));
        const u64 source = target(window, false) - (d.segment == Seg::GS ? place64::kGsBase : 0);
        mov(6, upper ^ (repeated && low ? static_cast<u32>(source) : source));
        mov(7, upper ^ target(window, false));
    }
    if (name == "XLAT" || name.starts_with("MASKMOV")) {
        mov(3, target(place64::kData, false));
        mov(7, target(place64::kData, false));
    }
    if (is(name, {"DIV", "IDIV"}) && random_.below(4)) {
        mov(2, random_.one_in(4) ? ~u64{0} : random_.below(256));
        if (random_.below(2)) mov(0, random_.number64() >> 4);
    }
    if (is(name, {"LOOP", "LOOPE", "LOOPNE", "JCXZ"})) mov(1, random_.below(4) | (random_.one_in(4) ? u64{1} << 32 : 0));
    if (row.operands.starts_with("Ev,Gv") && is(name, {"BT", "BTS", "BTR", "BTC"}) && d.memory && random_.below(4))
        mov(d.reg, random_.below(400) - 200);
    if (name == "RET" && e.imm_size) e.patch(e.imm_at, 2, random_.below(32) * 8);
}

bool ProgramMaker64::unit(unsigned row_index) {
    const OpcodeRow& row = opcode_row(row_index);
    const std::string_view name = row.mnemonic;
    EncodingRequest request;
    request.code32 = false;
    request.code64 = true;
    request.rex = static_cast<u8>(random_.one_in(3) ? 0 : 0x40 | random_.below(16));
    request.prefix_66 = random_.one_in(4);
    request.prefix_67 = random_.one_in(8);
    request.lock = (row.attributes & attr::kLock) && random_.one_in(4);
    if (is_string(row)) request.repeat = static_cast<u8>(random_.below(2) ? 0 : 0xf2 + random_.below(2));
    else if (random_.one_in(30)) request.repeat = static_cast<u8>(0xf2 + random_.below(2));
    constexpr u8 kOverrides[] = {0x26, 0x2e, 0x36, 0x3e, 0x65, 0x65, 0x65};
    if (random_.one_in(6)) request.segment = kOverrides[random_.below(std::size(kOverrides))];
    if (request.lock) request.mod = 0;
    const bool indirect = (name == "CALL" || name == "JMP") && row.operands == "Ev";
    Encoding e = encode(row_index, request, random_);
    Decoded d;
    if (e.length > 15 || decode(e.bytes.data(), 15, mode::kCode64, features_, d) != DecodeStatus::Ok || d.row_index != row_index)
        return false;
    // On newer processors F3 turns these into other instructions.
    if (request.repeat && row.map != OpcodeMap::One && !is_string(row) && row.mandatory == MandatoryPrefix::Any) return false;
    if (d.segment == Seg::FS) return false;    // the host's thread lives there

    ProgramUnit u;
    u.row = row_index;
    u.start = static_cast<unsigned>(program_.code.size());
    if (!program_.units.empty() && program_.units.back().undefined_flags) {
        byte(0x3d);  // CMP EAX, imm32 defines them all
        little(4, random_.number());
    }
    prepare(row, e, d);
    if (name == "POPF") {
        byte(0x68);
        little(4, (random_.next() & ~u64{flag::TF | flag::AC}) | (random_.one_in(16) ? u64{flag::AC} : 0));
    }
    const bool locked = (d.row->attributes & attr::kLock) && (request.lock || name == "XCHG" || name == "CMPXCHG8B");
    const bool vector = row.feature >= Feature::FXSR;
    if (d.memory) {
        const u64 address = target(d.address_bytes == 4 && d.base != kRipRegister && d.segment != Seg::GS ? place64::kLow
                                                                                                          : place64::kData,
                                   locked || (vector && random_.below(8)));
        if (indirect && d.base == kRipRegister) return false;
        if (!random_.one_in(40)) place_operand(e, d, address);
        if (indirect) {
            // The target is stored by way of RAX: MOV RAX, imm64; MOV [moffs64], RAX.
            if (d.base == 0 || d.index == 0) return false;
            const u64 length = 20 + e.length;
            mov(0, here() + length);
            byte(0x48);
            byte(0xa3);
            little(8, address);
        }
    } else if (indirect) {
        mov(d.rm, here() + 10 + e.length);
    } else if (name == "RET") {
        // PUSH has no immediate of 64 bits.
        mov(0, here() + 11 + e.length);
        byte(0x50);
    }
    const ImmKind kind = row_shape(row_index).imm;
    bool filler = false;
    if (kind == ImmKind::Jb || kind == ImmKind::Jz) {
        filler = random_.below(2);
        e.patch(e.imm_at, e.imm_size, filler ? 2 : 0);
    }
    // What was placed relative to RIP was placed for here.
    if (d.memory && d.base == kRipRegister && indirect) return false;
    u.at = static_cast<unsigned>(program_.code.size());
    for (const u8 b : e.span()) byte(b);
    if (filler) {
        byte(0xff);    // INC EBX, jumped over or not
        byte(0xc3);
    }
    u.end = static_cast<unsigned>(program_.code.size());
    u.undefined_flags = undefined_flags(d);
    if (filler && u.undefined_flags) u.undefined_flags = flag::kArithmetic;
    program_.units.push_back(u);
    return true;
}

Program ProgramMaker64::make(std::span<const unsigned> rows, unsigned units, u64 base) {
    program_ = {};
    base_ = base;
    while (program_.units.size() < units) {
        const size_t before = program_.code.size();
        if (!unit(rows[random_.below(rows.size())])) program_.code.resize(before);
        if (program_.code.size() > 0xd00) break;
    }
    return std::move(program_);
}

}  // namespace gnomon::oracle
