"""
What reducers write, sorted by the text of the keys.

A reducer sees keys in the order of their identities.  The text of a key can differ from that of its identity
(True and 1), so a few outputs come out of order: these are sorted apart and merged at the end.
"""

import heapq
from collections.abc import Iterator, Sequence
from pathlib import Path

from telemetry_server.mapreduce.runs import RunFile, RunWriter, identity_in
from telemetry_server.mapreduce.work import Output

HELD_BYTES = 8 << 20


class OutputBlocks:
    """
    Takes the outputs of one reducer.

    Args:
        path: Begins the names of its files.
        held_bytes: How much that comes out of order is held in memory.
    """

    def __init__(self, path: Path, held_bytes: int = HELD_BYTES) -> None:
        self._path = path
        self._held_bytes = held_bytes
        self._paths = [path]
        self._stream = path.open("xb")
        self._writer = RunWriter(self._stream)
        self._last = ("", -1)
        self._late: list[Output] = []
        self._late_bytes = 0

    def add(self, text: str, kind: int, output: bytes) -> None:
        """Take the *output* of the key with that *text* and *kind*."""
        if (text, kind) >= self._last:
            self._writer.add((text, kind, output), len(text) + len(output))
            self._last = text, kind
            return
        self._late.append((text, kind, output))
        self._late_bytes += len(text) + len(output)
        if self._late_bytes > self._held_bytes:
            self._write_late()

    def _write_late(self) -> None:
        path = self._path.with_name(f"{self._path.name}-{len(self._paths)}")
        with path.open("xb") as stream:
            writer = RunWriter(stream)
            for output in sorted(self._late, key=identity_in):
                writer.add(output, len(output[2]))
            writer.end()
        self._paths.append(path)
        self._late, self._late_bytes = [], 0

    def end(self) -> list[Path]:
        """Return the files, each sorted."""
        self._writer.end()
        self._stream.close()
        if self._late:
            self._write_late()
        return self._paths


def merged_outputs(paths: Sequence[Path]) -> Iterator[bytes]:
    """Yield the outputs in all files, in the order of texts and kinds."""
    runs = [RunFile(path).read() for path in paths]
    for output in runs[0] if len(runs) == 1 else heapq.merge(*runs, key=identity_in):
        yield output[2]
