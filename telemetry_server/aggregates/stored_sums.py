"""Answers from the summaries, without the tables."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache
from itertools import chain
from pathlib import Path

from storage.aggregates.day_table import SEALED, DayTable, days_with_table, folder_of, read_day_table
from storage.aggregates.summary_file import CLIENTS, DIMENSIONS, Summary, unpacked
from storage.data_root import DataRoot
from storage.errors import BrokenAggregate
from storage.tables.columns import PINGS
from telemetry_server.aggregates.dimensions import Dimensions, capped, kept_values
from telemetry_server.aggregates.query import PING
from telemetry_server.aggregates.summary_sums import Groups, StoredQuestion, SummarySums
from telemetry_server.aggregates.sums import Found

MAX_OPEN = 128
ATTEMPTS = 10


@dataclass(frozen=True)
class DaySums:
    """The summaries of one day."""

    table: DayTable
    summaries: tuple[Summary, ...]

    @cached_property
    def kept_values(self) -> Mapping[str, frozenset[str]]:
        """The values to keep in fields with too many; tables that count pings have all dimensions."""
        found = [
            (summary, _dimensions(summary))
            for summary, part in zip(self.summaries, self.table.parts, strict=True)
            if part.table in (PINGS, SEALED)
        ]
        return kept_values(chain.from_iterable(own for _, own in found), lambda: _ping_counts(found))

    def dimensions(self, place: int) -> tuple[Dimensions, ...]:
        """Return the dimensions of the summary at *place*, with `OTHER` for values that are not kept."""
        own, kept = _dimensions(self.summaries[place]), self.kept_values
        return tuple(capped(each, kept) for each in own) if kept else own


@lru_cache(maxsize=MAX_OPEN)
def _summary(path: Path, _digest: str) -> Summary:
    return Summary(path)


@lru_cache(maxsize=MAX_OPEN)
def _dimensions(summary: Summary) -> tuple[Dimensions, ...]:
    # From the file that is open: another may have its name by now.
    packed = summary.packed(DIMENSIONS)
    try:
        return _dimensions_in(packed)
    except BrokenAggregate:
        raise BrokenAggregate(f"{summary.path}: damaged") from None


@lru_cache(maxsize=MAX_OPEN)
def _dimensions_in(packed: bytes) -> tuple[Dimensions, ...]:
    """Return the dimensions in a block; it is cached, because tables of the same pings have equal blocks."""
    return tuple(Dimensions(*values) for values in unpacked(packed).values["dimensions"])


def read_days(root: DataRoot, first: str = "", last: str = "") -> Iterator[DaySums]:
    """
    Yield the days from *first* to *last* (all if empty), the oldest first.

    Raises:
        BrokenAggregate: A file is damaged; `aggregate --check` names the day.
        OSError: One cannot be read.
    """
    for day in days_with_table(root):
        if (first and day < first) or (last and day > last):
            continue
        found = _read_day(root, day)
        if found is not None:
            yield found


def _read_day(root: DataRoot, day: str) -> DaySums | None:
    for attempt in range(ATTEMPTS):
        table = read_day_table(root, day)
        if table is None:
            return None
        try:
            folder = folder_of(root, day)
            return DaySums(
                table, tuple(_summary(folder / part.file_name, part.digest) for part in table.parts)
            )
        except FileNotFoundError as error:
            # Replaced since the list was read.
            if attempt == ATTEMPTS - 1:
                raise BrokenAggregate(f"{error.filename}: gone") from None
    raise AssertionError("unreachable")


def dimensions_of_day(day: DaySums) -> list[tuple[Dimensions, ...]]:
    """Return the dimensions of each summary of *day*."""
    return [day.dimensions(place) for place in range(len(day.summaries))]


def _ping_counts(
    found: Iterable[tuple[Summary, tuple[Dimensions, ...]]],
) -> Iterator[tuple[Dimensions, int]]:
    for summary, own in found:
        for block in summary.blocks(PING):
            yield from zip(
                (own[number] for number in block.columns["dimensions"]), block.columns["pings"], strict=True
            )


class StoredSums(StoredQuestion):
    """Adds up the summaries of days."""

    def of_days(self, days: Iterable[DaySums]) -> Found:
        """
        Return the sums over *days*.

        Raises:
            SumTooLarge: One does not fit into 64 bits.
            BrokenAggregate: A file is damaged.
        """
        found = Found()
        for day in days:
            self._add_day(found, day)
        for sums in found.sums.values():
            sums.check(self.metric)
        return found

    def _add_day(self, found: Found, day: DaySums) -> None:
        groups = Groups(self, day.table.day)
        for place, summary in enumerate(day.summaries):
            blocks = summary.blocks(self.metric)
            if not blocks:
                continue
            found.is_seen = True
            dimensions = day.dimensions(place)
            ids = summary.blocks(CLIENTS)[0].columns["ids"].tobytes() if self.with_clients else b""
            sums = SummarySums(self, found, day.table.day, dimensions, groups, ids)
            for block in blocks:
                sums.add(block)
