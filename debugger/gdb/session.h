// One debugger at the other end of a connection: packets in, replies out. GDB manual, "Remote Protocol". No
// I/O here: server.h has the socket.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "debugger/debugger.h"
#include "debugger/gdb/registers.h"

namespace gnomon::gdb {

/// Breakpoints of GDB carry this owner.
inline constexpr int kBreakpointOwner = 2;

/// Carries out a console command and returns its output; for GDB's "monitor".
using MonitorCommand = std::function<std::string(std::string_view line)>;

/// What a packet leads to.
struct Reaction {
    std::optional<std::string> reply;  ///< content of the packet to send, already escaped
    std::string output;                ///< text for the user, to be sent before the reply
    std::optional<Motion> resume;      ///< the machine is to run; the stop is the reply
    bool detach = false;               ///< the debugger leaves; the machine runs on
    bool kill = false;                 ///< the machine is to end
    bool no_acknowledgements = false;  ///< from now on, packets are not acknowledged
};

class Session {
  public:
    Session(Debugger& debugger, MonitorCommand monitor);
    ~Session();
    Session(const Session&) = delete;
    Session& operator=(const Session&) = delete;

    [[nodiscard]] Reaction handle(std::string_view packet);
    /// The reply that tells why the machine stands.
    [[nodiscard]] std::string stop_reply();
    /// Text about the stop that no reply has room for; may be empty.
    [[nodiscard]] std::string stop_remark() const;

  private:
    struct Command {
        std::string_view prefix;
        Reaction (Session::*handle)(std::string_view arguments);
    };
    static const Command kCommands[];

    // session.cpp: what GDB asks about
    Reaction query_supported(std::string_view);
    Reaction query_features(std::string_view arguments);
    Reaction query_threads(std::string_view arguments);
    Reaction query_memory_map(std::string_view arguments);
    Reaction query_first_threads(std::string_view);
    Reaction query_more_threads(std::string_view);
    Reaction query_thread_text(std::string_view arguments);
    Reaction query_current_thread(std::string_view);
    Reaction query_attached(std::string_view);
    Reaction query_host(std::string_view);
    Reaction query_process(std::string_view);
    Reaction query_region(std::string_view arguments);
    Reaction query_physical_mode(std::string_view);
    Reaction set_physical_mode(std::string_view arguments);
    Reaction monitor_command(std::string_view arguments);
    Reaction start_no_acknowledgements(std::string_view);
    Reaction select_thread(std::string_view arguments);
    Reaction thread_alive(std::string_view arguments);
    Reaction detach(std::string_view);
    Reaction kill(std::string_view);
    // session_access.cpp: registers and memory
    Reaction read_registers(std::string_view);
    Reaction write_registers(std::string_view arguments);
    Reaction read_register(std::string_view arguments);
    Reaction write_register(std::string_view arguments);
    Reaction read_memory(std::string_view arguments);
    Reaction write_memory(std::string_view arguments);
    Reaction write_memory_binary(std::string_view arguments);
    // session_run.cpp: breakpoints and running
    Reaction why_stopped(std::string_view);
    Reaction insert_breakpoint(std::string_view arguments);
    Reaction remove_breakpoint(std::string_view arguments);
    Reaction list_actions(std::string_view);
    Reaction resume_threads(std::string_view arguments);
    struct Action;
    [[nodiscard]] std::optional<Action> parse_action(std::string_view text, unsigned& failed) const;
    Reaction resume_continue(std::string_view arguments);
    Reaction resume_step(std::string_view arguments);

    [[nodiscard]] Reaction transfer(std::string_view object, std::string_view range);
    [[nodiscard]] size_t memory_read(u64 address, std::span<u8> out);
    [[nodiscard]] bool memory_write(u64 address, std::span<const u8> bytes);
    [[nodiscard]] u64 canonical(u64 address) const;
    [[nodiscard]] std::optional<Breakpoint> parse_breakpoint(std::string_view arguments) const;
    [[nodiscard]] int find_breakpoint(const Breakpoint& wanted) const;
    [[nodiscard]] std::optional<unsigned> parse_thread(std::string_view& text) const;
    [[nodiscard]] std::string thread_state(unsigned processor) const;
    [[nodiscard]] std::string own_monitor_command(std::string_view line, bool& known);
    [[nodiscard]] Reaction resume_at(Go go, std::string_view address);
    [[nodiscard]] unsigned selected() const { return selected_; }

    Debugger& debugger_;
    MonitorCommand monitor_;
    RegisterFile registers_;
    unsigned selected_ = 0;  ///< processor for registers and memory
    unsigned resumed_ = 0;   ///< processor for steps (Hc)
    bool physical_ = false;  ///< memory packets name physical addresses
    bool knows_swbreak_ = false;
    bool knows_hwbreak_ = false;
};

/// Replies.
[[nodiscard]] inline Reaction reply(std::string text) {
    Reaction reaction;
    reaction.reply = std::move(text);
    return reaction;
}
[[nodiscard]] inline Reaction ok() { return reply("OK"); }
/// Numbers are those of errno: 14 EFAULT, 22 EINVAL, 3 ESRCH.
[[nodiscard]] inline Reaction error(unsigned number) { return reply(fmt::format("E{:02x}", number)); }
inline constexpr unsigned kNoSuchThread = 3, kBadAddress = 14, kBadArgument = 22;

}  // namespace gnomon::gdb
