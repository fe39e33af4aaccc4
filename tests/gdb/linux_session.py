"""GDB on a Linux that boots from disk, in one session: boot sector, 32-bit entry, the running kernel. Variables: port,
bits, folder (for files of symbols), make_symbols (scripts/symbols-to-elf.py)."""

import re
import subprocess

import gdb
from gdb_checks import check, contains, end, monitor, run, start, value


def address_of(name):
    found = re.match(r"(0x[0-9a-f]+)", monitor(f"sym {name}"))
    return int(found.group(1), 16) if found else 0


def symbol_at_pc():
    return monitor(f"sym {value('$pc'):#x}")


start()
run(f"target remote 127.0.0.1:{port}")
check("the first instruction", value("$pc"), 0xfffffff0)

run("break *0x7c00")
# Where the boot loader will put the kernel: the breakpoint has to survive that.
run("break *0x100000")
run("continue")
check("the boot sector", value("$pc"), 0x7c00)
check("16-bit code there", value("$code_bits"), 16)
check("its signature", run("x/1xh 0x7dfe").split()[-1], "0xaa55")
run("set architecture i8086")
contains("16-bit code disassembled", run("x/1i $pc"), "=> 0x7c00")
run("delete 1")

run("set architecture i386")
run("continue")
check("the kernel's entry", value("$pc"), 0x100000)
check("32-bit code there", value("$code_bits"), 32)
run("delete")

# Into the kernel proper, as soon as it is unpacked.
if bits == 64:
    run("break *0x1000000")
    run("continue")
    check("64-bit code of the kernel", value("$code_bits"), 64)
    run("delete")
    run("set architecture i386:x86-64")
else:
    # Early: later the idle kernel stops its tick, and do_timer() is not called any more.
    monitor("sb 2400000000")
    run("continue")
contains("the kernel's symbols", monitor("kallsyms"), "Linux in memory: ", " symbols from ")

# GDB gets them, too, in a file.
monitor(f"savesym {folder}/linux.map")
symbols = f"{folder}/linux.elf"


def give_symbols(*more):
    subprocess.run(["python3", make_symbols, f"{folder}/linux.map", symbols, *more], check=True)
    run(f"symbol-file {symbols}")


give_symbols()
if bits == 64:
    run("break *start_kernel")
    run("continue")
    contains("the kernel's first C code", run("x/1i $pc"), "<start_kernel>")
    run("delete")

run("break *schedule")
run("continue")
schedule = address_of("schedule")
check("a breakpoint in the kernel", value("$pc"), schedule)
check("code of the kernel", value("$code_bits"), bits)
contains("its name", symbol_at_pc(), "schedule")
contains("GDB's name", run("info symbol $pc"), "schedule in section .code")
frames = monitor("bt")
contains("Gnomon's frames", frames, "#0 ", "in schedule+0x0", "#1 ")
if bits == 64:
    check("frames that are guessed", frames.count("[?]"), 0)
contains("GDB's first frame", run("backtrace 1"), "#0  ", "in schedule ()")
for _ in range(3):
    run("stepi")
contains("three steps on", symbol_at_pc(), "schedule+0x")
run("delete")

# A variable that the timer interrupt changes, by symbol. Debian's kernels list functions only: do_timer() adds to it.
run("break *do_timer")
run("continue")
run("delete")
code = run("x/16i $pc")
counter = re.search(r"add\w?\s+%\w+,(?:%ds:)?0x[0-9a-f]+\(%rip\)\s+# 0x([0-9a-f]+)", code) if bits == 64 else \
    re.search(r"add\w?\s+%\w+,(?:%ds:)?0x([0-9a-f]+)", code)
give_symbols("--data", f"jiffies_64=0x{counter.group(1)}")
ticks = "*(unsigned int*)&jiffies_64"
before = value(ticks)
run(f"watch {ticks}")
run("continue")
check("one tick", value(ticks) - before in (1, 2), True)
contains("GDB's name for the code", run("info symbol $pc"), "do_timer")
frames = monitor("bt")
contains("who changed it", frames, "do_timer", "tick")
if bits == 64:
    contains("through the interrupt", frames, "[interrupted here]")
    check("frames that are guessed", frames.count("[?]"), 0)
    contains("the kernel's entry", frames, "asm_")
else:
    contains("through the interrupt", frames, "handle_exception", "kernel_init")
run("delete")
run("detach")

run(f"target remote 127.0.0.1:{port}")
run("stepi")
end()
run("kill")
