// The host's side of the machine's sound: opened as `audio.output` says.
#pragma once

#include <functional>
#include <memory>
#include <string_view>

#include "devices/sound/audio_sink.h"
#include "machine/config.h"
#include "support/result.h"

namespace gnomon {

/// Null where there is to be no sound. `window`: there is an SDL window, beside which "auto" means the host's
/// sound system; if that has no device, `complain` is told and the run goes on without sound.
[[nodiscard]] Result<std::unique_ptr<AudioSink>> open_audio(
    const Config& config, bool window, const std::function<void(std::string_view)>& complain);

/// "sdl, wav": what open_audio() can open.
[[nodiscard]] std::string_view built_in_audio();

}  // namespace gnomon
