"""The cache on disk is limited; files from an operator are never removed."""

import os
from contextlib import AsyncExitStack

from histogram_specs.cache.eviction import MARK, FetchedFileLimit
from histogram_specs.cache.fetcher import FetchResult, SpecFetcher
from histogram_specs.cache.revision_cache import RevisionCache
from histogram_specs.sources.source import source_of
from tests.histogram_specs.hostile_server import serving, status
from tests.histogram_specs.samples import a_revision

TEXT = b'{"A": {"kind": "flag", "description": "", "expires_in_version": "never"}}'


def fetched(directory, number: int, files: FetchedFileLimit, text: bytes = TEXT) -> None:
    RevisionCache(directory).store(a_revision(number), text)
    files.note(a_revision(number), text)
    # Marks are ordered by time, whose resolution is coarser than this test.
    mark = RevisionCache(directory).path_of(a_revision(number)).with_name(MARK)
    os.utime(mark, (1000 + number, 1000 + number))


def present(directory) -> list[int]:
    cache = RevisionCache(directory)
    return [number for number in range(20) if cache.load(a_revision(number)) is not None]


def test_the_files_fetched_first_are_removed_when_there_are_too_many(tmp_path):
    """Also after a restart; their folders are removed too."""
    files = FetchedFileLimit(tmp_path, most_files=3)
    for number in range(5):
        fetched(tmp_path, number, files)
    assert present(tmp_path) == [2, 3, 4]

    fetched(tmp_path, 5, FetchedFileLimit(tmp_path, most_files=3))

    assert present(tmp_path) == [3, 4, 5]
    assert len(list(tmp_path.rglob(MARK))) == 3
    assert not RevisionCache(tmp_path).path_of(a_revision(0)).parent.exists()


def test_the_files_fetched_first_are_removed_when_they_are_too_large(tmp_path):
    """Their total size counts."""
    files = FetchedFileLimit(tmp_path, most_bytes=2 * len(TEXT))
    for number in range(4):
        fetched(tmp_path, number, files)

    assert present(tmp_path) == [2, 3]


def test_a_file_put_there_by_hand_is_never_removed(tmp_path):
    """Also in place of a fetched file, or next to one that is removed."""
    by_hand = TEXT.replace(b"flag", b"boolean")
    RevisionCache(tmp_path).store(a_revision(0), by_hand)
    files = FetchedFileLimit(tmp_path, most_files=1)
    fetched(tmp_path, 1, files)
    RevisionCache(tmp_path).path_of(a_revision(1)).write_bytes(by_hand)
    for number in (2, 3):
        fetched(tmp_path, number, files)

    assert present(tmp_path) == [0, 1, 3]
    assert RevisionCache(tmp_path).path_of(a_revision(1)).read_bytes() == by_hand


def test_a_failed_removal_does_not_fail_the_fetch(tmp_path, caplog):
    """The fetched file is stored; removal is tried again after the next fetch."""
    FetchedFileLimit(tmp_path / "nowhere").note(a_revision(1), TEXT)

    assert "cannot be limited" in caplog.text


async def test_only_fetched_files_are_marked(tmp_path):
    """Other files in the cache have no mark."""
    RevisionCache(tmp_path).store(a_revision(1), TEXT)
    async with AsyncExitStack() as stack:
        server = await stack.enter_async_context(serving(status(200, TEXT)))
        fetcher = SpecFetcher(RevisionCache(tmp_path), source_of(server.url))
        await stack.enter_async_context(fetcher)
        assert {await fetcher.fetch(a_revision(number)) for number in (1, 2)} == {FetchResult.FOUND}

    marked = [path.parent for path in tmp_path.rglob(MARK)]
    assert marked == [RevisionCache(tmp_path).path_of(a_revision(2)).parent]
