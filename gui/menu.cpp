// The items of the menu, and its drawing.
#include "gui/menu.h"

#include <algorithm>
#include <filesystem>

namespace gnomon {
namespace {

constexpr u32 kPaper = 0x202830;
constexpr u32 kInk = 0xd8dee4;
constexpr u32 kFaint = 0x8090a0;
constexpr u32 kChosen = 0x3060a0;
constexpr u32 kTitle = 0x405060;
constexpr u32 kLampOn = 0x60ff60;

/// The end of a path is what tells files apart.
std::string shorten(const std::string& path, size_t length) {
    if (path.size() <= length) return path;
    return "..." + path.substr(path.size() - length + 3);
}

}  // namespace

void Menu::open(const RunStatus& status) {
    open_ = true;
    asking_ = false;
    selected_ = 0;
    build(status);
}

void Menu::close() {
    open_ = false;
    asking_ = false;
}

void Menu::update(const RunStatus& status) {
    if (open_) build(status);
}

void Menu::build(const RunStatus& status) {
    const auto command = [](UserCommand what, std::string drive = {}) -> InputEvent {
        return CommandRequest{what, std::move(drive)};
    };
    items_ = {
        {status.paused ? "Continue" : "Pause", "Ctrl+Alt+P", command(UserCommand::PauseOrContinue)},
        {"Send Ctrl+Alt+Del", "Ctrl+Alt+End", command(UserCommand::CtrlAltDel)},
        {"Reset", "Ctrl+Alt+R", command(UserCommand::Reset)},
        {"Power button", "", command(UserCommand::PowerButton)},
    };
    for (const DriveStatus& drive : status.drives) {
        if (!drive.removable()) continue;
        Item insert{fmt::format("{}: {}", drive.name, drive.file.empty() ? "insert ..." : "change ..."), "",
                    command(UserCommand::Insert, drive.name)};
        insert.asks_for_file = true;
        items_.push_back(std::move(insert));
        if (!drive.file.empty())
            items_.push_back({fmt::format("{}: eject {}", drive.name, shorten(drive.file, 36)), "",
                              command(UserCommand::Eject, drive.name)});
    }
    const auto ask = [&](const char* label, UserCommand what) {
        items_.push_back({label, "", command(what)});
        items_.back().asks_for_file = true;
    };
    items_.push_back({"Save state", "Ctrl+Alt+S", command(UserCommand::SaveState)});
    ask("Save state as ...", UserCommand::SaveState);
    items_.push_back({"Load state", "Ctrl+Alt+L", command(UserCommand::LoadState)});
    ask("Load state from ...", UserCommand::LoadState);
    items_.push_back({"Screenshot", "Ctrl+Alt+Print", command(UserCommand::Screenshot)});
    items_.push_back({"Copy the screen's text", "Ctrl+Alt+C", command(UserCommand::CopyText)});
    const auto window = [&](const char* label, const char* key, WindowAction action) {
        items_.push_back({label, key, PowerOffRequest{}, action});
    };
    window("Paste text as typing", "Ctrl+Alt+V", WindowAction::Paste);
    window("Grab the mouse", "Ctrl+Alt+G", WindowAction::GrabMouse);
    window("Full screen", "Ctrl+Alt+F", WindowAction::FullScreen);
    window("Scaling: fit, integer, stretch", "Ctrl+Alt+I", WindowAction::Scaling);
    window("Status line", "", WindowAction::StatusLine);
    items_.push_back({status.muted ? "Sound on" : "Mute", "Ctrl+Alt+U", command(UserCommand::Mute)});
    items_.push_back({"Switch off and quit", "", PowerOffRequest{}});
    selected_ = std::min(selected_, items_.size() - 1);
}

Menu::Outcome Menu::step(Step step) {
    if (asking_) {
        switch (step) {
            case Step::Back: asking_ = false; break;
            case Step::Complete: complete(); break;
            case Step::Choose: return choose();
            case Step::Erase:
                while (!file_.empty() && (file_.back() & 0xc0) == 0x80)
                    file_.pop_back();  // rest of a character
                if (!file_.empty()) file_.pop_back();
                break;
            default: break;
        }
        return {};
    }
    switch (step) {
        case Step::Up: selected_ = (selected_ + items_.size() - 1) % items_.size(); break;
        case Step::Down: selected_ = (selected_ + 1) % items_.size(); break;
        case Step::First: selected_ = 0; break;
        case Step::Last: selected_ = items_.size() - 1; break;
        case Step::Choose: return choose();
        case Step::Back: close(); break;
        case Step::Erase:
        case Step::Complete: break;
    }
    return {};
}

Menu::Outcome Menu::choose() {
    const Item item = items_[selected_];
    if (item.asks_for_file && !asking_) {
        asking_ = true;
        file_.clear();
        return {};
    }
    Outcome outcome;
    outcome.action = item.action;
    if (item.action == WindowAction::None) outcome.events = {item.event};
    if (asking_) {
        if (file_.empty()) return {};
        std::get<CommandRequest>(outcome.events[0]).file = file_;
    }
    close();
    return outcome;
}

void Menu::type(std::string_view utf8) {
    if (asking_) file_ += utf8;
}

Menu::Outcome Menu::click(u32 row) {
    if (asking_ || row == 0 || row > items_.size()) return {};
    selected_ = row - 1;
    return choose();
}

/// As shells do it: as much as all files that fit have in common.
void Menu::complete() {
    const std::filesystem::path typed(file_);
    const std::filesystem::path folder =
        typed.has_parent_path() ? typed.parent_path() : std::filesystem::path(".");
    const std::string start = typed.filename().string();
    std::string common;
    bool any = false;
    std::error_code error;
    for (const auto& entry : std::filesystem::directory_iterator(folder, error)) {
        std::string name = entry.path().filename().string();
        if (!name.starts_with(start) || (start.empty() && name.starts_with('.'))) continue;
        if (entry.is_directory(error)) name += '/';
        if (any)
            common.resize(static_cast<size_t>(std::ranges::mismatch(common, name).in1 - common.begin()));
        else
            common = name;
        any = true;
    }
    if (common.size() > start.size()) file_ += common.substr(start.size());
}

TextCanvas Menu::draw() const {
    const u32 rows = static_cast<u32>(items_.size()) + 2;
    TextCanvas canvas(kColumns, rows, kPaper);
    canvas.fill_row(0, kTitle);
    canvas.write(0, 2, "Gnomon", kInk, kTitle);
    canvas.write(0, kColumns - 34, "arrow keys, Enter; Esc goes back", kFaint, kTitle);
    for (u32 i = 0; i < items_.size(); i++) {
        const u32 paper = i == selected_ ? kChosen : kPaper;
        canvas.fill_row(i + 1, paper);
        canvas.write(i + 1, 2, items_[i].label, kInk, paper);
        canvas.write(i + 1, kColumns - 2 - static_cast<u32>(items_[i].key.size()), items_[i].key, kFaint,
                     paper);
    }
    if (asking_) {
        canvas.fill_row(rows - 1, kTitle);
        canvas.write(rows - 1, 2, "File: " + shorten(file_, kColumns - 12) + "_", kInk, kTitle);
    }
    return canvas;
}

TextCanvas draw_status_line(const RunStatus& status, std::string_view message, bool grabbed, u32 columns) {
    TextCanvas canvas(columns, 1, kPaper);
    const std::string_view mouse = grabbed ? "Ctrl+Alt+G frees the mouse" : "Ctrl+Alt+M menu";
    if (!message.empty()) {
        canvas.write(0, 1, message, kInk, kPaper);
        return canvas;
    }
    u32 column = 1;
    if (status.paused)
        column = canvas.write(0, column, "paused", kInk, kPaper);
    else
        column = canvas.write(0, column, fmt::format("{:.0f} MIPS {:.0f}%", status.mips, status.percent),
                              kFaint, kPaper);
    const std::tuple<const char*, bool, DriveKind> lamps[] = {
        {"disk", status.disk_busy, DriveKind::Disk},
        {"CD", status.cdrom_busy, DriveKind::Cdrom},
        {"floppy", status.floppy_busy, DriveKind::Floppy},
    };
    for (const auto& [name, busy, kind] : lamps)
        if (std::ranges::any_of(status.drives,
                                [k = kind](const DriveStatus& drive) { return drive.kind == k; }))
            column = canvas.write(0, column + 2, name, busy ? kLampOn : kFaint, kPaper);
    if (status.muted) column = canvas.write(0, column + 2, "muted", kFaint, kPaper);
    if (column + 2 + mouse.size() < columns)
        canvas.write(0, columns - 1 - static_cast<u32>(mouse.size()), mouse, kFaint, kPaper);
    return canvas;
}

}  // namespace gnomon
