# For GDB: "source scripts/gdb-follow-mode.py". After every stop, chooses the architecture in which the processor
# decodes code (i8086, i386 or i386:x86-64), so that disassembly is right across mode switches. The register "code_bits"
# of Gnomon's GDB stub tells which; the registers themselves do not depend on it.

import gdb

ARCHITECTURES = {16: "i8086", 32: "i386", 64: "i386:x86-64"}


def follow_mode(_event=None):
    try:
        bits = int(gdb.selected_frame().read_register("code_bits"))
    except (gdb.error, ValueError):
        return
    wanted = ARCHITECTURES.get(bits)
    if wanted and gdb.selected_frame().architecture().name() != wanted:
        gdb.execute(f"set architecture {wanted}", to_string=True)


# Not from within the stop: the frames that GDB has just found belong to the old architecture.
gdb.events.stop.connect(lambda event: gdb.post_event(follow_mode))
gdb.events.before_prompt.connect(follow_mode)
