"""Pings of many clients, of each layout, doctype and fault; some are repeated or in conflict."""

import gzip
import re
import zlib
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from hashlib import blake2b
from importlib.resources import files
from uuid import UUID

import orjson

from storage.raw.submission import Submission
from telemetry_server.generator.definitions import Definitions, definitions_of
from telemetry_server.generator.payloads import Layout
from telemetry_server.generator.stream import GeneratedPing, Recipe
from tests.support.data_root import NOON, an_id, submitted

BASE_PINGS = 100  # of each layout; the others are copies with other ids
CLIENT_ID = re.compile(rb'("client_?[iI][dD]"\s*:\s*"\{?)[0-9a-fA-F-]{36}')
NO_CLIENT = 1 << 30
APPLICATION = {
    "name": "Firefox", "version": "71.0", "channel": "release", "buildId": "20191202093317",
}  # fmt: skip
DOCTYPES = ("event", "crash", "new-profile", "update", "modules", "health")
GZIP_HEADER_BYTES, GZIP_TRAILER_BYTES = 10, 8


@dataclass(frozen=True, slots=True)
class Sent:
    """A submission of one client, or of `NO_CLIENT` if no client id can be read in it."""

    client: int
    submission: Submission


def client_id(number: int) -> str:
    """Return the id of client *number*."""
    return str(UUID(int=number + (0xABCD << 80), version=4))


def few_definitions() -> Definitions:
    """Return one definition of each kind, plain and keyed, of those that come with the package."""
    found = orjson.loads((files("histogram_specs") / "data" / "Histograms.json").read_bytes())
    by_kind = {(each["kind"], each.get("keyed", False)): name for name, each in found.items()}
    return definitions_of(orjson.dumps({name: found[name] for name in by_kind.values()}))


def many_pings(count: int, clients: int, definitions: Definitions) -> Iterator[Sent]:
    """Yield about *count* submissions: half generated ones, half of other doctypes and of Glean."""
    base = [
        ping
        for seed, layout in enumerate(Layout)
        for ping in Recipe(definitions, seed, malformed_rate=0.3, repeat_rate=0.1, layout=layout).pings(
            min(BASE_PINGS, count // 4)
        )
    ]
    for copy in range(count // 2 // len(base)):
        # One body that inflates to megabytes is enough.
        yield from (_copied(ping, copy, clients) for ping in base if not copy or ping.kind != "too_large")
    for number in range(count // 2):
        yield _plain(number, number % clients)


def _plain(number: int, client: int) -> Sent:
    """Return a ping of another doctype, or of a Glean application."""
    document_id, doctype = an_id(10**9 + number), (*DOCTYPES, "")[number % (len(DOCTYPES) + 1)]
    if not doctype:
        body = {"ping_info": {"seq": number}, "client_info": {"client_id": client_id(client)}, "metrics": {}}
        path = f"/submit/org-example/watering/1/{document_id}"
    else:
        events = {"parent": [[100, "navigation", "search", "urlbar", "enter", {"n": str(number)}]]}
        body = {
            "type": doctype,
            "version": 4,
            "id": document_id,
            "clientId": client_id(client),
            "application": APPLICATION,
            "payload": {"events": events} if doctype == "event" else {"number": number},
        }
        path = f"/submit/telemetry/{document_id}/{doctype}/Firefox/71.0/release/20191202093317"
    return Sent(client, submitted(body, 0, path=path))


def _copied(ping: GeneratedPing, copy: int, clients: int) -> Sent:
    """Return *ping* with new ids; a repeat gets the new ids of its first ping."""
    old = ping.document_id
    new = str(UUID(bytes=blake2b(f"{copy} {old}".encode(), digest_size=16).digest(), version=4))
    client = UUID(new).int % clients
    text = _readable(ping.body).replace(old.encode(), new.encode())
    text, found = CLIENT_ID.subn(rb"\g<1>" + client_id(client).encode(), text)
    body = gzip.compress(text, 1, mtime=0) if text else ping.body
    if ping.kind == "corrupt_gzip":
        body = _with_wrong_checksum(body) if copy % 2 else body[:-GZIP_TRAILER_BYTES]
    submission = Submission(received_at=NOON, path=ping.path.replace(old, new), body=body)
    return Sent(client if found else NO_CLIENT, submission)


def _readable(body: bytes) -> bytes:
    """Return what can be inflated, whatever the checksum says."""
    with suppress(zlib.error):
        return zlib.decompressobj(-zlib.MAX_WBITS).decompress(body[GZIP_HEADER_BYTES:])
    return b""


def _with_wrong_checksum(body: bytes) -> bytes:
    end = len(body) - GZIP_TRAILER_BYTES
    return body[:end] + bytes(255 - byte for byte in body[end : end + 4]) + body[end + 4 :]
