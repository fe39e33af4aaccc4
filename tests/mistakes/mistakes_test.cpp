// Each guest of this folder makes one mistake; `explain` must name it.
#include "debugger/console/console_fixture.h"

namespace gnomon {
namespace {

std::string program(const std::string& name) { return std::string(GNOMON_MISTAKES) + "/" + name + ".bin"; }

/// The line that names the likely cause, after the guest has shut the processor down.
std::string cause_of(const std::string& name) {
    ConsoleFixture guest(program(name));
    const std::string stop = guest("c");
    EXPECT_TRUE(stop.starts_with("Stopped: triple fault (processor 0, ")) << stop;
    const std::string report = guest("explain");
    constexpr std::string_view kMark = "  Likely cause: ";
    const size_t at = report.find(kMark);
    if (at == report.npos) return report;
    const size_t start = at + kMark.size();
    return report.substr(start, report.find('\n', start) - start);
}

TEST(Mistakes, BadGdt) {
    EXPECT_EQ(cause_of("bad_gdt"),
              "a wrong far jump or a bad GDT: \"jmp far 0x0008:0x7C2C\" uses selector 0x0008: entry 1 of the GDT (base 0x7c30, limit 0x17) is "
              "00cf1a00 0000ffff, not present (bit 47 is 0).");
}
TEST(Mistakes, MissingGate) {
    EXPECT_EQ(cause_of("missing_gate"),
              "nobody handles #UD: gate 6 at 0x6030 is 00000000 00000000, empty: no handler was installed; the exception itself is that of "
              "\"ud2\".");
}
TEST(Mistakes, StackOverflowIntoThePageTables) {
    EXPECT_EQ(cause_of("stack_overflow"),
              "the stack has grown into the page tables: the stack pointer 0x9024 lies in one of them (CR3 0x8000).");
}
TEST(Mistakes, PagingWithoutAnIdentityMap) {
    EXPECT_EQ(cause_of("no_identity_map"),
              "the code that runs is not mapped: the PDE at 0x8000 (0x0) is not present; paging was switched on without an identity map of it.");
}
TEST(Mistakes, WrongFarJump) {
    EXPECT_EQ(cause_of("wrong_far_jump"),
              "a wrong far jump or a bad GDT: \"jmp far 0x0010:0x7C2C\" uses selector 0x0010: entry 2 of the GDT (base 0x7c30, limit 0x17) is "
              "00cf9200 0000ffff, a data segment; CS must be a code segment (bit 43).");
}
TEST(Mistakes, PicNotRemapped) {
    EXPECT_EQ(cause_of("pic_not_remapped"),
              "the PIC is not remapped: IRQ 0 arrives as vector 8, which is #DF in protected mode.");
}
TEST(Mistakes, ReservedBitInAPageTableEntry) {
    EXPECT_EQ(cause_of("reserved_bit"),
              "a page-table entry with a reserved bit: the PDE at 0x8004 (0x600083) has reserved bit 21 set.");
}
TEST(Mistakes, MissingInterruptStack) {
    EXPECT_EQ(cause_of("missing_ist"),
              "the handler of #DF has no good stack: its gate has no IST entry, and the stack at 0x40000000 is not mapped.");
}
TEST(Mistakes, ReturnToANonCanonicalAddress) {
    EXPECT_EQ(cause_of("noncanonical_return"), "\"ret\" returns to 0x8000000000000000, which is not canonical.");
}

TEST(Mistakes, MissingEndOfInterrupt) {
    ConsoleFixture guest(program("missing_eoi"));
    EXPECT_TRUE(guest("c").starts_with("Stopped: interrupted by the user"));
    EXPECT_EQ(guest("explain"),
              "The processor halts at 0008:00007c6f (HLT), waiting for an interrupt.\n"
              "  master 8259A: vectors from 0x20, masked 11111110, requested 00000001, in service 00000001\n"
              "  slave 8259A: vectors from 0x70, masked 10001110, requested 00000000, in service 00000000\n"
              "  IRQ 0 is in service: its handler has not sent an EOI (OUT 20h, 20h), so that the controller holds back every "
              "interrupt of the same or a lower priority.\n"
              "  8259A datasheet, \"End of Interrupt\"\n");
}

/// What `explain` says of a guest that halts and is never woken.
std::string halt_of(const std::string& name) {
    ConsoleFixture guest(program(name));
    EXPECT_TRUE(guest("c").starts_with("Stopped: interrupted by the user"));
    return guest("explain");
}

TEST(Mistakes, MissingEndOfInterruptAtTheLocalApic) {
    EXPECT_EQ(halt_of("missing_apic_eoi"),
              "The processor halts at 0008:00007c89 (HLT), waiting for an interrupt.\n"
              "  local APIC 0: enabled, task priority 0x00, processor priority 0x30, in service 0x30, requested 0x30\n"
              "  its timer: vector 0x30, periodic, initial count 0xf4240\n"
              "  I/O APIC: unmasked inputs none\n"
              "  Vector 0x30 is in service: its handler has not written the EOI register (FEE000B0h, or MSR 80Bh), so that the local APIC "
              "holds back every interrupt of the same or a lower priority class, vector 0x30 among them.\n"
              "  SDM Vol. 3, \"Signaling Interrupt Servicing Completion\"\n");
}
TEST(Mistakes, TaskPriorityAboveTheInterrupt) {
    EXPECT_EQ(halt_of("task_priority"),
              "The processor halts at 0008:00007c93 (HLT), waiting for an interrupt.\n"
              "  local APIC 0: enabled, task priority 0x30, processor priority 0x30, in service none, requested 0x30\n"
              "  its timer: vector 0x30, periodic, initial count 0xf4240\n"
              "  I/O APIC: unmasked inputs none\n"
              "  Vector 0x30 is requested, but its priority class 3 is not above the task priority 0x30 (TPR, FEE00080h, or CR8).\n"
              "  SDM Vol. 3, \"Task and Processor Priorities\"\n");
}
TEST(Mistakes, MaskedEntryOfTheIoApic) {
    EXPECT_EQ(halt_of("masked_io_apic"),
              "The processor halts at 0008:00007c9d (HLT), waiting for an interrupt.\n"
              "  local APIC 0: enabled, task priority 0x00, processor priority 0x00, in service none, requested none\n"
              "  its timer: vector 0x00, one-shot, masked, initial count 0x0\n"
              "  I/O APIC: unmasked inputs none\n"
              "  Input 2 of the I/O APIC is asserted, but masked (bit 16 of its entry).\n"
              "  82093AA datasheet, \"I/O Redirection Table Registers\"\n");
}

}  // namespace
}  // namespace gnomon
