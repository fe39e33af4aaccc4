// The mailbox between guest and front end.
#include "gui/display_link.h"

#include <iterator>
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

void DisplayLink::tell(Notice notice) {
    const std::lock_guard lock(mutex_);
    notices_.push_back(std::move(notice));
}

void DisplayLink::take_input(std::vector<InputEvent>& events) {
    const std::lock_guard lock(mutex_);
    events.insert(events.end(), std::make_move_iterator(input_.begin()),
                  std::make_move_iterator(input_.end()));
    input_.clear();
}

bool DisplayLink::screen_fetched() const {
    const std::lock_guard lock(mutex_);
    return !fresh_;
}

bool DisplayLink::serve(Display& display) {
    std::optional<RunStatus> status;
    std::vector<Notice> notices;
    bool fresh = false;
    {
        const std::lock_guard lock(mutex_);
        status = std::exchange(status_, std::nullopt);
        notices.swap(notices_);
        fresh = std::exchange(fresh_, false);
        if (fresh) std::swap(shown_, waiting_);
    }
    // The host's calls happen outside the lock: the guest never waits for a window system.
    if (status) display.set_status(*status);
    for (const Notice& notice : notices) display.tell(notice);
    if (fresh) std::visit([&](const auto& screen) { display.update(screen); }, shown_);
    display.poll(collected_);
    if (!collected_.empty()) {
        const std::lock_guard lock(mutex_);
        input_.insert(input_.end(), std::make_move_iterator(collected_.begin()),
                      std::make_move_iterator(collected_.end()));
        collected_.clear();
    }
    return fresh;
}

}  // namespace gnomon
