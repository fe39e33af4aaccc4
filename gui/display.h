// The front end of a machine: shows the screen, collects the user's input. Front ends know nothing of the
// guest; pictures go in, events come out.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "devices/vga/screen.h"
#include "gui/input_event.h"
#include "machine/config.h"
#include "machine/display_spec.h"
#include "machine/media.h"
#include "support/result.h"

namespace gnomon {

/// What a front end tells about the run besides the screen.
struct RunStatus {
    double mips = 0;     ///< million guest instructions per host second
    double percent = 0;  ///< guest time per host time
    bool paused = false;
    bool muted = false;
    bool takes_places = false;  ///< the guest wants to know where the pointer is, not how it moved
    bool disk_busy = false;  ///< lamps
    bool cdrom_busy = false;
    bool floppy_busy = false;
    std::vector<DriveStatus> drives = {};
    bool operator==(const RunStatus&) const = default;
};

/// The answer to a CommandRequest, or news that the user did not ask for.
struct Notice {
    enum class Kind : u8 { Message, Clipboard };
    Kind kind = Kind::Message;
    std::string text;  ///< one line to be shown, or text for the host's clipboard
    bool operator==(const Notice&) const = default;
};

struct DisplayOptions {
    std::string title = "Gnomon";
    ScalingChoice scaling = ScalingChoice::Fit;
    bool full_screen = false;
    std::string password = {};  ///< of the VNC display; empty: none
    unsigned scale = 0;         ///< window pixels per screen pixel row at the start; 0 chooses by the desktop
    int terminal_in = 0;        ///< file descriptors of the terminal display
    int terminal_out = 1;
};

/// All calls come from the thread that made the display (the main thread, for SDL's sake). A machine that
/// runs in another thread is reached through a DisplayLink. Nothing here blocks.
class Display {
  public:
    enum class Wants : u8 { Nothing, Picture, Text };

    virtual ~Display() = default;
    /// Which of the two update() calls has an effect; the other need not be made.
    [[nodiscard]] virtual Wants wants() const = 0;
    virtual void update(const Frame&) {}
    virtual void update(const TextScreen&) {}
    virtual void set_status(const RunStatus&) {}
    virtual void tell(const Notice&) {}
    /// Handles what the host reported since the last call (also resizing and redrawing) and appends the
    /// guest's share of it to `events`. To be called at least some thirty times a second.
    virtual void poll(std::vector<InputEvent>& events) = 0;
};

/// Fails with the reason if the host cannot do it (no window system, no terminal, not built in). Not for
/// "auto" and "none".
[[nodiscard]] Result<std::unique_ptr<Display>> make_display(const DisplaySpec& spec,
                                                            const DisplayOptions& options);
/// The kinds that this build has, as --version prints them.
[[nodiscard]] std::vector<std::string> built_in_displays();

}  // namespace gnomon
