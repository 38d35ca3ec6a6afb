"""Carries out deletion orders while the server runs, in a short process for each pass."""

import asyncio
import json
import time

from storage.data_root import DataRoot
from storage.errors import StorageError
from storage.ledger.forgotten import OrderState
from storage.ledger.ledger import Ledger
from telemetry_server.observability import metrics
from telemetry_server.observability.loggers import get_logger
from telemetry_server.privacy.forget_report import FuelUrls
from telemetry_server.privacy.orders import due_orders
from telemetry_server.supervision.short_process import run_short_process

log = get_logger("convert")

MODULE = "telemetry_server.privacy.orders_process"
LOOK_SECONDS = 5.0
INDEX_SECONDS = 3600.0
PAUSE_AFTER_FAILURE_SECONDS = 60.0


class OrderFollower:
    """
    Carries out the orders of one data root when their delay is over.

    Args:
        delay_days: From a deletion request to the deletion.
        opens_bodies: As of `Forgetter`.
    """

    def __init__(self, root: DataRoot, delay_days: float, fuel: FuelUrls, *, opens_bodies: bool) -> None:
        self._root = root
        self._delay_days = delay_days
        self._fuel = fuel
        self._opens_bodies = opens_bodies
        self._index_at = time.monotonic() + INDEX_SECONDS

    async def run(self) -> None:
        """Follow until cancelled."""
        pause = LOOK_SECONDS
        while True:
            await asyncio.sleep(pause)
            pause = LOOK_SECONDS
            try:
                is_due = await asyncio.to_thread(self._is_due)
                if is_due or time.monotonic() >= self._index_at:
                    self._index_at = time.monotonic() + INDEX_SECONDS
                    if not await self._pass():
                        pause = PAUSE_AFTER_FAILURE_SECONDS
            except (OSError, StorageError) as error:
                log.error("deletion orders are not carried out", error=str(error))
                pause = PAUSE_AFTER_FAILURE_SECONDS

    def _is_due(self) -> bool:
        with Ledger.for_reading(self._root) as ledger:
            waiting = ledger.orders(OrderState.WAITING, OrderState.BEGUN, OrderState.FOUND)
            metrics.deletion_orders_waiting.report(len(waiting))
            return bool(due_orders(ledger, self._delay_days, time.time()))

    async def _pass(self) -> bool:
        """Run one pass; return whether nothing is left."""
        settings = {
            "delay_days": self._delay_days,
            "opens_bodies": self._opens_bodies,
            "fuel_collector": self._fuel.collector,
            "fuel_analytics": self._fuel.analytics,
        }
        given = json.dumps(settings).encode() + b"\n"
        status, left = await run_short_process(MODULE, str(self._root.path), given=given)
        if status:
            log.warning("deletion orders are not finished", status=status, left=left)
        return status == 0
