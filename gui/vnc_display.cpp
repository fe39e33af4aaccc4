// The guest's picture in a frame buffer of libvncserver's, which talks to the viewers; their keys and pointer
// turned into a PC's.
#include "gui/vnc_display.h"

#include <arpa/inet.h>
#include <rfb/rfb.h>

#include <algorithm>
#include <set>

#include "gui/listen_socket.h"
#include "gui/vnc_keys.h"

namespace gnomon {
namespace {

/// A viewer that takes nothing for so long is let go.
constexpr int kPatienceMs = 5000;

class VncDisplay final : public Display {
  public:
    VncDisplay(rfbScreenInfoPtr screen, std::string title, std::string password)
        : screen_(screen), title_(std::move(title)), password_(std::move(password)) {
        pixels_.assign(size_t{kFirstWidth} * kFirstHeight, 0);
        screen_->frameBuffer = reinterpret_cast<char*>(pixels_.data());
        screen_->desktopName = title_.c_str();
        screen_->screenData = this;
        screen_->serverFormat.redShift = 16;
        screen_->serverFormat.greenShift = 8;
        screen_->serverFormat.blueShift = 0;
        screen_->cursor = nullptr;  // the guest draws its own
        screen_->alwaysShared = TRUE;
        screen_->maxClientWait = kPatienceMs;
        screen_->kbdAddEvent = [](rfbBool down, rfbKeySym symbol, rfbClientPtr client) {
            of(client).on_key(symbol, down != FALSE);
        };
        screen_->ptrAddEvent = [](int buttons, int x, int y, rfbClientPtr client) {
            of(client).on_pointer(static_cast<unsigned>(buttons), x, y);
        };
        screen_->newClientHook = [](rfbClientPtr client) {
            client->clientGoneHook = [](rfbClientPtr gone) { of(gone).release_all(); };
            return RFB_CLIENT_ACCEPT;
        };
        if (!password_.empty()) {
            passwords_[0] = password_.data();
            screen_->authPasswdData = static_cast<void*>(passwords_.data());
            screen_->authPasswdFirstViewOnly = 1;
            screen_->passwordCheck = rfbCheckPasswordByList;
        }
    }
    ~VncDisplay() override {
        rfbShutdownServer(screen_, TRUE);
        rfbScreenCleanup(screen_);
    }
    VncDisplay(const VncDisplay&) = delete;
    VncDisplay& operator=(const VncDisplay&) = delete;

    static constexpr u32 kFirstWidth = 640;
    static constexpr u32 kFirstHeight = 480;

    [[nodiscard]] Wants wants() const override { return Wants::Picture; }
    void update(const Frame& frame) override;
    void set_status(const RunStatus& status) override { takes_places_ = status.takes_places; }
    void poll(std::vector<InputEvent>& events) override {
        events_ = &events;
        rfbProcessEvents(screen_, 0);
        events_ = nullptr;
    }

  private:
    static VncDisplay& of(rfbClientPtr client) {
        return *static_cast<VncDisplay*>(client->screen->screenData);
    }

    void emit(InputEvent event) {
        if (events_) events_->push_back(std::move(event));
    }
    void set_key(Key key, bool down) {
        if (down)
            held_.insert(key);
        else
            held_.erase(key);
        emit(KeyInput{key, down});
    }
    void on_key(rfbKeySym symbol, bool down);
    void on_pointer(unsigned buttons, int x, int y);
    void release_all();

    rfbScreenInfoPtr screen_;
    std::string title_;
    std::string password_;
    std::array<char*, 2> passwords_{};
    std::vector<u32> pixels_;
    std::vector<InputEvent>* events_ = nullptr;  ///< while the viewers are heard
    std::set<Key> held_;
    unsigned buttons_ = 0;
    int x_ = -1;  ///< of the pointer; -1: not known
    int y_ = -1;
    bool takes_places_ = false;  ///< the guest
};

void VncDisplay::update(const Frame& frame) {
    if (frame.width == 0 || frame.height == 0) return;
    const auto width = static_cast<size_t>(screen_->width);
    if (frame.width != width || frame.height != static_cast<u32>(screen_->height)) {
        std::vector<u32> old = std::exchange(pixels_, frame.pixels);
        rfbNewFramebuffer(screen_, reinterpret_cast<char*>(pixels_.data()), static_cast<int>(frame.width),
                          static_cast<int>(frame.height), 8, 3, 4);
        // That call takes the shifts of the host's byte order.
        screen_->serverFormat.redShift = 16;
        screen_->serverFormat.greenShift = 8;
        screen_->serverFormat.blueShift = 0;
        x_ = y_ = -1;
        return;
    }
    const auto changed = [&](u32 y) {
        return !std::equal(&pixels_[y * width], &pixels_[y * width] + width, &frame.pixels[y * width]);
    };
    for (u32 y = 0; y < frame.height; y++) {
        if (!changed(y)) continue;
        const u32 first = y;
        while (y < frame.height && changed(y)) {
            std::copy_n(&frame.pixels[y * width], width, &pixels_[y * width]);
            y++;
        }
        rfbMarkRectAsModified(screen_, 0, static_cast<int>(first), screen_->width, static_cast<int>(y));
    }
}

/// Viewers send characters as their host's layout makes them; the guest gets the keys that make them on a US
/// layout, with Shift as that needs it. Caps Lock stays on the viewer's side for the same reason: the
/// characters tell.
void VncDisplay::on_key(rfbKeySym symbol, bool down) {
    const KeysymKey wanted = key_of_keysym(symbol);
    if (wanted.key == Key::None) return;
    if (!down) {
        if (held_.contains(wanted.key)) set_key(wanted.key, false);
        return;
    }
    const bool left = held_.contains(Key::LeftShift);
    const bool right = held_.contains(Key::RightShift);
    // With Ctrl or Alt it is the key that counts, not the character.
    const bool shortcut = held_.contains(Key::LeftControl) || held_.contains(Key::RightControl) ||
                          held_.contains(Key::LeftAlt) || held_.contains(Key::LeftGui);
    if (!wanted.shift || shortcut || *wanted.shift == (left || right)) {
        set_key(wanted.key, true);
    } else if (*wanted.shift) {
        emit(KeyInput{Key::LeftShift, true});
        set_key(wanted.key, true);
        emit(KeyInput{Key::LeftShift, false});
    } else {
        if (left) emit(KeyInput{Key::LeftShift, false});
        if (right) emit(KeyInput{Key::RightShift, false});
        set_key(wanted.key, true);
        if (left) emit(KeyInput{Key::LeftShift, true});
        if (right) emit(KeyInput{Key::RightShift, true});
    }
}

/// The viewer says where its pointer is, which some guests take; the PC's mouse says how far it moved. Guests that accelerate lose the
/// way; at an edge the mouse is pushed on by a whole screen, so that both pointers meet there.
void VncDisplay::on_pointer(unsigned buttons, int x, int y) {
    if (takes_places_ && (x != x_ || y != y_)) {
        const auto part = [](int at, int size) {
            return static_cast<u32>(i64{std::clamp(at, 0, size - 1)} * kPointerEdge / std::max(1, size - 1));
        };
        emit(PointerPlace{part(x, screen_->width), part(y, screen_->height)});
    } else if (x_ >= 0 && (x != x_ || y != y_)) {
        const auto way = [](int now, int before, int size) {
            if (now == before) return 0;
            return now == 0 ? -size : now == size - 1 ? size : now - before;
        };
        emit(PointerMotion{way(x, x_, screen_->width), way(y, y_, screen_->height), 0});
    }
    x_ = x;
    y_ = y;
    constexpr u8 kButtons[] = {0, 2, 1};  // RFB: left, middle, right
    for (unsigned bit = 0; bit < 3; bit++)
        if ((buttons ^ buttons_) >> bit & 1) emit(PointerButton{kButtons[bit], (buttons >> bit & 1) != 0});
    if (buttons & ~buttons_ & 0x08) emit(PointerMotion{0, 0, 1});
    if (buttons & ~buttons_ & 0x10) emit(PointerMotion{0, 0, -1});
    buttons_ = buttons;
}

/// A viewer has gone: nothing that it held stays pressed.
void VncDisplay::release_all() {
    for (const Key key : held_) emit(KeyInput{key, false});
    held_.clear();
    if (x_ >= 0) on_pointer(0, x_, y_);
    x_ = y_ = -1;
}

}  // namespace

Result<std::unique_ptr<Display>> make_vnc_display(const DisplaySpec& spec, const DisplayOptions& options) {
    if (!is_loopback(spec.host) && options.password.empty())
        return fail(
            "--display vnc:{}:{}: an address that other hosts reach needs vnc.password_file or vnc.password",
            spec.host, spec.port);
    in_addr address{};
    if (inet_pton(AF_INET, spec.host == "localhost" ? "127.0.0.1" : spec.host.c_str(), &address) != 1)
        return fail("--display vnc:{}:{}: the host is an IPv4 address, as 127.0.0.1", spec.host, spec.port);
    rfbLogEnable(FALSE);
    rfbScreenInfoPtr screen =
        rfbGetScreen(nullptr, nullptr, VncDisplay::kFirstWidth, VncDisplay::kFirstHeight, 8, 3, 4);
    if (!screen) return fail("--display vnc: no memory");
    screen->autoPort = FALSE;
    screen->port = spec.port;
    screen->ipv6port = -1;
    screen->listenInterface = address.s_addr;
    auto display = std::make_unique<VncDisplay>(screen, options.title, options.password);
    rfbInitServer(screen);
    if (screen->listenSock == RFB_INVALID_SOCKET)
        return fail("--display vnc: {}:{} cannot be listened on; is the port in use?", spec.host, spec.port);
    return std::unique_ptr<Display>(std::move(display));
}

}  // namespace gnomon
