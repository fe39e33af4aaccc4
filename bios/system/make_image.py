"""Turns the linked system BIOS into the ROM image: pads it to 128 KB and fills in the checksums.

Usage: make_image.py LINKED OUTPUT
LINKED holds EC000-FFFFF; OUTPUT gets E0000-FFFFF.
"""
import sys

BASE = 0xE0000
LINKED_BASE = 0xEC000
SIZE = 0x20000


def fix_structure(image, signature, length_at, length, size, checksum_at):
    """Makes the bytes of the one structure on a paragraph boundary that begins with `signature` sum to zero. Code that
    compares with the signature may lie on such a boundary, too, but has no length behind it."""
    found = [a for a in range(0x10000, SIZE, 16)
             if image[a:a + len(signature)] == signature and image[a + length_at] == length]
    if len(found) != 1:
        sys.exit(f"make_image.py: {len(found)} structures {signature!r}, expected one")
    at = found[0]
    image[at + checksum_at] = 0
    image[at + checksum_at] = -sum(image[at:at + size]) & 0xFF


def main():
    linked = open(sys.argv[1], "rb").read()
    if len(linked) != BASE + SIZE - LINKED_BASE:
        sys.exit(f"make_image.py: {sys.argv[1]} has {len(linked)} bytes, expected {BASE + SIZE - LINKED_BASE}")
    image = bytearray(b"\xff" * (LINKED_BASE - BASE) + linked)
    fix_structure(image, b"_32_", 9, 1, 16, 10)
    fix_structure(image, b"$PnP", 5, 0x21, 0x21, 8)
    image[SIZE - 1] = 0
    image[SIZE - 1] = -sum(image) & 0xFF
    open(sys.argv[2], "wb").write(image)


main()
