"""Stamps of definition files: they show whether records were checked by the definitions of today."""

from pathlib import Path

from histogram_specs.changeset_prefixes import ChangesetPrefixes
from histogram_specs.definition_files import REPOSITORY_PATHS
from histogram_specs.history.store import history_path
from telemetry_server.probes.glean_record import OF_GLEAN
from telemetry_server.probes.glean_registry import FOLDER
from telemetry_server.probes.record_check import OF_HISTORY, OF_REVISION


class DefinitionStamps:
    """
    The stamp of each origin of definitions, as `CheckedRecord.origins` names them.

    Each stamp is looked up once, so make a new object for each report.
    """

    def __init__(self, specs: Path) -> None:
        self._specs = specs  # the folder of the revision cache
        self._changesets = ChangesetPrefixes(specs)
        self._known: dict[str, str] = {}

    def of(self, origin: str) -> str:
        """Return a text that changes with the files of *origin*; empty if it has no files."""
        known = self._known.get(origin)
        if known is None:
            known = self._known[origin] = self._stamp(origin)
        return known

    def is_same(self, origin: str, stamp: str) -> bool:
        """
        Return whether the files of *origin* still have this *stamp*.

        True also for a revision whose files were removed from the cache: its sums stay valid.
        """
        now = self.of(origin)
        return now == stamp or (not now and origin.startswith(OF_REVISION))

    def _stamp(self, origin: str) -> str:
        if origin == OF_HISTORY:
            return _stamps([history_path(self._specs)])
        if origin.startswith(OF_GLEAN):
            application = origin.removeprefix(OF_GLEAN)
            if "/" in application or application.startswith("."):
                return ""
            return _stamps(sorted((self._specs / FOLDER / application).glob("*/*.yaml")))
        repository, _, changeset = origin.removeprefix(OF_REVISION).rpartition("/rev/")
        try:
            stored_as = self._changesets.stored_as(repository, changeset)
        except OSError:
            return ""
        folder = self._specs / repository
        return "" if stored_as is None else _stamps([folder / stored_as / name for name in REPOSITORY_PATHS])


def _stamps(paths: list[Path]) -> str:
    stamps = []
    for path in paths:
        try:
            status = path.stat()
        except OSError:
            continue
        stamps.append(f"{path.parent.name}/{path.name} {status.st_size} {status.st_mtime_ns}")
    return ", ".join(stamps)
