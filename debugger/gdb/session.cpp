// Dispatch of packets, and the questions that a debugger asks about the machine.
#include "debugger/gdb/session.h"

#include "cpu/model.h"
#include "cpu/monitor_unit.h"
#include "debugger/gdb/packet.h"

namespace gnomon::gdb {
namespace {

constexpr size_t kPacketSize = 0x8000;

}  // namespace

// Longer prefixes before shorter ones that they begin with.
const Session::Command Session::kCommands[] = {
    {"qSupported", &Session::query_supported},
    {"qXfer:features:read:target.xml:", &Session::query_features},
    {"qXfer:threads:read::", &Session::query_threads},
    {"qXfer:memory-map:read::", &Session::query_memory_map},
    {"qfThreadInfo", &Session::query_first_threads},
    {"qsThreadInfo", &Session::query_more_threads},
    {"qThreadExtraInfo,", &Session::query_thread_text},
    {"qAttached", &Session::query_attached},
    {"qHostInfo", &Session::query_host},
    {"qProcessInfo", &Session::query_process},
    {"qMemoryRegionInfo:", &Session::query_region},
    {"qqemu.PhyMemMode", &Session::query_physical_mode},
    {"Qqemu.PhyMemMode:", &Session::set_physical_mode},
    {"qRcmd,", &Session::monitor_command},
    {"QStartNoAckMode", &Session::start_no_acknowledgements},
    {"vCont?", &Session::list_actions},
    {"vCont;", &Session::resume_threads},
    {"vKill", &Session::kill},
    {"?", &Session::why_stopped},
    {"g", &Session::read_registers},
    {"G", &Session::write_registers},
    {"p", &Session::read_register},
    {"P", &Session::write_register},
    {"m", &Session::read_memory},
    {"M", &Session::write_memory},
    {"X", &Session::write_memory_binary},
    {"Z", &Session::insert_breakpoint},
    {"z", &Session::remove_breakpoint},
    {"c", &Session::resume_continue},
    {"s", &Session::resume_step},
    {"H", &Session::select_thread},
    {"T", &Session::thread_alive},
    {"D", &Session::detach},
    {"k", &Session::kill},
};

Session::Session(Debugger& debugger, MonitorCommand monitor)
    : debugger_(debugger),
      monitor_(std::move(monitor)),
      registers_(debugger.cpu(0).features()) {
    selected_ = resumed_ = debugger.stop().processor;
}

Session::~Session() {
    // A debugger that is gone must not stop the machine.
    std::vector<int> ours;
    for (const Breakpoint& b : debugger_.breakpoints())
        if (b.owner == kBreakpointOwner) ours.push_back(b.id);
    for (const int id : ours) debugger_.remove(id);
}

Reaction Session::handle(std::string_view packet) {
    // "qC" alone: other packets begin with it.
    if (packet == "qC") return query_current_thread({});
    for (const Command& command : kCommands)
        if (packet.starts_with(command.prefix))
            return (this->*command.handle)(packet.substr(command.prefix.size()));
    return reply("");  // not supported
}

Reaction Session::query_supported(std::string_view features) {
    knows_swbreak_ = features.find("swbreak+") != features.npos;
    knows_hwbreak_ = features.find("hwbreak+") != features.npos;
    return reply(
        fmt::format("PacketSize={:x};QStartNoAckMode+;qXfer:features:read+;qXfer:threads:read+;"
                    "qXfer:memory-map:read+;swbreak+;hwbreak+;vContSupported+",
                    kPacketSize));
}

Reaction Session::transfer(std::string_view object, std::string_view range) {
    const std::optional<u64> offset = take_number(range);
    if (!offset || !take(range, ",")) return error(kBadArgument);
    const std::optional<u64> length = take_number(range);
    if (!length || *offset > object.size()) return error(kBadArgument);
    const std::string_view piece = object.substr(*offset, std::min<u64>(*length, kPacketSize / 2));
    return reply((*offset + piece.size() < object.size() ? "m" : "l") + escape(piece));
}

Reaction Session::query_features(std::string_view range) {
    return transfer(registers_.description(debugger_.registers(selected_)), range);
}

std::string Session::thread_state(unsigned processor) const {
    Cpu& cpu = debugger_.cpu(processor);
    const CpuState& state = cpu.state;
    std::string text(mode_name(state));
    if (state.activity == Activity::Halted) text += ", halted";
    if (state.activity == Activity::Waiting) text += fmt::format(", waits in {}", cpu.monitor_unit().instruction());
    if (state.activity == Activity::Shutdown) text += ", shut down";
    if (state.activity == Activity::WaitForSipi) text += ", waits for a startup message";
    return text;
}

Reaction Session::query_threads(std::string_view range) {
    std::string xml = "<?xml version=\"1.0\"?><threads>";
    for (unsigned i = 0; i < debugger_.processors(); i++)
        xml += fmt::format("<thread id=\"{:x}\" core=\"{}\" name=\"CPU {}\">{}</thread>", i + 1, i, i,
                           thread_state(i));
    return transfer(xml + "</threads>", range);
}

Reaction Session::query_memory_map(std::string_view range) {
    // Memory packets go through the page tables, which may map anything anywhere; so all of it is memory. In
    // two halves, as a length of 2^64 cannot be written.
    return transfer(
        "<?xml version=\"1.0\"?><!DOCTYPE memory-map PUBLIC \"+//IDN gnu.org//DTD GDB Memory Map V1.0//EN\" "
        "\"http://sourceware.org/gdb/gdb-memory-map.dtd\"><memory-map>"
        "<memory type=\"ram\" start=\"0x0\" length=\"0x8000000000000000\"/>"
        "<memory type=\"ram\" start=\"0x8000000000000000\" length=\"0x8000000000000000\"/></memory-map>",
        range);
}

Reaction Session::query_first_threads(std::string_view) {
    std::string text = "m";
    for (unsigned i = 0; i < debugger_.processors(); i++)
        text += fmt::format("{}{:x}", i == 0 ? "" : ",", i + 1);
    return reply(std::move(text));
}
Reaction Session::query_more_threads(std::string_view) { return reply("l"); }

Reaction Session::query_thread_text(std::string_view thread) {
    const std::optional<unsigned> processor = parse_thread(thread);
    if (!processor) return error(kNoSuchThread);
    return reply(to_hex(fmt::format("CPU {}: {}", *processor, thread_state(*processor))));
}

Reaction Session::query_current_thread(std::string_view) {
    return reply(fmt::format("QC{:x}", selected_ + 1));
}

/// Attached, not started: GDB detaches when it quits, and the machine lives on.
Reaction Session::query_attached(std::string_view) { return reply("1"); }

Reaction Session::query_host(std::string_view) {
    const bool wide = registers_.number_of("rax") < registers_.count();
    return reply(fmt::format(
        "triple:{};ptrsize:{};endian:little;ostype:none;vendor:unknown;",
        to_hex(wide ? std::string_view("x86_64-unknown-none") : std::string_view("i386-unknown-none")),
        wide ? 8 : 4));
}

Reaction Session::query_process(std::string_view) {
    const bool wide = registers_.number_of("rax") < registers_.count();
    return reply(fmt::format(
        "pid:1;triple:{};ptrsize:{};endian:little;",
        to_hex(wide ? std::string_view("x86_64-unknown-none") : std::string_view("i386-unknown-none")),
        wide ? 8 : 4));
}

Reaction Session::query_region(std::string_view arguments) {
    const std::optional<u64> address = take_number(arguments);
    if (!address) return error(kBadArgument);
    u8 byte = 0;
    const bool mapped = memory_read(*address, std::span(&byte, 1)) == 1;
    return reply(
        fmt::format("start:{:x};size:1000;{}", *address & kPageMask, mapped ? "permissions:rwx;" : ""));
}

Reaction Session::query_physical_mode(std::string_view) { return reply(physical_ ? "1" : "0"); }

Reaction Session::set_physical_mode(std::string_view arguments) {
    if (arguments != "0" && arguments != "1") return error(kBadArgument);
    physical_ = arguments == "1";
    return ok();
}

Reaction Session::monitor_command(std::string_view arguments) {
    const std::optional<std::string> line = from_hex(arguments);
    if (!line) return error(kBadArgument);
    bool known = true;
    Reaction reaction = ok();
    reaction.output = own_monitor_command(*line, known);
    if (!known) {
        if (monitor_)
            reaction.output = monitor_(*line);
        else
            reaction.output = fmt::format("unknown command \"{}\"; there are: phys on|off, reset\n", *line);
    }
    return reaction;
}

std::string Session::own_monitor_command(std::string_view line, bool& known) {
    if (line == "phys" || line == "phys on" || line == "phys off") {
        if (line != "phys") physical_ = line == "phys on";
        return fmt::format("memory is read and written at {} addresses\n", physical_ ? "physical" : "linear");
    }
    if (line == "reset") {
        debugger_.machine().request_reset(ResetKind::System);
        debugger_.machine().perform_reset();
        return "the machine is reset; \"maintenance flush register-cache\" makes GDB look again\n";
    }
    known = false;
    return {};
}

Reaction Session::start_no_acknowledgements(std::string_view) {
    Reaction reaction = ok();
    reaction.no_acknowledgements = true;
    return reaction;
}

/// 0 and -1 mean any thread.
std::optional<unsigned> Session::parse_thread(std::string_view& text) const {
    if (take(text, "-1")) return selected_;
    const std::optional<u64> id = take_number(text);
    if (!id || *id > debugger_.processors()) return {};
    return *id == 0 ? selected_ : static_cast<unsigned>(*id - 1);
}

Reaction Session::select_thread(std::string_view arguments) {
    if (arguments.empty()) return error(kBadArgument);
    const char what = arguments[0];
    arguments.remove_prefix(1);
    const std::optional<unsigned> processor = parse_thread(arguments);
    if (!processor) return error(kNoSuchThread);
    if (what == 'g') {
        selected_ = *processor;
        debugger_.select(selected_);
        return ok();
    }
    if (what != 'c') return error(kBadArgument);
    resumed_ = *processor;
    return ok();
}

Reaction Session::thread_alive(std::string_view arguments) {
    return parse_thread(arguments) ? ok() : error(kNoSuchThread);
}

Reaction Session::detach(std::string_view) {
    Reaction reaction = ok();
    reaction.detach = true;
    return reaction;
}

Reaction Session::kill(std::string_view) {
    Reaction reaction = ok();
    reaction.kill = true;
    return reaction;
}

}  // namespace gnomon::gdb
