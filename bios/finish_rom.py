#!/usr/bin/env python3
# Completes an option ROM image: pads it, fills in the block counts, and makes the checksums zero
# (PnP BIOS specification, "Option ROM format"; PCI firmware specification).
"""usage: finish_rom.py INPUT OUTPUT SIZE_IN_KB"""
import struct
import sys


def main():
    source, target, kilobytes = sys.argv[1], sys.argv[2], int(sys.argv[3])
    with open(source, "rb") as file:
        image = bytearray(file.read())
    size = kilobytes * 1024
    if len(image) >= size:
        raise SystemExit(f"finish_rom.py: {source} has {len(image)} bytes, {size} do not hold it")
    if image[:2] != b"\x55\xaa":
        raise SystemExit(f"finish_rom.py: {source} has no option ROM signature")
    image += bytes(size - len(image))
    image[2] = size // 512
    pci, pnp = struct.unpack_from("<HH", image, 0x18)
    if pci and image[pci:pci + 4] == b"PCIR":
        struct.pack_into("<H", image, pci + 0x10, size // 512)
    if pnp and image[pnp:pnp + 4] == b"$PnP":
        length = image[pnp + 5] * 16
        image[pnp + 9] = 0
        image[pnp + 9] = -sum(image[pnp:pnp + length]) & 0xFF
    image[-1] = -sum(image) & 0xFF
    with open(target, "wb") as file:
        file.write(image)


if __name__ == "__main__":
    main()
