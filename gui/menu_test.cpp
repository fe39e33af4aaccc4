// The menu without a window: steps in, requests out, characters on the canvas.
#include "gui/menu.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

namespace gnomon {
namespace {

RunStatus status_with_cd(const std::string& file) {
    RunStatus status;
    status.drives = {{"disk.0", "ide0-hd0", DriveKind::Disk, "hd.img"},
                     {"cdrom.2", "ide1-cd0", DriveKind::Cdrom, file}};
    return status;
}

void choose_row(Menu& menu, std::string_view label, Menu::Outcome& outcome) {
    for (u32 row = 1; row < menu.draw().rows(); row++)
        if (menu.draw().text(row).find(label) != std::string_view::npos) {
            outcome = menu.click(row);
            return;
        }
    FAIL() << "no item " << label;
}

TEST(Menu, ArrowsChooseAndEscLeaves) {
    Menu menu;
    menu.open({});
    EXPECT_EQ(menu.step(Menu::Step::Choose).events,
              (std::vector<InputEvent>{CommandRequest{Command::PauseOrContinue}}));
    EXPECT_FALSE(menu.is_open());
    menu.open({});
    menu.step(Menu::Step::Up);  // around the end
    EXPECT_EQ(menu.step(Menu::Step::Choose).events, (std::vector<InputEvent>{PowerOffRequest{}}));
    menu.open({});
    EXPECT_TRUE(menu.step(Menu::Step::Back).events.empty());
    EXPECT_FALSE(menu.is_open());
}

TEST(Menu, ADiscGoesInByTheNameOfItsFile) {
    Menu menu;
    menu.open(status_with_cd(""));
    Menu::Outcome outcome;
    choose_row(menu, "cdrom.2: insert", outcome);
    EXPECT_TRUE(outcome.events.empty());
    menu.type("/tmp/b\xc3\xbcx");
    menu.step(Menu::Step::Erase);
    menu.step(Menu::Step::Erase);  // the two bytes of one character
    menu.type(".iso");
    EXPECT_NE(menu.draw().text(menu.draw().rows() - 1).find("File: /tmp/b.iso_"), std::string_view::npos);
    EXPECT_EQ(menu.step(Menu::Step::Choose).events,
              (std::vector<InputEvent>{CommandRequest{Command::Insert, "cdrom.2", "/tmp/b.iso"}}));
}

TEST(Menu, OnlyWhatIsInCanBeEjectedAndHardDisksStay) {
    Menu menu;
    menu.open(status_with_cd("a.iso"));
    Menu::Outcome outcome;
    choose_row(menu, "cdrom.2: eject a.iso", outcome);
    EXPECT_EQ(outcome.events, (std::vector<InputEvent>{CommandRequest{Command::Eject, "cdrom.2"}}));
    menu.open(status_with_cd(""));
    for (u32 row = 0; row < menu.draw().rows(); row++) {
        EXPECT_EQ(menu.draw().text(row).find("eject"), std::string_view::npos);
        EXPECT_EQ(menu.draw().text(row).find("disk.0"), std::string_view::npos);
    }
}

TEST(Menu, FileNamesAreCompletedAsFarAsTheyAgree) {
    const std::string folder =
        (std::filesystem::temp_directory_path() / fmt::format("gnomon-menu-{}", getpid())).string();
    std::filesystem::create_directory(folder);
    std::ofstream(folder + "/disc-one.iso");
    std::ofstream(folder + "/disc-two.iso");
    Menu menu;
    menu.open({});
    Menu::Outcome outcome;
    choose_row(menu, "Load state from", outcome);
    menu.type(folder + "/d");
    menu.step(Menu::Step::Complete);
    menu.type("o");
    menu.step(Menu::Step::Complete);
    EXPECT_EQ(menu.step(Menu::Step::Choose).events,
              (std::vector<InputEvent>{CommandRequest{Command::LoadState, "", folder + "/disc-one.iso"}}));
    std::filesystem::remove_all(folder);
}

TEST(StatusLine, TellsSpeedLampsAndTheWayOut) {
    RunStatus status = status_with_cd("");
    status.mips = 123.4;
    status.percent = 99.6;
    EXPECT_EQ(draw_status_line(status, "", true, 70).text(0),
              " 123 MIPS 100%  disk  CD                   Ctrl+Alt+G frees the mouse ");
    status.paused = true;
    EXPECT_EQ(draw_status_line(status, "", false, 40).text(0), " paused  disk  CD       Ctrl+Alt+M menu ");
    EXPECT_EQ(draw_status_line(status, "Saved", false, 20).text(0), " Saved              ");
    const TextCanvas dark = draw_status_line(status, "", false, 40);
    status.disk_busy = true;
    EXPECT_NE(draw_status_line(status, "", false, 40).pixels(), dark.pixels());
}

TEST(TextCanvas, GlyphsAreDrawnPixelByPixelAndCutAtTheBorder) {
    TextCanvas canvas(3, 1, 0);
    EXPECT_EQ(canvas.write(0, 1, "\xe2\x96\x88xyz", 0xffffff, 0x000011), 3u);  // U+2588, a full block
    EXPECT_EQ(canvas.pixels()[0], 0u);
    for (u32 y = 0; y < 16; y++)
        for (u32 x = 8; x < 16; x++) EXPECT_EQ(canvas.pixels()[y * 24 + x], 0xffffffu);
    EXPECT_EQ(canvas.pixels()[16], 0x000011u);
    EXPECT_EQ(canvas.text(0).substr(2), "x");
}

}  // namespace
}  // namespace gnomon
