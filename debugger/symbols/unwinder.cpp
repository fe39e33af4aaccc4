// One step after the other: the best source of information that holds for the current frame wins.
#include "debugger/symbols/unwinder.h"

#include <algorithm>
#include <cstring>

namespace gnomon {
namespace {

constexpr u64 kFlagsFixed = 0x2;            ///< EFLAGS bit 1 is always set
constexpr u64 kFlagsReserved = 0xffc08028;  ///< … and these never
constexpr u64 kFlagsVm = 1u << 17;
constexpr unsigned kSp = 4, kBp = 5;
/// How far an interrupt frame may lie above the stack pointer: saved registers, segments, an error code.
constexpr unsigned kInterruptReach = 48;
constexpr unsigned kGuessReach = 512;
constexpr u64 kLargestFrame = u64{1} << 20;

class Unwinder {
  public:
    Unwinder(const Symbols& symbols, const UnwindStart& start, const MemoryReader& read)
        : symbols_(symbols),
          read_(read),
          start_(start),
          registers_(start.registers),
          bits_(start.bits),
          stack_base_(start.stack_base),
          code_selector_(start.code_selector),
          protected_(start.protected_mode) {
        registers_.gpr[kSp] &= mask();
        registers_.gpr[kBp] &= mask();
    }

    std::vector<StackFrame> run(unsigned max_frames) {
        add(StackFrame::Found::Innermost, 0);
        while (frames_.size() < max_frames && step()) {
        }
        return std::move(frames_);
    }

  private:
    [[nodiscard]] unsigned slot() const { return bits_ / 8; }
    [[nodiscard]] u64 mask() const { return bits_ == 16 ? 0xffff : bits_ == 32 ? 0xffffffff : ~u64{0}; }
    [[nodiscard]] std::optional<u64> word(u64 offset) const {
        u64 value = 0;
        if (!read_(stack_base_ + (offset & mask()), std::span(reinterpret_cast<u8*>(&value), slot())))
            return {};
        return value;
    }
    [[nodiscard]] bool exact() const {
        return frames_.back().found == StackFrame::Found::Innermost ||
               frames_.back().found == StackFrame::Found::Interrupted;
    }

    void add(StackFrame::Found found, u64 frame) {
        frames_.push_back({registers_.pc, frame, bits_, found, registers_});
    }

    bool step() {
        if (in_user_code_) return false;
        if (by_call_frame_information()) return true;
        if (by_orc_tables()) return true;
        if (ended_) return false;
        if (is_stub() && by_interrupt_frame()) return true;
        if (by_frame_pointer()) return true;
        if (by_interrupt_frame()) return true;
        return by_guess();
    }

    bool by_call_frame_information() {
        if (bits_ == 16) return false;
        FrameRegisters caller = registers_;
        u64 cfa = 0;
        bool signal_frame = false;
        if (!symbols_.unwind(caller, frames_.back().lookup(), slot(), read_, cfa, signal_frame)) return false;
        if (caller.pc == 0 || cfa < registers_.gpr[kSp] ||
            (cfa == registers_.gpr[kSp] && caller.pc == registers_.pc))
            return false;
        registers_ = caller;
        add(signal_frame ? StackFrame::Found::Interrupted : StackFrame::Found::CallFrameInformation, cfa);
        return true;
    }

    bool by_orc_tables() {
        if (bits_ != 64) return false;
        const auto caller = symbols_.unwind_kernel(registers_, frames_.back().lookup(), read_);
        ended_ = caller && caller->none;
        // The stack of the caller may be another one, at lower addresses (an interrupt's).
        if (!caller || ended_ || (caller->cfa == registers_.gpr[kSp] && caller->registers.pc == registers_.pc)) return false;
        registers_ = caller->registers;
        if (caller->interrupted) {
            u64 base = 0;
            unsigned bits = bits_;
            if (!code_descriptor(caller->code_selector, base, bits)) return false;
            bits_ = bits;
            // Programs have no tables that the kernel knows of.
            in_user_code_ = (caller->code_selector & 3) == 3;
            code_selector_ = caller->code_selector;
        }
        add(caller->interrupted ? StackFrame::Found::Interrupted : StackFrame::Found::OrcTables, caller->cfa);
        return true;
    }

    /// Where the procedure stands in its prologue, judged by its first bytes.
    enum class Prologue : u8 { None, BeforePush, AfterPush, Done };
    [[nodiscard]] Prologue prologue() const {
        const u64 lookup = frames_.back().lookup();
        const std::optional<u64> start = symbols_.procedure_start(lookup);
        if (!start) return Prologue::Done;  // nothing known: believe in the frame pointer
        std::array<u8, 16> code{};
        if (!read_(*start, code)) return Prologue::None;
        unsigned at = 0;
        // ENDBR32, ENDBR64.
        if (code[0] == 0xf3 && code[1] == 0x0f && code[2] == 0x1e && (code[3] == 0xfb || code[3] == 0xfa))
            at = 4;
        if (code[at] == 0x66 && bits_ == 16) at++;
        if (code[at] == 0xc8) return lookup == *start ? Prologue::BeforePush : Prologue::Done;  // ENTER
        if (code[at] != 0x55) return Prologue::None;
        // MOV (R)BP, (R)SP in either encoding, perhaps with a prefix.
        unsigned move = at + 1;
        if (code[move] == 0x48 || code[move] == 0x66) move++;
        if (!((code[move] == 0x89 && code[move + 1] == 0xe5) ||
              (code[move] == 0x8b && code[move + 1] == 0xec)))
            return Prologue::None;
        if (!exact()) return Prologue::Done;
        if (registers_.pc <= *start + at) return Prologue::BeforePush;
        if (registers_.pc <= *start + move) return Prologue::AfterPush;
        return Prologue::Done;
    }
    /// Code that never sets up a frame: an entry point written in assembly language.
    [[nodiscard]] bool is_stub() const {
        return prologue() == Prologue::None && symbols_.procedure_start(frames_.back().lookup()).has_value();
    }

    bool by_frame_pointer() {
        const u64 sp = registers_.gpr[kSp];
        const u64 bp = registers_.gpr[kBp];
        const Prologue where = prologue();
        u8 opcode = 0;
        const bool at_return =
            exact() && read_(registers_.pc, std::span(&opcode, 1)) && (opcode == 0xc3 || opcode == 0xc2);
        if (where == Prologue::BeforePush || (at_return && where != Prologue::None))
            return return_to(word(sp), sp + slot(), bp);
        if (where == Prologue::AfterPush) return return_to(word(sp + slot()), sp + 2 * slot(), bp);
        // A leaf without a frame of its own still has its caller's frame pointer: look for the return
        // address.
        if (where == Prologue::None && exact() && at_return) return return_to(word(sp), sp + slot(), bp);
        if (bp < sp || bp - sp > kLargestFrame) return false;
        const std::optional<u64> saved = word(bp);
        if (!saved) return false;
        return return_to(word(bp + slot()), bp + 2 * slot(), *saved);
    }

    bool return_to(std::optional<u64> pc, u64 sp, u64 bp) {
        if (!pc || *pc == 0) return false;
        const u64 linear = bits_ == 16 ? code_segment_base() + *pc : *pc;
        u8 byte = 0;
        if (!read_(linear, std::span(&byte, 1))) return false;
        registers_.pc = linear;
        registers_.gpr[kSp] = sp & mask();
        registers_.gpr[kBp] = bp;
        add(StackFrame::Found::FramePointer, stack_base_ + (sp & mask()));
        return true;
    }
    /// Base of CS in 16-bit code.
    [[nodiscard]] u64 code_segment_base() const {
        if (!protected_) return u64{code_selector_} << 4;
        u64 base = 0;
        unsigned bits = 0;
        return code_descriptor(code_selector_, base, bits) ? base : 0;
    }

    /// Whether a selector names a code segment in the GDT, and which kind of code.
    bool code_descriptor(u64 selector, u64& base, unsigned& bits) const {
        if (selector > 0xffff || (selector & 0xfffc) == 0 || (selector & 4)) return false;
        if ((selector | 7) > start_.gdt_limit) return false;
        u64 raw = 0;
        if (!read_(start_.gdt_base + (selector & 0xfff8), std::span(reinterpret_cast<u8*>(&raw), 8)))
            return false;
        const bool is_code = (raw >> 43 & 3) == 3 && (raw >> 44 & 1);
        if (!is_code || !(raw >> 47 & 1)) return false;
        bits = raw >> 53 & 1 ? 64 : raw >> 54 & 1 ? 32 : 16;
        base = bits == 64 ? 0 : (raw >> 16 & 0xffffff) | (raw >> 56 & 0xff) << 24;
        return true;
    }

    /// Looks upwards from the stack pointer for what the processor pushed: IP, CS, FLAGS, and SP, SS where
    /// the privilege changed (always in 64-bit mode).
    bool by_interrupt_frame() {
        const u64 sp = registers_.gpr[kSp];
        for (unsigned i = 0; i < kInterruptReach; i++) {
            const u64 at = sp + u64{i} * slot();
            const std::optional<u64> ip = word(at);
            const std::optional<u64> cs = word(at + slot());
            const std::optional<u64> flags = word(at + 2 * slot());
            if (!ip || !cs || !flags) return false;
            if (plausible_flags(*flags) && take_interrupt_frame(at, *ip, *cs, *flags)) return true;
        }
        return false;
    }
    [[nodiscard]] bool plausible_flags(u64 flags) const {
        const u64 reserved = bits_ == 16 ? kFlagsReserved & 0xffff : kFlagsReserved | ~u64{0xffffffff};
        return (flags & kFlagsFixed) && !(flags & reserved & mask());
    }
    bool take_interrupt_frame(u64 at, u64 ip, u64 cs, u64 flags) {
        u64 base = 0;
        unsigned bits = bits_;
        const bool v86 = bits_ == 32 && (flags & kFlagsVm);
        const bool real = v86 || !protected_;
        if (real) {
            if (cs > 0xffff || ip > 0xffff) return false;
            base = cs << 4;
            bits = 16;
        } else if (!code_descriptor(cs, base, bits)) {
            return false;
        }
        const u64 linear = bits == 64 ? ip : (base + ip) & 0xffffffff;
        u8 byte = 0;
        if (!read_(linear, std::span(&byte, 1))) return false;
        const bool outer = !real && (cs & 3) > (code_selector_ & 3);
        if (!outer && !v86 && !symbols_.symbol_at(linear)) return false;
        u64 sp = at + 3 * slot();
        if (bits_ == 64 || outer || v86) {
            const std::optional<u64> pushed = word(at + 3 * slot());
            const std::optional<u64> ss = word(at + 4 * slot());
            if (!pushed || !ss || *ss > 0xffff) return false;
            sp = *pushed;
            if (v86) stack_base_ = *ss << 4;
        }
        const u64 frame = stack_base_ + at;
        registers_.pc = linear;
        code_selector_ = static_cast<u16>(cs);
        if (v86) protected_ = false;
        bits_ = bits;
        registers_.gpr[kSp] = sp & mask();
        registers_.gpr[kBp] &= mask();
        add(StackFrame::Found::Interrupted, frame);
        return true;
    }

    /// The next word on the stack that points behind a call instruction of known code.
    bool by_guess() {
        const u64 sp = registers_.gpr[kSp];
        for (unsigned i = 0; i < kGuessReach; i++) {
            const u64 at = sp + u64{i} * slot();
            const std::optional<u64> value = word(at);
            if (!value) return false;
            if (*value == 0 || !follows_call(*value) || !symbols_.symbol_at(*value)) continue;
            registers_.pc = *value;
            registers_.gpr[kSp] = at + slot();
            add(StackFrame::Found::Guessed, stack_base_ + at + slot());
            return true;
        }
        return false;
    }
    [[nodiscard]] bool follows_call(u64 address) const {
        if (bits_ == 16) return false;
        std::array<u8, 7> before{};
        if (!read_(address - before.size(), before)) return false;
        if (before[2] == 0xe8) return true;
        // FF /2 with 0, 1 and 4 bytes of displacement.
        for (const unsigned length : {2u, 3u, 6u, 7u})
            if (before[7 - length] == 0xff && (before[8 - length] >> 3 & 7) == 2) return true;
        return false;
    }

    const Symbols& symbols_;
    const MemoryReader& read_;
    const UnwindStart& start_;
    FrameRegisters registers_;
    unsigned bits_;
    u64 stack_base_;
    u16 code_selector_;
    bool protected_;
    bool in_user_code_ = false;
    bool ended_ = false;
    std::vector<StackFrame> frames_;
};

}  // namespace

std::vector<StackFrame> unwind_stack(const Symbols& symbols, const UnwindStart& start,
                                     const MemoryReader& read, unsigned max_frames) {
    return Unwinder(symbols, start, read).run(max_frames);
}

std::string print_frames(const Symbols& symbols, const std::vector<StackFrame>& frames) {
    std::string text;
    for (size_t i = 0; i < frames.size(); i++) {
        const StackFrame& frame = frames[i];
        std::string name = "??";
        if (const auto place = symbols.symbol_at(frame.lookup()))
            name = fmt::format("{}+{:#x}", place->name, place->offset + (frame.pc - frame.lookup()));
        text += fmt::format("#{:<3}{:#0{}x} in {}", i, frame.pc, frame.bits == 64 ? 18 : 10, name);
        if (const auto line = symbols.line_at(frame.lookup()))
            text += fmt::format(" at {}:{}", line->file, line->line);
        if (i != 0 && frame.bits != frames[i - 1].bits) text += fmt::format("  [{}-bit code]", frame.bits);
        if (frame.found == StackFrame::Found::Interrupted) text += "  [interrupted here]";
        if (frame.found == StackFrame::Found::Guessed) text += "  [?]";
        text += "\n";
    }
    return text;
}

}  // namespace gnomon
