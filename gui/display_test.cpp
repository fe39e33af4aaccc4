// Names of front ends, and the mailbox between threads.
#include "gui/display.h"

#include <gtest/gtest.h>

#include <thread>

#include "gui/display_link.h"

namespace gnomon {
namespace {

/// Shows whole numbers: every pixel of a frame must be the same one.
class CountingDisplay final : public Display {
  public:
    [[nodiscard]] Wants wants() const override { return Wants::Picture; }
    void update(const Frame& frame) override {
        for (const u32 pixel : frame.pixels) ASSERT_EQ(pixel, frame.pixels[0]);
        ASSERT_GE(frame.pixels[0], last);
        last = frame.pixels[0];
    }
    void set_status(const RunStatus& status) override { mips = status.mips; }
    void poll(std::vector<InputEvent>& events) override { events.emplace_back(PointerMotion{++polls, 0, 0}); }

    u32 last = 0;
    int polls = 0;
    double mips = 0;
};

TEST(DisplayLink, NewestScreenArrivesWholeAndNoInputIsLost) {
    DisplayLink link;
    constexpr u32 kFrames = 3000;
    std::vector<InputEvent> received;
    std::thread guest([&] {
        DisplayLink::Screen screen = Frame{};
        for (u32 i = 1; i <= kFrames; i++) {
            if (!std::holds_alternative<Frame>(screen)) screen = Frame{};
            Frame& frame = std::get<Frame>(screen);
            frame.resize(40, 20);
            std::fill(frame.pixels.begin(), frame.pixels.end(), i);
            link.publish(screen);
            link.take_input(received);
        }
        link.publish_status({.mips = 12});
    });
    CountingDisplay display;
    while (display.last < kFrames) link.serve(display);
    guest.join();
    link.serve(display);
    EXPECT_EQ(display.mips, 12);
    EXPECT_TRUE(link.screen_fetched());
    EXPECT_FALSE(link.serve(display));
    link.take_input(received);
    ASSERT_EQ(received.size(), static_cast<size_t>(display.polls));
    for (size_t i = 0; i < received.size(); i++)
        EXPECT_EQ(std::get<PointerMotion>(received[i]).dx, static_cast<int>(i) + 1);
}

}  // namespace
}  // namespace gnomon
