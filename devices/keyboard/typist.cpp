// The front ends' side of the keyboard: fingers whose movements wait while its buffer is full, and a typist.
#include <algorithm>

#include "devices/keyboard/i8042.h"
#include "devices/keyboard/us_text.h"

namespace gnomon {

bool I8042::held(Key key) const {
    const auto waits = std::find_if(held_back_.rbegin(), held_back_.rend(), [key](u16 movement) {
        return (movement & ~kDown) == static_cast<u16>(key);
    });
    if (waits != held_back_.rend()) return *waits & kDown;
    return keyboard_.state().down[static_cast<unsigned>(key)];
}

void I8042::release_all() {
    for (unsigned i = 1; i < kKeyCount; i++) release(static_cast<Key>(i));
}

void I8042::move_key(Key key, bool down) {
    if (key == Key::None || key >= Key::Count || held(key) == down) return;
    const u16 movement = static_cast<u16>(static_cast<unsigned>(key) | (down ? kDown : 0));
    if (held_back_.empty() && keyboard_.has_room()) return pass_on(movement);
    // A key that goes up went down before: so many more there can be.
    if (!down || held_back_.size() < kMostHeldBack)
        held_back_.push_back(movement);
    else if (held_back_.back() != static_cast<u16>(Key::None))
        held_back_.push_back(static_cast<u16>(Key::None));
}

void I8042::pass_on(u16 movement) {
    const Key key = static_cast<Key>(movement & ~kDown);
    if (key == Key::None)
        keyboard_.report_overrun();
    else if (movement & kDown)
        keyboard_.press(key);
    else
        keyboard_.release(key);
}

void I8042::pass_on_keys() {
    while (!held_back_.empty() && keyboard_.has_room()) {
        const u16 movement = held_back_.front();
        held_back_.erase(held_back_.begin());
        pass_on(movement);
    }
}

Result<void> I8042::type_text(std::string_view text) {
    for (size_t i = 0; i < text.size(); i++)
        if (!us_key(text[i]))
            return fail("character {:#04x} at offset {} is on no key of the US keyboard",
                        static_cast<u8>(text[i]), i);
    const bool idle = text_.empty();
    text_.insert(text_.end(), text.begin(), text.end());
    if (idle && !text_.empty()) scheduler_.schedule(typing_event_, scheduler_.now() + config_.typing_step_ns);
    return {};
}

/// Whether the next movement must wait. Between two characters there is time until the guest has taken the last one and
/// listens, and until the user has let go of keys that would make something else of the text. A key once pressed is
/// released in time, or it would repeat.
bool I8042::typist_waits() const {
    using enum Key;
    if (typing_step_ > 1) return false;
    for (const Key modifier : {LeftControl, RightControl, LeftAlt, RightAlt, LeftGui, RightGui})
        if (held(modifier)) return true;
    if (typing_step_ == 1) return false;  // Shift may be the typist's own
    return held(LeftShift) || held(RightShift) || keyboard_.codes_waiting() || !held_back_.empty() || !keyboard_.scanning();
}

void I8042::type_step() {
    if (text_.empty()) return;
    if (!typist_waits()) {
        const TypedKey typed = us_key(static_cast<char>(text_.front())).value_or(TypedKey{});
        switch (typing_step_) {
            case 0:
                if (typed.shift) press(Key::LeftShift);
                typing_step_ = 1;
                if (typed.shift) break;
                [[fallthrough]];
            case 1:
                press(typed.key);
                typing_step_ = 2;
                break;
            case 2:
                release(typed.key);
                typing_step_ = 3;
                if (typed.shift) break;
                [[fallthrough]];
            default:
                if (typed.shift) release(Key::LeftShift);
                typing_step_ = 0;
                text_.erase(text_.begin());
                break;
        }
    }
    if (!text_.empty()) scheduler_.schedule(typing_event_, scheduler_.now() + config_.typing_step_ns);
}

}  // namespace gnomon
