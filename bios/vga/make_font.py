#!/usr/bin/env python3
# Builds the three VGA ROM fonts (8x8, 8x14, 8x16; code page 437) as an assembly file.
# Glyphs come from the console fonts of Debian's console-setup-linux (public domain, see that package's
# copyright file); frames, blocks and shades are computed, so that they always join.
"""usage: make_font.py OUTPUT.S FONT_DIRECTORY"""
import gzip
import os
import struct
import sys

# Files to look a glyph up in, best first; a later file only serves what the earlier ones lack.
SOURCES = {
    16: ["Uni2-VGA16", "Uni1-VGA16", "FullGreek-VGA16", "Lat15-VGA16", "Uni2-Fixed16", "FullGreek-Fixed16",
         "Uni2-Terminus16", "FullGreek-Terminus16", "FullCyrSlav-Fixed16"],
    14: ["Uni2-VGA14", "Uni1-VGA14", "FullGreek-VGA14", "Lat15-VGA14", "Uni2-Fixed14", "FullGreek-Fixed14",
         "Uni2-Terminus14", "FullGreek-Terminus14", "FullCyrSlav-Fixed14"],
    8: ["Uni2-VGA8", "Uni1-VGA8", "FullGreek-VGA8", "Lat15-VGA8", "Lat2-VGA8", "FullCyrSlav-VGA8"],
}

CONTROL = ("\0☺☻♥♦♣♠•◘○◙♂♀♪♫☼►◄↕‼¶§▬↨↑↓→←∟↔▲▼")

# Frames: (left, right, up, down), 0 no line, 1 single, 2 double.
FRAMES = {
    "│": (0, 0, 1, 1), "┤": (1, 0, 1, 1), "╡": (2, 0, 1, 1), "╢": (1, 0, 2, 2), "╖": (1, 0, 0, 2),
    "╕": (2, 0, 0, 1), "╣": (2, 0, 2, 2), "║": (0, 0, 2, 2), "╗": (2, 0, 0, 2), "╝": (2, 0, 2, 0),
    "╜": (1, 0, 2, 0), "╛": (2, 0, 1, 0), "┐": (1, 0, 0, 1), "└": (0, 1, 1, 0), "┴": (1, 1, 1, 0),
    "┬": (1, 1, 0, 1), "├": (0, 1, 1, 1), "─": (1, 1, 0, 0), "┼": (1, 1, 1, 1), "╞": (0, 2, 1, 1),
    "╟": (0, 1, 2, 2), "╚": (0, 2, 2, 0), "╔": (0, 2, 0, 2), "╩": (2, 2, 2, 0), "╦": (2, 2, 0, 2),
    "╠": (0, 2, 2, 2), "═": (2, 2, 0, 0), "╬": (2, 2, 2, 2), "╧": (2, 2, 1, 0), "╨": (1, 1, 2, 0),
    "╤": (2, 2, 0, 1), "╥": (1, 1, 0, 2), "╙": (0, 1, 2, 0), "╘": (0, 2, 1, 0), "╒": (0, 2, 0, 1),
    "╓": (0, 1, 0, 2), "╫": (1, 1, 2, 2), "╪": (2, 2, 1, 1), "┘": (1, 0, 1, 0), "┌": (0, 1, 0, 1),
}

# Drawn here, because the console fonts of that height have none of these, or something else in their place.
DRAWN = {
    8: {"►": "80e0f8fef8e08000", "◄": "020e3efe3e0e0200", "∞": "00007edbdb7e0000", "≡": "007c007c007c0000",
        "⌐": "00007c6060000000", "∩": "3c66666666666600", "₧": "f0a8a8f4aea4a200", "α": "000076dcc8dc7600",
        "Γ": "7e60606060606000", "π": "0000fe6c6c6c6c00", "Σ": "7e60301830607e00", "σ": "00003e6c66663c00",
        "τ": "00007e18181a0c00", "Φ": "187edbdbdb7e1800", "Θ": "3c66667e66663c00", "Ω": "3c6666662424e700",
        "δ": "1e30183c66663c00", "φ": "00187edbdb7e1800", "ε": "001e303e301e0000"},
    14: {"►": "00000080e0f8fefef8e080000000", "◄": "000000020e3efefe3e0e02000000",
         "ⁿ": "0000d86c6c6c6c00000000000000", "¶": "00007fdbdbdb7b1b1b1b1b000000"},
    16: {"►": "00000080c0e0f8fef8e0c08000000000", "◄": "00000002060e3efe3e0e060200000000"},
}


def read_psf(path):
    """Returns (height, {unicode character: rows}) of a PSF 1 or 2 file of width 8."""
    with gzip.open(path, "rb") as file:
        data = file.read()
    glyphs = {}
    if data[:2] == b"\x36\x04":
        mode, height = data[2], data[3]
        count = 512 if mode & 1 else 256
        bitmap, table, width = data[4:4 + count * height], data[4 + count * height:], 8
        if not mode & 2:
            raise SystemExit(f"{path}: no Unicode table")
        position = 0
        for index in range(count):
            rows = bitmap[index * height:(index + 1) * height]
            in_sequence = False
            while True:
                code = struct.unpack_from("<H", table, position)[0]
                position += 2
                if code == 0xFFFF:
                    break
                if code == 0xFFFE:
                    in_sequence = True
                elif not in_sequence:
                    glyphs.setdefault(chr(code), rows)
    elif data[:4] == b"\x72\xb5\x4a\x86":
        header, flags, count, size, height, width = struct.unpack_from("<6I", data, 8)
        if not flags & 1:
            raise SystemExit(f"{path}: no Unicode table")
        entries = data[header + count * size:].split(b"\xff")
        for index in range(count):
            rows = data[header + index * size:header + (index + 1) * size]
            for character in entries[index].split(b"\xfe")[0].decode("utf-8"):
                glyphs.setdefault(character, rows)
    else:
        raise SystemExit(f"{path}: not a PSF font")
    if width != 8:
        raise SystemExit(f"{path}: width {width}, expected 8")
    return height, glyphs


def frame(character, height):
    left, right, up, down = FRAMES[character]
    grid = [[0] * 8 for _ in range(height)]
    middle = height // 2 - 1
    double_rows = (middle - 1, middle + 1)
    columns = {0: (3, 4), 1: (3, 4), 2: (2, 5)}          # outer edges of the vertical stroke

    def fill(x0, x1, y0, y1):
        for y in range(max(y0, 0), min(y1, height - 1) + 1):
            for x in range(max(x0, 0), min(x1, 7) + 1):
                grid[y][x] = 1

    vertical, horizontal = max(up, down), max(left, right)
    row_edges = double_rows if horizontal == 2 else (middle, middle)
    column_edges = columns[vertical]
    # Vertical strokes reach the horizontal ones; the nearer rail stops where a double corridor opens.
    if vertical == 1:
        if up:
            fill(3, 4, 0, row_edges[1] if not down and not (left and right) else row_edges[0])
        if down:
            fill(3, 4, row_edges[0] if not up and not (left and right) else row_edges[1], height - 1)
        if up and down and (horizontal < 2 or not (left and right) or character == "╪"):
            fill(3, 4, 0, height - 1)
    elif vertical == 2:
        for x, side in ((2, left), (5, right)):
            if up and down and not (side and horizontal == 2):
                fill(x, x, 0, height - 1)
                continue
            if up:
                far = not side and not down
                fill(x, x, 0, row_edges[1] if far else row_edges[0])
            if down:
                far = not side and not up
                fill(x, x, row_edges[0] if far else row_edges[1], height - 1)
    if horizontal == 1:
        if left:
            fill(0, column_edges[1] if not right or vertical == 0 or character == "╫" else column_edges[0],
                 middle, middle)
            if vertical == 2 and right == 0 and up and down:
                for x in range(column_edges[0] + 1, column_edges[1]):
                    grid[middle][x] = 0
        if right:
            fill(column_edges[0] if not left or vertical == 0 or character == "╫" else column_edges[1], 7,
                 middle, middle)
            if vertical == 2 and left == 0 and up and down:
                for x in range(column_edges[0] + 1, column_edges[1]):
                    grid[middle][x] = 0
        if left and right and not (up and down and vertical == 2 and character != "╫"):
            fill(0, 7, middle, middle)
    elif horizontal == 2:
        for y, side in ((row_edges[0], up), (row_edges[1], down)):
            through = left and right and not (side and vertical == 2)
            if through:
                fill(0, 7, y, y)
                continue
            if left:
                far = not side and not right
                fill(0, column_edges[1] if far or (vertical < 2) else column_edges[0], y, y)
            if right:
                far = not side and not left
                fill(column_edges[0] if far or (vertical < 2) else column_edges[1], 7, y, y)
    return bytes(sum(bit << (7 - x) for x, bit in enumerate(row)) for row in grid)


def block(character, height):
    half = height // 2
    if character == "█":
        return bytes([0xFF] * height)
    if character == "▄":
        return bytes([0] * half + [0xFF] * (height - half))
    if character == "▀":
        return bytes([0xFF] * half + [0] * (height - half))
    if character == "▌":
        return bytes([0xF0] * height)
    if character == "▐":
        return bytes([0x0F] * height)
    shades = {"░": (0x22, 0x88), "▒": (0x55, 0xAA), "▓": (0x77, 0xDD)}
    if character in shades:
        pair = shades[character]
        return bytes(pair[y % 2] for y in range(height))
    return None


def code_page_437():
    characters = list(CONTROL) + [chr(c) for c in range(0x20, 0x7F)] + ["⌂"]
    characters += list(bytes(range(0x80, 0x100)).decode("cp437"))
    return characters


# Characters that fonts name differently from Python's table.
SAME = {"ß": "β", "µ": "μ", "∙": "·", "Σ": "∑", "δ": "∂", "ε": "∈", "φ": "ϕ", "Φ": "φ", "■": "▪", "•": "∙"}


def build(height, directory):
    fonts = []
    for name in SOURCES[height]:
        path = os.path.join(directory, name + ".psf.gz")
        if os.path.exists(path):
            found, glyphs = read_psf(path)
            if found == height:
                fonts.append(glyphs)
    if not fonts:
        raise SystemExit(f"make_font.py: no 8x{height} font in {directory}; install console-setup-linux")
    rows, missing = [], []
    for code, character in enumerate(code_page_437()):
        if code in (0, 0x20, 0xFF):
            rows.append(bytes(height))
            continue
        if character in FRAMES:
            rows.append(frame(character, height))
            continue
        computed = block(character, height)
        if computed:
            rows.append(computed)
            continue
        glyph = bytes.fromhex(DRAWN[height].get(character, ""))
        for candidate in (character, SAME.get(character)):
            glyph = glyph or next((font[candidate] for font in fonts if candidate in font), None)
        if not glyph:
            missing.append(f"{code:02X} {character}")
            glyph = bytes(height)
        rows.append(glyph)
    if missing:
        raise SystemExit(f"make_font.py: 8x{height}: no glyph for {', '.join(missing)}")
    return b"".join(rows)


def main():
    output, directory = sys.argv[1:3]
    with open(output, "w", encoding="ascii") as file:
        file.write("# Generated by make_font.py: code page 437, 256 glyphs a font.\n"
                   '    .section .romdata.fonts, "a"\n')
        file.write("    .section .note.GNU-stack, \"\", @progbits\n    .section .romdata.fonts, \"a\"\n")
        for height in (8, 14, 16):
            data = build(height, directory)
            file.write(f"    .balign 4\n    .globl font_8x{height}\nfont_8x{height}:\n")
            for start in range(0, len(data), height):
                file.write("    .byte " + ",".join(f"0x{value:02x}" for value in data[start:start + height]) + "\n")


if __name__ == "__main__":
    main()
