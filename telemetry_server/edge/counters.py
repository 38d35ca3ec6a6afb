"""Counts of the edge: plain numbers on the way, metrics once they are answered."""

import asyncio
from collections import Counter
from collections.abc import Collection

from storage.raw.commit_thread import Commit
from telemetry_server.observability import metrics


class EdgeCounters:
    """
    Gathers the counts of one turn of the loop, and hands them to the metrics at its end.

    A metric of many processes is a memory-mapped file: several times the cost
    of a dictionary, paid once for all who shared a commit.

    Args:
        namespaces: Those that may be a label; any other is ``OTHER``.
    """

    def __init__(self, namespaces: Collection[str]) -> None:
        self._namespaces = frozenset(namespaces)
        self._answers: Counter[int] = Counter()
        self._kept: Counter[str] = Counter()
        self._handle: asyncio.Handle | None = None

    def count_answer(self, status: int) -> None:
        """An answer was given."""
        self._answers[status] += 1
        if self._handle is None:
            self._handle = asyncio.get_running_loop().call_soon(self.flush)

    def count_kept(self, namespace: str) -> None:
        """A submission under *namespace*, as the client spelt it, is on disk."""
        self._kept[namespace if namespace in self._namespaces else metrics.OTHER] += 1

    def count_commit(self, commit: Commit) -> None:
        """A batch is on disk."""
        metrics.commit_seconds.observe(commit.seconds)
        metrics.commit_batch_size.observe(commit.submissions)

    def flush(self) -> None:
        """Hand over what was counted."""
        if self._handle is not None:
            self._handle.cancel()
            self._handle = None
        for status, number in self._answers.items():
            metrics.responses.count(str(status), amount=number)
        for namespace, number in self._kept.items():
            metrics.submissions_received.count(namespace, amount=number)
        self._answers.clear()
        self._kept.clear()
