// A session on a whole machine: every user action, its effect and its event.
#include "gui/session.h"

#include <gtest/gtest.h>

#include "machine/machine_fixture.h"

namespace gnomon {
namespace {

/// A machine that loops for ever, run in pieces on this thread.
struct SessionTest : testing::Test {
    TestMachine test{Action::Loop, 0, [] {
                         Config config;
                         config.cdrom[2].present = true;
                         return config;
                     }()};
    Machine& machine = *test.machine;
    std::function<void()> on_step = [] {};
    RunLoop loop{machine, [this] {
                     RunOptions options;
                     options.front_end_ns = 0;
                     options.front_end = [this] {
                         session.step();
                         on_step();
                     };
                     return options;
                 }()};
    std::string state_file = test.disk.path() + ".state";
    Session session{
        machine, loop, {.state_file = state_file, .screenshot_prefix = test.disk.path() + "-shot-"}};
    std::vector<SessionEvent> events;

    void SetUp() override {
        session.add_listener([this](const SessionEvent& event) { events.push_back(event); });
    }
    void TearDown() override {
        std::filesystem::remove(state_file);
        std::filesystem::remove(test.disk.path() + "-shot-1.png");
    }
    /// Runs until `done` says so, asked at every step.
    RunEnd run_until(const std::function<bool()>& done) {
        const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(30);
        on_step = [this, done, deadline] {
            if (done()) machine.end(99, "done");
            if (std::chrono::steady_clock::now() > deadline) machine.end(98, "too late");
        };
        machine.resume();
        return loop.run();
    }
    [[nodiscard]] bool on_screen(std::string_view text) {
        for (const std::string& line : session.screen_text().lines())
            if (line.find(text) != line.npos) return true;
        return false;
    }
    [[nodiscard]] bool has_event(SessionEvent::Kind kind) const {
        return std::any_of(events.begin(), events.end(),
                           [&](const auto& event) { return event.kind == kind; });
    }
};

TEST_F(SessionTest, PauseStopsTheGuestAndContinueLetsItGoOn) {
    EXPECT_EQ(run_until([this] { return on_screen("Hello"); }).status, 99)
        << session.screen_text().lines()[0];
    int steps = 0;
    u64 stood_at = 0;
    run_until([&] {
        if (steps++ == 0) {
            session.pause();
            stood_at = machine.clock().instructions();
        }
        return steps == 5;
    });
    EXPECT_EQ(machine.clock().instructions(), stood_at);
    EXPECT_TRUE(session.paused());
    session.go_on();
    run_until([&] { return machine.clock().instructions() > stood_at + 1000; });
    ASSERT_EQ(events.size(), 2u);
    EXPECT_EQ(events[0].kind, SessionEvent::Kind::Stop);
    EXPECT_EQ(events[1].kind, SessionEvent::Kind::Resume);
}

TEST_F(SessionTest, ResetIsReportedAsTheUsers) {
    run_until([this] { return on_screen("Hello"); });
    session.reset();
    EXPECT_EQ(run_until([this] { return !events.empty(); }).status, 99);
    EXPECT_EQ(events[0].kind, SessionEvent::Kind::Reset);
    EXPECT_FALSE(events[0].guest);
}

TEST_F(SessionTest, ThePowerButtonSwitchesOffAGuestThatDoesNotListen) {
    session.press_power_button();
    ASSERT_TRUE(machine.ending().has_value());
    EXPECT_EQ(machine.ending()->status, 0);
    EXPECT_TRUE(has_event(SessionEvent::Kind::PowerDown));
}

TEST_F(SessionTest, TheEndIsReportedWithItsCause) {
    session.quit(0);
    session.finish(*machine.ending());
    ASSERT_TRUE(has_event(SessionEvent::Kind::Shutdown));
    EXPECT_FALSE(events.back().guest);
    EXPECT_EQ(events.back().status, 0);
}

TEST_F(SessionTest, MediaChangeByNameAndErrorsNameTheDrives) {
    const ScratchFile disc(std::vector<u8>(2048 * 40));
    const ScratchFile floppy(std::vector<u8>(737280));
    EXPECT_EQ(session.insert("dvd", disc.path()).error().message,
              "there is no drive 'dvd'; accepted are floppy.a, cdrom.2");
    EXPECT_EQ(session.eject("disk.0").error().message,
              "there is no drive 'disk.0'; accepted are floppy.a, cdrom.2");
    EXPECT_TRUE(session.insert("cdrom", disc.path()).ok());
    EXPECT_EQ(session.drives()[1].file, disc.path());
    EXPECT_EQ(session.drives()[1].sectors, 160u);
    EXPECT_TRUE(session.eject("ide1-cd0").ok());
    EXPECT_EQ(session.drives()[1].file, "");
    EXPECT_TRUE(session.eject("cdrom.2").ok());  // empty already
    EXPECT_TRUE(session.insert("a:", floppy.path()).ok());
    EXPECT_EQ(session.drives()[0].file, floppy.path());
    EXPECT_EQ(*session.insert_by_kind(test.disk.path()), "floppy.a");
    EXPECT_EQ(session.drives()[0].file, test.disk.path());
    EXPECT_EQ(session.insert("floppy.a", "/nonexistent").error().message,
              "floppy.a.file: /nonexistent: No such file or directory");
    EXPECT_EQ(session.drives()[0].file, test.disk.path());  // the old disk is where it was
}

TEST_F(SessionTest, TooBigAFileIsNoFloppyAndTheSameDiskMayGoInAgain) {
    const ScratchFile big(std::vector<u8>(4 << 20));
    EXPECT_NE(session.insert("floppy.a", big.path()).error().message.find("2880 KiB"), std::string::npos);
    EXPECT_EQ(session.drives()[0].file, test.disk.path());
    EXPECT_TRUE(session.insert("floppy.a", test.disk.path()).ok());
    EXPECT_TRUE(session.eject("a").ok());
    EXPECT_EQ(session.drives()[0].file, "");
}

TEST_F(SessionTest, AStateIsSavedAndLoadedWhileTheRunGoesOn) {
    run_until([this] { return on_screen("Hello"); });
    ASSERT_TRUE(session.save_state().ok());
    const u64 saved_at = machine.clock().instructions();
    run_until([&] { return machine.clock().instructions() > saved_at + 100'000; });
    ASSERT_TRUE(session.load_state().ok());
    EXPECT_EQ(machine.clock().instructions(), saved_at);
    run_until([&] { return machine.clock().instructions() > saved_at + 1000; });
    EXPECT_EQ(session.load_state(test.disk.path()).error().message,
              test.disk.path() + ": is no saved machine");
}

TEST_F(SessionTest, ScreenshotsTakeTheNextFreeName) {
    EXPECT_EQ(*session.screenshot(), test.disk.path() + "-shot-1.png");
    EXPECT_GT(std::filesystem::file_size(test.disk.path() + "-shot-1.png"), 100u);
}

TEST_F(SessionTest, DisplaysGetPicturesAndAnswersAndTheirCommandsAreCarriedOut) {
    class Probe final : public Display {
      public:
        [[nodiscard]] Wants wants() const override { return Wants::Picture; }
        void update(const Frame& frame) override { frames.push_back(frame.width); }
        void set_status(const RunStatus& status) override { last = status; }
        void tell(const Notice& notice) override { notices.push_back(notice); }
        void poll(std::vector<InputEvent>& events) override {
            events.insert(events.end(), pending.begin(), pending.end());
            pending.clear();
        }
        std::vector<u32> frames;
        std::vector<Notice> notices;
        std::vector<InputEvent> pending;
        RunStatus last;
    };
    Probe one;
    Probe two;
    DisplayLink first;
    DisplayLink second;
    session.add_display(first);
    session.add_display(second);
    one.pending = {CommandRequest{UserCommand::Eject, "floppy.a"}, CommandRequest{UserCommand::PauseOrContinue},
                   CommandRequest{UserCommand::Mute}, TextInput{"caf\xe9"}};
    first.serve(one);
    session.step();
    first.serve(one);
    second.serve(two);
    EXPECT_EQ(one.frames.size(), 1u);
    EXPECT_EQ(two.frames.size(), 1u);
    EXPECT_TRUE(session.paused());
    EXPECT_TRUE(one.last.paused);
    ASSERT_EQ(one.last.drives.size(), 2u);
    EXPECT_EQ(one.last.drives[0].file, "");
    EXPECT_EQ(one.notices,
              (std::vector<Notice>{
                  {Notice::Kind::Message, "floppy.a: ejected"},
                  {Notice::Kind::Message, "this machine makes no sound"},
                  {Notice::Kind::Message, "character 0xe9 at offset 3 is on no key of the US keyboard"}}));
    EXPECT_TRUE(two.notices.empty());
}

TEST_F(SessionTest, StruckKeysAreDownForTheirTimeAndWaitForEachOther) {
    run_until([this] { return on_screen("Hello"); });
    session.strike({Key::LeftControl, Key::C}, 50);
    session.strike({Key::A}, 50);
    EXPECT_TRUE(machine.keyboard().held(Key::LeftControl));
    EXPECT_TRUE(machine.keyboard().held(Key::C));
    EXPECT_FALSE(machine.keyboard().held(Key::A));
    EXPECT_EQ(run_until([&] { return machine.keyboard().held(Key::A); }).status, 99);
    EXPECT_FALSE(machine.keyboard().held(Key::LeftControl));
    EXPECT_EQ(run_until([&] { return !machine.keyboard().held(Key::A); }).status, 99);
}

}  // namespace
}  // namespace gnomon
