// bochsrc files taken apart: comments, #include, variables of the environment, options between commas.
#include "machine/bochsrc.h"

#include <cctype>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>

#include "machine/bochsrc_directives.h"

namespace gnomon {
namespace {

constexpr std::string_view kInclude = "#include";
constexpr unsigned kDeepestInclude = 8;

std::string trim(std::string_view text) {
    while (!text.empty() && std::isspace(static_cast<unsigned char>(text.front()))) text.remove_prefix(1);
    while (!text.empty() && std::isspace(static_cast<unsigned char>(text.back()))) text.remove_suffix(1);
    return std::string(text);
}

/// Cuts at commas outside quotes, and takes the quotes away.
std::vector<std::pair<std::string, std::string>> split_options(std::string_view text) {
    std::vector<std::string> parts(1);
    bool quoted = false;
    for (const char ch : text) {
        if (ch == '"')
            quoted = !quoted;
        else if (ch == ',' && !quoted)
            parts.emplace_back();
        else
            parts.back() += ch;
    }
    std::vector<std::pair<std::string, std::string>> options;
    for (const std::string& part : parts) {
        const size_t equals = part.find('=');
        const std::string name = trim(std::string_view(part).substr(0, equals));
        if (name.empty()) continue;
        options.emplace_back(name,
                             equals == part.npos ? "" : trim(std::string_view(part).substr(equals + 1)));
    }
    return options;
}

/// $NAME stands for a variable of the environment; BXSHARE has a default.
Result<std::string> expand_variables(std::string_view text) {
    std::string out;
    while (!text.empty()) {
        const size_t dollar = std::min(text.find('$'), text.size());
        out += text.substr(0, dollar);
        text.remove_prefix(dollar);
        if (text.empty()) break;
        text.remove_prefix(1);
        size_t length = 0;
        while (length < text.size() &&
               (std::isalnum(static_cast<unsigned char>(text[length])) || text[length] == '_'))
            length++;
        const std::string name(text.substr(0, length));
        text.remove_prefix(length);
        const char* value = name.empty() ? "$" : std::getenv(name.c_str());
        if (!value && name == "BXSHARE") value = "/usr/share/bochs";
        if (!value) return fail("${} is not set in the environment", name);
        out += value;
    }
    return out;
}

/// The next line without white space before it.
std::string_view take_line(std::string_view& text) {
    const size_t end = std::min(text.find('\n'), text.size());
    std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    line.remove_prefix(std::min(line.find_first_not_of(" \t\r"), line.size()));
    return line;
}

bool says_nothing(std::string_view line) {
    return line.empty() || (line[0] == '#' && !line.starts_with(kInclude));
}

Result<std::string> read_text(const std::string& path) {
    std::ifstream file(path, std::ios::binary);
    if (!file || std::filesystem::is_directory(path))
        return fail("{}: {}", path, std::strerror(file ? EISDIR : errno));
    return std::string((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
}

Result<void> apply_text(BochsContext& context, std::string_view text, const std::string& name);

Result<void> include(BochsContext& context, std::string_view rest, const std::string& where) {
    std::string file;
    for (const char ch : trim(rest))
        if (ch != '"') file += ch;
    if (context.depth == kDeepestInclude) return fail("{}: #include: too many files in each other", where);
    const std::string path = (std::filesystem::path(context.folder) / file).string();
    Result<std::string> text = read_text(path);
    if (!text) return text.error().in(fmt::format("{}: #include", where));
    context.depth++;
    Result<void> applied = apply_text(context, *text, path);
    context.depth--;
    return applied;
}

Result<void> apply_line(BochsContext& context, std::string_view content, const std::string& where) {
    if (content.starts_with(kInclude)) return include(context, content.substr(kInclude.size()), where);
    BochsLine line;
    line.where = where;
    const size_t colon = content.find(':');
    if (colon == content.npos)
        return fail("{}: '{}' is no directive: there is no colon", where, trim(content));
    line.directive = trim(content.substr(0, colon));
    Result<std::string> options = expand_variables(content.substr(colon + 1));
    if (!options) return options.error().in(fmt::format("{}: {}", where, line.directive));
    line.options = split_options(*options);
    return apply_bochs_directive(context, line);
}

Result<void> apply_text(BochsContext& context, std::string_view text, const std::string& name) {
    for (unsigned number = 1; !text.empty(); number++) {
        const std::string_view content = take_line(text);
        if (says_nothing(content)) continue;
        if (Result<void> applied = apply_line(context, content, fmt::format("{}:{}", name, number)); !applied)
            return applied;
    }
    return {};
}

}  // namespace

bool is_bochsrc(std::string_view text) {
    while (!text.empty()) {
        const std::string_view line = take_line(text);
        if (says_nothing(line)) continue;
        if (line.starts_with(kInclude)) return true;
        const size_t colon = line.find(':');
        if (colon != line.npos && is_bochs_directive(trim(line.substr(0, colon)))) return true;
    }
    return false;
}

Result<void> apply_bochsrc(Config& config, std::string_view text, const std::string& name,
                           const std::string& folder, std::vector<std::string>& notes) {
    Config fresh = config;
    BochsContext context{fresh, folder, notes, {}};
    if (Result<void> applied = apply_text(context, text, name); !applied) return applied;
    config = std::move(fresh);
    return {};
}

Result<bool> is_bochsrc_file(const std::string& path) {
    Result<std::string> text = read_text(path);
    if (!text) return text.error();
    return is_bochsrc(*text);
}

Result<void> apply_bochsrc_file(Config& config, const std::string& path, std::vector<std::string>& notes) {
    Result<std::string> text = read_text(path);
    if (!text) return text.error();
    return apply_bochsrc(config, *text, path, std::filesystem::path(path).parent_path().string(), notes);
}

}  // namespace gnomon
