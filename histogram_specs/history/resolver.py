"""Chooses the definitions for a ping: those of its revision, or the best available without it."""

import logging
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Literal, Protocol

from histogram_specs.aliases import DEFAULT_ALIASES, RepositoryAliases, parse_aliases
from histogram_specs.cache.revision_cache import RevisionCache
from histogram_specs.errors import BrokenSpecFile, SpecError
from histogram_specs.revision import Revision
from histogram_specs.spec_file import SpecFile

MISSING_FOR_SECONDS = 3600.0
MAX_MISSING = 10_000
THUNDERBIRD_AND_SEAMONKEY = parse_aliases(DEFAULT_ALIASES)

log = logging.getLogger(__name__)


class RevisionSource(StrEnum):
    """The rule that found the definitions; stored as ``metadata.revision_source``."""

    PING = "ping"
    HISTORY = "history"
    BUILD_DATE = "build_date"
    VERSION = "version"
    ALIAS_BUILD_DATE = "alias_build_date"  # in the gecko repository of an application with its own repository
    ALIAS_VERSION = "alias_version"


@dataclass(frozen=True, slots=True)
class Resolved:
    """The definitions for a ping."""

    spec_file: SpecFile
    revision: Revision  # the ping's own, or that of a fallback
    source: RevisionSource


@dataclass(frozen=True, slots=True)
class Awaiting:
    """The revision must be fetched first, or the cache become readable; resolve again after that."""

    revision: Revision
    error: OSError | None = field(default=None, compare=False)  # why the cache cannot be read


@dataclass(frozen=True, slots=True)
class NotFound:
    """No rule finds definitions; *reason* is the quarantine reason."""

    reason: Literal["missing_revision", "unknown_revision"]
    detail: str  # one line


Resolution = Resolved | Awaiting | NotFound


class Resolves(Protocol):
    """Finds definitions, as `Resolver` does."""

    def resolve(
        self,
        revision: Revision | None,
        *,
        channel: str | None,
        build_id: str | None,
        version: str | None,
        platform_version: str | None = None,
        histograms: bool = True,
    ) -> Resolution:
        """Find definitions by *revision*, else by the other fields of the build."""


@dataclass(frozen=True, slots=True)
class InForce:
    """A text that was in force, and the changeset that introduced it."""

    revision: Revision
    digest: str
    companions: tuple[tuple[str, str], ...] = ()  # name and digest of the other files in force


class KnownHistory(Protocol):
    """The queries of a resolver to a history; each returns None if the history does not know."""

    def at_revision(self, revision: Revision) -> InForce | None:
        """Return the definitions in force at *revision*, even if it did not change the file."""

    def at_build(self, channel: str, build_id: str, version: str | None) -> InForce | None:
        """Return the definitions in force in the channel's repository when the build was made."""

    def at_version(self, channel: str, version: str) -> InForce | None:
        """Return the definitions in force in the channel's repository when that version was tagged."""

    def at_build_in(self, repository: str, build_id: str) -> InForce | None:
        """Return the definitions in force in *repository* when the build was made."""

    def at_version_in(self, repository: str, version: str) -> InForce | None:
        """Return the definitions in force in *repository* at a version of an application built from it."""

    def spec_text(self, digest: str) -> bytes:
        """Return the text with this digest."""


class Resolver:
    """
    Finds the definitions for a ping; synchronous, for worker processes.

    It tries in order: the ping's revision in the cache; the history at that revision; the
    server, by returning `Awaiting`, unless *offline*; channel and build date; channel and
    version.  For revisions of an application in *aliases* the server is not asked, and build
    date and version are looked up in the repository of its gecko.
    A miss is remembered only by `mark_missing`.
    """

    def __init__(
        self,
        cache: RevisionCache,
        history: KnownHistory | None,
        *,
        offline: bool,
        aliases: RepositoryAliases = THUNDERBIRD_AND_SEAMONKEY,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._cache = cache
        self._history = history
        self._offline = offline
        self._aliases = aliases
        self._clock = clock
        self._missing_until: OrderedDict[Revision, float] = OrderedDict()
        self._useless_digest = ""  # the last that was logged

    def resolve(
        self,
        revision: Revision | None,
        *,
        channel: str | None,
        build_id: str | None,
        version: str | None,
        platform_version: str | None = None,
        histograms: bool = True,
    ) -> Resolution:
        """
        Find definitions by *revision*, or else by the other facts about the build.

        Args:
            revision: The revision that the ping names, if any.
            channel: As in the ping: "nightly", "aurora", "beta", "release", "esr".
            build_id: ``YYYYMMDDhhmmss``, or at least its date.
            version: "23.0.1", "25.0a1".
            platform_version: The version of its gecko, if the ping has it.
            histograms: Whether the ping has histograms.  Without them a revision is enough that is cached
                without Histograms.json.
        """
        detail = "the ping names no revision"
        if revision is not None:
            found, detail = self._by_revision(revision)
            if not histograms and not isinstance(found, Resolved):
                found = self._by_companions(revision) or found
            if found is not None:
                return found
        gecko = None if revision is None else self._aliases.gecko_of(revision.repository)
        if gecko is None:
            fallback = self._by_build(channel, build_id, version)
        else:
            fallback = self._by_alias(gecko, build_id, (platform_version, version))
        if fallback is not None:
            return fallback
        if revision is None:
            return NotFound("missing_revision", f"{detail}, and no history covers its build")
        return NotFound("unknown_revision", detail)

    def text_of(self, revision: Revision, companion: str | None = None) -> bytes | None:
        """
        Return the unmodified Histograms.json of *revision*, or its file *companion*.

        Returns None if neither the cache nor the history has it; the server is never asked.
        """
        found, _ = self._by_revision(revision)
        if not isinstance(found, Resolved):
            return None
        return found.spec_file.text if companion is None else found.spec_file.companion(companion)

    def mark_missing(self, revision: Revision) -> None:
        """Skip *revision* for an hour: the server does not have its file."""
        self._missing_until[revision] = self._clock() + MISSING_FOR_SECONDS
        self._missing_until.move_to_end(revision)
        if len(self._missing_until) > MAX_MISSING:
            self._missing_until.popitem(last=False)

    def _by_revision(self, revision: Revision) -> tuple[Resolved | Awaiting | None, str]:
        broken = ""
        try:
            spec_file = self._cache.load(revision)
        except BrokenSpecFile as error:
            spec_file, broken = None, f"{error}; "
        except OSError as error:
            log.error("the revision cache cannot be read: %s", error)
            return Awaiting(revision, error), ""  # a problem of this machine: no ping is refused for it
        if spec_file is not None:
            return Resolved(spec_file, revision, RevisionSource.PING), ""
        if self._history is not None:
            in_force = self._history.at_revision(revision)
            spec_file = self._text_of(in_force)
            if spec_file is not None:
                return Resolved(spec_file, revision, RevisionSource.HISTORY), ""
        gecko = self._aliases.gecko_of(revision.repository)
        if gecko is not None:
            return (
                None,
                f"{broken}{revision} is built from {gecko}, whose history was not prefetched for it:"
                f" run telemetry-server specs prefetch --repo {gecko}",
            )
        if self._offline:
            return (
                None,
                f"{broken}neither the cache nor the history has {revision}, and the server is not asked",
            )
        if self._is_missing(revision):
            return None, f"the revision server has no Histograms.json at {revision}"
        return Awaiting(revision), ""

    def _by_companions(self, revision: Revision) -> Resolved | None:
        try:
            spec_file = self._cache.load_companions(revision)
        except OSError:
            return None  # `_by_revision` waits for the disk
        return None if spec_file is None else Resolved(spec_file, revision, RevisionSource.PING)

    def _by_build(self, channel: str | None, build_id: str | None, version: str | None) -> Resolved | None:
        if self._history is None or not channel:
            return None
        if build_id:
            in_force = self._history.at_build(channel, build_id, version)
            spec_file = self._text_of(in_force)
            if in_force is not None and spec_file is not None:
                return Resolved(spec_file, in_force.revision, RevisionSource.BUILD_DATE)
        if version:
            in_force = self._history.at_version(channel, version)
            spec_file = self._text_of(in_force)
            if in_force is not None and spec_file is not None:
                return Resolved(spec_file, in_force.revision, RevisionSource.VERSION)
        return None

    def _by_alias(
        self, gecko: str, build_id: str | None, versions: tuple[str | None, ...]
    ) -> Resolved | None:
        if self._history is None:
            return None
        if build_id:
            in_force = self._history.at_build_in(gecko, build_id)
            spec_file = self._text_of(in_force)
            if in_force is not None and spec_file is not None:
                return Resolved(spec_file, in_force.revision, RevisionSource.ALIAS_BUILD_DATE)
        for version in filter(None, versions):
            in_force = self._history.at_version_in(gecko, version)
            spec_file = self._text_of(in_force)
            if in_force is not None and spec_file is not None:
                return Resolved(spec_file, in_force.revision, RevisionSource.ALIAS_VERSION)
        return None

    def _text_of(self, in_force: InForce | None) -> SpecFile | None:
        if in_force is None or self._history is None:
            return None
        try:
            return self._cache.shared(in_force.digest, self._history.spec_text, dict(in_force.companions))
        except SpecError as error:
            if in_force.digest != self._useless_digest:
                log.warning("%s of the history cannot be used: %s", in_force.revision, error)
            self._useless_digest = in_force.digest
            return None

    def _is_missing(self, revision: Revision) -> bool:
        until = self._missing_until.get(revision)
        if until is None:
            return False
        if until <= self._clock():
            del self._missing_until[revision]
            return False
        return True
