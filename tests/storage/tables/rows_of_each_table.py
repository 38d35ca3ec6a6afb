"""Rows of all tables, as a conversion process sends them."""

from storage.tables.arrow_rows import Part
from storage.tables.rows import NO_SAMPLE, NO_SUM, NO_WORD, PING_TEXTS, TEXT, TableRows

MIDNIGHT = 1_795_348_800_000_000


def number_in(values: list, value) -> int:
    """Return the position of *value*, which is added if it is not there."""
    if value not in values:
        values.append(value)
    return values.index(value)


def rows_of(pings: list[dict]) -> TableRows:
    """Return the rows of one task."""
    rows = TableRows()
    for number, ping in enumerate(pings):
        columns = rows.pings
        columns.document_ids += ping["id"]
        columns.client_ids += ping["client"] or bytes(16)
        columns.sample_ids.append(NO_SAMPLE if ping["client"] is None else ping["client"][0] % 100)
        columns.timestamps.append(MIDNIGHT + ping["stamp"])
        for text in ping["texts"]:
            columns.texts.append(NO_WORD if text is None else number_in(columns.words, text))
        columns.subsession_counters.append(ping["counter"])
        columns.experiments.append(number_in(columns.experiment_sets, ping["experiments"]))
        rows.items.append(number)
        for table in ("events", "uptake", "enrollments"):
            getattr(rows, table).extend((number, *values) for values in ping[table])
        add_scalars(rows, number, ping["scalars"])
        add_histograms(rows, number, ping["histograms"])
    return rows


def add_scalars(rows: TableRows, ping: int, scalars: list) -> None:
    held = rows.scalars
    for metric, label, (kind, value), mark in scalars:
        if mark is not None:
            held.marks[len(held)] = mark
        held.pings.append(ping)
        held.keys.append(number_in(held.scalar_keys, (metric, "parent", label, "scalar")))
        held.kinds.append(kind)
        held.values.append(number_in(held.words, value) if kind == TEXT else value)


def add_histograms(rows: TableRows, ping: int, histograms: list) -> None:
    held = rows.histograms
    for metric, process, label, buckets, total, mark in histograms:
        if mark is not None:
            held.marks[len(held.pings)] = mark
        held.pings.append(ping)
        held.processes.append(number_in(held.words, process))
        held.labels.append(number_in(held.words, label))
        held.keys.append(number_in(held.shape_keys, (metric, "linear", f"shape of {metric}")))
        held.sums.append(NO_SUM if total is None else total)
        held.add_buckets([start for start, _ in buckets], [count for _, count in buckets])


def parts_of(tasks: list[list[dict]]) -> list[Part]:
    """Return the rows of *tasks*; where all pings of one are wanted, that is not said for each."""
    parts: list[Part] = []
    for pings in tasks:
        keep = [ping["wanted"] for ping in pings]
        parts.append((rows_of(pings), None if all(keep) else keep))
    return parts


def one_ping() -> TableRows:
    """Return a ping with a row in each table."""
    texts: list[str | None] = ["a"]
    return rows_of(
        [
            {
                "id": bytes(16),
                "client": None,
                "stamp": 0,
                "texts": texts * len(PING_TEXTS),
                "counter": 1,
                "experiments": (("study", "branch"),),
                "scalars": [("scalar", "", (TEXT, "a"), None)],
                "histograms": [("m", "parent", "", [(0, 1)], 0, None)],
                "events": [("parent", 1, "a", "b", None, None, (), None)],
                "uptake": [(*texts * 7, ("a",), 1, None, None, None, ())],
                "enrollments": [(*texts * 3, 1, None, *texts * 6, None, *texts * 3, (), ())],
            }
        ]
    )
