"""Objects with checksums, and the documents of commits (StorageLayout.md, "The archive")."""

import json
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from storage.archive import object_reading
from storage.archive.day_commit import (
    CommittedObject,
    DayCommit,
    object_key,
    packed_owner,
    parse_commit,
    parse_owner,
)
from storage.archive.folder_store import FolderStore
from storage.archive.object_reading import check_object, checksums_of, open_object
from storage.errors import DamagedObject
from storage.ledger.archived_files import ArchivedObject

ROOT = Path(__file__).resolve().parents[2]
WORDS = st.text(st.characters(codec="utf-8"), max_size=12)
OBJECTS = st.builds(
    CommittedObject,
    path=WORDS,
    key=WORDS,
    length=st.integers(0, 2**62),
    sha256=WORDS,
    blocks=st.binary(max_size=12),
    facts=st.dictionaries(st.sampled_from(["records", "frames", "schema", "rows"]), st.integers(0, 2**62)),
)
COMMITS = st.builds(
    DayCommit,
    number=st.integers(1, 2**40),
    root_id=WORDS,
    attempt=WORDS,
    made=WORDS,
    day=WORDS,
    objects=st.lists(OBJECTS, max_size=3).map(tuple),
    schemas=st.dictionaries(WORDS, st.dictionaries(WORDS, st.integers()), max_size=2),
)


@pytest.fixture(scope="module", autouse=True)
def small_blocks():
    """Blocks of 16 bytes, so that few bytes have many."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(object_reading, "BLOCK_BYTES", 16)
        yield


def put(folder: Path, data: bytes) -> ArchivedObject:
    sums = checksums_of([data])
    key = object_key("a/part-1.zst", sums.sha256)
    FolderStore(folder).put(key, data)
    return ArchivedObject(str(folder), key, "a/part-1.zst", "20261122", len(data), sums.sha256, sums.blocks)


@given(
    data=st.binary(min_size=1, max_size=3000),
    reads=st.lists(st.tuples(st.integers(0, 3100), st.integers(-1, 700))),
)
def test_any_part_of_an_object_reads_as_of_a_file(tmp_path_factory, data, reads):
    """With every seek, and in sequence."""
    found = put(tmp_path_factory.mktemp("a"), data)
    with open_object(found) as file:
        for place, size in reads:
            file.seek(place)
            wanted = data[place:] if size < 0 else data[place : place + size]
            assert file.read(size) == wanted
        file.seek(0)
        assert file.read() == data


@given(data=st.binary(min_size=1, max_size=200), where=st.integers(0), bit=st.integers(0, 7))
def test_a_changed_bit_is_found_by_a_part_and_by_the_whole(tmp_path_factory, data, where, bit):
    """And nothing of the block is returned."""
    folder = tmp_path_factory.mktemp("a")
    found = put(folder, data)
    where %= len(data)
    changed = bytearray(data)
    changed[where] ^= 1 << bit
    (folder / found.key).write_bytes(bytes(changed))

    failures = []
    with pytest.raises(DamagedObject), open_object(found, failures.append) as file:
        file.seek(where)
        file.read(1)
    assert len(failures) == 1
    with pytest.raises(DamagedObject):
        check_object(found)
    (folder / found.key).write_bytes(data[:where])
    with pytest.raises(DamagedObject), open_object(found) as file:
        file.read()


@given(chunks=st.lists(st.binary(max_size=50)))
def test_checksums_do_not_depend_on_the_chunks(chunks):
    """The bytes count."""
    assert checksums_of(chunks) == checksums_of([b"".join(chunks)])


@given(commit=COMMITS)
def test_a_commit_reads_back_as_it_was_written(commit):
    """Every field."""
    assert parse_commit(commit.packed(), "x") == commit


@given(
    text=st.one_of(
        st.binary(max_size=60),
        st.recursive(st.none() | st.integers() | WORDS, st.lists).map(json.dumps).map(str.encode),
    )
)
def test_what_is_no_commit_is_one_line(text):
    """Whatever it is."""
    for parse in (parse_commit, parse_owner):
        with pytest.raises(DamagedObject, match=r"^x: "):
            parse(text, "x")


def test_the_owner_reads_back():
    """The id of the data root."""
    assert parse_owner(packed_owner("0123"), "x") == "0123"


def test_the_commit_of_the_page_is_read_and_its_checksums_are_right():
    """The example of StorageLayout.md, an object of the bytes "hello"."""
    page = (ROOT / "StorageLayout.md").read_text(encoding="utf-8")
    example = re.search(r"```json commit\n(.*?)```", page, re.DOTALL)[1]
    commit = parse_commit(example.encode(), "page")
    each = commit.objects[0]
    sums = checksums_of([b"hello"])

    assert (each.length, each.sha256, each.blocks) == (sums.length, sums.sha256, sums.blocks)
    assert each.key == object_key(each.path, each.sha256)
    assert json.loads(commit.packed()) | {"block_bytes": 1 << 20} == json.loads(example)
    assert commit.key == "commits/0000000012.json"
