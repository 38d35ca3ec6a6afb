"""Ends work on a socket at a fixed time: a peer that sends a byte now and then never times out by itself."""

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

ALL_SECONDS = 30.0  # for one delivery
SOCKET_SECONDS = 10.0  # for one step of it


@contextmanager
def time_limit(socket_of: Callable[[], socket.socket | None], seconds: float = ALL_SECONDS) -> Iterator[None]:
    """Shut the socket down that *socket_of* returns, if the block takes longer than *seconds*."""

    def shut() -> None:
        found = socket_of()
        if found is not None:
            with suppress(OSError):
                found.shutdown(socket.SHUT_RDWR)

    timer = threading.Timer(seconds, shut)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
