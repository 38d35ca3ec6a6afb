"""Clocks that jump: the wall clock only names folders."""

import asyncio
import time
import urllib.request
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from pathlib import Path

import pytest

from storage.ledger.ledger import Ledger
from storage.raw.segment_paths import segments
from storage.raw.writer import RawWriter
from telemetry_server.demo.temporary_server import TemporaryServer
from tests.faults.test_sudden_deaths import SETTINGS
from tests.support.data_root import World, a_ping, an_id, submitted
from tests.support.figures import Figure
from tests.support.running_server import telemetry_server
from tests.support.sizes import size
from tests.support.waiting import PATIENCE_SECONDS, becomes_true, wait_for
from tests.support.whole_server import Clients, prepare

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)
JUMPS = [
    NOON,
    NOON - timedelta(hours=1),
    NOON + timedelta(days=1),
    datetime(2026, 11, 23, 23, 59, 59, 999_999, tzinfo=UTC),
    datetime(2026, 11, 24, tzinfo=UTC),
    datetime(2038, 1, 19, 3, 14, 7, tzinfo=UTC),
    datetime(2038, 1, 19, 3, 14, 8, tzinfo=UTC),
    datetime(2028, 2, 29, 12, tzinfo=UTC),
    datetime(1970, 1, 1, tzinfo=UTC),
    datetime(2106, 2, 7, 6, 28, 16, tzinfo=UTC),
]


@pytest.mark.parametrize("restarts", [False, True])
async def test_a_clock_jump_loses_no_submission(tmp_path: Path, restarts: bool) -> None:
    """Ten jumps under a running or restarted writer: all submissions are kept, each under its day."""
    world = World(tmp_path)
    world.put_specs()
    now = NOON

    async def started() -> RawWriter:
        writer = RawWriter(world.root.raw, clock=lambda: now, min_free_bytes=0, reserve_bytes=0)
        return await writer.__aenter__()

    writer = await started()
    for jump, now in enumerate(JUMPS):
        batch = [submitted(a_ping(number), number, at=now) for number in range(20 * jump, 20 * jump + 20)]
        async with asyncio.timeout(PATIENCE_SECONDS):
            await asyncio.gather(*(writer.append(submission) for submission in batch))
        if restarts:
            await writer.close()
            writer = await started()
    await writer.close()
    await world.convert()

    days = {f"{moment:%Y%m%d}" for moment in JUMPS}
    assert {f"{segment.day:%Y%m%d}" for segment in segments(world.root.raw)} == days
    assert {path.name for path in (tmp_path / "converted").iterdir()} == days
    assert sorted(document_id for document_id, _ in world.lines()) == sorted(
        an_id(number) for number in range(20 * len(JUMPS))
    )
    assert world.audit().findings == []


@pytest.mark.slow
async def test_a_server_whose_clock_jumps_loses_nothing_and_keeps_answering(
    tmp_path: Path, figure: Figure
) -> None:
    """A whole server with clients runs under libfaketime: after each jump it still answers 200."""
    found = sorted(Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1"))
    if not found:
        pytest.skip("libfaketime is not installed")
    data, moment = tmp_path / "data", tmp_path / "moment"
    prepare(data)
    moment.write_text("+0")
    faked = {
        "LD_PRELOAD": str(found[0]),
        "FAKETIME_TIMESTAMP_FILE": str(moment),
        "FAKETIME_NO_CACHE": "1",
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",
    }
    jumps = ["-1h", "+1d", "@2038-01-19 03:14:05", "@2028-02-29 23:59:58", "+0"] * 2
    clients = Clients(rate=200.0)
    with TemporaryServer(data, {**SETTINGS, **faked}) as server:
        async with clients.sending(server.url, clients=8):
            for jump in jumps[: size(5, 10)]:
                # Replaced by a rename, so that libfaketime never reads a half-written time.
                (tmp_path / "next").write_text(jump)
                (tmp_path / "next").rename(moment)
                started = time.monotonic()
                assert await becomes_true(lambda started=started: clients.last_ok > started + 0.5)
                figure.runs += 1
    figure.title = "T15 clock jumps under load"
    figure.acknowledged = clients.acknowledged
    figure.notes.append(f"answers {dict(sorted(clients.history.statuses.items()))}")
    figure.lost, figure.doubled, violated = await asyncio.to_thread(clients.check, data)
    assert violated == []
    assert set(clients.history.statuses) == {200}
    assert {path.name for path in (data / "raw").glob("2*")} >= {"20380119", "20280229"}


def clock_of(server: TemporaryServer) -> datetime:
    """Return the time of the process that receives: each process sees a jump within a second."""
    with urllib.request.urlopen(f"{server.url}/__heartbeat__", timeout=PATIENCE_SECONDS) as answer:
        return parsedate_to_datetime(answer.headers["Date"])


def time_is_noted(data: Path) -> bool:
    """Return whether the ledger has a time, from which a jump is measured."""
    with Ledger(data / "state" / "ledger.sqlite", read_only=True) as ledger:
        return ledger.clock() is not None


@pytest.mark.slow
@pytest.mark.parametrize("jump", ["+40d", "-40d"])
def test_a_server_with_a_wrong_clock_removes_nothing_and_reports_the_jump(tmp_path: Path, jump: str) -> None:
    """A few seconds of wrong time: raw stays, ids stay remembered, log and doctor report the jump."""
    found = sorted(Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1"))
    if not found:
        pytest.skip("libfaketime is not installed")
    data, moment = tmp_path / "data", tmp_path / "moment"
    prepare(data)
    moment.write_text("+0")
    faked = {
        "LD_PRELOAD": str(found[0]),
        "FAKETIME_TIMESTAMP_FILE": str(moment),
        "FAKETIME_CACHE_DURATION": "1",  # without it each call for the time reads the file
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",
    }

    def set_clock(text: str) -> None:
        (tmp_path / "next").write_text(text)
        (tmp_path / "next").rename(moment)

    def post(server: TemporaryServer, number: int) -> None:
        body = submitted(a_ping(number), number).body
        request = urllib.request.Request(
            f"{server.url}/submit/telemetry/{an_id(number)}", data=body, method="POST"
        )
        with urllib.request.urlopen(request, timeout=PATIENCE_SECONDS) as answer:
            assert answer.status == 200

    with TemporaryServer(data, {**SETTINGS, **faked, "TELEMETRY_DEDUP_DAYS": "2"}) as server:
        post(server, 1)
        server.wait_until_converted(1)
        wait_for(lambda: time_is_noted(data))
        set_clock(jump)
        wait_for(lambda: "the clock jumped" in (tmp_path / "server.log").read_text())
        wait_for(lambda: abs(clock_of(server) - datetime.now(UTC)) > timedelta(days=30))
        post(server, 2)
        server.wait_until_converted(2)
        set_clock("+0")
        for number in (1, 2):
            post(server, number)
        server.wait_until_converted(4)
        assert server.counted("telemetry_pings_duplicate_total") == 2
        doctor = telemetry_server("doctor", "--data", str(data))
        assert server.stop()

    assert doctor.returncode == 1
    assert "days ahead" in doctor.stdout or "days back" in doctor.stdout or "submissions of" in doctor.stdout
    assert len({segment.day for segment in segments(data / "raw")}) == 2
    audit = telemetry_server("audit", "--data", str(data))
    assert audit.returncode == 0, audit.stdout
