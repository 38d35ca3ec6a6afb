"""The pings behind a number: those whose measurements were added up in it."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from storage.tables.columns import COUNTRY, PINGS
from storage.tables.reading import PartReader
from telemetry_server.aggregates.columns import one_array
from telemetry_server.aggregates.day_pings import BATCH_ROWS
from telemetry_server.aggregates.facts import Pings
from telemetry_server.aggregates.newest_shape import newest_shape
from telemetry_server.aggregates.query import PING, HistogramQuery, why_left_out
from telemetry_server.aggregates.reader import Reader, with_open_files
from telemetry_server.aggregates.row_sums import EXPERIMENTS, DayFiles, RowSums
from telemetry_server.aggregates.summary_sums import VIEWS

if TYPE_CHECKING:
    import pyarrow as pa

SHOWN = ("document_id", "submission_timestamp", "namespace", "doctype", "application", "version", "channel")
After = tuple[str, str]


@dataclass(frozen=True, slots=True)
class PingsAsked:
    """
    Which pings are wanted.

    Attributes:
        query: Its metric, selection and bounds.
        group: One build, day or branch; empty for all.
        bucket: Start of a bucket with samples; None for any.
        after: Time and id of the last ping of the page before.
        leaves_out: What keeps pings out of the number.
    """

    query: HistogramQuery
    group: str = ""
    bucket: int | None = None
    after: After | None = None
    limit: int = 100
    leaves_out: tuple[str, ...] = VIEWS[0]


def pings_behind(reader: Reader, asked: PingsAsked) -> list[dict[str, Any]]:
    """
    Return the newest pings that are wanted, at most one more than the limit.

    Raises:
        OSError, pyarrow.ArrowInvalid: A table file cannot be read.
    """
    found: list[dict[str, Any]] = []
    query = asked.query
    is_any = query.merges or query.metric == PING
    shape = "" if is_any else newest_shape(reader.sums(query), reader.shapes)
    bounds = (query.first, query.last) if query.by in ("day", "branch") else ("", "")

    def read(days: list[DayFiles]) -> list[dict[str, Any]]:
        for day in sorted(days, key=lambda each: each.day, reverse=True):
            if len(found) > asked.limit or (asked.after and day.day > asked.after[0][:10].replace("-", "")):
                continue
            if reader.through and day.day > reader.through:
                continue
            own = sorted(_of_day(asked, shape, day), key=_key, reverse=True)
            found.extend(ping for ping in own if asked.after is None or _key(ping) < asked.after)
        return found[: asked.limit + 1]

    return with_open_files(reader.root, read, bounds)


def _key(ping: dict[str, Any]) -> After:
    return ping["received_at"], ping["document_id"]


def _of_day(asked: PingsAsked, shape: str, day: DayFiles) -> Iterator[dict[str, Any]]:
    import pyarrow as pa

    columns = [*dict.fromkeys((*Pings.PING_COLUMNS, *SHOWN)), EXPERIMENTS, COUNTRY]
    read: list[pa.Table] = []
    for path in day.paths.get(PINGS, ()):
        with PartReader(PINGS, path) as part:
            read += part.batches(columns, BATCH_ROWS)
    if not read:
        return
    rows = pa.concat_tables(read, promote_options="default").unify_dictionaries()
    wanted = sorted(_wanted(asked, shape, day, rows))
    for values in rows.select(list(SHOWN)).take(pa.array(wanted, pa.int64())).to_pylist():
        yield {
            "received_at": f"{values['submission_timestamp'].isoformat(timespec='microseconds')}Z",
            "document_id": str(values["document_id"]),
            "outcome": "stored",
            "reason": None,
            "detail": None,
            "debug_id": None,
            **{name: values[name] for name in SHOWN[2:]},
        }


def _wanted(asked: PingsAsked, shape: str, day: DayFiles, rows: "pa.Table") -> set[int]:
    """Return the places of the wanted pings among *rows*; of one *shape*, or of any if that is empty."""
    query = replace(asked.query, is_total=False)
    pings = Pings([rows])
    groups = [
        query.group_of(each, day.day)
        if query.selection.wants(each) and why_left_out(each, day.day, asked.leaves_out) is None
        else None
        for each in pings.dimensions
    ]
    branches = None
    if query.by == "branch":
        found = rows.column(EXPERIMENTS).to_pylist()
        branches = [dict(pairs or ()).get(query.experiment) for pairs in found]
    facts_reader = RowSums(query.metric, query.selection, query.group_of)
    wanted: set[int] = set()
    for facts in facts_reader.facts_of_day(day, pings):
        for number, process, label, ping, own_shape, starts, counts in zip(
            *(
                one_array(facts.column(name)).to_pylist()
                for name in ("dimensions", "process", "label", "ping", "shape")
            ),
            *(facts.column(name).to_pylist() for name in ("starts", "counts")),
            strict=True,
        ):
            group = groups[number]
            if group is None or (shape and own_shape != shape):
                continue
            if not query.selection.wants_cell(process, label):
                continue
            if branches is not None:
                group = branches[ping] or ""
            if not group or (asked.group and group != asked.group):
                continue
            if asked.bucket is None or any(
                start == asked.bucket and count for start, count in zip(starts, counts, strict=True)
            ):
                wanted.add(ping)
    return wanted
