"""Values from clients become safe folder names."""

import re
from pathlib import PurePath

import pytest
from hypothesis import given
from hypothesis import strategies as st

from storage.errors import NotAPartition
from storage.partitions.partition_path import (
    MAX_NAME_CHARACTERS,
    PartitionKey,
    folder_name,
    partition_path,
    values_of_exported_path,
    values_of_path,
)


@pytest.mark.parametrize(
    ("value", "name"),
    [
        ("Hello World!", "Hello_World_"),
        ("what\nam\ni", "what_am_i"),
        ("saved-session", "saved_session"),
        ("idle-daily", "idle_daily"),
        ("23.0.1", "23.0.1"),
        ("../../x", "_._.._x"),
        ("..", "_."),
        (".", "_"),
        (".hidden", "_hidden"),
        ("a/b\\c", "a_b_c"),
        ("nul\0", "nul_"),
        ("Müller", "M_ller"),
        ("\N{FULLWIDTH FULL STOP}\N{FULLWIDTH FULL STOP}", "__"),
        ("", "UNKNOWN"),
    ],
)
def test_characters_that_are_not_allowed_become_underscores(value, name):
    """So does a dot at the beginning."""
    assert folder_name(value) == name


@given(st.text())
def test_a_folder_name_is_a_single_safe_path_component(value):
    name = folder_name(value)

    assert re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9_.]*", name)
    assert len(name) <= MAX_NAME_CHARACTERS
    assert folder_name(name) == name


def test_long_values_have_different_folders():
    """The name is cut, and ends in a hash of the whole value."""
    first, second = ("v" * 200 + end for end in "ab")

    assert folder_name(first) != folder_name(second)
    assert folder_name(first).startswith("v" * 80)


def test_a_partition_is_below_its_day():
    values = ("idle-daily", "Firefox", "release", "23.0.1", "20130814063812")

    path = partition_path("20261122", values)

    assert path == "20261122/idle_daily/Firefox/release/23.0.1/20130814063812"


@pytest.mark.parametrize("day", ["", "2026112", "..", "20261122/..", "2026-11-22"])
def test_a_day_is_eight_digits(day):
    with pytest.raises(ValueError, match="YYYYMMDD"):
        partition_path(day, ("main",))


@given(st.lists(st.text(), min_size=1, max_size=6))
def test_values_of_a_path_are_its_folder_names(values):
    base = PurePath("/data/converted")
    path = base / partition_path("20261122", values) / "00000001.zst"

    assert values_of_path(path, base, len(values)) == ("20261122", tuple(map(folder_name, values)))


@pytest.mark.parametrize(
    "path",
    [
        "/data/converted/20261122/main",
        "/data/converted/2026/main/Firefox",
        "/data/quarantine/20261122/main/Firefox",
        "/data/converted/../20261122/main/Firefox",
        "/data/converted",
    ],
)
def test_a_path_outside_the_partitions_is_refused(path):
    with pytest.raises(NotAPartition):
        values_of_path(PurePath(path), PurePath("/data/converted"), 2)


def test_paths_of_the_original_server_give_their_dimensions():
    """There, build and day begin the file name, and the other dimensions are folders."""
    base = PurePath("/base")
    path = base / (
        "saved_session/Firefox/nightly/26.0a1/20130902030220.20130908.log.0123456789abcdef0123456789abcdef.lzma"
    )

    assert values_of_exported_path(path, base) == (
        "saved_session",
        "Firefox",
        "nightly",
        "26.0a1",
        "20130902030220",
        "20130908",
    )
    for elsewhere in (PurePath("/elsewhere"), base / "saved_session", base / "x" / ".."):
        with pytest.raises(NotAPartition):
            values_of_exported_path(path, elsewhere)


@pytest.mark.parametrize(
    ("directory", "key", "reason"),
    [
        (
            "converted/20261122/main/Firefox",
            PartitionKey("converted", "20261122", ("main", "Firefox")),
            "",
        ),
        (
            "quarantine/20261122/too_large",
            PartitionKey("quarantine", "20261122", ("too_large",)),
            "too_large",
        ),
        ("converted/20261122", PartitionKey("converted", "20261122"), ""),
    ],
)
def test_a_partition_key_splits_a_folder_and_joins_it_again(directory, key, reason):
    """All code that reads store, day or reason from a path uses the key."""
    assert PartitionKey.parse(directory) == key
    assert PartitionKey.of_file(f"{directory}/part-0000000001.zst") == key
    assert key.directory == directory
    assert key.reason == reason


@pytest.mark.parametrize("directory", ["converted", "converted/main", "state/ledger.sqlite"])
def test_a_folder_without_a_day_has_no_partition_key(directory):
    """The error names the folder."""
    with pytest.raises(NotAPartition, match=directory):
        PartitionKey.parse(directory)
