"""CSV files and the day series, on both databases."""

import csv
import io
from datetime import date, timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st

from telemetry_server.fuel.database.collector_database import CollectorDatabase
from telemetry_server.fuel.exports.column_trees import RESOURCES
from telemetry_server.fuel.exports.csv_files import FILES, csv_lines
from telemetry_server.fuel.exports.flattening import cell_of
from telemetry_server.fuel.exports.window import Window
from tests.fuel.analytics import Analytics
from tests.fuel.documents import a_node, a_task, a_workload
from tests.fuel.fleet import NOW, Fleet, store
from tests.fuel.test_analytics_cases import a_cluster, with_clusters

TODAY = NOW.date()
WINDOW = Window(TODAY - timedelta(days=90), TODAY)
# The numbers of columns of the original, without the four of the contact.
WIDTHS = {
    "clusters": 93,
    "nodes": 522,
    "plugins": 19,
    "vm": 20,
    "flavor": 18,
    "volume": 22,
    "image": 18,
    "tenant": 14,
    "keystone_user": 15,
}


def rows_of(analytics: Analytics, name: str, window: Window = WINDOW) -> list[dict[str, str]]:
    """Return the rows of a file; nothing is broken."""
    broken: list[str] = []
    text = file_of(analytics, name, window, broken)
    assert not broken
    return list(csv.DictReader(io.StringIO(text, newline="")))


def file_of(analytics: Analytics, name: str, window: Window, broken: list[str]) -> str:
    """Return a file."""
    lines = analytics.collector.read(lambda c: list(csv_lines(c, name, window, broken.append)))
    return b"".join(lines).decode()


def test_each_file_has_its_header_also_without_rows(analytics):
    """The paths that the original's analysts know; no contact among them."""
    assert set(WIDTHS) == set(FILES)
    for name, width in WIDTHS.items():
        text = file_of(analytics, name, WINDOW, [])
        (header,) = csv.reader(io.StringIO(text, newline=""))
        assert len(header) == len(set(header)) == width, name
        assert text.endswith("\r\n")
        assert not any("contact" in column or "email" in column for column in header)
    clusters = file_of(analytics, "clusters", WINDOW, [])
    for path in ("attributes.libvirt_type", "structure.fuel_release.release", "verify_networks_status"):
        assert path in clusters.rstrip().split(",")
    nodes = file_of(analytics, "nodes", WINDOW, []).rstrip().split(",")
    for path in ("roles.0", "nic_interfaces.count", "meta.cpu.spec.9.model", "meta.disks.0.size"):
        assert path in nodes
    assert nodes[-4:] == ["cluster_id", "cluster_fuel_version", "master_node_uid", "structure.fuel_packages"]
    vm = file_of(analytics, "vm", WINDOW, []).rstrip().split(",")
    assert vm[:4] == ["cluster_id", "master_node_uid", "resource_type", "stats_on_date"]
    assert vm[-3:] == ["vm.is_added", "vm.is_modified", "vm.is_removed"]


def test_cells_round_trip_and_formulas_are_neutralised(analytics):
    """Booleans are True and False, nothing is an empty cell, a list is joined or spread."""
    odd = 'é,"\n;'
    attributes = {
        "libvirt_type": "=1+1",
        "heat": True,
        "sahara": False,
        "kernel_params": odd,
        "repos": ["a", 1],
    }
    cluster = a_cluster(
        7, attributes=attributes, fuel_version="-9.0", nodes=[a_node(1, roles=list("abcdefg"))]
    )
    store(analytics.collector_url, Fleet([with_clusters("a", cluster, fuel_packages=["@p1", "p2"])]))

    (row,) = rows_of(analytics, "clusters")
    assert row["attributes.libvirt_type"] == "'=1+1"
    assert (row["attributes.heat"], row["attributes.sahara"], row["attributes.murano"]) == (
        "True",
        "False",
        "",
    )
    assert row["attributes.kernel_params"] == odd
    assert row["attributes.repos"] == "a 1"
    assert (row["structure.fuel_packages.0"], row["structure.fuel_packages.2"]) == ("'@p1", "")
    assert row["fuel_version"] == "'-9.0"
    (node,) = rows_of(analytics, "nodes")
    assert [node[f"roles.{n}"] for n in range(5)] == list("abcde")
    assert (node["cluster_id"], node["structure.fuel_packages"]) == ("7", "'@p1 p2")


def test_a_spreadsheet_finds_no_formula(analytics):
    """Cells of every file, as a library for spreadsheets takes them, saves and reads them."""
    from openpyxl import Workbook, load_workbook

    texts = ["=1+1", "+1", "-1", "@SUM(A1)", "=cmd|' /C calc'!A0", "plain"]
    clusters = [a_cluster(number, mode=text, status=text) for number, text in enumerate(texts)]
    node = a_node(1, roles=texts, os="=1+1", manufacturer="@x")
    clusters[0] |= {"nodes": [node], "installed_plugins": [{"name": "=1+1", "version": "+1"}]}
    record = a_workload(
        1, master_node_uid="a", created_date=TODAY.isoformat(), version_info={"fuel_version": "=1"}
    )
    record["resource_data"]["current"] = [{"id": "=1+1", "status": "@x"}]
    store(analytics.collector_url, Fleet([with_clusters("a", *clusters)], workloads=[record]))
    book = Workbook()
    for name in ("clusters", "nodes", "plugins", "vm"):
        sheet = book.create_sheet(name)
        for row in csv.reader(io.StringIO(file_of(analytics, name, WINDOW, []), newline="")):
            sheet.append(row)
    saved = io.BytesIO()
    book.save(saved)

    cells = [
        cell for sheet in load_workbook(saved) for row in sheet.iter_rows() for cell in row if cell.value
    ]
    assert not [cell.value for cell in cells if cell.data_type == "f"]
    assert "'=1+1" in [cell.value for cell in cells]


@given(st.text())
def test_no_text_is_a_formula(text):
    """Whatever a client sends."""
    assert not cell_of(text).startswith(("=", "+", "-", "@", "\t", "\r"))
    assert cell_of(text).removeprefix("'") in (text, text.removeprefix("'"))


def test_a_broken_installation_is_left_out_and_reported_once(analytics):
    """The ones beside it are there."""
    good = [with_clusters(uid, a_cluster()) for uid in ("a", "c")]
    broken = with_clusters("b", a_cluster(1), a_cluster(2))
    store(analytics.collector_url, Fleet([good[0], broken, good[1]]))
    database = CollectorDatabase(analytics.collector_url)
    statement = sa.text("UPDATE installation_structures SET structure = :text WHERE master_node_uid = 'b'")
    database.write(lambda c: c.execute(statement, {"text": '{"clusters": [{"id": 1}, 5]}'}))
    database.close()
    problems: list[str] = []

    text = file_of(analytics, "clusters", WINDOW, problems)
    uids = [row["master_node_uid"] for row in csv.DictReader(io.StringIO(text, newline=""))]
    assert uids == ["a", "c"]
    assert len(problems) == 1
    assert "the installation b is left out" in problems[0]


def test_the_last_network_verification_of_the_window_counts(analytics):
    """By its end; an environment without one has an empty cell."""

    def verification(number: int, ended: str, status: str) -> dict[str, Any]:
        info = {"ended_with_status": status}
        return a_task(number, "a", action_name="verify_networks", end_timestamp=ended, additional_info=info)

    logs = [verification(7, "2026-10-01T08:00:00", "error"), verification(9, "2026-10-02T08:00:00", "ready")]
    store(analytics.collector_url, Fleet([with_clusters("a", a_cluster(3), a_cluster(4))], logs=logs))

    column = "verify_networks_status"
    assert {row["id"]: row[column] for row in rows_of(analytics, "clusters")} == {"3": "ready", "4": ""}
    before = Window(date(2026, 10, 1), date(2026, 11, 20))
    assert rows_of(analytics, "clusters", before)[0][column] == "ready"
    later = Window(date(2026, 10, 3), date(2026, 11, 20))
    assert rows_of(analytics, "clusters", later)[0][column] == ""


def a_record(number: int, day: str, current: list[str], **deltas: Any) -> dict[str, Any]:
    """Return a record of VMs."""
    data = {
        "current": [{"id": name} for name in current],
        "added": [],
        "removed": [],
        "modified": [],
    } | deltas
    return a_workload(
        number,
        master_node_uid="a",
        created_date=day,
        resource_checksum=f"{current}{number}",
        resource_data=data,
    )


def daily(analytics: Analytics, first: str, last: str) -> list[tuple[str, str, str]]:
    """Return day, VM and its flag, of each row."""
    window = Window(date.fromisoformat(first), date.fromisoformat(last))
    found = []
    for row in rows_of(analytics, "vm", window):
        flags = [flag for flag in ("added", "modified", "removed") if row[f"vm.is_{flag}"] == "True"]
        found.append((row["stats_on_date"], row["vm.id"], " ".join(flags)))
    return found


def test_the_worked_example_of_the_day_series(analytics):
    """Added on the 1st, changed on the 3rd, removed on the 5th; looked at until the 6th."""
    removed = [{"id": "v", "time": "10:00:00", "status": "ACTIVE"}]
    records = [
        a_record(1, "2026-11-01", ["v"], added=[{"id": "v", "time": "10:00:00"}]),
        a_record(2, "2026-11-03", ["v"], modified=[{"id": "v", "time": "10:00:00", "status": "BUILD"}]),
        a_record(3, "2026-11-05", [], removed=removed),
    ]
    store(analytics.collector_url, Fleet([with_clusters("a", a_cluster(3))], workloads=records))

    assert daily(analytics, "2026-11-01", "2026-11-06") == [
        ("2026-11-01", "v", "added"),
        ("2026-11-02", "v", ""),
        ("2026-11-03", "v", "modified"),
        ("2026-11-04", "v", ""),
        ("2026-11-05", "v", "removed"),
    ]


def test_a_series_ends_with_the_last_contact(analytics):
    """The installation was last seen 3 days before the end."""
    seen = NOW - timedelta(days=3)
    record = a_record(1, (TODAY - timedelta(days=7)).isoformat(), ["v"])
    store(analytics.collector_url, Fleet([with_clusters("a", a_cluster(3))], workloads=[record]), seen)

    days = [
        day for day, _, _ in daily(analytics, (TODAY - timedelta(days=30)).isoformat(), TODAY.isoformat())
    ]
    assert days == [(TODAY - timedelta(days=before)).isoformat() for before in (7, 6, 5, 4, 3)]


def test_a_repeat_of_a_record_changes_nothing(analytics):
    """Another id, the same checksum and data."""
    first = a_record(1, "2026-11-01", ["v"], added=[{"id": "v", "time": "10:00:00"}])
    again = {**first, "id": 2, "created_date": "2026-11-03"}
    store(analytics.collector_url, Fleet([with_clusters("a", a_cluster(3))], workloads=[first, again]))

    rows = daily(analytics, "2026-11-01", "2026-11-04")
    assert [flag for _, _, flag in rows] == ["added", "", "", ""]


def test_a_workload_that_last_changed_before_the_window_is_on_each_of_its_days(analytics):
    record = a_record(1, "2026-10-01", ["v"])
    store(analytics.collector_url, Fleet([with_clusters("a", a_cluster(3))], workloads=[record]))

    rows = daily(analytics, "2026-10-20", "2026-10-22")
    assert [day for day, _, _ in rows] == ["2026-10-20", "2026-10-21", "2026-10-22"]


def test_what_was_removed_and_made_again_counts_once(analytics):
    """And an entry with nothing but id and time does not count."""
    removed = [{"id": "v", "time": "1", "status": "x"}, {"id": "w", "time": "2"}]
    record = a_record(1, "2026-11-01", ["v"], removed=removed)
    store(analytics.collector_url, Fleet([with_clusters("a", a_cluster(3))], workloads=[record]))

    assert daily(analytics, "2026-11-01", "2026-11-01") == [("2026-11-01", "v", "removed")]


def test_versions_come_from_the_environment_else_from_the_installation(analytics):
    """Where the record has none."""
    clusters = [a_cluster(3, fuel_version="7.0"), a_cluster(4)]
    structure = with_clusters(
        "a", *clusters, fuel_release={"release": "8.0", "api": "1.0", "feature_groups": []}
    )
    records = [
        {**a_record(1, "2026-11-01", ["v"]), "version_info": {}},
        {**a_record(2, "2026-11-01", ["w"]), "cluster_id": 4},
        {**a_record(5, "2026-11-01", ["x"]), "cluster_id": 5, "version_info": {"fuel_version": "6.1"}},
    ]
    store(analytics.collector_url, Fleet([structure], workloads=records))

    rows = rows_of(analytics, "vm", Window(date(2026, 11, 1), date(2026, 11, 1)))
    assert {row["vm.id"]: row["version_info.fuel_version"] for row in rows} == {
        "v": "7.0",
        "w": "8.0",
        "x": "6.1",
    }


@pytest.mark.parametrize("kind", list(RESOURCES))
def test_every_type_of_resource_has_its_file(analytics, kind):
    record = a_workload(1, master_node_uid="a", created_date="2026-11-01", resource_type=kind)
    record["resource_data"]["current"] = [{"id": "one", "tenant_id": "t", "attachments": [1, 2]}]
    store(analytics.collector_url, Fleet([with_clusters("a", a_cluster(3))], workloads=[record]))

    (row,) = rows_of(analytics, kind, Window(date(2026, 11, 1), date(2026, 11, 1)))
    assert row[f"{kind}.id"] == "one"
    assert row.get("volume.attachments.count", "2") == "2"
