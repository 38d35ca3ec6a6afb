"""
Reads dimensions and date from the path of an old server's partition file.

The storage of 2013 to 2018 had the date at the end,
``<reason>/<app>/<channel>/<version>/<build>.<date>.v2.log…``;
the prototype had it at the start, ``<date>/<reason>/<app>/<channel>/<version>/<build>.000``.
"""

import os
import re
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from storage.errors import UnknownExport
from telemetry_server.imports.formats.dump import sane_day
from telemetry_server.imports.formats.exported_ping import submit_path

_LATER_NAME = re.compile(r"(?P<build>[^./]+)\.(?P<day>[0-9]{8})(?:\.v[0-9]+)?\.log(?:\.[^/]*)?")
_PROTOTYPE_NAME = re.compile(r"(?P<build>[^./]+)\.000")

# Folder names have _ for the hyphen of these reasons; the submit path needs the hyphen.
_HYPHENATED = {
    name.replace("-", "_"): name
    for name in ("idle-daily", "saved-session", "android-anr-report", "flash-video")
}


@dataclass(frozen=True, slots=True)
class PartitionOrigin:
    """The dimensions and date of the pings in one partition file, from its path."""

    dimensions: tuple[str, ...]  # reason, appName, appUpdateChannel, appVersion, appBuildID
    submission_date: date

    def path_of(self, stored_id: bytes) -> str:
        """Return the submit path for *stored_id*; if that is already a path, it is not changed."""
        if b"/" in stored_id:
            return submit_path(stored_id)
        reason, app, channel, version, build = self.dimensions
        # In a submit path the version precedes the channel, in a folder it follows.
        parts = (_HYPHENATED.get(reason, reason), app, version, channel, build)
        return submit_path(b"/".join((stored_id, *(part.encode() for part in parts))))


def origin_below(path: Path, base: Path) -> PartitionOrigin:
    """
    Return the origin of *path*, whose partition folders start below *base*.

    Raises:
        UnknownExport: The file is not below *base*, or its path is not that of a partition file.
    """
    real, real_base = Path(os.path.realpath(path)), Path(os.path.realpath(base))
    if not real.is_relative_to(real_base):
        raise UnknownExport(f"{path}: not below {base}; name the folder that holds the partitions")
    origin = _origin(real.relative_to(real_base).parts)
    if origin is None:
        raise UnknownExport(
            f"{path}: not <reason>/<app>/<channel>/<version>/<build>.<date>….log… below {base};"
            " name the folder that holds the reasons"
        )
    return origin


def origin_guessed(path: Path) -> PartitionOrigin | None:
    """Return the origin from the last parts of *path*; None if they are not those of a partition file."""
    parts = path.absolute().parts[1:]
    return _origin(parts[-5:]) or _origin(parts[-6:])


def _origin(parts: tuple[str, ...]) -> PartitionOrigin | None:
    """Return the origin of five parts of the later form or six of the prototype; None otherwise."""
    later = _LATER_NAME.fullmatch(parts[-1]) if len(parts) == 5 else None
    if later:
        return _dated(later["day"], (*parts[:4], later["build"]))
    first = _PROTOTYPE_NAME.fullmatch(parts[-1]) if len(parts) == 6 else None
    return _dated(parts[0], (*parts[1:5], first["build"])) if first else None


def _dated(digits: str, dimensions: tuple[str, ...]) -> PartitionOrigin | None:
    is_date = len(digits) == 8 and digits.isascii() and digits.isdigit()
    day = sane_day(digits.encode()) if is_date else None
    return PartitionOrigin(dimensions, day) if day else None
