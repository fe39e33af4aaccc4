// The table of monitor commands.
#include "gui/monitor.h"

#include <algorithm>
#include <charconv>
#include <span>

#include "gui/key_names.h"

namespace gnomon {
namespace {

using Words = std::span<const std::string>;

struct Row {
    std::string_view name;
    std::string_view arguments;  ///< as help prints them
    std::string_view help;
    size_t least, most;  ///< number of arguments
    Result<std::string> (*run)(Session&, Words);
};

Result<std::string> silent(const Result<void>& done) {
    if (!done) return done.error();
    return std::string();
}

Result<int> number(const std::string& word) {
    int value = 0;
    const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), value);
    if (error != std::errc{} || end != word.data() + word.size()) return fail("'{}' is no number", word);
    return value;
}

constexpr std::string_view kSubjects[] = {"status", "block", "version"};

Result<std::string> info(Session& session, Words words) {
    if (words[0] == "version") return fmt::format("Gnomon {}\n", GNOMON_VERSION);
    if (words[0] == "status")
        return std::string(session.paused() ? "VM status: paused\n" : "VM status: running\n");
    if (words[0] == "block") {
        std::string text;
        for (const DriveStatus& drive : session.drives())
            text += fmt::format("{} ({}): {}{}{}{}\n", drive.name, drive.alias,
                                drive.file.empty() ? "[not inserted]" : drive.file,
                                drive.read_only && !drive.file.empty() ? " (read-only)" : "",
                                drive.locked ? ", locked" : "", drive.tray_open ? ", tray open" : "");
        return text;
    }
    return fail("info: '{}' is not known; accepted are {}", words[0], fmt::join(kSubjects, ", "));
}

Result<std::string> send_key(Session& session, Words words) {
    Result<std::vector<Key>> keys = parse_chord(words[0]);
    if (!keys) return keys.error();
    Result<int> hold = words.size() > 1 ? number(words[1]) : Result<int>(100);
    if (!hold) return hold.error();
    if (*hold < 0) return fail("a key cannot be held for {} ms", *hold);
    session.strike(std::move(*keys), static_cast<u64>(*hold));
    return std::string();
}

Result<std::string> move_mouse(Session& session, Words words) {
    PointerMotion motion;
    for (size_t i = 0; i < words.size(); i++) {
        Result<int> value = number(words[i]);
        if (!value) return value.error();
        (i == 0 ? motion.dx : i == 1 ? motion.dy : motion.wheel) = *value;
    }
    session.move_pointer(motion);
    return std::string();
}

Result<std::string> mouse_buttons(Session& session, Words words) {
    Result<int> mask = number(words[0]);
    if (!mask) return mask.error();
    // Left, middle, right, as QEMU counts them.
    constexpr u8 kOrder[] = {0, 2, 1};
    for (unsigned bit = 0; bit < 3; bit++) session.press_button({kOrder[bit], (*mask >> bit & 1) != 0});
    return std::string();
}

Result<std::string> eject(Session& session, Words words) {
    const bool force = words[0] == "-f";
    if (words.size() != (force ? 2u : 1u)) return fail("usage: eject [-f] DRIVE");
    return silent(session.eject(words[force ? 1 : 0], force));
}

Result<std::string> change(Session& session, Words words) {
    return silent(session.insert(words[0], words[1]));
}

Result<std::string> help(Session&, Words);

constexpr Row kRows[] = {
    {"c", "", "the same as cont", 0, 0,
     [](Session& s, Words) -> Result<std::string> { return s.go_on(), std::string(); }},
    {"change", "DRIVE FILE", "put another medium into a drive", 2, 2, change},
    {"cont", "", "let the guest go on", 0, 0,
     [](Session& s, Words) -> Result<std::string> { return s.go_on(), std::string(); }},
    {"eject", "[-f] DRIVE", "empty a drive; -f also if the guest has locked it", 1, 2, eject},
    {"help", "", "this list", 0, 1, help},
    {"info", "status|block|version", "the state of the run, or the drives", 1, 1, info},
    {"loadvm", "[FILE]", "continue from a saved machine", 0, 1,
     [](Session& s, Words w) { return silent(s.load_state(w.empty() ? "" : w[0])); }},
    {"mouse_button", "MASK", "buttons that are down: 1 left, 2 middle, 4 right", 1, 1, mouse_buttons},
    {"mouse_move", "DX DY [DZ]", "move the mouse, turn its wheel", 2, 3, move_mouse},
    {"q", "", "the same as quit", 0, 0,
     [](Session& s, Words) -> Result<std::string> { return s.quit(), std::string(); }},
    {"quit", "", "end the run", 0, 0,
     [](Session& s, Words) -> Result<std::string> { return s.quit(), std::string(); }},
    {"savevm", "[FILE]", "save the machine", 0, 1,
     [](Session& s, Words w) { return silent(s.save_state(w.empty() ? "" : w[0])); }},
    {"screendump", "FILE", "write the screen to a PNG file", 1, 1,
     [](Session& s, Words w) -> Result<std::string> {
         Result<std::string> file = s.screenshot(w[0]);
         if (!file) return file;
         return std::string();
     }},
    {"sendkey", "KEYS [MS]", "strike keys together, as ctrl-alt-f1", 1, 2, send_key},
    {"stop", "", "pause the guest", 0, 0,
     [](Session& s, Words) -> Result<std::string> { return s.pause(), std::string(); }},
    {"system_powerdown", "", "press the power button", 0, 0,
     [](Session& s, Words) -> Result<std::string> { return s.press_power_button(), std::string(); }},
    {"system_reset", "", "press the reset button", 0, 0,
     [](Session& s, Words) -> Result<std::string> { return s.reset(), std::string(); }},
};

Result<std::string> help(Session&, Words) {
    std::string text;
    for (const Row& row : kRows)
        text += fmt::format("{:<28} {}\n", fmt::format("{} {}", row.name, row.arguments), row.help);
    return text + "as well as the debugger's r, creg, sreg, info ..., x, xp, u, page, sym and others that look (docs/debugging.md)\n";
}

/// Words between blanks; quotes hold a word together.
std::vector<std::string> split(std::string_view line) {
    std::vector<std::string> words;
    bool inside = false;
    bool quoted = false;
    for (const char c : line) {
        if (c == '"') {
            quoted = !quoted;
            if (quoted && !inside) words.emplace_back();
            inside = true;
        } else if (c == ' ' && !quoted) {
            inside = false;
        } else {
            if (!inside) words.emplace_back();
            inside = true;
            words.back() += c;
        }
    }
    return words;
}

}  // namespace

Result<std::string> run_monitor_line(Session& session, std::string_view line,
                                     const MonitorFallback& fallback) {
    std::vector<std::string> words = split(line);
    if (words.empty()) return std::string();
    // QEMU's name for what the debugger's console calls r.
    if (fallback && words == std::vector<std::string>{"info", "registers"}) return fallback("r");
    const bool debuggers = fallback && words.size() > 1 && words[0] == "info" && std::ranges::find(kSubjects, words[1]) == std::end(kSubjects);
    for (const Row& row : kRows) {
        if (row.name != words[0] || debuggers) continue;
        const Words arguments = Words(words).subspan(1);
        if (arguments.size() < row.least || arguments.size() > row.most)
            return fail("usage: {} {}", row.name, row.arguments);
        return row.run(session, arguments);
    }
    if (fallback) return fallback(line);
    return fail("unknown command: '{}'; help lists the commands", words[0]);
}

}  // namespace gnomon
