// SDL's audio device.
#include "gui/sdl_audio.h"

#include <SDL.h>

namespace gnomon {
namespace {

constexpr u32 kDeviceMs = 11;  ///< what SDL asks for at a time

}  // namespace

Result<std::unique_ptr<AudioSink>> SdlAudio::open(u32 rate) {
    if (SDL_InitSubSystem(SDL_INIT_AUDIO) != 0) return fail("SDL: {}", SDL_GetError());
    std::unique_ptr<SdlAudio> audio(new SdlAudio(rate));
    SDL_AudioSpec wanted{};
    wanted.freq = static_cast<int>(rate);
    wanted.format = AUDIO_S16SYS;
    wanted.channels = 2;
    Uint16 samples = 128;
    while (samples * 1000u < rate * kDeviceMs) samples = static_cast<Uint16>(samples * 2);
    wanted.samples = samples;
    wanted.callback = callback;
    wanted.userdata = audio.get();
    // SDL converts to whatever the device takes.
    audio->device_ = SDL_OpenAudioDevice(nullptr, 0, &wanted, nullptr, 0);
    if (audio->device_ == 0) return fail("SDL: {}", SDL_GetError());
    SDL_PauseAudioDevice(audio->device_, 0);
    return std::unique_ptr<AudioSink>(std::move(audio));
}

SdlAudio::~SdlAudio() {
    if (device_ != 0) SDL_CloseAudioDevice(device_);
    SDL_QuitSubSystem(SDL_INIT_AUDIO);
}

void SdlAudio::callback(void* self, unsigned char* out, int bytes) {
    static_assert(sizeof(StereoFrame) == 4);
    static_cast<SdlAudio*>(self)->ring_.read(
        {reinterpret_cast<StereoFrame*>(out), static_cast<size_t>(bytes) / sizeof(StereoFrame)});
}

}  // namespace gnomon
