"""What a short process does with its stdin: it reads its work from it, and leaves when it ends."""

import os
from threading import Thread


def first_line() -> bytes:
    """Return the first line of stdin, read unbuffered."""
    line = b""
    while not line.endswith(b"\n") and (byte := os.read(0, 1)):
        line += byte
    return line


def leave_with_parent() -> None:
    """Exit as soon as stdin ends, in a thread: the server is gone."""
    Thread(target=_exit_at_end, name="lifeline", daemon=True).start()


def _exit_at_end() -> None:
    # Unbuffered: a thread inside the buffered stdin makes Python abort when it ends.
    while os.read(0, 1):
        pass
    os._exit(1)
