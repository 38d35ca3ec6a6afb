"""Counts of the edge: plain numbers on the way, metrics a moment later."""

import asyncio
from collections import Counter
from collections.abc import Collection

from storage.raw.committer import Commit
from telemetry_server.observability import metrics

FLUSH_AFTER_SECONDS = 0.05


class EdgeTally:
    """
    Gathers counts and hands them to the metrics twenty times a second at most.

    A metric of many processes is a memory-mapped file: several times the cost
    of a dictionary for each request.

    Args:
        namespaces: Those that may be a label; any other is ``OTHER``.
    """

    def __init__(self, namespaces: Collection[str]) -> None:
        self._namespaces = frozenset(namespaces)
        self._answers: Counter[int] = Counter()
        self._kept: Counter[str] = Counter()
        self._timer: asyncio.TimerHandle | None = None

    def count_answer(self, status: int) -> None:
        """An answer was given."""
        self._answers[status] += 1
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(FLUSH_AFTER_SECONDS, self.flush)

    def count_kept(self, namespace: str) -> None:
        """A submission under *namespace*, as the client spelt it, is on disk."""
        self._kept[namespace if namespace in self._namespaces else metrics.OTHER] += 1

    def count_commit(self, commit: Commit) -> None:
        """A batch is on disk."""
        metrics.commit_seconds.observe(commit.seconds)
        metrics.commit_batch_size.observe(commit.submissions)

    def flush(self) -> None:
        """Hand over what was counted."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        for status, number in self._answers.items():
            metrics.responses.count(str(status), amount=number)
        for namespace, number in self._kept.items():
            metrics.submissions_received.count(namespace, amount=number)
        self._answers.clear()
        self._kept.clear()
