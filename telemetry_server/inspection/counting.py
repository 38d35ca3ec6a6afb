"""Decides whether segments and partition files are counted in several processes."""

from collections.abc import Iterator
from contextlib import contextmanager

from storage.integrity.amount import Amount
from storage.integrity.piece_counts import CountAll, PieceCounter
from telemetry_server.supervision.interpreter import has_one_thread

MOST_PROCESSES = 4
WORTH_BYTES = 64 << 20
"""With less to read, starting the processes costs much of the time that they save."""


class CountingFailed(Exception):
    """A counting process died."""


@contextmanager
def counting(amount: Amount, cores: int) -> Iterator[CountAll]:
    """
    Yield what counts pieces: in some processes where there is much to read, else in this process.

    There is one process more than cores, as one of them waits for the disk most of the time.

    Enter it before this process has threads: a fork would copy locks that they hold.

    Args:
        amount: How much the pieces are, about.
        cores: How many cores may be used.
    """
    if cores > 1 and amount.size >= WORTH_BYTES and has_one_thread():
        from telemetry_server.inspection.counting_processes import CountingProcesses

        with CountingProcesses(min(cores + 1, MOST_PROCESSES), amount.frames) as processes:
            yield processes.count_all
    else:
        yield PieceCounter(amount.frames).count_all
