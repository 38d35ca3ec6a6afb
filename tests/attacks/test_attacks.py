"""Every attack gets an allowed answer, never a 500, and every 200 means exactly one outcome."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.attacks.cases import CASES, GOOD, Case
from tests.support.edges import RunningServer, kept_in, running_server
from tests.support.running_server import result_of, telemetry_server

kept_so_far: list[int] = [0]  # how many 200s for submissions the server has given


@pytest.fixture(scope="module")
def server(tmp_path_factory, has_fast_lane) -> Iterator[tuple[RunningServer, set[int]]]:
    """Yield one server for all cases, and the ids of the processes that it started with."""
    kept_so_far[0] = 0
    with running_server(tmp_path_factory.mktemp("attacked"), "--no-convert") as running:
        yield running, running.children()


def is_allowed(status: int, allowed: int | frozenset[int]) -> bool:
    return status in allowed if isinstance(allowed, frozenset) else status == allowed


def submits(case: Case) -> bool:
    """Whether a 200 for this case means a kept submission."""
    return not case.sent.startswith(b"GET")


def test_the_table_has_at_least_150_different_attacks():
    """All rows send different bytes."""
    assert len(CASES) >= 150
    assert len({case.sent for case in CASES}) == len(CASES)


@pytest.mark.parametrize("case", CASES, ids=[case.name for case in CASES])
def test_an_attack_gets_an_allowed_answer(server, case):
    """The next client is then served by the same processes."""
    running, processes = server
    answers = [
        answer for answer in running.talk(case.sent, half_close=case.half_close) if answer.status != 100
    ]
    statuses = [answer.status for answer in answers] or [0]
    kept_so_far[0] += statuses.count(200) if submits(case) else 0

    assert len(statuses) == len(case.statuses), statuses
    assert all(map(is_allowed, statuses, case.statuses)), statuses
    assert 500 not in statuses
    for answer in answers:
        # No answer repeats what the client sent.
        assert len(answer.body) < 200
        assert "x-evil" not in answer.headers
    if statuses[-1] in (400, 413, 414, 431):
        assert running.was_closed

    (good,) = running.talk(GOOD, half_close=True)
    kept_so_far[0] += 1
    assert good.status == 200
    assert running.children() == processes


def test_every_200_is_a_kept_submission_with_exactly_one_outcome(server):
    """The raw store holds one submission for each 200, none smuggled; after conversion the audit balances."""
    running, _ = server
    data: Path = running.data
    assert running.stop() == 0
    kept = kept_in(data / "raw")
    assert len(kept) == kept_so_far[0]
    assert not [submission for submission in kept if "smuggled" in submission.path]
    assert "Traceback" not in running.log()

    assert telemetry_server("convert", "--data", str(data)).returncode == 0
    report = result_of("audit", "--data", str(data))
    assert report["balanced"]
    assert report["total"]["received"] == len(kept)
