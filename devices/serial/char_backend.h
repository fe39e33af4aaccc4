// Where the bytes of a serial port, a printer or a debug console go on the host, and come from.
#pragma once

#include <functional>
#include <memory>
#include <span>
#include <string_view>

#include "support/log.h"
#include "support/result.h"
#include "support/types.h"

namespace gnomon {

/// One end of a byte stream. No call ever blocks the thread that runs the guest.
class CharBackend {
  public:
    virtual ~CharBackend() = default;

    /// Guest to host. Bytes leave at the latest with the next line feed or the next poll() some milliseconds
    /// later; when the peer does not take them a bounded queue fills, and then bytes are dropped and counted.
    virtual void write(std::span<const u8> bytes) = 0;
    void write_byte(u8 byte) { write({&byte, 1}); }
    /// Sends what is buffered, as far as the peer takes it.
    virtual void flush() {}
    /// Host to guest: whether a byte waits, and takes up to out.size() of them.
    [[nodiscard]] virtual bool has_input() const { return false; }
    virtual size_t read(std::span<u8>) { return 0; }
    /// The machine calls this every few milliseconds of host time: exchanges bytes with the host.
    virtual void poll() {}
    /// Whether somebody is at the other end (Data Carrier Detect).
    [[nodiscard]] virtual bool connected() const { return true; }
    /// True once for each break signal that the user asked for.
    virtual bool take_break() { return false; }
};

struct CharBackendOptions {
    bool input = true;               ///< false: output only, as for a debug console
    std::function<void()> quit;      ///< the user typed Ctrl-A x
    std::function<void()> debugger;  ///< the user typed Ctrl-A c; may be empty
};

inline constexpr std::string_view kCharBackendForms = "stdio, file:PATH, pty, tcp:HOST:PORT[,server], none";

/// Opens "stdio", "file:PATH", "pty", "tcp:HOST:PORT" (connects), "tcp:HOST:PORT,server" (listens; without a
/// host on the loopback interface) or "none". Errors name `part` and `spec`. A terminal at stdio is put into
/// raw mode until the back end is destroyed: a program that has one must end by unwinding, also on
/// signals. A broken pipe becomes an error of the write: SIGPIPE is ignored unless the program handles it.
[[nodiscard]] Result<std::unique_ptr<CharBackend>> open_char_backend(std::string_view part,
                                                                     std::string_view spec, Log& log,
                                                                     CharBackendOptions options = {});

}  // namespace gnomon
