"""Failure reports at the collector: what is stored, what is refused, and where contacts are."""

import base64
import os
import sqlite3
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from telemetry_server.fuel.collector.contact_sealer import ContactSealer
from telemetry_server.fuel.collector.intake import IntakeOptions
from telemetry_server.fuel.contacts.contact_keys import (
    BadContactKeys,
    ContactKeyFile,
    ContactKeys,
    ContactUnreadable,
    create_contact_key_file,
    read_contact_keys,
)
from telemetry_server.fuel.database.collector_database import CollectorDatabase
from telemetry_server.fuel.database.contacts import remove_contacts_of, remove_old_contacts
from telemetry_server.fuel.database.failure_filter import FailureFilter
from telemetry_server.fuel.support.archive import FailureArchive
from tests.fuel.conftest import RunningCollector, running_collector
from tests.fuel.documents import CONTACT, UID, a_failure, a_structure, a_task


@pytest.fixture
def key_file(tmp_path) -> Path:
    """A key file that is created at the first use."""
    return tmp_path / "keys" / "contact.key"


@pytest.fixture
async def support(database_url, tmp_path, key_file) -> AsyncIterator[RunningCollector]:
    """A collector with a key of contacts."""
    key_file.parent.mkdir()
    options = IntakeOptions(
        checks_responses=True, contacts=ContactSealer(ContactKeyFile(key_file, creates=True))
    )
    async with running_collector(tmp_path, database_url, options) as running:
        yield running


async def test_a_failure_report_is_stored_once_with_its_contact_apart(support, database_url, key_file):
    first = await support.post("failure_reports", a_failure())
    again = await support.post("failure_reports", a_failure(uid="another"))
    report_id = a_failure()["failure_report"]["report_id"]

    assert first.status == 202
    assert first.body["failure_report"] == {"report_id": report_id, "status": "accepted"}
    assert first.body["status"] == "ok"
    assert (again.status, again.body["failure_report"]["status"]) == (200, "existed")
    assert [support.count(name) for name in ("failure_reports", "contacts", "notifications")] == [1, 1, 1]
    ((body,),) = support.rows("SELECT body FROM failure_reports")
    assert "ada" not in body.lower()
    archive = FailureArchive(database_url, key_file)
    (item,) = archive.page(FailureFilter(), 10).items
    archive.close()
    assert item["contact"] == CONTACT | {"phone": None, "job_title": None, "country": None}
    assert item["error"]["summary"] == "2 of 6 nodes failed"
    assert item["environment"]["mode"] == "ha_compact"
    assert item["message"] == {"state": "waiting", "times": 1, "deliveries": []}


WITHOUT_CONTACT: dict[str, Any] = {
    "no contact": ...,
    "null": None,
    "a text": "ada@example.org",
    "nothing in it": {},
    **{f"no {name}": {key: value for key, value in CONTACT.items() if key != name} for name in CONTACT},
    **{f"an empty {name}": CONTACT | {name: " "} for name in CONTACT},
    "no address": CONTACT | {"email": "ada"},
    "a number": CONTACT | {"company": 5},
    "only control characters": CONTACT | {"last_name": "\x07\x1b"},
}


async def test_without_a_whole_contact_nothing_is_stored(support):
    """The action log of the same failure is stored by its own endpoint."""
    for name, contact in WITHOUT_CONTACT.items():
        reply = await support.post("failure_reports", a_failure(contact=contact))

        assert reply.status == 422, name
        assert reply.body.keys() == {"status", "message"}
    tables = ("failure_reports", "contacts", "notifications", "refused_items")
    assert [support.count(name) for name in tables] == [0, 0, 0, 0]
    log = a_task(912)
    log["body"]["additional_info"]["ended_with_status"] = "error"
    assert (await support.post("action_logs", {"action_logs": [log]})).statuses() == {912: "added"}


BAD_REPORTS: dict[str, Any] = {
    "an id that is not a UUID": a_failure(report_id="1"),
    "no id": a_failure(report_id=...),
    "no uid": a_failure(master_node_uid=...),
    "no error": a_failure(error=...),
    "a text as error": a_failure(error="failed"),
    "a fraction as cluster": a_failure(cluster_id=1.5),
    "a cluster past 64 bits": a_failure(cluster_id=2**63),
    "no moment": a_failure(occurred_at="banana"),
    "NUL": a_failure(operation="a\0b"),
    "a number as type": a_failure(error={"type": 5}),
    "a uid that is an address": a_failure(uid="10.20.30.40"),
    "a list": {"failure_report": []},
    "null": {"failure_report": None},
    "another key": {"failure_report": a_failure()["failure_report"], "z": 1},
    "no report": {},
    "a batch": {"failure_reports": [a_failure()["failure_report"]]},
}


async def test_a_report_of_another_form_is_400(support):
    for name, body in BAD_REPORTS.items():
        reply = await support.post("failure_reports", body)

        assert reply.status == 400, name
        assert reply.body.keys() == {"status", "message"}
    assert support.count("failure_reports") == 0
    kept = "".join(item for (item,) in support.rows("SELECT item FROM refused_items"))
    assert "2 of 6" in kept
    assert not any(text in kept for text in ("Doe", "Ada", "ada@", "Example Ltd"))


async def test_identical_failures_within_half_an_hour_are_one_message(support):
    for number in range(50):
        assert (await support.post("failure_reports", a_failure(number))).status == 202
    await support.post("failure_reports", a_failure(50, cluster_id=8))
    await support.post("failure_reports", a_failure(51, uid="inst-other"))

    times = support.rows("SELECT times FROM notifications ORDER BY times")
    assert times == [(1,), (1,), (50,)]
    assert support.count("failure_reports") == 52
    support.database.write(
        lambda c: c.execute(sa.text("UPDATE notifications SET created_at = '2020-01-01 00:00:00'"))
    )
    await support.post("failure_reports", a_failure(60))
    assert support.count("notifications") == 4


async def test_private_values_in_a_report_reach_no_table(support):
    leaks = "mail root@example.net of db1.example.net, 10.20.30.40, password=Geheim123!"
    report = a_failure(
        error={"type": "deploy", "summary": leaks, "failed_nodes": [{"id": 1, "fqdn": "db2.example.net"}]},
        environment={"release": "7.0", "note": leaks},
        operation="deploy on db1.example.net",
    )
    assert (await support.post("failure_reports", report)).status == 202

    ((body, operation),) = support.rows("SELECT body, operation FROM failure_reports")
    for secret in ("root@", "db1", "db2", "10.20.30.40", "Geheim123!"):
        assert secret not in body + operation


async def test_the_database_file_holds_no_contact(sqlite_url, tmp_path, key_file):
    key_file.parent.mkdir()
    options = IntakeOptions(contacts=ContactSealer(ContactKeyFile(key_file, creates=True)))
    user = {"contact_info_provided": True, "name": "Grace Hopper", "email": "grace@example.org"}
    async with running_collector(tmp_path, sqlite_url, options) as running:
        assert (await running.post("failure_reports", a_failure())).status == 202
        structure = a_structure("inst-g", user_information=user)
        assert (await running.post("installation_structure", structure)).status == 201
    content = b"".join(path.read_bytes() for path in tmp_path.glob("fuel.sqlite*"))

    for secret in (b"ada@example.org", b"Example Ltd", b"Grace", b"grace@"):
        assert secret not in content
    with sqlite3.connect(tmp_path / "fuel.sqlite") as connection:
        assert connection.execute("SELECT count(*) FROM contacts").fetchone() == (2,)


async def test_the_contact_of_a_structure_goes_with_its_box(support, database_url, key_file):
    contact = {"name": "Grace Hopper", "email": "grace@example.org", "company": "Navy"}
    user = {"contact_info_provided": True, **contact}
    await support.post("installation_structure", a_structure(user_information=user))
    archive = FailureArchive(database_url, key_file)
    found = archive.contact_of(UID)
    await support.post(
        "installation_structure", a_structure(user_information={"contact_info_provided": False})
    )
    gone = archive.contact_of(UID)
    archive.close()

    assert found == contact
    assert gone is None


async def test_without_a_key_failure_reports_are_503_and_structures_are_taken(sqlite_url, tmp_path):
    missing = ContactKeyFile(tmp_path / "none" / "key", creates=True)
    options = IntakeOptions(contacts=ContactSealer(missing))
    user = {"contact_info_provided": True, "email": "grace@example.org"}
    async with running_collector(tmp_path, sqlite_url, options) as running:
        refused = await running.post("failure_reports", a_failure())
        structure = await running.post("installation_structure", a_structure(user_information=user))
        tables = [running.count(name) for name in ("failure_reports", "contacts", "installation_structures")]

    assert (refused.status, structure.status) == (503, 201)
    assert int(refused.headers["Retry-After"]) > 0
    assert tables == [0, 0, 1]


async def test_contacts_are_removed_after_90_days_and_on_request(support, database_url, key_file):
    for number, uid in enumerate(("inst-a", "inst-b", "inst-b")):
        await support.post("failure_reports", a_failure(number, uid=uid))
    now = datetime.now(UTC)
    removed = support.database.write(lambda c: remove_contacts_of(c, "inst-b"))
    early = support.database.write(lambda c: remove_old_contacts(c, now + timedelta(days=89)))
    late = support.database.write(lambda c: remove_old_contacts(c, now + timedelta(days=91)))
    archive = FailureArchive(database_url, key_file)
    items = archive.page(FailureFilter(), 10).items
    archive.close()

    assert (removed, early, late) == (2, 0, 1)
    assert [(item["contact"], item["contact_problem"]) for item in items] == [(None, "removed")] * 3


def test_a_key_file_is_created_private_and_once(tmp_path):
    file = tmp_path / "key"

    assert create_contact_key_file(file)
    content = file.read_bytes()
    assert not create_contact_key_file(file)
    assert file.read_bytes() == content
    assert file.stat().st_mode & 0o777 == 0o600
    assert [path.name for path in tmp_path.iterdir()] == ["key"]
    sealed = read_contact_keys(file).seal("owner", b"text")
    assert read_contact_keys(file).opened("owner", sealed) == b"text"


def test_a_contact_opens_with_its_owner_and_key_only():
    one, two = base64.b64encode(os.urandom(32)), b"k" * 32
    sealed = ContactKeys([one]).seal("a", b"text")

    assert ContactKeys([two, one]).opened("a", sealed) == b"text"
    for keys, owner in ((ContactKeys([one]), "b"), (ContactKeys([two]), "a")):
        with pytest.raises(ContactUnreadable):
            keys.opened(owner, sealed)


KEY_FILES = {
    "hex": os.urandom(32).hex().encode(),
    "raw": b"\xff" + os.urandom(40),
    "two": b"a" * 32 + b"\n" + b"b" * 40,
}


def test_forms_of_key_files(tmp_path):
    file = tmp_path / "key"
    for name, content in KEY_FILES.items():
        file.write_bytes(content)
        keys = read_contact_keys(file)

        assert keys.opened("a", keys.seal("a", b"text")) == b"text", name
    for bad in (b"", b"\n", b"short", b"a" * 32 + b"\nshort"):
        file.write_bytes(bad)
        with pytest.raises(BadContactKeys):
            read_contact_keys(file)


async def test_a_new_key_in_front_seals_and_the_old_one_opens(sqlite_url, tmp_path, key_file):
    key_file.parent.mkdir()
    options = IntakeOptions(contacts=ContactSealer(ContactKeyFile(key_file, creates=True)))
    async with running_collector(tmp_path, sqlite_url, options) as running:
        await running.post("failure_reports", a_failure(1))
        old = key_file.read_bytes()
        key_file.write_bytes(base64.b64encode(os.urandom(32)) + b"\n" + old)
        await running.post("failure_reports", a_failure(2))
    archive = FailureArchive(sqlite_url, key_file)
    both = [item["contact"]["email"] for item in archive.page(FailureFilter(), 10).items]
    key_file.write_bytes(key_file.read_bytes().splitlines()[0])
    problems = [item["contact_problem"] for item in archive.page(FailureFilter(), 10).items]
    archive.close()
    database = CollectorDatabase(sqlite_url)
    ids = database.read(lambda c: c.execute(sa.text("SELECT count(DISTINCT key_id) FROM contacts")).scalar())
    database.close()

    assert both == ["ada@example.org"] * 2
    assert ids == 2
    assert problems[0] is None
    assert "not in the key file" in problems[1]
