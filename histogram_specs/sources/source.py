"""
Where a revision's file comes from: what each form of the ``revision_server`` setting stands for.

==============================  =====================================================
``http://…``, ``https://…``     a Mercurial server
``upstream+http://…``           another instance of this server, by its ``/histograms/…``
a folder with ``.hg``, ``.git``  a local clone of one repository
another folder, ``.zip, .tar…``  files under ``<repo…>/<changeset>/Histograms.json``
==============================  =====================================================
"""

from pathlib import Path
from typing import Protocol, Self

from histogram_specs.definition_files import REPOSITORY_PATHS
from histogram_specs.errors import BadSource
from histogram_specs.revision import SPEC_FILE_NAME, Revision
from histogram_specs.sources.clone import GitClone, MercurialClone
from histogram_specs.sources.files import Archive, Folder

UPSTREAM = "upstream+"


class Source(Protocol):
    """Anything that has spec files by revision.  Use it with ``async with``."""

    async def __aenter__(self) -> Self: ...

    async def __aexit__(self, *raised: object) -> None: ...

    async def read(self, revision: Revision, name: str = SPEC_FILE_NAME) -> bytes:
        """
        Return the bytes of the file *name* at *revision*, whatever they are.

        Raises:
            RevisionMissing: If the source has no such revision, or no such file at it.
            SourceUnreachable: If there was no usable answer; a later try may have one.
        """


def source_of(setting: str) -> Source:
    """
    Return the source that the text of a setting stands for; nothing is opened yet.

    Raises:
        BadSource: If it stands for none; the text says what would.
    """
    server = setting.removeprefix(UPSTREAM)
    if server.startswith(("http://", "https://")):
        # aiohttp takes longer to import than the rest together; who reads from a disk does without.
        from histogram_specs.sources.http import HttpSource

        if server == setting:
            return HttpSource(lambda revision, name: revision.spec_url(server, REPOSITORY_PATHS[name]))
        base = server.rstrip("/")

        def upstream_url(revision: Revision, name: str) -> str:
            url = f"{base}/histograms/{revision.repository}/{revision.changeset}"
            return url if name == SPEC_FILE_NAME else f"{url}/{name}"

        return HttpSource(upstream_url)
    path = Path(setting)
    if (path / ".hg").is_dir():
        return MercurialClone(path)
    if (path / ".git").exists() or ((path / "HEAD").is_file() and (path / "objects").is_dir()):
        return GitClone(path)
    if path.is_dir():
        return Folder(path)
    if path.is_file() and path.name.endswith(Archive.SUFFIXES):
        return Archive(path)
    raise BadSource(
        f"revision_server {setting!r} is no http(s) URL, no upstream+http(s) URL, "
        "no folder, no clone and no .zip or .tar archive that exists"
    )
