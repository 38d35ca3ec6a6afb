"""The pairs that a mapper holds in memory, and the sorted runs that it writes past its budget."""

from collections.abc import Callable
from pathlib import Path
from typing import Any
from zlib import crc32

from telemetry_server.mapreduce.plain_values import OBJECT_BYTES, TEXT, Identity, identity_of, taken
from telemetry_server.mapreduce.runs import POSITION_BITS, Combine, Record, identity_in, write_run

COMBINE_AT = 50
"""How many values of a key are combined: the original server's number."""
ENTRY_BYTES = 350  # of a key in the table: its slot, lists, numbers
BUDGET_BYTES = 40 << 20

CombineAll = Callable[[list[Record]], list[Record]]
"""Combines sorted records of different keys, all at once."""


class PairTable:
    """
    Collects the pairs of one task.

    Args:
        name: Path of the runs, to which a number and a partition are appended.
        partitions: How many runs the keys are divided into.
        combine: Combines values of one key.
        combine_all: Combines the values of all keys of a run, where `combine` is None.
        budget_bytes: About how much memory the pairs may take before they are written.
    """

    def __init__(
        self,
        name: Path,
        partitions: int,
        *,
        combine: Combine | None = None,
        combine_all: CombineAll | None = None,
        budget_bytes: int = BUDGET_BYTES,
    ) -> None:
        self._name = name
        self._partitions = partitions
        self._combine = combine
        self._combine_all = combine_all
        self._budget_bytes = budget_bytes
        # By key: [bytes, position, values, position, values, …]
        self._entries: dict[Any, list[Any]] = {}
        self._bytes = 0
        self._order = 0
        self._position = 0
        self._spills = 0
        self.runs: list[list[Path]] = [[] for _ in range(partitions)]

    def start_file(self, order: int) -> None:
        """Take the next pairs as those of the file number *order*."""
        self._order = order
        self._position = order << POSITION_BITS

    def add(self, key: Any, value: Any, size: int) -> None:
        """Add a pair whose value takes about *size* bytes."""
        entry = self._entries.get(key)
        self._position += 1
        self._bytes += size
        if entry is None:
            new_bytes = ENTRY_BYTES + (len(key) if type(key) is str else OBJECT_BYTES)
            self._entries[key] = [size, self._position, [value]]
            self._bytes += new_bytes
        else:
            entry[0] += size
            if self._combine is not None:
                values = entry[2]
                values.append(value)
                if len(values) >= COMBINE_AT:
                    self._combine_entry(key, entry)
            elif entry[-2] >> POSITION_BITS == self._order:
                entry[-1].append(value)
            else:
                entry += [self._position, [value]]
                self._bytes += 2 * OBJECT_BYTES
        if self._bytes >= self._budget_bytes:
            self.spill()

    def _combine_entry(self, key: Any, entry: list[Any]) -> None:
        assert self._combine is not None
        value, size = taken(self._combine(key, entry[2]))
        self._bytes += size - entry[0]
        entry[0], entry[2] = size, [value]

    def spill(self) -> None:
        """Write the pairs in memory as sorted runs, one for each partition that has any."""
        if not self._entries:
            return
        records = self._records()
        self._entries, self._bytes = {}, 0
        if self._combine_all is not None:
            records = self._combine_all(records)
        self._spills += 1
        if self._partitions == 1:
            self._write(0, records)
            return
        divided: list[list[Record]] = [[] for _ in range(self._partitions)]
        for record in records:
            divided[partition_of(identity_in(record), self._partitions)].append(record)
        for partition, some in enumerate(divided):
            if some:
                self._write(partition, some)

    def _records(self) -> list[Record]:
        records: list[Record] = []
        for key, entry in self._entries.items():
            if self._combine is not None and len(entry[2]) > 1:
                self._combine_entry(key, entry)
            if type(key) is str:
                records.append((key, TEXT, None, entry[1:]))
            else:
                records.append((*identity_of(key), key, entry[1:]))
        records.sort(key=identity_in)
        return records

    def _write(self, partition: int, records: list[Record]) -> None:
        path = self._name.with_name(f"{self._name.name}-{self._spills}-{partition}")
        write_run(path, records)
        self.runs[partition].append(path)


def partition_of(identity: Identity, partitions: int) -> int:
    """Return the partition of a key: the same in every process and on every machine."""
    text, kind = identity
    return crc32(text.encode("utf-8", "surrogatepass"), kind) % partitions
