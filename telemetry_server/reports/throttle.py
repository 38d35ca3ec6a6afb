"""Failed log-ins are slowed: each one of a name makes the next wait longer."""

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from telemetry_server.reports.problems import Problem

FIRST_PAUSE_SECONDS = 0.25
MAX_PAUSE_SECONDS = 8.0
FORGET_AFTER_SECONDS = 900.0
MAX_NAMES = 10_000
MAX_WAITING = 4  # of one name; more are refused at once
MAX_WAITING_IN_ALL = 256  # or a few names would keep all others out


@dataclass(slots=True)
class _Tries:
    failures: int = 0
    last_failure: float = 0.0
    waiting: int = 0


class LoginThrottle:
    """
    Checks passwords one at a time.

    After the n-th failure in a row of one name its next check waits 0.25 s x 2^(n-1), at most 8 s.
    A right password is never locked out: it waits, too, and ends the row.
    """

    def __init__(
        self,
        clock: Callable[[], float],
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._clock = clock
        self._sleep = sleep
        self._names: OrderedDict[str, _Tries] = OrderedDict()
        self._one_at_a_time = asyncio.Lock()
        self._waiting = 0

    async def check(self, name: str, is_right: Callable[[], bool]) -> bool:
        """
        Return what *is_right* returns, called in a thread after the pause that *name* has earned.

        Raises:
            Problem: Too many tries wait already.
        """
        tries = self._tries_of(name)
        if tries.waiting >= MAX_WAITING or self._waiting >= MAX_WAITING_IN_ALL:
            seconds = f"{MAX_PAUSE_SECONDS:.0f}"
            raise Problem(
                "too-many-tries",
                f"Too many tries to sign in. Try again after {seconds} s.",
                headers={"Retry-After": seconds},
            )
        tries.waiting += 1
        self._waiting += 1
        try:
            pause = self._pause_of(tries)
            if pause:
                await self._sleep(pause)
            async with self._one_at_a_time:
                found = await asyncio.get_running_loop().run_in_executor(None, is_right)
        finally:
            tries.waiting -= 1
            self._waiting -= 1
        if found:
            tries.failures = 0
        else:
            tries.failures += 1
            tries.last_failure = self._clock()
        return found

    def _pause_of(self, tries: _Tries) -> float:
        if self._clock() - tries.last_failure >= FORGET_AFTER_SECONDS:
            tries.failures = 0
        if not tries.failures:
            return 0.0
        return min(FIRST_PAUSE_SECONDS * float(2 ** min(tries.failures - 1, 16)), MAX_PAUSE_SECONDS)

    def _tries_of(self, name: str) -> _Tries:
        tries = self._names.setdefault(name, _Tries())
        self._names.move_to_end(name)
        while len(self._names) > MAX_NAMES:
            self._names.popitem(last=False)
        return tries
