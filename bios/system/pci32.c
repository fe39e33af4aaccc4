// The PCI BIOS functions in 32-bit code, behind the BIOS32 entry of bios32.S. Position independent, no data.
#include "bios.h"
#include "pci_services.h"

u8 pci32_services(struct PciCall* c);
__attribute__((section(".flat32"))) u8 pci32_services(struct PciCall* c) { return pci_services(c); }
