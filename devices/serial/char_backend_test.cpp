// The host side: files, FIFOs, pseudo terminals, sockets, the escape keys.
#include "devices/serial/char_backend.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <thread>

#include "devices/serial/escape_keys.h"
#include "devices/serial/host_output.h"

namespace gnomon {
namespace {

using namespace std::chrono_literals;

struct CharBackendTest : testing::Test {
    Log log{[](LogLevel, std::string_view, std::string_view) {}};
    std::filesystem::path folder;

    CharBackendTest() {
        std::string name = (std::filesystem::temp_directory_path() / "gnomon-char-XXXXXX").string();
        folder = mkdtemp(name.data());
    }
    ~CharBackendTest() override { std::filesystem::remove_all(folder); }

    Result<std::unique_ptr<CharBackend>> open(const std::string& spec) {
        return open_char_backend("serial.com1", spec, log);
    }
    static void write(CharBackend& backend, std::string_view text) {
        backend.write({reinterpret_cast<const u8*>(text.data()), text.size()});
    }
    static std::string read_fd(int fd) {
        char buffer[256];
        const ssize_t count = ::read(fd, buffer, sizeof buffer);
        return {buffer, buffer + (count > 0 ? count : 0)};
    }
    static std::string read_input(CharBackend& backend, size_t count) {
        std::string text;
        for (int i = 0; i < 200 && text.size() < count; i++) {
            backend.poll();
            u8 byte = 0;
            while (backend.read({&byte, 1}) == 1) text += static_cast<char>(byte);
            if (text.size() < count) std::this_thread::sleep_for(1ms);
        }
        return text;
    }
};

TEST_F(CharBackendTest, UnknownFormsAreErrorsThatListTheForms) {
    EXPECT_EQ(open("telnet").error().message,
              "serial.com1: 'telnet': is not one of stdio, file:PATH, pty, tcp:HOST:PORT[,server], none");
    EXPECT_EQ(open("file:/nonexistent/x").error().message,
              "serial.com1: 'file:/nonexistent/x': No such file or directory");
    EXPECT_EQ(open("tcp:localhost").error().message,
              "serial.com1: 'tcp:localhost': tcp needs a host and a port: tcp:HOST:PORT");
    EXPECT_EQ(open("tcp::123456").error().message, "serial.com1: 'tcp::123456': '123456' is not a TCP port");
    EXPECT_EQ(
        open("tcp::1,telnet").error().message,
        "serial.com1: 'tcp::1,telnet': 'telnet' is not an option of tcp; there are server, nowait, nodelay");
}

TEST_F(CharBackendTest, LinesReachTheFileAtOnceAndTheRestSoon) {
    const std::string path = folder / "out";
    auto backend = open("file:" + path);
    ASSERT_TRUE(backend.ok());
    const auto content = [&] {
        std::ifstream file(path);
        return std::string(std::istreambuf_iterator<char>(file), {});
    };
    write(**backend, "one\ntw");
    EXPECT_EQ(content(), "one\n");
    std::this_thread::sleep_for(6ms);
    (*backend)->poll();
    EXPECT_EQ(content(), "one\ntw");
    write(**backend, "o");
    backend->reset();
    EXPECT_EQ(content(), "one\ntwo");
}

TEST_F(CharBackendTest, AFifoNeedsNoReaderAndNeverBlocks) {
    const std::string path = folder / "fifo";
    ASSERT_EQ(mkfifo(path.c_str(), 0600), 0);
    auto backend = open("file:" + path);
    ASSERT_TRUE(backend.ok());
    const std::string line(99, 'x');
    for (int i = 0; i < 20'000; i++) write(**backend, line + "\n");  // 2 MB: more than FIFO and queue hold
    const int reader = ::open(path.c_str(), O_RDONLY | O_NONBLOCK);
    EXPECT_EQ(read_fd(reader).substr(0, 100), line + "\n");
    close(reader);
}

TEST_F(CharBackendTest, APtyCarriesBothDirectionsAndShowsItsUser) {
    testing::internal::CaptureStderr();
    auto backend = open("pty");
    const std::string note = testing::internal::GetCapturedStderr();
    ASSERT_TRUE(backend.ok());
    const std::string prefix = "gnomon: serial.com1 is at ";
    ASSERT_TRUE(note.starts_with(prefix));
    (*backend)->poll();
    EXPECT_FALSE((*backend)->connected());
    write(**backend, "lost\n");
    const int user =
        ::open(note.substr(prefix.size(), note.size() - prefix.size() - 1).c_str(), O_RDWR | O_NOCTTY);
    ASSERT_GE(user, 0);
    (*backend)->poll();
    EXPECT_TRUE((*backend)->connected());
    write(**backend, "hello\n");
    EXPECT_EQ(read_fd(user), "hello\n");
    ASSERT_EQ(::write(user, "in\r", 3), 3);
    EXPECT_EQ(read_input(**backend, 3), "in\r");
    close(user);
    (*backend)->poll();
    EXPECT_FALSE((*backend)->connected());
}

TEST_F(CharBackendTest, TcpConnectsListensAndNoticesTheEnd) {
    // Find a free port.
    const int probe = socket(AF_INET, SOCK_STREAM, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    ASSERT_EQ(bind(probe, reinterpret_cast<sockaddr*>(&address), size), 0);
    ASSERT_EQ(getsockname(probe, reinterpret_cast<sockaddr*>(&address), &size), 0);
    close(probe);
    const std::string spec = fmt::format("tcp:127.0.0.1:{}", ntohs(address.sin_port));

    EXPECT_EQ(open(spec).error().message, fmt::format("serial.com1: '{}': Connection refused", spec));
    auto server = open(spec + ",server");
    ASSERT_TRUE(server.ok());
    EXPECT_FALSE((*server)->connected());
    auto client = open(spec);
    ASSERT_TRUE(client.ok());
    (*server)->poll();
    EXPECT_TRUE((*server)->connected());
    write(**server, "to client\n");
    EXPECT_EQ(read_input(**client, 10), "to client\n");
    write(**client, "to server\n");
    EXPECT_EQ(read_input(**server, 10), "to server\n");
    client->reset();
    for (int i = 0; i < 100 && (*server)->connected(); i++) {
        (*server)->poll();
        std::this_thread::sleep_for(1ms);
    }
    EXPECT_FALSE((*server)->connected());
    EXPECT_TRUE(open(spec).ok());  // the next user
}

TEST_F(CharBackendTest, StdioPutsATerminalIntoRawModeAndBack) {
    const int master = posix_openpt(O_RDWR | O_NOCTTY);
    ASSERT_GE(master, 0);
    ASSERT_EQ(grantpt(master), 0);
    ASSERT_EQ(unlockpt(master), 0);
    const int slave = ::open(ptsname(master), O_RDWR | O_NOCTTY);
    ASSERT_GE(slave, 0);
    termios before{};
    ASSERT_EQ(tcgetattr(slave, &before), 0);
    const pid_t child = fork();
    if (child == 0) {
        setsid();
        ioctl(slave, TIOCSCTTY, 0);
        dup2(slave, 0);
        dup2(slave, 1);
        bool quit = false;
        CharBackendOptions options;
        options.quit = [&] { quit = true; };
        {
            auto backend = open_char_backend("serial.com1", "stdio", log, options);
            if (!backend) _exit(1);
            write(**backend, "ready\n");
            for (int i = 0; i < 5000 && !quit; i++) {
                std::this_thread::sleep_for(1ms);
                (*backend)->poll();
                u8 byte = 0;
                while ((*backend)->read({&byte, 1}) == 1) (*backend)->write_byte(static_cast<u8>(byte + 1));
            }
            write(**backend, "bye");  // without a line feed: written when the back end goes
        }
        _exit(quit ? 0 : 2);
    }
    std::string text;
    const auto wait_for = [&](std::string_view what) {
        for (int i = 0; i < 200 && text.find(what) == text.npos; i++) text += read_fd(master);
    };
    wait_for("ready\r\n");
    termios raw{};
    ASSERT_EQ(tcgetattr(slave, &raw), 0);
    EXPECT_EQ(raw.c_lflag & (ICANON | ECHO | ISIG), 0u);
    ASSERT_EQ(::write(master, "aB\x03\x01\x01\x01x", 7), 7);
    wait_for("bye");
    EXPECT_EQ(text,
              "ready\r\nbC\x04\x02"
              "bye");
    int status = 0;
    ASSERT_EQ(waitpid(child, &status, 0), child);
    EXPECT_EQ(status, 0);
    termios after{};
    ASSERT_EQ(tcgetattr(slave, &after), 0);
    EXPECT_EQ(after.c_lflag, before.c_lflag);
    EXPECT_EQ(after.c_iflag, before.c_iflag);
    close(slave);
    close(master);
}

TEST_F(CharBackendTest, NoneHasNobodyAtTheOtherEnd) {
    auto backend = open("none");
    ASSERT_TRUE(backend.ok());
    EXPECT_FALSE((*backend)->connected());
    EXPECT_FALSE((*backend)->has_input());
}

TEST(EscapeKeys, PrefixCommandsAreTakenOut) {
    EscapeKeys keys;
    EXPECT_EQ(keys.feed('q').byte, 'q');
    EXPECT_FALSE(keys.feed(1).byte);
    EXPECT_EQ(keys.feed(1).byte, 1);
    EXPECT_FALSE(keys.feed(1).byte);
    EXPECT_EQ(keys.feed('x').command, EscapeKeys::Command::Quit);
    EXPECT_FALSE(keys.feed(1).byte);
    const EscapeKeys::Step unknown = keys.feed('z');
    EXPECT_FALSE(unknown.byte);
    EXPECT_FALSE(unknown.command);
    EXPECT_EQ(keys.feed('z').byte, 'z');
    EXPECT_THAT(EscapeKeys::help(), testing::HasSubstr("Ctrl-A x       leave the emulator\n"));
}

}  // namespace
}  // namespace gnomon
