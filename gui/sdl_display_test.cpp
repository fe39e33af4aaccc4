// The SDL window without a window system: pixels read back, events pushed.
#include "gui/sdl_display.h"

#include <SDL.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>

#include "gui/sdl_keys.h"

namespace gnomon {
namespace {

struct SdlDisplayTest : testing::Test {
    std::unique_ptr<Display> display;
    std::vector<InputEvent> events;

    void SetUp() override {
        setenv("SDL_VIDEODRIVER", "dummy", 0);
        Result<std::unique_ptr<Display>> made =
            make_display({DisplayKind::Sdl}, {.title = "Test", .scale = 1});
        ASSERT_TRUE(made.ok()) << made.error().message;
        display = std::move(*made);
        poll();  // what opening the window reported
        events.clear();
    }
    static SDL_Window* window() {
        for (u32 id = 1; id < 100; id++)
            if (SDL_Window* found = SDL_GetWindowFromID(id)) return found;
        return nullptr;
    }
    void poll() { display->poll(events); }
    static void key(SDL_Scancode code, bool down, u16 modifiers = 0, u8 repeat = 0) {
        SDL_Event event{};
        event.type = down ? SDL_KEYDOWN : SDL_KEYUP;
        event.key.windowID = SDL_GetWindowID(window());
        event.key.repeat = repeat;
        event.key.keysym.scancode = code;
        event.key.keysym.mod = modifiers;
        SDL_PushEvent(&event);
    }
    void combination(SDL_Scancode code) {
        key(SDL_SCANCODE_LCTRL, true, KMOD_LCTRL);
        key(SDL_SCANCODE_LALT, true, KMOD_LCTRL | KMOD_LALT);
        key(code, true, KMOD_LCTRL | KMOD_LALT);
        key(code, false, KMOD_LCTRL | KMOD_LALT);
        key(SDL_SCANCODE_LALT, false);
        key(SDL_SCANCODE_LCTRL, false);
        poll();
    }
    static void button(u8 number, bool down) {
        SDL_Event event{};
        event.type = down ? SDL_MOUSEBUTTONDOWN : SDL_MOUSEBUTTONUP;
        event.button.windowID = SDL_GetWindowID(window());
        event.button.button = number;
        SDL_PushEvent(&event);
    }
    static void motion(int dx, int dy) {
        SDL_Event event{};
        event.type = SDL_MOUSEMOTION;
        event.motion.windowID = SDL_GetWindowID(window());
        event.motion.xrel = dx;
        event.motion.yrel = dy;
        SDL_PushEvent(&event);
    }
    static u32 pixel(int x, int y) {
        u32 value = 0;
        const SDL_Rect one{x, y, 1, 1};
        EXPECT_EQ(SDL_RenderReadPixels(SDL_GetRenderer(window()), &one, SDL_PIXELFORMAT_RGB888, &value, 4),
                  0);
        return value & 0xffffff;
    }
    static Frame frame(u32 width, u32 height, u32 colour) {
        Frame f;
        f.resize(width, height);
        std::fill(f.pixels.begin(), f.pixels.end(), colour);
        return f;
    }
    static std::string title() { return SDL_GetWindowTitle(window()); }
};

TEST_F(SdlDisplayTest, TextModeFillsAFourToThreeWindow) {
    Frame f = frame(720, 400, 0x0000aa);
    for (u32 i = 0; i < 720 * 200; i++) f.pixels[i] = 0xaa0000;
    display->update(f);
    int width = 0;
    int height = 0;
    SDL_GetWindowSize(window(), &width, &height);
    EXPECT_EQ(width, 720);
    EXPECT_EQ(height, 540 + 18);  // the picture, and the status line below
    EXPECT_EQ(pixel(0, 0), 0xaa0000u);
    EXPECT_EQ(pixel(719, 260), 0xaa0000u);
    EXPECT_EQ(pixel(0, 280), 0x0000aau);
    EXPECT_EQ(pixel(719, 539), 0x0000aau);
}

TEST_F(SdlDisplayTest, PicturesKeepTheirShapeInAnyWindowAndChangesArrive) {
    display->update(frame(640, 480, 0x123456));
    SDL_SetWindowSize(window(), 1000, 480 + 18);
    poll();
    EXPECT_EQ(pixel(500, 240), 0x123456u);
    EXPECT_EQ(pixel(10, 240), 0u);  // dark at the sides: 640 of 1000 are used
    EXPECT_EQ(pixel(990, 240), 0u);
    Frame f = frame(640, 480, 0x123456);
    f.pixels[240 * 640 + 320] = 0xffffff;
    display->update(f);
    EXPECT_EQ(pixel(180 + 320, 240), 0xffffffu);  // exactly one picture pixel a window pixel
    EXPECT_EQ(pixel(180 + 321, 240), 0x123456u);
}

TEST_F(SdlDisplayTest, KeysGoByPositionWithoutRepetition) {
    key(SDL_SCANCODE_Q, true);
    key(SDL_SCANCODE_Q, true, 0, 1);
    key(SDL_SCANCODE_Q, false);
    key(SDL_SCANCODE_RALT, true, KMOD_RALT);
    poll();
    EXPECT_EQ(events, (std::vector<InputEvent>{KeyInput{Key::Q, true}, KeyInput{Key::Q, false},
                                               KeyInput{Key::RightAlt, true}}));
}

TEST_F(SdlDisplayTest, ScanCodesMapToTheKeysOfTheSameName) {
    EXPECT_EQ(key_of_scan_code(SDL_SCANCODE_Z), Key::Z);
    EXPECT_EQ(key_of_scan_code(SDL_SCANCODE_0), Key::Digit0);
    EXPECT_EQ(key_of_scan_code(SDL_SCANCODE_SPACE), Key::Space);
    EXPECT_EQ(key_of_scan_code(SDL_SCANCODE_SEMICOLON), Key::Semicolon);
    EXPECT_EQ(key_of_scan_code(SDL_SCANCODE_SLASH), Key::Slash);
    EXPECT_EQ(key_of_scan_code(SDL_SCANCODE_F12), Key::F12);
    EXPECT_EQ(key_of_scan_code(SDL_SCANCODE_PAUSE), Key::Pause);
    EXPECT_EQ(key_of_scan_code(SDL_SCANCODE_PAGEDOWN), Key::PageDown);
    EXPECT_EQ(key_of_scan_code(SDL_SCANCODE_UP), Key::Up);
    EXPECT_EQ(key_of_scan_code(SDL_SCANCODE_KP_ENTER), Key::KpEnter);
    EXPECT_EQ(key_of_scan_code(SDL_SCANCODE_KP_0), Key::Kp0);
    EXPECT_EQ(key_of_scan_code(SDL_SCANCODE_RGUI), Key::RightGui);
    EXPECT_EQ(key_of_scan_code(SDL_SCANCODE_UNKNOWN), Key::None);
}

TEST_F(SdlDisplayTest, MouseIsReportedOnlyWhileGrabbed) {
    motion(3, 4);
    button(SDL_BUTTON_RIGHT, true);
    button(SDL_BUTTON_RIGHT, false);
    poll();
    EXPECT_TRUE(events.empty());
    button(SDL_BUTTON_LEFT, true);  // grabs
    button(SDL_BUTTON_LEFT, false);
    poll();
    EXPECT_TRUE(events.empty());
    EXPECT_EQ(title(), "Test - Ctrl+Alt+G releases the mouse");
    SDL_FlushEvent(SDL_MOUSEMOTION);
    motion(3, 4);
    motion(-1, 2);
    button(SDL_BUTTON_RIGHT, true);
    motion(5, 0);
    poll();
    EXPECT_EQ(events, (std::vector<InputEvent>{PointerMotion{2, 6, 0}, PointerButton{1, true},
                                               PointerMotion{5, 0, 0}}));
    events.clear();
    key(SDL_SCANCODE_LCTRL, true, KMOD_LCTRL);
    key(SDL_SCANCODE_LALT, true, KMOD_LCTRL | KMOD_LALT);
    key(SDL_SCANCODE_G, true, KMOD_LCTRL | KMOD_LALT);
    key(SDL_SCANCODE_G, false, KMOD_LCTRL | KMOD_LALT);
    key(SDL_SCANCODE_LALT, false);
    poll();
    // The guest sees Ctrl and Alt go up again, the button as well, and nothing of G.
    EXPECT_EQ(events, (std::vector<InputEvent>{KeyInput{Key::LeftControl, true}, KeyInput{Key::LeftAlt, true},
                                               KeyInput{Key::LeftControl, false},
                                               KeyInput{Key::LeftAlt, false}, PointerButton{1, false}}));
    EXPECT_EQ(title(), "Test - click or Ctrl+Alt+G grabs the mouse");
}

TEST_F(SdlDisplayTest, IntegerScalingAndStretchingAreAKeyAway) {
    display->update(frame(320, 200, 0x123456));
    SDL_SetWindowSize(window(), 900, 500 + 18);
    poll();
    combination(SDL_SCANCODE_I);  // whole multiples: 640x400 in the middle
    EXPECT_EQ(pixel(131, 51), 0x123456u);
    EXPECT_EQ(pixel(128, 250), 0u);
    EXPECT_EQ(pixel(450, 48), 0u);
    display->update(frame(720, 400, 0x123456));
    SDL_SetWindowSize(window(), 1100, 830 + 18);
    poll();
    EXPECT_EQ(pixel(191, 216), 0x123456u);  // 720x400: twice the height would be further from 4:3
    EXPECT_EQ(pixel(550, 213), 0u);
    SDL_SetWindowSize(window(), 720, 420 + 18);
    poll();
    EXPECT_EQ(pixel(0, 11), 0x123456u);  // it fits, if not at 4:3
    EXPECT_EQ(pixel(719, 408), 0x123456u);
    EXPECT_EQ(pixel(360, 8), 0u);
    display->update(frame(320, 200, 0x123456));
    SDL_SetWindowSize(window(), 900, 500 + 18);
    poll();
    combination(SDL_SCANCODE_I);  // all of the window
    EXPECT_EQ(pixel(0, 0), 0x123456u);
    EXPECT_EQ(pixel(899, 499), 0x123456u);
    combination(SDL_SCANCODE_I);  // as large as fits: 4:3
    EXPECT_EQ(pixel(100, 250), 0u);
    EXPECT_EQ(pixel(450, 0), 0x123456u);
}

TEST_F(SdlDisplayTest, EdgesStaySharpInSizesThatAreNoMultiples) {
    Frame f = frame(640, 480, 0);
    for (u32 y = 0; y < 480; y++)
        for (u32 x = 320; x < 640; x++) f.pixels[y * 640 + x] = 0xffffff;
    display->update(f);
    SDL_SetWindowSize(window(), 960, 720 + 18);
    poll();
    EXPECT_EQ(pixel(478, 300), 0u);
    EXPECT_EQ(pixel(482, 300), 0xffffffu);
}

TEST_F(SdlDisplayTest, TheMenuTakesTheKeyboardAndGivesCommands) {
    display->set_status({.drives = {{"cdrom.2", "ide1-cd0", DriveKind::Cdrom}}});
    combination(SDL_SCANCODE_M);
    events.clear();
    for (int i = 0; i < 4; i++) key(SDL_SCANCODE_DOWN, true);
    key(SDL_SCANCODE_RETURN, true);
    SDL_Event text{};
    text.type = SDL_TEXTINPUT;
    std::snprintf(text.text.text, sizeof text.text.text, "/a.iso");
    SDL_SetModState(KMOD_NONE);
    SDL_PushEvent(&text);
    key(SDL_SCANCODE_RETURN, true);
    key(SDL_SCANCODE_RETURN, false);
    poll();
    EXPECT_EQ(events, (std::vector<InputEvent>{CommandRequest{UserCommand::Insert, "cdrom.2", "/a.iso"}}));
    events.clear();
    key(SDL_SCANCODE_A, true);  // closed: the guest's again
    poll();
    EXPECT_EQ(events, (std::vector<InputEvent>{KeyInput{Key::A, true}}));
}

TEST_F(SdlDisplayTest, CombinationsAreCommandsAndADroppedFileIsInserted) {
    combination(SDL_SCANCODE_P);
    combination(SDL_SCANCODE_S);
    combination(SDL_SCANCODE_PRINTSCREEN);
    events.erase(std::remove_if(events.begin(), events.end(),
                                [](const InputEvent& e) { return std::holds_alternative<KeyInput>(e); }),
                 events.end());
    SDL_Event drop{};
    drop.type = SDL_DROPFILE;
    drop.drop.file = SDL_strdup("/images/disk.img");
    drop.drop.windowID = SDL_GetWindowID(window());
    SDL_PushEvent(&drop);
    poll();
    EXPECT_EQ(events, (std::vector<InputEvent>{CommandRequest{UserCommand::PauseOrContinue},
                                               CommandRequest{UserCommand::SaveState},
                                               CommandRequest{UserCommand::Screenshot},
                                               CommandRequest{UserCommand::Insert, "", "/images/disk.img"}}));
}

TEST_F(SdlDisplayTest, TextGoesToTheClipboardAndBackAsTyping) {
    display->tell({Notice::Kind::Clipboard, "from the guest\n"});
    char* text = SDL_GetClipboardText();
    EXPECT_STREQ(text, "from the guest\n");
    SDL_free(text);
    SDL_SetClipboardText("to the guest");
    combination(SDL_SCANCODE_V);
    EXPECT_EQ(events.back(), (InputEvent{TextInput{"to the guest"}}));
}

TEST_F(SdlDisplayTest, AGuestThatTakesPlacesGetsThemWithoutAGrab) {
    display->update(frame(640, 480, 0));
    SDL_SetWindowSize(window(), 660, 500 + 18);  // the picture in the middle, the status line below
    poll();
    events.clear();
    display->set_status({.takes_places = true});
    EXPECT_EQ(title().find("grab"), std::string::npos);
    const auto at = [](u32 type, int x, int y) {
        SDL_Event event{};
        event.type = type;
        if (type == SDL_MOUSEMOTION) {
            event.motion.type = type;
            event.motion.windowID = SDL_GetWindowID(window());
            event.motion.x = x;
            event.motion.y = y;
        } else {
            event.button.type = type;
            event.button.windowID = SDL_GetWindowID(window());
            event.button.button = SDL_BUTTON_LEFT;
            event.button.x = x;
            event.button.y = y;
        }
        SDL_PushEvent(&event);
    };
    at(SDL_MOUSEMOTION, 5, 5);  // the place where the pointer was in between does not count
    at(SDL_MOUSEMOTION, 659, 2);
    at(SDL_MOUSEBUTTONDOWN, 400, 200);
    at(SDL_MOUSEBUTTONUP, 400, 200);
    at(SDL_MOUSEBUTTONDOWN, 400, 510);  // on the status line
    poll();
    ASSERT_EQ(events.size(), 3u);
    EXPECT_EQ(events[0], (InputEvent{PointerPlace{65535, 0}}));
    EXPECT_EQ(events[1], (InputEvent{PointerButton{0, true}}));
    EXPECT_EQ(events[2], (InputEvent{PointerButton{0, false}}));
    EXPECT_FALSE(SDL_GetRelativeMouseMode());
}

TEST_F(SdlDisplayTest, MessagesAreShownWhereThereIsNoStatusLine) {
    display->update(frame(640, 480, 0x123456));
    combination(SDL_SCANCODE_F);
    int width = 0;
    int height = 0;
    SDL_GetWindowSize(window(), &width, &height);
    constexpr u32 kStatusPaper = 0x202830;
    EXPECT_NE(pixel(0, height - 1), kStatusPaper);
    display->tell({Notice::Kind::Message, "Saved"});
    EXPECT_EQ(pixel(0, height - 1), kStatusPaper);
    EXPECT_EQ(pixel(width / 2, height - 40), 0x123456u);
    combination(SDL_SCANCODE_F);
    SDL_GetWindowSize(window(), &width, &height);
    EXPECT_EQ(pixel(0, height - 1), kStatusPaper);
}

TEST_F(SdlDisplayTest, TheFirstTwoJoysticksArePlugged) {
    SDL_SetHint(SDL_HINT_JOYSTICK_ALLOW_BACKGROUND_EVENTS, "1");
    const int first = SDL_JoystickAttachVirtual(SDL_JOYSTICK_TYPE_GAMECONTROLLER, 2, 4, 0);
    ASSERT_GE(first, 0) << SDL_GetError();
    SDL_Joystick* const stick = SDL_JoystickOpen(first);
    ASSERT_NE(stick, nullptr);
    poll();
    const auto last = [this] {
        const auto found = std::find_if(events.rbegin(), events.rend(), [](const InputEvent& e) { return std::holds_alternative<StickInput>(e); });
        return found == events.rend() ? StickInput{9, {}} : std::get<StickInput>(*found);
    };
    EXPECT_EQ(last(), (StickInput{0, {.plugged = true}}));
    SDL_JoystickSetVirtualAxis(stick, 0, -32768);
    SDL_JoystickSetVirtualAxis(stick, 1, 32767);
    SDL_JoystickSetVirtualButton(stick, 3, 1);  // the second and the fourth are the same to the guest
    poll();
    EXPECT_EQ(last(), (StickInput{0, {.plugged = true, .x = 0, .y = 0xffff, .buttons = 2}}));
    SDL_JoystickSetVirtualButton(stick, 3, 0);
    poll();
    EXPECT_EQ(last(), (StickInput{0, {.plugged = true, .x = 0, .y = 0xffff}}));
    SDL_JoystickClose(stick);
    SDL_JoystickDetachVirtual(first);
    poll();
    EXPECT_EQ(last(), (StickInput{0, {}}));
}

TEST_F(SdlDisplayTest, CtrlAltEndIsCtrlAltDel) {
    key(SDL_SCANCODE_LCTRL, true, KMOD_LCTRL);
    key(SDL_SCANCODE_LALT, true, KMOD_LCTRL | KMOD_LALT);
    key(SDL_SCANCODE_END, true, KMOD_LCTRL | KMOD_LALT);
    key(SDL_SCANCODE_END, false, KMOD_LCTRL | KMOD_LALT);
    poll();
    EXPECT_EQ(events, (std::vector<InputEvent>{KeyInput{Key::LeftControl, true}, KeyInput{Key::LeftAlt, true},
                                               KeyInput{Key::Delete, true}, KeyInput{Key::Delete, false}}));
}

TEST_F(SdlDisplayTest, LosingTheFocusReleasesEverything) {
    key(SDL_SCANCODE_LSHIFT, true, KMOD_LSHIFT);
    SDL_Event event{};
    event.type = SDL_WINDOWEVENT;
    event.window.windowID = SDL_GetWindowID(window());
    event.window.event = SDL_WINDOWEVENT_FOCUS_LOST;
    SDL_PushEvent(&event);
    poll();
    EXPECT_EQ(events,
              (std::vector<InputEvent>{KeyInput{Key::LeftShift, true}, KeyInput{Key::LeftShift, false}}));
}

TEST_F(SdlDisplayTest, ClosingAsksForPowerOffOnceAndTheTitleTellsTheSpeed) {
    display->set_status({.mips = 250, .percent = 97.6});
    EXPECT_EQ(title(), "Test - 250 MIPS, 98% - click or Ctrl+Alt+G grabs the mouse");
    SDL_Event event{};
    event.type = SDL_WINDOWEVENT;
    event.window.windowID = SDL_GetWindowID(window());
    event.window.event = SDL_WINDOWEVENT_CLOSE;
    SDL_PushEvent(&event);
    event = {};
    event.type = SDL_QUIT;
    SDL_PushEvent(&event);
    poll();
    EXPECT_EQ(events, (std::vector<InputEvent>{PowerOffRequest{}}));
}

TEST(SdlDisplay, WithoutADesktopThereIsNoWindow) {
    const char* const driver = std::getenv("SDL_VIDEODRIVER");
    const std::string before = driver ? driver : "dummy";
    unsetenv("SDL_VIDEODRIVER");
    setenv("DISPLAY", ":54321", 1);  // nobody listens there
    unsetenv("WAYLAND_DISPLAY");
    const Result<std::unique_ptr<Display>> made = make_display({DisplayKind::Sdl}, {});
    setenv("SDL_VIDEODRIVER", before.c_str(), 1);
    // A graphics card would do without a desktop, memory that nobody sees would not.
    if (made.ok()) {
        ASSERT_TRUE(std::filesystem::exists("/dev/dri/card0"));
        EXPECT_STREQ(SDL_GetCurrentVideoDriver(), "KMSDRM");
        return;
    }
    EXPECT_EQ(made.error().message.find("--display sdl: "), 0u);
}

}  // namespace
}  // namespace gnomon
