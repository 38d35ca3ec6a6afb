"""``doctor`` finds each problem and prints a fix."""

import asyncio
import json
import os
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from histogram_specs.cache.revision_cache import RevisionCache
from storage.data_root import DataRoot
from storage.disk import Disk
from storage.ledger.clock import ClockRecord
from storage.ledger.ledger import Ledger
from storage.lock import FileLock
from storage.progress.conversion_state import ConversionState
from storage.raw.segment_paths import new_boot_id, segment_path
from storage.raw.submission import Submission
from storage.raw.writer import RawWriter
from telemetry_server.cli.main import main
from telemetry_server.diagnostics import machine_checks
from telemetry_server.generator.definitions import shipped_definitions
from tests.support.data_root import World, a_ping, submitted
from tests.support.other_user import as_other_user, give_to_other_user, readable_folder


@pytest.fixture
def root(tmp_path):
    """An empty data root, as serve creates it."""
    root = DataRoot(tmp_path / "data")
    root.prepare(Disk())
    Ledger(root.ledger).close()
    return root


def findings(capsys, root: DataRoot, *words: str) -> tuple[int, dict[str, list[dict]]]:
    """Return the exit status, and the findings by check."""
    status = main(["doctor", "--json", "--data", str(root.path), *words])
    by_check: dict[str, list[dict]] = {}
    for finding in json.loads(capsys.readouterr().out)["findings"]:
        by_check.setdefault(finding["check"], []).append(finding)
    return status, by_check


def bad(by_check: dict[str, list[dict]], check: str) -> dict:
    """Return the one bad finding of *check*, which must have a fix."""
    (found,) = [finding for finding in by_check[check] if not finding["ok"]]
    assert found["fix"]
    return found


async def keep(root: DataRoot, received_at: datetime) -> None:
    """Put one submission into raw/."""
    async with RawWriter(root.raw, worker=0) as writer:
        await writer.append(Submission(received_at=received_at, path="/submit/x", body=b"{}"))


def test_a_fresh_data_root_is_healthy(root, capsys):
    """Every check has a line."""
    status, by_check = findings(capsys, root, "--config", os.devnull)

    assert status == 0, by_check
    assert set(by_check) == {
        *(
            "settings",
            "data root",
            "disk",
            "clock",
            "open files",
            "definitions",
            "conversion",
            "ledger",
            "queue",
            "locks",
            "reports",
        )
    }


@pytest.mark.parametrize(
    "text", ["", "[]", '{"format": 9}', '{"format": 1, "key": "", "users": [], "tokens": []}']
)
def test_doctor_finds_a_file_of_users_that_cannot_be_read(text, root, capsys):
    """It names the file, and what does not start."""
    root.access.write_text(text)
    status, by_check = findings(capsys, root)
    found = bad(by_check, "reports")

    assert status == 1
    assert str(root.access) in found["detail"] and "reports do not start" in found["detail"]


def test_doctor_finds_reports_for_other_machines_without_users(root, capsys, monkeypatch):
    """`serve` would refuse to start."""
    monkeypatch.setenv("TELEMETRY_REPORTS_HOST", "0.0.0.0")
    _, by_check = findings(capsys, root)

    assert "there are no users" in bad(by_check, "reports")["detail"]


def test_doctor_finds_a_halted_conversion_and_its_reason(root, capsys):
    """A conversion that succeeds ends the halt."""
    ConversionState(root).halt("state/ledger.sqlite: written as version 9, this server reads 1")

    status, by_check = findings(capsys, root)
    assert status == 1
    assert "written as version 9" in bad(by_check, "conversion")["detail"]

    assert main(["convert", "--data", str(root.path), "--json"]) == 0
    capsys.readouterr()
    assert findings(capsys, root)[0] == 0


async def test_doctor_finds_a_conversion_that_will_halt(tmp_path, capsys):
    """A committed file is short or missing, and no server runs that reports it."""
    world = World(tmp_path / "data")
    world.put_specs()
    world.receive([submitted(a_ping(1), 1)])
    await world.convert()
    (file,) = world.root.converted.rglob("*.zst")
    os.truncate(file, 10)

    status, by_check = await asyncio.to_thread(findings, capsys, world.root)
    assert status == 1
    assert file.name in bad(by_check, "conversion")["detail"]


@pytest.mark.parametrize(
    ("walls", "said"),
    [
        ((40,), "40.0 days ahead"),
        ((40, 0), "40.0 days ahead"),
        ((-40,), "40.0 days back"),
    ],
)
def test_doctor_finds_a_jump_of_the_clock(root, capsys, walls, said):
    """While the clock is doubted, and for a day after it is right again."""
    now = int(datetime.now(UTC).timestamp())
    record = ClockRecord(now)
    for days in walls:
        record = record.after_check(now + days * 86_400)
    with Ledger(root.ledger) as ledger, ledger.transaction() as transaction:
        transaction.put_clock(record)

    status, by_check = findings(capsys, root)
    assert status == 1
    assert said in bad(by_check, "clock")["detail"]


def test_doctor_prints_one_line_for_each_finding(root, capsys):
    assert main(["doctor", "--data", str(root.path)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert all(line.startswith("ok  ") for line in lines)


def test_a_data_root_that_does_not_exist_yet_is_fine(tmp_path, capsys):
    """serve creates it."""
    status, by_check = findings(capsys, DataRoot(tmp_path / "later"))

    assert status == 0
    assert "does not exist yet" in by_check["data root"][0]["detail"]


@pytest.mark.parametrize("path", ["/proc/x", "/dev/null/x"])
def test_doctor_finds_a_data_root_that_cannot_be_created(path, capsys):
    """serve could not create it either."""
    status, by_check = findings(capsys, DataRoot(Path(path)))

    assert status == 1
    assert f"cannot be created in {Path(path).parent}" in bad(by_check, "data root")["detail"]


def test_doctor_leaves_no_files_behind(tmp_path, capsys):
    """The folder that tests write access is removed."""
    findings(capsys, DataRoot(tmp_path / "later"))

    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("closed", ["", "raw", "state", "raw/20261122"])
def test_doctor_reports_a_data_root_of_another_user_once(closed, capsys):
    """All other checks still run."""
    with readable_folder() as folder:
        root = DataRoot(folder / "data")
        root.prepare(Disk())
        Ledger(root.ledger).close()
        (root.raw / "20261122").mkdir()
        give_to_other_user(root.path)
        # Everything must be imported before, because the other user may not be able to read the program.
        findings(capsys, root)
        (root.path / closed).chmod(0)
        try:
            with as_other_user():
                status, by_check = findings(capsys, root)
        finally:
            (root.path / closed).chmod(0o700)

    assert status == 1
    assert str(root.path / closed) in bad(by_check, "data root")["detail"]
    assert by_check["open files"][0]["ok"]
    assert all(finding["skipped"] for finding in by_check.get("ledger", []))


def test_doctor_lists_the_checks_that_it_skips(tmp_path, capsys):
    """A check that could not run is not reported as passed."""
    status, by_check = findings(capsys, DataRoot(tmp_path / "none"))

    assert status == 0
    for check in ("conversion", "ledger", "queue", "locks"):
        (finding,) = by_check[check]
        assert (finding["ok"], finding["skipped"]) == (True, True)
        assert "does not exist" in finding["detail"]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("[[rule]]\nname = 'r'\naction = 'explode'\n", "rule 'r': action must be one of"),
        (None, "rules.toml"),
    ],
)
def test_doctor_finds_invalid_rules(root, capsys, text, says):
    """With the same message as config check."""
    rules = root.path.with_name("rules.toml")
    if text is not None:
        rules.write_text(text)
    config = root.path.with_name("server.toml")
    config.write_text(f'rules_file = "{rules}"\n')
    status, by_check = findings(capsys, root, "--config", str(config))

    assert status == 1
    assert "rules_file" in bad(by_check, "settings")["detail"]
    assert says in bad(by_check, "settings")["detail"]


async def test_pings_that_wait_for_definitions_are_the_only_line_of_the_queue(tmp_path, capsys):
    """Without waiting submissions, "no submission waits" would be wrong."""
    world = World(tmp_path / "data", server="http://127.0.0.1:1")
    world.receive([submitted(a_ping(number), number) for number in range(2)])
    await world.convert()
    status, by_check = findings(capsys, world.root)

    assert status == 1
    assert [finding["detail"] for finding in by_check["queue"]] == ["2 pings wait for definitions"]


def test_doctor_finds_too_little_free_space(root, capsys, monkeypatch):
    """Compared with min_free_bytes."""
    monkeypatch.setenv("TELEMETRY_MIN_FREE_BYTES", "900TB")
    status, by_check = findings(capsys, root)

    assert status == 1
    assert "needed" in bad(by_check, "disk")["detail"]


@pytest.fixture
def other_disk(root) -> Iterator[Path]:
    """An empty folder on another file system than the data root."""
    shared_memory = Path("/dev/shm")
    if not shared_memory.is_dir() or shared_memory.stat().st_dev == root.path.stat().st_dev:
        pytest.skip("/dev/shm is not another file system here")
    with TemporaryDirectory(dir=shared_memory) as folder:
        yield Path(folder)


@pytest.mark.parametrize("name", ["raw", "converted"])
def test_doctor_checks_each_file_system_of_the_data_root(name, root, other_disk, capsys, monkeypatch):
    """The setting holds for the one that receives submissions."""
    (root.path / name).rmdir()
    (root.path / name).symlink_to(other_disk)
    monkeypatch.setenv("TELEMETRY_MIN_FREE_BYTES", "900TB")
    monkeypatch.setattr(machine_checks, "default_floor_bytes", lambda total: 0)
    _, by_check = findings(capsys, root)
    own, other = by_check["disk"]

    assert (own["ok"], other["ok"]) == ((True, False) if name == "raw" else (False, True))
    assert not own["detail"].startswith("/")
    assert other["detail"].startswith(f"{root.path / name}: ")


def test_doctor_finds_a_data_root_that_others_can_read(root, capsys):
    """It has private data of clients."""
    root.raw.chmod(0o755)
    status, by_check = findings(capsys, root)

    assert status == 1
    assert "chmod" in bad(by_check, "data root")["fix"]


def test_doctor_finds_a_clock_before_the_newest_submission(root, capsys):
    """Otherwise days would be written twice."""
    later = datetime.now(UTC) + timedelta(days=40)
    segment = segment_path(root.raw, day=later.date(), worker=0, boot_id=new_boot_id(later), number=1)
    segment.path.parent.mkdir()
    segment.path.touch()
    status, by_check = findings(capsys, root)

    assert status == 1
    assert f"{later:%Y-%m-%d}" in bad(by_check, "clock")["detail"]


def test_doctor_finds_a_broken_definitions_file(root, capsys):
    """The fix names its path."""
    folder = root.specs / "mozilla-central" / "0123456789ab"
    folder.mkdir(parents=True)
    (folder / "Histograms.json").write_text("{")
    status, by_check = findings(capsys, root)

    assert status == 1
    assert str(folder) in bad(by_check, "definitions")["fix"]


def test_one_revision_is_printed_in_the_singular(root, capsys):
    RevisionCache(root.specs).store(shipped_definitions().revision, shipped_definitions().text)
    _, by_check = findings(capsys, root)

    assert by_check["definitions"][0]["detail"] == f"1 revision in {root.specs}"


async def test_doctor_finds_an_old_queue(root, capsys):
    """The age of the oldest submission is printed."""
    await keep(root, datetime.now(UTC) - timedelta(hours=2))
    status, by_check = findings(capsys, root)

    assert status == 1
    assert "7,2" in bad(by_check, "queue")["detail"]


async def test_a_young_queue_is_fine(root, capsys):
    """It is or will be converted."""
    await keep(root, datetime.now(UTC))
    status, by_check = findings(capsys, root)

    assert status == 0
    assert "has waited" in by_check["queue"][0]["detail"]


def test_doctor_finds_a_damaged_ledger(root, capsys):
    root.ledger.write_bytes(b"no database" * 1000)
    status, by_check = findings(capsys, root)

    assert status == 1
    assert "ledger" in bad(by_check, "ledger")["detail"]


def test_doctor_names_held_locks(root, capsys):
    """A converter is running."""
    lock = FileLock(root.state / "converter.lock")
    assert lock.acquire(wait=False)
    try:
        status, by_check = findings(capsys, root)
    finally:
        lock.release()

    assert status == 0
    assert "converter" in by_check["locks"][0]["detail"]


def test_doctor_finds_a_file_in_place_of_the_data_root(tmp_path, capsys):
    file = Path(tmp_path / "data")
    file.touch()
    status = main(["doctor", "--json", "--data", str(file)])

    assert status == 1
    shown = json.loads(capsys.readouterr().out)
    assert not shown["healthy"]
