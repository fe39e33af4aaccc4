// The displays of a run: opened as the configuration says, and served while the machine runs on a thread of
// its own.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <vector>

#include "gui/display_link.h"
#include "machine/config.h"

namespace gnomon {

class FrontEnds {
  public:
    /// The wanted displays, or the best that the host has.
    [[nodiscard]] static Result<FrontEnds> open(const Config& config);

    [[nodiscard]] bool empty() const { return displays_.empty(); }
    [[nodiscard]] bool has(DisplayKind kind) const;
    [[nodiscard]] std::vector<DisplayLink*> links() const;
    /// Calls `run` on a thread of its own and serves the displays until it returns; window and terminal on
    /// this thread, VNC on another. An exception that leaves `run` is thrown on. Without displays `run` is
    /// just called.
    void run(const std::function<void()>& run);
    /// Gives window and terminal back.
    void close() { displays_.clear(); }

  private:
    struct Served {
        DisplayKind kind;
        std::unique_ptr<Display> display;
        std::unique_ptr<DisplayLink> link;
    };

    Result<void> add(const DisplaySpec& spec, const DisplayOptions& options);
    void serve(bool vnc, const std::atomic<bool>& done);

    std::vector<Served> displays_;
};

}  // namespace gnomon
