"""What the sessions in GDB share. Runs inside GDB's own Python."""

import gdb

problems = []


def run(command):
    """The text that a GDB command prints; printed too, so that a failing session can be read."""
    text = gdb.execute(command, to_string=True)
    print(f"(gdb) {command}\n{text}", end="")
    return text


def check(what, got, wanted):
    if got != wanted:
        problems.append(f"{what}: {got!r}, not {wanted!r}")
        print(f"FAILED: {problems[-1]}")


def contains(what, text, *words):
    for word in words:
        if word not in text:
            problems.append(f"{what}: no {word!r} in {text!r}")
            print(f"FAILED: {problems[-1]}")


def value(expression):
    """Of a register or a number, without a sign."""
    return int(gdb.parse_and_eval(expression)) & (2**64 - 1)


def monitor(command):
    return run(f"monitor {command}")


def start():
    # A busy host may take longer than the two seconds that GDB waits for the search for symbols.
    for setting in ("pagination off", "confirm off", "width 0", "breakpoint pending off", "remotetimeout 120"):
        gdb.execute(f"set {setting}")


def end():
    print("SESSION " + ("OK" if not problems else "FAILED: " + "; ".join(problems)))
