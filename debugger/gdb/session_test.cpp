// Tests of packets and their exact replies, on a machine that boots a sector of ours.
#include "debugger/gdb/session_fixture.h"

namespace gnomon::gdb {
namespace {

struct SessionTest : testing::Test, SessionFixture {
    SessionTest() : SessionFixture(Action::Loop) {}
    void boot_to_sector() {
        EXPECT_EQ(ask("Z0,7c00,1"), "OK");
        EXPECT_EQ(move("vCont;c"), "T05thread:1;");
        EXPECT_EQ(ask("z0,7c00,1"), "OK");
    }
};

TEST_F(SessionTest, SaysWhatItCan) {
    EXPECT_EQ(
        ask("qSupported:multiprocess+;swbreak+;hwbreak+;xmlRegisters=i386"),
        "PacketSize=8000;QStartNoAckMode+;qXfer:features:read+;qXfer:threads:read+;qXfer:memory-map:read+;"
        "swbreak+;hwbreak+;vContSupported+");
    EXPECT_EQ(ask("vCont?"), "vCont;c;C;s;S;r");
    EXPECT_EQ(ask("vMustReplyEmpty"), "");
    EXPECT_EQ(ask("qTStatus"), "");
    EXPECT_EQ(ask("qC"), "QC1");
    EXPECT_EQ(ask("qAttached"), "1");
    EXPECT_EQ(ask("?"), "T05thread:1;");
    EXPECT_TRUE(session.handle("QStartNoAckMode").no_acknowledgements);
}

TEST_F(SessionTest, KnowsOneThreadForEachProcessor) {
    EXPECT_EQ(ask("qfThreadInfo"), "m1");
    EXPECT_EQ(ask("qsThreadInfo"), "l");
    EXPECT_EQ(ask("Hg0"), "OK");
    EXPECT_EQ(ask("Hg1"), "OK");
    EXPECT_EQ(ask("Hc-1"), "OK");
    EXPECT_EQ(ask("Hg2"), "E03");
    EXPECT_EQ(ask("T1"), "OK");
    EXPECT_EQ(ask("T9"), "E03");
    EXPECT_EQ(ask("qThreadExtraInfo,1"), to_hex(std::string_view("CPU 0: real mode")));
    EXPECT_EQ(read_all("threads:read:"),
              "<?xml version=\"1.0\"?><threads><thread id=\"1\" core=\"0\" name=\"CPU 0\">real "
              "mode</thread></threads>");
}

TEST_F(SessionTest, DescribesRegistersForBothArchitecturesWithOneSize) {
    const std::string xml = read_all("features:read:target.xml");
    const bool wide = debugger.cpu().features().has(Feature::LongMode);
    EXPECT_NE(xml.find("<feature name=\"org.gnu.gdb.i386.core\">"), xml.npos);
    EXPECT_NE(xml.find("<reg name=\"eip\" bitsize=\"32\""), xml.npos);
    // No type whose size GDB takes from the architecture.
    EXPECT_EQ(xml.find("_ptr\""), xml.npos);
    EXPECT_EQ(xml.find("<architecture>") == xml.npos, wide);
    // The packet of all registers has exactly the described bytes.
    size_t bits = 0;
    for (size_t at = xml.find("bitsize=\""); at != xml.npos; at = xml.find("bitsize=\"", at + 1))
        bits += std::stoul(xml.substr(at + 9));
    EXPECT_EQ(ask("g").size(), bits / 4);
}

TEST(GdbRegisters, FollowCpuid) {
    const auto has = [](const char* model, std::string_view name) {
        Config config;
        config.cpu.model = model;
        SessionFixture guest(Action::Loop, config);
        const RegisterFile registers = guest.registers();
        return registers.number_of(name) < registers.count();
    };
    EXPECT_FALSE(has("pentium", "rax"));
    EXPECT_FALSE(has("core2duo", "ymm0h"));
    EXPECT_TRUE(has("max", "ymm15h"));
    EXPECT_TRUE(has("max", "zmm31h"));
    EXPECT_TRUE(has("max", "k7"));
    EXPECT_TRUE(has("haswell", "ymm15h"));
    EXPECT_FALSE(has("haswell", "k7"));
}

TEST(GdbRegisters, OfVectorsAreDescribedInPieces) {
    Config config;
    config.cpu.model = "max";
    SessionFixture guest(Action::Loop, config);
    const std::string xml = guest.read_all("features:read:target.xml");
    size_t bits = 0;
    for (size_t at = xml.find("bitsize=\""); at != xml.npos; at = xml.find("bitsize=\"", at + 1))
        bits += std::stoul(xml.substr(at + 9));
    EXPECT_EQ(guest.ask("g").size(), bits / 4);
    CpuState state = guest.debugger.registers(0);
    for (unsigned i = 0; i < 64; i++) state.fpu.vectors[17].bytes[i] = static_cast<u8>(i);
    state.fpu.opmasks[3] = 0x1122334455667788;
    guest.debugger.set_registers(0, state);
    EXPECT_EQ(guest.read_register("xmm17"), "000102030405060708090a0b0c0d0e0f");
    EXPECT_EQ(guest.read_register("ymm17h"), "101112131415161718191a1b1c1d1e1f");
    EXPECT_EQ(guest.read_register("zmm17h"), "202122232425262728292a2b2c2d2e2f303132333435363738393a3b3c3d3e3f");
    EXPECT_EQ(guest.read_register("k3"), "8877665544332211");
    EXPECT_EQ(guest.ask(fmt::format("P{:x}=0102030000000000", guest.registers().number_of("k3"))), "OK");
    EXPECT_EQ(guest.debugger.cpu().state.fpu.opmasks[3], 0x30201u);
}

TEST_F(SessionTest, ReadsAndWritesRegisters) {
    boot_to_sector();
    EXPECT_EQ(read_register("eip"), "007c0000");
    EXPECT_EQ(read_register("cs"), "00000000");
    EXPECT_EQ(read_register("code_bits"), "10000000");
    const RegisterFile registers = this->registers();
    const size_t ebx = registers.number_of("ebx");
    EXPECT_EQ(ask(fmt::format("P{:x}=78563412", ebx)), "OK");
    EXPECT_EQ(read_register("ebx"), "78563412");
    EXPECT_EQ(debugger.cpu().state.gpr[reg::BX], 0x12345678u);
    EXPECT_EQ(ask(fmt::format("P{:x}=7856", ebx)), "E16");
    EXPECT_EQ(ask("pfff"), "E16");
    // All of them, unchanged but for one.
    std::string all = ask("g");
    size_t place = 0;
    for (size_t i = 0; i < ebx; i++) place += registers.all()[i].bits / 4;
    all.replace(place, 8, "01000000");
    EXPECT_EQ(ask("G" + all), "OK");
    EXPECT_EQ(debugger.cpu().state.gpr[reg::BX], 1u);
    EXPECT_EQ(read_register("eip"), "007c0000");
    EXPECT_EQ(ask("G12"), "E16");
}

TEST_F(SessionTest, GivesThePcAsALinearAddress) {
    EXPECT_EQ(read_register("eip"), "f0ffffff");
    EXPECT_EQ(read_register("cs"), "00f00000");
    EXPECT_EQ(read_register("ip").substr(0, 8), "f0ff0000");
    // Written back, the offset is what it was.
    const RegisterFile registers = this->registers();
    EXPECT_EQ(ask(fmt::format("P{:x}=f4ffffff", registers.number_of("eip"))), "OK");
    EXPECT_EQ(debugger.cpu().state.rip, 0xfff4u);
}

TEST_F(SessionTest, ReadsAndWritesMemory) {
    EXPECT_EQ(ask("M8000,3:0a0b0c"), "OK");
    EXPECT_EQ(ask("m8000,4"), "0a0b0c00");
    EXPECT_EQ(ask("X8001,2:}\x03"
                  "b"),
              "OK");
    EXPECT_EQ(ask("m8000,4"), "0a236200");
    EXPECT_EQ(ask("X8000,0:"), "OK");
    EXPECT_EQ(ask("m8000,0"), "");
    EXPECT_EQ(ask("M8000,3:0a0b"), "E16");
    EXPECT_EQ(ask("M8000"), "E16");
    EXPECT_EQ(ask("mxyz"), "E16");
    EXPECT_EQ(ask("m20000000,4"), "E0e");
    EXPECT_EQ(ask("M20000000,1:00"), "E0e");
    // The sign of a 32-bit address may be extended.
    EXPECT_EQ(ask("mfffffffffffffff0,1"), ask("mfffffff0,1"));
}

TEST_F(SessionTest, ReadsPhysicalMemoryInPhysicalMode) {
    EXPECT_EQ(ask("qqemu.PhyMemMode"), "0");
    EXPECT_EQ(ask("Qqemu.PhyMemMode:1"), "OK");
    EXPECT_EQ(ask("qqemu.PhyMemMode"), "1");
    EXPECT_EQ(ask("M9000,1:5a"), "OK");
    EXPECT_EQ(guest.machine->memory().ram()[0x9000], 0x5a);
    EXPECT_EQ(ask("Qqemu.PhyMemMode:2"), "E16");
}

TEST_F(SessionTest, StopsAtBreakpointsThatNoLoaderOverwrites) {
    ask("qSupported:swbreak+;hwbreak+");
    EXPECT_EQ(ask("m7c00,1"), "00");
    EXPECT_EQ(ask("Z0,7c00,1"), "OK");
    EXPECT_EQ(ask("Z0,7c00,1"), "OK");  // repeated
    EXPECT_EQ(ask("m7c00,1"), "00");    // not in memory
    EXPECT_EQ(move("vCont;c"), "T05thread:1;swbreak:;");
    EXPECT_EQ(ask("m7dfe,2"), "55aa");
    EXPECT_EQ(ask("z0,7c00,1"), "OK");
    EXPECT_EQ(ask("z0,7c00,1"), "OK");
    EXPECT_EQ(debugger.breakpoints().size(), 0u);
    EXPECT_EQ(ask("Z5,7c00,1"), "");
    EXPECT_EQ(ask("Z0,7c00"), "E16");
}

TEST_F(SessionTest, StepsAndSaysSo) {
    boot_to_sector();
    EXPECT_EQ(move("vCont;s:1;c"), "T05thread:1;");
    EXPECT_EQ(read_register("eip"), "017c0000");
    EXPECT_EQ(move("s"), "T05thread:1;");
    EXPECT_EQ(read_register("eip"), "037c0000");
    EXPECT_EQ(move("vCont;r7c03,7c07:1"), "T05thread:1;");
    const std::string after = read_register("eip");
    EXPECT_GE(after, "077c0000");
    EXPECT_EQ(ask("vCont;x"), "E16");
    EXPECT_EQ(ask("vCont;s:7"), "E03");
}

TEST_F(SessionTest, NamesTheWatchpointThatWasHit) {
    boot_to_sector();
    // The return address of the sector's first CALL.
    EXPECT_EQ(ask("Z2,7bfe,2"), "OK");
    EXPECT_EQ(move("vCont;c"), "T05thread:1;watch:7bfe;");
    EXPECT_EQ(ask("z2,7bfe,2"), "OK");
    EXPECT_EQ(ask("Z3,7bfe,2"), "OK");
    EXPECT_EQ(move("c"), "T05thread:1;rwatch:7bfe;");
    EXPECT_EQ(ask("z3,7bfe,2"), "OK");
    EXPECT_EQ(ask("Z2,7bfe,0"), "E16");
}

TEST_F(SessionTest, PassesOtherCommandsToTheMonitor) {
    Reaction reaction = session.handle("qRcmd," + to_hex(std::string_view("info gdt")));
    EXPECT_EQ(reaction.output, "<info gdt>\n");
    EXPECT_EQ(reaction.reply, "OK");
    reaction = session.handle("qRcmd," + to_hex(std::string_view("phys on")));
    EXPECT_EQ(reaction.output, "memory is read and written at physical addresses\n");
    EXPECT_EQ(ask("qqemu.PhyMemMode"), "1");
    EXPECT_EQ(ask("qRcmd,zz"), "E16");
}

TEST_F(SessionTest, LeavesNothingBehind) {
    {
        Session other(debugger, {});
        EXPECT_EQ(other.handle("Z1,1234,1").reply, "OK");
        EXPECT_EQ(debugger.breakpoints().size(), 1u);
        EXPECT_TRUE(other.handle("D").detach);
    }
    EXPECT_EQ(debugger.breakpoints().size(), 0u);
}

}  // namespace
}  // namespace gnomon::gdb
