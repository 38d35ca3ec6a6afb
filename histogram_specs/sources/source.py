"""
The sources of spec files: the forms of the setting ``revision_server``.

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

UPSTREAM = "upstream+"


class Source(Protocol):
    """A source of spec files by revision.  Use it with ``async with``."""

    async def __aenter__(self) -> Self: ...

    async def __aexit__(self, *raised: object) -> None: ...

    async def read(self, revision: Revision, name: str = SPEC_FILE_NAME) -> bytes:
        """
        Return the unchecked bytes of the file *name* at *revision*.

        Raises:
            RevisionMissing: If the source does not have the revision, or no spec file at it.
            SourceUnreachable: If there was no usable answer; a later attempt may succeed.
        """


def source_of(setting: str) -> Source:
    """
    Return the source for the text of the setting; it is not opened yet.

    Raises:
        BadSource: If the text is not the name of a source; the message names the valid forms.
    """
    server = setting.removeprefix(UPSTREAM)
    if server.startswith(("http://", "https://")):
        # Imported late: aiohttp is slow to import, and sources on disk do not need it.
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
    from histogram_specs.sources.files import Archive, Folder

    if path.is_dir():
        return Folder(path)
    if path.is_file() and path.name.endswith(Archive.SUFFIXES):
        return Archive(path)
    raise BadSource(
        f"revision_server {setting!r} must be an http(s) URL, an upstream+http(s) URL, "
        "or an existing folder, clone, .zip or .tar archive"
    )
