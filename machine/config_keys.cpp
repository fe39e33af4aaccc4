// The table of configuration keys.
#include "machine/config_keys.h"

#include "machine/log_parts.h"

namespace gnomon {
namespace {

template<class E>
ChoiceField choice(E& member) {
    return {&member, [](void* target, unsigned value) { *static_cast<E*>(target) = static_cast<E>(value); },
            [](const void* target) { return static_cast<unsigned>(*static_cast<const E*>(target)); }};
}

constexpr u64 kMiB = u64{1} << 20;
constexpr std::string_view kPlaceDoc =
    "0 and 1 are master and slave of the primary channel, 2 and 3 of the secondary";

constexpr ConfigKey kKeys[] = {
    {"cpu.model", "", KeyType::Model, "a model of --cpu help, with +feature and -feature", 0, 0,
     [](Config& c, unsigned) -> Field { return &c.cpu.model; }, "The processor model that CPUID reports."},
    {"cpu.count", "", KeyType::Number, "", 1, 64, [](Config& c, unsigned) -> Field { return &c.cpu.count; },
     "Number of processors; more than one need a model with a local APIC."},
    {"cpu.quantum", "", KeyType::Number, "", 100, 10'000'000,
     [](Config& c, unsigned) -> Field { return &c.cpu.quantum; },
     "Instructions of a processor's turn while several are awake."},
    {"cpu.seed", "", KeyType::Number, "", 0, ~u64{0} >> 1,
     [](Config& c, unsigned) -> Field { return &c.cpu.seed; },
     "Deterministic mode: where the sequence of RDRAND and RDSEED begins; in realtime mode the host's numbers "
     "are used."},
    {"cpu.physical_bits", "", KeyType::Number, "", 0, 52,
     [](Config& c, unsigned) -> Field { return &c.cpu.physical_bits; },
     "Width of physical addresses, at least 32 (CPUID leaf 80000008h). 0: the model's own, but under firmware of "
     "others no more than 40 or what the RAM needs, since UEFI firmware maps all that the processor can address."},
    {"memory.size", "", KeyType::Size, "", kMiB, 4096 * 1024 * kMiB,
     [](Config& c, unsigned) -> Field { return &c.memory.size; },
     "Size of the RAM, a multiple of 1 MiB; what is above 3 GiB continues at 4 GiB."},
    {"memory.shadow", "", KeyType::Choice, "off|on|verify", 0, 0,
     [](Config& c, unsigned) -> Field { return choice(c.memory.shadow); },
     "Shadow page tables; verify walks the guest's tables again on every hit and compares."},
    {"video.memory", "", KeyType::Size, "", kMiB, 256 * kMiB,
     [](Config& c, unsigned) -> Field { return &c.video.memory; },
     "Memory of the display adapter, a power of two; 16M hold 2560x1600 pixels of 32 bits."},
    {"clock.mode", "", KeyType::Choice, "auto|deterministic|realtime", 0, 0,
     [](Config& c, unsigned) -> Field { return choice(c.clock.mode); },
     "Deterministic time counts instructions and jumps over idle time, realtime follows the host; auto is "
     "realtime when somebody looks at a window or terminal."},
    {"clock.ips", "", KeyType::Number, "", 1'000'000, 1'000'000'000'000,
     [](Config& c, unsigned) -> Field { return &c.clock.ips; },
     "Deterministic mode: how many instructions make a second of guest time."},
    {"rtc.start", "", KeyType::Text, "now, 2026-01-31 or 2026-01-31T12:00:00", 0, 0,
     [](Config& c, unsigned) -> Field { return &c.rtc.start; },
     "Date and time of the real-time clock at power-on; empty is now in realtime mode and 2026-01-01 in "
     "deterministic mode."},
    {"rtc.base", "", KeyType::Choice, "utc|local", 0, 0,
     [](Config& c, unsigned) -> Field { return choice(c.rtc.base); },
     "Whether \"now\" means UTC or the host's local time."},
    {"firmware.bios", "", KeyType::Path, "", 0, 0,
     [](Config& c, unsigned) -> Field { return &c.firmware.bios; },
     "System BIOS or UEFI image instead of the built-in one, a multiple of 4 KiB."},
    {"firmware.flash_vars", "", KeyType::Path, "", 0, 0,
     [](Config& c, unsigned) -> Field { return &c.firmware.flash_vars; },
     "Variable store of a UEFI firmware, a flash chip right below firmware.bios; the guest's changes are written "
     "to the file."},
    {"firmware.flash", "", KeyType::Path, "", 0, 0,
     [](Config& c, unsigned) -> Field { return &c.firmware.flash; },
     "Firmware and its variables in one flash chip instead of firmware.bios; the guest's changes are written to "
     "the file."},
    {"firmware.vgabios", "", KeyType::Path, "", 0, 0,
     [](Config& c, unsigned) -> Field { return &c.firmware.vgabios; },
     "VGA BIOS image instead of the built-in one."},
    {"firmware.roms", "", KeyType::Paths, "", 0, 0,
     [](Config& c, unsigned) -> Field { return &c.firmware.roms; }, "Further option ROMs."},
    {"firmware.power_on", "", KeyType::Choice, "datasheet|bochs", 0, 0,
     [](Config& c, unsigned) -> Field { return choice(c.firmware.power_on); },
     "How the chips are at power-on: as their data sheets say, or as in Bochs, which Bochs's own BIOS counts on "
     "(VGA BIOS at C0000h, virtual wire through the local APIC, floppy at 500 kbit/s with implied seeks). A romimage in a bochsrc chooses bochs."},
    {"boot.order", "", KeyType::BootOrder, "letters of a (floppy), c (hard disk), d (CD-ROM), n (network)", 0,
     0, [](Config& c, unsigned) -> Field { return &c.boot.order; },
     "What the firmware tries to boot, in order."},
    {"boot.menu", "", KeyType::Flag, "", 0, 0, [](Config& c, unsigned) -> Field { return &c.boot.menu; },
     "Whether the firmware waits for the key of its boot menu."},
    {"boot.kernel", "", KeyType::Path, "", 0, 0, [](Config& c, unsigned) -> Field { return &c.boot.kernel; },
     "A Linux, Multiboot or ELF kernel that is started directly."},
    {"boot.initrd", "", KeyType::Paths, "", 0, 0, [](Config& c, unsigned) -> Field { return &c.boot.initrd; },
     "Initial RAM disks for Linux, modules for Multiboot; arguments of a module follow its path after a "
     "space."},
    {"boot.append", "", KeyType::Text, "", 0, 0, [](Config& c, unsigned) -> Field { return &c.boot.append; },
     "The command line of the kernel."},
    {"boot.snapshot", "", KeyType::Flag, "", 0, 0,
     [](Config& c, unsigned) -> Field { return &c.boot.snapshot; },
     "Whether what the guest writes to disks is thrown away at the end."},
    {"boot.reboot", "", KeyType::Flag, "", 0, 0, [](Config& c, unsigned) -> Field { return &c.boot.reboot; },
     "Whether the machine goes on after a triple fault; otherwise the run ends with status 6."},
    {"floppy.N.file", "ab", KeyType::Path, "", 0, 0,
     [](Config& c, unsigned i) -> Field { return &c.floppy[i].file; }, "Image of the disk in the drive."},
    {"floppy.N.type", "ab", KeyType::Choice, "auto|none|360K|1.2M|720K|1.44M|2.88M", 0, 0,
     [](Config& c, unsigned i) -> Field { return choice(c.floppy[i].type); },
     "Type of the drive; auto goes by the image, without one drive A is 1.44M and drive B is not there."},
    {"floppy.N.readonly", "ab", KeyType::Flag, "", 0, 0,
     [](Config& c, unsigned i) -> Field { return &c.floppy[i].readonly; }, "Write protection of the disk."},
    {"disk.N.file", "0123", KeyType::Path, "", 0, 0,
     [](Config& c, unsigned i) -> Field { return &c.disk[i].file; }, "Raw image of an IDE hard disk."},
    {"disk.N.cylinders", "0123", KeyType::Number, "", 1, 16383,
     [](Config& c, unsigned i) -> Field { return &c.disk[i].cylinders; },
     "Geometry, given completely or not at all; the default is worked out from the image."},
    {"disk.N.heads", "0123", KeyType::Number, "", 1, 16,
     [](Config& c, unsigned i) -> Field { return &c.disk[i].heads; }, "Geometry: heads."},
    {"disk.N.sectors", "0123", KeyType::Number, "", 1, 63,
     [](Config& c, unsigned i) -> Field { return &c.disk[i].sectors; }, "Geometry: sectors a track."},
    {"disk.N.readonly", "0123", KeyType::Flag, "", 0, 0,
     [](Config& c, unsigned i) -> Field { return &c.disk[i].readonly; },
     "Whether the image is never written; the guest's writes fail."},
    {"disk.N.raw", "0123", KeyType::Flag, "", 0, 0,
     [](Config& c, unsigned i) -> Field { return &c.disk[i].raw; },
     "Whether the image is taken as it is, even if it looks like another format."},
    {"disk.N.model", "0123", KeyType::Text, "", 0, 0,
     [](Config& c, unsigned i) -> Field { return &c.disk[i].model; }, "Model name that the disk reports."},
    {"disk.N.serial", "0123", KeyType::Text, "", 0, 0,
     [](Config& c, unsigned i) -> Field { return &c.disk[i].serial; },
     "Serial number that the disk reports."},
    {"cdrom.N.present", "0123", KeyType::Flag, "", 0, 0,
     [](Config& c, unsigned i) -> Field { return &c.cdrom[i].present; },
     "Whether there is a CD-ROM drive, also without a disc."},
    {"cdrom.N.file", "0123", KeyType::Path, "", 0, 0,
     [](Config& c, unsigned i) -> Field { return &c.cdrom[i].file; },
     "Image of the disc in an IDE CD-ROM drive."},
    {"serial.N.to", "1234", KeyType::Backend, "", 0, 0,
     [](Config& c, unsigned i) -> Field { return &c.serial[i].to; }, "Where the port leads on the host."},
    {"serial.N.type", "1234", KeyType::Choice, "8250|16450|16550A", 0, 0,
     [](Config& c, unsigned i) -> Field { return choice(c.serial[i].type); }, "The chip."},
    {"serial.N.present", "1234", KeyType::Flag, "", 0, 0,
     [](Config& c, unsigned i) -> Field { return &c.serial[i].present; },
     "Whether the port exists, also if it leads nowhere."},
    {"serial.N.character_times", "1234", KeyType::Flag, "", 0, 0,
     [](Config& c, unsigned i) -> Field { return &c.serial[i].character_times; },
     "Whether characters take the time that the baud rate says; otherwise they leave at once."},
    {"parallel.N.to", "123", KeyType::Backend, "", 0, 0,
     [](Config& c, unsigned i) -> Field { return &c.parallel[i].to; }, "Where the printer's output goes."},
    {"parallel.N.present", "123", KeyType::Flag, "", 0, 0,
     [](Config& c, unsigned i) -> Field { return &c.parallel[i].present; },
     "Whether the port exists, also without a printer."},
    {"input.mouse", "", KeyType::Choice, "none|standard|wheel|explorer", 0, 0,
     [](Config& c, unsigned) -> Field { return choice(c.input.mouse); }, "The PS/2 mouse."},
    {"input.pointer", "", KeyType::Choice, "ps2|vmware|auto", 0, 0,
     [](Config& c, unsigned) -> Field { return choice(c.input.pointer); },
     "How a guest may learn where the pointer is: ps2 by movements only, auto also by places, for those that ask VMware's port "
     "5658h unprompted, vmware with VMware's CPUID leaf too, after which Linux looks."},
    {"input.type", "", KeyType::Text, "", 0, 0, [](Config& c, unsigned) -> Field { return &c.input.type; },
     "Text that is typed on the keyboard after power-on, on a US layout."},
    {"input.type_after", "", KeyType::Number, "", 0, 86'400'000,
     [](Config& c, unsigned) -> Field { return &c.input.type_after; },
     "When the typing begins, in milliseconds of guest time."},
    {"sound.speaker", "", KeyType::Flag, "", 0, 0,
     [](Config& c, unsigned) -> Field { return &c.sound.speaker; },
     "Whether the PC speaker is heard; programs cannot tell the difference."},
    {"sound.sb16", "", KeyType::Flag, "", 0, 0, [](Config& c, unsigned) -> Field { return &c.sound.sb16; },
     "Whether there is a Sound Blaster 16, with OPL3 at 388h, MPU-401 at 330h and a game port at 201h."},
    {"sound.sb16_port", "", KeyType::Number, "0x220, 0x240, 0x260 and 0x280", 0x220, 0x280,
     [](Config& c, unsigned) -> Field { return &c.sound.sb16_port; }, "Its base address."},
    {"sound.sb16_irq", "", KeyType::Number, "2, 5, 7 and 10", 2, 10,
     [](Config& c, unsigned) -> Field { return &c.sound.sb16_irq; },
     "Its interrupt at power-on; software may select another."},
    {"sound.sb16_dma", "", KeyType::Number, "0, 1 and 3", 0, 3,
     [](Config& c, unsigned) -> Field { return &c.sound.sb16_dma; },
     "Its DMA channel for 8-bit samples at power-on."},
    {"sound.sb16_dma16", "", KeyType::Number, "5, 6, 7, and the 8-bit channel", 0, 7,
     [](Config& c, unsigned) -> Field { return &c.sound.sb16_dma16; },
     "Its DMA channel for 16-bit samples at power-on."},
    {"sound.pci", "", KeyType::Choice, "none|ac97", 0, 0,
     [](Config& c, unsigned) -> Field { return choice(c.sound.pci); },
     "The PCI sound card; ac97 is the Intel 82801AA's."},
    {"audio.output", "", KeyType::Audio, "", 0, 0,
     [](Config& c, unsigned) -> Field { return &c.audio.output; },
     "Where sound goes; auto is the host's sound system beside a window, else none."},
    {"audio.rate", "", KeyType::Number, "", 8'000, 96'000,
     [](Config& c, unsigned) -> Field { return &c.audio.rate; },
     "Samples a second of what goes there."},
    {"debug.exit_port", "", KeyType::Number, "", 0, 0xffff,
     [](Config& c, unsigned) -> Field { return &c.debug.exit_port; },
     "I/O port where writing v ends the run with status 2 v + 1; 0 is none."},
    {"debug.exit_size", "", KeyType::Number, "1, 2 or 4", 1, 4,
     [](Config& c, unsigned) -> Field { return &c.debug.exit_size; },
     "How many ports the exit port occupies."},
    {"debug.console", "", KeyType::Backend, "", 0, 0,
     [](Config& c, unsigned) -> Field { return &c.debug.console; }, "Where bytes written to port E9h go."},
    {"debug.firmware", "", KeyType::Backend, "", 0, 0,
     [](Config& c, unsigned) -> Field { return &c.debug.firmware; },
     "Where the firmware's messages on port 402h go."},
    {"debug.shutdown_port", "", KeyType::Flag, "", 0, 0,
     [](Config& c, unsigned) -> Field { return &c.debug.shutdown_port; },
     "Whether the word \"Shutdown\" written to port 8900h switches the machine off."},
    {"debug.symbols", "", KeyType::Paths, "PATH or PATH@OFFSET", 0, 0,
     [](Config& c, unsigned) -> Field { return &c.debug.symbols; },
     "Files with symbols for the debuggers: ELF with or without DWARF, or the output of nm; an offset is added to their "
     "addresses."},
    {"debug.sources", "", KeyType::Paths, "", 0, 0,
     [](Config& c, unsigned) -> Field { return &c.debug.sources; },
     "Folders in which the debuggers look for source files."},
    {"debug.gdb", "", KeyType::Text, "[HOST:]PORT", 0, 0,
     [](Config& c, unsigned) -> Field { return &c.debug.gdb; },
     "Where the GDB stub listens, as --gdb says; empty is nowhere."},
    {"debug.paused", "", KeyType::Flag, "", 0, 0, [](Config& c, unsigned) -> Field { return &c.debug.paused; },
     "Whether the first instruction waits for GDB."},
    {"debug.magic_break", "", KeyType::Text, "registers of ax, cx, dx, bx, sp, bp, si and di, as bx,cx", 0, 0,
     [](Config& c, unsigned) -> Field { return &c.debug.magic_break; },
     "With --debug: stop at the exchange of such a register with itself (XCHG BX,BX, 87 DB)."},
    {"display.kind", "", KeyType::Displays, "", 0, 0,
     [](Config& c, unsigned) -> Field { return &c.display.kind; },
     "The front ends; auto is a window where there is a desktop, else the terminal, else none. VNC listens "
     "on "
     "127.0.0.1 and port 5900 unless told otherwise."},
    {"display.scale", "", KeyType::Number, "", 0, 8,
     [](Config& c, unsigned) -> Field { return &c.display.scale; },
     "Window pixels for a row of the screen; 0 goes by the desktop."},
    {"display.scaling", "", KeyType::Choice, "fit|integer|stretch", 0, 0,
     [](Config& c, unsigned) -> Field { return choice(c.display.scaling); },
     "How the picture fills the window: as large as fits in its right shape, by whole multiples of its "
     "pixels, "
     "or all of it in whatever shape."},
    {"display.full_screen", "", KeyType::Flag, "", 0, 0,
     [](Config& c, unsigned) -> Field { return &c.display.full_screen; },
     "Whether the window starts as large as the screen."},
    {"display.state_file", "", KeyType::Path, "", 0, 0,
     [](Config& c, unsigned) -> Field { return &c.display.state_file; },
     "The file that the front ends' keys save the machine to and load it from."},
    {"vnc.password", "", KeyType::Text, "", 0, 0,
     [](Config& c, unsigned) -> Field { return &c.vnc.password; },
     "Password of the VNC display, of which VNC uses eight characters; other users of the host may see it on "
     "the "
     "command line."},
    {"vnc.password_file", "", KeyType::Path, "", 0, 0,
     [](Config& c, unsigned) -> Field { return &c.vnc.password_file; },
     "File whose first line is the password of the VNC display."},
    {"control.listen", "", KeyType::Backend, "unix:PATH, tcp:HOST:PORT and none", 0, 0,
     [](Config& c, unsigned) -> Field { return &c.control.listen; },
     "Where the control socket listens for programs that drive the machine."},
    {"limit.timeout", "", KeyType::Number, "", 0, 31'536'000,
     [](Config& c, unsigned) -> Field { return &c.limit.timeout; },
     "Seconds of host time after which the run ends with status 4; 0 is no limit."},
    {"limit.instructions", "", KeyType::Number, "", 0, ~u64{0} >> 1,
     [](Config& c, unsigned) -> Field { return &c.limit.instructions; },
     "Instructions after which the run ends with status 4; 0 is no limit."},
    {"log.level", "", KeyType::LogLevels, "", 0, 0,
     [](Config& c, unsigned) -> Field { return &c.log.level; }, "What is logged, for all or for parts."},
};

std::string size_text(u64 bytes) {
    if (bytes % (u64{1} << 30) == 0) return fmt::format("{}G", bytes >> 30);
    return fmt::format("{}M", bytes >> 20);
}

std::string spell_choices(std::string_view accepted) {
    std::string text;
    while (!accepted.empty()) {
        const size_t bar = std::min(accepted.find('|'), accepted.size());
        const std::string_view word = accepted.substr(0, bar);
        accepted.remove_prefix(std::min(bar + 1, accepted.size()));
        if (!text.empty()) text += accepted.empty() ? " and " : ", ";
        text += word;
    }
    return text;
}

}  // namespace

std::span<const ConfigKey> config_keys() { return kKeys; }

std::string describe_accepted(const ConfigKey& key) {
    if (key.type == KeyType::Choice) return spell_choices(key.accepted);
    if (!key.accepted.empty()) return std::string(key.accepted);
    switch (key.type) {
        case KeyType::Number: return fmt::format("{} to {}", key.min, key.max);
        case KeyType::Size:
            return fmt::format("{} to {}, as 256M or 1G; a number alone is MiB", size_text(key.min),
                               size_text(key.max));
        case KeyType::Flag: return "true and false";
        case KeyType::Path: return "a file name";
        case KeyType::Paths: return "a file name or a list of file names";
        case KeyType::Displays:
            return "auto, sdl, terminal, vnc, vnc:PORT, vnc:HOST:PORT and none, or several";
        case KeyType::Audio: return "auto, sdl, wav:FILE and none";
        case KeyType::Backend: return "stdio, file:PATH, pty, tcp:HOST:PORT[,server] and none";
        case KeyType::LogLevels:
            return fmt::format("error, warning, info, debug or trace; part=LEVEL,part=LEVEL with the parts {}",
                               fmt::join(log_parts(), ", "));
        default: return "any text";
    }
}

std::string print_value(const ConfigKey& key, Config& config, unsigned index) {
    const Field field = key.field(config, index);
    if (const auto* flag = std::get_if<bool*>(&field)) return **flag ? "true" : "false";
    if (const auto* number = std::get_if<u64*>(&field))
        return key.type == KeyType::Size ? size_text(**number) : fmt::format("{}", **number);
    if (const auto* text = std::get_if<std::string*>(&field)) return **text;
    if (const auto* list = std::get_if<std::vector<std::string>*>(&field))
        return fmt::format("{}", fmt::join(**list, ", "));
    const ChoiceField& choice = std::get<ChoiceField>(field);
    std::string_view words = key.accepted;
    for (unsigned i = choice.value(choice.target); i > 0; i--) words.remove_prefix(words.find('|') + 1);
    return std::string(words.substr(0, words.find('|')));
}

std::string config_reference() {
    std::string text =
        "# Configuration reference\n\n"
        "Generated by `gnomon --config-reference`; do not edit.\n\n"
        "A machine file is TOML: `[cpu]` and `model = \"pentium\"` set the key `cpu.model`, as does\n"
        "`--set cpu.model=pentium` on the command line. Relative file names start at the folder of the "
        "machine\n"
        "file. `N` stands for the number (or letter) of a drive or port.\n";
    std::string_view section;
    Config defaults;
    for (const ConfigKey& key : kKeys) {
        const std::string_view name = key.name.substr(0, key.name.find('.'));
        if (name != section) {
            section = name;
            text += fmt::format("\n## {}\n\n", section);
            if (!key.indices.empty()) {
                text += fmt::format("`N` is {}", key.indices[0]);
                for (size_t i = 1; i < key.indices.size(); i++)
                    text += fmt::format("{}{}", i + 1 == key.indices.size() ? " or " : ", ", key.indices[i]);
                text +=
                    section == "disk" || section == "cdrom" ? fmt::format("; {}.\n\n", kPlaceDoc) : ".\n\n";
            }
            text += "| key | default | accepted | meaning |\n| --- | --- | --- | --- |\n";
        }
        std::string value = print_value(key, defaults, 0);
        if (key.indices.size() > 1) {
            const std::string second =
                print_value(key, defaults, static_cast<unsigned>(key.indices.size() - 1));
            if (second != value) value += fmt::format(" (last: {})", second);
        }
        text += fmt::format("| `{}` | {} | {} | {} |\n", key.name, value.empty() ? "" : "`" + value + "`",
                            describe_accepted(key), key.documentation);
    }
    return text;
}

}  // namespace gnomon
