"""
Checks that aiohttp has the private attributes and methods that the connection limits use.

A worker runs the check when it starts, so an upgrade of aiohttp cannot silently switch the limits off.
"""

import inspect

from aiohttp.web_protocol import RequestHandler

# Private names: aiohttp may change them in any release.
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


class AiohttpChanged(Exception):
    """The installed aiohttp lacks a private name that the connection limits use."""


def check_aiohttp() -> None:
    """
    Check that aiohttp has every private name that the connection limits use.

    Raises:
        AiohttpChanged: A name is missing; the message lists the missing names.
    """
    slots = {name for kind in RequestHandler.__mro__ for name in getattr(kind, "__slots__", ())}
    missing = sorted(NEEDED_ATTRIBUTES - slots)
    for method in NEEDED_METHODS:
        if not callable(getattr(RequestHandler, method, None)):
            missing.append(method)
    if list(inspect.signature(RequestHandler.data_received).parameters) != ["self", "data"]:
        missing.append("data_received(data)")
    if missing:
        raise AiohttpChanged(
            f"this aiohttp lacks {', '.join(missing)}, which the connection limits need: install 3.14"
        )
