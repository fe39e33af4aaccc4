// What each command of the control socket does. Names and parameters are those of the QEMU QMP Reference
// Manual where it has them.
#include "gui/control_commands.h"

#include <algorithm>
#include <cmath>
#include <span>

#include "gui/key_names.h"
#include "gui/screenshot.h"

namespace gnomon {
namespace {

enum class Type : u8 { String, Integer, Number, Boolean, Array };

struct Parameter {
    std::string_view name;
    Type type = Type::String;
    bool optional = false;
};

struct Row {
    std::string_view name;
    Result<Json> (*run)(ControlCall&);
    std::array<Parameter, 6> parameters{};
};

constexpr bool kOptional = true;

Result<Json> nothing(const Result<void>& done) {
    if (!done) return done.error();
    return Json::object();
}

std::string text_of(const Json& object, const char* name, std::string otherwise = {}) {
    return object.value(name, std::move(otherwise));
}

// ---- the run

Result<Json> query_status(ControlCall& call) {
    const bool paused = call.session.paused();
    return Json{{"status", paused ? "paused" : "running"}, {"running", !paused}, {"singlestep", false}};
}

Result<Json> stop(ControlCall& call) {
    call.session.pause();
    return Json::object();
}

Result<Json> cont(ControlCall& call) {
    call.session.go_on();
    return Json::object();
}

Result<Json> system_reset(ControlCall& call) {
    call.session.reset();
    return Json::object();
}

Result<Json> system_powerdown(ControlCall& call) {
    call.session.press_power_button();
    return Json::object();
}

Result<Json> quit(ControlCall& call) {
    call.session.quit();
    return Json::object();
}

Result<Json> human_monitor_command(ControlCall& call) {
    Result<std::string> printed =
        run_monitor_line(call.session, text_of(call.arguments, "command-line"), call.monitor);
    // As QEMU's monitor: what went wrong is part of what it prints.
    return Json(printed ? *printed : "Error: " + printed.error().message + "\n");
}

Result<Json> save_vm(ControlCall& call) {
    return nothing(call.session.save_state(text_of(call.arguments, "filename")));
}

Result<Json> load_vm(ControlCall& call) {
    return nothing(call.session.load_state(text_of(call.arguments, "filename")));
}

Result<Json> mute(ControlCall& call) {
    return nothing(call.session.set_muted(call.arguments.value("on", !call.session.muted())));
}

// ---- the screen

Result<Json> screendump(ControlCall& call) {
    const std::string file = text_of(call.arguments, "filename");
    const std::string format = text_of(call.arguments, "format", file.ends_with(".ppm") ? "ppm" : "png");
    if (format != "png" && format != "ppm")
        return fail("Parameter 'format' does not accept value '{}'; accepted are png and ppm", format);
    if (format == "png") {
        Result<std::string> written = call.session.screenshot(file);
        if (!written) return written.error();
        return Json::object();
    }
    Frame frame;
    call.session.machine().vga().render(frame);
    return nothing(write_ppm(file, frame));
}

Result<Json> screen_text(ControlCall& call) {
    const TextScreen screen = call.session.screen_text();
    Json answer{{"graphics", screen.graphics},
                {"columns", screen.columns},
                {"rows", screen.rows},
                {"lines", screen.graphics ? std::vector<std::string>{} : screen.lines()}};
    if (!screen.graphics && screen.cursor_visible)
        answer["cursor"] = {{"row", screen.cursor_row}, {"column", screen.cursor_column}};
    return answer;
}

Result<Json> wait_for_text(ControlCall& call) {
    TextWait wait;
    wait.text = text_of(call.arguments, "text");
    wait.seconds = call.arguments.value("timeout", 60.0);
    if (wait.text.empty()) return fail("Parameter 'text' is empty");
    if (!(wait.seconds >= 0 && wait.seconds <= 86'400))
        return fail("Parameter 'timeout' is from 0 to 86400 seconds");
    if (call.arguments.value("regex", false)) {
        try {
            wait.pattern = std::regex(wait.text);
        } catch (const std::regex_error& error) {
            return fail("Parameter 'text' is no regular expression: {}", error.what());
        }
    }
    wait.until =
        std::chrono::steady_clock::now() + std::chrono::milliseconds(std::llround(wait.seconds * 1000));
    call.wait = std::move(wait);
    return Json::object();
}

// ---- keyboard and mouse

/// A KeyValue of QMP: {"type": "qcode", "data": "ret"} or {"type": "number", "data": 28}.
Result<Key> key_of(const Json& value) {
    const std::string type = value.is_object() ? text_of(value, "type") : std::string();
    const Json data = value.is_object() && value.contains("data") ? value["data"] : Json();
    std::optional<Key> key;
    if (type == "qcode" && data.is_string())
        key = key_by_name(data.get<std::string>());
    else if (type == "number" && data.is_number_unsigned())
        key = key_by_number(data.get<unsigned>());
    if (!key) return fail("{} is no key", value.dump());
    return *key;
}

Result<Json> send_key(ControlCall& call) {
    std::vector<Key> keys;
    for (const Json& value : call.arguments["keys"]) {
        Result<Key> key = key_of(value);
        if (!key) return key.error();
        keys.push_back(*key);
    }
    const i64 hold = call.arguments.value("hold-time", i64{100});
    if (hold < 0 || hold > 60'000) return fail("Parameter 'hold-time' is from 0 to 60000 milliseconds");
    if (!keys.empty()) call.session.strike(std::move(keys), static_cast<u64>(hold));
    return Json::object();
}

Result<Json> type_text(ControlCall& call) {
    return nothing(call.session.type_text(text_of(call.arguments, "text")));
}

std::optional<u8> button_of(std::string_view name) {
    constexpr std::string_view kButtons[] = {"left", "right", "middle", "side", "extra"};
    const auto* found = std::ranges::find(kButtons, name);
    if (found == std::end(kButtons)) return std::nullopt;
    return static_cast<u8>(found - std::begin(kButtons));
}

/// One event checked and made ready to be carried out.
using Ready = std::function<void()>;

Result<Ready> input_event(ControlCall& call, const Json& event) {
    const std::string type = event.is_object() ? text_of(event, "type") : std::string();
    const Json data = event.is_object() && event.contains("data") ? event["data"] : Json();
    if (!data.is_object()) return fail("{} is no input event", event.dump());
    Session& session = call.session;
    const bool down = data.value("down", false);
    if (type == "key") {
        Result<Key> key = key_of(data.value("key", Json()));
        if (!key) return key.error();
        return Ready([&session, key = *key, down] { session.key(key, down); });
    }
    if (type == "btn") {
        const std::string name = text_of(data, "button");
        if (name == "wheel-up" || name == "wheel-down") {
            const int step = name == "wheel-up" ? 1 : -1;
            return Ready([&session, step, down] {
                if (down) session.move_pointer({0, 0, step});
            });
        }
        const std::optional<u8> button = button_of(name);
        if (!button) return fail("'{}' is no button", name);
        return Ready([&session, button = *button, down] { session.press_button({button, down}); });
    }
    const std::string axis = text_of(data, "axis");
    if ((type != "rel" && type != "abs") || (axis != "x" && axis != "y") ||
        !data.value("value", Json()).is_number_integer())
        return fail("{} is no input event", event.dump());
    const int value = static_cast<int>(std::clamp<i64>(data["value"].get<i64>(), -32768, 32767));
    if (type == "rel")
        return Ready([&session, value, x = axis == "x"] {
            session.move_pointer(x ? PointerMotion{value, 0, 0} : PointerMotion{0, value, 0});
        });
    // Where the guest only knows motion, what is asked for is the way from the last place.
    return Ready([&session, &place = call.absolute, value, x = axis == "x"] {
        if (session.pointer_takes_places()) {
            PointerPlace at = session.pointer_place();
            (x ? at.x : at.y) = static_cast<u32>(std::max(value, 0)) * kPointerEdge / 32767;
            return session.place_pointer(at);
        }
        const PictureSize picture = session.machine().vga().picture_size();
        double& old = place[x ? 0 : 1];
        const double now = value / 32767.0;
        const double size = x ? picture.width : picture.height;
        const int way = static_cast<int>(std::lround(now * size) - std::lround(old * size));
        old = now;
        session.move_pointer(x ? PointerMotion{way, 0, 0} : PointerMotion{0, way, 0});
    });
}

Result<Json> input_send_event(ControlCall& call) {
    std::vector<Ready> ready;  // all or nothing
    for (const Json& event : call.arguments["events"]) {
        Result<Ready> one = input_event(call, event);
        if (!one) return one.error();
        ready.push_back(std::move(*one));
    }
    for (const Ready& one : ready) one();
    return Json::object();
}

// ---- media

/// Drives go by "id" or by the older "device".
Result<std::string> drive_of(const Json& arguments) {
    if (arguments.contains("id") == arguments.contains("device"))
        return fail("Exactly one of 'device' and 'id' is needed");
    return text_of(arguments, arguments.contains("id") ? "id" : "device");
}

Result<Json> blockdev_change_medium(ControlCall& call) {
    Result<std::string> drive = drive_of(call.arguments);
    if (!drive) return drive.error();
    const std::string mode = text_of(call.arguments, "read-only-mode", "retain");
    if (mode != "retain" && mode != "read-only" && mode != "read-write")
        return fail("Parameter 'read-only-mode' does not accept value '{}'", mode);
    if (const std::string format = text_of(call.arguments, "format", "raw"); format != "raw")
        return fail("Parameter 'format' does not accept value '{}'; accepted: raw", format);
    Machine::MediumOptions options;
    options.force = call.arguments.value("force", false);
    options.read_only = mode == "read-only";
    if (mode == "retain")
        for (const DriveStatus& status : call.session.drives())
            if ((status.name == *drive || status.alias == *drive) && !status.file.empty())
                options.read_only = status.read_only;
    return nothing(call.session.insert(*drive, text_of(call.arguments, "filename"), options));
}

Result<Json> eject(ControlCall& call) {
    Result<std::string> drive = drive_of(call.arguments);
    if (!drive) return drive.error();
    return nothing(call.session.eject(*drive, call.arguments.value("force", false)));
}

Result<Json> query_block(ControlCall& call) {
    Json list = Json::array();
    for (const DriveStatus& drive : call.session.drives()) {
        Json entry{{"device", drive.alias},
                   {"qdev", drive.name},
                   {"type", "unknown"},
                   {"locked", drive.locked},
                   {"removable", drive.removable()}};
        if (drive.kind == DriveKind::Cdrom) entry["tray_open"] = drive.tray_open;
        if (!drive.file.empty())
            entry["inserted"] = {{"file", drive.file},
                                 {"ro", drive.read_only},
                                 {"drv", "raw"},
                                 {"encrypted", false},
                                 {"image",
                                  {{"filename", drive.file},
                                   {"format", "raw"},
                                   {"virtual-size", drive.sectors * kSectorSize}}}};
        list.push_back(std::move(entry));
    }
    return list;
}

Result<Json> query_commands(ControlCall& call);

constexpr Row kRows[] = {
    {"blockdev-change-medium",
     blockdev_change_medium,
     {{{"device", Type::String, kOptional},
       {"id", Type::String, kOptional},
       {"filename"},
       {"format", Type::String, kOptional},
       {"force", Type::Boolean, kOptional},
       {"read-only-mode", Type::String, kOptional}}}},
    {"cont", cont},
    {"eject",
     eject,
     {{{"device", Type::String, kOptional},
       {"id", Type::String, kOptional},
       {"force", Type::Boolean, kOptional}}}},
    {"human-monitor-command",
     human_monitor_command,
     {{{"command-line"}, {"cpu-index", Type::Integer, kOptional}}}},
    {"input-send-event",
     input_send_event,
     {{{"device", Type::String, kOptional}, {"head", Type::Integer, kOptional}, {"events", Type::Array}}}},
    {"loadvm", load_vm, {{{"filename", Type::String, kOptional}}}},
    {"mute", mute, {{{"on", Type::Boolean, kOptional}}}},
    {"query-block", query_block},
    {"query-commands", query_commands},
    {"query-kvm",
     [](ControlCall&) -> Result<Json> {
         return Json{{"enabled", false}, {"present", false}};
     }},
    {"query-status", query_status},
    {"query-version", [](ControlCall&) -> Result<Json> { return version_json(); }},
    {"quit", quit},
    {"savevm", save_vm, {{{"filename", Type::String, kOptional}}}},
    {"screen-text", screen_text},
    {"screendump", screendump, {{{"filename"}, {"format", Type::String, kOptional}}}},
    {"send-key", send_key, {{{"keys", Type::Array}, {"hold-time", Type::Integer, kOptional}}}},
    {"stop", stop},
    {"system_powerdown", system_powerdown},
    {"system_reset", system_reset},
    {"type-text", type_text, {{{"text"}}}},
    {"wait-for-text",
     wait_for_text,
     {{{"text"}, {"regex", Type::Boolean, kOptional}, {"timeout", Type::Number, kOptional}}}},
};

Result<Json> query_commands(ControlCall&) {
    Json list = Json::array();
    for (const Row& row : kRows) list.push_back({{"name", row.name}});
    list.push_back({{"name", "qmp_capabilities"}});
    return list;
}

std::string_view type_name(Type type) {
    switch (type) {
        case Type::String: return "string";
        case Type::Integer: return "integer";
        case Type::Number: return "number";
        case Type::Boolean: return "boolean";
        case Type::Array: return "array";
    }
    return "";
}

bool has_type(const Json& value, Type type) {
    switch (type) {
        case Type::String: return value.is_string();
        case Type::Integer: return value.is_number_integer();
        case Type::Number: return value.is_number();
        case Type::Boolean: return value.is_boolean();
        case Type::Array: return value.is_array();
    }
    return false;
}

Result<void> check_parameters(const Row& row, const Json& arguments) {
    for (const Parameter& parameter : row.parameters) {
        if (parameter.name.empty()) continue;
        const auto found = arguments.find(parameter.name);
        if (found == arguments.end()) {
            if (!parameter.optional) return fail("Parameter '{}' is missing", parameter.name);
        } else if (!has_type(*found, parameter.type)) {
            return fail("Invalid parameter type for '{}', expected: {}", parameter.name,
                        type_name(parameter.type));
        }
    }
    for (const auto& [name, value] : arguments.items())
        if (std::ranges::find(row.parameters, name, &Parameter::name) == row.parameters.end())
            return fail("Parameter '{}' is unexpected", name);
    return {};
}

}  // namespace

std::optional<Json> TextWait::find(const TextScreen& screen) const {
    if (screen.graphics) return std::nullopt;
    const std::vector<std::string> lines = screen.lines();
    for (size_t row = 0; row < lines.size(); row++) {
        size_t at = std::string::npos;
        if (pattern) {
            std::smatch match;
            if (std::regex_search(lines[row], match, *pattern)) at = static_cast<size_t>(match.position());
        } else {
            at = lines[row].find(text);
        }
        if (at != std::string::npos) return Json{{"row", row}, {"column", at}, {"line", lines[row]}};
    }
    return std::nullopt;
}

Json version_json() {
    return {
        {"qemu",
         {{"major", GNOMON_VERSION_MAJOR}, {"minor", GNOMON_VERSION_MINOR}, {"micro", GNOMON_VERSION_PATCH}}},
        {"package", "Gnomon " GNOMON_VERSION}};
}

std::variant<Json, ControlError> run_control_command(const std::string& name, ControlCall call) {
    const auto* row = std::ranges::find(kRows, name, &Row::name);
    if (row == std::end(kRows))
        return ControlError{"CommandNotFound", fmt::format("The command {} has not been found", name)};
    if (Result<void> good = check_parameters(*row, call.arguments); !good)
        return ControlError{.description = good.error().message};
    try {
        Result<Json> done = row->run(call);
        if (!done) return ControlError{.description = done.error().message};
        return std::move(*done);
    } catch (const Json::exception& error) {  // a type deeper inside an argument
        return ControlError{.description = error.what()};
    }
}

}  // namespace gnomon
