"""Counts answers and submissions as plain numbers, and adds them to the metrics in batches."""

import asyncio
from collections import Counter
from collections.abc import Collection

from storage.raw.handover import Commit
from telemetry_server.observability import metrics

FLUSH_SECONDS = 0.1


class EdgeCounters:
    """
    Collects counts, and adds them to the metrics at the end of a turn of the event loop.

    A metric shared by processes is a memory-mapped file and costs several times as much as a
    dictionary.  Under load they are added every `FLUSH_SECONDS`, and all requests until then share the cost.

    Args:
        namespaces: Allowed labels; any other namespace is counted as ``OTHER``.
    """

    def __init__(self, namespaces: Collection[str]) -> None:
        self._namespaces = frozenset(namespaces)
        self._answers: Counter[int] = Counter()
        self._kept: Counter[str] = Counter()
        self.stored_namespaces: list[str] = []  # of each submission that is answered with 200, until a flush
        self._commits: list[Commit] = []
        self._flushed_at = 0.0  # by the loop's time
        self._handle: asyncio.TimerHandle | None = None

    def count_answer(self, status: int) -> None:
        """Count an answer."""
        self._answers[status] += 1
        self._flush_soon()

    def count_kept(self, namespace: str, number: int = 1) -> None:
        """Count submissions that are on disk; *namespace* is as the client spelt it."""
        self._kept[namespace if namespace in self._namespaces else metrics.OTHER] += number

    def count_commit(self, commit: Commit) -> None:
        """Count a batch that is on disk."""
        self._commits.append(commit)
        self._flush_soon()

    def _flush_soon(self) -> None:
        if self._handle is None:
            loop = asyncio.get_running_loop()
            # At once, unless the last time was just now: with many commits they share the cost.
            self._handle = loop.call_at(self._flushed_at + FLUSH_SECONDS, self.flush)

    def flush(self) -> None:
        """Add the counts to the metrics."""
        if self._handle is not None:
            self._handle.cancel()
            self._handle = None
            self._flushed_at = asyncio.get_running_loop().time()
        if self.stored_namespaces:
            self._answers[200] += len(self.stored_namespaces)
            for namespace, number in Counter(self.stored_namespaces).items():
                self.count_kept(namespace, number)
            self.stored_namespaces.clear()
        for status, number in self._answers.items():
            metrics.responses.count(str(status), amount=number)
        for namespace, number in self._kept.items():
            metrics.submissions_received.count(namespace, amount=number)
        if self._commits:
            metrics.commit_seconds.observe_all([commit.seconds for commit in self._commits])
            metrics.commit_batch_size.observe_all([commit.submissions for commit in self._commits])
            self._commits.clear()
        self._answers.clear()
        self._kept.clear()
