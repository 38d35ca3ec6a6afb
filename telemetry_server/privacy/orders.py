"""
Orders to delete, as records for auditors: ``state/orders/<number>.json``.

Such a file has times, the namespace, counts, and keyed hashes of the ids: nothing of a client.  A lost ledger
gets its hashes back from these files.
"""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from storage.data_root import DataRoot
from storage.disk import Disk
from storage.errors import LedgerError
from storage.ledger.forgotten import IdKind, Order, OrderState
from storage.ledger.ledger import Ledger

DAY_SECONDS = 86_400
DONE_ONCE = "command"
"""The source of an order that `forget` was given."""
ANY_NAMESPACE = "*"


@dataclass(frozen=True, slots=True)
class OrderRecord:
    """What the file of an order says."""

    order_id: int
    source: str
    namespace: str
    received_at: int  # s since 1970
    finished_at: int | None
    clients: tuple[bytes, ...]  # hashes
    documents: tuple[bytes, ...]
    removed: dict[str, int]  # by place

    def as_json(self) -> dict[str, Any]:
        """Return the object of the file."""
        return {
            "order": self.order_id,
            "source": self.source,
            "namespace": self.namespace,
            "received_at": _time(self.received_at),
            "finished_at": None if self.finished_at is None else _time(self.finished_at),
            "clients": [digest.hex() for digest in self.clients],
            "documents": [digest.hex() for digest in self.documents],
            "removed": self.removed,
        }


def _time(seconds: int) -> str:
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%SZ}"


def record_of(ledger: Ledger, order: Order, finished_at: int | None) -> OrderRecord:
    """Return the record of *order* as the ledger has it now."""
    return OrderRecord(
        order.order_id,
        order.source,
        order.namespace,
        order.received_at,
        finished_at,
        tuple(sorted(ledger.order_ids(order.order_id, IdKind.CLIENT))),
        tuple(sorted(ledger.order_ids(order.order_id, IdKind.DOCUMENT))),
        ledger.order_counts(order.order_id),
    )


def write_record(root: DataRoot, disk: Disk, record: OrderRecord) -> None:
    """
    Write the file of an order; it replaces an earlier one by a rename.

    Raises:
        OSError: The disk refuses.
    """
    folder = root.orders
    disk.make_directories(folder)
    path = folder / f"{record.order_id:010}.json"
    unfinished = path.with_name(f".{path.name}")
    disk.unlink(unfinished)
    descriptor = disk.create(unfinished)
    try:
        disk.write(descriptor, [json.dumps(record.as_json(), indent=1).encode() + b"\n"])
        disk.sync(descriptor)
    finally:
        disk.close(descriptor)
    disk.rename(unfinished, path)
    disk.sync_directory(folder)


def order_files(root: DataRoot) -> list[Path]:
    """Return the files of all orders, in order."""
    return sorted(root.orders.glob("[0-9]*.json"))


def remembered(root: DataRoot) -> Iterator[tuple[IdKind, bytes]]:
    """Yield the hashes in the files of orders; a damaged file raises `LedgerError`."""
    for path in order_files(root):
        try:
            fields = json.loads(path.read_bytes())
            for kind, name in ((IdKind.CLIENT, "clients"), (IdKind.DOCUMENT, "documents")):
                yield from ((kind, bytes.fromhex(digest)) for digest in fields[name])
        except (ValueError, KeyError, TypeError) as error:
            raise LedgerError(f"{path}: damaged ({error}); restore it from a backup") from error


def due_orders(ledger: Ledger, delay_days: float, now: float) -> list[Order]:
    """Return the orders whose delay is over at *now*, and those that a killed run left."""
    open_states = (OrderState.BEGUN, OrderState.FOUND)
    waiting = ledger.orders(OrderState.WAITING)
    due = [order for order in waiting if order.received_at + delay_days * DAY_SECONDS <= now]
    return [*ledger.orders(*open_states), *due]


def numbers_of(orders: Iterable[Order]) -> list[int]:
    """Return the numbers of *orders*."""
    return [order.order_id for order in orders]
