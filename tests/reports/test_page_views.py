"""What pages are made of, without a server."""

import gzip
from datetime import UTC, datetime

from telemetry_server.reports.web.evolution import EvolutionView, evolution
from telemetry_server.reports.web.periods import is_unfinished, periods_between


def test_today_is_unfinished_and_yesterday_is_not():
    """Of days, weeks and months."""
    today = datetime.now(UTC)

    assert is_unfinished("day", f"{today:%Y%m%d}")
    assert is_unfinished("month", f"{today:%Y%m}")
    assert not is_unfinished("day", "20261120")
    assert periods_between("day", ["20261130", "20261128"]) == ["20261128", "20261129", "20261130"]
    assert periods_between("week", ["20261123", "20261207"]) == ["20261123", "20261130", "20261207"]
    assert periods_between("month", ["202611", "202702"]) == ["202611", "202612", "202701", "202702"]


def test_three_hundred_builds_are_one_small_page():
    """330 builds with five percentiles are under 150 kB of gzip."""
    rows = [
        {
            "group": f"2025{number:04}",
            "samples": 9_168 + number,
            "instances": 2_541,
            "pings": 2_204,
            "clients": 1_042,
            "mean": 130.5810 + number,
            "counts": [1],
            "percentiles": [
                {"p": p, "value": p, "estimate": p * 1.37 + number, "at_least": False}
                for p in (5, 25, 50, 75, 95)
            ],
        }
        for number in range(330)
    ]
    answer = {"kind": "exponential", "weight": "samples", "rows": rows}
    view = EvolutionView(
        answer,
        [row["group"] for row in rows],
        [],
        "build",
        "",
        True,
        "/pings?group={}".format,
        "?at={}".format,
        "",
        "",
    )
    block = evolution(view)

    assert len(gzip.compress(str(block.picture).encode())) < 40_000
    assert len(block.rows) == 330
