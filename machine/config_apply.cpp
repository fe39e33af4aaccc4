// From what the user wrote to a Config: types, ranges, relative paths, and errors that say where and what
// else.
#include <algorithm>
#include <charconv>
#include <filesystem>
#include <fstream>
#include <sstream>

#define TOML_EXCEPTIONS 0
// toml++ 3.3 asserts (with NDEBUG: assumes) what some malformed keys break, just before its own error for
// them.
#undef NDEBUG
#define TOML_ASSERT(condition) static_assert(true)
#include <toml++/toml.h>

#include "machine/audio_spec.h"
#include "machine/config_keys.h"
#include "machine/display_spec.h"
#include "machine/log_parts.h"

namespace gnomon {
namespace {

size_t edit_distance(std::string_view a, std::string_view b) {
    std::vector<size_t> row(b.size() + 1);
    for (size_t j = 0; j <= b.size(); j++) row[j] = j;
    for (size_t i = 1; i <= a.size(); i++) {
        size_t diagonal = std::exchange(row[0], i);
        for (size_t j = 1; j <= b.size(); j++) {
            const size_t substituted = diagonal + (a[i - 1] != b[j - 1]);
            diagonal = row[j];
            row[j] = std::min({row[j] + 1, row[j - 1] + 1, substituted});
        }
    }
    return row[b.size()];
}

std::string with_index(const ConfigKey& key, char index) {
    std::string name(key.name);
    const size_t at = name.find(".N.");
    if (at != name.npos) name[at + 1] = index;
    return name;
}

struct Found {
    const ConfigKey* key = nullptr;
    unsigned index = 0;
};

Found find_key(std::string_view name) {
    for (const ConfigKey& key : config_keys()) {
        if (key.indices.empty() && key.name == name) return {&key, 0};
        for (unsigned i = 0; i < key.indices.size(); i++)
            if (with_index(key, key.indices[i]) == name) return {&key, i};
    }
    return {};
}

std::vector<std::string> all_names() {
    std::vector<std::string> names;
    for (const ConfigKey& key : config_keys()) {
        if (key.indices.empty()) names.emplace_back(key.name);
        for (const char index : key.indices) names.push_back(with_index(key, index));
    }
    return names;
}

Error unknown_key(const Setting& setting) {
    const std::vector<std::string> names = all_names();
    const std::string suggestion = nearest(setting.key, names);
    if (suggestion.empty()) return fail("{}: there is no key '{}'", setting.where, setting.key);
    return fail("{}: there is no key '{}'; did you mean '{}'?", setting.where, setting.key, suggestion);
}

Error refuse(const Setting& setting, const ConfigKey& key, std::string_view what) {
    return fail("{}: {}: {}; accepted: {}", setting.where, setting.key, what, describe_accepted(key));
}

/// Decimal or 0x…; with `sizes` also with K, M, G, and a number alone in MiB.
bool parse_number(std::string_view text, bool sizes, u64& out) {
    unsigned shift = sizes ? 20 : 0;
    if (sizes && !text.empty()) {
        constexpr std::string_view kUnits = "KMGT";
        std::string_view digits = text;
        if (digits.ends_with("iB"))
            digits.remove_suffix(2);
        else if (digits.ends_with('B'))
            digits.remove_suffix(1);
        const size_t unit =
            digits.empty() ? kUnits.npos : kUnits.find(static_cast<char>(std::toupper(static_cast<unsigned char>(digits.back()))));
        if (unit != kUnits.npos) {
            shift = static_cast<unsigned>(10 * (unit + 1));
            digits.remove_suffix(1);
            text = digits;
        }
    }
    const bool hex = text.starts_with("0x") || text.starts_with("0X");
    if (hex) text.remove_prefix(2);
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out, hex ? 16 : 10);
    if (error != std::errc{} || end != text.data() + text.size() || text.empty()) return false;
    if (shift != 0 && out >> (64 - shift) != 0) return false;
    out <<= shift;
    return true;
}

std::string resolve(const std::string& folder, const std::string& path) {
    if (path.empty() || folder.empty() || path.front() == '/') return path;
    return (std::filesystem::path(folder) / path).lexically_normal().string();
}

Result<void> apply_number(const Setting& setting, const ConfigKey& key, u64& out) {
    const bool size = key.type == KeyType::Size;
    u64 number = 0;
    if (setting.form == Setting::Form::Boolean || !parse_number(setting.text, size, number))
        return refuse(setting, key, fmt::format("'{}' is no {}", setting.text, size ? "size" : "number"));
    if (number < key.min || number > key.max)
        return refuse(setting, key, fmt::format("{} is out of range", setting.text));
    if (size && number % (u64{1} << 20) != 0)
        return refuse(setting, key, fmt::format("{} is not a multiple of 1 MiB", setting.text));
    if (key.name == "debug.exit_size" && number == 3) return refuse(setting, key, "3 is out of range");
    out = number;
    return {};
}

Result<void> apply_flag(const Setting& setting, const ConfigKey& key, bool& out) {
    for (const std::string_view word : {"true", "on", "yes"})
        if (setting.text == word) {
            out = true;
            return {};
        }
    for (const std::string_view word : {"false", "off", "no"})
        if (setting.text == word) {
            out = false;
            return {};
        }
    return refuse(setting, key, fmt::format("'{}' is neither true nor false", setting.text));
}

Result<void> apply_choice(const Setting& setting, const ConfigKey& key, const ChoiceField& field) {
    std::string text = setting.text;
    // on and off may be written as truth values.
    if (setting.form == Setting::Form::Boolean) text = text == "true" ? "on" : "off";
    std::string_view words = key.accepted;
    for (unsigned i = 0; !words.empty(); i++) {
        const size_t bar = std::min(words.find('|'), words.size());
        if (words.substr(0, bar) == text) {
            field.assign(field.target, i);
            return {};
        }
        words.remove_prefix(std::min(bar + 1, words.size()));
    }
    return refuse(setting, key, fmt::format("'{}' is not possible", setting.text));
}

Result<void> apply_text(const Setting& setting, const ConfigKey& key, std::string& out) {
    if (setting.form == Setting::Form::Boolean ||
        (setting.form == Setting::Form::Integer && key.type != KeyType::Text && key.type != KeyType::Model))
        return refuse(setting, key, fmt::format("'{}' is not text", setting.text));
    if (key.type == KeyType::BootOrder) {
        std::string seen;
        for (const char letter : setting.text) {
            if (std::string_view("acdn").find(letter) == std::string_view::npos ||
                seen.find(letter) != seen.npos)
                return refuse(setting, key, fmt::format("'{}' is not possible", setting.text));
            seen += letter;
        }
        if (seen.empty()) return refuse(setting, key, "is empty");
    }
    if (key.type == KeyType::Displays)
        if (Result<std::vector<DisplaySpec>> displays = parse_displays(setting.text); !displays)
            return refuse(setting, key, displays.error().message);
    if (key.type == KeyType::Audio)
        if (Result<AudioSpec> audio = parse_audio(setting.text); !audio)
            return refuse(setting, key, audio.error().message);
    if (key.type == KeyType::LogLevels)
        if (Result<void> levels = check_log_levels(setting.text); !levels)
            return refuse(setting, key, levels.error().message);
    if (key.type == KeyType::Path)
        out = resolve(setting.folder, setting.text);
    else if (key.type == KeyType::Backend &&
             (setting.text.starts_with("file:") || setting.text.starts_with("unix:")))
        out = setting.text.substr(0, 5) + resolve(setting.folder, setting.text.substr(5));
    else if (key.type == KeyType::Audio && setting.text.starts_with("wav:"))
        out = "wav:" + resolve(setting.folder, setting.text.substr(4));
    else
        out = setting.text;
    return {};
}

std::string setting_name(std::string_view table, std::string_view key) {
    return table.empty() ? std::string(key) : fmt::format("{}.{}", table, key);
}

/// Flattens a table into settings, in the order of the file.
Result<void> collect(const toml::table& table, const std::string& prefix, const std::string& name,
                     const std::string& folder, std::vector<std::pair<u32, Setting>>& out) {
    for (const auto& [key, node] : table) {
        const std::string full = setting_name(prefix, key.str());
        if (const toml::table* inner = node.as_table()) {
            if (Result<void> done = collect(*inner, full, name, folder, out); !done) return done;
            continue;
        }
        const u32 line = key.source().begin.line;
        Setting setting{full, Setting::Form::String, {}, {}, fmt::format("{}:{}", name, line), folder};
        if (const auto* text = node.as_string()) {
            setting.text = text->get();
        } else if (const auto* number = node.as_integer()) {
            setting.form = Setting::Form::Integer;
            setting.text = fmt::format("{}", number->get());
        } else if (const auto* flag = node.as_boolean()) {
            setting.form = Setting::Form::Boolean;
            setting.text = flag->get() ? "true" : "false";
        } else if (const toml::array* array = node.as_array()) {
            setting.form = Setting::Form::List;
            for (const toml::node& element : *array) {
                const auto* text = element.as_string();
                if (!text)
                    return fail("{}: {}: the list holds something else than text", setting.where, full);
                setting.list.push_back(text->get());
            }
        } else if (const auto* date = node.as_date()) {
            std::ostringstream stream;
            stream << date->get();
            setting.text = stream.str();
        } else if (const auto* moment = node.as_date_time()) {
            std::ostringstream stream;
            stream << moment->get();
            setting.text = stream.str();
        } else {
            return fail("{}: {}: a value of this type is not possible", setting.where, full);
        }
        out.emplace_back(line, std::move(setting));
    }
    return {};
}

}  // namespace

std::string nearest(std::string_view word, std::span<const std::string> candidates) {
    std::string best;
    size_t best_distance = std::max<size_t>(word.size() / 3, 2) + 1;
    for (const std::string& candidate : candidates) {
        const size_t distance = edit_distance(word, candidate);
        if (distance < best_distance) {
            best_distance = distance;
            best = candidate;
        }
    }
    return best;
}

Error at_origin(const Config& config, const Error& error) {
    const std::string name = error.message.substr(0, error.message.find(": "));
    const auto& origins = config.origins;
    auto at = origins.end();
    for (const char* rest : {"", ".file", ".to"})
        if (at == origins.end()) at = origins.find(name + rest);
    if (at == origins.end()) {
        at = origins.lower_bound(name + ".");
        if (at != origins.end() && !at->first.starts_with(name + ".")) at = origins.end();
    }
    return at == origins.end() ? error : error.in(at->second);
}

namespace {

Result<void> apply_value(Config& config, const Setting& setting) {
    const Found found = find_key(setting.key);
    if (!found.key) return unknown_key(setting);
    const ConfigKey& key = *found.key;
    const Field field = key.field(config, found.index);
    if (const auto* list = std::get_if<std::vector<std::string>*>(&field)) {
        std::vector<std::string> entries = setting.form == Setting::Form::List ? setting.list
                                           : setting.text.empty()              ? std::vector<std::string>{}
                                                                               : std::vector{setting.text};
        for (std::string& entry : entries) entry = resolve(setting.folder, entry);
        **list = std::move(entries);
        return {};
    }
    if (setting.form == Setting::Form::List && key.type == KeyType::Displays) {
        Setting joined = setting;
        joined.form = Setting::Form::String;
        joined.text = fmt::format("{}", fmt::join(setting.list, ","));
        return apply_value(config, joined);
    }
    if (setting.form == Setting::Form::List) return refuse(setting, key, "is a list");
    if (const auto* flag = std::get_if<bool*>(&field)) return apply_flag(setting, key, **flag);
    if (const auto* number = std::get_if<u64*>(&field)) return apply_number(setting, key, **number);
    if (const auto* text = std::get_if<std::string*>(&field)) return apply_text(setting, key, **text);
    return apply_choice(setting, key, std::get<ChoiceField>(field));
}

}  // namespace

Result<void> apply_setting(Config& config, const Setting& setting) {
    Result<void> applied = apply_value(config, setting);
    if (applied) config.origins[setting.key] = setting.where;
    return applied;
}

Result<Setting> parse_assignment(std::string_view text, std::string where) {
    const size_t equals = text.find('=');
    if (equals == text.npos || equals == 0) return fail("{}: '{}' is not of the form KEY=VALUE", where, text);
    Setting setting;
    setting.key = text.substr(0, equals);
    setting.text = text.substr(equals + 1);
    setting.where = std::move(where);
    return setting;
}

Result<void> apply_toml(Config& config, std::string_view text, const std::string& name,
                        const std::string& folder) {
    const toml::parse_result parsed = toml::parse(text, name);
    if (!parsed)
        return fail("{}:{}: {}", name, parsed.error().source().begin.line, parsed.error().description());
    std::vector<std::pair<u32, Setting>> settings;
    if (Result<void> collected = collect(parsed.table(), {}, name, folder, settings); !collected)
        return collected;
    // Errors come in the order of the file.
    std::sort(settings.begin(), settings.end(), [](const auto& a, const auto& b) {
        return std::tie(a.first, a.second.key) < std::tie(b.first, b.second.key);
    });
    Config fresh = config;
    for (const auto& [line, setting] : settings)
        if (Result<void> applied = apply_setting(fresh, setting); !applied) return applied;
    config = std::move(fresh);
    return {};
}

Result<void> apply_toml_file(Config& config, const std::string& path) {
    std::ifstream file(path, std::ios::binary);
    if (!file) return fail("{}: {}", path, std::strerror(errno));
    const std::string text((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
    return apply_toml(config, text, path, std::filesystem::path(path).parent_path().string());
}

}  // namespace gnomon
