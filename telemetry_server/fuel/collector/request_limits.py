"""
Limits of requests: by installation, by address, and of new installations by address.

Each worker counts by itself, in memory only: addresses are not stored, and a restart forgets them.
"""

from collections import OrderedDict
from collections.abc import Callable, Collection
from dataclasses import dataclass
from ipaddress import ip_address
from math import ceil
from threading import Lock
from time import monotonic

from telemetry_server.fuel.collector.errors import RequestRefused

MAX_NAMES = 100_000  # that one limit remembers
HOUR_SECONDS, DAY_SECONDS = 3600.0, 86400.0
TOO_MANY = 429


@dataclass(frozen=True, slots=True)
class LimitOptions:
    """What the operator decides; 0 means unlimited."""

    uid_requests_per_hour: int = 0
    address_requests_per_hour: int = 0
    address_new_uids_per_day: int = 0


class Allowance:
    """
    At most *number* in a time for each name; what is unused comes back evenly.

    Args:
        seconds: The time.
    """

    def __init__(self, number: int, seconds: float) -> None:
        self._seconds = seconds
        self._step = seconds / number if number else 0.0
        # Of each name, the moment at which its whole allowance is there again.
        self._whole_at: OrderedDict[str, float] = OrderedDict()

    def take(self, name: str, now: float, amount: int = 1) -> float:
        """Take *amount* and return 0; where it is not there, take nothing and return the seconds to wait."""
        if not self._step or not amount:
            return 0.0
        whole_at = max(self._whole_at.get(name, now), now) + amount * self._step
        wait = whole_at - now - self._seconds
        if wait > 1e-6:
            return wait
        self._whole_at[name] = whole_at
        self._whole_at.move_to_end(name)
        while len(self._whole_at) > MAX_NAMES:
            self._whole_at.popitem(last=False)
        return 0.0


class RequestLimits:
    """Counts requests, and refuses those past a limit.  Thread-safe."""

    def __init__(self, options: LimitOptions, *, clock: Callable[[], float] = monotonic) -> None:
        self._clock = clock
        self._lock = Lock()
        self._of_uid = Allowance(options.uid_requests_per_hour, HOUR_SECONDS)
        self._of_address = Allowance(options.address_requests_per_hour, HOUR_SECONDS)
        self._new_of_address = Allowance(options.address_new_uids_per_day, DAY_SECONDS)
        self._limits_new = bool(options.address_new_uids_per_day)
        self._known: OrderedDict[str, None] = OrderedDict()

    def check_address(self, address: str) -> None:
        """Count a request from *address*, empty where it is not limited; raises `RequestRefused`."""
        if address:
            self._take(self._of_address, address, "requests from your network")

    def check_uids(self, uids: Collection[str]) -> None:
        """Count a request with items of the installations *uids*; raises `RequestRefused`."""
        for uid in uids:
            self._take(self._of_uid, uid, "requests of this installation")

    def check_new_uids(
        self, address: str, uids: Collection[str], stored: Callable[[Collection[str]], set[str]]
    ) -> None:
        """
        Count installations from *address* that were never seen.

        Args:
            stored: Returns which of some uids are stored; called for those that this worker does not know.

        Raises:
            RequestRefused: There were too many of them.
        """
        if not address or not self._limits_new:
            return
        with self._lock:
            unknown = [uid for uid in uids if uid not in self._known]
        if not unknown:
            return
        new = set(unknown) - stored(unknown)
        if new:
            self._take(self._new_of_address, address, "new installations from your network", len(new))
        with self._lock:
            self._known.update(dict.fromkeys(unknown))
            while len(self._known) > MAX_NAMES:
                self._known.popitem(last=False)

    def _take(self, allowance: Allowance, name: str, what: str, amount: int = 1) -> None:
        with self._lock:
            wait = allowance.take(name, self._clock(), amount)
        if wait:
            raise RequestRefused(TOO_MANY, f"too many {what}: send it later", retry_after_seconds=ceil(wait))


def limited_address(network: str | None) -> str:
    """Return the network that is counted; empty for this machine itself, and where it is unknown."""
    if network is None:
        return ""
    address = ip_address(network)
    # "::" is the /48 of "::1".
    return "" if address.is_loopback or address.is_unspecified else network
