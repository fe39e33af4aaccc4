// The description of one machine: every setting that a configuration file, `--set` or an option can make.
// config_keys.h has the table of the keys; this is what they fill in.
#pragma once

#include <array>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "support/types.h"

namespace gnomon {

enum class ShadowChoice : u8 { Off, On, Verify };
/// Automatic: deterministic without a user in front of the machine, realtime with one.
enum class ClockChoice : u8 { Automatic, Deterministic, Realtime };
enum class RtcBase : u8 { Utc, Local };
enum class FloppyTypeChoice : u8 { Automatic, None, F360K, F1200K, F720K, F1440K, F2880K };
/// How the picture fills the window: by whole multiples only, as large as fits, or all of it.
enum class ScalingChoice : u8 { Fit, Integer, Stretch };
enum class MouseChoice : u8 { None, Standard, Wheel, Explorer };
enum class PointerChoice : u8 { Ps2, Vmware, Auto };
enum class UartChoice : u8 { I8250, I16450, I16550A };
/// How the chips are when the firmware begins.
enum class PowerOnChoice : u8 { Datasheet, Bochs };
enum class PciSoundChoice : u8 { None, Ac97 };

struct Config {
    struct Cpu {
        std::string model;  ///< as parse_model() takes it; empty: the default model
        u64 count = 1;
        u64 quantum = 5000;
        u64 seed = 1;  ///< of RDRAND and RDSEED in deterministic mode
        u64 physical_bits = 0;  ///< MAXPHYADDR; 0: the model's, less under firmware of others
    } cpu;
    struct Memory {
        u64 size = u64{128} << 20;  ///< bytes
        ShadowChoice shadow = ShadowChoice::On;
    } memory;
    struct Video {
        u64 memory = u64{16} << 20;  ///< bytes
    } video;
    struct Clock {
        ClockChoice mode = ClockChoice::Automatic;
        u64 ips = 200'000'000;  ///< instructions a second of guest time, deterministic mode
    } clock;
    struct Rtc {
        std::string start;  ///< "now", a date, or empty: now in realtime mode, else a fixed date
        RtcBase base = RtcBase::Utc;
    } rtc;
    struct Firmware {
        std::string bios;  ///< files; empty: the built-in ones
        std::string flash_vars;  ///< variable store below the BIOS, a flash chip; empty: none
        std::string flash;       ///< BIOS and variables in one writable chip
        std::string vgabios;
        std::vector<std::string> roms;  ///< further option ROMs
        PowerOnChoice power_on = PowerOnChoice::Datasheet;
    } firmware;
    struct Boot {
        std::string order = "cad";
        bool menu = false;
        std::string kernel;
        std::vector<std::string> initrd;
        std::string append;
        bool snapshot = false;  ///< disk writes go to overlays that are thrown away
        bool reboot = true;     ///< false: a triple fault ends the run
    } boot;
    struct Floppy {
        std::string file;
        FloppyTypeChoice type = FloppyTypeChoice::Automatic;
        bool readonly = false;
    };
    std::array<Floppy, 2> floppy;
    struct Disk {
        std::string file;
        u64 cylinders = 0, heads = 0, sectors = 0;  ///< all zero: worked out from the image
        bool readonly = false;
        bool raw = false;  ///< take the content as it is
        std::string model = "Gnomon disk";
        std::string serial;
    };
    std::array<Disk, 4> disk;  ///< primary master, primary slave, secondary master, secondary slave
    struct Cdrom {
        bool present = false;
        std::string file;
    };
    std::array<Cdrom, 4> cdrom;  ///< the same places
    struct Serial {
        std::string to = "none";
        UartChoice type = UartChoice::I16550A;
        bool present = false;
        bool character_times = false;
    };
    std::array<Serial, 4> serial{Serial{.present = true}, Serial{.present = true}, Serial{}, Serial{}};
    struct Parallel {
        std::string to = "none";
        bool present = false;
    };
    std::array<Parallel, 3> parallel{Parallel{.present = true}, Parallel{}, Parallel{}};
    struct Input {
        MouseChoice mouse = MouseChoice::Explorer;
        PointerChoice pointer = PointerChoice::Auto;
        std::string type;  ///< text that is typed some time after power-on
        u64 type_after = 5000;
    } input;
    struct Sound {
        bool speaker = true;
        bool sb16 = true;
        u64 sb16_port = 0x220;
        u64 sb16_irq = 5;
        u64 sb16_dma = 1;    ///< 8-bit samples
        u64 sb16_dma16 = 5;  ///< 16-bit samples; the same channel for both is possible
        PciSoundChoice pci = PciSoundChoice::Ac97;
    } sound;
    struct Audio {
        std::string output = "auto";  ///< audio_spec.h takes it apart
        u64 rate = 48'000;
    } audio;
    struct Debug {
        u64 exit_port = 0;  ///< 0: there is none
        u64 exit_size = 4;
        std::string console = "none";   ///< port E9h
        std::string firmware = "none";  ///< port 402h
        bool shutdown_port = true;      ///< port 8900h
        std::vector<std::string> symbols;  ///< files for the debuggers, "PATH" or "PATH@OFFSET"
        std::vector<std::string> sources;  ///< folders
        std::string gdb;                   ///< [HOST:]PORT of the GDB stub, empty: none
        bool paused = false;               ///< wait for GDB before the first instruction
        std::string magic_break;           ///< registers, as "bx,cx"; empty: none
    } debug;
    struct Display {
        std::string kind = "auto";  ///< a list; display_spec.h takes it apart
        u64 scale = 0;
        ScalingChoice scaling = ScalingChoice::Fit;
        bool full_screen = false;
        std::string state_file = "gnomon.state";  ///< what the front ends' keys save to and load from
    } display;
    struct Vnc {
        std::string password;
        std::string password_file;  ///< its first line is the password
    } vnc;
    struct Control {
        std::string listen = "none";  ///< where the control socket is; control_server.h
    } control;
    struct Limits {
        u64 timeout = 0;  ///< host seconds, 0: none
        u64 instructions = 0;
    } limit;
    struct LogSettings {
        std::string level = "warning";
    } log;
    /// Where each key was set last ("machine.toml:12", "--hda"), for messages about values that turn out bad later.
    std::map<std::string, std::string, std::less<>> origins;
};

}  // namespace gnomon
