// The mouse as a pointer that knows places: VMware's backdoor between the device and the calling processor.
#include "machine/machine.h"

namespace gnomon {
namespace {

constexpr std::pair<unsigned, u32 BackdoorRegisters::*> kRegisters[] = {
    {reg::AX, &BackdoorRegisters::eax}, {reg::BX, &BackdoorRegisters::ebx},
    {reg::CX, &BackdoorRegisters::ecx}, {reg::DX, &BackdoorRegisters::edx},
    {reg::SI, &BackdoorRegisters::esi}, {reg::DI, &BackdoorRegisters::edi}};

}  // namespace

Result<void> Machine::build_pointer() {
    const PointerChoice choice = config_.input.pointer;
    if (config_.input.mouse == MouseChoice::None) {
        if (choice == PointerChoice::Vmware)
            return fail("input.pointer: vmware needs a mouse, but input.mouse is none");
        return {};
    }
    if (choice == PointerChoice::Ps2) return {};
    VmwarePointer::Wiring wiring;
    wiring.registers = [this] {
        BackdoorRegisters registers;
        if (!running_) return registers;  // a debugger reads the port: no call
        for (const auto& [number, member] : kRegisters) registers.*member = running_->get<u32>(number);
        registers.cpl = static_cast<u8>(running_->cpl());
        return registers;
    };
    wiring.set_registers = [this](const BackdoorRegisters& registers) {
        for (const auto& [number, member] : kRegisters)
            if (running_->get<u32>(number) != registers.*member)
                running_->put<u32>(number, registers.*member);
    };
    wiring.data_waits = [this] { keyboard_->nudge_mouse(); };
    Result<std::unique_ptr<VmwarePointer>> made = VmwarePointer::create(ports_, std::move(wiring));
    if (!made) return made.error();
    pointer_ = std::move(*made);
    return {};
}

}  // namespace gnomon
