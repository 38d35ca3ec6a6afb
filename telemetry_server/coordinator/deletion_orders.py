"""Enters the deletion orders that pings give in the ledger; `privacy` carries them out later."""

from datetime import datetime

from storage.data_root import DataRoot
from storage.disk import Disk
from storage.ledger.forgotten import IdKind, OrderState
from storage.ledger.transaction import Transaction
from telemetry_server.coordinator.work_items import Item, ItemResult, RawItem, RefusedResult, StoredResult
from telemetry_server.privacy.identifiers.keyed_hash import COMMON_IDS, IdHash, ensure_key, uuid_of

SOURCE = "ping"


class OrderEntries:
    """Enters the orders of one data root; the ledger gets only hashes of their ids."""

    def __init__(self, root: DataRoot, disk: Disk) -> None:
        self._root = root
        self._disk = disk
        self._hash: IdHash | None = None

    def enter(self, transaction: Transaction, item: Item, result: ItemResult) -> None:
        """Enter the order that *result* gives, if any; a replayed item gave it before."""
        if not isinstance(result, StoredResult | RefusedResult) or not result.order:
            return
        ids = {uuid for text in result.order if (uuid := uuid_of(text)) is not None} - COMMON_IDS
        if not ids or not isinstance(item, RawItem):
            return
        if self._hash is None:
            self._hash = IdHash(ensure_key(self._root, self._disk))
        received_at = int(datetime.fromisoformat(result.received_at).timestamp())
        order_id = transaction.add_order(SOURCE, result.namespace, received_at, OrderState.WAITING)
        transaction.add_order_ids(order_id, IdKind.CLIENT, map(self._hash.of_uuid, ids))
