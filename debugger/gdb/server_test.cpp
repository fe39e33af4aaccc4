// Tests of the stub's socket: connections come and go, Ctrl-C stops the machine.
#include "debugger/gdb/server.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <thread>

#include "machine/machine_fixture.h"

namespace gnomon::gdb {
namespace {

/// The other end of the connection, with blocking calls; lives on a thread of its own.
class Client {
  public:
    explicit Client(u16 port) {
        socket_ = socket(AF_INET, SOCK_STREAM, 0);
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_port = htons(port);
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        const timeval limit{20, 0};
        setsockopt(socket_, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
        connected_ = connect(socket_, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0;
    }
    ~Client() { close(socket_); }
    [[nodiscard]] bool connected() const { return connected_; }
    void send_raw(std::string_view bytes) {
        EXPECT_EQ(send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL),
                  static_cast<ssize_t>(bytes.size()));
    }
    /// The next packet's content; acknowledgements are passed over.
    std::string receive() {
        for (;;) {
            std::string content;
            switch (reader_.next(content)) {
                case PacketReader::Kind::Packet: return content;
                case PacketReader::Kind::Nothing: break;
                default: continue;
            }
            char bytes[4096];
            const ssize_t count = recv(socket_, bytes, sizeof bytes, 0);
            if (count <= 0) return "(closed)";
            reader_.feed({bytes, static_cast<size_t>(count)});
        }
    }
    std::string ask(std::string_view packet) {
        send_raw(frame(packet));
        return receive();
    }

  private:
    int socket_ = -1;
    bool connected_ = false;
    PacketReader reader_;
};

struct ServerTest : testing::Test {
    TestMachine guest{Action::Loop};
    std::unique_ptr<Server> server;
    RunOptions options() {
        RunOptions run;
        run.front_end = [this] { server->poll_while_running(); };
        run.front_end_ns = 1'000'000;
        return run;
    }
    RunLoop loop{*guest.machine, options()};
    Debugger debugger{*guest.machine, loop};
    std::vector<std::string> reports;

    Result<void> listen(std::string address, bool paused) {
        ServerOptions settings;
        settings.address = std::move(address);
        settings.paused = paused;
        settings.report = [this](std::string_view line) { reports.emplace_back(line); };
        Result<std::unique_ptr<Server>> made = Server::create(debugger, std::move(settings));
        if (!made) return made.error();
        server = std::move(*made);
        return {};
    }
};

TEST_F(ServerTest, WaitsPausedAndEndsTheMachineWhenTold) {
    ASSERT_TRUE(listen("127.0.0.1:0", true).ok());
    std::thread debugger_thread([port = server->port()] {
        Client client(port);
        ASSERT_TRUE(client.connected());
        EXPECT_EQ(client.ask("?"), "T05thread:1;");
        EXPECT_EQ(client.ask("Z0,7c00,1"), "OK");
        EXPECT_EQ(client.ask("vCont;c"), "T05thread:1;");
        EXPECT_EQ(client.ask("m7dfe,2"), "55aa");
        client.send_raw(frame("k"));
    });
    const RunEnd end = server->run();
    debugger_thread.join();
    EXPECT_EQ(end.status, 0);
    EXPECT_EQ(end.reason, "ended by the debugger");
}

TEST_F(ServerTest, StopsARunningMachineForADebuggerAndForCtrlC) {
    ASSERT_TRUE(listen("127.0.0.1:0", false).ok());
    std::thread debugger_thread([port = server->port()] {
        for (int round = 0; round < 2; round++) {
            Client client(port);
            ASSERT_TRUE(client.connected());
            EXPECT_EQ(client.ask("?"), "T02thread:1;");
            client.send_raw(frame("vCont;c"));
            std::this_thread::sleep_for(std::chrono::milliseconds(50));
            client.send_raw("\x03");
            EXPECT_EQ(client.receive(), "T02thread:1;");
            EXPECT_EQ(client.ask("D"), "OK");
        }
        Client client(port);
        client.ask("?");
        client.send_raw(frame("k"));
    });
    const RunEnd end = server->run();
    debugger_thread.join();
    EXPECT_EQ(end.reason, "ended by the debugger");
}

TEST_F(ServerTest, StandsWhenTheConnectionBreaksUntilAnotherComes) {
    ASSERT_TRUE(listen("127.0.0.1:0", true).ok());
    std::thread debugger_thread([&, port = server->port()] {
        {
            Client client(port);
            EXPECT_EQ(client.ask("Z0,7c00,1"), "OK");
            EXPECT_EQ(client.ask("vCont;c"), "T05thread:1;");
        }
        Client client(port);
        EXPECT_EQ(client.ask("?"), "T05thread:1;");
        EXPECT_EQ(client.ask("m7c00,1"), "fa");
        client.send_raw(frame("k"));
    });
    EXPECT_EQ(server->run().status, 0);
    debugger_thread.join();
    EXPECT_GT(guest.machine->clock().instructions(), 0u);
    EXPECT_EQ(debugger.cpu().state.rip, 0x7c00u);
}

TEST_F(ServerTest, AsksForAPacketAgainThatArrivedBroken) {
    ASSERT_TRUE(listen("127.0.0.1:0", true).ok());
    std::thread debugger_thread([port = server->port()] {
        Client client(port);
        client.send_raw("$qC#00");
        EXPECT_EQ(client.ask("qC"), "QC1");
        client.send_raw("-");  // the reply was broken, too
        EXPECT_EQ(client.receive(), "QC1");
        client.send_raw(frame("k"));
    });
    server->run();
    debugger_thread.join();
}

TEST_F(ServerTest, NamesTheAddressThatItCannotHave) {
    EXPECT_EQ(listen("127.0.0.1:x", true).error().message,
              "--gdb: \"x\" is no port; expected [HOST:]PORT, as 1234 or 0.0.0.0:1234");
    EXPECT_EQ(listen("127.0.0.1:99999", true).error().message,
              "--gdb: \"99999\" is no port; expected [HOST:]PORT, as 1234 or 0.0.0.0:1234");
    ASSERT_TRUE(listen("127.0.0.1:0", true).ok());
    const u16 taken = server->port();
    ServerOptions second;
    second.address = fmt::format("{}", taken);
    EXPECT_EQ(Server::create(debugger, second).error().message,
              fmt::format("--gdb: 127.0.0.1:{}: Address already in use", taken));
}

}  // namespace
}  // namespace gnomon::gdb
