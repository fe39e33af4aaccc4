// The program: command line, machine, front end, exit status.
#include <fmt/format.h>
#include <signal.h>

#include <fstream>

    Session session(machine, loop, {.state_file = line.config.display.state_file});
    for (DisplayLink* link : front->links()) session.add_display(*link);
    running = &session;
    Result<std::unique_ptr<Debugging>> wanted =
        Debugging::create(line, machine, loop,
                          {[&] { session.step(); }, options.signalled, [](std::string_view text) { complain(text); }});
    if (!wanted) return refuse(wanted.error());
    const std::unique_ptr<Debugging> debugging = std::move(*wanted);
    if (debugging) session.add_service([&] { debugging->poll(); });

    catch_signals();
    RunEnd end;
    front->run([&] {
        end = debugging ? debugging->run() : loop.run();
        session.finish(end);
    });
    front->close();
    if (!report.empty()) fmt::print(stderr, "{}", report);
    machine.log().write_guest_counts();
    if (!end.reason.empty()) complain(end.reason);
    if (Result<void> written = write_results(line, machine, loop.host_ns()); !written) {
        complain(written.error().message);
        return kUsage;
    }
    return end.status;
}

}  // namespace
}  // namespace gnomon

int main(int argc, char** argv) {
    using namespace gnomon;
    try {
        const Result<CommandLine> line = parse_command_line({argv + 1, argv + argc}, features());
        if (!line) {
            complain(line.error().message);
            return kUsage;
        }
        if (line->print) {
            fmt::print("{}", *line->print);
            if (!line->print->ends_with('\n')) fmt::print("\n");
            return 0;
        }
        for (const std::string& note : line->notes) complain(note);
        return run(*line);
    } catch (const std::exception& error) {
        complain(fmt::format("internal error: {}", error.what()));
        return kOurFault;
    }
}
