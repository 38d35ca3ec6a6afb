"""A conversion process: what the coordinator holds of it, and what runs in it."""

import asyncio
import gc
import pickle
import signal
import socket
import traceback
from collections import deque
from contextlib import suppress
from queue import Queue
from threading import Thread
from typing import Any, BinaryIO

from telemetry_server.coordinator.conversion_setup import ConversionSetup
from telemetry_server.coordinator.conversion_worker import Worker
from telemetry_server.coordinator.work_items import Task, TaskResult

LENGTH_BYTES = 8


class ProcessDied(Exception):
    """The process ended before it sent a result."""


class _Results(asyncio.BufferedProtocol):
    """
    Receives results, each of which is preceded by its length.

    The system writes them to where they stay: a stream of asyncio would copy each byte three times.
    """

    def __init__(self) -> None:
        self.ended = asyncio.get_running_loop().create_future()
        self._waiting: deque[asyncio.Future[bytearray]] = deque()
        self._buffer = bytearray(LENGTH_BYTES)
        self._is_length = True
        self._received = 0

    @property
    def waiting(self) -> int:
        """How many results are still to come."""
        return len(self._waiting)

    def next_result(self) -> "asyncio.Future[bytearray]":
        """Return what will be the result after those that are waited for."""
        result: asyncio.Future[bytearray] = asyncio.get_running_loop().create_future()
        self._waiting.append(result)
        return result

    def get_buffer(self, sizehint: int) -> memoryview:
        """Return the part of the message that is still to come."""
        return memoryview(self._buffer)[self._received :]

    def buffer_updated(self, nbytes: int) -> None:
        """Take what was received; the message may be whole now."""
        self._received += nbytes
        if self._received < len(self._buffer):
            return
        whole, self._received = self._buffer, 0
        self._is_length = not self._is_length
        if not self._is_length:
            self._buffer = bytearray(int.from_bytes(whole))
            return
        self._buffer = bytearray(LENGTH_BYTES)
        result = self._waiting.popleft()
        if not result.done():  # cancelled
            result.set_result(whole)

    def connection_lost(self, exc: Exception | None) -> None:
        """Fail the results that will not come."""
        for result in self._waiting:
            if not result.done():
                result.set_exception(ProcessDied())
        self._waiting.clear()
        if not self.ended.done():
            self.ended.set_result(None)


class ConversionProcess:
    """
    One process at the other end of a socket.  It converts its tasks in order.

    A second task may wait in the process while it works, so that it does not have to wait for
    the coordinator between two tasks.
    """

    def __init__(self, transport: asyncio.WriteTransport, results: _Results) -> None:
        self._transport = transport
        self._results = results

    @classmethod
    async def connected(cls, connection: socket.socket, setup: ConversionSetup) -> "ConversionProcess":
        """Return the process at the other end of *connection*; it converts with *setup*."""
        loop = asyncio.get_running_loop()
        transport, results = await loop.create_unix_connection(_Results, sock=connection)
        transport.write(_message(setup))
        return cls(transport, results)

    @property
    def is_dead(self) -> bool:
        """Whether it converts nothing any more."""
        return self._results.ended.done() or self._transport.is_closing()

    @property
    def tasks(self) -> int:
        """How many tasks it has."""
        return self._results.waiting

    async def convert(self, task: Task) -> TaskResult:
        """
        Return the result of *task*.

        Raises:
            ProcessDied: The process ended before; one of its tasks may have killed it.
        """
        if self.is_dead:
            raise ProcessDied
        message = _message(task)  # before a result is waited for: it may fail
        result = self._results.next_result()
        self._transport.write(message)
        answer = pickle.loads(await result)  # noqa: S301 - from our own process
        if isinstance(answer, Exception):
            raise answer
        assert isinstance(answer, TaskResult)
        return answer

    def end(self) -> None:
        """Have the process end after its present task; results that are still to come are lost."""
        self._transport.close()

    async def ended(self) -> None:
        """Close the connection, which ends the process."""
        self.end()
        await asyncio.shield(self._results.ended)


def run_conversion_process(connection: socket.socket) -> None:
    """Convert what comes through *connection* until it is closed; this is a process of its own."""
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    worker: Worker | None = None
    received = connection.makefile("rb")
    with suppress(EOFError, ConnectionError), _Sender(connection) as sender:
        setup: ConversionSetup = _read_value(received)
        while True:
            task: Task = _read_value(received)
            answer: TaskResult | Exception
            # A decoded ping is thousands of objects without cycles: the collector would find nothing.
            gc.disable()
            try:
                if worker is None:
                    worker = setup.worker()
                answer = worker.convert(task)
            except Exception as error:
                answer = _portable(error)
            finally:
                gc.enable()
            sender.send(_message(answer))
            del task, answer


class _Sender:
    """
    Sends results while the next task is converted.

    A result is larger than the buffer of a socket: its end is sent only when the coordinator, which may be
    busy with a commit, has received the rest.
    """

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self._messages: Queue[bytes | None] = Queue(1)  # more of them would take more memory
        self._thread = Thread(target=self._run, name="sender")

    def __enter__(self) -> "_Sender":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._messages.put(None)
        self._thread.join()

    def send(self, message: bytes) -> None:
        """Send *message* after those before it; wait while two others are on their way."""
        self._messages.put(message)

    def _run(self) -> None:
        is_open = True
        while (message := self._messages.get()) is not None:
            try:
                if is_open:
                    self._connection.sendall(message)
            except OSError:
                # The coordinator has closed the connection.  The main thread learns it at its next task.
                is_open = False


def _portable(error: Exception) -> Exception:
    """Return *error* with its traceback as a note, and as another if it cannot be sent."""
    error.add_note("".join(traceback.format_tb(error.__traceback__)))
    try:
        pickle.loads(pickle.dumps(error))  # noqa: S301 - our own
    except Exception:
        return RuntimeError(f"{type(error).__name__}: {error}")
    return error


def _message(value: object) -> bytes:
    data = pickle.dumps(value, pickle.HIGHEST_PROTOCOL)
    return len(data).to_bytes(LENGTH_BYTES) + data


def _read_value(stream: BinaryIO) -> Any:
    length = int.from_bytes(_read_exactly(stream, LENGTH_BYTES))
    return pickle.loads(_read_exactly(stream, length))  # noqa: S301 - from the coordinator


def _read_exactly(stream: BinaryIO, length: int) -> bytes:
    data = stream.read(length)
    if len(data) < length:
        raise EOFError
    return data
