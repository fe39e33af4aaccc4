// The host's joysticks by SDL, for the guest's game port.
#pragma once

#include <SDL.h>

#include <array>
#include <vector>

#include "gui/input_event.h"

namespace gnomon {

class SdlJoysticks {
  public:
    /// Without SDL's joystick part there are none.
    SdlJoysticks();
    ~SdlJoysticks();
    SdlJoysticks(const SdlJoysticks&) = delete;
    SdlJoysticks& operator=(const SdlJoysticks&) = delete;

    /// Joysticks take part while they are plugged in: the first two, each on the lowest free place.
    void on_event(const SDL_Event& event, std::vector<InputEvent>& events);

  private:
    struct Place {
        SDL_Joystick* joystick = nullptr;
        StickPosition position;
    };
    void plug(int device, std::vector<InputEvent>& events);
    [[nodiscard]] Place* find(SDL_JoystickID id);
    void report(const Place& place, std::vector<InputEvent>& events) const;

    std::array<Place, 2> places_{};
    bool started_;
};

}  // namespace gnomon
