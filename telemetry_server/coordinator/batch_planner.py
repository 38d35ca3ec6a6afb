"""Plans rounds: finds the next submissions in raw/ and cuts them into tasks."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from math import ceil
from pathlib import Path

from histogram_specs.revision import Revision
from storage.ledger.values import SEGMENT_START, Counts, Entry, SegmentPosition
from storage.raw.reader import SegmentPath, SegmentScan, SegmentState, scan_segment
from telemetry_server.coordinator.work_items import RawItem, Task

# A task writes a frame for each of its partitions: with few small pings in a task, nearly each record has a
# frame of its own, which compresses badly.  The text of many large ones does not fit in the cache of a core.
TASK_ITEMS = 1024
MIN_SHARED_ITEMS = 64  # fewer are not divided between processes
TASKS_A_PROCESS = 2  # of a round, so that one that takes longer delays its end less
TASK_BYTES = 5 << 18
ROUND_ITEMS = 8192
# A round's results wait in memory for its commit, beside those of the next round.  Each round syncs every
# partition that it touches, so large rounds are cheaper.
MAX_ROUND_BYTES = 32 << 20
# With tables, rows wait as well, which take more memory than lines; each process needs some tasks.
ROUND_BYTES_WITH_ROWS = 24 << 20
BYTES_A_PROCESS_WITH_ROWS = 4 << 20


@dataclass(slots=True)
class Plan:
    """The submissions of one round, and the positions after it."""

    items: list[RawItem] = field(default_factory=list)
    positions: dict[str, SegmentPosition] = field(default_factory=dict)  # after the round, if changed
    unsealed_segments: list[Path] = field(default_factory=list)
    damage: Counts = field(default_factory=Counter)
    removed: Counts = field(default_factory=Counter)  # submissions that were deleted before they were read

    @property
    def is_empty(self) -> bool:
        """Whether the round reads nothing."""
        return not self.positions

    def tasks(self, processes: int, missing: frozenset[Revision]) -> list[Task]:
        """Return the items as tasks of a size that keeps all *processes* busy."""
        return cut(self.items, processes, missing)


def cut(
    items: list[RawItem],
    processes: int,
    missing: frozenset[Revision],
    given_up: Mapping[Revision, str] | None = None,
) -> list[Task]:
    """
    Return *items* in order, as tasks of at most `TASK_ITEMS` and about `TASK_BYTES`.

    Each of *processes* has `TASKS_A_PROCESS` of them, unless they have fewer items than `MIN_SHARED_ITEMS`.
    """
    given_up = given_up or {}
    share = ceil(len(items) / (TASKS_A_PROCESS * processes))
    most_items = min(max(share, MIN_SHARED_ITEMS), TASK_ITEMS)
    tasks: list[Task] = []
    part: list[RawItem] = []
    size = 0
    for item in items:
        part.append(item)
        size += item.length
        if len(part) >= most_items or size >= TASK_BYTES:
            tasks.append(Task(tuple(part), missing, given_up))
            part, size = [], 0
    if part:
        tasks.append(Task(tuple(part), missing, given_up))
    return tasks


def round_bytes(processes: int, *, with_rows: bool) -> int:
    """Return the size of a round that keeps so many *processes* busy; *with_rows* if rows are collected."""
    if not with_rows:
        return MAX_ROUND_BYTES
    return min(max(ROUND_BYTES_WITH_ROWS, BYTES_A_PROCESS_WITH_ROWS * processes), MAX_ROUND_BYTES)


def plan_round(
    waiting: Iterable[SegmentPath],
    positions: Mapping[str, SegmentPosition],
    max_bytes: int = MAX_ROUND_BYTES,
) -> Plan:
    """
    Find the next submissions after *positions* in the waiting segments, up to *max_bytes*.

    Raises:
        OSError: A segment cannot be read.
    """
    plan = Plan()
    size = 0
    for segment in waiting:
        before = positions.get(segment.name, SEGMENT_START)
        if before.finished:
            continue
        scan = scan_segment(
            segment.path,
            before.position,
            max_bytes=max_bytes - size,
            max_records=ROUND_ITEMS - len(plan.items),
            last_sequence=before.last_sequence,
        )
        _add(plan, segment, before, scan)
        size += scan.end - before.position
        if size >= max_bytes or len(plan.items) >= ROUND_ITEMS:
            break
    return plan


def _add(plan: Plan, segment: SegmentPath, before: SegmentPosition, scan: SegmentScan) -> None:
    after = SegmentPosition(
        scan.end,
        before.records + len(scan.spans) + len(scan.removed),
        scan.finished,
        last_sequence=scan.last_sequence,
    )
    if after == before or (before is SEGMENT_START and not scan.end):
        return
    name = segment.name
    plan.positions[name] = after
    plan.items += [RawItem(name, span.offset, span.length_bytes) for span in scan.spans]
    if scan.state is not SegmentState.SEALED:
        plan.unsealed_segments.append(segment.path)
    day = f"{segment.day:%Y%m%d}"
    plan.damage[day, Entry.DAMAGED_RECORDS, ""] += scan.damage.records
    plan.damage[day, Entry.DAMAGED_BYTES, ""] += scan.damage.bytes
    for entry in (Entry.RECEIVED, Entry.DELETED):
        plan.removed[day, entry, ""] += len(scan.removed)
