"""Missing and damaged files of a data root, such as in a copy that was made while the server ran."""

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from storage.data_root import DataRoot
from telemetry_server.coordinator.conversion_setup import ConversionSetup
from tests.reports.reports_server import Answered, Reports, running_reports
from tests.support.data_root import an_id

TABLE, RECORDS, REFUSED = "tables/pings", "converted", "quarantine/20261122/invalid_json"
OF_TABLES, OF_RECORDS = "telemetry-server tables check", "telemetry-server audit"


def cut(file: Path) -> None:
    """As where a copy ended early."""
    file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])


def flip(file: Path) -> None:
    """As where a disk returns other bytes."""
    content = bytearray(file.read_bytes())
    changed = slice(len(content) // 2, -8)  # a Parquet file keeps its last word
    content[changed] = bytes(255 - byte for byte in content[changed])
    file.write_bytes(content)


KINDS = [
    *((TABLE, damage) for damage in (Path.unlink, cut, flip)),
    *((RECORDS, damage) for damage in (Path.unlink, cut, flip)),
    *((REFUSED, damage) for damage in (cut, flip)),  # a file that is gone counts as merged
]
CHECKS = {TABLE: OF_TABLES, RECORDS: OF_RECORDS, REFUSED: OF_RECORDS}
TARGETS = {
    TABLE: ["/api/v1/pings", "/api/v1/normandy/uptake", "SELECT max(channel) FROM pings"],
    RECORDS: ["/api/v1/drift", f"/api/v1/pings/{an_id(1)}", "SELECT * FROM records"],
    REFUSED: ["/api/v1/pings", "/api/v1/quarantine"],
}


def damaged(setup: ConversionSetup, copy: Path, below: str, damage: Callable[[Path], None]) -> str:
    """Copy the data root to *copy* and damage the files *below* a folder; return the path of one."""
    shutil.copytree(setup.root.path, copy)
    files = sorted((copy / below).rglob("part-*"))
    for file in files:
        damage(file)
    return str(files[0].relative_to(copy))


async def asked(reports: Reports, target: str) -> Answered:
    """Return the answer to a GET, or to a statement."""
    if target.startswith("/"):
        return await reports.get(target)
    return await reports.post("/api/v1/sql", json={"sql": target})


@pytest.mark.parametrize(("below", "damage"), KINDS)
async def test_an_unreadable_file_is_answered_503_with_what_names_it(below, damage, setup, tmp_path):
    """Whichever query reads it, and whatever is wrong with it."""
    copy = tmp_path / "copy"
    damaged(setup, copy, below, damage)
    async with running_reports(replace(setup, root=DataRoot(copy), specs=copy / "specs")) as reports:
        answers = [await asked(reports, target) for target in TARGETS[below]]

    for answer in answers:
        assert answer.status == 503, answer.text
        assert answer.json()["type"] == "urn:telemetry-server:problem:unavailable"
        assert answer.json()["detail"] == f"A file is missing or damaged. {CHECKS[below]} names it."


@pytest.mark.parametrize(("below", "damage"), KINDS)
def test_the_command_of_the_answer_names_the_file(below, damage, setup, tmp_path, command):
    """`repair` finds nothing where only the bytes are others, and `audit` nothing in such a table."""
    path = damaged(setup, tmp_path / "copy", below, damage)

    printed, findings = command(*CHECKS[below].split()[1:], "--data", str(tmp_path / "copy"), status=1)

    assert path in printed + findings


async def test_pages_say_what_finds_an_unreadable_file(setup, tmp_path):
    """With the status of the API."""
    copy = tmp_path / "copy"
    damaged(setup, copy, TABLE, Path.unlink)
    async with running_reports(replace(setup, root=DataRoot(copy), specs=copy / "specs")) as reports:
        pages = [await reports.get(path) for path in ("/", "/pings", "/normandy")]

    assert [page.status for page in pages] == [503, 503, 503]
    assert all(OF_TABLES in page.text for page in pages)
