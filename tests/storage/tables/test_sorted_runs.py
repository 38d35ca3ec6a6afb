"""The compiled way of sorting histograms gives the run that Arrow's gives."""

from random import Random

import pytest

from storage.tables.compiled import bucket_lists
from storage.tables.histogram_arrays import Names
from storage.tables.sorted_runs import sorted_run
from tests.storage.tables import run_mutations
from tests.support.sanitizers import checked_runs

pytestmark = pytest.mark.skipif(not bucket_lists.IS_COMPILED, reason="built without a C compiler")


def places_of(chance: Random, first: int, pings: int) -> list[int | None] | int:
    """Return the places of the pings of a part; where some are unwanted, one for each."""
    if chance.random() < 0.5:
        return first
    return [chance.choice((None, first + ping)) for ping in range(pings)]


@pytest.mark.parametrize("seed", range(30))
def test_both_ways_give_the_same_run(seed, monkeypatch):
    """Also with large numbers, marks and unwanted pings, and behind other large numbers."""
    chance = Random(seed)
    pings = [chance.randrange(5) for _ in range(chance.randrange(1, 4))]
    parts = [
        (run_mutations.random_part(chance, count), places_of(chance, sum(pings[:number]), count))
        for number, count in enumerate(pings)
    ]
    large = chance.choice((0, 3))
    found = []
    for is_compiled in (True, False):
        monkeypatch.setattr(bucket_lists, "IS_COMPILED", is_compiled)
        names = Names()
        run = sorted_run(parts, names, large)
        described = (run.rows, run.buckets, run.metrics, run.first_rows, run.first_buckets, dict(run.marks))
        found.append((described, b"".join(run.data), list(run.large), names.words.values, names.keys.values))

    assert found[0] == found[1]


@pytest.mark.slow
def test_damaged_histograms_are_an_error_under_the_checks_of_the_compiler(tmp_path):
    """Addresses and undefined behaviour are checked."""
    source = "storage/tables/compiled/_lists.c"
    assert checked_runs(tmp_path, run_mutations.__name__, [source], seconds=5) >= run_mutations.LEAST_INPUTS


def test_damaged_histograms_are_an_error():
    """They are not read past their ends."""
    library = bucket_lists._lists.__file__
    assert run_mutations.main(library, seconds=0.5) >= run_mutations.LEAST_INPUTS
