"""A folder of exported files: each appears whole, and the list of versions last."""

import os
import shutil
from pathlib import Path
from typing import Any

import orjson

from storage.disk import Disk
from storage.errors import NO_ROOM
from telemetry_server.mapreduce.errors import UnusableFolder

LIST_OF_VERSIONS = "versions.json"


class ExportFolder:
    """
    Collects files beside the final ones; `finish` puts them in place.  Use it with ``with``.

    Raises:
        UnusableFolder: The folder cannot be made or written.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._unfinished = path / f".export-{os.getpid()}"
        self._names: list[str] = []
        self.job_output = self._unfinished / "output"
        """Where the output of the job goes meanwhile."""

    def __enter__(self) -> "ExportFolder":
        try:
            self._unfinished.mkdir(parents=True)
        except OSError as error:
            raise _unusable(self._path, error) from None
        return self

    def __exit__(self, *_: object) -> None:
        shutil.rmtree(self._unfinished, ignore_errors=True)

    def read(self, name: str) -> Any:
        """Return the JSON of the file that an earlier export wrote; None where there is none."""
        try:
            return orjson.loads((self._path / name).read_bytes())
        except (OSError, ValueError):
            return None

    def write(self, name: str, value: Any) -> None:
        """Write *value* as JSON to the file *name*."""
        path = self._unfinished / "files" / name
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(orjson.dumps(value))
        except OSError as error:
            raise _unusable(self._path, error) from None
        self._names.append(name)

    def finish(self, versions: Any) -> int:
        """Put all files in place, the list of *versions* last; return how many there are."""
        self.write(LIST_OF_VERSIONS, versions)
        disk = Disk()
        try:
            for name in self._names:
                (self._path / name).parent.mkdir(parents=True, exist_ok=True)
                disk.rename(self._unfinished / "files" / name, self._path / name)
        except OSError as error:
            raise _unusable(self._path, error) from None
        return len(self._names)


def _unusable(path: Path, error: OSError) -> Exception:
    return error if error.errno in NO_ROOM else UnusableFolder(f"{path}: {error.strerror}")
