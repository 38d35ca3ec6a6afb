"""
Encodes random pages with the compiled module, and decodes them.

``python -m tests.storage.tables.parquet.page_mutations LIBRARY SECONDS`` prints how many pages it made, and
fails at the first that holds other values.
"""

import sys
import time
from array import array
from importlib.machinery import ExtensionFileLoader
from importlib.util import module_from_spec, spec_from_loader
from itertools import accumulate, pairwise
from random import Random
from typing import Any

from tests.storage.tables.parquet import decoding

MODULE = "storage.tables.compiled._pages"
LEAST_INPUTS = 50
NUMBERS = (0, 1, 2, 127, 128, 255, 2**31, 2**40, 2**63 - 1, -1, -(2**63))


def main(library: str, seconds: float) -> int:
    """Return how many pages were made."""
    loader = ExtensionFileLoader(MODULE, library)
    spec = spec_from_loader(MODULE, loader)
    assert spec is not None
    pages = module_from_spec(spec)
    loader.exec_module(pages)
    chance, count, end = Random(1), 0, time.monotonic() + seconds
    while time.monotonic() < end or count < LEAST_INPUTS:
        for check in (_check_words, _check_numbers, _check_lists, _check_what_is_not_there):
            check(pages, chance)
            count += 1
    return count


def _runs(chance: Random, values: range | tuple[int, ...]) -> list[int]:
    """Return numbers, some of which follow each other many times."""
    found: list[int] = []
    for _ in range(chance.randrange(12)):
        found += [chance.choice(values)] * chance.choice((1, 1, 1, 2, 7, 8, 16, 17, 40, 300))
    return found


def _valid(chance: Random, count: int) -> tuple[bytes | None, list[int]]:
    """Return a bitmap, and the same as numbers."""
    flags = _runs(chance, (0, 1))
    flags = (flags * (count // max(len(flags), 1) + 1))[:count] if flags else [1] * count
    bits = sum(flag << place for place, flag in enumerate(flags))
    kind = chance.randrange(3)
    if kind == 0:
        return None, [1] * count
    return bits.to_bytes((count + 7) // 8, "little"), flags


def _check_words(pages: Any, chance: Random) -> None:
    known = chance.choice((1, 2, 3, 9, 200, 70_000))
    numbers = _runs(chance, range(known))
    bitmap, flags = _valid(chance, len(numbers))
    offset = chance.randrange(len(numbers) + 1)
    count = len(numbers) - offset
    body, used = pages.word_page(array("i", numbers), bitmap, offset, count, known)
    words = array("i", used).tolist()
    expected = [number if flag else None for number, flag in zip(numbers, flags, strict=True)][offset:]
    assert decoding.words(body, count, words) == expected, (numbers, flags, offset)


def _check_numbers(pages: Any, chance: Random) -> None:
    numbers = _runs(chance, NUMBERS)
    bitmap, flags = _valid(chance, len(numbers))
    offset = chance.randrange(len(numbers) + 1)
    count = len(numbers) - offset
    body = pages.split_page(array("q", numbers), bitmap, offset, count)
    expected = [number if flag else None for number, flag in zip(numbers, flags, strict=True)][offset:]
    assert decoding.numbers(body, count) == expected, (numbers, flags, offset)


def _check_lists(pages: Any, chance: Random) -> None:
    kind = chance.randrange(3)
    lengths = [chance.choice((1, 3)) if kind else chance.randrange(4) for _ in range(chance.randrange(60))]
    values = NUMBERS if kind < 2 else range(-3000, 3000)
    numbers = [chance.choice(values) for _ in range(sum(lengths))]
    offsets = list(accumulate(lengths, initial=0))
    lists = [numbers[begin:end] for begin, end in pairwise(offsets)]
    cuts = sorted({chance.randrange(len(lists) + 1) for _ in range(3)})
    is_split = chance.random() < 0.5
    bodies, used = pages.list_pages(array("i", offsets), array("q", numbers), tuple(cuts), is_split)
    distinct = None if is_split else array("q", used).tolist()
    assert len(bodies) == len(cuts) - 1
    found = [one for body, levels in bodies for one in decoding.lists(body, levels, distinct)]
    assert found == lists[cuts[0] : cuts[-1]], (lists, cuts)


def _check_what_is_not_there(pages: Any, chance: Random) -> None:
    """Nothing is read outside of the buffers, whatever the arguments are."""
    odd = (-(2**31), -1, 0, 1, 2, 5, 9, 2**31 - 1)
    small = array("i", [chance.choice(odd) for _ in range(chance.randrange(6))])
    large = array("q", [chance.choice(NUMBERS) for _ in range(chance.randrange(6))])
    bits = chance.choice((None, b"", b"\5", b"\xff\xff"))
    calls = (
        lambda: pages.word_page(small, bits, chance.choice(odd), chance.choice(odd), chance.choice(odd[:7])),
        lambda: pages.split_page(large, bits, chance.choice(odd), chance.choice(odd)),
        lambda: pages.list_pages(
            small, large, tuple(chance.choice(odd) for _ in range(chance.randrange(4))), chance.random() < 0.5
        ),
    )
    try:
        chance.choice(calls)()
    except ValueError as error:
        assert str(error)


if __name__ == "__main__":
    print(main(sys.argv[1], float(sys.argv[2])))
