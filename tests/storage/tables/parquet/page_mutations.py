"""
Encodes random pages with the compiled module, and decodes them.

``python -m tests.storage.tables.parquet.page_mutations LIBRARY SECONDS`` prints how many pages it made, and
fails at the first that holds other values.
"""

import sys
import time
from array import array
from collections.abc import Sequence
from itertools import accumulate, pairwise
from random import Random
from typing import Any

from tests.storage.tables.parquet import decoding
from tests.support.compiled_modules import loaded

MODULE = "storage.tables.compiled._pages"
LEAST_INPUTS = 50
NUMBERS = (0, 1, 2, 127, 128, 255, 2**31, 2**40, 2**63 - 1, -1, -(2**63))


def main(library: str, seconds: float) -> int:
    """Return how many pages were made."""
    pages = loaded(MODULE, library)
    chance, count, end = Random(1), 0, time.monotonic() + seconds
    while time.monotonic() < end or count < LEAST_INPUTS:
        for check in (_check_words, _check_numbers, _check_lists, _check_order, _check_what_is_not_there):
            check(pages, chance)
            count += 1
    return count


def _runs(chance: Random, values: Sequence[int]) -> list[int]:
    """Return numbers, some of which follow each other many times."""
    found: list[int] = []
    for _ in range(chance.randrange(12)):
        found += [chance.choice(values)] * chance.choice((1, 1, 1, 2, 7, 8, 16, 17, 40, 300))
    return found


def _rows(chance: Random, count: int) -> tuple[array | None, list[int]]:
    """Return rows as they are given, and which they are."""
    if chance.random() < 0.3:
        return None, list(range(count))
    rows = [chance.randrange(count) for _ in range(chance.randrange(100))] if count else []
    return array("i", rows), rows


def _check_words(pages: Any, chance: Random) -> None:
    known = chance.choice((1, 2, 3, 9, 200, 70_000))
    numbers = _runs(chance, range(-1 if chance.random() < 0.7 else 0, known))
    given, rows = _rows(chance, len(numbers))
    words = None
    expected = [numbers[row] for row in rows]
    if chance.random() < 0.5:
        words = array("i", [chance.randrange(-1, known) for _ in range(known)])
        expected = [-1 if number == -1 else words[number] for number in expected]
    body, used, nulls = pages.word_page(array("i", numbers), given, words, known)
    found = decoding.words(body, len(rows), array("i", used).tolist())
    assert found == [None if word == -1 else word for word in expected], (numbers, given, words)
    assert nulls == expected.count(-1)


def _check_numbers(pages: Any, chance: Random) -> None:
    values = _runs(chance, NUMBERS)
    places = None
    if values and chance.random() < 0.5:
        places = array("i", [chance.randrange(len(values)) for _ in range(chance.randrange(50))])
    given, rows = _rows(chance, len(values) if places is None else len(places))
    body = pages.split_page(array("q", values), given, places)
    expected = [values[row if places is None else places[row]] for row in rows]
    found = decoding.numbers(body, len(rows))
    assert found == [None if number == -(2**63) else number for number in expected], (values, given, places)


def _check_order(pages: Any, chance: Random) -> None:
    count = chance.randrange(60)
    columns = []
    for _ in range(chance.randrange(4)):
        ranks = [chance.randrange(9) for _ in range(chance.randrange(1, 9))]
        columns.append(([chance.randrange(len(ranks)) for _ in range(count)], ranks))
    arrays = tuple((array("i", numbers), array("i", ranks)) for numbers, ranks in columns)
    found = array("i", pages.sorted_rows(count, arrays)).tolist()
    expected = sorted(range(count), key=lambda row: [ranks[numbers[row]] for numbers, ranks in columns])
    assert found == expected, columns


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
    given = chance.choice((None, b"", small))
    known = chance.choice(odd[:7])
    cuts = tuple(chance.choice(odd) for _ in range(chance.randrange(4)))
    calls = (
        lambda: pages.word_page(small, given, chance.choice((None, small)), known),
        lambda: pages.split_page(large, given, chance.choice((None, small))),
        lambda: pages.list_pages(small, large, cuts, chance.random() < 0.5),
        lambda: pages.sorted_rows(known, ((small, array("i", [0, 3, -1][: chance.randrange(4)])),)),
    )
    try:
        chance.choice(calls)()
    except ValueError as error:
        assert str(error)


if __name__ == "__main__":
    print(main(sys.argv[1], float(sys.argv[2])))
