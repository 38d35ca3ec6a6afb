"""The ids of open orders, and what is theirs: lines, submissions, pings of the tables."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from storage.ledger.forgotten import IdKind, OrderState
from storage.ledger.ledger import Ledger
from telemetry_server.privacy.identifiers.damaged_bytes import ids_in_damaged
from telemetry_server.privacy.identifiers.keyed_hash import IdHash
from telemetry_server.privacy.identifiers.submission_ids import ids_in_line, own_uuid, own_uuid_of_line
from telemetry_server.privacy.raw_parts import RawPart


@dataclass(frozen=True, slots=True)
class Wanted:
    """Ids as hashes, each with the number of its order."""

    hash: IdHash
    clients: Mapping[bytes, int] = field(default_factory=dict)
    documents: Mapping[bytes, int] = field(default_factory=dict)

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to delete."""
        return not self.clients and not self.documents

    def hashes(self) -> Iterator[bytes]:
        """Yield all hashes."""
        yield from self.clients
        yield from self.documents

    def clients_in(self, uuids: Iterable[bytes]) -> dict[bytes, int]:
        """Return those of *uuids* that are wanted clients, with their orders."""
        found = {}
        for uuid in uuids:
            order = self.clients.get(self.hash.of_uuid(uuid))
            if order is not None:
                found[uuid] = order
        return found

    def document(self, uuid: bytes | None) -> int | None:
        """Return the order of a document id; None if it is not wanted."""
        return None if uuid is None else self.documents.get(self.hash.of_uuid(uuid))

    def of_line(self, line: bytes) -> int | None:
        """Return the order that *line* is of: by its own id, or by a client that it mentions."""
        order = self.document(own_uuid_of_line(line)) if self.documents else None
        if order is None and self.clients:
            order = next(iter(self.clients_in(ids_in_line(line)).values()), None)
        return order

    def of_part(self, part: RawPart) -> int | None:
        """Return the order of a part of a segment, as `of_line`; in damaged bytes any id counts."""
        if part.submission is None:
            return self.of_damaged(part.damaged)
        order = self.document(own_uuid(part.submission.path)) if self.documents else None
        if order is None and self.clients:
            order = next(iter(self.clients_in(part.ids()).values()), None)
        return order

    def of_damaged(self, data: bytes) -> int | None:
        """Return the order that names an id in damaged bytes; None if no order does."""
        for uuid in ids_in_damaged(data):
            digest = self.hash.of_uuid(uuid)
            order = self.clients.get(digest, self.documents.get(digest))
            if order is not None:
                return order
        return None


def wanted_of(ledger: Ledger, id_hash: IdHash, *states: OrderState) -> Wanted:
    """Return the ids of the orders in *states*."""
    clients: dict[bytes, int] = {}
    documents: dict[bytes, int] = {}
    for order in ledger.orders(*states):
        for kind, ids in ((IdKind.CLIENT, clients), (IdKind.DOCUMENT, documents)):
            ids.update(dict.fromkeys(ledger.order_ids(order.order_id, kind), order.order_id))
    return Wanted(id_hash, clients, documents)
