// Stack frames of far transfers and event delivery: nothing is committed until the caller takes over
// pointer(). SDM Vol. 1, "Procedure Calls, Interrupts, and Exceptions".
#pragma once

#include "cpu/segmentation.h"

namespace gnomon {

/// Sets SP or ESP by the size of the stack segment.
inline void set_stack_pointer(Cpu& cpu, const Segment& stack, u64 value) {
    if (stack.attributes & attribute::kBig)
        cpu.put<u32>(reg::SP, static_cast<u32>(value));
    else
        cpu.put<u16>(reg::SP, static_cast<u16>(value));
}

/// What pushes and pops have in common: the stack segment, a pointer of its own, the privilege of the
/// accesses and the error code of a limit violation (0 for the current stack, the selector for one that is
/// being switched to).
class StackFrame {
  public:
    StackFrame(Cpu& cpu, const Segment& stack, u64 pointer, Privilege who, u32 limit_error)
        : cpu_(cpu),
          stack_(stack),
          mask_(stack.attributes & attribute::kBig ? 0xffffffff : 0xffff),
          pointer_(pointer & mask_),
          limit_error_(limit_error),
          who_(who) {}
    /// The current stack.
    explicit StackFrame(Cpu& cpu)
        : StackFrame(cpu, cpu.segment(Seg::SS), cpu.state.gpr[reg::SP], cpu.privilege(), 0) {}

    [[nodiscard]] u64 pointer() const { return pointer_; }
    void skip(u64 bytes) { pointer_ = (pointer_ + bytes) & mask_; }

    [[nodiscard]] bool push(unsigned bytes, u32 value) {
        const u64 at = (pointer_ - bytes) & mask_;
        if (at < stack_.write_low || at + bytes - 1 > stack_.write_high) return refuse();
        const u64 linear = static_cast<u32>(stack_.base + at);
        if (misaligned(linear, bytes)) return false;
        const bool written = bytes == 4 ? cpu_.write_linear(linear, value, who_)
                                        : cpu_.write_linear(linear, static_cast<u16>(value), who_);
        if (written) pointer_ = at;
        return written;
    }
    [[nodiscard]] bool pop(unsigned bytes, u32& value) {
        if (pointer_ < stack_.read_low || pointer_ + bytes - 1 > stack_.read_high) return refuse();
        const u64 linear = static_cast<u32>(stack_.base + pointer_);
        if (misaligned(linear, bytes)) return false;
        if (bytes == 4) {
            if (!cpu_.read_linear(linear, value, who_)) return false;
        } else {
            u16 half;
            if (!cpu_.read_linear(linear, half, who_)) return false;
            value = half;
        }
        skip(bytes);
        return true;
    }
    /// A selector: the whole slot is popped, its low half kept.
    [[nodiscard]] bool pop_selector(unsigned bytes, u16& selector) {
        u32 value;
        if (!pop(bytes, value)) return false;
        selector = static_cast<u16>(value);
        return true;
    }
    /// The pushes of several values in order.
    template<class... Values>
    [[nodiscard]] bool push_all(unsigned bytes, Values... values) {
        return (push(bytes, static_cast<u32>(values)) && ...);
    }

  private:
    bool refuse() {
        cpu_.raise(Vector::SS, limit_error_);
        return false;
    }
    bool misaligned(u64 linear, unsigned bytes) {
        if (who_ != Privilege::User || !cpu_.alignment_checked() || !(linear & (bytes - 1))) return false;
        cpu_.raise(Vector::AC, 0);
        return true;
    }

    Cpu& cpu_;
    const Segment& stack_;
    u64 mask_;
    u64 pointer_;
    u32 limit_error_;
    Privilege who_;
};

/// The stack of an inner level as the TSS gives it, checked. False with #TS, #NP, #SS or #PF set.
struct InnerStack {
    Segment segment;  ///< ready to become SS
    u32 pointer = 0;
};
[[nodiscard]] bool fetch_inner_stack(Cpu& cpu, unsigned cpl, InnerStack& out);

}  // namespace gnomon
