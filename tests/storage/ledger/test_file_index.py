"""Files of a directory are found by an index, not by reading the whole table."""

import sqlite3

import pytest

from storage.ledger.file_index import files_query
from storage.ledger.ledger import Ledger
from storage.ledger.schema import TABLES
from storage.ledger.values import StoredFile

DIRECTORIES = (
    "converted/20261121/main",
    "converted/20261122/main",
    "converted/20261122/main/Firefox",
    "converted/20261122/main.old",
    "converted/20261122/main0",
    "quarantine/20261122/invalid_json",
)


@pytest.fixture
def ledger(tmp_path):
    with Ledger(tmp_path / "ledger.sqlite") as opened:
        with opened.transaction() as transaction:
            for number, directory in enumerate(DIRECTORIES):
                file = StoredFile(directory, "part-1.zst", 1, 1, 1, closed=number % 2 == 0)
                transaction.put_file(file)
        yield opened


@pytest.mark.parametrize(
    ("below", "directories"),
    [
        ("", DIRECTORIES),
        ("converted", DIRECTORIES[:5]),
        ("converted/20261122/main", DIRECTORIES[1:3]),
        ("converted/20261122/main/Firefox", DIRECTORIES[2:3]),
        ("converted/20261122/mai", ()),
    ],
)
def test_files_in_a_directory_and_below_it_are_found(ledger, below, directories):
    """A directory with the same prefix in its name is another one."""
    assert [file.directory for file in ledger.files(below)] == sorted(directories)


def test_open_only_selects_the_files_that_are_not_closed(ledger):
    """Only open files are appended to."""
    assert [file.directory for file in ledger.files("converted", open_only=True)] == [
        "converted/20261122/main",
        "converted/20261122/main.old",
    ]


@pytest.mark.parametrize("open_only", [False, True])
def test_a_directory_is_found_by_the_index_without_a_table_scan(open_only):
    """With a table scan for each directory, `cat` of 10,000 folders took 13 seconds."""
    with sqlite3.connect(":memory:") as connection:
        connection.executescript(TABLES)
        plan = connection.execute(
            f"EXPLAIN QUERY PLAN {files_query('converted', open_only=open_only)}", {"below": "converted"}
        ).fetchall()
    connection.close()

    steps = [step for *_, step in plan]
    assert sum(step.startswith("SEARCH files") for step in steps) == 2
    assert not [step for step in steps if step.startswith("SCAN") or "TEMP B-TREE" in step]


def test_committed_selects_the_paths_of_committed_files(ledger):
    """Other paths may be removed."""
    known = f"{DIRECTORIES[2]}/part-1.zst"

    assert ledger.committed([known, f"{DIRECTORIES[2]}/part-2.zst", "elsewhere/part-1.zst"]) == {known}
    assert ledger.committed([]) == set()
