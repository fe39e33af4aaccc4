"""GDB on a Linux that boots from disk, in one session: boot sector, 32-bit entry, the running kernel. Variables: port, bits."""

import re

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

# Into the running kernel.
monitor("sb 3000000000")
run("continue")
if bits == 64:
    run("set architecture i386:x86-64")
contains("the kernel's symbols", monitor("kallsyms"), "Linux in memory: ", " symbols from ")
schedule = address_of("schedule")
run(f"break *{schedule:#x}")
run("continue")
check("a breakpoint in the kernel", value("$pc"), schedule)
check("code of the kernel", value("$code_bits"), bits)
contains("its name", symbol_at_pc(), "schedule")
contains("Gnomon's frames", monitor("bt"), "#0 ", "in schedule+0x0", "#1 ")
for _ in range(3):
    run("stepi")
contains("three steps on", symbol_at_pc(), "schedule+0x")
run("delete")

# A variable that the timer interrupt changes.
# Debian's kernels list functions only: do_timer() adds to it.
jiffies = int(re.search(r"add\w?\s+%\w+,(?:%ds:)?0x([0-9a-f]+)", run(f"x/16i {address_of('do_timer'):#x}")).group(1), 16)
before = value(f"*(unsigned int*){jiffies:#x}")
run(f"watch *(unsigned int*){jiffies:#x}")
run("continue")
check("one tick", value(f"*(unsigned int*){jiffies:#x}") - before in (1, 2), True)
contains("who changed it", monitor("bt"), "timer")
run("delete")
run("detach")

run(f"target remote 127.0.0.1:{port}")
run("stepi")
end()
run("kill")
