"""The submissions in raw/ that no conversion has read yet, counted without reading any of them twice."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, datetime

from storage.data_root import DataRoot
from storage.errors import DamagedRecord, TornRecord
from storage.ledger.ledger import Ledger
from storage.ledger.values import SEGMENT_START
from storage.raw.framing import arrival_of
from storage.raw.intact_records import IntactRecords
from storage.raw.listing import SegmentListing, WaitingSegments
from storage.raw.reader import SegmentScan, Span, read_submission, scan_segment
from storage.raw.segment_paths import SegmentPath

SCAN_BYTES = 64 << 20
SCAN_RECORDS = 1 << 16


@dataclass(frozen=True, slots=True)
class Unread:
    """One submission that waits for its conversion."""

    segment: SegmentPath
    span: Span
    received_at: datetime
    day: str  # YYYYMMDD of arrival


@dataclass(slots=True)
class _Scanned:
    """How far a segment was scanned, and what is unread there."""

    end: int = 0
    last_sequence: int | None = None
    unread: list[Unread] = field(default_factory=list)


class UnreadSubmissions:
    """Finds the unread submissions again and again; use it in one thread."""

    def __init__(self, root: DataRoot) -> None:
        self._waiting = WaitingSegments(SegmentListing(root.raw))
        self._scanned: dict[str, _Scanned] = {}

    def all(self, ledger: Ledger) -> list[Unread]:
        """Return what *ledger* has not read, in writing order of each segment; damaged ones are left out."""
        segments = self._waiting.segments()
        positions = ledger.positions([segment.name for segment in segments])
        self._waiting.drop_finished(positions)
        found: list[Unread] = []
        scanned: dict[str, _Scanned] = {}
        for segment in segments:
            position = positions.get(segment.name, SEGMENT_START)
            if position.finished:
                continue
            state = self._scanned.get(segment.name) or _Scanned()
            if state.end < position.position:
                state = _Scanned(position.position)
            try:
                _scan_on(segment, state)
            except FileNotFoundError:  # converted meanwhile, and past its time
                continue
            state.unread = [each for each in state.unread if each.span.offset >= position.position]
            scanned[segment.name] = state
            found += state.unread
        self._scanned = scanned
        return found


def _scan_on(segment: SegmentPath, state: _Scanned) -> None:
    day = f"{segment.day:%Y%m%d}"
    with segment.path.open("rb") as file:
        while True:
            scan = scan_segment(
                segment.path,
                state.end,
                max_bytes=SCAN_BYTES,
                max_records=SCAN_RECORDS,
                last_sequence=state.last_sequence,
            )
            arrivals = _arrivals(file.fileno(), state, scan)
            state.unread += [
                Unread(segment, span, received_at, day)
                for span, received_at in zip(scan.spans, arrivals, strict=True)
                if received_at is not None
            ]
            is_at_end = scan.finished or scan.end == state.end
            state.end, state.last_sequence = scan.end, scan.last_sequence
            if is_at_end:
                return


def _arrivals(descriptor: int, state: _Scanned, scan: SegmentScan) -> Iterator[datetime | None]:
    """Yield when each submission of *scan* came; None for one that is damaged."""
    # Nearly always all are intact; reading one after the other takes ten times as long.
    records = IntactRecords(descriptor, state.end, state.last_sequence)
    headers = [header for some, _ in records.before(scan.end) for header in some]
    if len(headers) == len(scan.spans):
        yield from map(arrival_of, headers)
        return
    for span in scan.spans:
        try:
            yield read_submission(descriptor, span).received_at
        except (DamagedRecord, TornRecord):
            yield None


def day_of(text: str) -> date:
    """Return the day of YYYYMMDD."""
    return date(int(text[:4]), int(text[4:6]), int(text[6:]))
