// The mailbox between guest and front end.
#include "gui/display_link.h"

#include <utility>

namespace gnomon {

void DisplayLink::publish(Screen& screen) {
    const std::lock_guard lock(mutex_);
    std::swap(waiting_, screen);
    fresh_ = true;
}

void DisplayLink::publish_status(const RunStatus& status) {
    const std::lock_guard lock(mutex_);
    status_ = status;
}

void DisplayLink::take_input(std::vector<InputEvent>& events) {
    const std::lock_guard lock(mutex_);
    events.insert(events.end(), input_.begin(), input_.end());
    input_.clear();
}

bool DisplayLink::screen_fetched() const {
    const std::lock_guard lock(mutex_);
    return !fresh_;
}

bool DisplayLink::serve(Display& display) {
    std::optional<RunStatus> status;
    bool fresh = false;
    {
        const std::lock_guard lock(mutex_);
        status = std::exchange(status_, std::nullopt);
        fresh = std::exchange(fresh_, false);
        if (fresh) std::swap(shown_, waiting_);
    }
    // The host's calls happen outside the lock: the guest never waits for a window system.
    if (status) display.set_status(*status);
    if (fresh) std::visit([&](const auto& screen) { display.update(screen); }, shown_);
    display.poll(collected_);
    if (!collected_.empty()) {
        const std::lock_guard lock(mutex_);
        input_.insert(input_.end(), collected_.begin(), collected_.end());
        collected_.clear();
    }
    return fresh;
}

}  // namespace gnomon
