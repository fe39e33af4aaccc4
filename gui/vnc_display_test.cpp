// The VNC display seen by a public client, libvncclient, over a real connection.
#include "gui/vnc_display.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <rfb/rfbclient.h>
#include <unistd.h>

#include <thread>

#include "gui/vnc_keys.h"

namespace gnomon {
namespace {

/// Test programs may run side by side.
const u16 kPort = static_cast<u16>(15000 + getpid() % 20000);

/// The display is served on a thread of its own, as in a run.
struct VncTest : testing::Test {
    std::unique_ptr<Display> display;
    std::vector<InputEvent> events;
    rfbClient* client = nullptr;

    void open(const std::string& password = {}) {
        Result<std::unique_ptr<Display>> made = make_display({DisplayKind::Vnc, "127.0.0.1", kPort},
                                                             {.title = "Test machine", .password = password});
        ASSERT_TRUE(made.ok()) << made.error().message;
        display = std::move(*made);
    }
    /// Does what blocks on another thread while the display is served here.
    void serve_while(const std::function<void()>& action) {
        std::atomic<bool> done = false;
        std::thread other([&] {
            action();
            done = true;
        });
        while (!done) {
            display->poll(events);
            std::this_thread::sleep_for(std::chrono::milliseconds(1));
        }
        other.join();
        for (int i = 0; i < 20; i++) {
            display->poll(events);
            std::this_thread::sleep_for(std::chrono::milliseconds(1));
        }
    }
    [[nodiscard]] bool connect(const char* password = nullptr) {
        rfbEnableClientLogging = FALSE;
        bool connected = false;
        serve_while([&] {
            client = rfbGetClient(8, 3, 4);
            free(client->serverHost);  // an empty one
            client->serverHost = strdup("127.0.0.1");
            client->serverPort = kPort;
            rfbClientSetClientData(client, nullptr, const_cast<char*>(password));
            client->GetPassword = [](rfbClient* c) {
                return strdup(static_cast<const char*>(rfbClientGetClientData(c, nullptr)));
            };
            connected = rfbInitClient(client, nullptr, nullptr);
        });
        if (!connected) client = nullptr;  // it has cleaned up
        return connected;
    }
    /// The client's copy of a pixel, when it has that colour, or in the end.
    [[nodiscard]] u32 pixel_becoming(u32 colour, u32 x, u32 y) {
        bool arrived = false;
        u32 pixel = 0;
        serve_while([&] {
            SendFramebufferUpdateRequest(client, 0, 0, client->width, client->height, FALSE);
            for (int i = 0; i < 200 && !arrived; i++) {
                if (WaitForMessage(client, 10'000) > 0 && !HandleRFBServerMessage(client)) return;
                const auto* pixels = reinterpret_cast<const u32*>(client->frameBuffer);
                if (y < static_cast<u32>(client->height))
                    pixel = pixels[y * static_cast<u32>(client->width) + x] & 0xffffff;
                arrived = pixel == colour;
            }
        });
        return pixel;
    }
    /// The library leaves the pixels to whoever looks at them.
    void disconnect() {
        free(client->frameBuffer);
        rfbClientCleanup(std::exchange(client, nullptr));
    }
    void TearDown() override {
        if (client) disconnect();
    }
    static Frame frame(u32 width, u32 height, u32 colour) {
        Frame f;
        f.resize(width, height);
        std::fill(f.pixels.begin(), f.pixels.end(), colour);
        return f;
    }
    /// libvncclient's default pixel format has red lowest.
    static u32 swapped(u32 rgb) { return (rgb & 0xff) << 16 | (rgb & 0xff00) | rgb >> 16; }
};

TEST_F(VncTest, PicturesArriveAlsoAfterAChangeOfSize) {
    open();
    display->update(frame(640, 480, 0x102030));
    ASSERT_TRUE(connect());
    EXPECT_STREQ(client->desktopName, "Test machine");
    EXPECT_EQ(client->width, 640);
    EXPECT_EQ(pixel_becoming(swapped(0x102030), 3, 5), swapped(0x102030));
    Frame changed = frame(640, 480, 0x102030);
    changed.pixels[size_t{470} * 640 + 12] = 0xff8000;
    display->update(changed);
    EXPECT_EQ(pixel_becoming(swapped(0xff8000), 12, 470), swapped(0xff8000));
    display->update(frame(720, 400, 0x00ff00));
    EXPECT_EQ(pixel_becoming(swapped(0x00ff00), 700, 390), swapped(0x00ff00));
    EXPECT_EQ(client->width, 720);
}

TEST_F(VncTest, KeysymsBecomeKeysWithTheShiftOfTheUsLayout) {
    open();
    ASSERT_TRUE(connect());
    events.clear();
    serve_while([&] {
        SendKeyEvent(client, 'a', TRUE);
        SendKeyEvent(client, 'a', FALSE);
        SendKeyEvent(client, '!', TRUE);  // without Shift, as a viewer with another layout may send it
        SendKeyEvent(client, '!', FALSE);
        SendKeyEvent(client, 0xffe1, TRUE);
        SendKeyEvent(client, '/', TRUE);  // Shift and 7 on a German keyboard
        SendKeyEvent(client, '/', FALSE);
        SendKeyEvent(client, 0xffe1, FALSE);
        SendKeyEvent(client, 0xffc2, TRUE);
    });
    const std::vector<InputEvent> expected{
        KeyInput{Key::A, true},         KeyInput{Key::A, false},         KeyInput{Key::LeftShift, true},
        KeyInput{Key::Digit1, true},    KeyInput{Key::LeftShift, false}, KeyInput{Key::Digit1, false},
        KeyInput{Key::LeftShift, true}, KeyInput{Key::LeftShift, false}, KeyInput{Key::Slash, true},
        KeyInput{Key::LeftShift, true}, KeyInput{Key::Slash, false},     KeyInput{Key::LeftShift, false},
        KeyInput{Key::F5, true}};
    EXPECT_EQ(events, expected);
    events.clear();
    serve_while([&] { disconnect(); });
    EXPECT_EQ(events, (std::vector<InputEvent>{KeyInput{Key::F5, false}}));
}

TEST_F(VncTest, ThePointersPlaceBecomesMotion) {
    open();
    ASSERT_TRUE(connect());
    events.clear();
    serve_while([&] {
        SendPointerEvent(client, 100, 100, 0);
        SendPointerEvent(client, 110, 95, 0);
        SendPointerEvent(client, 110, 95, rfbButton3Mask);
        SendPointerEvent(client, 110, 95, 0);
        SendPointerEvent(client, 110, 95, rfbButton4Mask);
        SendPointerEvent(client, 110, 95, 0);
        SendPointerEvent(client, 0, 95, 0);
    });
    EXPECT_EQ(events, (std::vector<InputEvent>{PointerMotion{10, -5, 0}, PointerButton{1, true},
                                               PointerButton{1, false}, PointerMotion{0, 0, 1},
                                               PointerMotion{-640, 0, 0}}));
}

TEST_F(VncTest, AGuestThatTakesPlacesGetsThem) {
    open();
    ASSERT_TRUE(connect());
    display->set_status({.takes_places = true});
    events.clear();
    serve_while([&] {
        SendPointerEvent(client, 639, 0, 0);
        SendPointerEvent(client, 320, 479, rfbButton1Mask);
        SendPointerEvent(client, 320, 479, 0);
    });
    EXPECT_EQ(events, (std::vector<InputEvent>{PointerPlace{65535, 0}, PointerPlace{320 * 65535 / 639, 65535},
                                               PointerButton{0, true}, PointerButton{0, false}}));
}

TEST_F(VncTest, APasswordIsAskedFor) {
    open("secret");
    EXPECT_FALSE(connect("wrong"));
    EXPECT_TRUE(connect("secret"));
}

TEST_F(VncTest, APublicAddressNeedsAPasswordAndAPortOfItsOwn) {
    EXPECT_EQ(make_display({DisplayKind::Vnc, "0.0.0.0", kPort}, {}).error().message,
              fmt::format("--display vnc:0.0.0.0:{}: an address that other hosts reach needs vnc.password_file or "
                          "vnc.password",
                          kPort));
    open();
    EXPECT_EQ(make_display({DisplayKind::Vnc, "127.0.0.1", kPort}, {}).error().message,
              fmt::format("--display vnc: 127.0.0.1:{} cannot be listened on; is the port in use?", kPort));
}

TEST(VncKeys, PadAndFunctionKeysFollowEachOther) {
    EXPECT_EQ(key_of_keysym(0xffb9).key, Key::Kp9);
    EXPECT_EQ(key_of_keysym(0xffc9).key, Key::F12);
    EXPECT_EQ(key_of_keysym('Z').shift, true);
    EXPECT_EQ(key_of_keysym(' ').shift, std::nullopt);
    EXPECT_EQ(key_of_keysym(0xffe5).key, Key::None);  // Caps Lock stays with the viewer
}

}  // namespace
}  // namespace gnomon
