// Stack frames of far transfers and event delivery: nothing is committed until the caller takes over
// pointer(). SDM Vol. 1, "Procedure Calls, Interrupts, and Exceptions".
#pragma once

#include "cpu/long_mode.h"
#include "cpu/segmentation.h"

namespace gnomon {

/// As Cpu::in_64bit_mode, but by the CS that was just loaded, which the mode does not know before update_mode().
[[nodiscard]] inline bool code_segment_is_64bit(const Cpu& cpu) {
    return long_mode(cpu) && (cpu.segment(Seg::CS).attributes & attribute::kLong);
}

/// Sets SP, ESP or RSP by the mode and the size of the stack segment.
inline void set_stack_pointer(Cpu& cpu, const Segment& stack, u64 value) {
    if (code_segment_is_64bit(cpu))
        cpu.put<u64>(reg::SP, value);
    else if (stack.attributes & attribute::kBig)
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
    /// A stack of 64-bit mode: flat, addresses must be canonical (#SS(0)).
    StackFrame(Cpu& cpu, u64 pointer, Privilege who)
        : cpu_(cpu),
          stack_(cpu.segment(Seg::SS)),
          mask_(~u64{0}),
          pointer_(pointer),
          limit_error_(0),
          who_(who),
          flat64_(true) {}
    /// The current stack.
    explicit StackFrame(Cpu& cpu)
        : StackFrame(cpu, cpu.segment(Seg::SS), cpu.state.gpr[reg::SP], cpu.privilege(), 0) {
        if (!code_segment_is_64bit(cpu)) return;
        flat64_ = true;
        mask_ = ~u64{0};
        pointer_ = cpu.state.gpr[reg::SP];
    }

    [[nodiscard]] u64 pointer() const { return pointer_; }
    void skip(u64 bytes) { pointer_ = (pointer_ + bytes) & mask_; }

    [[nodiscard]] bool push(unsigned bytes, u64 value) {
        const u64 at = (pointer_ - bytes) & mask_;
        u64 linear;
        if (!linear_of(at, bytes, stack_.write_low, stack_.write_high, linear)) return false;
        const bool written = bytes == 8   ? cpu_.write_linear(linear, value, who_)
                             : bytes == 4 ? cpu_.write_linear(linear, static_cast<u32>(value), who_)
                                          : cpu_.write_linear(linear, static_cast<u16>(value), who_);
        if (written) pointer_ = at;
        return written;
    }
    [[nodiscard]] bool pop(unsigned bytes, u64& value) {
        u64 linear;
        if (!linear_of(pointer_, bytes, stack_.read_low, stack_.read_high, linear)) return false;
        const bool read = bytes == 8   ? cpu_.read_linear(linear, value, who_)
                          : bytes == 4 ? pop_as<u32>(linear, value)
                                       : pop_as<u16>(linear, value);
        if (read) skip(bytes);
        return read;
    }
    /// A selector: the whole slot is popped, its low half kept.
    [[nodiscard]] bool pop_selector(unsigned bytes, u16& selector) {
        u64 value;
        if (!pop(bytes, value)) return false;
        selector = static_cast<u16>(value);
        return true;
    }
    /// The pushes of several values in order.
    template<class... Values>
    [[nodiscard]] bool push_all(unsigned bytes, Values... values) {
        return (push(bytes, static_cast<u64>(values)) && ...);
    }

  private:
    /// The checks of the segment, of the address and of its alignment.
    bool linear_of(u64 at, unsigned bytes, u64 low, u64 high, u64& linear) {
        if (flat64_) {
            if (!cpu_.canonical(at) || !cpu_.canonical(at + bytes - 1)) return refuse();
            linear = at;
        } else {
            if (at < low || at + bytes - 1 > high) return refuse();
            linear = static_cast<u32>(stack_.base + at);
        }
        return !misaligned(linear, bytes);
    }
    template<class T>
    bool pop_as(u64 linear, u64& value) {
        T narrow;
        if (!cpu_.read_linear(linear, narrow, who_)) return false;
        value = narrow;
        return true;
    }
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
    bool flat64_ = false;
};

/// The stack of an inner level as the TSS gives it, checked. False with #TS, #NP, #SS or #PF set.
struct InnerStack {
    Segment segment;  ///< ready to become SS
    u32 pointer = 0;
};
[[nodiscard]] bool fetch_inner_stack(Cpu& cpu, unsigned cpl, InnerStack& out);

/// IA-32e mode: RSP0–2 of the TSS (`slot` 0 to 2), or one of the interrupt stack table (kFirstIst + n - 1). False
/// with #TS(TR), #SS(0) for an address that is not canonical, or #PF set.
inline constexpr unsigned kFirstIst = 4;
[[nodiscard]] bool fetch_stack64(Cpu& cpu, unsigned slot, u64& pointer);

}  // namespace gnomon
