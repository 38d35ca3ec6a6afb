"""Reads spec files from a folder or an archive with the layout of the cache."""

import asyncio
import tarfile
import zipfile
from pathlib import Path
from typing import Self

import aiofiles

from histogram_specs.changeset_prefixes import ChangesetPrefixes
from histogram_specs.errors import RevisionMissing, SourceUnreachable
from histogram_specs.revision import SPEC_FILE_NAME, Revision
from histogram_specs.spec_file import MAX_BYTES


class Folder:
    """``<folder>/<repo…>/<changeset>/Histograms.json``."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._names = ChangesetPrefixes(path)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *raised: object) -> None:
        return None

    async def read(self, revision: Revision, name: str = SPEC_FILE_NAME) -> bytes:
        """Return the file *name* at *revision*; raises the errors of `Source.read`."""
        stored_as = await asyncio.to_thread(self._names.stored_as, revision.repository, revision.changeset)
        path = self._path / revision.repository / (stored_as or revision.changeset) / name
        try:
            async with aiofiles.open(path, "rb") as file:
                text = await file.read(MAX_BYTES + 1)
        except FileNotFoundError:
            raise RevisionMissing(f"{self._path} has no {revision}") from None
        except OSError as error:
            raise SourceUnreachable(f"{path}: {error.strerror}") from None
        if len(text) > MAX_BYTES:
            raise SourceUnreachable(f"{path}: more than {MAX_BYTES:,} bytes")
        return text


class Archive:
    """A zip or tar file with the same layout, at the top or in a single folder."""

    SUFFIXES = (".zip", ".tar", ".tar.gz", ".tgz", ".tar.xz", ".tar.bz2")

    def __init__(self, path: Path) -> None:
        self._path = path

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *raised: object) -> None:
        return None

    async def read(self, revision: Revision, name: str = SPEC_FILE_NAME) -> bytes:
        """Return the file *name* at *revision*; raises the errors of `Source.read`."""
        wanted = f"{revision.repository}/{revision.changeset}/{name}"
        try:
            return await asyncio.to_thread(self._read, wanted)
        except (OSError, EOFError, tarfile.TarError, zipfile.BadZipFile) as error:
            raise SourceUnreachable(f"{self._path}: {error}") from None

    def _read(self, wanted: str) -> bytes:
        text = self._from_zip(wanted) if self._path.suffix == ".zip" else self._from_tar(wanted)
        if text is None:
            raise RevisionMissing(f"{self._path} has no {wanted}")
        if len(text) > MAX_BYTES:
            raise SourceUnreachable(f"{self._path}: {wanted} is more than {MAX_BYTES:,} bytes")
        return text

    def _from_zip(self, wanted: str) -> bytes | None:
        with zipfile.ZipFile(self._path) as archive:
            for name in archive.namelist():
                if f"/{name}".endswith(f"/{wanted}"):
                    with archive.open(name) as member:
                        return member.read(MAX_BYTES + 1)
        return None

    def _from_tar(self, wanted: str) -> bytes | None:
        with tarfile.open(self._path) as archive:
            for entry in archive:
                if entry.isfile() and f"/{entry.name.removeprefix('./')}".endswith(f"/{wanted}"):
                    member = archive.extractfile(entry)
                    return None if member is None else member.read(MAX_BYTES + 1)
        return None
