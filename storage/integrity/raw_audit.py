"""Compares segments with what the ledger says of them."""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, field

from storage.integrity.piece_counts import Count, FileCount, SegmentPiece
from storage.ledger.ledger import Ledger
from storage.ledger.values import SEGMENT_START, SWEPT, Entry, SegmentPosition
from storage.raw.segment_paths import SegmentPath

FINISHED = SegmentPosition(0, 0, finished=True)


@dataclass(slots=True)
class RawResult:
    """What was counted in raw/."""

    there: set[str] = field(default_factory=set)  # names of segments
    unread: Counter[str] = field(default_factory=Counter)  # submissions not yet converted, by day
    damaged: defaultdict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    """The segment of each converted submission that is damaged now, by day."""
    findings: list[str] = field(default_factory=list)


def segment_pieces(
    listed: Sequence[SegmentPath], positions: Mapping[str, SegmentPosition]
) -> Iterator[SegmentPiece]:
    """Yield what is to be counted: all segments but those that were swept."""
    for segment in listed:
        position = positions.get(segment.name, SEGMENT_START)
        if position is not SWEPT:
            yield SegmentPiece(str(segment.path), segment.size(), position.position)


def compare_raw(
    listed: Sequence[SegmentPath],
    positions: Mapping[str, SegmentPosition],
    counts: Iterator[Count],
    on_file: Callable[[], None],
) -> RawResult:
    """
    Compare the next of *counts*, those of `segment_pieces`, with the ledger.

    *on_file* is called for each segment that is not counted.
    """
    found = RawResult()
    for segment in listed:
        position = positions.get(segment.name, SEGMENT_START)
        if position is SWEPT:
            found.findings.append(
                f"raw/{segment.name}: it was converted and removed, but exists again; it is not"
                " read again (repair moves it to state/stray/)"
            )
            on_file()
            continue
        counted = next(counts)
        assert not isinstance(counted, FileCount)
        if counted is None:
            continue  # deleted since it was listed, or lost: `lost_segments` decides
        found.there.add(segment.name)
        day = f"{segment.day:%Y%m%d}"
        found.unread[day] += counted.unread
        found.damaged[day] += [segment.name] * counted.damaged
        if counted.read != position.records:
            found.findings.append(
                f"raw/{segment.name}: {counted.read} submissions in the converted part,"
                f" {position.records} in the ledger"
            )
    return found


def lost_segments(
    there: Set[str], positions: Mapping[str, SegmentPosition], pending_segments: Set[str], ledger: Ledger
) -> list[str]:
    """Return missing segments that are still needed, one line each."""
    now, pending_now = ledger.positions(), ledger.pending_segments()
    return [
        f"raw/{name}: missing, but not all of it was converted"
        for name, position in positions.items()
        if name not in there
        and (not position.finished or name in pending_segments)
        # Not if it was converted and deleted since the start.
        and (not now.get(name, FINISHED).finished or name in pending_now)
    ]


def damaged_since(raw: RawResult, tally: Mapping[tuple[str, Entry, str], int]) -> Iterator[str]:
    """Yield a line for each day with more damaged submissions than there were when they were converted."""
    for day, names in raw.damaged.items():
        since = len(names) - tally.get((day, Entry.DAMAGED_RECORDS, ""), 0)
        if since > 0:
            places = ", ".join(sorted(set(names)))
            yield f"raw: {since} submissions damaged since they were converted, in {places}"
