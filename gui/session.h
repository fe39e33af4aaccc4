// A running machine as its users see it: everything that a front end, the control socket or a debugger may do
// to it goes through here, on the thread that owns the machine, between two slices of the run.
#pragma once

#include <array>
#include <chrono>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "gui/display_link.h"
#include "machine/run_loop.h"

namespace gnomon {

/// What happened to the run, for those who drive it from outside.
struct SessionEvent {
    enum class Kind : u8 { Stop, Resume, Reset, PowerDown, Shutdown, TrayMoved };
    Kind kind;
    bool guest = false;       ///< the guest caused it, not a user
    std::string detail = {};  ///< TrayMoved: the drive; Shutdown: the reason of the end
    bool tray_open = false;
    int status = 0;  ///< Shutdown: the exit status
};

class Session {
  public:
    struct Options {
        std::string state_file = "gnomon.state";        ///< where save_state() without a name goes
        std::string screenshot_prefix = "screenshot-";  ///< a number and ".png" follow
    };

    /// Machine and loop outlive the session.
    Session(Machine& machine, RunLoop& loop, Options options);

    /// A display to be fed and listened to; its other side is served by whoever owns it, on any thread.
    void add_display(DisplayLink& link) { displays_.push_back(&link); }
    /// Called at the end of every step(): a server that waits for requests.
    void add_service(std::function<void()> poll) { services_.push_back(std::move(poll)); }
    void add_listener(std::function<void(const SessionEvent&)> listener) {
        listeners_.push_back(std::move(listener));
    }
    /// Who takes the command to switch the sound off and on; without one it is an error.
    void set_mute_handler(std::function<void(bool muted)> handler) { mute_ = std::move(handler); }

    /// The run loop's front-end callback.
    void step();
    /// The run has ended: the last pictures and events go out.
    void finish(const RunEnd& end);

    [[nodiscard]] Machine& machine() { return machine_; }

    // Run control.
    void pause();
    void go_on();
    [[nodiscard]] bool paused() const { return loop_.paused(); }
    void reset();
    void press_power_button();
    /// Ends the run with this status.
    void quit(int status = 0);

    // Input.
    void key(Key key, bool down);
    /// Strikes the keys together.
    void strike(std::vector<Key> keys, u64 hold_ms = 100);
    void ctrl_alt_del() { strike({Key::LeftControl, Key::LeftAlt, Key::Delete}); }
    /// Fails, typing nothing, if a character is on no key of the US keyboard. Line ends of all kinds are
    /// Enter.
    Result<void> type_text(std::string_view text);
    /// In pixels also where the guest takes places.
    void move_pointer(const PointerMotion& motion);
    /// Nothing happens unless pointer_takes_places().
    void place_pointer(const PointerPlace& place);
    [[nodiscard]] bool pointer_takes_places();
    [[nodiscard]] PointerPlace pointer_place();
    void press_button(const PointerButton& button);

    // Media: names as Machine::change_medium() takes them.
    [[nodiscard]] std::vector<DriveStatus> drives() const { return machine_.drives(); }
    Result<void> insert(std::string_view drive, const std::string& file, Machine::MediumOptions options = {});
    /// Into the first drive that suits the file: floppy disks by their size, all else is a disc. Returns its
    /// name.
    Result<std::string> insert_by_kind(const std::string& file);
    Result<void> eject(std::string_view drive, bool force = false);

    // The whole machine as a file. Loading an unsuitable file changes nothing; the run goes on (or stays
    // paused).
    Result<void> save_state(const std::string& file = {});
    Result<void> load_state(const std::string& file = {});

    // The screen.
    Result<std::string> screenshot(std::string file = {});  ///< returns the name of the file
    /// As it is now; empty `lines` in graphics modes.
    [[nodiscard]] TextScreen screen_text();
    /// Grows whenever the screen changed.
    [[nodiscard]] u64 screen_generation() { return machine_.vga().generation(); }

    Result<void> set_muted(bool muted);
    [[nodiscard]] bool muted() const { return muted_; }

    /// A line for the user on every display.
    void tell(const std::string& message);

  private:
    using HostClock = std::chrono::steady_clock;

    void take(const KeyInput& input) { key(input.key, input.down); }
    void take(const PointerMotion& motion) { move_pointer(motion); }
    void take(const PointerPlace& place) { place_pointer(place); }
    void take(const PointerButton& button) { press_button(button); }
    void take(const StickInput& input);
    void take(const PowerOffRequest&) { quit(); }
    void take(const TextInput& input);
    void take(const CommandRequest& request);
    [[nodiscard]] Result<std::string> carry_out(const CommandRequest& request);
    void show();
    void report_status(bool now);
    void notice_guest_actions();
    void emit(SessionEvent event);

    Machine& machine_;
    RunLoop& loop_;
    Options options_;
    std::vector<DisplayLink*> displays_;
    std::vector<std::function<void()>> services_;
    std::vector<std::function<void(const SessionEvent&)>> listeners_;
    std::function<void(bool)> mute_;
    bool muted_ = false;

    std::vector<InputEvent> input_;
    DisplayLink* answering_ = nullptr;  ///< the display whose request is carried out
    DisplayLink::Screen screen_;
    std::vector<u64> shown_;  ///< generation that each display has got
    u64 resets_seen_ = 0;
    bool user_reset_ = false;
    bool user_end_ = false;
    std::array<bool, 4> trays_{};

    RunStatus status_;
    std::array<MediumTraffic, 3> traffic_{};  ///< by DriveKind
    HostClock::time_point lamps_at_{};
    HostClock::time_point speed_at_ = HostClock::now();
    u64 instructions_ = 0;
    u64 guest_ns_ = 0;
};

}  // namespace gnomon
