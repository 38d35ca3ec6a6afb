"""
The sums by probe of each day, for the reports on stores and on drift.

The sums of a day are a function of its committed files and of the definitions.  A process behind the
converter keeps them in ``state/probe-days/``, so that a report reads only records that arrived since.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any

import orjson

from storage.archive.object_reading import open_stored
from storage.data_root import DataRoot
from storage.errors import LostFile
from storage.ledger.ledger import Ledger
from storage.ledger.values import StoredFile
from storage.partitions.frames import DamagedFrame, compress_frame, decompress_frame, read_frames
from storage.partitions.partition_path import PartitionKey, folder_name
from storage.probe_days import read_probe_day
from telemetry_server.coordinator.conversion_setup import ConversionSetup
from telemetry_server.inspection.named_record import named_record
from telemetry_server.outcomes.outcome import HistogramReason, QuarantineReason
from telemetry_server.outcomes.quarantine_line import one_by_one
from telemetry_server.pings.json_text import stored_object
from telemetry_server.probes.probe_checks import ProbeChecks, checked_record
from telemetry_server.probes.probe_counting import ProbeCounting
from telemetry_server.probes.probe_sums import ProbeSums
from telemetry_server.probes.stores import StorePolicy

FORMAT = 1
UNKNOWN = StorePolicy("")
ATTEMPTS = 5
VIOLATIONS = folder_name(QuarantineReason.PRIVACY_VIOLATION)
REASONS = {folder_name(reason) for reason in (*HistogramReason, QuarantineReason.PRIVACY_VIOLATION)}

# The beginning of what the server writes as the last member of a record; in texts quotes are escaped.
METADATA = b'"metadata":{"submission_timestamp":"'
TEXT = rb'"[^"\\]*"'
KIND = re.compile(
    rb'"metadata":\{"submission_timestamp":' + TEXT + rb',"document_id":' + TEXT
    + rb',"namespace":"(?P<namespace>[^"\\]*)","doctype":"(?P<doctype>[^"\\]*)"'
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Work:
    """The parameters of the process that keeps the sums."""

    setup: ConversionSetup
    suppress_below: int


@dataclass(slots=True)
class ProbeDay:
    """The sums of a day, and what they are made of."""

    sums: ProbeSums
    files: dict[str, int] = field(default_factory=dict)  # path below the data root → bytes that were read
    origins: dict[str, str] = field(default_factory=dict)  # of definitions → their stamp
    is_changed: bool = False  # something was read that its kept sums lack

    def covers(self, files: list[StoredFile]) -> bool:
        """Return whether *files* still have everything that was counted."""
        lengths = {file.path: file.length for file in files}
        return all(length <= lengths.get(path, 0) for path, length in self.files.items())


class TakesLong(Exception):
    """The kept sums lack more records than may be read."""


class ProbeDays:
    """
    Reads the sums of days.

    Args:
        suppress_below: Counts of fewer clients will not be shown.
        max_bytes: Most bytes to read that are not in the kept sums; `day` raises `TakesLong` for more.
    """

    def __init__(
        self,
        root: DataRoot,
        ledger: Ledger,
        checks: ProbeChecks,
        suppress_below: int,
        max_bytes: int | None = None,
    ) -> None:
        self._root = root
        self._ledger = ledger
        self._checks = checks
        self._suppress_below = suppress_below
        self._left_bytes = max_bytes
        counted_as = repr((FORMAT, suppress_below, sorted(checks.stores.policies.items())))
        self._counted_as = sha256(counted_as.encode()).hexdigest()

    def day(self, day: str) -> ProbeDay | None:
        """
        Return the sums of *day*, YYYYMMDD; None where it has no records.

        Raises:
            TakesLong: More bytes must be read than allowed.
            LostFile: A committed file is missing, also at a second try.
            OSError, EOFError, DamagedFrame, ArchiveError: A file cannot be read.
        """
        for attempt in range(ATTEMPTS):
            files = self._files_of(day)
            if not files:
                return None
            found = self._kept(day, files) or ProbeDay(ProbeSums(self._suppress_below))
            self._allow(sum(file.length for file in files) - sum(found.files.values()))
            try:
                self._read_rest(found, files)
            except FileNotFoundError as error:  # merged into another file since it was listed
                if attempt == ATTEMPTS - 1:
                    raise LostFile(str(error.filename)) from None
            else:
                return found
        return None

    def is_covered(self, day: str, found: ProbeDay) -> bool:
        """Return whether all that *found* counts is still in the files of *day*."""
        return found.covers(self._files_of(day))

    def _allow(self, unread_bytes: int) -> None:
        if self._left_bytes is not None:
            self._left_bytes -= unread_bytes
            if self._left_bytes < 0:
                raise TakesLong

    def text_of(self, found: ProbeDay) -> bytes:
        """Return the text of the kept sums of a day."""
        value = {
            "counted_as": self._counted_as,
            "files": found.files,
            "origins": found.origins,
            "sums": found.sums.as_value(),
        }
        return compress_frame(orjson.dumps(value))

    def _files_of(self, day: str) -> list[StoredFile]:
        refused = self._ledger.files(f"quarantine/{day}")
        return [
            *self._ledger.files(f"converted/{day}"),
            *(file for file in refused if _reason_of(file) in REASONS),
        ]

    def _kept(self, day: str, files: list[StoredFile]) -> ProbeDay | None:
        """Return the kept sums of *day*, if they are a part of *files* and of today's definitions."""
        data = read_probe_day(self._root, day)
        if data is None:
            return None
        try:
            value: dict[str, Any] = orjson.loads(decompress_frame(data))
            if value["counted_as"] != self._counted_as:
                return None
            sums = ProbeSums.from_value(self._suppress_below, value["sums"])
            found = ProbeDay(sums, value["files"], value["origins"])
        except (DamagedFrame, ValueError, KeyError, TypeError):
            return None
        is_same = self._checks.stamps.is_same
        if not all(is_same(origin, stamp) for origin, stamp in found.origins.items()):
            return None
        return found if found.covers(files) else None

    def _read_rest(self, found: ProbeDay, files: list[StoredFile]) -> None:
        counting = ProbeCounting(found.sums)
        for file in files:
            start = found.files.get(file.path, 0)
            if start == file.length:
                continue
            found.is_changed = True
            add = self._adder(found, counting, file)
            with open_stored(self._root.path, file.path, self._ledger.archived_object) as stream:
                for lines, _ in read_frames(stream, start, file.length):
                    for line in lines:
                        add(line)
            found.files[file.path] = file.length
        counting.finish()

    def _adder(self, found: ProbeDay, counting: ProbeCounting, file: StoredFile) -> Callable[[bytes], None]:
        """Return a function that adds a line of *file*."""
        if file.directory.startswith("converted/"):
            return lambda line: self._add_record(found, counting, line)
        is_violation = _reason_of(file) == VIOLATIONS
        return lambda line: self._add_refused(counting, line, is_violation=is_violation)

    def _add_record(self, found: ProbeDay, counting: ProbeCounting, line: bytes) -> None:
        policy = policy_of(line, self._checks)
        if policy is None:
            return
        text = line.partition(b"\t")[2]
        packs = policy is not UNKNOWN and policy.packs_histograms
        checked = checked_record(named_record(text) if packs else stored_object(text), self._checks)
        if checked is None:
            return
        for origin in checked.origins:
            if origin not in found.origins:
                found.origins[origin] = self._checks.stamps.of(origin)
        counting.add(checked)

    def _add_refused(self, counting: ProbeCounting, line: bytes, *, is_violation: bool) -> None:
        document_id, _, text = line.partition(b"\t")
        for fields in one_by_one(stored_object(text)):
            policy = self._checks.stores.policy_of(fields["namespace"], fields["doctype"])
            if policy is None:
                continue
            if is_violation:
                counting.add_violation(policy, document_id.decode())
            else:
                counting.add_dropped(fields["histogram"], fields["reason"], document_id.decode())


def _reason_of(file: StoredFile) -> str:
    """Return the folder of the reason that the lines of a file in quarantine have."""
    return next(iter(PartitionKey.parse(file.directory).folders), "")


def policy_of(line: bytes, checks: ProbeChecks) -> StorePolicy | None:
    """Return the policy of a line's ping; None if it has no store, `UNKNOWN` if it must be parsed."""
    found = KIND.match(line, max(0, line.rfind(METADATA)))
    if found is None:
        return UNKNOWN
    return checks.stores.policy_of(found["namespace"].decode(), found["doctype"].decode())


def days_of(ledger: Ledger, first: str = "", last: str = "") -> Iterator[str]:
    """Yield the days of arrival from *first* to *last*, in order; an empty end is open."""
    for day in sorted(ledger.books()):
        if first <= day and (not last or day <= last):
            yield day
