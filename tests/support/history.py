"""The history checker: compares what clients saw with what the server stored."""

import asyncio
import gzip
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any

import aiohttp
import orjson

from storage.data_root import DataRoot
from storage.integrity.audit import audit
from storage.ledger.ledger import Ledger
from storage.partitions.reader import Filter, read_records


class Seen(StrEnum):
    """What a client knows about a submission."""

    OK = "ok"  # 200: it must be stored, once
    REFUSED = "refused"  # any other answer: it may be missing
    UNKNOWN = "unknown"  # no answer: it is stored once, or missing


@dataclass(slots=True)
class History:
    """All submissions of a run, by id, and what their clients saw."""

    seen: dict[str, Seen] = field(default_factory=dict)
    statuses: Counter[int] = field(default_factory=Counter)

    def ids(self, what: Seen) -> set[str]:
        return {document_id for document_id, seen in self.seen.items() if seen is what}


async def send(
    url: str,
    pings: Iterable[tuple[str, str, bytes]],
    history: History,
    *,
    clients: int = 16,
    should_stop: Callable[[], bool] = lambda: False,
) -> None:
    """
    Send *pings* (id, path, body) over *clients* connections, and record each answer in *history*.

    Nothing is sent twice; submissions without an answer stay unknown.
    """
    waiting = iter(pings)
    connector = aiohttp.TCPConnector(limit=clients)
    timeout = aiohttp.ClientTimeout(total=30)

    async def client(session: aiohttp.ClientSession) -> None:
        for document_id, path, body in waiting:
            if should_stop():
                return
            history.seen[document_id] = Seen.UNKNOWN
            try:
                async with session.post(url + path, data=body) as answer:
                    history.statuses[answer.status] += 1
                    history.seen[document_id] = Seen.OK if answer.status == 200 else Seen.REFUSED
            except (aiohttp.ClientError, TimeoutError, OSError):
                if should_stop():
                    return
                await asyncio.sleep(0.01)

    async with aiohttp.ClientSession(connector=connector, timeout=timeout) as session:
        await asyncio.gather(*(client(session) for _ in range(clients)))


def packed(ping: Any) -> bytes:
    """Return the body of *ping* as a client sends it."""
    return ping if isinstance(ping, bytes) else gzip.compress(orjson.dumps(ping), 1, mtime=0)


def violations(data: Path, history: History) -> list[str]:
    """
    Return contradictions between the store and *history*, one line each; none if all is well.

    Call it after everything was converted.
    """
    root = DataRoot(data)
    kept: Counter[str] = Counter()
    with Ledger.for_reading(root) as ledger:
        for line in read_records(data, ledger, Filter()):
            kept[line[:36].decode()] += 1
        for line in read_records(data, ledger, Filter(), "quarantine"):
            fields = orjson.loads(line.partition(b"\t")[2])
            if fields.keys().isdisjoint(("histogram", "histograms")) and fields["reason"] != "conflict":
                kept[line[:36].decode()] += 1
        found = [f"audit: {finding}" for finding in audit(root, ledger).findings]
    found += [f"{document_id}: acknowledged and lost" for document_id in history.ids(Seen.OK) - set(kept)]
    found += [f"{document_id}: kept {count} times" for document_id, count in kept.items() if count > 1]
    found += [f"{document_id}: kept, and never sent" for document_id in set(kept) - set(history.seen)]
    return found
