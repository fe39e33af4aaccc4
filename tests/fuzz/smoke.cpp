// Runs a fuzz target on seeded inputs: uniform bytes, sparse bytes, text, and mutations of what the target
// offers as examples. Usage: fuzz_smoke_NAME INPUTS LONGEST [SEED]. The input that runs is in
// fuzz-NAME-last.bin beside the program if it crashes.
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <random>
#include <string>
#include <vector>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);
/// The `index`-th example of a target, empty when there are no more.
std::vector<std::uint8_t> fuzz_example(unsigned index);

namespace {

std::vector<std::uint8_t> current;
std::string crash_file;

void save(int number) {
    if (std::FILE* file = std::fopen(crash_file.c_str(), "wb")) {
        std::fwrite(current.data(), 1, current.size(), file);
        std::fclose(file);
        std::fprintf(stderr, "the input is in %s\n", crash_file.c_str());
    }
    std::signal(number, SIG_DFL);
    std::raise(number);
}

}  // namespace

int main(int count, char** arguments) {
    const auto number = [&](int index, unsigned long otherwise) {
        return index < count ? std::strtoul(arguments[index], nullptr, 0) : otherwise;
    };
    unsigned long inputs = number(1, 1000);
    const unsigned long longest = number(2, 256);
    if (const char* extended = std::getenv("GNOMON_LONG"); extended && *extended && *extended != '0')
        inputs *= 50;
    std::mt19937_64 random(number(3, 1));
    crash_file = std::string(arguments[0]) + "-last.bin";
    for (const int signal : {SIGABRT, SIGSEGV, SIGBUS, SIGILL, SIGFPE}) std::signal(signal, save);
    std::vector<std::vector<std::uint8_t>> examples;
    for (unsigned i = 0;; i++) {
        std::vector<std::uint8_t> example = fuzz_example(i);
        if (example.empty()) break;
        examples.push_back(std::move(example));
    }
    for (unsigned long n = 0; n < inputs; n++) {
        const auto kind = random() % 4;
        if (!examples.empty() && kind < 2) {
            current = examples[random() % examples.size()];
            for (auto changes = random() % 6; changes > 0; changes--) {
                const auto at = random() % current.size();
                if (random() % 8 == 0)
                    current.resize(at + 1);
                else
                    current[at] =
                        static_cast<std::uint8_t>(random() % 2 ? random() : std::uint8_t{1} << random() % 8);
            }
        } else {
            current.resize(random() % (longest + 1));
            for (std::uint8_t& byte : current)
                byte = static_cast<std::uint8_t>(kind == 3 && random() % 4 ? (random() % 2 ? 0 : 0xff)
                                                                           : random());
        }
        LLVMFuzzerTestOneInput(current.data(), current.size());
    }
    std::printf("%lu inputs\n", inputs);
    return 0;
}
