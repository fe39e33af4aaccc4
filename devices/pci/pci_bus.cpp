// Functions by device and function number.
#include "devices/pci/pci_bus.h"

namespace gnomon {

PciSlot& PciSlot::operator=(PciSlot&& other) noexcept {
    if (this != &other) {
        release();
        bus_ = std::exchange(other.bus_, nullptr);
        devfn_ = other.devfn_;
    }
    return *this;
}

void PciSlot::release() {
    if (bus_) std::exchange(bus_, nullptr)->entries_[devfn_] = {};
}

Result<PciSlot> PciBus::add(std::string_view owner, unsigned device, unsigned function, PciFunction& target) {
    if (device >= kDevices || function >= kFunctions)
        return fail("{}: there is no PCI device {:02x}.{:x}", owner, device, function);
    const u8 devfn = static_cast<u8>(device * kFunctions + function);
    if (entries_[devfn].target)
        return fail("PCI function 00:{:02x}.{:x} is claimed by both {} and {}", device, function,
                    entries_[devfn].owner, owner);
    entries_[devfn] = {std::string(owner), &target};
    return PciSlot(*this, devfn);
}

PciFunction* PciBus::find(unsigned bus, unsigned device, unsigned function) const {
    return bus == 0 ? entries_.at(device * kFunctions + function).target : nullptr;
}

u32 PciBus::config_read(unsigned bus, unsigned device, unsigned function, u8 offset, unsigned size) {
    PciFunction* target = find(bus, device, function);
    return target ? target->config_read(offset, size) : ~u32{0};
}

void PciBus::config_write(unsigned bus, unsigned device, unsigned function, u8 offset, unsigned size,
                          u32 value) {
    if (PciFunction* target = find(bus, device, function)) target->config_write(offset, size, value);
}

std::string PciBus::describe() {
    std::string text;
    for (unsigned devfn = 0; devfn < entries_.size(); devfn++) {
        if (!entries_[devfn].target) continue;
        const u32 id = entries_[devfn].target->config_read(0, 4);
        text += fmt::format("00:{:02x}.{:x} {:04x}:{:04x} {}\n", devfn / kFunctions, devfn % kFunctions,
                            id & 0xffff, id >> 16, entries_[devfn].owner);
    }
    return text;
}

}  // namespace gnomon
