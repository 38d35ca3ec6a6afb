"""
The ledger's part about deletion: orders, the hashes of what they deleted, and what is still in raw/.

An order holds no id of a client or document, only hashes of them with the key of the data root.
"""

import sqlite3
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from enum import IntEnum, StrEnum

from storage.ledger.connection import Connection
from storage.ledger.forgotten_schema import ADOPTED_COUNTER, VERSION_COUNTER


class IdKind(IntEnum):
    """What a hash is of."""

    CLIENT = 1
    DOCUMENT = 2


class OrderState(StrEnum):
    """How far an order is."""

    WAITING = "waiting"  # of a deletion request whose delay is not over
    BEGUN = "begun"  # its ids count as forgotten
    FOUND = "found"  # its documents are known, and gone from the ledger
    DONE = "done"


@dataclass(frozen=True, slots=True)
class Order:
    """An order to delete."""

    order_id: int
    source: str
    namespace: str
    received_at: int  # s since 1970
    state: OrderState


@dataclass(frozen=True, slots=True)
class RememberedOrder:
    """An order with its ids and counts, for a ledger that is made anew."""

    order: Order
    ids: tuple[tuple[IdKind, bytes], ...]
    counts: Mapping[str, int]


class ForgottenQueries:
    """The queries of `Ledger` about deletion; all results are empty in an older ledger."""

    _connection: Connection

    def _knows_orders(self) -> bool:
        query = "SELECT count(*) FROM sqlite_master WHERE name = 'orders'"
        return bool(self._connection.execute(query).fetchone()[0])

    def forgotten_version(self) -> int:
        """Return a number that rises whenever ids are forgotten; 0 if none ever was."""
        query = "SELECT value FROM counters WHERE name = ?"
        row = self._connection.execute(query, (VERSION_COUNTER,)).fetchone()
        return 0 if row is None else int(row[0])

    def forgotten_hashes(self, kind: IdKind) -> set[bytes]:
        """Return the hashes of all forgotten ids of a kind."""
        if not self.forgotten_version():
            return set()
        rows = self._connection.execute("SELECT hash FROM forgotten WHERE kind = ?", (int(kind),))
        return {digest for (digest,) in rows}

    def is_forgotten(self, kind: IdKind, digest: bytes) -> bool:
        """Return whether an id was forgotten."""
        if not self.forgotten_version():
            return False
        query = "SELECT 1 FROM forgotten WHERE kind = ? AND hash = ?"
        return self._connection.execute(query, (int(kind), digest)).fetchone() is not None

    def orders(self, *states: OrderState) -> list[Order]:
        """Return the orders in *states*, in order; all without any."""
        if not self._knows_orders():
            return []
        wanted = states or tuple(OrderState)
        rows = self._connection.execute(
            "SELECT order_id, source, namespace, received_at, state FROM orders"  # noqa: S608
            f" WHERE state IN ({','.join('?' * len(wanted))}) ORDER BY order_id",
            tuple(state.value for state in wanted),
        )
        return [
            Order(number, source, namespace, received_at, OrderState(state))
            for number, source, namespace, received_at, state in rows
        ]

    def order_ids(self, order_id: int, kind: IdKind) -> set[bytes]:
        """Return the hashes of an order's ids of a kind."""
        query = "SELECT hash FROM order_ids WHERE order_id = ? AND kind = ?"
        return {digest for (digest,) in self._connection.execute(query, (order_id, int(kind)))}

    def order_counts(self, order_id: int) -> dict[str, int]:
        """Return how much an order removed, by place."""
        query = "SELECT place, count FROM order_counts WHERE order_id = ? ORDER BY place"
        return dict(self._connection.execute(query, (order_id,)))

    def has_adopted_orders(self) -> bool:
        """Return whether the deletion requests in files were entered as orders."""
        query = "SELECT 1 FROM counters WHERE name = ?"
        return self._connection.execute(query, (ADOPTED_COUNTER,)).fetchone() is not None

    def directories_of(self, doctypes: Collection[str]) -> list[str]:
        """Return the directories of stored pings of *doctypes*."""
        rows = self._connection.execute(
            "SELECT DISTINCT directory FROM seen JOIN scopes USING (scope_id)"  # noqa: S608
            f" JOIN directories USING (directory_id) WHERE doctype IN ({','.join('?' * len(doctypes))})"
            " ORDER BY directory",
            tuple(doctypes),
        )
        return [directory for (directory,) in rows]

    def count_repeats(self, document_id: bytes) -> int:
        """Return how often a document was sent again with the same bytes."""
        query = "SELECT count(*) FROM refused WHERE document_id = ? AND outcome = 'duplicate' AND reason = ''"
        return int(self._connection.execute(query, (document_id,)).fetchone()[0])

    def known_documents(self) -> set[bytes]:
        """Return every document id that the ledger has."""
        query = "SELECT document_id FROM seen UNION SELECT document_id FROM refused"
        return {bytes(uuid) for (uuid,) in self._connection.execute(query)}

    def removals(self) -> dict[str, set[int]]:
        """Return the offsets of deleted submissions whose bytes are still in raw/, by segment."""
        if not self._knows_orders():
            return {}
        found: dict[str, set[int]] = {}
        for segment, offset in self._connection.execute("SELECT segment, offset FROM removals"):
            found.setdefault(segment, set()).add(offset)
        return found


class ForgottenChanges:
    """The changes of `Transaction` about deletion."""

    _connection: sqlite3.Connection

    def add_order(self, source: str, namespace: str, received_at: int, state: OrderState) -> int:
        """Add an order and return its number."""
        row = self._connection.execute(
            "INSERT INTO orders (source, namespace, received_at, state) VALUES (?, ?, ?, ?)"
            " RETURNING order_id",
            (source, namespace, received_at, state.value),
        ).fetchone()
        return int(row[0])

    def add_order_ids(self, order_id: int, kind: IdKind, hashes: Iterable[bytes]) -> None:
        """Add ids to an order, as hashes."""
        rows = [(order_id, int(kind), digest) for digest in sorted(hashes)]
        self._connection.executemany("INSERT OR IGNORE INTO order_ids VALUES (?, ?, ?)", rows)

    def note_adopted_orders(self, *, is_done: bool = True) -> None:
        """Note whether the deletion requests in files were entered as orders."""
        self._connection.execute("DELETE FROM counters WHERE name = ?", (ADOPTED_COUNTER,))
        if is_done:
            self._connection.execute("INSERT INTO counters VALUES (?, 1)", (ADOPTED_COUNTER,))

    def restore_orders(
        self, orders: Iterable[RememberedOrder], forgotten: Iterable[tuple[IdKind, bytes]]
    ) -> None:
        """Enter *orders* of another ledger, and hashes that count as forgotten."""
        for each in orders:
            order = each.order
            values = order.order_id, order.source, order.namespace, order.received_at, order.state.value
            self._connection.execute("INSERT INTO orders VALUES (?, ?, ?, ?, ?)", values)
            for kind in IdKind:
                hashes = (digest for of, digest in each.ids if of is kind)
                self.add_order_ids(order.order_id, kind, hashes)
            self.count_removed({(order.order_id, place): count for place, count in each.counts.items()})
            if order.state is not OrderState.WAITING:
                self.forget_ids(order.order_id)
        rows = [(int(kind), digest) for kind, digest in forgotten]
        if rows:
            self._connection.executemany("INSERT OR IGNORE INTO forgotten VALUES (?, ?)", rows)
            self._raise_version()

    def move_order(self, order_id: int, state: OrderState) -> None:
        """Change the state of an order."""
        query = "UPDATE orders SET state = ? WHERE order_id = ?"
        self._connection.execute(query, (state.value, order_id))

    def forget_ids(self, order_id: int) -> None:
        """Count the ids of an order as forgotten from now on."""
        query = "INSERT OR IGNORE INTO forgotten SELECT kind, hash FROM order_ids WHERE order_id = ?"
        self._connection.execute(query, (order_id,))
        self._raise_version()

    def forget_document(self, document_id: bytes, digest: bytes) -> None:
        """
        Remember the id of a ping that arrived after the deletion of its client, unless another ping has it.

        The version of the forgotten ids stays the same: conversion recognises a repeat by its client.
        """
        query = (
            "SELECT 1 FROM seen WHERE document_id = ?1 UNION ALL SELECT 1 FROM refused WHERE document_id = ?1"
        )
        if self._connection.execute(query, (document_id,)).fetchone() is None:
            values = int(IdKind.DOCUMENT), digest
            self._connection.execute("INSERT OR IGNORE INTO forgotten VALUES (?, ?)", values)

    def _raise_version(self) -> None:
        self._connection.execute(
            "INSERT INTO counters VALUES (?, 1) ON CONFLICT (name) DO UPDATE SET value = value + 1",
            (VERSION_COUNTER,),
        )

    def count_removed(self, counts: Mapping[tuple[int, str], int]) -> None:
        """Add to what orders removed, by order and place."""
        self._connection.executemany(
            "INSERT INTO order_counts VALUES (?, ?, ?)"
            " ON CONFLICT (order_id, place) DO UPDATE SET count = count + excluded.count",
            [(*key, count) for key, count in counts.items() if count],
        )

    def remove_later(self, segment: str, offsets: Iterable[int]) -> None:
        """Note submissions of *segment* whose bytes are to be removed from raw/."""
        rows = [(segment, offset) for offset in offsets]
        self._connection.executemany("INSERT OR IGNORE INTO removals VALUES (?, ?)", rows)

    def removed(self, segment: str, offsets: Iterable[int]) -> None:
        """Note that the bytes of submissions of *segment* are gone."""
        rows = [(segment, offset) for offset in offsets]
        self._connection.executemany("DELETE FROM removals WHERE segment = ? AND offset = ?", rows)

    def unlink_document(self, document_id: bytes) -> list[tuple[str, str, int]]:
        """
        Delete what the ledger has under *document_id*; return the day of each repeat, and its number.

        Repeats with the same bytes have no other trace than this.

        Returns:
            (day, reason, count) of the repeats without a line in quarantine.
        """
        execute = self._connection.execute
        repeats = execute(
            "SELECT replace(substr(received_at, 1, 10), '-', ''), reason, count(*) FROM refused"
            " WHERE document_id = ? AND outcome = 'duplicate' AND reason = '' GROUP BY 1, 2",
            (document_id,),
        ).fetchall()
        execute("DELETE FROM refused WHERE document_id = ?", (document_id,))
        execute("DELETE FROM seen WHERE document_id = ?", (document_id,))
        return [(str(day), str(reason), int(count)) for day, reason, count in repeats]

    def unlink_client(self, digest: bytes) -> None:
        """Delete when the latest pings of a client came; *digest* as in `put_arrival`."""
        self._connection.execute("DELETE FROM arrivals WHERE client = ?", (digest,))


def remembered_orders(ledger: ForgottenQueries) -> list[RememberedOrder]:
    """Return all orders of *ledger*."""
    return [
        RememberedOrder(
            order,
            tuple((kind, digest) for kind in IdKind for digest in ledger.order_ids(order.order_id, kind)),
            ledger.order_counts(order.order_id),
        )
        for order in ledger.orders()
    ]
