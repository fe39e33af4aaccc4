// Tests of packets and their exact replies, on a machine that boots a sector of ours.
#include "debugger/gdb/session.h"

#include <gtest/gtest.h>

#include "debugger/gdb/packet.h"
#include "machine/machine_fixture.h"

namespace gnomon::gdb {
namespace {

struct SessionTest : testing::Test {
    TestMachine guest{Action::Loop};
    RunLoop loop{*guest.machine, RunOptions{}};
    Debugger debugger{*guest.machine, loop};
    Session session{debugger, [](std::string_view line) { return "<" + std::string(line) + ">\n"; }};

    std::string ask(std::string_view packet) {
        const Reaction reaction = session.handle(packet);
        return reaction.reply.value_or("(none)");
    }
    /// The reply to a packet that lets the machine run.
    std::string move(std::string_view packet) {
        const Reaction reaction = session.handle(packet);
        if (!reaction.resume) return "no motion: " + reaction.reply.value_or("");
        debugger.go(*reaction.resume);
        guest.machine->resume();
        return session.stop_reply();
    }
    std::string read_all(std::string_view object) {
        std::string text;
        for (;;) {
            const std::string piece = ask(fmt::format("qXfer:{}:{:x},100", object, text.size()));
            if (piece.empty() || (piece[0] != 'm' && piece[0] != 'l')) return "bad reply: " + piece;
            text += unescape(std::string_view(piece).substr(1));
            if (piece[0] == 'l') return text;
        }
    }
    std::string read_register(std::string_view name) {
        RegisterFile registers(debugger.cpu().features().has(Feature::LongMode));
        return ask(fmt::format("p{:x}", registers.number_of(name)));
    }
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

TEST_F(SessionTest, ReadsAndWritesRegisters) {
    boot_to_sector();
    EXPECT_EQ(read_register("eip"), "007c0000");
    EXPECT_EQ(read_register("cs"), "00000000");
    EXPECT_EQ(read_register("code_bits"), "10000000");
    RegisterFile registers(debugger.cpu().features().has(Feature::LongMode));
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
    RegisterFile registers(debugger.cpu().features().has(Feature::LongMode));
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
