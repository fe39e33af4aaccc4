// Axes and buttons of the first two joysticks.
#include "gui/sdl_joysticks.h"

#include <algorithm>

namespace gnomon {

SdlJoysticks::SdlJoysticks() : started_(SDL_InitSubSystem(SDL_INIT_JOYSTICK) == 0) {}

SdlJoysticks::~SdlJoysticks() {
    for (const Place& place : places_)
        if (place.joystick) SDL_JoystickClose(place.joystick);
    if (started_) SDL_QuitSubSystem(SDL_INIT_JOYSTICK);
}

SdlJoysticks::Place* SdlJoysticks::find(SDL_JoystickID id) {
    for (Place& place : places_)
        if (place.joystick && SDL_JoystickInstanceID(place.joystick) == id) return &place;
    return nullptr;
}

void SdlJoysticks::report(const Place& place, std::vector<InputEvent>& events) const {
    events.emplace_back(StickInput{static_cast<u8>(&place - places_.data()), place.position});
}

void SdlJoysticks::plug(int device, std::vector<InputEvent>& events) {
    if (find(SDL_JoystickGetDeviceInstanceID(device))) return;
    Place* const place = std::ranges::find(places_, nullptr, &Place::joystick);
    if (place == places_.end()) return;
    place->joystick = SDL_JoystickOpen(device);
    if (!place->joystick) return;
    place->position = {.plugged = true};
    report(*place, events);
}

void SdlJoysticks::on_event(const SDL_Event& event, std::vector<InputEvent>& events) {
    switch (event.type) {
        case SDL_JOYDEVICEADDED: plug(event.jdevice.which, events); break;
        case SDL_JOYDEVICEREMOVED:
            if (Place* place = find(event.jdevice.which)) {
                SDL_JoystickClose(place->joystick);
                *place = {};
                report(*place, events);
            }
            break;
        case SDL_JOYAXISMOTION:
            if (Place* place = find(event.jaxis.which); place && event.jaxis.axis < 2) {
                const u16 at = static_cast<u16>(event.jaxis.value + 0x8000);
                (event.jaxis.axis == 0 ? place->position.x : place->position.y) = at;
                report(*place, events);
            }
            break;
        case SDL_JOYBUTTONDOWN:
        case SDL_JOYBUTTONUP:
            // A game port has two buttons for each; pads have more, which take turns.
            if (Place* place = find(event.jbutton.which)) {
                const u8 bit = static_cast<u8>(1u << event.jbutton.button % 2);
                place->position.buttons =
                    static_cast<u8>(event.type == SDL_JOYBUTTONDOWN ? place->position.buttons | bit
                                                                    : place->position.buttons & ~bit);
                report(*place, events);
            }
            break;
        default: break;
    }
}

}  // namespace gnomon
