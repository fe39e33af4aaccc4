"""GDB on the small kernel: from reset through 32-bit code into C with source lines. Variables: port, bits, marks."""

import gdb
from gdb_checks import check, contains, end, monitor, run, start, value

line = {}
with open(source) as text:
    for number, content in enumerate(text, 1):
        for mark in ("in-handler", "counts", "work-returns", "calls-work", "calls-middle", "interrupts", "ends"):
            if f"/* {mark} */" in content:
                line[mark] = number

start()
run(f"target remote 127.0.0.1:{port}")
check("the first instruction", value("$pc"), 0xfffffff0)
check("16-bit code at reset", value("$code_bits"), 16)

# Set before the loader has brought the kernel into memory.
run("break *start")
run("continue")
check("the entry in 32-bit code", value("$pc"), value("&start"))
check("32-bit code at the entry", value("$code_bits"), 32)
before = value("$sp")
run("stepi")
check("MOV to ESP, alone", value("$sp"), value("&stack_top"))

run("break kernel_main")
run("continue")
check("C code", value("$code_bits"), bits)
contains("in kernel_main", run("backtrace"), "#0  kernel_main", f"kernel.c:{line['calls-middle']}")

# A watchpoint by symbol; it triggers in a procedure that is two calls away.
run("delete")
run("watch calls.value")
run("continue")
check("the variable, written", value("calls.value"), 1)
contains("the frames", run("backtrace"), "#0  ", "work (rounds=3, seed=1)", "#1  ", "middle (rounds=3)",
         f"kernel.c:{line['calls-work']}", "#2  ", "kernel_main", f"kernel.c:{line['calls-middle']}")
contains("Gnomon's own frames", monitor("bt"), "in work+0x", "in middle+0x", "in kernel_main+0x",
         f"kernel.c:{line['calls-work']}")
check("a structure", run("print calls").split("=", 1)[1].split(",")[0].strip(), "{value = 1")
contains("Gnomon's own view of it", monitor("print calls"), "value = 1", '"calls"')
run("delete")

# Steps by lines: range steps of the stub.
run("finish")
contains("the caller after finish", run("frame"), "middle", f"kernel.c:{line['calls-work']}")
run("next")
contains("the next line", run("frame"), "middle", f"kernel.c:{line['calls-work'] + 1}")
check("the result", value("result"), 32)
run("print result = 41")
check("the result, changed", value("result"), 41)
run("finish")

# An interrupt: GDB sees the handler, Gnomon also who was interrupted.
run("break handle_interrupt")
run("continue")
run("next")
contains("frames through an interrupt", monitor("bt"), "in handle_interrupt+0x", "in interrupt_stub+0x",
         "in kernel_main+0x", "[interrupted here]")
run("delete")

# Registers both ways, memory both ways.
wide = bits == 64
register = "$rbx" if wide else "$ebx"
run(f"set var {register} = 0x12345678")
run("maintenance flush register-cache")
check("a register, changed", value(register), 0x12345678)
run("set var interrupts = 0x7f")
check("a variable, changed", value("interrupts"), 0x7f)
contains("physical memory", run("maintenance packet qqemu.PhyMemMode"), '"0"')

# Without a debugger the machine runs on, with what was changed: 42 goes to the exit port.
run("detach")
end()
