"""The order of a table's rows."""

from random import Random

import pytest

from storage.tables.sorting import order_of

pa = pytest.importorskip("pyarrow")

ROWS = 6_000


@pytest.mark.parametrize(
    ("firsts", "seconds"),
    [(3, 5), (300, 40), (ROWS, 2), (ROWS, ROWS)],
    ids=["few values", "many values in few pairs", "more pairs than are counted", "all different"],
)
def test_rows_are_in_order_of_their_values_and_equal_ones_keep_their_order(firsts, seconds):
    """However many distinct values there are; null comes last."""
    chance = Random(firsts)
    pairs = [(chance.randrange(firsts), chance.randrange(seconds)) for _ in range(max(firsts, 400))]
    rows = [chance.choice(pairs) for _ in range(ROWS)]
    first = [None if one % 97 == 5 else f"{one:05}" for one, _ in rows]
    columns = [pa.array(first), pa.array([two for _, two in rows])]

    order = order_of([columns[0].dictionary_encode(), columns[1]]).to_pylist()

    assert order == sorted(range(ROWS), key=lambda row: (first[row] is None, first[row] or "", rows[row][1]))
