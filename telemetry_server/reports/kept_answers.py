"""Costly answers, kept for an hour."""

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

KEPT_SECONDS = 3600.0
MAX_ANSWERS = 512


@dataclass(frozen=True, slots=True)
class _Kept:
    value: Any
    until: float


class KeptAnswers:
    """Remembers values by key for `KEPT_SECONDS`; the least recently kept give way."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._kept: OrderedDict[tuple[str, ...], _Kept] = OrderedDict()

    def find(self, key: tuple[str, ...]) -> Any:
        """Return the value under *key*; None where there is none that is fresh."""
        kept = self._kept.get(key)
        return kept.value if kept is not None and self._clock() < kept.until else None

    def keep(self, key: tuple[str, ...], value: Any) -> None:
        """Remember *value*, which is not None."""
        self._kept.pop(key, None)
        self._kept[key] = _Kept(value, self._clock() + KEPT_SECONDS)
        while len(self._kept) > MAX_ANSWERS:
            self._kept.popitem(last=False)
