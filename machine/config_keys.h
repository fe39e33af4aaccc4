// The configuration schema: one row a key, and the one path by which any setting reaches a Config.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "machine/config.h"
#include "support/result.h"

namespace gnomon {

/// Text is any; Path is resolved against the file that names it; Paths may also be one string; Backend is
/// what open_char_backend() takes; Displays is what parse_displays() takes, or a list of such; Audio is what parse_audio() takes; LogLevels is what
/// check_log_levels() takes; Size is in MiB, or with K, M or G; Choice is one of `accepted`.
enum class KeyType : u8 { Text, Path, Paths, Backend, Size, Number, Flag, Choice, BootOrder, Model, Displays, Audio, LogLevels };

/// A member of type `enum class … : u8` with the values 0, 1, … in the order of `accepted`.
struct ChoiceField {
    void* target;
    void (*assign)(void* target, unsigned value);
    unsigned (*value)(const void* target);
};
using Field = std::variant<bool*, u64*, std::string*, std::vector<std::string>*, ChoiceField>;

struct ConfigKey {
    std::string_view name;     ///< "disk.N.file": N stands for one of `indices`
    std::string_view indices;  ///< a character each; empty: no N
    KeyType type;
    std::string_view accepted;  ///< Choice: separated by '|'; else words for people, may be empty
    u64 min = 0, max = 0;       ///< Number, Size (bytes)
    Field (*field)(Config& config, unsigned index) = nullptr;
    std::string_view documentation;  ///< one sentence
};

[[nodiscard]] std::span<const ConfigKey> config_keys();
/// What a key accepts, for error messages and the reference.
[[nodiscard]] std::string describe_accepted(const ConfigKey& key);

/// A value as the user wrote it.
struct Setting {
    enum class Form : u8 { Word, String, Integer, Boolean, List };  ///< Word: from a command line, any type
    std::string key;
    Form form = Form::Word;
    std::string text;
    std::vector<std::string> list;
    std::string where = {};   ///< "machine.toml:12", "--set"
    std::string folder = {};  ///< relative paths start here; empty: the current folder
};

/// Errors read "where: key: what is wrong; what is accepted".
Result<void> apply_setting(Config& config, const Setting& setting);
/// An error that begins with a key ("disk.0.file: …") or the start of one ("serial.1: …"), with the place that set it before it.
[[nodiscard]] Error at_origin(const Config& config, const Error& error);
/// "KEY=VALUE".
[[nodiscard]] Result<Setting> parse_assignment(std::string_view text, std::string where);
/// Reads a TOML file and applies it all, or nothing.
Result<void> apply_toml_file(Config& config, const std::string& path);
/// The same on text; `name` is for messages, `folder` for relative paths.
Result<void> apply_toml(Config& config, std::string_view text, const std::string& name,
                        const std::string& folder);
/// The word of `candidates` that is nearest to `word`, if it is near; else empty.
[[nodiscard]] std::string nearest(std::string_view word, std::span<const std::string> candidates);
/// docs/config.md.
[[nodiscard]] std::string config_reference();
/// The value of a key as it would be written, "" if nothing is set.
[[nodiscard]] std::string print_value(const ConfigKey& key, Config& config, unsigned index);

}  // namespace gnomon
