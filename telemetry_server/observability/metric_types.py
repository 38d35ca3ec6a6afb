"""The kinds of metrics, and the registry of this process.  prometheus_client is imported at the first use."""

from bisect import bisect_left
from collections import Counter as Counted
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

OTHER = "OTHER"
MAX_LABEL_VALUES = 50  # per label; further values become OTHER

_own_registry: Any = None
_is_counting = True


def own_registry() -> Any:
    """Return the registry of this process."""
    global _own_registry  # noqa: PLW0603 - one per process, as the library has it
    if _own_registry is None:
        import prometheus_client

        prometheus_client.disable_created_metrics()  # type: ignore[no-untyped-call]
        _own_registry = prometheus_client.CollectorRegistry()
    return _own_registry


def forget_registry() -> None:
    """Make a new registry at the next use: metrics made before are no longer exposed."""
    global _own_registry  # noqa: PLW0603
    _own_registry = None


@contextmanager
def uncounted() -> Iterator[None]:
    """
    Count nothing within the block.

    A command has no page of metrics, and importing prometheus_client takes as long as converting 50 pings.
    """
    global _is_counting  # noqa: PLW0603
    _is_counting = False
    try:
        yield
    finally:
        _is_counting = True


class Metric:
    """A metric of the catalogue; its prometheus_client object is made at the first use."""

    kind = ""

    def __init__(self, name: str, help_text: str, labels: tuple[str, ...] = (), **options: Any) -> None:
        self.name = name  # as scraped, including `_total`
        self.help_text = help_text
        self.labels = labels
        self._options = options
        self._object: Any = None
        self._seen: tuple[set[str], ...] = tuple(set() for _ in labels)

    def touch(self) -> Any:
        """Return the prometheus_client object; a metric without labels is exposed as 0 from now on."""
        if self._object is None:
            import prometheus_client

            factory = getattr(prometheus_client, self.kind.capitalize())
            self._object = factory(
                self.name, self.help_text, self.labels, registry=own_registry(), **self._options
            )
        return self._object

    def _child(self, values: tuple[str, ...]) -> Any:
        if len(values) != len(self.labels):
            raise TypeError(f"{self.name} takes the labels {self.labels}, not {values}")
        if not values:
            return self.touch()
        bounded = []
        for seen, value in zip(self._seen, values, strict=True):
            if value not in seen and len(seen) >= MAX_LABEL_VALUES:
                bounded.append(OTHER)
                continue
            seen.add(value)
            bounded.append(value)
        return self.touch().labels(*bounded)


class Counter(Metric):
    """A count that only grows."""

    kind = "counter"

    def count(self, *labels: str, amount: float = 1) -> None:
        """Add *amount* under the *labels*, which come from closed lists."""
        if _is_counting:
            self._child(labels).inc(amount)


class Gauge(Metric):
    """A current value; the newest report of all processes counts."""

    kind = "gauge"

    def __init__(self, name: str, help_text: str, labels: tuple[str, ...] = ()) -> None:
        super().__init__(name, help_text, labels, multiprocess_mode="mostrecent")

    def report(self, value: float, *labels: str) -> None:
        """Set the current *value*."""
        if _is_counting:
            self._child(labels).set(value)


class Histogram(Metric):
    """A distribution of measurements."""

    kind = "histogram"

    def __init__(
        self, name: str, help_text: str, buckets: tuple[float, ...], labels: tuple[str, ...] = ()
    ) -> None:
        super().__init__(name, help_text, labels, buckets=buckets)

    def observe(self, value: float, *labels: str) -> None:
        """Add one measurement."""
        if _is_counting:
            self._child(labels).observe(value)

    def observe_all(self, values: Sequence[float], *labels: str) -> None:
        """Add measurements as `observe` does, at the cost of about one."""
        if not _is_counting:
            return
        child = self._child(labels)
        child._sum.inc(sum(values))
        for bucket, number in Counted(bisect_left(child._upper_bounds, value) for value in values).items():
            child._buckets[bucket].inc(number)
