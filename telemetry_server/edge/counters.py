"""Counts answers and submissions as plain numbers, and adds them to the metrics in batches."""

import asyncio
from collections import Counter
from collections.abc import Collection

from storage.raw.commit_thread import Commit
from telemetry_server.edge.submit_target import namespace_of_path
from telemetry_server.observability import metrics


class EdgeCounters:
    """
    Collects the counts of one turn of the event loop, and adds them to the metrics at its end.

    A metric shared by processes is a memory-mapped file and costs several times as much as a
    dictionary; all requests that shared a commit pay for it once.

    Args:
        namespaces: Allowed labels; any other namespace is counted as ``OTHER``.
    """

    def __init__(self, namespaces: Collection[str]) -> None:
        self._namespaces = frozenset(namespaces)
        self._answers: Counter[int] = Counter()
        self._kept: Counter[str] = Counter()
        self.stored_paths: list[str] = []  # of submissions that are answered with 200, until the next flush
        self._handle: asyncio.Handle | None = None

    def count_answer(self, status: int) -> None:
        """Count an answer."""
        self._answers[status] += 1
        self._flush_soon()

    def count_kept(self, namespace: str) -> None:
        """Count a submission that is on disk; *namespace* is as the client spelt it."""
        self._kept[namespace if namespace in self._namespaces else metrics.OTHER] += 1

    def count_commit(self, commit: Commit) -> None:
        """Count a batch that is on disk."""
        metrics.commit_seconds.observe(commit.seconds)
        metrics.commit_batch_size.observe(commit.submissions)
        self._flush_soon()

    def _flush_soon(self) -> None:
        if self._handle is None:
            self._handle = asyncio.get_running_loop().call_soon(self.flush)

    def flush(self) -> None:
        """Add the counts to the metrics."""
        if self._handle is not None:
            self._handle.cancel()
            self._handle = None
        if self.stored_paths:
            self._answers[200] += len(self.stored_paths)
            for path in self.stored_paths:
                self.count_kept(namespace_of_path(path))
            self.stored_paths.clear()
        for status, number in self._answers.items():
            metrics.responses.count(str(status), amount=number)
        for namespace, number in self._kept.items():
            metrics.submissions_received.count(namespace, amount=number)
        self._answers.clear()
        self._kept.clear()
