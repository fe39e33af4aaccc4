// The choice of the audio output.
#include "gui/audio.h"

#include "devices/sound/wav_file.h"
#include "machine/audio_spec.h"
#ifdef GNOMON_HAVE_SDL
#include "gui/sdl_audio.h"
#endif

namespace gnomon {
namespace {

Result<std::unique_ptr<AudioSink>> open_sdl([[maybe_unused]] u32 rate) {
#ifdef GNOMON_HAVE_SDL
    return SdlAudio::open(rate);
#else
    return fail("sdl is not built in; accepted: wav:FILE and none");
#endif
}

}  // namespace

Result<std::unique_ptr<AudioSink>> open_audio(const Config& config, bool window,
                                              const std::function<void(std::string_view)>& complain) {
    const Result<AudioSpec> spec = parse_audio(config.audio.output);
    if (!spec) return spec.error().in("audio.output");
    const u32 rate = static_cast<u32>(config.audio.rate);
    switch (spec->kind) {
        case AudioKind::None: break;
        case AudioKind::Wav: {
            Result<std::unique_ptr<WavFile>> file = WavFile::create(spec->path, rate);
            if (!file) return file.error().in("audio.output");
            return std::unique_ptr<AudioSink>(std::move(*file));
        }
        case AudioKind::Sdl: {
            Result<std::unique_ptr<AudioSink>> sink = open_sdl(rate);
            if (!sink) return sink.error().in("audio.output");
            return sink;
        }
        case AudioKind::Automatic: {
            if (!window) break;
            Result<std::unique_ptr<AudioSink>> sink = open_sdl(rate);
            if (sink) return sink;
            complain(fmt::format("no sound: {}", sink.error().message));
            break;
        }
    }
    return std::unique_ptr<AudioSink>();
}

std::string_view built_in_audio() {
#ifdef GNOMON_HAVE_SDL
    return "sdl, wav";
#else
    return "wav";
#endif
}

}  // namespace gnomon
