"""A conversion process: what the coordinator holds of it, and what runs in it."""

import asyncio
import gc
import pickle
import signal
import socket
import traceback
from collections import deque
from contextlib import suppress
from typing import Any, BinaryIO

from telemetry_server.coordinator.conversion_setup import ConversionSetup
from telemetry_server.coordinator.conversion_worker import Worker
from telemetry_server.coordinator.work_items import Task, TaskResult

LENGTH_BYTES = 8
BUFFER_BYTES = 1 << 20


class ProcessDied(Exception):
    """The process ended before it sent a result."""


class ConversionProcess:
    """
    One process at the other end of a socket.  It converts its tasks in order.

    A second task may wait in the process while it works, so that it does not have to wait for
    the coordinator between two tasks.
    """

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.is_dead = False
        self._writer = writer
        self._results: deque[asyncio.Future[bytes]] = deque()
        self._reading = asyncio.create_task(self._read(reader))

    @classmethod
    async def connected(cls, connection: socket.socket, setup: ConversionSetup) -> "ConversionProcess":
        """Return the process at the other end of *connection*; it converts with *setup*."""
        reader, writer = await asyncio.open_unix_connection(sock=connection, limit=BUFFER_BYTES)
        writer.write(_message(setup))
        return cls(reader, writer)

    @property
    def tasks(self) -> int:
        """How many tasks it has."""
        return len(self._results)

    async def convert(self, task: Task) -> TaskResult:
        """
        Return the result of *task*.

        Raises:
            ProcessDied: The process ended before; one of its tasks may have killed it.
        """
        if self.is_dead:
            raise ProcessDied
        result: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()
        self._results.append(result)
        self._writer.write(_message(task))
        answer = pickle.loads(await result)  # noqa: S301 - from our own process
        if isinstance(answer, Exception):
            raise answer
        assert isinstance(answer, TaskResult)
        return answer

    async def _read(self, reader: asyncio.StreamReader) -> None:
        try:
            while True:
                length = int.from_bytes(await reader.readexactly(LENGTH_BYTES))
                data = await reader.readexactly(length)
                result = self._results.popleft()
                if not result.done():  # cancelled
                    result.set_result(data)
        except (EOFError, OSError):
            pass
        finally:
            self.is_dead = True
            for result in self._results:
                if not result.done():
                    result.set_exception(ProcessDied())
            self._results.clear()
            self._writer.close()

    def end(self) -> None:
        """Have the process end after its present task; results that are still to come are lost."""
        self._writer.close()

    async def ended(self) -> None:
        """Close the connection, which ends the process."""
        self.end()
        self._reading.cancel()
        await asyncio.wait([self._reading])
        with suppress(OSError):
            await self._writer.wait_closed()


def run_conversion_process(connection: socket.socket) -> None:
    """Convert what comes through *connection* until it is closed; this is a process of its own."""
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    worker: Worker | None = None
    received = connection.makefile("rb")
    with suppress(EOFError, ConnectionError):
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
            connection.sendall(_message(answer))
            del task, answer


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
