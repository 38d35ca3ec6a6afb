"""
How far each queue was read into raw/: a small file, replaced whole and synced after each commit.

What a crash may leave after the last commit of this file is in the segments that were open then, or
were begun later: see `telemetry_server.queue.recovery`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import orjson

from storage.disk import Disk


@dataclass(frozen=True, slots=True)
class Positions:
    """The state of reading: positions, and the segments that were written when it was saved."""

    boot_id: bytes = bytes(16)  # of the writer that saved it
    number: int = 0  # of its newest segment
    lengths: Mapping[str, int] = field(default_factory=dict)  # of its open segments, by name
    after: Mapping[str, int] = field(default_factory=dict)  # where each partition is read on
    # Positions beyond that were received already; only after a crash that left holes.
    received: Mapping[str, Sequence[int]] = field(default_factory=dict)
    share: str = "1/1"


class PositionFile:
    """The file with the positions, at *path*."""

    def __init__(self, path: Path, disk: Disk) -> None:
        self.path = path
        self._disk = disk

    def read(self) -> Positions | None:
        """Return what was saved last; None if nothing was, or the file is damaged."""
        return read_positions(self.path)

    def save(self, positions: Positions) -> None:
        """Replace the file; on return the new one would survive a power cut."""
        text = orjson.dumps(
            {
                "writer": positions.boot_id.hex(),
                "number": positions.number,
                "open": dict(positions.lengths),
                "after": dict(positions.after),
                "received": {name: list(found) for name, found in positions.received.items()},
                "share": positions.share,
            }
        )
        temporary = self.path.with_name(f".{self.path.name}.new")
        self._disk.unlink(temporary)
        descriptor = self._disk.create(temporary)
        try:
            self._disk.write(descriptor, [text])
            self._disk.sync(descriptor)
        finally:
            self._disk.close(descriptor)
        self._disk.rename(temporary, self.path)
        self._disk.sync_directory(self.path.parent)


def read_positions(path: Path) -> Positions | None:
    """Return the positions in the file *path*; None if there is none, or it is damaged."""
    try:
        fields = orjson.loads(path.read_bytes())
        return Positions(
            bytes.fromhex(fields["writer"]),
            int(fields["number"]),
            {str(name): int(length) for name, length in fields["open"].items()},
            {str(name): int(after) for name, after in fields["after"].items()},
            {str(name): tuple(map(int, found)) for name, found in fields["received"].items()},
            str(fields["share"]),
        )
    except FileNotFoundError:
        return None
    except (ValueError, KeyError, TypeError, AttributeError):
        return None
