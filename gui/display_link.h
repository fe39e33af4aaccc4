// The mailbox between the thread that owns the guest and the thread of the front end: screens one way, input
// the other. The newest screen replaces one that was not fetched; no input is lost.
#pragma once

#include <mutex>
#include <optional>
#include <variant>
#include <vector>

#include "gui/display.h"

namespace gnomon {

class DisplayLink {
  public:
    using Screen = std::variant<Frame, TextScreen>;

    /// `wants` is the display's.
    explicit DisplayLink(Display::Wants wants = Display::Wants::Picture) : wants_(wants) {}
    [[nodiscard]] Display::Wants wants() const { return wants_; }

    /// Guest's side. publish() swaps: `screen` holds an old one afterwards, whose memory can be used again.
    void publish(Screen& screen);
    void publish_status(const RunStatus& status);
    void tell(Notice notice);
    void take_input(std::vector<InputEvent>& events);
    /// True once the front end fetched what was published last: no need to draw faster than that.
    [[nodiscard]] bool screen_fetched() const;

    /// Front end's side: hands news to `display` and its events to the guest. Returns whether there was a new
    /// screen.
    bool serve(Display& display);

  private:
    const Display::Wants wants_;
    mutable std::mutex mutex_;
    Screen waiting_;
    bool fresh_ = false;
    std::optional<RunStatus> status_;
    std::vector<Notice> notices_;
    std::vector<InputEvent> input_;
    Screen shown_;                       ///< front end's side only
    std::vector<InputEvent> collected_;  ///< front end's side only
};

}  // namespace gnomon
