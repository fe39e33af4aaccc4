// Where a configuration wants the sound to go: the words of `audio.output` and `--audio`.
#pragma once

#include <string>
#include <string_view>

#include "support/result.h"
#include "support/types.h"

namespace gnomon {

enum class AudioKind : u8 { Automatic, Sdl, Wav, None };

struct AudioSpec {
    AudioKind kind = AudioKind::Automatic;
    std::string path = {};  ///< Wav: the file
    bool operator==(const AudioSpec&) const = default;
};

/// "auto", "sdl", "wav:FILE" or "none".
[[nodiscard]] inline Result<AudioSpec> parse_audio(std::string_view word) {
    if (word == "auto") return AudioSpec{AudioKind::Automatic};
    if (word == "sdl") return AudioSpec{AudioKind::Sdl};
    if (word == "none") return AudioSpec{AudioKind::None};
    if (word.starts_with("wav:") && word.size() > 4)
        return AudioSpec{AudioKind::Wav, std::string(word.substr(4))};
    return fail("'{}' is not possible", word);
}

}  // namespace gnomon
