"""The revision cache: specs by revision, in memory and on disk."""

import logging
import os
import stat
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from histogram_specs.atomic_files import PASSING, opened_directory, write_file
from histogram_specs.changeset_prefixes import ChangesetPrefixes
from histogram_specs.definition_files import (
    REPOSITORY_PATHS,
    Stamp,
    combined_digest,
    companion_stamps,
    digest_of,
    read_companions,
)
from histogram_specs.errors import BadRevisionUrl, BrokenSpecFile, NotASpecFile
from histogram_specs.expressions import CONSTANTS, Constants
from histogram_specs.revision import SPEC_FILE_NAME, Revision
from histogram_specs.spec_file import MAX_BYTES, SpecFile, parse_spec_file

MAX_FILES = 10_000
BROKEN_FILE_REMEDY = "replace it or remove it"
SET_ASIDE_NAME = SPEC_FILE_NAME + ".broken"

log = logging.getLogger(__name__)

_Stamp = tuple[Stamp | None, ...]  # of Histograms.json, then of each companion


@dataclass(frozen=True, slots=True)
class CachedRevision:
    """A revision of the cache, from `RevisionCache.list`."""

    revision: Revision
    path: Path  # of its Histograms.json; without one, of its first other file
    size_bytes: int

    @property
    def has_histograms(self) -> bool:
        """Whether it has a Histograms.json."""
        return self.path.name == SPEC_FILE_NAME


@dataclass(frozen=True, slots=True)
class _Known:
    stamp: _Stamp
    digest: str | None  # None: the file is not a spec file
    detail: str = ""


class RevisionCache:
    """
    Spec files by revision, stored as ``<directory>/<repo…>/<changeset>/Histograms.json``.

    The disk decides: `load` notices files that were added, changed or removed by others.
    In memory each text is held once, even for several revisions; the least recently used
    are removed when more than *max_cached_specs* definitions are held.  Synchronous; can
    be used from several threads.
    """

    def __init__(
        self,
        directory: Path,
        *,
        max_cached_specs: int = 250_000,
        constants: Constants = CONSTANTS,
    ) -> None:
        self.directory = directory
        self.constants = constants
        self._max_cached_specs = max_cached_specs
        self._cached_specs = 0
        self._by_digest: OrderedDict[str, SpecFile] = OrderedDict()
        self._known: OrderedDict[Revision, _Known] = OrderedDict()
        self._names = ChangesetPrefixes(directory)
        self._lock = threading.Lock()

    def load(self, revision: Revision) -> SpecFile | None:
        """
        Return the specs of *revision*, or None if the cache has none.

        A changeset may be abbreviated to 12 digits or more, in the ping or on disk, if that is
        unambiguous.

        Raises:
            BrokenSpecFile: If the file is unreadable or not a spec file.  Logged once until the
                file changes.
            OSError: If the disk cannot be read at the moment.
        """
        with self._lock:
            stored_as = self._stored_as(revision)
            return None if stored_as is None else self._load(stored_as)

    def load_companions(self, revision: Revision) -> SpecFile | None:
        """
        Return the other files of a *revision* without Histograms.json; None if the cache has none of them.

        The result defines no histogram but use counters.

        Raises:
            OSError: If the disk cannot be read just now.
        """
        with self._lock:
            stored_as = self._stored_as(revision)
            if stored_as is None:
                return None
            try:
                with opened_directory(self.directory, self._parts(stored_as)) as directory:
                    companions = read_companions(directory)
            except OSError as error:
                if error.errno in PASSING:
                    raise
                return None
            if not companions:
                return None
            digest = digest_of(b"", companions)
            return self._by_digest.get(digest) or self._keep(SpecFile(b"", {}, companions))

    def store(
        self, revision: Revision, text: bytes, companions: Mapping[str, bytes] = MappingProxyType({})
    ) -> SpecFile:
        """
        Store *text* atomically as the file of *revision*, and return its specs.

        Its *companions* are written first, so that a revision with Histograms.json has all its files.

        An existing broken file is renamed to ``Histograms.json.broken``.  An existing usable
        file is never replaced, and its specs are returned.

        Raises:
            NotASpecFile: If *text* is not a spec file; nothing is written.
            OSError: If it cannot be written, or an existing file cannot be read; nothing is changed.
        """
        spec_file = parse_spec_file(text, self.constants, companions)
        try:
            present = self.load(revision)
        except BrokenSpecFile:
            with self._lock:
                self._set_aside(self._stored_as(revision) or revision)
        else:
            if present is not None:
                return present
        with opened_directory(self.directory, self._parts(revision), create=True) as directory:
            present_too = read_companions(directory)
            for name, companion in companions.items():
                if name not in present_too:
                    write_file(directory, name, companion)
            write_file(directory, SPEC_FILE_NAME, text)
        return spec_file

    def shared(
        self,
        digest: str,
        read: Callable[[str], bytes],
        companions: Mapping[str, str] = MappingProxyType({}),
    ) -> SpecFile:
        """
        Return the specs of the text with this *digest*; call *read* if they are not in memory.

        Args:
            companions: The digests of the revision's other files, by name.

        Raises:
            NotASpecFile: If the text from *read* is not a spec file.
        """
        with self._lock:
            key = combined_digest(digest, companions)
            if key in self._by_digest:
                self._by_digest.move_to_end(key)
                return self._by_digest[key]
            texts = {name: read(each) for name, each in companions.items()}
            return self._keep(parse_spec_file(read(digest), self.constants, texts))

    def list(self) -> Iterator[CachedRevision]:
        """
        Yield the revisions on disk in order of repository and changeset; links and stray files are skipped.

        One without Histograms.json is listed if it has another definition file.
        """
        for folder, folders, files in os.walk(self.directory, followlinks=False):
            folders[:] = sorted(name for name in folders if not name.startswith("."))
            name = next((name for name in REPOSITORY_PATHS if name in files), None)
            if name is None:
                continue
            path = Path(folder, name)
            *repository, changeset = path.parent.relative_to(self.directory).parts or ("",)
            try:
                revision = Revision("/".join(repository), changeset)
                status = path.lstat()
            except (BadRevisionUrl, OSError):
                continue
            if stat.S_ISREG(status.st_mode):
                yield CachedRevision(revision, path, status.st_size)

    def load_listed(self, cached: CachedRevision) -> SpecFile | None:
        """
        Return the specs of a listed revision, by `load` or `load_companions`; None if it was removed since.

        Raises:
            BrokenSpecFile, OSError: As these do.
        """
        return self.load(cached.revision) if cached.has_histograms else self.load_companions(cached.revision)

    def path_of(self, revision: Revision) -> Path:
        """Return the path of the file of *revision*, whether or not it exists."""
        return self.directory.joinpath(*self._parts(revision), SPEC_FILE_NAME)

    def _load(self, revision: Revision) -> SpecFile | None:
        try:
            with opened_directory(self.directory, self._parts(revision)) as directory:
                return self._load_from(directory, revision)
        except FileNotFoundError:
            self._known.pop(revision, None)
            return None
        except OSError as error:
            if error.errno in PASSING:
                raise
            raise self._broken(revision, f"cannot be read: {error.strerror}", None) from error

    def _load_from(self, directory: int, revision: Revision) -> SpecFile | None:
        status = os.stat(SPEC_FILE_NAME, dir_fd=directory, follow_symlinks=False)
        stamp: _Stamp = (
            (status.st_ino, status.st_mtime_ns, status.st_size),
            *companion_stamps(directory),
        )
        known = self._known.get(revision)
        if known is not None and known.stamp == stamp:
            self._known.move_to_end(revision)
            if known.digest is None:
                raise BrokenSpecFile(known.detail)
            if known.digest in self._by_digest:
                self._by_digest.move_to_end(known.digest)
                return self._by_digest[known.digest]
        if not stat.S_ISREG(status.st_mode):
            raise self._broken(revision, "is not a regular file", stamp)
        if status.st_size > MAX_BYTES:
            raise self._broken(revision, f"is larger than {MAX_BYTES:,} bytes", stamp)
        descriptor = os.open(SPEC_FILE_NAME, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=directory)
        with os.fdopen(descriptor, "rb") as file:
            text = file.read(MAX_BYTES + 1)
        try:
            spec_file = parse_spec_file(text, self.constants, read_companions(directory))
        except NotASpecFile as error:
            raise self._broken(revision, f"is not a spec file: {error}", stamp) from error
        self._remember(revision, _Known(stamp, spec_file.digest))
        return self._keep(spec_file)

    def _broken(self, revision: Revision, what: str, stamp: _Stamp | None) -> BrokenSpecFile:
        detail = f"{self.path_of(revision)} {what}; {BROKEN_FILE_REMEDY}"
        known = self._known.get(revision)
        if known is None or known.detail != detail:
            log.warning("%s", detail)
        self._remember(revision, _Known(stamp or (), None, detail))
        return BrokenSpecFile(detail)

    def _remember(self, revision: Revision, known: _Known) -> None:
        self._known[revision] = known
        self._known.move_to_end(revision)
        if len(self._known) > MAX_FILES:
            self._known.popitem(last=False)

    def _keep(self, spec_file: SpecFile) -> SpecFile:
        shared = self._by_digest.setdefault(spec_file.digest, spec_file)
        self._by_digest.move_to_end(shared.digest)
        if shared is spec_file:
            self._cached_specs += len(spec_file)
        # The newest stays, even if it is too large: the caller holds it anyway.
        while self._cached_specs > self._max_cached_specs and len(self._by_digest) > 1:
            _, gone = self._by_digest.popitem(last=False)
            self._cached_specs -= len(gone)
        return shared

    def _stored_as(self, revision: Revision) -> Revision | None:
        """Return the revision under which a file for *revision* is stored."""
        name = self._names.stored_as(revision.repository, revision.changeset)
        return None if name is None else Revision(revision.repository, name)

    def _set_aside(self, revision: Revision) -> None:
        """Rename a broken file, so that it is not lost."""
        with opened_directory(self.directory, self._parts(revision)) as directory:
            os.rename(SPEC_FILE_NAME, SET_ASIDE_NAME, src_dir_fd=directory, dst_dir_fd=directory)
        log.warning("%s set aside as %s", self.path_of(revision), SET_ASIDE_NAME)

    @staticmethod
    def _parts(revision: Revision) -> tuple[str, ...]:
        return (*revision.repository.split("/"), revision.changeset)
