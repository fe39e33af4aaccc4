// Call frame information. DWARF 5, section 6.4, and section 2.5, "DWARF Expressions"; register numbers of the
// i386 and x86-64 processor supplements of the System V ABI.
#include <cstdlib>
#include <memory>

#include "debugger/symbols/dwarf_file.h"

namespace gnomon {
namespace {

/// DWARF's numbers of the general registers, in the order of instruction encodings.
constexpr std::array<u8, 8> kNumbers32{0, 1, 2, 3, 4, 5, 6, 7};
constexpr std::array<u8, 16> kNumbers64{0, 2, 1, 3, 7, 6, 4, 5, 8, 9, 10, 11, 12, 13, 14, 15};

class ExpressionEvaluator {
  public:
    ExpressionEvaluator(const FrameRegisters& registers, unsigned address_size, const MemoryReader& read)
        : registers_(registers), address_size_(address_size), read_(read) {}

    void set_cfa(u64 cfa) { cfa_ = cfa; }

    [[nodiscard]] std::optional<u64> register_value(u64 number) const {
        const std::span<const u8> numbers =
            address_size_ == 4 ? std::span<const u8>(kNumbers32) : std::span<const u8>(kNumbers64);
        if (number == numbers.size()) return registers_.pc;
        for (size_t i = 0; i < numbers.size(); i++)
            if (numbers[i] == number) return registers_.gpr[i];
        return {};
    }
    [[nodiscard]] std::optional<u64> load(u64 address, unsigned size) const {
        u64 value = 0;
        if (!read_(address & mask(), std::span(reinterpret_cast<u8*>(&value), size))) return {};
        return value;
    }
    [[nodiscard]] u64 mask() const { return address_size_ == 4 ? 0xffffffff : ~u64{0}; }

    /// The value that the operations leave; `is_value` tells that it is not the address of one.
    std::optional<u64> evaluate(const Dwarf_Op* operations, size_t count, bool& is_value) {
        stack_.clear();
        is_value = false;
        for (size_t i = 0; i < count; i++) {
            if (operations[i].atom == DW_OP_stack_value)
                is_value = true;
            else if (!step(operations[i]))
                return {};
        }
        if (stack_.empty()) return {};
        return stack_.back() & mask();
    }

  private:
    bool push(std::optional<u64> value) {
        if (!value) return false;
        stack_.push_back(*value & mask());
        return true;
    }
    bool pop(u64& value) {
        if (stack_.empty()) return false;
        value = stack_.back();
        stack_.pop_back();
        return true;
    }
    bool step(const Dwarf_Op& operation) {
        const u8 atom = operation.atom;
        if (atom >= DW_OP_lit0 && atom <= DW_OP_lit31) return push(atom - DW_OP_lit0);
        if (atom >= DW_OP_breg0 && atom <= DW_OP_breg31)
            return push_sum(register_value(atom - DW_OP_breg0), operation.number);
        switch (atom) {
            case DW_OP_bregx: return push_sum(register_value(operation.number), operation.number2);
            case DW_OP_call_frame_cfa: return push(cfa_);
            case DW_OP_addr:
            case DW_OP_const1u:
            case DW_OP_const1s:
            case DW_OP_const2u:
            case DW_OP_const2s:
            case DW_OP_const4u:
            case DW_OP_const4s:
            case DW_OP_const8u:
            case DW_OP_const8s:
            case DW_OP_constu:
            case DW_OP_consts: return push(operation.number);
            case DW_OP_dup: return !stack_.empty() && push(stack_.back());
            case DW_OP_drop: {
                u64 ignored = 0;
                return pop(ignored);
            }
            case DW_OP_deref: {
                u64 address = 0;
                return pop(address) && push(load(address, address_size_));
            }
            case DW_OP_deref_size: {
                u64 address = 0;
                return pop(address) && push(load(address, static_cast<unsigned>(operation.number) & 15));
            }
            case DW_OP_plus_uconst: {
                u64 value = 0;
                return pop(value) && push(value + operation.number);
            }
            case DW_OP_neg: {
                u64 value = 0;
                return pop(value) && push(~value + 1);
            }
            default: return binary(atom);
        }
    }
    bool push_sum(std::optional<u64> base, u64 offset) { return base && push(*base + offset); }
    bool binary(u8 atom) {
        u64 right = 0;
        u64 left = 0;
        if (!pop(right) || !pop(left)) return false;
        const i64 a = signed_value(left);
        const i64 b = signed_value(right);
        switch (atom) {
            case DW_OP_plus: return push(left + right);
            case DW_OP_minus: return push(left - right);
            case DW_OP_mul: return push(left * right);
            case DW_OP_and: return push(left & right);
            case DW_OP_or: return push(left | right);
            case DW_OP_xor: return push(left ^ right);
            case DW_OP_shl: return push(right < 64 ? left << right : 0);
            case DW_OP_shr: return push(right < 64 ? left >> right : 0);
            case DW_OP_eq: return push(a == b);
            case DW_OP_ne: return push(a != b);
            case DW_OP_ge: return push(a >= b);
            case DW_OP_gt: return push(a > b);
            case DW_OP_le: return push(a <= b);
            case DW_OP_lt: return push(a < b);
            default: return false;
        }
    }
    [[nodiscard]] i64 signed_value(u64 value) const {
        return address_size_ == 4 ? static_cast<i32>(value) : static_cast<i64>(value);
    }

    const FrameRegisters& registers_;
    const unsigned address_size_;
    const MemoryReader& read_;
    u64 cfa_ = 0;
    std::vector<u64> stack_;
};

}  // namespace

bool DwarfFile::unwind(FrameRegisters& registers, u64 lookup, const MemoryReader& read, u64& cfa,
                       bool& signal_frame) {
    Dwarf_Frame* found = nullptr;
    for (Dwarf_CFI* cfi : {debug_frame_, eh_frame_})
        if (cfi && !found && dwarf_cfi_addrframe(cfi, lookup, &found) != 0) found = nullptr;
    if (!found) return false;
    const std::unique_ptr<Dwarf_Frame, decltype(&std::free)> frame(found, &std::free);
    dwarf_frame_info(found, nullptr, nullptr, &signal_frame);

    ExpressionEvaluator evaluator(registers, address_size_, read);
    Dwarf_Op* operations = nullptr;
    size_t count = 0;
    bool is_value = false;
    if (dwarf_frame_cfa(found, &operations, &count) != 0) return false;
    const std::optional<u64> frame_address = evaluator.evaluate(operations, count, is_value);
    if (!frame_address) return false;
    evaluator.set_cfa(*frame_address);

    // Value of one register in the caller; the ABI's rule for those without one is that they are unchanged.
    const auto recover = [&](unsigned number, u64 unchanged, bool& defined) -> std::optional<u64> {
        std::array<Dwarf_Op, 3> storage{};
        Dwarf_Op* rule = nullptr;
        size_t length = 0;
        if (dwarf_frame_register(found, static_cast<int>(number), storage.data(), &rule, &length) != 0)
            return {};
        defined = length != 0;
        if (length == 0) return unchanged;
        bool value = false;
        const std::optional<u64> result = evaluator.evaluate(rule, length, value);
        if (!result || value) return result;
        return evaluator.load(*result, address_size_);
    };
    FrameRegisters caller = registers;
    const unsigned general = address_size_ == 4 ? 8 : 16;
    bool defined = false;
    for (unsigned i = 0; i < general; i++) {
        const unsigned number = address_size_ == 4 ? kNumbers32[i] : kNumbers64[i];
        const std::optional<u64> value = recover(number, registers.gpr[i], defined);
        if (!value) return false;
        caller.gpr[i] = i == 4 && !defined ? *frame_address : *value;
    }
    const std::optional<u64> pc = recover(general, 0, defined);
    if (!pc || !defined) return false;  // an undefined return address marks the outermost frame
    caller.pc = *pc;
    registers = caller;
    cfa = *frame_address;
    return true;
}

}  // namespace gnomon
