"""
A look at aiohttp's private parts that the connection limits are built on.

A worker starts with it, so that an upgrade cannot switch the limits off in silence.
"""

import inspect

from aiohttp.web_protocol import RequestHandler

# What is used here and is nobody's promise.
NEEDED_ATTRIBUTES = frozenset(
    {
        "_request_count",
        "_messages",
        "_waiter",
        "_request_in_progress",
        "_force_close",
        "_manager",
        "_loop",
        "_reading_paused",
        "_buffer_paused",
        "_message_tail",
        "_max_msg_queue_size",
        "_parser",
        "_read_bufsize",
    }
)
NEEDED_METHODS = (
    "connection_made",
    "connection_lost",
    "data_received",
    "eof_received",
    "finish_response",
    "handle_error",
    "pause_writing",
    "resume_writing",
)


class LibraryChanged(Exception):
    """aiohttp no longer has what the connection limits are built on."""


def check_library() -> None:
    """
    Make sure that aiohttp still has what the limits are built on.

    Raises:
        LibraryChanged: It has not; its text says what is gone.
    """
    slots = {name for kind in RequestHandler.__mro__ for name in getattr(kind, "__slots__", ())}
    gone = sorted(NEEDED_ATTRIBUTES - slots)
    for method in NEEDED_METHODS:
        if not callable(getattr(RequestHandler, method, None)):
            gone.append(method)
    if list(inspect.signature(RequestHandler.data_received).parameters) != ["self", "data"]:
        gone.append("data_received(data)")
    if gone:
        raise LibraryChanged(
            f"this aiohttp lacks {', '.join(gone)}, which the connection limits need: install 3.14"
        )
