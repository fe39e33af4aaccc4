// The rows of bochsrc's directives; bochsrc.cpp takes the file apart.
#pragma once

#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "machine/config.h"
#include "support/result.h"

namespace gnomon {

/// One directive: "floppya: 1_44=a.img, status=inserted".
struct BochsLine {
    std::string directive;
    std::vector<std::pair<std::string, std::string>>
        options;  ///< name, value; without '=' the value is empty
    std::string where;

    [[nodiscard]] const std::string* find(std::string_view name) const {
        for (const auto& [key, value] : options)
            if (key == name) return &value;
        return nullptr;
    }
    [[nodiscard]] bool is_enabled() const {
        const std::string* enabled = find("enabled");
        return !enabled || *enabled != "0";
    }
    [[nodiscard]] std::string first_word() const {
        return options.empty() ? std::string() : options[0].first;
    }
};

struct BochsContext {
    Config& config;
    std::string folder;  ///< relative file names start here
    std::vector<std::string>& notes;
    std::set<std::string> noted;
    unsigned depth = 0;  ///< of #include

    void note(const BochsLine& line, const std::string& what);
    /// For what is taken over, but not as Bochs has it.
    void remark(const BochsLine& line, const std::string& text);
    Result<void> set(const BochsLine& line, std::string key, std::string value);
};

/// Whether there is such a directive.
[[nodiscard]] bool is_bochs_directive(std::string_view name);
/// Unknown directives and options are errors with a suggestion.
Result<void> apply_bochs_directive(BochsContext& context, const BochsLine& line);

}  // namespace gnomon
