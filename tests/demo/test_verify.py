"""The table of `demo` shows which outcomes are as expected."""

from collections import Counter
from dataclasses import replace
from functools import partial

import pytest

from histogram_specs.cache.revision_cache import RevisionCache
from storage.raw.submission import Submission
from telemetry_server.demo.temporary_server import ServerFailed, TemporaryServer
from telemetry_server.demo.verify import Observed, rows_of, run_command, study_row, verify
from telemetry_server.generator.definitions import shipped_definitions
from telemetry_server.generator.normandy_world import normandy_world
from telemetry_server.generator.stream import CONFLICT, REPEAT, Recipe
from tests.support.data_root import NOON, World
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


def test_what_the_commands_report_is_compared(tmp_path, command):
    """The pings go through the real converter; each has the outcome that the generator expects."""
    world = World(tmp_path)
    definitions = shipped_definitions()
    RevisionCache(tmp_path / "specs").store(definitions.revision, definitions.text)
    studies = normandy_world(6, 4)
    pings = sorted([*PINGS, *studies.pings], key=lambda ping: ping.kind in (REPEAT, CONFLICT))
    world.receive(Submission(received_at=NOON, path=ping.path, body=ping.body) for ping in pings)
    run = partial(output_of, command)
    run("convert", "--data", str(tmp_path))

    seen = verify(tmp_path, 0, run)

    wrong = [row.kind for row in rows_of(pings, seen) if not row.is_as_expected]
    assert wrong == ["stored pings"]  # /metrics was not asked for the number of histograms
    assert seen.balanced
    assert study_row(studies, seen).is_as_expected


def output_of(command, *words: str) -> bytes:
    """The output of a command that runs in this process."""
    return command(*words)[0].encode()


def test_a_command_that_fails_is_named(tmp_path, capfd):
    """After its own message."""
    with pytest.raises(RuntimeError, match="audit ended with status 78"):
        run_command("audit", "--data", str(tmp_path / "none"))

    assert "no such data root" in capfd.readouterr().err


def test_a_server_that_cannot_start_is_reported_with_its_log(tmp_path, capfd):
    """The end of the log comes first, then one line."""
    server = TemporaryServer(tmp_path / "data", {"TELEMETRY_WORKERS": "many"})

    with pytest.raises(ServerFailed, match="ended at once with status 78"), server:
        pass

    assert "workers (from TELEMETRY_WORKERS)" in capfd.readouterr().err


@pytest.mark.slow
@pytest.mark.skipif(not IS_FULL, reason="CI runs `make demo`")
def test_the_demo_succeeds():
    """It runs completely, with its temporary server."""
    shown = result_of("demo")

    assert shown["as_expected"]
    assert shown["balanced"]
    assert shown["total"]["received"] > 400
