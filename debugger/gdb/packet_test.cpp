// Tests of framing and codings.
#include "debugger/gdb/packet.h"

#include <gtest/gtest.h>

namespace gnomon::gdb {
namespace {

using Kind = PacketReader::Kind;

TEST(GdbPacket, IsFramedWithItsChecksum) {
    EXPECT_EQ(frame(""), "$#00");
    EXPECT_EQ(frame("OK"), "$OK#9a");
    EXPECT_EQ(frame("vCont;c"), "$vCont;c#a8");
}

TEST(GdbPacket, EscapesWhatHasAMeaningInTheStream) {
    EXPECT_EQ(escape("a#b$c}d*e"),
              "a}\x03"
              "b}\x04"
              "c}]d}\ne");
    EXPECT_EQ(unescape(escape("a#b$c}d*e")), "a#b$c}d*e");
}

TEST(GdbPacket, ReadsHexadecimal) {
    EXPECT_EQ(to_hex(std::string_view("\x01\xfe")), "01fe");
    EXPECT_EQ(from_hex("4a4B"), "JK");
    EXPECT_FALSE(from_hex("4a4"));
    EXPECT_FALSE(from_hex("4x"));
    std::string_view text = "1f,rest";
    EXPECT_EQ(take_number(text), 0x1fu);
    EXPECT_EQ(text, ",rest");
    EXPECT_FALSE(take_number(text));
}

TEST(GdbPacket, ArrivesInPieces) {
    PacketReader reader;
    std::string content;
    reader.feed("+$m10");
    EXPECT_EQ(reader.next(content), Kind::Acknowledged);
    EXPECT_EQ(reader.next(content), Kind::Nothing);
    reader.feed("0,4#5");
    EXPECT_EQ(reader.next(content), Kind::Nothing);
    reader.feed("e\x03$g#67-");
    EXPECT_EQ(reader.next(content), Kind::Packet);
    EXPECT_EQ(content, "m100,4");
    EXPECT_EQ(reader.next(content), Kind::Interrupt);
    EXPECT_EQ(reader.next(content), Kind::Packet);
    EXPECT_EQ(content, "g");
    EXPECT_EQ(reader.next(content), Kind::Refused);
    EXPECT_EQ(reader.next(content), Kind::Nothing);
}

TEST(GdbPacket, WithAWrongChecksumIsCorrupt) {
    PacketReader reader;
    std::string content;
    reader.feed("$g#68$g#67");
    EXPECT_EQ(reader.next(content), Kind::Corrupt);
    EXPECT_EQ(reader.next(content), Kind::Packet);
}

}  // namespace
}  // namespace gnomon::gdb
