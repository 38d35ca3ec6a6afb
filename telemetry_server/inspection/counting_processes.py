"""
Counts segments and partition files in processes of this machine.

They are forked, so they need no imports of their own, and share the memory of imported modules.  They read
files and nothing else: what needs the ledger is left to the process that forks them.
"""

import gc
import multiprocessing
import os
import signal
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from threading import Thread
from typing import Any, TypeAlias

from storage.integrity.piece_counts import Count, FilePiece, Piece, PieceCounter, SegmentPiece, read_ahead
from telemetry_server.inspection.counting import CountingFailed

BATCH_BYTES, BATCH_PIECES = 1 << 20, 64
LARGE_SHARE = 4  # a piece is large if it has more than this part of a process's share
AHEAD = 2
"""A process has its next batch when it sends a result."""
# The parent decides when work ends; a terminal's Ctrl-C reaches all processes.
IGNORED = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
Batch = list[tuple[int, Piece]]
Wire: TypeAlias = "Connection[Any, Any]"


@dataclass(slots=True, eq=False)
class _Process:
    process: BaseProcess
    connection: Wire
    batches: int = 0  # that it has not answered


class CountingProcesses:
    """
    Processes that count pieces.  Use it with ``with``; leaving ends them, whatever they do.

    Args:
        count: How many processes.
        frames: How many frames the partition files have, about.
    """

    def __init__(self, count: int, frames: int) -> None:
        self._frames = frames
        self._processes: list[_Process] = []
        try:
            with suppress(OSError):  # too little memory: fewer processes count, or this one
                for _ in range(count):
                    self._start(frames // count)
        except BaseException:
            self._end()
            raise

    def _start(self, frames: int) -> None:
        context = multiprocessing.get_context("fork")
        ours, theirs = context.Pipe()
        inherited = [ours, *(each.connection for each in self._processes)]
        mask = signal.pthread_sigmask(signal.SIG_BLOCK, IGNORED)
        try:
            words = (theirs, inherited, frames, mask)
            process = context.Process(target=_count_batches, args=words, daemon=True)
            process.start()
            self._processes.append(_Process(process, ours))
        finally:
            theirs.close()
            signal.pthread_sigmask(signal.SIG_SETMASK, mask)  # Ctrl-C that was held raises here

    def __enter__(self) -> "CountingProcesses":
        return self

    def __exit__(self, *_: object) -> None:
        self._end()

    def _end(self) -> None:
        for each in self._processes:
            each.process.kill()
        for each in self._processes:
            each.process.join()
            each.connection.close()
        self._processes.clear()

    def count_all(self, pieces: Sequence[Piece], on_counted: Callable[[], None]) -> list[Count]:
        """
        Count *pieces* as `CountAll` says, in an order with which the processes end together.

        Raises:
            CountingFailed: A process died.
        """
        if not self._processes:
            return PieceCounter(self._frames).count_all(pieces, on_counted)
        counts: list[Count] = [None] * len(pieces)
        batches = _batches(reading_order(pieces, len(self._processes)), pieces)
        for process in self._processes * AHEAD:
            _send_next(process, batches)
        while busy := {each.connection: each for each in self._processes if each.batches}:
            for connection in wait(list(busy)):
                process = busy[connection]  # type: ignore[index]
                for number, count in _received(process):
                    counts[number] = count
                    if count is not None:
                        on_counted()
                _send_next(process, batches)
        return counts


def _batches(numbers: Sequence[int], pieces: Sequence[Piece]) -> Iterator[Batch]:
    """Yield *pieces* with their *numbers*, in this order; small ones together."""
    batch: Batch = []
    size = 0
    for number in numbers:
        batch.append((number, pieces[number]))
        size += pieces[number].size
        if size >= BATCH_BYTES or len(batch) == BATCH_PIECES:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch


def reading_order(pieces: Sequence[Piece], processes: int) -> list[int]:
    """
    Return the numbers of *pieces*: first those that would keep some of *processes* waiting at the end.

    Of the rest, the largest of each kind come first.  Both kinds end together, so that one process
    decompresses partition files while another waits for the disk.
    """
    large_bytes = sum(piece.size for piece in pieces) / (processes * LARGE_SHARE)
    ranks: dict[int, tuple[bool, float]] = {}
    for kind in (SegmentPiece, FilePiece):
        numbers = [number for number, piece in enumerate(pieces) if isinstance(piece, kind)]
        numbers.sort(key=lambda number: -pieces[number].size)
        done, total = 0, sum(pieces[number].size for number in numbers) or 1
        for number in numbers:
            size = pieces[number].size
            ranks[number] = (False, -size) if size > large_bytes else (True, done / total)
            done += size
    return sorted(ranks, key=ranks.__getitem__)


def _send_next(process: _Process, batches: Iterator[Batch]) -> None:
    batch = next(batches, None)
    if batch is None:
        return
    for _, piece in batch:
        read_ahead(piece)  # while the process counts another batch
    with suppress(BrokenPipeError):  # it has died: `_received` says so
        process.connection.send(batch)
    process.batches += 1


def _received(process: _Process) -> list[tuple[int, Count]]:
    try:
        answer: list[tuple[int, Count]] | Exception = process.connection.recv()
    except (EOFError, ConnectionResetError):
        raise CountingFailed(_end_of(process.process)) from None
    if isinstance(answer, Exception):
        raise answer
    process.batches -= 1
    return answer


def _end_of(process: BaseProcess) -> str:
    """Say how *process* ended."""
    process.join()
    status = process.exitcode or 0
    if status == -signal.SIGKILL:
        return "a process that counts was killed (out of memory?); run it again"
    how = f"was killed by signal {-status}" if status < 0 else f"ended with status {status}"
    return f"a process that counts {how}; run it again"


def _count_batches(connection: Wire, inherited: Sequence[Wire], frames: int, mask: set[Any]) -> None:
    """Be a counting process, until its connection closes."""
    for number in IGNORED:
        signal.signal(number, signal.SIG_IGN)
    signal.pthread_sigmask(signal.SIG_SETMASK, mask)
    for other in inherited:
        other.close()
    gc.freeze()
    Thread(target=_leave_with_parent, name="lifeline", daemon=True).start()
    counter = PieceCounter(frames)
    with suppress(EOFError, BrokenPipeError, ConnectionResetError):
        while True:
            batch = connection.recv()
            try:
                answer: object = [(number, counter.count(piece)) for number, piece in batch]
            except (OSError, MemoryError) as error:
                answer = error
            except Exception as error:  # a fault of this program
                answer = RuntimeError(f"{type(error).__name__}: {error}")
            connection.send(answer)


def _leave_with_parent() -> None:
    parent = multiprocessing.parent_process()
    assert parent is not None
    parent.join()
    os._exit(1)
