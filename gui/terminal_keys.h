// What a terminal sends, turned back into keys: characters of a US keyboard, control characters, and the
// escape sequences of xterm, the Linux console and their relatives. xterm "Control Sequences", ECMA-48.
#pragma once

#include <deque>
#include <string>
#include <string_view>

#include "devices/keyboard/keys.h"
#include "support/types.h"

namespace gnomon {

/// A key struck together with shift keys.
struct KeyStroke {
    Key key = Key::None;
    bool shift = false;
    bool alt = false;
    bool control = false;
    bool operator==(const KeyStroke&) const = default;
};

/// The stroke that makes an ASCII character, control characters included; Key::None if none does.
[[nodiscard]] KeyStroke stroke_of_character(char character);

class TerminalKeys {
  public:
    /// Takes bytes as they arrive; sequences may be cut anywhere.
    void feed(std::string_view bytes);
    /// Nothing arrived for a while: a lone ESC was the Escape key.
    void pause();
    /// True while the start of a sequence waits for the rest, or for pause().
    [[nodiscard]] bool incomplete() const { return !pending_.empty(); }
    /// The strokes recognised so far; the caller takes them off the front.
    [[nodiscard]] std::deque<KeyStroke>& strokes() { return strokes_; }

  private:
    /// Length of the first item of `pending_` after appending its stroke, or 0 if more bytes are needed.
    size_t take_one();
    size_t take_sequence(size_t start, bool alt);
    void add(KeyStroke stroke);

    std::string pending_;
    std::deque<KeyStroke> strokes_;
};

}  // namespace gnomon
