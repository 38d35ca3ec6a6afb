"""The revision cache."""

import logging
import stat

import pytest

from histogram_specs.cache.revision_cache import SET_ASIDE_NAME, RevisionCache
from histogram_specs.errors import BrokenSpecFile, NotASpecFile
from histogram_specs.revision import Revision
from tests.histogram_specs.samples import a_revision, a_text

LONG = Revision("releases/mozilla-release", "a55c55edf302" + "0" * 28)
SHORT = Revision("releases/mozilla-release", "a55c55edf302")


def put(directory, revision, text):
    """Put a file into the cache by hand."""
    path = directory / revision.repository / revision.changeset / "Histograms.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text)
    return path


def test_a_file_put_there_by_hand_is_found(tmp_path):
    """In the layout of the original; nothing else is needed."""
    put(tmp_path, SHORT, a_text())

    assert RevisionCache(tmp_path).load(SHORT).find("A_FLAG")


def test_a_revision_is_noticed_when_its_file_appears(tmp_path):
    """A cache in another process notices added, changed and removed files."""
    cache = RevisionCache(tmp_path / "specs")
    assert cache.load(SHORT) is None

    path = put(tmp_path / "specs", SHORT, a_text(0))
    assert cache.load(SHORT).find("AN_ENUM").high == 4

    path.write_bytes(a_text(10))
    assert cache.load(SHORT).find("AN_ENUM").high == 14

    path.unlink()
    assert cache.load(SHORT) is None


@pytest.mark.parametrize(("stored", "asked"), [(SHORT, LONG), (LONG, SHORT)])
def test_twelve_digits_and_forty_mean_the_same_changeset(tmp_path, stored, asked):
    """A file stored under either is found by the other."""
    put(tmp_path, stored, a_text())

    assert RevisionCache(tmp_path).load(asked) is not None


def test_an_ambiguous_abbreviation_finds_no_file(tmp_path):
    """Of two candidates neither is used; an exact name takes precedence."""
    other = Revision(LONG.repository, LONG.changeset[:-1] + "1")
    put(tmp_path, LONG, a_text(1))
    put(tmp_path, other, a_text(2))
    cache = RevisionCache(tmp_path)
    assert cache.load(SHORT) is None

    put(tmp_path, SHORT, a_text(3))
    assert cache.load(SHORT).find("AN_ENUM").high == 7
    assert cache.load(other).find("AN_ENUM").high == 6


def test_fewer_than_twelve_digits_must_match_exactly(tmp_path):
    """A folder "a" is not the file of every changeset that begins with it."""
    put(tmp_path, Revision(LONG.repository, "a"), a_text())
    cache = RevisionCache(tmp_path)

    assert cache.load(LONG) is None
    assert cache.load(Revision(LONG.repository, "a")) is not None


def test_repositories_are_not_confused(tmp_path):
    """Even if the path of one is the beginning of the other's."""
    put(tmp_path, SHORT, a_text())

    assert RevisionCache(tmp_path).load(Revision("releases", SHORT.changeset)) is None
    assert RevisionCache(tmp_path).load(Revision("mozilla-release", SHORT.changeset)) is None


def test_equal_texts_are_one_object_and_are_parsed_once(tmp_path):
    """Two revisions with the same file share it."""
    put(tmp_path, a_revision(1), a_text())
    put(tmp_path, a_revision(2), a_text())
    cache = RevisionCache(tmp_path)

    assert cache.load(a_revision(1)) is cache.load(a_revision(2))
    assert cache.load(a_revision(1)) is cache.load(a_revision(1))


def test_the_number_of_definitions_in_memory_is_limited(tmp_path):
    """The least recently used are removed; each can be loaded again."""
    cache = RevisionCache(tmp_path, max_cached_specs=6)
    for number in range(5):
        put(tmp_path, a_revision(number), a_text(number))
    first = cache.load(a_revision(0))
    cache.load(a_revision(1))
    assert cache.load(a_revision(0)) is first

    for number in range(2, 5):
        cache.load(a_revision(number))

    assert cache.load(a_revision(0)) is not first
    assert cache.load(a_revision(0)).digest == first.digest


@pytest.mark.parametrize(
    "text", [b"", b"no JSON", b"[]", b"{}", a_text()[:-5], b" " * (4 * 2**20 + 1)], ids=len
)
def test_a_broken_file_is_logged_once_and_never_used(tmp_path, caplog, text):
    """One line names the file and says what to do; a repaired file is used at once."""
    path = put(tmp_path, SHORT, text)
    cache = RevisionCache(tmp_path)
    with caplog.at_level(logging.WARNING):
        for _ in range(3):
            with pytest.raises(BrokenSpecFile, match=r"Histograms\.json .*; replace it or remove it"):
                cache.load(SHORT)

    assert len(caplog.records) == 1
    assert "\n" not in caplog.records[0].getMessage()
    path.write_bytes(a_text())
    assert cache.load(SHORT) is not None


@pytest.mark.parametrize("linked", ["file", "changeset", "repository"])
def test_links_are_not_followed(tmp_path, linked):
    """Anywhere below the cache's folder."""
    outside = put(tmp_path / "outside", SHORT, a_text())
    inside = tmp_path / "specs" / SHORT.repository / SHORT.changeset / "Histograms.json"
    at, to = {
        "file": (inside, outside),
        "changeset": (inside.parent, outside.parent),
        "repository": (inside.parent.parent, outside.parent.parent),
    }[linked]
    at.parent.mkdir(parents=True)
    at.symlink_to(to)
    cache = RevisionCache(tmp_path / "specs")

    try:
        assert cache.load(SHORT) is None
    except BrokenSpecFile:
        assert linked != "repository"
    assert list(cache.list()) == []


def test_a_stored_file_is_found_by_every_cache(tmp_path):
    """It is complete and private, and no temporary file is left."""
    stored = RevisionCache(tmp_path / "new" / "specs").store(LONG, a_text())
    folder = tmp_path / "new" / "specs" / LONG.repository / LONG.changeset

    assert RevisionCache(tmp_path / "new" / "specs").load(LONG).digest == stored.digest
    assert [path.name for path in folder.iterdir()] == ["Histograms.json"]
    assert stat.S_IMODE((folder / "Histograms.json").stat().st_mode) == 0o600
    assert (folder / "Histograms.json").read_bytes() == a_text()


def test_a_text_that_is_not_a_spec_file_is_not_stored(tmp_path):
    """No folder is created for it."""
    with pytest.raises(NotASpecFile):
        RevisionCache(tmp_path / "specs").store(SHORT, b"<html>")

    assert not (tmp_path / "specs").exists()


def test_a_usable_file_put_there_by_hand_is_never_replaced(tmp_path):
    """Also if its changeset is abbreviated differently."""
    path = put(tmp_path, SHORT, a_text(1))
    cache = RevisionCache(tmp_path)

    assert cache.store(SHORT, a_text(2)).find("AN_ENUM").high == 5
    assert cache.store(LONG, a_text(2)).find("AN_ENUM").high == 5
    assert path.read_bytes() == a_text(1)


@pytest.mark.parametrize("asked", [SHORT, LONG])
def test_a_broken_file_is_renamed_when_a_good_one_is_stored(tmp_path, asked):
    """Its content is kept next to the new file."""
    path = put(tmp_path, SHORT, b"half a fi")
    cache = RevisionCache(tmp_path)

    cache.store(asked, a_text())

    assert cache.load(asked).find("A_FLAG")
    assert (path.parent / SET_ASIDE_NAME).read_bytes() == b"half a fi"


def test_a_failed_write_leaves_nothing_behind(tmp_path):
    """There is a file in place of a folder: an error, and no incomplete file."""
    (tmp_path / "releases").write_bytes(b"")

    with pytest.raises(OSError):
        RevisionCache(tmp_path).store(SHORT, a_text())

    assert [path.name for path in tmp_path.iterdir()] == ["releases"]


def test_the_list_shows_revisions_with_paths_and_sizes(tmp_path):
    """In order; stray files and folders that are not revisions are skipped."""
    one = put(tmp_path, SHORT, a_text())
    two = put(tmp_path, a_revision(1), a_text(1))
    (tmp_path / "Histograms.json").write_bytes(a_text())
    put(tmp_path, Revision("x", "1"), a_text()).parent.rename(tmp_path / "x" / "not-a-changeset")
    (tmp_path / ".history").mkdir()

    listed = list(RevisionCache(tmp_path).list())

    assert [(entry.revision, entry.path) for entry in listed] == [(a_revision(1), two), (SHORT, one)]
    assert [entry.size_bytes for entry in listed] == [len(a_text(1)), len(a_text())]
    assert list(RevisionCache(tmp_path / "absent").list()) == []


def test_a_revision_with_other_files_only_is_listed(tmp_path):
    """It is loaded without histograms."""
    put(tmp_path, SHORT, a_text()).rename(tmp_path / "releases" / "Scalars.yaml")
    folder = RevisionCache(tmp_path).path_of(SHORT).parent
    folder.joinpath("Scalars.yaml").write_bytes(b"{}")
    cache = RevisionCache(tmp_path)

    (listed,) = cache.list()

    assert (listed.revision, listed.path.name, listed.size_bytes) == (SHORT, "Scalars.yaml", 2)
    assert not listed.has_histograms
    loaded = cache.load_listed(listed)
    assert loaded is not None
    assert list(loaded) == []
