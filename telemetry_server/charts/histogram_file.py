"""The chart of a histogram as an SVG file: what ``telemetry-server histogram --svg`` writes."""

from collections.abc import Mapping
from typing import Any

from telemetry_server.charts.columns import columns_chart, top_share
from telemetry_server.charts.file_svg import file_svg
from telemetry_server.charts.histogram_view import buckets_of, shown_positions
from telemetry_server.terminal.client_text import shown

HEIGHT = 300
MAX_LABEL = 12


def histogram_svg(answer: Mapping[str, Any]) -> str:
    """
    Return the last row of a histogram's answer as an SVG file.

    Args:
        answer: Of ``histogram --json`` and ``/api/v1/histogram``, with at least one row.
    """
    row = answer["rows"][-1]
    compared = (answer.get("compare") or {}).get("row")
    if compared is not None and compared["starts"] != row["starts"]:
        compared = None
    kind = answer["kind"] or ""
    positions = shown_positions(row, compared)
    buckets = buckets_of(kind, row, positions)
    others = buckets_of(kind, compared, positions) if compared is not None else []
    shares = [bucket.share for bucket in buckets]
    drawing = columns_chart(
        [shown(bucket.name, MAX_LABEL) for bucket in buckets],
        shares,
        compared=[bucket.share for bucket in others],
        top=top_share(shares, [bucket.share for bucket in others]),
        height=HEIGHT,
    )
    title = f"{shown(str(answer['metric']), 80)}, {shown(str(row['group']), 40)}"
    numbers = (
        f"{row['samples']:,} samples in {row['instances']:,} histograms of {row['pings']:,} pings"
        f" from {row['clients']:,} clients"
    )
    weight = (
        "every client counts the same" if answer["weight"] == "clients" else "every sample counts the same"
    )
    notes = f"Share of {answer['weight']} by bucket; {weight}."
    if compared is not None:
        notes += f" Ticks: {shown(str(answer['compare']['group']), 40)}."
    return file_svg(drawing, title, (numbers, notes))
