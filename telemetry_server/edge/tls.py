"""TLS: the certificate, which can be read again, and connections until their handshake is over."""

import asyncio
import socket
import ssl
from pathlib import Path

import structlog

from telemetry_server.edge.limited_server import LimitedServer

PAUSE_SECONDS = 0.1  # after a failed accept: no descriptor is free

log = structlog.get_logger("edge")


class BadCertificate(Exception):
    """The certificate or its key cannot be used; one line says why."""


class Certificate:
    """
    What the server shows of itself, read from two PEM files.

    Raises:
        BadCertificate: They cannot be read, or do not belong together.
    """

    def __init__(self, certificate: Path, key: Path) -> None:
        self._files = certificate, key
        self.context = self._read()

    def read_again(self) -> None:
        """Show what the files hold now to whoever comes next; if they are no good, what was shown before."""
        try:
            # Into a context of its own first: one that is half loaded could serve nobody.
            self._read()
            self.context.load_cert_chain(*self._files, password=_no_password)
        except (BadCertificate, OSError) as error:
            log.error("the certificate in use stays", error=str(error))
        else:
            log.info("certificate read again")

    def _read(self) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        context.set_alpn_protocols(["http/1.1"])
        certificate, key = self._files
        try:
            context.load_cert_chain(certificate, key, password=_no_password)
        except ssl.SSLError as error:
            reason = error.reason or "not PEM, encrypted, or no pair"
            raise BadCertificate(
                f"{certificate} and {key} are no usable certificate and key: {reason}"
            ) from None
        except OSError as error:
            raise BadCertificate(f"{certificate} or {key} cannot be read: {error.strerror}") from None
        return context


def _no_password() -> str:
    """Instead of asking at a terminal."""
    return ""


class TlsListener:
    """
    Accepts connections and shakes hands.

    A handshake counts as a connection from its first moment: if the library
    did both, any number of silent ones could stand beside the cap.
    """

    def __init__(self, server: LimitedServer, certificate: Certificate, listening: socket.socket) -> None:
        self._server = server
        self._certificate = certificate
        self._listening = listening
        self._handshakes: set[asyncio.Task[None]] = set()
        self._accepting = asyncio.get_running_loop().create_task(self._accept())

    def close(self) -> None:
        """Accept no more."""
        self._accepting.cancel()

    async def wait_closed(self) -> None:
        """Break off the handshakes under way, too."""
        tasks = [self._accepting, *self._handshakes]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _accept(self) -> None:
        with self._listening:
            while True:
                try:
                    connection, _ = await asyncio.get_running_loop().sock_accept(self._listening)
                except OSError as error:
                    log.error("no connection can be accepted", error=str(error))
                    await asyncio.sleep(PAUSE_SECONDS)
                else:
                    self._take(connection)

    def _take(self, connection: socket.socket) -> None:
        owner = self._server.owner
        if owner.open_connections + len(self._handshakes) >= owner.limits.max_connections:
            # Before the handshake nobody can be told anything.
            owner.count_answer(503)
            connection.close()
            return
        task = asyncio.get_running_loop().create_task(self._shake_hands(connection))
        self._handshakes.add(task)
        task.add_done_callback(self._handshakes.discard)

    async def _shake_hands(self, connection: socket.socket) -> None:
        connection.setblocking(False)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        limits = self._server.owner.limits
        try:
            await asyncio.get_running_loop().connect_accepted_socket(
                self._server,
                connection,
                ssl=self._certificate.context,
                ssl_handshake_timeout=limits.header_timeout_seconds,
                ssl_shutdown_timeout=limits.lingering_seconds,
            )
        except OSError:
            connection.close()
