"""The forms of revision_server, and sources that need no network."""

import shutil
import subprocess
import tarfile
import zipfile

import pytest

from histogram_specs.errors import BadSource, RevisionMissing, SourceUnreachable
from histogram_specs.revision import SPEC_PATH, Revision
from histogram_specs.sources.clone import GitClone, MercurialClone
from histogram_specs.sources.files import Archive, Folder
from histogram_specs.sources.http import HttpSource
from histogram_specs.sources.source import source_of
from tests.histogram_specs import mercurial
from tests.histogram_specs.hostile_server import serving, status
from tests.histogram_specs.samples import a_revision, a_text


@pytest.fixture
def folder(tmp_path):
    """A folder with two revisions."""
    for number in (0, 1):
        path = tmp_path / "folder" / str(a_revision(number)).replace("/rev/", "/") / "Histograms.json"
        path.parent.mkdir(parents=True)
        path.write_bytes(a_text(number))
    return tmp_path / "folder"


@pytest.mark.parametrize(
    ("setting", "kind"),
    [
        ("https://hg.mozilla.org", HttpSource),
        ("http://127.0.0.1:8000/", HttpSource),
        ("upstream+https://telemetry.example", HttpSource),
    ],
)
def test_urls_are_servers(setting, kind):
    """Only the form of the text counts; nothing is opened."""
    assert isinstance(source_of(setting), kind)


@pytest.mark.parametrize("setting", ["", "ftp://x", "upstream+ftp://x", "/no/such/folder", "hg.mozilla.org"])
def test_other_texts_are_refused_with_the_valid_forms(setting, tmp_path, monkeypatch):
    """The error is one line."""
    if not setting:
        setting = str(tmp_path / "absent")

    with pytest.raises(BadSource, match="revision_server") as raised:
        source_of(setting)

    assert "\n" not in str(raised.value)


async def test_an_upstream_is_another_telemetry_server():
    """Its route has repository and changeset separately."""
    revision = Revision("releases/mozilla-release", "abc")
    async with (
        serving(status(200, a_text())) as server,
        source_of(f"upstream+{server.url}/prefix/") as source,
    ):
        assert await source.read(revision) == a_text()
        assert await source.read(revision, "Scalars.yaml") == a_text()

    path = "/prefix/histograms/releases/mozilla-release/abc"
    assert server.paths == [path, f"{path}/Scalars.yaml"]


async def test_revisions_are_read_from_a_folder(folder):
    """With the whole changeset or an abbreviation; other revisions are missing."""
    async with source_of(str(folder)) as source:
        assert isinstance(source, Folder)
        assert await source.read(a_revision(1)) == a_text(1)
        with pytest.raises(RevisionMissing):
            await source.read(a_revision(2))


@pytest.mark.parametrize("name", ["specs.zip", "specs.tar", "specs.tar.gz", "specs.tgz", "specs.tar.xz"])
async def test_revisions_are_read_from_an_archive(folder, tmp_path, name):
    """At its top, or in a folder in it."""
    path = tmp_path / name
    if name.endswith(".zip"):
        with zipfile.ZipFile(path, "w") as archive:
            for file in folder.rglob("*.json"):
                archive.write(file, file.relative_to(folder))
    else:
        with tarfile.open(
            path, "w:" + {"tgz": "gz", "tar": ""}.get(path.suffix[1:], path.suffix[1:])
        ) as archive:
            archive.add(folder, "some-folder")

    async with source_of(str(path)) as source:
        assert isinstance(source, Archive)
        assert await source.read(a_revision(1)) == a_text(1)
        with pytest.raises(RevisionMissing):
            await source.read(a_revision(2))


@pytest.mark.parametrize("name", ["specs.zip", "specs.tar.gz"])
async def test_a_damaged_archive_is_unreachable(tmp_path, name):
    """It may be repaired later."""
    (tmp_path / name).write_bytes(b"not an archive")

    async with source_of(str(tmp_path / name)) as source:
        with pytest.raises(SourceUnreachable):
            await source.read(a_revision())


@pytest.fixture
def git_commits(tmp_path):
    """A git working copy, its commit with a spec file, and the previous one without."""
    work = tmp_path / "work"

    def git(*arguments: str) -> str:
        command = ["git", "-C", str(work), "-c", "user.name=a", "-c", "user.email=a@example.org", *arguments]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout

    (work / SPEC_PATH).parent.mkdir(parents=True)
    git("init", "-q")
    git("commit", "-q", "--allow-empty", "-m", "empty")
    (work / SPEC_PATH).write_bytes(a_text())
    git("add", ".")
    git("commit", "-q", "-m", "one")
    git("clone", "-q", "--bare", ".", str(tmp_path / "bare"))
    return git("log", "--format=%H").split()


@pytest.mark.skipif(shutil.which("git") is None, reason="needs git")
@pytest.mark.parametrize("name", ["work", "bare"])
async def test_revisions_are_read_from_a_git_clone(tmp_path, git_commits, name):
    """With whole or abbreviated ids, in a working copy or a bare clone."""
    head, empty = git_commits

    async with source_of(str(tmp_path / name)) as source:
        assert isinstance(source, GitClone)
        assert await source.read(Revision("mozilla-central", head)) == a_text()
        assert await source.read(Revision("mozilla-central", head[:12])) == a_text()
        for absent in (empty, "ef" * 20, "ef" * 6):
            with pytest.raises(RevisionMissing):
                await source.read(Revision("mozilla-central", absent))


@pytest.mark.skipif(shutil.which("hg") is None, reason="hg is not installed")
async def test_revisions_are_read_from_a_mercurial_clone(tmp_path):
    """With whole or abbreviated ids; a changeset may be unknown, or without the file."""
    with mercurial.installed(tmp_path / "venv") as hg:
        repository = mercurial.Repository(hg, tmp_path / "clone")
        empty, with_file = repository.commit("2013-01-01"), repository.commit("2013-02-01", a_text())

    async with source_of(str(repository.path)) as source:
        assert isinstance(source, MercurialClone)
        assert await source.read(Revision("mozilla-central", with_file)) == a_text()
        assert await source.read(Revision("mozilla-central", with_file[:12])) == a_text()
        for absent in (empty, "e" * 40, "f" * 40):
            with pytest.raises(RevisionMissing):
                await source.read(Revision("mozilla-central", absent))


async def test_an_invalid_clone_is_unreachable(tmp_path):
    """An empty .hg or .git folder: no traceback, whether or not the tool is installed."""
    for kind, name in ((MercurialClone, ".hg"), (GitClone, ".git")):
        (tmp_path / kind.__name__ / name).mkdir(parents=True)
        (tmp_path / kind.__name__ / name / "requires").write_text("no-such-requirement\n")
        async with source_of(str(tmp_path / kind.__name__)) as source:
            assert isinstance(source, kind)
            with pytest.raises(SourceUnreachable):
                await source.read(a_revision())
