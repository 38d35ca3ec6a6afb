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

from storage.tables.memory import use_system_memory
from telemetry_server.coordinator.conversion_setup import ConversionSetup
from telemetry_server.coordinator.conversion_worker import Worker
from telemetry_server.coordinator.messages import Incoming, Parts, parts_of, read_value
from telemetry_server.coordinator.work_items import Task, TaskResult

MAX_PARTS = 1024  # of one call: IOV_MAX of Linux


class ProcessDied(Exception):
    """The process ended before it sent a result."""


class _Results(asyncio.BufferedProtocol):
    """
    Receives results.

    The system writes them to where they stay: a stream of asyncio would copy each byte three times.
    """

    def __init__(self) -> None:
        self.ended = asyncio.get_running_loop().create_future()
        self._waiting: deque[asyncio.Future[Incoming]] = deque()
        self._message = Incoming()

    @property
    def waiting(self) -> int:
        """How many results are still to come."""
        return len(self._waiting)

    def next_result(self) -> "asyncio.Future[Incoming]":
        """Return what will be the result after those that are waited for."""
        result: asyncio.Future[Incoming] = asyncio.get_running_loop().create_future()
        self._waiting.append(result)
        return result

    def get_buffer(self, sizehint: int) -> memoryview:
        """Return where the next bytes of the message belong."""
        return self._message.room

    def buffer_updated(self, nbytes: int) -> None:
        """Take what was received; the message may be whole now."""
        if not self._message.took(nbytes):
            return
        whole, self._message = self._message, Incoming()
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
        transport.writelines(parts_of(setup))
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
        message = parts_of(task)  # before a result is waited for: it may fail
        result = self._results.next_result()
        self._transport.writelines(message)
        answer = (await result).value()
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
    use_system_memory()
    worker: Worker | None = None
    received = connection.makefile("rb")
    with suppress(EOFError, ConnectionError), _Sender(connection) as sender:
        setup: ConversionSetup = read_value(received)
        while True:
            task: Task = read_value(received)
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
            sender.send(parts_of(answer))
            del task, answer


class _Sender:
    """
    Sends results while the next task is converted.

    A result is larger than the buffer of a socket: its end is sent only when the coordinator, which may be
    busy with a commit, has received the rest.
    """

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self._messages: Queue[Parts | None] = Queue(1)  # more of them would take more memory
        self._thread = Thread(target=self._run, name="sender")

    def __enter__(self) -> "_Sender":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._messages.put(None)
        self._thread.join()

    def send(self, message: Parts) -> None:
        """Send *message* after those before it; wait while two others are on their way."""
        self._messages.put(message)

    def _run(self) -> None:
        is_open = True
        while (message := self._messages.get()) is not None:
            try:
                if is_open:
                    self._send_all(message)
            except OSError:
                # The coordinator has closed the connection.  The main thread learns it at its next task.
                is_open = False
            del message  # before the next one, which may take long to come

    def _send_all(self, message: Parts) -> None:
        waiting = [memoryview(part) for part in message]
        while waiting:
            sent = self._connection.sendmsg(waiting[:MAX_PARTS])
            while waiting and sent >= len(waiting[0]):
                sent -= len(waiting.pop(0))
            if sent:
                waiting[0] = waiting[0][sent:]


def _portable(error: Exception) -> Exception:
    """Return *error* with its traceback as a note, and as another if it cannot be sent."""
    error.add_note("".join(traceback.format_tb(error.__traceback__)))
    try:
        pickle.loads(pickle.dumps(error))  # noqa: S301 - our own
    except Exception:
        return RuntimeError(f"{type(error).__name__}: {error}")
    return error
