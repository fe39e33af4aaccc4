// Carrying out what users and their programs ask of a running machine.
#include "gui/session.h"

#include <algorithm>
#include <filesystem>

#include "devices/sound/game_port/game_port.h"
#include "devices/storage/floppy_format.h"
#include "gui/screenshot.h"
#include "machine/snapshot.h"

namespace gnomon {
namespace {

constexpr auto kLampTime = std::chrono::milliseconds(100);
constexpr double kSpeedSeconds = 0.5;

bool moved(const MediumTraffic& now, const MediumTraffic& before) {
    return now.reads != before.reads || now.writes != before.writes;
}

}  // namespace

Session::Session(Machine& machine, RunLoop& loop, Options options)
    : machine_(machine), loop_(loop), options_(std::move(options)), resets_seen_(machine.resets()) {}

void Session::emit(SessionEvent event) {
    for (const auto& listener : listeners_) listener(event);
}

void Session::pause() {
    if (loop_.paused()) return;
    loop_.set_paused(true);
    report_status(true);
    emit({SessionEvent::Kind::Stop});
}

void Session::go_on() {
    if (!loop_.paused()) return;
    loop_.set_paused(false);
    speed_at_ = HostClock::now();
    report_status(true);
    emit({SessionEvent::Kind::Resume});
}

void Session::reset() {
    user_reset_ = true;
    machine_.request_reset(ResetKind::System);
}

void Session::press_power_button() {
    emit({SessionEvent::Kind::PowerDown});
    machine_.press_power_button();
}

void Session::quit(int status) {
    user_end_ = !machine_.ending();
    machine_.end(status, {});
}

void Session::key(Key key, bool down) {
    if (down)
        machine_.keyboard().press(key);
    else
        machine_.keyboard().release(key);
}

void Session::strike(std::vector<Key> keys, u64 hold_ms) {
    machine_.strike(std::move(keys), hold_ms * 1'000'000);
}

Result<void> Session::type_text(std::string_view text) {
    std::string typed;
    for (size_t i = 0; i < text.size(); i++) {
        if (text[i] == '\r' && i + 1 < text.size() && text[i + 1] == '\n') continue;
        typed += text[i] == '\r' ? '\n' : text[i];
    }
    return machine_.type_text(typed);
}

void Session::move_pointer(const PointerMotion& motion) {
    VmwarePointer* pointer = machine_.pointer();
    if (!pointer || !pointer->enabled()) return machine_.keyboard().mouse_move(motion.dx, motion.dy, -motion.wheel);
    if (pointer->absolute() && (motion.dx != 0 || motion.dy != 0)) {
        const PictureSize size = machine_.vga().picture_size();
        const auto moved = [](u32 from, int way, u32 pixels) {
            const i64 part = i64{way} * kPointerEdge / std::max<i64>(1, i64{pixels} - 1);
            return static_cast<u32>(std::clamp<i64>(from + part, 0, kPointerEdge));
        };
        pointer->place(moved(pointer->state().x, motion.dx, size.width),
                       moved(pointer->state().y, motion.dy, size.height));
        pointer->move(0, 0, -motion.wheel);
        return;
    }
    pointer->move(motion.dx, motion.dy, -motion.wheel);
}

void Session::place_pointer(const PointerPlace& place) {
    if (pointer_takes_places()) machine_.pointer()->place(place.x, place.y);
}

PointerPlace Session::pointer_place() {
    const VmwarePointer* pointer = machine_.pointer();
    return pointer ? PointerPlace{pointer->state().x, pointer->state().y} : PointerPlace{};
}

bool Session::pointer_takes_places() { return machine_.pointer() && machine_.pointer()->absolute(); }

void Session::press_button(const PointerButton& button) {
    const auto which = static_cast<MouseButton>(button.button);
    if (machine_.pointer() && machine_.pointer()->enabled())
        machine_.pointer()->button(which, button.down);
    else
        machine_.keyboard().mouse_button(which, button.down);
}

Result<void> Session::insert(std::string_view drive, const std::string& file,
                             Machine::MediumOptions options) {
    Result<void> done = machine_.change_medium(drive, file, options);
    report_status(true);
    return done;
}

Result<std::string> Session::insert_by_kind(const std::string& file) {
    std::error_code error;
    const u64 size = std::filesystem::file_size(file, error);
    if (error) return fail("{}: {}", file, error.message());
    const std::string_view kind =
        floppy_format_for((size + kSectorSize - 1) / kSectorSize) ? "floppy" : "cdrom";
    if (Result<void> done = insert(kind, file); !done) return done.error();
    for (const DriveStatus& drive : drives())
        if (drive.file == file && drive.removable()) return drive.name;
    return std::string(kind);
}

Result<void> Session::eject(std::string_view drive, bool force) {
    Result<void> done = machine_.eject_medium(drive, force);
    report_status(true);
    return done;
}

Result<void> Session::save_state(const std::string& file) {
    return save_machine_file(machine_, file.empty() ? options_.state_file : file);
}

Result<void> Session::load_state(const std::string& file) {
    Result<void> done = load_machine_file(machine_, file.empty() ? options_.state_file : file);
    if (done) {
        // Keys that are down on the host now are not those of the moment that was saved.
        machine_.keyboard().release_all();
        shown_.clear();
        instructions_ = machine_.clock().instructions();
        guest_ns_ = machine_.clock().now();
    }
    return done;
}

Result<std::string> Session::screenshot(std::string file) {
    if (file.empty())
        for (unsigned number = 1; file.empty() || std::filesystem::exists(file); number++)
            file = fmt::format("{}{}.png", options_.screenshot_prefix, number);
    Frame frame;
    machine_.vga().render(frame);
    if (Result<void> written = write_png(file, frame); !written) return written.error();
    return file;
}

TextScreen Session::screen_text() {
    TextScreen screen;
    machine_.vga().read_text(screen);
    return screen;
}

Result<void> Session::set_muted(bool muted) {
    if (!mute_) return fail("this machine makes no sound");
    muted_ = muted;
    mute_(muted);
    report_status(true);
    return {};
}

void Session::tell(const std::string& message) {
    for (DisplayLink* link : displays_) link->tell({Notice::Kind::Message, message});
}

void Session::take(const StickInput& input) {
    if (GamePort* port = machine_.game_port()) port->hold(input.stick, input.position);
}

void Session::take(const TextInput& input) {
    if (Result<void> typed = type_text(input.text); !typed)
        answering_->tell({Notice::Kind::Message, typed.error().message});
}

void Session::take(const CommandRequest& request) {
    const Result<std::string> answer = carry_out(request);
    const std::string& text = answer ? *answer : answer.error().message;
    if (!text.empty()) answering_->tell({Notice::Kind::Message, text});
}

Result<std::string> Session::carry_out(const CommandRequest& request) {
    const std::string& state_file = request.file.empty() ? options_.state_file : request.file;
    switch (request.command) {
        case UserCommand::PauseOrContinue:
            if (paused())
                go_on();
            else
                pause();
            return std::string();
        case UserCommand::Reset: reset(); return std::string("Reset");
        case UserCommand::PowerButton: press_power_button(); return std::string("Power button pressed");
        case UserCommand::CtrlAltDel: ctrl_alt_del(); return std::string();
        case UserCommand::Insert: {
            if (request.drive.empty()) {
                Result<std::string> drive = insert_by_kind(request.file);
                if (!drive) return drive;
                return fmt::format("{}: {} inserted", *drive, request.file);
            }
            if (Result<void> done = insert(request.drive, request.file); !done) return done.error();
            return fmt::format("{}: {} inserted", request.drive, request.file);
        }
        case UserCommand::Eject:
            if (Result<void> done = eject(request.drive); !done) return done.error();
            return fmt::format("{}: ejected", request.drive);
        case UserCommand::SaveState:
            if (Result<void> done = save_state(request.file); !done) return done.error();
            return fmt::format("Saved to {}", state_file);
        case UserCommand::LoadState:
            if (Result<void> done = load_state(request.file); !done) return done.error();
            return fmt::format("Loaded from {}", state_file);
        case UserCommand::Screenshot: {
            Result<std::string> file = screenshot(request.file);
            if (!file) return file;
            return fmt::format("Screenshot {}", *file);
        }
        case UserCommand::CopyText: {
            const TextScreen screen = screen_text();
            if (screen.graphics) return fail("A graphics mode has no text to copy");
            std::string text = fmt::format("{}", fmt::join(screen.lines(), "\n"));
            text.erase(text.find_last_not_of('\n') + 1);  // the empty rows below
            answering_->tell({Notice::Kind::Clipboard, text + "\n"});
            return std::string("Text copied");
        }
        case UserCommand::Mute:
            if (Result<void> done = set_muted(!muted_); !done) return done.error();
            return std::string(muted_ ? "Sound off" : "Sound on");
    }
    return std::string();
}

void Session::step() {
    for (DisplayLink* link : displays_) {
        input_.clear();
        link->take_input(input_);
        answering_ = link;
        for (const InputEvent& event : input_) std::visit([this](const auto& what) { take(what); }, event);
    }
    answering_ = nullptr;
    notice_guest_actions();
    show();
    report_status(false);
    for (const auto& poll : services_) poll();
}

void Session::notice_guest_actions() {
    if (machine_.resets() != resets_seen_) {
        resets_seen_ = machine_.resets();
        emit({SessionEvent::Kind::Reset, !std::exchange(user_reset_, false)});
    }
    for (unsigned place = 0; place < trays_.size(); place++) {
        const AtapiDrive* drive = machine_.cdrom(place);
        if (!drive || drive->tray_open() == trays_[place]) continue;
        trays_[place] = drive->tray_open();
        emit({SessionEvent::Kind::TrayMoved, true, fmt::format("cdrom.{}", place), trays_[place]});
    }
}

void Session::show() {
    shown_.resize(displays_.size());
    const u64 generation = screen_generation();
    for (size_t i = 0; i < displays_.size(); i++) {
        DisplayLink& link = *displays_[i];
        if (shown_[i] == generation || !link.screen_fetched()) continue;
        shown_[i] = generation;
        if (link.wants() == Display::Wants::Picture) {
            if (!std::holds_alternative<Frame>(screen_)) screen_ = Frame{};
            machine_.vga().render(std::get<Frame>(screen_));
        } else {
            if (!std::holds_alternative<TextScreen>(screen_)) screen_ = TextScreen{};
            machine_.vga().read_text(std::get<TextScreen>(screen_));
        }
        link.publish(screen_);
    }
}

void Session::report_status(bool now) {
    if (displays_.empty()) return;
    const HostClock::time_point time = HostClock::now();
    if (!now && time - lamps_at_ < kLampTime) return;
    lamps_at_ = time;
    RunStatus status = status_;
    status.paused = paused();
    status.muted = muted_;
    status.drives = machine_.drives();
    std::array<MediumTraffic, 3> traffic{};
    status.takes_places = pointer_takes_places();
    for (const DriveStatus& drive : status.drives) {
        MediumTraffic& sum = traffic[static_cast<size_t>(drive.kind)];
        sum.reads += drive.traffic.reads;
        sum.writes += drive.traffic.writes;
    }
    const auto busy = [&](DriveKind kind) {
        return moved(traffic[static_cast<size_t>(kind)], traffic_[static_cast<size_t>(kind)]);
    };
    status.floppy_busy =
        busy(DriveKind::Floppy) || machine_.floppy().active(0) || machine_.floppy().active(1);
    status.disk_busy = busy(DriveKind::Disk);
    status.cdrom_busy = busy(DriveKind::Cdrom);
    traffic_ = traffic;
    if (const double seconds = std::chrono::duration<double>(time - speed_at_).count();
        seconds >= kSpeedSeconds) {
        const u64 instructions = machine_.clock().instructions();
        const u64 guest_ns = machine_.clock().now();
        status.mips = static_cast<double>(instructions - instructions_) / 1e6 / seconds;
        status.percent = static_cast<double>(guest_ns - guest_ns_) / 1e7 / seconds;
        speed_at_ = time;
        instructions_ = instructions;
        guest_ns_ = guest_ns;
    }
    if (status == status_) return;
    status_ = status;
    for (DisplayLink* link : displays_) link->publish_status(status_);
}

void Session::finish(const RunEnd& end) {
    show();
    SessionEvent event{SessionEvent::Kind::Shutdown, !user_end_, end.reason};
    event.status = end.status;
    emit(std::move(event));
}

}  // namespace gnomon
