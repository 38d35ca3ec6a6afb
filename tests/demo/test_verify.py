"""The table of `demo` shows which outcomes are as expected."""

from collections import Counter
from dataclasses import replace

import pytest

from telemetry_server.demo.verify import Observed, rows_of
from telemetry_server.generator.definitions import shipped_definitions
from telemetry_server.generator.stream import CONFLICT, REPEAT, Recipe
from tests.support.running_server import result_of
from tests.support.sizes import IS_FULL

PINGS = list(Recipe(shipped_definitions(), seed=6, malformed_rate=0.5, repeat_rate=0.3).pings(60))
STORED = [ping for ping in PINGS if ping.expected.outcome == "stored"]
REFUSED = Counter(ping.kind for ping in PINGS if ping.expected.outcome == "quarantined")
CONFLICTS = sum(ping.kind == CONFLICT for ping in PINGS)
REPEATS = sum(ping.kind == REPEAT for ping in PINGS)
RIGHT = Observed(
    stored={ping.document_id: dict(ping.expected.histograms_dropped) for ping in STORED},
    stored_twice=0,
    quarantined=REFUSED,
    histograms_kept=sum(ping.expected.histograms_kept for ping in STORED),
    total={"duplicate": REPEATS + CONFLICTS, "conflict": CONFLICTS},
    balanced=True,
)
GOOD_ID = next(ping.document_id for ping in STORED if ping.kind == "good")


def wrong_rows(seen: Observed) -> list[str]:
    """The kinds that are not as expected."""
    return [row.kind for row in rows_of(PINGS, seen) if not row.is_as_expected]


def test_no_row_is_wrong_if_all_outcomes_are_as_expected():
    """Every ping is counted in exactly one row."""
    rows = rows_of(PINGS, RIGHT)

    assert wrong_rows(RIGHT) == []
    assert sum(row.sent for row in rows[:-3]) == len(PINGS)


@pytest.mark.parametrize(
    ("seen", "kind"),
    [
        (replace(RIGHT, stored={k: v for k, v in RIGHT.stored.items() if k != GOOD_ID}), "good"),
        (replace(RIGHT, stored=RIGHT.stored | {GOOD_ID: {"malformed": 1}}), "good"),
        (replace(RIGHT, stored_twice=1), "all pings"),
        (replace(RIGHT, histograms_kept=RIGHT.histograms_kept - 1), "stored pings"),
        (replace(RIGHT, quarantined=REFUSED - Counter(["invalid_json"])), "invalid_json"),
        (replace(RIGHT, quarantined=REFUSED + Counter(["schema_violation"])), "all pings"),
        (replace(RIGHT, total=RIGHT.total | {"duplicate": CONFLICTS}), "same ping again"),
    ],
)
def test_the_row_of_a_wrong_outcome_is_marked(seen, kind):
    """A lost ping, a lost histogram, a ping stored twice, a wrong reason, a repeat that was not noticed."""
    assert kind in wrong_rows(seen)


@pytest.mark.slow
@pytest.mark.skipif(not IS_FULL, reason="CI runs `make demo`")
def test_the_demo_succeeds():
    """It runs completely, with its temporary server."""
    shown = result_of("demo")

    assert shown["as_expected"]
    assert shown["balanced"]
    assert shown["total"]["received"] > 400
