"""Decodes the bodies of Parquet pages in plain Python, after Encodings.md of Apache Parquet."""

from array import array
from dataclasses import dataclass


@dataclass
class Reader:
    """Goes through the bytes of a page's body."""

    data: bytes
    at: int = 0

    def take(self, count: int) -> bytes:
        """Return the next bytes."""
        taken = self.data[self.at : self.at + count]
        assert len(taken) == count
        self.at += count
        return taken

    def varint(self) -> int:
        """Return the next number of variable length."""
        number = shift = 0
        while True:
            (byte,) = self.take(1)
            number |= (byte & 127) << shift
            shift += 7
            if byte < 128:
                return number

    def hybrid(self, count: int, width: int) -> list[int]:
        """Return so many numbers, which are in runs or bit-packed."""
        numbers: list[int] = []
        while len(numbers) < count:
            header = self.varint()
            if header & 1:
                packed = int.from_bytes(self.take((header >> 1) * width), "little")
                mask = (1 << width) - 1
                numbers += [packed >> place * width & mask for place in range(8 * (header >> 1))]
            else:
                value = int.from_bytes(self.take((width + 7) // 8), "little")
                numbers += [value] * (header >> 1)
        return numbers[:count]

    def levels(self, count: int, width: int) -> list[int]:
        """Return the levels of so many values."""
        size = int.from_bytes(self.take(4), "little")
        within = Reader(self.take(size))
        found = within.hybrid(count, width)
        assert within.at == size
        return found

    def places(self, count: int) -> list[int]:
        """Return so many places in a dictionary."""
        (width,) = self.take(1)
        return self.hybrid(count, width)

    def split(self, count: int) -> list[int]:
        """Return so many numbers of 64 bits, whose bytes are by significance."""
        planes = [self.take(count) for _ in range(8)]
        return array("q", b"".join(map(bytes, zip(*planes, strict=True)))).tolist()

    def end(self) -> None:
        """Check that nothing is left."""
        assert self.at == len(self.data)


def words(body: bytes, count: int, used: list) -> list:
    """Return the words of a page, of which *used* are the distinct ones; None for null."""
    reader = Reader(body)
    present = reader.levels(count, 1)
    places = iter(reader.places(sum(present)))
    found = [used[next(places)] if level else None for level in present]
    reader.end()
    return found


def numbers(body: bytes, count: int) -> list:
    """Return the numbers of a page; None for null."""
    reader = Reader(body)
    present = reader.levels(count, 1)
    values = iter(reader.split(sum(present)))
    found = [next(values) if level else None for level in present]
    reader.end()
    return found


def lists(body: bytes, levels: int, distinct: list[int] | None) -> list[list[int]]:
    """Return the lists of a page; *distinct* are the numbers that it refers to, if it does."""
    reader = Reader(body)
    continues, defined = reader.levels(levels, 1), reader.levels(levels, 2)
    count = defined.count(3)
    if distinct is None:
        values = iter(reader.split(count))
    else:
        values = iter([distinct[place] for place in reader.places(count)])
    reader.end()
    found: list[list[int]] = []
    for goes_on, level in zip(continues, defined, strict=True):
        if not goes_on:
            found.append([])
        if level == 3:
            found[-1].append(next(values))
    return found
