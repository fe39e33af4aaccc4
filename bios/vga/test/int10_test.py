#!/usr/bin/env python3
# Calls INT 10h of the VGA BIOS in QEMU and checks registers, BIOS data area and video memory against IBM's
# PS/2 and PC BIOS Interface Technical Reference.
"""usage: int10_test.py QEMU VGABIOS RUNNER.bin"""
import os
import struct
import subprocess
import sys
import tempfile

BDA = 0x40


class Script:
    """Collects commands together with what to expect of their results."""

    def __init__(self):
        self.code = b""
        self.checks = []

    def video(self, ax, bx=0, cx=0, dx=0, bp=0, di=0, es=0, want=None):
        """want: the registers that must hold these values afterwards."""
        self.code += struct.pack("<8H", 1, ax, bx, cx, dx, bp, di, es)
        self.checks.append((f"INT 10h ax={ax:04x} bx={bx:04x} cx={cx:04x} dx={dx:04x}", want or {}))

    def memory(self, segment, offset, expected):
        self.code += struct.pack("<4H", 2, segment, offset, len(expected))
        self.checks.append((f"memory {segment:04x}:{offset:04x}", bytes(expected)))

    def store(self, segment, offset, data):
        self.code += struct.pack("<4H", 3, segment, offset, len(data)) + bytes(data)

    def register(self, port, index, expected):
        self.code += struct.pack("<3H", 5, port, index)
        self.checks.append((f"register {port:x}.{index:02x}", expected))

    def protected(self, number, bx=0, cx=0, dx=0, expected=0x4F):
        """A function of the protected-mode interface, by its place in the table."""
        self.code += struct.pack("<5H", 6, number, bx, cx, dx)
        self.checks.append((f"protected-mode function {number} bx={bx:04x} cx={cx:04x} dx={dx:04x}", expected))

    def word(self, offset, value):
        self.memory(BDA, offset, struct.pack("<H", value))

    def byte(self, offset, value):
        self.memory(BDA, offset, bytes([value]))


def text(characters, attribute=7):
    return b"".join(bytes([ord(c), attribute]) for c in characters)


def mode_set(s):
    s.video(0x0003, want=dict(ax=0x0030))
    s.byte(0x49, 3)
    s.word(0x4A, 80)
    s.word(0x4C, 0x1000)
    s.word(0x4E, 0)
    s.word(0x60, 0x0607)
    s.word(0x63, 0x3D4)
    s.byte(0x65, 0x29)
    s.byte(0x66, 0x30)
    s.byte(0x84, 24)
    s.word(0x85, 16)
    s.byte(0x87, 0x60)
    s.byte(0x89, 0x11)
    s.register(0x3D4, 0x0A, 0x0D)
    s.register(0x3D4, 0x0B, 0x0E)
    s.register(0x3D4, 0x12, 0x8F)
    s.register(0x3C4, 0x01, 0x00)
    s.register(0x3CE, 0x06, 0x0E)
    s.memory(0xB800, 0, text("    "))
    s.video(0x0F00, want=dict(ax=0x5003, bx=0))
    s.video(0x0083, want=dict(ax=0x0030))                      # no clearing
    s.video(0x0F00, want=dict(ax=0x5083))
    s.byte(0x87, 0xE0)
    s.video(0x0001)
    s.word(0x4A, 40)
    s.word(0x4C, 0x800)
    s.video(0x0007)
    s.word(0x63, 0x3B4)
    s.word(0x60, 0x0B0C)
    s.memory(0xB000, 0, text("    "))
    s.byte(0x87, 0x62)
    s.video(0x0003)


def cursor_and_teletype(s):
    s.video(0x0003)
    s.video(0x0100, cx=0x2000)
    s.register(0x3D4, 0x0A, 0x20)
    s.video(0x0100, cx=0x0007)                      # a block, stretched to 16 lines
    s.register(0x3D4, 0x0A, 0x00)
    s.register(0x3D4, 0x0B, 0x0F)
    s.video(0x0100, cx=0x0607)
    s.register(0x3D4, 0x0A, 0x0D)
    s.register(0x3D4, 0x0B, 0x0E)
    s.video(0x0200, dx=0x0203)
    s.register(0x3D4, 0x0F, 2 * 80 + 3)
    s.video(0x0300, want=dict(cx=0x0607, dx=0x0203))
    for character in "Hi\r\nab\b":
        s.video(0x0E00 | ord(character), bx=7)
    s.video(0x0300, want=dict(dx=0x0301))
    s.memory(0xB800, (2 * 80 + 3) * 2, text("Hi"))
    s.memory(0xB800, 3 * 160, text("ab"))
    s.video(0x0200, dx=0x184F)
    s.video(0x0930, bx=0x1E, cx=1)                  # attribute 1E in the last cell
    s.video(0x0E41)                                 # scrolls; the new line takes that attribute
    s.video(0x0300, want=dict(dx=0x1800))
    s.memory(0xB800, 23 * 160 + 158, b"A\x1e")
    s.memory(0xB800, 24 * 160, text("  ", 7))
    s.memory(0xB800, 2 * 160, text("ab"))
    s.video(0x0200, dx=0x0500)
    s.video(0x0958, bx=0x4F, cx=3)
    s.video(0x0A59, cx=2)
    s.memory(0xB800, 5 * 160, text("YYX", 0x4F))
    s.video(0x0800, want=dict(ax=0x4F59))
    s.video(0x0200, bx=0x0300, dx=0x0102)           # page 3 has a cursor of its own
    s.video(0x0961, bx=0x0312, cx=1)
    s.memory(0xB800, 0x3000 + 160 + 4, text("a", 0x12))
    s.video(0x0503)
    s.word(0x4E, 0x3000)
    s.byte(0x62, 3)
    s.register(0x3D4, 0x0C, 0x18)
    s.video(0x0500)


def scrolling(s):
    s.video(0x0003)
    for row in range(4):
        s.video(0x0200, dx=row << 8)
        s.video(0x0930 + row, bx=7, cx=80)
    s.video(0x0601, bx=0x2100, cx=0x0002, dx=0x0204)  # up one line, columns 2–4, rows 0–2
    s.memory(0xB800, 0, text("0011100"))
    s.memory(0xB800, 160, text("1122211"))
    s.memory(0xB800, 320, text("22") + text("   ", 0x21) + text("22"))
    s.video(0x0702, bx=0x3100, cx=0x0000, dx=0x0301)  # down two
    s.memory(0xB800, 0, text("  ", 0x31) + text("1"))
    s.memory(0xB800, 160, text("  ", 0x31))
    s.memory(0xB800, 320, text("00"))
    s.memory(0xB800, 480, text("11"))
    s.video(0x0600, bx=0x0700, cx=0, dx=0xFFFF)     # clear all, clamped to the screen
    s.memory(0xB800, 24 * 160, text("  "))
    s.memory(0xB800, 4000, text(" "))


def strings(s):
    s.video(0x0003)
    s.store(0x1000, 0, b"one\r\ntwo")
    s.video(0x1301, bx=0x17, cx=8, dx=0x0A05, es=0x1000)
    s.memory(0xB800, 10 * 160 + 10, text("one", 0x17))
    s.memory(0xB800, 11 * 160, text("two", 0x17))
    s.video(0x0300, want=dict(dx=0x0B03))
    s.store(0x1000, 0, b"a\x11b\x22")
    s.video(0x1302, cx=2, dx=0x0000, es=0x1000)
    s.memory(0xB800, 0, b"a\x11b\x22")
    s.video(0x0300, want=dict(dx=0x0B03))


def palettes(s):
    s.video(0x0003)
    s.video(0x1007, bx=0x0006, want=dict(bx=0x1406))
    s.video(0x1000, bx=0x2A06)
    s.video(0x1007, bx=0x0006, want=dict(bx=0x2A06))
    s.video(0x1008, want=dict(bx=0x0000))
    s.video(0x1010, bx=200, cx=0x0102, dx=0x0300)
    s.video(0x1015, bx=200, want=dict(cx=0x0102, dx=0x0300))
    s.video(0x1015, bx=0x14, want=dict(cx=0x1500, dx=0x2A00))  # brown
    s.video(0x1015, bx=0x3F, want=dict(cx=0x3F3F, dx=0x3F00))
    s.video(0x1003, bx=0)
    s.byte(0x65, 0x09)
    s.video(0x1013, bx=0x0100)                      # sixteen pages of 16
    s.video(0x1013, bx=0x0501)
    s.video(0x101A, want=dict(bx=0x0501))
    s.video(0x1009, dx=0, es=0x1000)
    s.memory(0x1000, 0, bytes([0, 1, 2, 3, 4, 5, 0x2A, 7, 0x38, 0x39, 0x3A, 0x3B, 0x3C, 0x3D, 0x3E, 0x3F, 0]))
    s.video(0x0013)
    s.video(0x1015, bx=0x1F, want=dict(cx=0x3F3F, dx=0x3F00))
    s.video(0x1015, bx=32, want=dict(cx=0x003F, dx=0x0000))    # blue
    s.video(0x1015, bx=33, want=dict(cx=0x003F, dx=0x1000))
    s.video(0x1015, bx=40, want=dict(cx=0x0000, dx=0x3F00))    # red
    s.video(0x1015, bx=48, want=dict(cx=0x3F00, dx=0x0000))    # green
    s.video(0x1015, bx=248, want=dict(cx=0, dx=0))


def fonts(s):
    s.video(0x0003)
    s.video(0x1130, bx=0x0600, want=dict(cx=16, dx=24))
    s.video(0x1112, bx=0)                           # 50 lines
    s.byte(0x84, 49)
    s.word(0x85, 8)
    s.word(0x4C, 0x2000)
    s.register(0x3D4, 0x09, 0x47)
    s.register(0x3D4, 0x0A, 0x06)
    s.video(0x1111, bx=0)                           # 28 lines
    s.byte(0x84, 27)
    s.register(0x3D4, 0x12, 28 * 14 - 1 - 256)
    s.video(0x1201, bx=0x30)
    s.video(0x0003)                                 # 350 lines
    s.word(0x85, 14)
    s.register(0x3D4, 0x12, 0x5D)
    s.video(0x1112, bx=0)
    s.byte(0x84, 42)
    s.video(0x1202, bx=0x30, want=dict(ax=0x1212))
    s.video(0x0003)
    s.store(0x1000, 0, bytes(range(32)))
    s.video(0x1100, bx=0x1000, cx=2, dx=0x41, es=0x1000)


def information(s):
    s.video(0x0003)
    s.video(0x1A00, bx=0x5555, want=dict(ax=0x1A1A, bx=0x0008))
    s.video(0x1210, bx=0xFF10, want=dict(bx=0x0003, cx=0x0F09))
    s.video(0x1B00, bx=0, es=0x1000, want=dict(ax=0x1B1B))
    s.memory(0x1000, 4, bytes([3, 80, 0, 0, 0x10]))
    s.memory(0x1000, 0x22, bytes([25, 16, 0, 8, 0, 16, 0, 8, 2]))
    s.memory(0x1000, 0x2D, bytes([0x31]))
    s.video(0x1C00, cx=7, want=dict(ax=0x1C1C, bx=16))
    s.video(0x0200, dx=0x0709)
    s.video(0x1010, bx=1, cx=0x1111, dx=0x1100)
    s.video(0x1C01, cx=7, es=0x2000, want=dict(ax=0x1C1C))
    s.video(0x0012)
    s.video(0x1C02, cx=7, es=0x2000, want=dict(ax=0x1C1C))
    s.video(0x0F00, want=dict(ax=0x5003))
    s.video(0x0300, want=dict(dx=0x0709))
    s.video(0x1015, bx=1, want=dict(cx=0x1111, dx=0x1100))
    s.register(0x3D4, 0x12, 0x8F)
    s.register(0x3CE, 0x06, 0x0E)


def graphics(s):
    for mode, columns, rows, colors in ((0x0D, 40, 25, 15), (0x0E, 80, 25, 15), (0x10, 80, 25, 15), (0x12, 80, 30, 15),
                                        (0x13, 40, 25, 200), (0x04, 40, 25, 3), (0x06, 80, 25, 1), (0x11, 80, 30, 15),
                                        (0x0F, 80, 25, 5)):
        s.video(mode, want=dict(ax=0x3F if mode == 6 else 0x30 if mode < 8 else 0x20))
        s.byte(0x84, rows - 1)
        s.word(0x4A, columns)
        s.video(0x0C00 | colors, cx=9, dx=37)
        s.video(0x0D00, cx=9, dx=37, want=dict(ax=0x0D00 | colors))
        s.video(0x0D00, cx=8, dx=37, want=dict(ax=0x0D00))
        s.video(0x0200, dx=0x0305)
        s.video(0x0E57, bx=colors)                  # W
        s.video(0x0EB0, bx=colors)                  # a shade: from the upper half of the font
        s.video(0x0300, want=dict(dx=0x0307))
        s.video(0x0200, dx=0x0305)
        s.video(0x0800, want=dict(ax=0x0057))
        s.video(0x0200, dx=0x0306)
        s.video(0x0800, want=dict(ax=0x00B0))
        s.video(0x0602, bx=0, cx=0, dx=0x1860)
        s.video(0x0200, dx=0x0105)
        s.video(0x0800, want=dict(ax=0x0057))                  # it moved up two lines
        s.video(0x0701, bx=0, cx=0, dx=0x1860)
        s.video(0x0200, dx=0x0205)
        s.video(0x0800, want=dict(ax=0x0057))
        if mode != 0x13:
            s.video(0x0957, bx=0x80 | colors, cx=1)  # exclusive or wipes it out
            s.video(0x0800, want=dict(ax=0x0000))
    s.video(0x0004)
    s.video(0x0B00, bx=0x0100)
    s.video(0x1007, bx=0x0001, want=dict(bx=0x1201))
    s.video(0x0003)


def protected_mode(s):
    """4F0A: the functions that programs copy, called in 32-bit code."""
    s.video(0x4F0A, bx=0, want=dict(ax=0x004F, es=0xC000))
    s.video(0x4F0A, bx=1, want=dict(ax=0x014F))
    s.video(0x4F02, bx=0x0101, want=dict(ax=0x004F))
    s.protected(0, dx=3)
    s.video(0x4F05, bx=0x0100, want=dict(ax=0x004F, dx=3))
    s.protected(0, bx=1, expected=0x14F)
    s.protected(1, cx=(640 * 20 + 8) // 4)
    s.video(0x4F07, bx=1, want=dict(ax=0x004F, cx=8, dx=20))
    s.protected(1, bx=0x80, cx=0x7530, dx=1)                         # beyond 64 K: line 597, pixel 448 of 640
    s.video(0x4F07, bx=1, want=dict(ax=0x004F, cx=(0x17530 * 4) % 640, dx=(0x17530 * 4) // 640))
    s.protected(1, bx=1, expected=0x14F)
    s.store(0x3000, 0, bytes([1, 2, 3, 0, 11, 22, 33, 0]))
    s.protected(2, cx=2, dx=7)
    s.video(0x4F09, bx=1, cx=2, dx=7, es=0x3000, di=0x100, want=dict(ax=0x004F))
    s.memory(0x3000, 0x100, bytes([1, 2, 3, 0, 11, 22, 33, 0]))
    s.video(0x4F02, bx=0x0102, want=dict(ax=0x004F))                 # planar: eight pixels a byte
    s.protected(1, cx=100 * 10 + 5)
    s.video(0x4F07, bx=1, want=dict(ax=0x004F, cx=40, dx=10))
    s.video(0x4F02, bx=0x0003, want=dict(ax=0x004F))


def vesa(s):
    s.store(0x3000, 0, b"VBE2")
    s.video(0x4F00, es=0x3000, want=dict(ax=0x004F))
    s.memory(0x3000, 0, b"VESA\x00\x03")
    s.memory(0x3000, 14, struct.pack("<3H", 0x22, 0x3000, 256))   # the list; 16 MB
    s.memory(0x3000, 0x22, struct.pack("<4H", 0x100, 0x101, 0x102, 0x103))
    s.video(0x4F01, cx=0x0117, es=0x3000, want=dict(ax=0x004F))
    s.memory(0x3000, 16, struct.pack("<3H", 2048, 1024, 768))
    s.memory(0x3000, 25, bytes([16, 1, 6]))
    s.memory(0x3000, 31, bytes([5, 11, 6, 5, 5, 0]))
    s.memory(0x3000, 43, b"\xfd")                   # the linear framebuffer's highest byte
    s.video(0x4F01, cx=0x0104, es=0x3000, want=dict(ax=0x004F))   # planar: no linear framebuffer
    s.memory(0x3000, 0, b"\x1b\0")
    s.memory(0x3000, 16, struct.pack("<3H", 128, 1024, 768))
    s.memory(0x3000, 24, bytes([4, 4, 1, 3]))
    s.memory(0x3000, 40, bytes(4))
    s.video(0x4F02, bx=0x4104, want=dict(ax=0x014F))
    s.video(0x4F01, cx=0x014F, es=0x3000, want=dict(ax=0x004F))
    s.memory(0x3000, 16, struct.pack("<3H", 10240, 2560, 1600))
    s.video(0x4F01, cx=0x01FE, es=0x3000, want=dict(ax=0x014F))
    s.video(0x4F02, bx=0x4117, want=dict(ax=0x004F))
    s.video(0x4F03, want=dict(ax=0x004F, bx=0x4117))
    s.video(0x4F05, want=dict(ax=0x034F))           # no window in a linear mode
    s.video(0x4F06, bx=1, want=dict(ax=0x004F, bx=2048, cx=1024, dx=8192))
    s.video(0x4F06, bx=0, cx=1600, want=dict(ax=0x004F, bx=3200, cx=1600, dx=5242))
    s.video(0x4F06, bx=2, cx=2048, want=dict(ax=0x004F, bx=2048, cx=1024, dx=8192))
    s.video(0x4F07, bx=0, cx=0, dx=100, want=dict(ax=0x004F))
    s.video(0x4F07, bx=1, want=dict(ax=0x004F, bx=1, cx=0, dx=100))
    s.video(0x4F08, bx=1, want=dict(ax=0x034F))
    s.video(0x4F02, bx=0x0101, want=dict(ax=0x004F))
    s.store(0xA000, 0, b"\x12\x34")
    s.video(0x4F05, bx=0, dx=3, want=dict(ax=0x004F))
    s.video(0x4F05, bx=0x0100, want=dict(ax=0x004F, dx=3))
    s.memory(0xA000, 0, b"\0\0")
    s.video(0x4F05, bx=0, dx=0, want=dict(ax=0x004F))
    s.memory(0xA000, 0, b"\x12\x34")
    s.video(0x4F08, bx=0x0800, want=dict(ax=0x004F, bx=0x0800))
    s.store(0x3000, 0, bytes([1, 2, 3, 0, 200, 201, 202, 0]))
    s.video(0x4F09, bx=0, cx=2, dx=7, es=0x3000, want=dict(ax=0x004F))
    s.store(0x3000, 0, bytes(8))
    s.video(0x4F09, bx=1, cx=2, dx=7, es=0x3000, want=dict(ax=0x004F))
    s.memory(0x3000, 0, bytes([1, 2, 3, 0, 200, 201, 202, 0]))
    s.video(0x4F04, cx=15, dx=0, want=dict(ax=0x004F, bx=17))
    s.video(0x4F04, cx=15, dx=1, es=0x3000, want=dict(ax=0x004F))
    s.video(0x0003)
    s.video(0x4F03, want=dict(ax=0x004F, bx=3))
    s.video(0x4F04, cx=15, dx=2, es=0x3000, want=dict(ax=0x004F))
    s.video(0x4F03, want=dict(ax=0x004F, bx=0x0101))
    s.video(0x4F02, bx=0x0003, want=dict(ax=0x004F))
    protected_mode(s)
    s.video(0x4F15, bx=0, want=dict(ax=0x004F, bx=0x0102))
    s.video(0x4F15, bx=1, es=0x3000, di=0x40, want=dict(ax=0x004F))
    s.memory(0x3000, 0x40, bytes.fromhex("00ffffffffffff00"))
    s.video(0x4F15, bx=1, dx=1, es=0x3000, want=dict(ax=0x014F))   # there is no second block
    s.video(0x4F15, bx=2, want=dict(ax=0x014F))
    s.video(0x4F10, bx=0, want=dict(ax=0x004F, bx=0x0710))
    s.video(0x4F10, bx=0x0401, want=dict(ax=0x004F))
    s.video(0x4F10, bx=2, want=dict(ax=0x004F, bx=0x0402))
    s.video(0x4F10, bx=0x0001, want=dict(ax=0x004F))
    s.video(0x4F10, bx=2, want=dict(ax=0x004F, bx=0x0002))
    s.memory(0xB800, 0, text("    "))


SECTIONS = [mode_set, cursor_and_teletype, scrolling, strings, palettes, fonts, information, graphics, vesa]
REGISTERS = ("ax", "bx", "cx", "dx", "bp", "di", "es")


def main():
    qemu, bios, runner = sys.argv[1:4]
    script = Script()
    for section in SECTIONS:
        section(script)
    script.code += struct.pack("<H", 0)
    if len(script.code) > 35 * 512:
        raise SystemExit("the script does not fit two tracks")
    with open(runner, "rb") as file:
        image = file.read()[:512] + script.code
    with tempfile.TemporaryDirectory() as folder:
        floppy = os.path.join(folder, "floppy.img")
        with open(floppy, "wb") as file:
            file.write(image + bytes(1474560 - len(image)))
        run = subprocess.run([qemu, "-machine", "pc", "-m", "16", "-nodefaults", "-display", "none", "-serial", "stdio",
                              "-device", f"VGA,romfile={bios}", "-device", "isa-debug-exit,iobase=0xf4,iosize=1",
                              "-drive", f"if=floppy,format=raw,file={floppy}", "-no-reboot"],
                             stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, timeout=120, text=True, errors="replace")
    lines = [line for line in run.stdout.splitlines() if line[:1] in ("R", "M", "I")]
    failures = 0
    for index, (what, expected) in enumerate(script.checks):
        if index >= len(lines):
            print(f"{what}: no result; the run ended with status {run.returncode}")
            failures += 1
            break
        line = lines[index]
        if isinstance(expected, dict):
            got = dict(zip(REGISTERS, (int(word, 16) for word in line.split()[1:])))
            wrong = {name: f"{got[name]:04x}" for name, value in expected.items() if got[name] != value}
        elif isinstance(expected, bytes):
            got = bytes.fromhex(line[1:])
            wrong = got.hex() if got != expected else None
            expected = expected.hex()
        else:
            got = int(line[1:], 16)
            wrong = f"{got:02x}" if got != expected else None
            expected = f"{expected:02x}"
        if wrong:
            failures += 1
            print(f"{what}: expected {expected}, got {wrong}")
    print(f"{len(script.checks)} checks, {failures} failures")
    if failures or run.returncode != 0x21:
        raise SystemExit(1)


if __name__ == "__main__":
    main()
