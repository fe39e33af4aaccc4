// The menu over the guest's picture: what a user can do to the machine, worked by the arrow keys, Enter and
// Esc (or by clicks), with a line for file names. Knows nothing of windows.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "gui/display.h"
#include "gui/text_canvas.h"

namespace gnomon {

/// What the window itself does.
enum class WindowAction : u8 { None, FullScreen, Scaling, Paste, StatusLine, GrabMouse };

class Menu {
  public:
    enum class Step : u8 { Up, Down, First, Last, Choose, Back, Erase, Complete };
    /// What came out of a step: at most one of the two.
    struct Outcome {
        std::vector<InputEvent> events;
        WindowAction action = WindowAction::None;
    };

    [[nodiscard]] bool is_open() const { return open_; }
    void open(const RunStatus& status);
    void close();
    /// Drives and pause may change while it is open.
    void update(const RunStatus& status);
    Outcome step(Step step);
    /// Typed text, for the file name.
    void type(std::string_view utf8);
    /// A row of the canvas was clicked.
    Outcome click(u32 row);

    static constexpr u32 kColumns = 64;
    [[nodiscard]] TextCanvas draw() const;

  private:
    struct Item {
        std::string label;
        std::string key;  ///< the combination that does the same
        InputEvent event = PowerOffRequest{};
        WindowAction action = WindowAction::None;
        bool asks_for_file = false;
    };

    void build(const RunStatus& status);
    Outcome choose();
    void complete();

    bool open_ = false;
    std::vector<Item> items_;
    size_t selected_ = 0;
    bool asking_ = false;
    std::string file_;
};

/// The status line: speed, lamps, mouse, or a message in its place.
[[nodiscard]] TextCanvas draw_status_line(const RunStatus& status, std::string_view message, bool grabbed,
                                          u32 columns);

}  // namespace gnomon
