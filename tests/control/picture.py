"""Pictures that tests look at: the PNG files that Gnomon writes (8 bits a component, no filters), and parts of them."""

import struct
import zlib
from collections import Counter
from pathlib import Path


class Picture:
    """`rows`: three bytes a pixel, red first."""

    def __init__(self, path):
        data = Path(path).read_bytes()
        assert data[:8] == b"\x89PNG\r\n\x1a\n", "no PNG"
        at, packed = 8, b""
        while at < len(data):
            size, kind = struct.unpack_from(">I4s", data, at)
            if kind == b"IHDR":
                self.width, self.height = struct.unpack_from(">II", data, at + 8)
            if kind == b"IDAT":
                packed += data[at + 8:at + 8 + size]
            at += size + 12
        rows = zlib.decompress(packed)
        stride = self.width * 3 + 1
        assert not any(rows[::stride]), "a filtered PNG"
        self.rows = [rows[y * stride + 1:(y + 1) * stride] for y in range(self.height)]

    @classmethod
    def of(cls, rows):
        self = cls.__new__(cls)
        self.rows, self.width, self.height = rows, len(rows[0]) // 3, len(rows)
        return self

    def __eq__(self, other):
        return self.rows == other.rows

    def part(self, x, y, width, height):
        return Picture.of([row[3 * x:3 * (x + width)] for row in self.rows[y:y + height]])

    def pixel(self, x, y):
        return self.rows[y][3 * x:3 * x + 3].hex()

    def colours(self):
        count = Counter()
        for row in self.rows:
            count.update(row[i:i + 3].hex() for i in range(0, len(row), 3))
        return count

    def differences(self, other):
        """Places of the pixels that differ, as (x, y)."""
        return [(x, y) for y, (a, b) in enumerate(zip(self.rows, other.rows)) if a != b
                for x in range(self.width) if a[3 * x:3 * x + 3] != b[3 * x:3 * x + 3]]

    def save(self, path):
        raw = b"".join(b"\0" + row for row in self.rows)

        def chunk(kind, data):
            return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

        Path(path).write_bytes(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", self.width, self.height, 8, 2, 0, 0, 0)) +
                               chunk(b"IDAT", zlib.compress(raw, 9)) + chunk(b"IEND", b""))
