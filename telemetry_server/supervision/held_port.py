"""Reserves the port in the supervisor, so that its workers share it and other servers cannot."""

import errno
import os
import socket
import sys
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from time import monotonic, sleep

MAX_PORT = 65_535
MAX_PORTS = 50  # in each direction
EVERY_ADDRESS = frozenset({"0.0.0.0", "::"})  # noqa: S104 - compared with, not bound

Address = tuple[int, tuple[object, ...]]
TURN_NAME = b"\0telemetry-server takes a port"
TURN_WITHIN_SECONDS = 2.0
TURN_PAUSE_SECONDS = 0.005


class PortTaken(Exception):
    """The address cannot be used; the message is one line."""

    def __init__(self, message: str, *, is_in_use: bool = False) -> None:
        super().__init__(message)
        self.is_in_use = is_in_use  # by another process; it may be free later


class HeldPort:
    """
    Addresses that are bound but not listened on; workers bind and listen beside them.

    With SO_REUSEPORT, a second server could share the port unnoticed and receive half of
    the submissions.  So the first bind is exclusive, and a second one shares.  Between the
    two the port is free: servers that start at once take turns, or both could reserve it.

    Args:
        options: Names of the options for *host* and *port* in error messages.
        not_to_suggest: Ports that this server uses itself, for the advice of an error message.

    Raises:
        PortTaken: The port is in use, not permitted, or the host is unknown.
    """

    def __init__(
        self,
        host: str,
        port: int,
        *,
        options: tuple[str, str] = ("--host", "--port"),
        not_to_suggest: Collection[int] = (),
    ) -> None:
        self.addresses: list[Address] = []
        self._sockets: list[socket.socket] = []
        try:
            addresses = _resolve(host, port)
            with _turn():
                for family, address in addresses:
                    self._hold(family, address)
        except OSError as error:
            self.close()
            is_in_use = error.errno == errno.EADDRINUSE
            message = _message_for(error, host, port, options, not_to_suggest)
            raise PortTaken(message, is_in_use=is_in_use) from None
        self.port = int(str(self.addresses[0][1][1]))

    def close(self) -> None:
        """Release the port."""
        for held in self._sockets:
            held.close()
        self._sockets = []

    def _hold(self, family: int, address: tuple[object, ...]) -> None:
        if self.addresses:
            # Port 0: use the port that the kernel chose for the first address.
            address = (address[0], self.addresses[0][1][1], *address[2:])
        with socket.socket(family, socket.SOCK_STREAM) as alone:
            alone.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            _only_v6(alone)
            alone.bind(address)
            address = alone.getsockname()
        held = socket.socket(family, socket.SOCK_STREAM)
        self._sockets.append(held)
        held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        _only_v6(held)
        held.bind(address)
        self.addresses.append((family, address))


@contextmanager
def _turn() -> Iterator[None]:
    """
    Wait until no other server of this machine is in this block, or until the time is over.

    The lock is an abstract socket name of Linux: it ends with its process, and needs no shared folder.
    After the time is over the server continues without the lock: the race is unlikely.
    """
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as turn:
        deadline = monotonic() + TURN_WITHIN_SECONDS
        while sys.platform == "linux" and monotonic() < deadline:
            try:
                turn.bind(TURN_NAME)
                break
            except OSError:
                sleep(TURN_PAUSE_SECONDS)
        yield


def _only_v6(bound: socket.socket) -> None:
    if bound.family == socket.AF_INET6:
        bound.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)


def _resolve(host: str, port: int) -> list[Address]:
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    addresses: list[Address] = []
    for family, _, _, _, address in found:
        if family in (socket.AF_INET, socket.AF_INET6) and (family, address) not in addresses:
            addresses.append((family, address))
    return addresses


def share_an_address(host: str, other: str) -> bool:
    """
    Return whether *host* and *other* have an address in common.

    Raises:
        OSError: One of them is not an address or name.
    """
    ours, theirs = ({(family, at[0]) for family, at in _resolve(each, 1)} for each in (host, other))
    return any(
        family == other_family and (at == other_at or EVERY_ADDRESS & {at, other_at})
        for family, at in ours
        for other_family, other_at in theirs
    )


def _free_port(host: str, port: int, not_to_suggest: Collection[int]) -> int | None:
    """Return a port near *port* that could be had now; None where there is none."""
    near: tuple[int, ...] = (*range(port + 1, port + MAX_PORTS), *range(port - 1, port - MAX_PORTS, -1))
    for other in near:
        if 1 <= other <= MAX_PORT and other not in not_to_suggest:
            try:
                for family, address in _resolve(host, other):
                    with socket.socket(family, socket.SOCK_STREAM) as tried:
                        tried.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                        _only_v6(tried)
                        tried.bind(address)
            except OSError:
                continue
            return other
    return None


def _message_for(
    error: OSError, host: str, port: int, options: tuple[str, str], not_to_suggest: Collection[int]
) -> str:
    where = f"{host}:{port}"
    set_host, set_port = options
    if isinstance(error, socket.gaierror):
        return f"{host!r} is not an address of this machine: {error.strerror}; set {set_host}"
    if error.errno == errno.EADDRINUSE:
        advice = f"choose another {set_port}"
        if set_port == "--port" and (other := _free_port(host, port, not_to_suggest)) is not None:
            advice += f", for example --port {other} (with make: make run PORT={other})"
        return f"{where} is in use, perhaps by another telemetry-server: {advice}"
    if error.errno in (errno.EACCES, errno.EPERM):
        return f"not permitted to listen on {where}: choose a {set_port} above 1023"
    return (
        f"cannot listen on {where}: {os.strerror(error.errno or 0)}; choose another {set_host} or {set_port}"
    )
