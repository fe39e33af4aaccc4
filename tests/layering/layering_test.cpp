// The folders of the architecture are layers: each includes only those that it may depend on.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <map>
#include <set>
#include <string>

namespace gnomon {
namespace {

const std::map<std::string, std::set<std::string>> kMayInclude{
    {"support", {}},
    {"memory", {"support"}},
    {"cpu", {"memory", "support"}},
    {"devices", {"memory", "support"}},
    {"bios", {"memory", "support"}},
    {"machine", {"bios", "devices", "cpu", "memory", "support"}},
    {"debugger", {"machine", "bios", "devices", "cpu", "memory", "support"}},
    {"gui", {"debugger", "machine", "bios", "devices", "cpu", "memory", "support"}},
};

TEST(Layering, FoldersIncludeOnlyLowerOnes) {
    unsigned includes = 0;
    for (const auto& [folder, allowed] : kMayInclude) {
        const std::filesystem::path root = std::filesystem::path(GNOMON_SOURCE_DIR) / folder;
        if (!std::filesystem::exists(root)) continue;
        for (const auto& entry : std::filesystem::recursive_directory_iterator(root)) {
            const std::string extension = entry.path().extension().string();
            if (extension != ".h" && extension != ".cpp" && extension != ".c") continue;
            std::ifstream file(entry.path());
            std::string line;
            for (unsigned number = 1; std::getline(file, line); number++) {
                constexpr std::string_view kStart = "#include \"";
                if (!line.starts_with(kStart)) continue;
                const std::string target =
                    line.substr(kStart.size(), line.find('"', kStart.size()) - kStart.size());
                const std::string top = target.substr(0, target.find('/'));
                if (!kMayInclude.contains(top) || top == folder) continue;
                includes++;
                EXPECT_TRUE(allowed.contains(top))
                    << entry.path().string() << ":" << number << " includes " << target;
            }
        }
    }
    EXPECT_GT(includes, 100u);
}

TEST(Layering, TheCoreNeverIncludesTheWindowSystem) {
    for (const auto& [folder, allowed] : kMayInclude) {
        if (folder == "gui") continue;
        const std::filesystem::path root = std::filesystem::path(GNOMON_SOURCE_DIR) / folder;
        if (!std::filesystem::exists(root)) continue;
        for (const auto& entry : std::filesystem::recursive_directory_iterator(root)) {
            if (entry.path().extension() != ".h" && entry.path().extension() != ".cpp") continue;
            std::ifstream file(entry.path());
            const std::string text((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
            EXPECT_EQ(text.find("#include <SDL"), text.npos) << entry.path().string();
        }
    }
}

}  // namespace
}  // namespace gnomon
