// A temporary file with given content. For tests only.
#pragma once

#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>

namespace gnomon {

class TestFile {
  public:
    explicit TestFile(std::string_view content) {
        static unsigned number = 0;
        path_ = (std::filesystem::temp_directory_path() /
                 ("gnomon-symbols-" + std::to_string(getpid()) + "-" + std::to_string(number++)))
                    .string();
        std::ofstream(path_, std::ios::binary) << content;
    }
    ~TestFile() { std::filesystem::remove(path_); }
    TestFile(const TestFile&) = delete;
    TestFile& operator=(const TestFile&) = delete;
    [[nodiscard]] const std::string& path() const { return path_; }

  private:
    std::string path_;
};

}  // namespace gnomon
