// A machine under the stub without a socket: packets in, replies out. For tests only.
#pragma once

#include <gtest/gtest.h>

#include "debugger/gdb/packet.h"
#include "debugger/gdb/session.h"
#include "machine/machine_fixture.h"

namespace gnomon::gdb {

struct SessionFixture {
    TestMachine guest;
    RunLoop loop{*guest.machine, RunOptions{}};
    Debugger debugger{*guest.machine, loop};
    Session session{debugger, [](std::string_view line) { return "<" + std::string(line) + ">\n"; }};

    explicit SessionFixture(Action action, Config config = {}) : guest(action, 0, std::move(config)) {}
    SessionFixture(std::span<const u8> floppy, Config config) : guest(floppy, std::move(config)) {}

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
    [[nodiscard]] RegisterFile registers() { return RegisterFile(debugger.cpu(0).features()); }
    std::string read_register(std::string_view name) {
        return ask(fmt::format("p{:x}", registers().number_of(name)));
    }
};

}  // namespace gnomon::gdb
