// What ACPI tells the operating system about the board: PCI bus, interrupt links, ISA devices, soft-off.
// ACPI 1.0b and 2.0; Intel 82371SB (PIIX3) for the interrupt router. POST patches the two constants C0DExxxx.
DefinitionBlock ("dsdt.aml", "DSDT", 1, "GNOMON", "GNOMONPC", 0x1)
{
    // Filled in by POST: which of the optional ISA devices answered.
    OperationRegion (FND, SystemMemory, 0xC0DE1000, 4)
    Field (FND, ByteAcc, NoLock, Preserve)
    {
        HCM1, 1,
        HCM2, 1,
        HLPT, 1,
        HFDC, 1,
        HMOU, 1
    }

    // Type 0 of the PIIX4 power-management control register is soft-off.
    Name (\_S5, Package () {0, 0, 0, 0})

    // The operating system says which interrupt controllers it uses: 0 the 8259s, 1 the I/O APIC.
    Name (\PICM, 0)
    Method (\_PIC, 1) { Store (Arg0, PICM) }

    Scope (\_SB)
    {
        // Present where its registers answer.
        Device (HPET)
        {
            Name (_HID, EisaId ("PNP0103"))
            OperationRegion (REGS, SystemMemory, 0xFED00000, 8)
            Field (REGS, DWordAcc, NoLock, Preserve) { CAPS, 32, PERD, 32 }
            Method (_STA)
            {
                If (LEqual (CAPS, 0xFFFFFFFF)) { Return (0) }
                Return (0x0F)
            }
            Name (_CRS, ResourceTemplate () { Memory32Fixed (ReadOnly, 0xFED00000, 0x400) })
        }

        Device (PCI0)
        {
            Name (_HID, EisaId ("PNP0A03"))
            Name (_UID, 0)
            Name (_CRS, ResourceTemplate ()
            {
                WordBusNumber (ResourceProducer, MinFixed, MaxFixed, PosDecode, 0, 0, 0xFF, 0, 0x100)
                IO (Decode16, 0x0CF8, 0x0CF8, 1, 8)
                WordIO (ResourceProducer, MinFixed, MaxFixed, PosDecode, EntireRange, 0, 0, 0x0CF7, 0, 0x0CF8)
                WordIO (ResourceProducer, MinFixed, MaxFixed, PosDecode, EntireRange, 0, 0x0D00, 0xFFFF, 0, 0xF300)
                DWordMemory (ResourceProducer, PosDecode, MinFixed, MaxFixed, Cacheable, ReadWrite,
                             0, 0x000A0000, 0x000BFFFF, 0, 0x00020000)
                DWordMemory (ResourceProducer, PosDecode, MinFixed, MaxFixed, NonCacheable, ReadWrite,
                             0, 0xC0DE0000, 0xFEBFFFFF, 0, 0x3DE20000)
            })
            // Routes of the 8259s by way of the links, and of the I/O APIC, where PIRQA-D are inputs 16-19.
            Name (PRTP, Package ()
            {
                Package () {0x0001FFFF, 0, 0, 9}, Package () {0x0001FFFF, 1, LNKB, 0},
                Package () {0x0001FFFF, 2, LNKC, 0}, Package () {0x0001FFFF, 3, LNKD, 0},
                Package () {0x0002FFFF, 0, LNKB, 0}, Package () {0x0002FFFF, 1, LNKC, 0},
                Package () {0x0002FFFF, 2, LNKD, 0}, Package () {0x0002FFFF, 3, LNKA, 0},
                Package () {0x0003FFFF, 0, LNKC, 0}, Package () {0x0003FFFF, 1, LNKD, 0},
                Package () {0x0003FFFF, 2, LNKA, 0}, Package () {0x0003FFFF, 3, LNKB, 0},
                Package () {0x0004FFFF, 0, LNKD, 0}, Package () {0x0004FFFF, 1, LNKA, 0},
                Package () {0x0004FFFF, 2, LNKB, 0}, Package () {0x0004FFFF, 3, LNKC, 0},
                Package () {0x0005FFFF, 0, LNKA, 0}, Package () {0x0005FFFF, 1, LNKB, 0},
                Package () {0x0005FFFF, 2, LNKC, 0}, Package () {0x0005FFFF, 3, LNKD, 0},
                Package () {0x0006FFFF, 0, LNKB, 0}, Package () {0x0006FFFF, 1, LNKC, 0},
                Package () {0x0006FFFF, 2, LNKD, 0}, Package () {0x0006FFFF, 3, LNKA, 0},
                Package () {0x0007FFFF, 0, LNKC, 0}, Package () {0x0007FFFF, 1, LNKD, 0},
                Package () {0x0007FFFF, 2, LNKA, 0}, Package () {0x0007FFFF, 3, LNKB, 0},
                Package () {0x0008FFFF, 0, LNKD, 0}, Package () {0x0008FFFF, 1, LNKA, 0},
                Package () {0x0008FFFF, 2, LNKB, 0}, Package () {0x0008FFFF, 3, LNKC, 0},
                Package () {0x0009FFFF, 0, LNKA, 0}, Package () {0x0009FFFF, 1, LNKB, 0},
                Package () {0x0009FFFF, 2, LNKC, 0}, Package () {0x0009FFFF, 3, LNKD, 0},
                Package () {0x000AFFFF, 0, LNKB, 0}, Package () {0x000AFFFF, 1, LNKC, 0},
                Package () {0x000AFFFF, 2, LNKD, 0}, Package () {0x000AFFFF, 3, LNKA, 0},
                Package () {0x000BFFFF, 0, LNKC, 0}, Package () {0x000BFFFF, 1, LNKD, 0},
                Package () {0x000BFFFF, 2, LNKA, 0}, Package () {0x000BFFFF, 3, LNKB, 0},
                Package () {0x000CFFFF, 0, LNKD, 0}, Package () {0x000CFFFF, 1, LNKA, 0},
                Package () {0x000CFFFF, 2, LNKB, 0}, Package () {0x000CFFFF, 3, LNKC, 0},
                Package () {0x000DFFFF, 0, LNKA, 0}, Package () {0x000DFFFF, 1, LNKB, 0},
                Package () {0x000DFFFF, 2, LNKC, 0}, Package () {0x000DFFFF, 3, LNKD, 0},
                Package () {0x000EFFFF, 0, LNKB, 0}, Package () {0x000EFFFF, 1, LNKC, 0},
                Package () {0x000EFFFF, 2, LNKD, 0}, Package () {0x000EFFFF, 3, LNKA, 0},
                Package () {0x000FFFFF, 0, LNKC, 0}, Package () {0x000FFFFF, 1, LNKD, 0},
                Package () {0x000FFFFF, 2, LNKA, 0}, Package () {0x000FFFFF, 3, LNKB, 0},
                Package () {0x0010FFFF, 0, LNKD, 0}, Package () {0x0010FFFF, 1, LNKA, 0},
                Package () {0x0010FFFF, 2, LNKB, 0}, Package () {0x0010FFFF, 3, LNKC, 0},
                Package () {0x0011FFFF, 0, LNKA, 0}, Package () {0x0011FFFF, 1, LNKB, 0},
                Package () {0x0011FFFF, 2, LNKC, 0}, Package () {0x0011FFFF, 3, LNKD, 0},
                Package () {0x0012FFFF, 0, LNKB, 0}, Package () {0x0012FFFF, 1, LNKC, 0},
                Package () {0x0012FFFF, 2, LNKD, 0}, Package () {0x0012FFFF, 3, LNKA, 0},
                Package () {0x0013FFFF, 0, LNKC, 0}, Package () {0x0013FFFF, 1, LNKD, 0},
                Package () {0x0013FFFF, 2, LNKA, 0}, Package () {0x0013FFFF, 3, LNKB, 0},
                Package () {0x0014FFFF, 0, LNKD, 0}, Package () {0x0014FFFF, 1, LNKA, 0},
                Package () {0x0014FFFF, 2, LNKB, 0}, Package () {0x0014FFFF, 3, LNKC, 0},
                Package () {0x0015FFFF, 0, LNKA, 0}, Package () {0x0015FFFF, 1, LNKB, 0},
                Package () {0x0015FFFF, 2, LNKC, 0}, Package () {0x0015FFFF, 3, LNKD, 0},
                Package () {0x0016FFFF, 0, LNKB, 0}, Package () {0x0016FFFF, 1, LNKC, 0},
                Package () {0x0016FFFF, 2, LNKD, 0}, Package () {0x0016FFFF, 3, LNKA, 0},
                Package () {0x0017FFFF, 0, LNKC, 0}, Package () {0x0017FFFF, 1, LNKD, 0},
                Package () {0x0017FFFF, 2, LNKA, 0}, Package () {0x0017FFFF, 3, LNKB, 0},
                Package () {0x0018FFFF, 0, LNKD, 0}, Package () {0x0018FFFF, 1, LNKA, 0},
                Package () {0x0018FFFF, 2, LNKB, 0}, Package () {0x0018FFFF, 3, LNKC, 0},
                Package () {0x0019FFFF, 0, LNKA, 0}, Package () {0x0019FFFF, 1, LNKB, 0},
                Package () {0x0019FFFF, 2, LNKC, 0}, Package () {0x0019FFFF, 3, LNKD, 0},
                Package () {0x001AFFFF, 0, LNKB, 0}, Package () {0x001AFFFF, 1, LNKC, 0},
                Package () {0x001AFFFF, 2, LNKD, 0}, Package () {0x001AFFFF, 3, LNKA, 0},
                Package () {0x001BFFFF, 0, LNKC, 0}, Package () {0x001BFFFF, 1, LNKD, 0},
                Package () {0x001BFFFF, 2, LNKA, 0}, Package () {0x001BFFFF, 3, LNKB, 0},
                Package () {0x001CFFFF, 0, LNKD, 0}, Package () {0x001CFFFF, 1, LNKA, 0},
                Package () {0x001CFFFF, 2, LNKB, 0}, Package () {0x001CFFFF, 3, LNKC, 0},
                Package () {0x001DFFFF, 0, LNKA, 0}, Package () {0x001DFFFF, 1, LNKB, 0},
                Package () {0x001DFFFF, 2, LNKC, 0}, Package () {0x001DFFFF, 3, LNKD, 0},
                Package () {0x001EFFFF, 0, LNKB, 0}, Package () {0x001EFFFF, 1, LNKC, 0},
                Package () {0x001EFFFF, 2, LNKD, 0}, Package () {0x001EFFFF, 3, LNKA, 0},
                Package () {0x001FFFFF, 0, LNKC, 0}, Package () {0x001FFFFF, 1, LNKD, 0},
                Package () {0x001FFFFF, 2, LNKA, 0}, Package () {0x001FFFFF, 3, LNKB, 0}
            })

            Name (PRTA, Package ()
            {
                Package () {0x0001FFFF, 0, 0, 9}, Package () {0x0001FFFF, 1, 0, 17},
                Package () {0x0001FFFF, 2, 0, 18}, Package () {0x0001FFFF, 3, 0, 19},
                Package () {0x0002FFFF, 0, 0, 17}, Package () {0x0002FFFF, 1, 0, 18},
                Package () {0x0002FFFF, 2, 0, 19}, Package () {0x0002FFFF, 3, 0, 16},
                Package () {0x0003FFFF, 0, 0, 18}, Package () {0x0003FFFF, 1, 0, 19},
                Package () {0x0003FFFF, 2, 0, 16}, Package () {0x0003FFFF, 3, 0, 17},
                Package () {0x0004FFFF, 0, 0, 19}, Package () {0x0004FFFF, 1, 0, 16},
                Package () {0x0004FFFF, 2, 0, 17}, Package () {0x0004FFFF, 3, 0, 18},
                Package () {0x0005FFFF, 0, 0, 16}, Package () {0x0005FFFF, 1, 0, 17},
                Package () {0x0005FFFF, 2, 0, 18}, Package () {0x0005FFFF, 3, 0, 19},
                Package () {0x0006FFFF, 0, 0, 17}, Package () {0x0006FFFF, 1, 0, 18},
                Package () {0x0006FFFF, 2, 0, 19}, Package () {0x0006FFFF, 3, 0, 16},
                Package () {0x0007FFFF, 0, 0, 18}, Package () {0x0007FFFF, 1, 0, 19},
                Package () {0x0007FFFF, 2, 0, 16}, Package () {0x0007FFFF, 3, 0, 17},
                Package () {0x0008FFFF, 0, 0, 19}, Package () {0x0008FFFF, 1, 0, 16},
                Package () {0x0008FFFF, 2, 0, 17}, Package () {0x0008FFFF, 3, 0, 18},
                Package () {0x0009FFFF, 0, 0, 16}, Package () {0x0009FFFF, 1, 0, 17},
                Package () {0x0009FFFF, 2, 0, 18}, Package () {0x0009FFFF, 3, 0, 19},
                Package () {0x000AFFFF, 0, 0, 17}, Package () {0x000AFFFF, 1, 0, 18},
                Package () {0x000AFFFF, 2, 0, 19}, Package () {0x000AFFFF, 3, 0, 16},
                Package () {0x000BFFFF, 0, 0, 18}, Package () {0x000BFFFF, 1, 0, 19},
                Package () {0x000BFFFF, 2, 0, 16}, Package () {0x000BFFFF, 3, 0, 17},
                Package () {0x000CFFFF, 0, 0, 19}, Package () {0x000CFFFF, 1, 0, 16},
                Package () {0x000CFFFF, 2, 0, 17}, Package () {0x000CFFFF, 3, 0, 18},
                Package () {0x000DFFFF, 0, 0, 16}, Package () {0x000DFFFF, 1, 0, 17},
                Package () {0x000DFFFF, 2, 0, 18}, Package () {0x000DFFFF, 3, 0, 19},
                Package () {0x000EFFFF, 0, 0, 17}, Package () {0x000EFFFF, 1, 0, 18},
                Package () {0x000EFFFF, 2, 0, 19}, Package () {0x000EFFFF, 3, 0, 16},
                Package () {0x000FFFFF, 0, 0, 18}, Package () {0x000FFFFF, 1, 0, 19},
                Package () {0x000FFFFF, 2, 0, 16}, Package () {0x000FFFFF, 3, 0, 17},
                Package () {0x0010FFFF, 0, 0, 19}, Package () {0x0010FFFF, 1, 0, 16},
                Package () {0x0010FFFF, 2, 0, 17}, Package () {0x0010FFFF, 3, 0, 18},
                Package () {0x0011FFFF, 0, 0, 16}, Package () {0x0011FFFF, 1, 0, 17},
                Package () {0x0011FFFF, 2, 0, 18}, Package () {0x0011FFFF, 3, 0, 19},
                Package () {0x0012FFFF, 0, 0, 17}, Package () {0x0012FFFF, 1, 0, 18},
                Package () {0x0012FFFF, 2, 0, 19}, Package () {0x0012FFFF, 3, 0, 16},
                Package () {0x0013FFFF, 0, 0, 18}, Package () {0x0013FFFF, 1, 0, 19},
                Package () {0x0013FFFF, 2, 0, 16}, Package () {0x0013FFFF, 3, 0, 17},
                Package () {0x0014FFFF, 0, 0, 19}, Package () {0x0014FFFF, 1, 0, 16},
                Package () {0x0014FFFF, 2, 0, 17}, Package () {0x0014FFFF, 3, 0, 18},
                Package () {0x0015FFFF, 0, 0, 16}, Package () {0x0015FFFF, 1, 0, 17},
                Package () {0x0015FFFF, 2, 0, 18}, Package () {0x0015FFFF, 3, 0, 19},
                Package () {0x0016FFFF, 0, 0, 17}, Package () {0x0016FFFF, 1, 0, 18},
                Package () {0x0016FFFF, 2, 0, 19}, Package () {0x0016FFFF, 3, 0, 16},
                Package () {0x0017FFFF, 0, 0, 18}, Package () {0x0017FFFF, 1, 0, 19},
                Package () {0x0017FFFF, 2, 0, 16}, Package () {0x0017FFFF, 3, 0, 17},
                Package () {0x0018FFFF, 0, 0, 19}, Package () {0x0018FFFF, 1, 0, 16},
                Package () {0x0018FFFF, 2, 0, 17}, Package () {0x0018FFFF, 3, 0, 18},
                Package () {0x0019FFFF, 0, 0, 16}, Package () {0x0019FFFF, 1, 0, 17},
                Package () {0x0019FFFF, 2, 0, 18}, Package () {0x0019FFFF, 3, 0, 19},
                Package () {0x001AFFFF, 0, 0, 17}, Package () {0x001AFFFF, 1, 0, 18},
                Package () {0x001AFFFF, 2, 0, 19}, Package () {0x001AFFFF, 3, 0, 16},
                Package () {0x001BFFFF, 0, 0, 18}, Package () {0x001BFFFF, 1, 0, 19},
                Package () {0x001BFFFF, 2, 0, 16}, Package () {0x001BFFFF, 3, 0, 17},
                Package () {0x001CFFFF, 0, 0, 19}, Package () {0x001CFFFF, 1, 0, 16},
                Package () {0x001CFFFF, 2, 0, 17}, Package () {0x001CFFFF, 3, 0, 18},
                Package () {0x001DFFFF, 0, 0, 16}, Package () {0x001DFFFF, 1, 0, 17},
                Package () {0x001DFFFF, 2, 0, 18}, Package () {0x001DFFFF, 3, 0, 19},
                Package () {0x001EFFFF, 0, 0, 17}, Package () {0x001EFFFF, 1, 0, 18},
                Package () {0x001EFFFF, 2, 0, 19}, Package () {0x001EFFFF, 3, 0, 16},
                Package () {0x001FFFFF, 0, 0, 18}, Package () {0x001FFFFF, 1, 0, 19},
                Package () {0x001FFFFF, 2, 0, 16}, Package () {0x001FFFFF, 3, 0, 17}
            })

            Method (_PRT) { If (PICM) { Return (PRTA) } Return (PRTP) }

            Device (ISA)
            {
                Name (_ADR, 0x00010000)
                OperationRegion (PIRQ, PCI_Config, 0x60, 4)
                Field (PIRQ, ByteAcc, NoLock, Preserve)
                {
                    PRQA, 8,
                    PRQB, 8,
                    PRQC, 8,
                    PRQD, 8
                }

                Device (PIC)
                {
                    Name (_HID, EisaId ("PNP0000"))
                    Name (_CRS, ResourceTemplate ()
                    {
                        IO (Decode16, 0x20, 0x20, 1, 2)
                        IO (Decode16, 0xA0, 0xA0, 1, 2)
                        IO (Decode16, 0x4D0, 0x4D0, 1, 2)
                        IRQNoFlags () {2}
                    })
                }

                Device (DMAC)
                {
                    Name (_HID, EisaId ("PNP0200"))
                    Name (_CRS, ResourceTemplate ()
                    {
                        IO (Decode16, 0x00, 0x00, 1, 0x10)
                        IO (Decode16, 0x81, 0x81, 1, 0x0F)
                        IO (Decode16, 0xC0, 0xC0, 1, 0x20)
                        DMA (Compatibility, NotBusMaster, Transfer8) {4}
                    })
                }

                Device (TMR)
                {
                    Name (_HID, EisaId ("PNP0100"))
                    Name (_CRS, ResourceTemplate ()
                    {
                        IO (Decode16, 0x40, 0x40, 1, 4)
                        IRQNoFlags () {0}
                    })
                }

                Device (RTC)
                {
                    Name (_HID, EisaId ("PNP0B00"))
                    Name (_CRS, ResourceTemplate ()
                    {
                        IO (Decode16, 0x70, 0x70, 1, 2)
                        IRQNoFlags () {8}
                    })
                }

                Device (SPKR)
                {
                    Name (_HID, EisaId ("PNP0800"))
                    Name (_CRS, ResourceTemplate () { IO (Decode16, 0x61, 0x61, 1, 1) })
                }

                Device (FPU)
                {
                    Name (_HID, EisaId ("PNP0C04"))
                    Name (_CRS, ResourceTemplate ()
                    {
                        IO (Decode16, 0xF0, 0xF0, 1, 1)
                        IRQNoFlags () {13}
                    })
                }

                Device (KBD)
                {
                    Name (_HID, EisaId ("PNP0303"))
                    Name (_CRS, ResourceTemplate ()
                    {
                        IO (Decode16, 0x60, 0x60, 1, 1)
                        IO (Decode16, 0x64, 0x64, 1, 1)
                        IRQNoFlags () {1}
                    })
                }

                Device (MOU)
                {
                    Name (_HID, EisaId ("PNP0F13"))
                    Method (_STA) { If (HMOU) { Return (0x0F) } Return (0) }
                    Name (_CRS, ResourceTemplate () { IRQNoFlags () {12} })
                }

                Device (FDC)
                {
                    Name (_HID, EisaId ("PNP0700"))
                    Method (_STA) { If (HFDC) { Return (0x0F) } Return (0) }
                    Name (_CRS, ResourceTemplate ()
                    {
                        IO (Decode16, 0x3F2, 0x3F2, 1, 4)
                        IO (Decode16, 0x3F7, 0x3F7, 1, 1)
                        IRQNoFlags () {6}
                        DMA (Compatibility, NotBusMaster, Transfer8) {2}
                    })
                }

                Device (LPT)
                {
                    Name (_HID, EisaId ("PNP0400"))
                    Method (_STA) { If (HLPT) { Return (0x0F) } Return (0) }
                    Name (_CRS, ResourceTemplate ()
                    {
                        IO (Decode16, 0x378, 0x378, 1, 8)
                        IRQNoFlags () {7}
                    })
                }

                Device (COM1)
                {
                    Name (_HID, EisaId ("PNP0501"))
                    Name (_UID, 1)
                    Method (_STA) { If (HCM1) { Return (0x0F) } Return (0) }
                    Name (_CRS, ResourceTemplate ()
                    {
                        IO (Decode16, 0x3F8, 0x3F8, 1, 8)
                        IRQNoFlags () {4}
                    })
                }

                Device (COM2)
                {
                    Name (_HID, EisaId ("PNP0501"))
                    Name (_UID, 2)
                    Method (_STA) { If (HCM2) { Return (0x0F) } Return (0) }
                    Name (_CRS, ResourceTemplate ()
                    {
                        IO (Decode16, 0x2F8, 0x2F8, 1, 8)
                        IRQNoFlags () {3}
                    })
                }

                // Ports of the board that no other device claims.
                Device (SYSR)
                {
                    Name (_HID, EisaId ("PNP0C02"))
                    Name (_CRS, ResourceTemplate ()
                    {
                        IO (Decode16, 0x80, 0x80, 1, 1)
                        IO (Decode16, 0x92, 0x92, 1, 1)
                        IO (Decode16, 0xB2, 0xB2, 1, 2)
                        IO (Decode16, 0x600, 0x600, 1, 0x40)
                        IO (Decode16, 0x700, 0x700, 1, 0x10)
                    })
                }
            }
        }

        // The PIIX3 interrupt router: bit 7 of a route register switches it off, the low bits are the IRQ.
        Method (LSTA, 1) { If (And (Arg0, 0x80)) { Return (0x09) } Return (0x0B) }
        Name (RES, ResourceTemplate () { IRQ (Level, ActiveLow, Shared) {5} })
        Method (LCRS, 1, Serialized)
        {
            CreateWordField (RES, 1, MASK)
            If (And (Arg0, 0x80)) { Store (0, MASK) } Else { ShiftLeft (1, And (Arg0, 0x0F), MASK) }
            Return (RES)
        }
        Method (LIRQ, 1, Serialized)
        {
            CreateWordField (Arg0, 1, MASK)
            FindSetRightBit (MASK, Local0)
            Return (Subtract (Local0, 1))
        }

    Device (LNKA)
    {
        Name (_HID, EisaId ("PNP0C0F"))
        Name (_UID, 1)
        Name (_PRS, ResourceTemplate () { IRQ (Level, ActiveLow, Shared) {5, 10, 11} })
        Method (_STA) { Return (LSTA (^^PCI0.ISA.PRQA)) }
        Method (_DIS) { Or (^^PCI0.ISA.PRQA, 0x80, ^^PCI0.ISA.PRQA) }
        Method (_CRS) { Return (LCRS (^^PCI0.ISA.PRQA)) }
        Method (_SRS, 1) { Store (LIRQ (Arg0), ^^PCI0.ISA.PRQA) }
    }
    Device (LNKB)
    {
        Name (_HID, EisaId ("PNP0C0F"))
        Name (_UID, 2)
        Name (_PRS, ResourceTemplate () { IRQ (Level, ActiveLow, Shared) {5, 10, 11} })
        Method (_STA) { Return (LSTA (^^PCI0.ISA.PRQB)) }
        Method (_DIS) { Or (^^PCI0.ISA.PRQB, 0x80, ^^PCI0.ISA.PRQB) }
        Method (_CRS) { Return (LCRS (^^PCI0.ISA.PRQB)) }
        Method (_SRS, 1) { Store (LIRQ (Arg0), ^^PCI0.ISA.PRQB) }
    }
    Device (LNKC)
    {
        Name (_HID, EisaId ("PNP0C0F"))
        Name (_UID, 3)
        Name (_PRS, ResourceTemplate () { IRQ (Level, ActiveLow, Shared) {5, 10, 11} })
        Method (_STA) { Return (LSTA (^^PCI0.ISA.PRQC)) }
        Method (_DIS) { Or (^^PCI0.ISA.PRQC, 0x80, ^^PCI0.ISA.PRQC) }
        Method (_CRS) { Return (LCRS (^^PCI0.ISA.PRQC)) }
        Method (_SRS, 1) { Store (LIRQ (Arg0), ^^PCI0.ISA.PRQC) }
    }
    Device (LNKD)
    {
        Name (_HID, EisaId ("PNP0C0F"))
        Name (_UID, 4)
        Name (_PRS, ResourceTemplate () { IRQ (Level, ActiveLow, Shared) {5, 10, 11} })
        Method (_STA) { Return (LSTA (^^PCI0.ISA.PRQD)) }
        Method (_DIS) { Or (^^PCI0.ISA.PRQD, 0x80, ^^PCI0.ISA.PRQD) }
        Method (_CRS) { Return (LCRS (^^PCI0.ISA.PRQD)) }
        Method (_SRS, 1) { Store (LIRQ (Arg0), ^^PCI0.ISA.PRQD) }
    }
    }
}
