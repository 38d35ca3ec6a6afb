"""Private values never leave an installation, and where another sender sends them, they are not stored."""

import json
from collections import Counter
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from telemetry_server.fuel.documents.private_values import Leak
from telemetry_server.fuel.documents.redaction import redacted, redacted_text
from telemetry_server.fuel.sender.config import SenderConfig
from telemetry_server.fuel.sender.cycle import Sender
from telemetry_server.fuel.sender.description import allowed_fields
from telemetry_server.fuel.sender.requests import requests_due
from telemetry_server.fuel.sender.sanitiser import Sanitiser
from telemetry_server.fuel.sender_state.state_file import StateFile
from tests.fuel.documents import a_node, a_request_log, a_run, a_structure, a_task, a_workload
from tests.fuel.fake_collector import fake_collector
from tests.fuel.test_sender import NOW, opt_in, record

CANARIES = {
    Leak.PASSWORD: "Canary!Passw0rd77",
    Leak.ADDRESS: "10.66.77.88",
    Leak.HOST_NAME: "canary-7.prod.example.com",
    Leak.EMAIL: "canary@mail.example.com",
    Leak.KEY: "AQBcanary7Xr9T2Vb5Qw8Zk3Lm6Np1Hs4Jd0Gf==",
}
MORE: dict[str, Leak] = {
    "2001:db8::7:1": Leak.ADDRESS,
    "fe80::1ff:fe23:4567:890a": Leak.ADDRESS,
    "connect to 192.168.0.7:5000": Leak.ADDRESS,
    "52:54:00:ab:cd:ef": Leak.MAC,
    "52-54-00-AB-CD-EF": Leak.MAC,
    "5254.00ab.cdef": Leak.MAC,
    "db01.localdomain": Leak.HOST_NAME,
    "http://node-3.domain.tld:8080/x": Leak.HOST_NAME,
    "-----BEGIN RSA PRIVATE KEY-----\nMIIE\n-----END RSA PRIVATE KEY-----": Leak.PEM,
    "-----BEGIN CERTIFICATE-----\nMIIE": Leak.PEM,
    "AKIAIOSFODNN7EXAMPLE": Leak.KEY,
    "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY": Leak.KEY,
    "password=hunter2": Leak.PASSWORD,
    "mysql://root:hunter2@db/x": Leak.PASSWORD,
}
PLAIN = [
    *[
        "deploy_changes",
        "ha_compact",
        "mitaka-9.0",
        "2014.2-6.0",
        "10:15:00",
        "9f2c",
        "KVM",
        "nova.conf",
        "task_1.log",
        "HA_FULL",
        "vlan",
        "1.0",
    ],
    *["/api/clusters/3/changes", "fuel-library9.0", "python-fuelclient", "2026-02-01T08:45:30.123"],
    "Mitaka on Ubuntu 14.04",
    "e0d8e0f2-0000-4000-8000-000000000041",
    "0a1b" * 10,
    "PowerEdge R720xd",
    "fuel_health.tests.smoke.test_create_flavor.TestFlavor",
    "202 Accepted",
    "x" * 60,
    "Intel(R) Xeon(R) CPU E5-2620 v2 @ 2.10GHz",
    "QEMU Standard PC (i440FX)",
    "error: 2 of 6 nodes failed",
    "",
    "kernel 3.13.0-98-generic",
]


@pytest.mark.parametrize("text", [*CANARIES.values(), *MORE])
def test_a_private_value_is_taken_out_of_a_text(text):
    found: Counter[Leak] = Counter()
    kind = MORE.get(text) or next(kind for kind, canary in CANARIES.items() if canary == text)
    result = redacted_text(f"it says {text} here", found)

    assert found[kind] >= 1
    assert text not in result


@pytest.mark.parametrize("text", PLAIN)
def test_a_plain_text_stays(text):
    found: Counter[Leak] = Counter()

    assert redacted_text(text, found, field="id") == text
    assert not found


def test_packages_and_private_fields_are_known_by_their_field():
    found: Counter[Leak] = Counter()
    packages = {"fuel_packages": ["fuel-9.0.0-1.mos8705.noarch", "python-novaclient-3.3.1"]}
    assert redacted(packages, found) is packages
    private = redacted(
        {"admin_password": "x", "fqdn": "node", "tokens_num": 3, "token": "y", "email": "z"}, found
    )

    assert private == {
        "admin_password": "[password]", "fqdn": "[host_name]", "tokens_num": 3, "token": "[key]", "email":
        "[email]",
    }  # fmt: skip


JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)


# Texts in which what is taken out meets what stays.
TRICKY = st.text(alphabet="aA1!@.:=-/ []pwdkey0fx", max_size=90)


@settings(derandomize=True, deadline=None)
@given(JSON_VALUES | TRICKY | st.dictionaries(TRICKY, TRICKY, max_size=3))
def test_what_was_taken_out_stays_out(value):
    """A second pass finds nothing more, so a value that passed the sender passes the collector."""
    once = redacted(value, Counter())
    again: Counter[Leak] = Counter()

    assert redacted(once, again) == once


def planted(value: Any, canary: str, *, keeps: tuple[str, ...] = ()) -> Any:
    """Return *value* with *canary* in every text, but for the fields in *keeps*."""
    if isinstance(value, dict):
        return {k: v if k in keeps else planted(v, canary, keeps=keeps) for k, v in value.items()}
    if isinstance(value, list):
        return [planted(inner, canary, keeps=keeps) for inner in value] + [
            canary,
            {"name": canary, canary: canary},
        ]
    return canary if isinstance(value, str) else value


def rich_documents() -> dict[str, list[dict[str, Any]]]:
    """Return documents of every kind with every field that a product may have."""
    meta = {
        "cpu": {"total": 2, "spec": [{"model": "x", "frequency": 1}]},
        "disks": [{"size": 1, "name": "sda", "model": "m"}],
        "interfaces": [{"mac": "m", "ip": "i", "name": "eth0"}],
        "system": {"manufacturer": "m", "product": "p", "serial": "s", "fqdn": "f", "uuid": "u"},
    }
    structure = a_structure(fuel_packages=["fuel-9.0.0"], notes="n")["installation_structure"]
    cluster = structure["clusters"][0]
    cluster["attributes"] |= {
        "admin_password": "p",
        "syslog_host": "h",
        "ceph": {"key": "k"},
        "dns_list": ["d"],
    }
    cluster |= {"name": "n", "labels": {"l": "v"}, "installed_plugins": [{"name": "n", "version": "1.0"}]}
    cluster["nodes"].append(a_node(12, name="n", fqdn="f", ip="i", meta=meta, manufacturer="m", os="o"))
    structure["fuel_release"] |= {"build_id": "b", "nailgun_sha": "s", "feature_groups": ["f"]}
    task = a_task(1, action_name="capacity_log", client="c")
    task["body"]["additional_info"] |= {"output": {"roles_stat": {"compute": 1}, "text": "t"}, "message": "m"}
    return {
        "action_logs": [task, a_request_log(2), a_task(3)],
        "installation_structure": [structure],
        "oswl_stats": [
            a_workload(
                number,
                created_date="2026-02-01",
                resource_type=kind,
                version_info={"fuel_version": "9.0", "release_name": "n"},
                resource_data={
                    name: [
                        {"id": "1", "name": "n", "status": "A", "tenant_id": "t", "host_id": "h", "time": "t"}
                    ]
                    for name in ("current", "added", "removed", "modified")
                },
            )
            for number, kind in enumerate(("vm", "volume", "image", "keystone_user"))
        ],
        "ostf_runs": [a_run(1, fuel_version="9.0")],
    }


# Without these a document would not be of its kind.
KEPT = ("action_type", "end_timestamp", "created_date", "updated_time", "resource_type", "resource_data_kind")


@pytest.mark.parametrize("kind", CANARIES)
def test_a_canary_in_every_text_never_reaches_the_wire(tmp_path, kind):
    canary = CANARIES[kind]
    state = StateFile(tmp_path / "state.sqlite")
    for name, documents in rich_documents().items():
        record(state, name, *(planted(document, canary, keeps=KEPT) for document in documents))
    contact = {"name": canary, "email": canary, "company": canary}
    opt_in(state, contact=contact)
    with fake_collector() as collector:
        Sender(SenderConfig(collector.url, state.path), state, clock=lambda: NOW).cycle()
        sent = [got.body for got in collector.got] + [str(got.headers).encode() for got in collector.got]
        preview = [
            r.body
            for r in requests_due(state, Sanitiser(state.uid, state.secret), NOW, oswl_hold_back_days=1)
        ]
    state.close()

    assert len(collector.got) == 5
    for text in (*sent, *preview):
        assert canary.encode() not in text
        assert b"canary" not in text.lower()


@pytest.mark.parametrize("kind", CANARIES)
async def test_a_canary_of_another_sender_never_reaches_the_database(collector, kind):
    """In texts, in keys of objects, in refused items and in the identifiers of items."""
    canary = CANARIES[kind]
    for name, documents in rich_documents().items():
        keeps = (
            (*KEPT, "master_node_uid", "status", "testset")
            if name == "ostf_runs"
            else (*KEPT, "master_node_uid")
        )
        good = [planted(document, canary, keeps=keeps) for document in documents]
        bad = [planted(document, canary) for document in documents]
        for items in ([*good, *bad], [{"other": canary, canary: [canary]}, canary]):
            if name == "installation_structure":
                for item in items:
                    await collector.post(name, {name: item})
            else:
                await collector.post(name, {name: items})
    stored = []
    for table in (
        "action_logs",
        "action_log_keys",
        "installation_structures",
        "oswl_stats",
        "ostf_runs",
        "refused_items",
    ):
        stored += collector.rows(f"SELECT * FROM {table}")

    assert collector.count("action_logs") == 3
    assert collector.count("refused_items") > 5
    assert canary not in json.dumps(stored, default=str)
    assert canary.lower() not in json.dumps(stored, default=str).lower()


def test_every_field_that_may_be_sent_has_a_sensitivity_and_a_reviewer():
    fields = allowed_fields()

    assert len(fields) > 100
    assert all(field["sensitivity"] and field["reviewer"] for field in fields)
    named = [(field["document"], field["field"]) for field in fields]
    assert len(named) == len(set(named))
