"""Closed days elsewhere: copied, dropped here, read there, brought back."""

import asyncio
import shutil
from dataclasses import asdict
from pathlib import Path

import orjson
import pytest

from storage.data_root import DataRoot
from storage.disk import Disk
from storage.integrity.audit import audit
from storage.ledger.ledger import Ledger
from storage.ledger.opening import open_ledger
from telemetry_server.archive.local_copies import LocalFiles
from telemetry_server.inspection.counting_processes import CountingProcesses
from tests.archive.conftest import DAYS
from tests.mapreduce.conftest import job_submissions
from tests.support.data_root import World


def test_a_day_that_is_only_in_the_archive_gives_equal_bytes(archived, before):
    """Records, tables and jobs; and again after it was brought back."""
    done = archived.run("run")

    assert [each["day"] for each in done] == list(DAYS)
    assert all(each["files"] == each["dropped"] > 0 and not each["problem"] for each in done)
    assert archived.local_files() == []
    assert archived.answers() == before
    archived.is_sound()
    assert archived.run("run") == []

    restored = archived.run("restore", "--date", DAYS[0])

    assert [each["day"] for each in restored] == [DAYS[0]]
    assert restored[0]["files"] == len(archived.local_files()) == done[0]["files"]
    assert archived.answers() == before
    archived.is_sound()
    # It stays, until it is asked for by name.
    assert archived.run("run") == []
    assert archived.run("run", "--date", DAYS[0])[0]["dropped"] == done[0]["files"]
    assert archived.local_files() == []


def test_an_audit_in_several_processes_finds_the_same_in_the_archive(make_archived, tmp_path):
    """The processes find no local file; the process that has the ledger reads the objects."""
    archived = make_archived(str(tmp_path / "elsewhere"))
    archived.run("run")
    findings = []
    for harm in (lambda _: None, lambda path: path.write_bytes(path.read_bytes()[:-1]), Path.unlink):
        with Ledger.for_reading(archived.root) as ledger, CountingProcesses(2, 0) as processes:
            harm(Path(archived.url) / ledger.archived_object(ledger.files()[0].path).key)
            here = audit(archived.root, ledger)
            assert asdict(audit(archived.root, ledger, count_all=processes.count_all)) == asdict(here)
            findings.append(here.findings)

    assert findings[0] == []
    assert "damaged" in findings[1][0]
    assert "gone from the archive" in findings[2][0]


def test_local_copies_stay_unless_the_setting_says_otherwise(archived):
    """Changing the setting later drops them, after the objects were compared again."""
    archived.set(keep_local=True)
    before = archived.local_files()

    done = archived.run("run")

    assert [each["dropped"] for each in done] == [0, 0]
    assert len(archived.local_files()) <= len(before)  # small files are merged first
    assert {day["local"] for day in archived.run("status")["days"]} == {"kept"}
    archived.set(keep_local=False)
    assert [each["files"] for each in archived.run("run")] == [0, 0]
    assert archived.local_files() == []
    assert {day["local"] for day in archived.run("status")["days"]} == {"dropped"}


def test_what_comes_later_into_an_archived_day_is_committed_again(archived):
    """The day's new commit has old and new objects; nothing is copied twice."""
    archived.run("run")
    world = World(DataRoot(archived.data).path)
    world.receive(job_submissions(range(100, 104)))
    asyncio.run(world.convert())

    assert len(archived.local_files()) > 0
    assert {day["archived"] < day["files"] for day in archived.run("status")["days"]} == {True}
    before = archived.answers()
    done = archived.run("run")

    assert [each["day"] for each in done] == list(DAYS)
    assert all(0 < each["files"] < 12 for each in done)
    assert archived.local_files() == []
    assert archived.answers() == before
    archived.is_sound()
    assert archived.run("status")["commits"] == 4


def test_tables_made_anew_replace_the_objects_of_their_day(archived, before):
    """The old objects are deleted once the day's new commit does not list them."""
    archived.run("run")
    with Ledger.for_reading(archived.root) as ledger:
        old = {found.key for path, found in ledger.archived_objects().items() if path.startswith("tables/")}

    archived.command("tables", "rebuild", "--data", str(archived.data))
    assert archived.answers() == before
    assert sum(day["to_delete"] for day in archived.run("status")["days"]) == len(old) > 0
    archived.run("run")

    assert archived.local_files() == []
    assert archived.answers() == before
    archived.is_sound()
    assert sum(day["to_delete"] for day in archived.run("status")["days"]) == 0
    with Ledger.for_reading(archived.root) as ledger:
        new = {found.key for found in ledger.archived_objects().values()}
    assert not old & new


def test_a_backup_of_a_root_with_archived_days_balances_where_it_is_restored(make_archived, before, tmp_path):
    """The backup has the ledger, which says where the days are."""
    archived = make_archived(str(tmp_path / "elsewhere"))
    archived.run("run", "--date", DAYS[0])
    backup, other = str(tmp_path / "backup"), tmp_path / "other"
    archived.command("backup", backup, "--data", str(archived.data))

    archived.command("restore", backup, "--data", str(other))

    archived.command("audit", "--data", str(other))
    restored = type(archived)(archived.command, other, archived.url, archived.config)
    assert restored.answers() == before


def test_aggregates_explain_and_doctor_know_archived_days(make_archived, command, tmp_path):
    """Their answers do not change when the local copies go."""
    archived = make_archived(str(tmp_path / "elsewhere"))
    data = ("--data", str(archived.data))
    document_id = command("cat", "converted", *data)[0].partition("\t")[0]
    explained = command("explain", document_id, "--json", *data)
    command("aggregate", *data)
    compared = command("histogram", "MODE", "--by", "day", "--json", *data)
    archived.run("run")

    assert command("explain", document_id, "--json", *data) == explained
    command("aggregate", *data)
    command("aggregate", "--check", *data)
    assert command("histogram", "MODE", "--by", "day", "--json", *data)[0] == compared[0]
    found = command("doctor", "--json", *data, "--config", str(archived.config))[0]
    assert [each["ok"] for each in orjson.loads(found)["findings"] if each["check"] == "archive"] == [True]


def test_files_come_back_one_by_one_for_who_rewrites_them(archived):
    """Their day stays dropped, so the next run drops them again."""
    archived.run("run")
    with open_ledger(archived.root, Disk()) as ledger:
        path = next(iter(ledger.archived_objects(DAYS[0])))
        assert LocalFiles(archived.root, ledger, Disk()).bring_back([path]) == 1
        assert LocalFiles(archived.root, ledger, Disk()).bring_back([path]) == 0
    assert archived.local_files() == [path]

    assert archived.run("run", "--date", DAYS[0])[0]["dropped"] == 1


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ("ftp://host/x", "must be a folder, or a bucket"),
        ("s3://key:secret@bucket/x", "must not hold credentials"),
        ("s3://bucket//x", "must be a folder, or a bucket"),
        ("s3://bucket/../x", "must be a folder, or a bucket"),
        ("", "archive_to is not set"),
    ],
)
def test_a_wrong_place_is_a_wrong_setting(command, template, value, said, monkeypatch):
    """One line, status 78, and no part of a password."""
    monkeypatch.setenv("TELEMETRY_ARCHIVE_TO", value)

    _, err = command("archive", "run", "--data", str(template), status=78)

    assert said in err
    assert "secret" not in err


def test_a_place_in_the_data_root_is_refused(make_archived, tmp_path):
    """Its files would be strays there."""
    archived = make_archived(str(tmp_path / "data/tables/archive"))

    assert "inside the data root" in archived.refused("run", status=78)


def test_a_file_as_the_place_is_a_wrong_setting(make_archived, tmp_path):
    """It is named, and not changed."""
    (tmp_path / "a file").write_text("kept")
    archived = make_archived(str(tmp_path / "a file"))

    assert "a file is a file; name a folder" in archived.refused("run", status=78)
    assert (tmp_path / "a file").read_text() == "kept"


def test_a_day_that_is_not_over_is_refused(make_archived, tmp_path):
    """Only closed days are archived."""
    archived = make_archived(str(tmp_path / "elsewhere"))

    assert "is not over yet" in archived.refused("run", "--date", "29991231", status=2)


@pytest.mark.parametrize("is_lost", [True, False])
def test_repair_finds_archived_days_again(make_archived, before, tmp_path, is_lost):
    """With a lost ledger by the archive's commits, with a present one by what it knows."""
    archived = make_archived(str(tmp_path / "elsewhere"))
    archived.run("run", "--date", DAYS[1])
    assert "nothing to repair" in archived.command("repair", "--data", str(archived.data))[0]
    words = ["--config", str(archived.config)] if is_lost else ["--rebuild"]
    if is_lost:
        shutil.rmtree(archived.data / "state")

    archived.command("repair", "--data", str(archived.data), *words)
    archived.command("convert", "--data", str(archived.data))

    assert sorted(archived.answers()[0].splitlines()) == sorted(before[0].splitlines())
    archived.run("run")
    assert archived.local_files() == []
    assert archived.answers()[1:4] == before[1:4]
    archived.is_sound()


def test_notebooks_read_archived_days_beside_local_ones(make_archived, tmp_path):
    """DuckDB, PyArrow and Polars; one day is local, one in the archive."""
    import polars as pl

    from telemetry_server import analysis

    archived = make_archived(str(tmp_path / "elsewhere"))

    def answers() -> list[object]:
        with analysis.connect(archived.data) as connection:
            frame = connection.lazy_frame("pings").filter(pl.col("submission_date") == pl.date(2026, 11, 23))
            return [
                connection.sql(
                    "SELECT submission_date, count(*) FROM pings GROUP BY ALL ORDER BY ALL"
                ).fetchall(),
                connection.dataset("histograms").count_rows(),
                frame.select(pl.len()).collect().item(),
                connection.lazy_frame("scalars").select(pl.len()).collect().item(),
            ]

    before = answers()
    archived.run("run", "--date", DAYS[1])
    assert answers() == before
    archived.run("run")
    assert answers() == before
