"""What is read back next, and what of it may be used."""

from collections.abc import Sequence
from typing import Any

import pytest

from storage.ledger.table_files import Tabled
from telemetry_server.tables.catch_up import UNKNOWN_END, CatchUp
from telemetry_server.tables.line_reader import LineRange, ReadBack

DIRECTORY = "converted/20261129/main/Firefox/release/1/2"


class ALedger:
    """A ledger with these files, none of which is in the archive."""

    def __init__(self, *files: Tabled) -> None:
        self._files = files

    def tabled(self, *, behind_only: bool) -> Sequence[Tabled]:
        assert behind_only
        return self._files

    def archived_object(self, path: str) -> None:
        return None


def a_catch_up(*files: Tabled) -> CatchUp:
    ledger: Any = ALedger(*files)
    root: Any = None
    finder: Any = None
    return CatchUp(root, ledger, finder)


def a_range(name: str, start: int, end: int) -> LineRange:
    return LineRange(f"{DIRECTORY}/{name}", "20261129", start, end)


def test_a_file_that_another_process_took_further_waits_for_its_rows():
    """They cannot be installed any more; then all of the file is read back."""
    catch_up = a_catch_up(Tabled(DIRECTORY, "a", 300, 900), Tabled(DIRECTORY, "b", 300, 900))

    ranges = catch_up.plan({f"{DIRECTORY}/a": 200, f"{DIRECTORY}/b": 300})

    assert [(each.path[-1], each.start, each.end) for each in ranges] == [("b", 300, 900)]


@pytest.mark.parametrize("read_to", [100, 150])
def test_a_step_that_ends_early_may_be_used_only_if_its_end_was_uncertain(read_to):
    """Behind a certain end conversion may have added rows."""
    file = Tabled(DIRECTORY, "a", 0, 200)
    path = file.path
    read = ReadBack({}, (a_range("a", 0, read_to),))
    catch_up, ends = a_catch_up(file), {}

    planned = catch_up.plan(ends)
    assert ends == {path: 200}
    assert not catch_up.settle(planned, read, ends, {})

    ends = {}
    planned = catch_up.plan(ends)
    assert ends == {path: UNKNOWN_END}
    assert catch_up.settle(planned, read, ends, {})
    assert ends == {path: read_to}


def test_a_file_that_an_uncertain_step_did_not_reach_stays_where_it_was():
    """At the end of its rows that wait, or of those in the tables."""
    files = [Tabled(DIRECTORY, name, 0, 200) for name in "abc"]
    catch_up = a_catch_up(*files)
    catch_up.is_uncertain = True
    ends = {files[1].path: 50}
    planned = catch_up.plan(ends)

    assert catch_up.settle(planned, ReadBack({}, (a_range("a", 0, 80),)), ends, {files[1].path: (0, 50)})

    assert ends == {files[0].path: 80, files[1].path: 50}


def test_ends_are_certain_again_when_nothing_is_behind():
    """Until then each step may end early."""
    catch_up = a_catch_up()
    catch_up.is_uncertain = True

    assert catch_up.plan({}) == []

    assert (catch_up.is_uncertain, catch_up.is_behind) == (False, False)
