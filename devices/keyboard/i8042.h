// The keyboard controller of a PS/2-type PC with its keyboard and mouse, and the front ends' side of both.
// IBM Personal System/2 Hardware Interface Technical Reference, "Keyboard and Auxiliary Device Controller";
// Intel 8042 data sheet.
#pragma once

#include <array>
#include <functional>
#include <memory>
#include <string_view>
#include <vector>

#include "devices/keyboard/ps2_keyboard.h"
#include "devices/keyboard/ps2_mouse.h"
#include "devices/port_bus.h"
#include "support/line.h"

namespace gnomon {

class I8042 final : public PortIo, public StatePart {
  public:
    static constexpr PortRange kDataPort{0x60, 1};
    static constexpr PortRange kCommandPort{0x64, 1};

    struct Wiring {
        Line keyboard_irq;                ///< IRQ 1
        Line mouse_irq;                   ///< IRQ 12
        Line a20;                         ///< output port bit 1; high: address line 20 passes
        std::function<void()> reset_cpu;  ///< output port bit 0 went low
        std::function<void(u8 leds)>
            leds_changed;  ///< bit 0 Scroll Lock, 1 Num Lock, 2 Caps Lock; may be empty
    };
    struct Config {
        bool mouse = true;  ///< false: nothing at the auxiliary port
        MouseKind mouse_kind = MouseKind::Explorer;
        Ps2Timing timing;
        u64 typing_step_ns = 12'000'000;  ///< between the key movements of type_text()
    };

    static Result<std::unique_ptr<I8042>> create(PortBus& bus, Scheduler& scheduler, Log& log, Wiring wiring,
                                                 Config config);

    void reset();

    // Front ends; on the thread that owns the machine.
    /// Keys that move while the keyboard's buffer is full wait, in order; of more than kMostHeldBack movements
    /// the rest is lost, and the guest told so.
    void press(Key key) { move_key(key, true); }
    void release(Key key) { move_key(key, false); }
    static constexpr size_t kMostHeldBack = 128;
    /// When a window loses the focus: no key may hang.
    void release_all();
    /// Counts to the right, downwards, and wheel detents towards the user.
    void mouse_move(int right, int down, int wheel);
    void mouse_button(MouseButton which, bool down);
    /// For a device whose data come another way: the mouse reports, if only that nothing moved.
    void nudge_mouse();
    /// Whether the user's finger is on it.
    [[nodiscard]] bool held(Key key) const;
    [[nodiscard]] u8 leds() const { return keyboard_.state().leds; }
    /// Types text on a US layout at a pace that guests can follow; more may be added while it runs. Pauses while
    /// Ctrl, Alt, Shift or a GUI key is held. Fails, typing nothing, if there is no key for a character.
    Result<void> type_text(std::string_view text);
    [[nodiscard]] bool typing() const { return !text_.empty(); }

    u32 port_read(u16 port, unsigned size) override;
    void port_write(u16 port, unsigned size, u32 value) override;

    /// The two serial ports of the controller.
    enum class Channel : u8 { None, Keyboard, Mouse };

    struct Controller {
        std::array<u8, 32> ram{};  ///< [0] is the command byte
        bool output_full = false;
        bool output_from_mouse = false;
        u8 output = 0;
        bool timeout_error = false;
        bool parity_error = false;
        bool last_write_was_command = false;
        bool response_waits = false;  ///< an answer of the controller behind a full output buffer
        u8 response = 0;
        bool response_from_mouse = false;
        u8 output_port = 0x03;  ///< bits 0 (no reset) and 1 (A20)
        u8 pending_command = 0;
        bool break_prefix = false;  ///< translation has swallowed an F0
        Channel receiving = Channel::None;
        Channel transmitting = Channel::None;
        u8 transmit_byte = 0;
        bool input_full = false;  ///< a byte waits for the end of the transmission
        u8 input = 0;
        Channel input_target = Channel::None;
        std::vector<u8> password;
        bool password_complete = false;
        bool locked = false;
        u8 password_matched = 0;
        template<class V>
        constexpr void fields(V& v) {
            v("ram", ram);
            v("output_full", output_full);
            v("output_from_mouse", output_from_mouse);
            v("output", output);
            v("timeout_error", timeout_error);
            v("parity_error", parity_error);
            v("last_write_was_command", last_write_was_command);
            v("response_waits", response_waits);
            v("response", response);
            v("response_from_mouse", response_from_mouse);
            v("output_port", output_port);
            v("pending_command", pending_command);
            v("break_prefix", break_prefix);
            v("receiving", receiving);
            v("transmitting", transmitting);
            v("transmit_byte", transmit_byte);
            v("input_full", input_full);
            v("input", input);
            v("input_target", input_target);
            v("password", password);
            v("password_complete", password_complete);
            v("locked", locked);
            v("password_matched", password_matched);
        }
    };
    struct State {
        Controller controller;
        Ps2Keyboard::State keyboard;
        Ps2Mouse::State mouse;
        std::vector<u8> text;  ///< not typed yet
        u8 typing_step = 0;
        std::vector<u16> held_back;
        template<class V>
        constexpr void fields(V& v) {
            v("controller", controller);
            v("keyboard", keyboard);
            v("mouse", mouse);
            v("text", text);
            v("typing_step", typing_step);
            v("held_back", held_back);
        }
    };
    [[nodiscard]] std::string_view state_name() const override { return "keyboard"; }
    [[nodiscard]] StateNode save_state() const override;
    Result<Install> load_state(const StateNode& node) override;

  private:
    I8042(Scheduler& scheduler, Log& log, Wiring wiring, Config config);

    u8 read_data();
    [[nodiscard]] u8 status() const;
    [[nodiscard]] u8 output_port_pins() const;
    void write_data(u8 byte);
    void command(u8 byte);
    void command_parameter(u8 command, u8 byte);
    void password_command(u8 byte);
    void write_ram(unsigned index, u8 byte);
    void write_output_port(u8 byte);
    void pulse_output_port(u8 high_bits);

    void respond(u8 byte, bool from_mouse = false);
    void fill_output(u8 byte, bool from_mouse);
    void update_irqs();
    [[nodiscard]] bool enabled(Channel channel) const;
    [[nodiscard]] Ps2Device* device(Channel channel);
    void set_clock(Channel channel, bool run);
    void send(Channel channel, u8 byte);
    void start_transmission(Channel channel, u8 byte);
    void transmitted();
    void link_changed();
    void received();
    void keyboard_byte(u8 byte);
    [[nodiscard]] bool password_absorbs(u8 byte);
    void move_key(Key key, bool down);
    void pass_on(u16 movement);
    void pass_on_keys();
    [[nodiscard]] bool typist_waits() const;
    void type_step();

    Scheduler& scheduler_;
    Log& log_;
    Wiring wiring_;
    Config config_;
    Controller controller_;
    std::vector<u8> text_;
    u8 typing_step_ = 0;
    /// Movements that wait for room in the keyboard: the key, and kDown; Key::None stands for lost ones.
    std::vector<u16> held_back_;
    static constexpr u16 kDown = 0x8000;
    Ps2Keyboard keyboard_;
    Ps2Mouse mouse_;
    Scheduler::EventId receive_event_;
    Scheduler::EventId transmit_event_;
    Scheduler::EventId typing_event_;
    std::vector<PortClaim> claims_;
};

}  // namespace gnomon
