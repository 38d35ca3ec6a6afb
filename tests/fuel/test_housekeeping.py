"""The processes that keep the databases in order: what a turn does, and when the next one is."""

import os
import signal
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from datetime import UTC, datetime
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from telemetry_server.fuel.analytics.etl import EtlResult
from telemetry_server.fuel.database.errors import DatabaseAway
from telemetry_server.fuel.database.migrating import COLLECTOR, current_version
from telemetry_server.fuel.documents.builds import build_rules_of
from telemetry_server.fuel.housekeeping import turns
from telemetry_server.fuel.housekeeping.etl_follower import EtlFollower
from telemetry_server.fuel.housekeeping.housekeeper import KEPT_BACKUPS, Housekeeper, HousekeepingOptions
from telemetry_server.fuel.housekeeping.turns import take_turns

DAY_SECONDS = 24 * 3600.0


@pytest.fixture(autouse=True)
def same_signals_afterwards() -> Iterator[None]:
    """Restore the handlers that `take_turns` replaces."""
    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    handlers = [signal.getsignal(number) for number in numbers]
    yield
    for number, handler in zip(numbers, handlers, strict=True):
        signal.signal(number, handler)


class Turns:
    """A worker that notes what it is asked; each turn is a function of *turns*, the last ends the process."""

    def __init__(self, *turns: Callable[[], object]) -> None:
        self._turns = list(turns)
        self.seen: list[str] = []

    def turn(self) -> None:
        self.seen.append("turn")
        if not self._turns:
            os.kill(os.getpid(), signal.SIGTERM)
            return
        self._turns.pop(0)()

    def stop_soon(self) -> None:
        self.seen.append("stop soon")

    def read_again(self) -> None:
        self.seen.append("read again")

    def close(self) -> None:
        self.seen.append("close")


def away() -> None:
    raise DatabaseAway("the database does not answer")


def test_a_database_that_is_away_is_tried_again_soon(monkeypatch):
    """Though the pause between two good turns is an hour."""
    monkeypatch.setattr(turns, "FIRST_RETRY_SECONDS", 0.001)
    worker, announced = Turns(away, away), []

    assert take_turns(worker, 3600.0, -1, lambda: announced.append(len(worker.seen))) == 0

    assert worker.seen == ["turn", "turn", "turn", "stop soon", "close"]
    assert announced == [1]


def test_sighup_reads_files_again_and_begins_a_turn():
    worker = Turns(lambda: os.kill(os.getpid(), signal.SIGHUP))

    take_turns(worker, 3600.0, -1, lambda: None)

    assert worker.seen == ["turn", "read again", "turn", "stop soon", "close"]


def test_the_end_of_the_lifeline_ends_the_process():
    lifeline, end = os.pipe()
    worker = Turns(lambda: os.close(end))

    take_turns(worker, 3600.0, lifeline, lambda: None)

    os.close(lifeline)
    assert worker.seen == ["turn", "close"]


def test_a_turn_migrates_applies_the_rules_each_hour_and_backs_up_when_due(tmp_path):
    now = [1_795_000_000.0]
    reads: list[float] = []
    folder = tmp_path / "backups"
    url = f"sqlite:///{tmp_path}/fuel.sqlite"

    def rules():
        reads.append(now[0])
        return build_rules_of(None)

    def backups() -> list[Path]:
        """Return the backups; the newest is given the time of the clock."""
        found = sorted(folder.glob("*.backup"))
        os.utime(found[-1], (now[0], now[0]))
        return found

    housekeeper = Housekeeper(HousekeepingOptions(url, "", rules, 24.0, folder), clock=lambda: now[0])
    housekeeper.turn()
    assert current_version(url) == COLLECTOR.head
    assert (len(reads), len(backups())) == (1, 1)

    now[0] += 60
    housekeeper.turn()
    assert (len(reads), len(backups())) == (1, 1)

    housekeeper.read_again()
    housekeeper.turn()
    assert len(reads) == 2

    for _ in range(KEPT_BACKUPS + 2):
        now[0] += DAY_SECONDS
        housekeeper.turn()
        backups()
    assert len(backups()) == KEPT_BACKUPS
    housekeeper.stop_soon()
    housekeeper.close()


def test_a_turn_goes_on_after_a_backup_that_fails(tmp_path):
    now = 1_795_000_000.0
    there = tmp_path / f"fuel-collector-{datetime.fromtimestamp(now, UTC):%Y%m%dT%H%M%SZ}.backup"
    there.write_text("mine")
    os.utime(there, (now - 2 * DAY_SECONDS,) * 2)
    url = f"sqlite:///{tmp_path}/fuel.sqlite"
    options = HousekeepingOptions(url, "", lambda: build_rules_of(None), 24.0, tmp_path)
    housekeeper = Housekeeper(options, clock=lambda: now)

    with capture_logs() as lines:
        housekeeper.turn()

    housekeeper.close()
    assert "name another file" in str(lines)
    assert there.read_text() == "mine"
    assert list(tmp_path.glob("*.backup")) == [there]


class FakeEtl:
    """An ETL whose runs have the given results."""

    def __init__(self, *results: EtlResult) -> None:
        self._results = list(results)
        self.is_stopping = False

    def run(self) -> EtlResult:
        return self._results.pop(0)


def test_the_etl_migrates_once_and_stops_after_its_present_transaction():
    etl = FakeEtl(EtlResult({"action_logs": 2}), EtlResult({}, {"action_logs": "bad"}), EtlResult())
    migrated: list[bool] = []

    def opened(migrates: bool) -> nullcontext[FakeEtl]:
        migrated.append(migrates)
        return nullcontext(etl)

    follower = EtlFollower(opened)  # type: ignore[arg-type]
    follower.stop_soon()
    for _ in range(3):
        follower.turn()
    assert not etl.is_stopping
    follower.stop_soon()

    assert etl.is_stopping
    assert migrated == [True, False, False]
    follower.read_again()
    follower.close()
