"""The submissions in raw/ that no conversion has read yet, counted without reading any of them twice."""

from dataclasses import dataclass, field
from datetime import date, datetime

from storage.data_root import DataRoot
from storage.errors import DamagedRecord, TornRecord
from storage.ledger.ledger import Ledger
from storage.ledger.values import SEGMENT_START
from storage.raw.listing import SegmentListing, WaitingSegments
from storage.raw.reader import Span, read_submission, scan_segment
from storage.raw.segment_paths import SegmentPath

SCAN_BYTES = 64 << 20
SCAN_RECORDS = 1 << 16


@dataclass(frozen=True, slots=True)
class Unread:
    """One submission that waits for its conversion."""

    segment: SegmentPath
    span: Span
    received_at: datetime

    @property
    def day(self) -> str:
        """YYYYMMDD of arrival."""
        return f"{self.segment.day:%Y%m%d}"


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
    with segment.path.open("rb") as file:
        while True:
            scan = scan_segment(
                segment.path,
                state.end,
                max_bytes=SCAN_BYTES,
                max_records=SCAN_RECORDS,
                last_sequence=state.last_sequence,
            )
            for span in scan.spans:
                try:
                    received_at = read_submission(file.fileno(), span).received_at
                except (DamagedRecord, TornRecord):
                    continue
                state.unread.append(Unread(segment, span, received_at))
            is_at_end = scan.finished or scan.end == state.end
            state.end, state.last_sequence = scan.end, scan.last_sequence
            if is_at_end:
                return


def day_of(text: str) -> date:
    """Return the day of YYYYMMDD."""
    return date(int(text[:4]), int(text[4:6]), int(text[6:]))
