"""``tail`` prints pings when they are committed."""

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from queue import Empty, Queue
from typing import TextIO

import orjson
import pytest

from histogram_specs.revision import Revision
from storage.disk import Disk
from storage.ledger.ledger import Ledger
from storage.partitions.compact import compact_day
from storage.raw.submission import Submission
from telemetry_server.cli.commands.tail import line_of
from telemetry_server.cli.exit_status import ExitStatus
from telemetry_server.demo.temporary_server import bare_environment
from tests.support.data_root import World, a_ping, an_id
from tests.support.data_root import submitted as submitted_at
from tests.support.forked_commands import ForkedProcess, start
from tests.support.waiting import PATIENCE_SECONDS

LONG_AGO = datetime(2026, 1, 2, 12, tzinfo=UTC)
DAY = "20260102"


def submitted(number: int) -> Submission:
    """Return ping *number*, received long before this test."""
    return submitted_at(a_ping(number), number, at=LONG_AGO)


class Tailing:
    """A ``tail`` process and the lines that it printed."""

    def __init__(self, process: ForkedProcess, shown: TextIO, said: TextIO) -> None:
        self.process = process
        self.said = said
        self._shown = shown
        self._lines: Queue[str] = Queue()
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def _read(self) -> None:
        for line in self._shown:
            self._lines.put(line.rstrip("\n"))

    def join(self) -> None:
        """Wait until what an ended process printed is read."""
        self._thread.join(PATIENCE_SECONDS)

    def line(self) -> str:
        """Return the next line; fail if none arrives in time."""
        return self._lines.get(timeout=PATIENCE_SECONDS)

    def is_silent(self, seconds: float = 1.0) -> bool:
        """Whether no more lines arrive for a while."""
        try:
            self._lines.get(timeout=seconds)
        except Empty:
            return True
        return False


@contextmanager
def tailing(world: World, *words: str) -> Iterator[Tailing]:
    """A ``tail`` process that has started to follow."""
    shown, said = os.pipe(), os.pipe()
    with os.fdopen(shown[1], "wb") as out, os.fdopen(said[1], "wb") as err:
        process = start(("tail", "--data", str(world.root.path), *words), bare_environment(), out, err)
    with os.fdopen(shown[0], encoding="utf-8") as lines, os.fdopen(said[0], encoding="utf-8") as sayings:
        assert "following" in sayings.readline()
        tail = Tailing(process, lines, sayings)
        try:
            yield tail
        finally:
            process.kill()
            process.wait(PATIENCE_SECONDS)
            tail.join()


def tagged(number: int, **headers: str) -> Submission:
    """A small ping of a product, with tags."""
    return Submission(
        received_at=LONG_AGO,
        path=f"/submit/garden/watering/1/{an_id(number)}",
        body=orjson.dumps({"n": number}),
        headers={name.replace("_", "-"): value for name, value in headers.items()},
    )


@pytest.fixture
def world(tmp_path) -> World:
    world = World(Path(tmp_path) / "data")
    world.put_specs()
    return world


async def test_a_ping_is_shown_when_it_is_stored(world):
    """Once, with its histogram counts; pings stored long before are not shown."""
    world.receive([submitted(1)])
    await world.convert()
    with tailing(world) as tail:
        world.receive([submitted(2), submitted(3)])
        await world.convert()
        lines = sorted([tail.line(), tail.line()], key=lambda line: line.split()[2])

        assert lines == [
            f"12:00:00  {'telemetry/saved-session':<42}  {an_id(n)}  Firefox 30.0a1 nightly  "
            "2 histograms, 1 dropped"
            for n in (2, 3)
        ]
        assert tail.is_silent()


async def test_pings_received_while_tail_starts_are_shown(world):
    """A client started right after tail is not missed; on a slow machine the start takes long."""
    after_start = datetime.now(UTC) + timedelta(seconds=PATIENCE_SECONDS)
    world.receive([submitted(1), submitted_at(a_ping(2), 2, at=after_start)])
    await world.convert()
    for file in world.root.path.glob("converted/**/*.zst"):
        os.utime(file, (after_start.timestamp(),) * 2)
    with tailing(world) as tail:
        assert an_id(2) in tail.line()
        assert tail.is_silent()


async def test_merging_files_shows_no_ping_again(world):
    """Later pings are still shown."""
    with tailing(world) as tail:
        for number in (1, 2, 3):
            world.receive([submitted(number)])
            await world.convert()
            assert an_id(number) in tail.line()
        with Ledger(world.root.ledger) as ledger:
            assert [merged.records for merged in compact_day(world.root.path, ledger, Disk(), DAY)]
        world.receive([submitted(4)])
        await world.convert()

        assert an_id(4) in tail.line()
        assert tail.is_silent()


async def test_automated_pings_are_hidden_by_default(world):
    """Unless their own debug id or --all is given."""
    with tailing(world, "--json") as tail, tailing(world, "--debug-id", "plot-1", "--json") as one:
        world.receive(
            [
                tagged(1, x_source_tags="automation,bed-2", x_debug_id="plot-1"),
                tagged(2, x_source_tags="bed-2", x_debug_id="plot-2"),
                tagged(3),
            ]
        )
        await world.convert()

        assert sorted(json.loads(tail.line())["document_id"] for _ in range(2)) == sorted(
            [an_id(2), an_id(3)]
        )
        assert json.loads(one.line()) == {
            "outcome": "stored",
            "reason": None,
            "detail": None,
            "submission_timestamp": "2026-01-02T12:00:00.000000Z",
            "namespace": "garden",
            "doctype": "watering",
            "document_id": an_id(1),
            "app": None,
            "version": None,
            "channel": None,
            "debug_id": "plot-1",
            "histograms_kept": 0,
            "histograms_dropped": 0,
        }
        assert tail.is_silent(0.6)
        assert one.is_silent(0.6)
    with tailing(world, "--all") as tail:
        world.receive([tagged(4, x_source_tags="automation")])
        await world.convert()

        assert an_id(4) in tail.line()


UNKNOWN_REVISION = Revision("mozilla-central", "fffffffffff0")
INVALID_JSON = Submission(received_at=LONG_AGO, path=f"/submit/garden/watering/1/{an_id(8)}", body=b"{broken")


def awaiting(number: int) -> Submission:
    """Return a ping of an unknown revision."""
    return submitted_at(a_ping(number, revision=UNKNOWN_REVISION), number, at=LONG_AGO)


async def test_quarantined_pings_are_shown_with_their_reason(world):
    """Dropped histograms of stored pings are not shown; --stored hides quarantined pings."""
    with tailing(world) as tail, tailing(world, "--stored") as stored:
        world.receive([INVALID_JSON, awaiting(9)])
        await world.convert()
        lines = sorted([tail.line(), tail.line()])
        world.receive([submitted(2)])
        await world.convert()

        assert lines[0].startswith(
            f"12:00:00  {'garden/watering':<42}  {an_id(8)}  -  quarantined: invalid_json: "
        )
        assert f"{an_id(9)}  -  quarantined: unknown_revision: " in lines[1]
        assert an_id(2) in tail.line()
        assert an_id(2) in stored.line()
        assert tail.is_silent()


async def test_other_bytes_under_a_stored_id_are_shown_as_a_duplicate(world):
    world.receive([submitted(2)])
    await world.convert()
    with tailing(world, "--json") as tail:
        world.receive([submitted_at(a_ping(2, other=1), 2, at=LONG_AGO)])
        await world.convert()
        shown = json.loads(tail.line())

    assert (shown["outcome"], shown["reason"], shown["document_id"]) == ("duplicate", "conflict", an_id(2))


async def test_a_pending_ping_is_shown_when_it_becomes_pending_and_when_it_is_stored(tmp_path):
    """Once each; pings that were pending before are not shown again."""
    world = World(tmp_path / "data", server="http://127.0.0.1:1")
    world.receive([awaiting(1)])
    await world.convert()
    with tailing(world) as tail, tailing(world, "--json", "--stored") as stored:
        world.receive([awaiting(2)])
        await world.convert()

        assert f"{an_id(2)}  -  pending: waits for the definitions of " in (line := tail.line())
        assert UNKNOWN_REVISION.changeset in line
        assert tail.is_silent()
        world.put_specs(UNKNOWN_REVISION)
        await world.convert()
        assert sorted(json.loads(stored.line())["document_id"] for _ in range(2)) == [an_id(1), an_id(2)]
        assert "2 histograms" in tail.line()


@pytest.mark.parametrize(
    ("headers", "words", "is_shown"),
    [
        ({}, (), True),
        ({"x-source-tags": "automation"}, (), False),
        ({"x-source-tags": "automation"}, ("--all",), True),
        ({"x-source-tags": "automation", "x-debug-id": "plot-1"}, ("--debug-id", "plot-1"), True),
        ({"x-debug-id": "plot-2"}, ("--debug-id", "plot-1"), False),
    ],
)
async def test_refused_pings_are_filtered_by_their_tags_like_stored_ones(world, headers, words, is_shown):
    with tailing(world, *words) as tail:
        world.receive([replace(INVALID_JSON, headers=headers)])
        await world.convert()

        if is_shown:
            assert "quarantined" in tail.line()
        assert tail.is_silent()


def test_ctrl_c_ends_tail_with_status_130(world):
    """It prints nothing more."""
    with tailing(world) as tail:
        tail.process.send_signal(signal.SIGINT)

        assert tail.process.wait(PATIENCE_SECONDS) == ExitStatus.INTERRUPTED
        assert tail.said.read() == ""


def test_tail_ends_when_its_reader_is_gone(world):
    """Even if no ping is ever stored."""
    process = subprocess.Popen(
        [sys.executable, "-m", "telemetry_server", "tail", "--data", str(world.root.path)],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env=bare_environment(),
    )
    assert process.stdout is not None
    process.stdout.close()

    assert process.wait(PATIENCE_SECONDS) == os.EX_OK


@pytest.mark.parametrize("doctype", ["main", "nimbus-targeting-context"])
def test_ids_are_aligned(doctype):
    """Also after the longest names of Firefox."""
    summary = dict.fromkeys(("app", "version", "channel", "histograms_kept", "histograms_dropped"))
    summary |= {
        "outcome": "stored",
        "submission_timestamp": "2026-11-22T12:00:00.000000Z",
        "document_id": an_id(1),
    }
    summary |= {"namespace": "firefox-desktop", "doctype": doctype}

    assert line_of(summary).index(an_id(1)) == 54


def test_tail_needs_a_data_root(tmp_path, command):
    """One line; it does not wait for a data root to appear."""
    _, talk = command("tail", "--data", str(tmp_path / "none"), status=ExitStatus.CONFIGURATION)

    assert "no such data root" in talk
