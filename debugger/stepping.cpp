// Instructions by their flow: calls, returns and repetitions. SDM Vol. 1, "Control Transfer Instructions".
#include "debugger/stepping.h"

#include "cpu/decode.h"

namespace gnomon {

Shape shape_at(Debugger& debugger, unsigned processor) {
    Cpu& cpu = debugger.cpu(processor);
    std::array<u8, 15> bytes{};
    const auto available =
        static_cast<unsigned>(debugger.read_linear(processor, code_address(cpu.state), bytes));
    Decoded decoded;
    if (available == 0 || decode(bytes.data(), available, cpu.mode_key, cpu.features(), decoded) != DecodeStatus::Ok)
        return {};
    Shape shape{Flow::Straight, decoded.length};
    const std::string_view name = decoded.row->mnemonic;
    if (name.starts_with("CALL") || name == "INT" || name == "INT3" || name == "INTO" || name == "SYSCALL" ||
        name == "SYSENTER")
        shape.flow = Flow::Call;
    else if (name.starts_with("RET") || name.starts_with("IRET") || name.starts_with("SYSRET") || name == "SYSEXIT")
        shape.flow = Flow::Return;
    else if (decoded.prefixes & (prefix::kRep | prefix::kRepne))
        shape.flow = Flow::Repeated;
    return shape;
}

u64 stack_pointer(const Cpu& cpu) {
    return linear_address(cpu.state, Seg::SS, cpu.state.gpr[reg::SP] & (code_bits(cpu.state) == 64 ? ~u64{0} : cpu.stack_mask()));
}

}  // namespace gnomon
