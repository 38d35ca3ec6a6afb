"""The distribution of a probe: by sample and by client side by side, on one scale; and its percentiles."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup

from telemetry_server.charts.cells import bar
from telemetry_server.charts.columns import columns_chart, top_share
from telemetry_server.charts.histogram_view import CATEGORIES, Bucket, buckets_of, shown_positions
from telemetry_server.charts.page_svg import page_svg
from telemetry_server.reports.web.chart_block import Cell, ChartBlock, KeyEntry, TableRow
from telemetry_server.reports.web.client_counts import clients_text
from telemetry_server.reports.web.templates import NONE, measure, number, plain_text, share

MAX_AXIS_LABEL = 10
Row = Mapping[str, Any]
WEIGHTS = (("samples", "By sample", "Samples"), ("clients", "By client", "Clients"))


@dataclass(frozen=True, slots=True)
class DistributionView:
    """
    What the charts are made of: one row by sample and one by client, of the same pings.

    Attributes:
        rows: By weight: ``samples``, ``clients``; without the second if no record of them is left.
        compared: The rows to compare with; None for each without one.
        compared_name: What these are of.
        bucket_address: Returns the address of the pings behind a bucket; empty where they may not be seen.
        csv, json: Addresses by weight.
    """

    kind: str
    rows: Mapping[str, Row]
    compared: Mapping[str, Row | None]
    compared_name: str
    scope: str  # such as "build 20261118"
    bucket_address: Callable[[int], str]
    csv: Mapping[str, str]
    json: Mapping[str, str]
    merges: bool = False  # buckets of several definitions are added

    @property
    def is_table(self) -> bool:
        """Whether the buckets have no order, so that a table with bars says more than columns."""
        return self.kind in CATEGORIES

    def other(self, weight: str) -> Row | None:
        """Return the row to compare with, if it has the same buckets."""
        found, own = self.compared.get(weight), self.rows[weight]
        if found is None or found["starts"] != own["starts"] or found.get("labels") != own.get("labels"):
            return None
        return found


def distribution(view: DistributionView) -> list[ChartBlock]:
    """Return the two charts of *view*, with a table for each."""
    positions = shown_positions(*view.rows.values(), *(view.other(weight) for weight in view.rows))
    own = {weight: buckets_of(view.kind, row, positions) for weight, row in view.rows.items()}
    others = {
        weight: buckets_of(view.kind, row, positions) if (row := view.other(weight)) is not None else []
        for weight in view.rows
    }
    top = top_share(*([bucket.share for bucket in each] for each in (*own.values(), *others.values())))
    return [
        _block(view, weighting, own[weighting[0]], others[weighting[0]], top)
        for weighting in WEIGHTS
        if weighting[0] in view.rows
    ]


def _block(
    view: DistributionView,
    weighting: tuple[str, str, str],
    buckets: Sequence[Bucket],
    others: Sequence[Bucket],
    top: float,
) -> ChartBlock:
    weight, title, unit = weighting
    drawing = columns_chart(
        [plain_text(bucket.name)[:MAX_AXIS_LABEL] for bucket in buckets],
        [bucket.share for bucket in buckets],
        compared=[bucket.share for bucket in others],
        top=top,
    )
    peak = max(buckets, key=lambda bucket: bucket.share, default=None)
    name = plain_text(view.compared_name)
    key = [KeyEntry("s1", f"share of {weight}, {view.scope}")]
    heads = ["Value" if view.kind in CATEGORIES or view.kind == "enumerated" else "From", unit, "Share"]
    if others:
        key.append(KeyEntry("s2", f"compared with {name}"))
        heads += [f"{unit} of {name}", f"Share of {name}"]
    return ChartBlock(
        id=f"by-{weight}",
        title=title,
        words=f"Share of {weight} by bucket, {view.scope}"
        + (f", largest {share(peak.share)} at {plain_text(peak.span)}" if peak else ""),
        picture=Markup("") if view.is_table else Markup(page_svg(drawing)),  # noqa: S704 - escaped texts
        heads=heads,
        rows=_rows(view, weight, buckets, others, top),
        caption=f"Distribution {title.lower()}",
        key=key,
        notes=_notes(view, weight, buckets),
        csv=view.csv[weight],
        json=view.json[weight],
        shown_at=buckets.index(peak) if peak else None,
        level=3,
    )


def _rows(
    view: DistributionView,
    weight: str,
    buckets: Sequence[Bucket],
    others: Sequence[Bucket],
    top: float,
) -> list[TableRow]:
    rows = []
    for place, bucket in enumerate(buckets):
        behind = view.bucket_address(bucket.start) if bucket.count and view.kind != "labeled_counter" else ""
        other = others[place] if others else None
        picture = Markup(bar(bucket.share / top, None if other is None else other.share / top))  # noqa: S704
        cells = [Cell(_count(bucket.count), behind), Cell(share(bucket.share), picture=picture)]
        if other is not None:
            cells += [Cell(_count(other.count)), Cell(share(other.share))]
        rows.append(TableRow(bucket.name, Cell(bucket.span, is_count=False), cells))
    if view.is_table:
        order = sorted(range(len(rows)), key=lambda place: -buckets[place].count)
        rows = [rows[place] for place in order]
    return rows


def _count(value: float) -> str:
    return number(int(value)) if value == int(value) else measure(value)


def _notes(view: DistributionView, weight: str, buckets: Sequence[Bucket]) -> list[str]:
    row = view.rows[weight]
    notes = []
    if len(buckets) < len(row["starts"]) and buckets:
        notes.append(f"Buckets outside of {buckets[0].span} and {buckets[-1].span} are empty and not shown.")
    if view.merges:
        notes.append(
            f"The definitions that are added have {len(row['starts']):,} starts of buckets in common."
        )
    if weight == "clients":
        each = "The client" if row["clients"] == 1 else f"Each of {clients_text(row)} clients"
        notes.append(f"{each} counts as 1, shared out among its buckets.")
        if row["without_client"]:
            notes.append(
                f"{row['without_client']:,} histograms of pings without a client id count by sample only."
            )
    elif view.kind == "boolean" and row["mean"] is not None:
        notes.append(f"True: {share(row['mean'])} of samples.")
    if view.compared.get(weight) is not None and view.other(weight) is None:
        notes.append(f"{plain_text(view.compared_name)} has other buckets, so it is not drawn here.")
    return notes


@dataclass(frozen=True, slots=True)
class PercentileLine:
    """One percentile by both weightings, each by bucket and interpolated."""

    name: str
    samples: tuple[str, str]
    clients: tuple[str, str]
    compared: tuple[str, str] | None


def percentile_lines(view: DistributionView) -> list[PercentileLine]:
    """Return the percentiles of *view*; none where the buckets have no order."""
    if view.kind in CATEGORIES or view.kind == "enumerated":
        return []
    by_sample = view.rows["samples"]["percentiles"]
    by_client = view.rows["clients"]["percentiles"] if "clients" in view.rows else [None] * len(by_sample)
    found = view.compared.get("samples")
    others = found["percentiles"] if found is not None else [None] * len(by_sample)
    return [
        PercentileLine(
            f"p{sample['p']}",
            _both(sample),
            (NONE, NONE) if client is None else _both(client),
            other and _both(other),
        )
        for sample, client, other in zip(by_sample, by_client, others, strict=True)
    ]


def _both(percentile: Mapping[str, Any]) -> tuple[str, str]:
    at_least = "≥ " if percentile["at_least"] else ""
    return measure(percentile["value"]), at_least + measure(percentile["estimate"])
