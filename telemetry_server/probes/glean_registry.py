"""The imported definitions of Glean applications: ``specs/glean/<application>/<name>/``."""

import logging
from collections.abc import Iterator, Mapping, Sequence
from hashlib import sha256
from pathlib import Path

from telemetry_server.probes.errors import NotADefinitionFile
from telemetry_server.probes.glean_cache import CACHE_NAME, read_cache
from telemetry_server.probes.glean_file import GleanDefinitions, GleanMetric, GleanPing, parse_glean

FOLDER = "glean"
# Glean itself records metrics of this category; an application's files do not define them.
GLEAN_CATEGORY = "glean"

log = logging.getLogger(__name__)

_Signature = tuple[tuple[str, int, int], ...]


class GleanRegistry:
    """The metrics of one application by name, and its own pings."""

    def __init__(
        self, metrics: Mapping[str, GleanMetric], pings: Mapping[str, GleanPing] | None = None
    ) -> None:
        self.metrics = metrics
        self.pings = pings or {}

    def metric(self, name: str) -> GleanMetric | None:
        """Return the definition of a metric."""
        return self.metrics.get(name)

    def is_internal(self, name: str) -> bool:
        """Whether Glean itself records *name*, which is not imported."""
        return name not in self.metrics and name.partition(".")[0] == GLEAN_CATEGORY

    def definitions(self) -> Iterator[GleanMetric]:
        """Yield every metric."""
        yield from self.metrics.values()

    def place_of(self, metric: str) -> tuple[str, int] | None:
        """Return the file and the line, from 1, of a metric's definition."""
        found = self.metrics.get(metric)
        return None if found is None else (found.file, found.line)


class GleanApplications:
    """
    Finds the definitions of an application; they are read again after a file has changed.

    Args:
        folder: ``specs/glean``.
        trial: Definitions to use in place of the imported files of the same name.
    """

    def __init__(self, folder: Path | None, trial: GleanDefinitions | None = None) -> None:
        self._folder = folder
        self._trial = trial
        self._known: dict[str, tuple[_Signature, GleanRegistry | None]] = {}

    def with_trial(self, trial: GleanDefinitions) -> "GleanApplications":
        """Return a copy in which *trial* replaces the files of the same name."""
        return GleanApplications(self._folder, trial)

    def registry_of(self, application: str) -> GleanRegistry | None:
        """Return the definitions of an application, a namespace; None if none are imported."""
        signature, paths = self._files_of(application)
        known = self._known.get(application)
        if known is None or known[0] != signature:
            known = signature, self._read(application, paths)
            if paths:  # clients can make up any number of namespaces
                self._known[application] = known
        return known[1]

    def all_metrics(self) -> Iterator[tuple[str, GleanMetric]]:
        """Yield each metric with its application."""
        if self._folder is None or not self._folder.is_dir():
            return
        for application in sorted(path.name for path in self._folder.iterdir() if path.is_dir()):
            registry = self.registry_of(application)
            for metric in () if registry is None else registry.definitions():
                yield application, metric

    def _files_of(self, application: str) -> tuple[_Signature, list[Path]]:
        if self._folder is None or "/" in application or application.startswith("."):
            return (), []
        paths = sorted((self._folder / application).glob("*/*.yaml"))
        signature = []
        for path in paths:
            status = path.stat()
            signature.append((str(path), status.st_mtime_ns, status.st_size))
        return tuple(signature), paths

    def _read(self, application: str, paths: Sequence[Path]) -> GleanRegistry | None:
        metrics: dict[str, GleanMetric] = {}
        pings: dict[str, GleanPing] = {}
        for folder in sorted({path.parent for path in paths}):
            found = _definitions_in(folder, [path for path in paths if path.parent == folder])
            for problem in found.problems:
                log.warning("a definition of %s is not used: %s", application, problem)
            metrics |= found.metrics
            pings |= found.pings
        if self._trial is not None and paths:
            tried = {metric.file for metric in self._trial.metrics.values()}
            metrics = {name: metric for name, metric in metrics.items() if metric.file not in tried}
            metrics |= self._trial.metrics
        return GleanRegistry(metrics, pings) if paths else None


def _definitions_in(folder: Path, paths: Sequence[Path]) -> GleanDefinitions:
    """Return the definitions of one import: the parsed copy, if it is of these files, else the files."""
    cached = read_cache(folder / CACHE_NAME, digest_of(paths))
    if cached is not None:
        return cached
    try:
        return parse_glean(paths)
    except NotADefinitionFile as error:
        return GleanDefinitions({}, {}, (str(error),))


def digest_of(paths: Sequence[Path]) -> str:
    """Return the digest of the names and texts of *paths*; it is empty if one cannot be read."""
    digest = sha256()
    try:
        for path in sorted(paths):
            text = path.read_bytes()
            digest.update(f"{path.name} {len(text)}\n".encode() + text)
    except OSError:
        return ""
    return digest.hexdigest()
