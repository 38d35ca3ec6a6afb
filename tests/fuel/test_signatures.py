"""Signatures of requests: who may speak for an installation."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from telemetry_server.fuel.collector.intake import IntakeOptions, Signatures
from telemetry_server.fuel.sender_state.state_file import StateFile
from telemetry_server.fuel.signatures.signing import BadSignature, Signer, check_signature, new_seed
from tests.fuel.conftest import running_collector
from tests.fuel.documents import UID, a_structure, a_task

PATH = "/api/v1/action_logs/"


def signed(
    body: Any, signer: Signer, *, path: str = PATH, uid: str = UID, now: datetime | None = None
) -> tuple[bytes, dict[str, str]]:
    """Return the bytes of *body* and the headers that sign them."""
    text = json.dumps(body).encode()
    return text, signer.headers("POST", path, text, uid, now or datetime.now(UTC))


async def test_only_the_bound_key_speaks_for_an_installation(database_url, tmp_path):
    """Without a right signature: 401.  With an item of another installation: 403."""
    one, other = Signer(new_seed()), Signer(new_seed())
    logs = {"action_logs": [a_task(1)]}
    options = IntakeOptions(signatures=Signatures.ENFORCE)
    async with running_collector(tmp_path, database_url, options) as running:
        first = await running.send("POST", PATH, *signed(logs, one))
        assert (first.status, first.statuses()) == (200, {1: "added"})

        logs = {"action_logs": [a_task(2)]}
        text, headers = signed(logs, one)
        late = datetime.now(UTC) - timedelta(seconds=301)
        used = signed({"action_logs": []}, one)
        assert (await running.send("POST", PATH, *used)).status == 200
        cases = {
            "none": (text, {}),
            "wrong": (text + b" ", headers),
            "another path": (text, signed(logs, one, path="/api/v1/oswl_stats/")[1]),
            "another key": signed(logs, other),
            "replayed": used,
            "late": signed(logs, one, now=late),
            "not base64": (text, headers | {"x-fuel-signature": "?"}),
            "no nonce": (text, {name: value for name, value in headers.items() if name != "x-fuel-nonce"}),
        }
        for name, request in cases.items():
            reply = await running.send("POST", PATH, *request)

            assert (reply.status, reply.body["status"]) == (401, "error"), name
        foreign = await running.send(
            "POST", PATH, *signed({"action_logs": [a_task(2), a_task(3, uid="x")]}, one)
        )
        structure_path = "/api/v1/installation_structure/"
        stolen = await running.send(
            "POST", structure_path, *signed(a_structure(), other, path=structure_path, uid="other")
        )
        own = await running.send("POST", structure_path, *signed(a_structure(), one, path=structure_path))

        assert (foreign.status, stolen.status, own.status) == (403, 403, 201)
        assert running.rows("SELECT external_id FROM action_logs") == [(1,)]


@pytest.mark.parametrize("mode", [Signatures.OFF, Signatures.OBSERVE])
async def test_without_enforcement_everything_is_taken(sqlite_url, tmp_path, mode):
    signer = Signer(new_seed())
    async with running_collector(tmp_path, sqlite_url, IntakeOptions(signatures=mode)) as running:
        text, headers = signed({"action_logs": [a_task(1)]}, signer)
        replies = [
            await running.send("POST", PATH, text, headers | {"x-fuel-timestamp": "0"}),
            await running.send("POST", PATH, text, {}),
            await running.send("POST", PATH, text, headers),
        ]
        bound = running.count("signing_keys")

    assert [reply.status for reply in replies] == [200] * 3
    assert bound == (1 if mode is Signatures.OBSERVE else 0)


async def test_a_key_names_its_successor_and_then_signs_no_more(database_url, tmp_path):
    old, new, third = new_seed(), new_seed(), new_seed()
    options = IntakeOptions(signatures=Signatures.ENFORCE)
    steps = [
        ("the first key is bound", Signer(old), 200),
        ("a key without a predecessor", Signer(new), 401),
        ("a key that a stranger named", Signer(new, third), 401),
        ("a key that the bound one named", Signer(new, old), 200),
        ("the old key", Signer(old), 401),
        ("a key that the old one named", Signer(third, old), 401),
        ("the new key, still with its header", Signer(new, old), 200),
        ("the next key", Signer(third, new), 200),
    ]
    async with running_collector(tmp_path, database_url, options) as running:
        for number, (name, signer, status) in enumerate(steps):
            reply = await running.send("POST", PATH, *signed({"action_logs": [a_task(number)]}, signer))

            assert reply.status == status, name
        text, headers = signed({"action_logs": []}, Signer(new, third))
        other = headers | {"x-fuel-public-key": signed({}, Signer(old))[1]["x-fuel-public-key"]}
        assert (await running.send("POST", PATH, text, other)).status == 401
        assert running.count("signing_keys") == 1


ODD_HEADERS = {
    "a uid past its limit": {"master-node-uid": "x" * 300},
    "a uid that is not text": {"master-node-uid": "a\udc80"},
    "a nonce with a space": {"x-fuel-nonce": "a b"},
    "a nonce past its limit": {"x-fuel-nonce": "x" * 129},
    "a time in words": {"x-fuel-timestamp": "yesterday"},
    "a time past all": {"x-fuel-timestamp": "9" * 12},
    "a key of another length": {"x-fuel-public-key": "AAAA"},
    "no base64 of a successor": {"x-fuel-succession": "?"},
}


@pytest.mark.parametrize("name", ODD_HEADERS)
def test_odd_headers_are_bad_signatures(name):
    text, headers = signed({"action_logs": []}, Signer(new_seed()))
    with pytest.raises(BadSignature):
        check_signature("POST", PATH, (text,), headers | ODD_HEADERS[name], datetime.now(UTC))


def test_a_sender_changes_its_key_and_waits_until_it_was_accepted(tmp_path):
    state = StateFile(tmp_path / "state.sqlite")
    first, none = state.signing_seeds()
    assert state.change_signing_key()
    second, previous = state.signing_seeds()
    assert not state.change_signing_key()
    state.note_key_accepted()
    assert state.change_signing_key()
    third, before = state.signing_seeds()
    state.close()

    assert none is None
    assert (previous, before) == (first, second)
    assert len({first, second, third}) == 3
