"""Signatures of requests: who may speak for an installation."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from telemetry_server.fuel.collector.intake import IntakeOptions, Signatures
from telemetry_server.fuel.signatures.signing import Signer, new_seed
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
