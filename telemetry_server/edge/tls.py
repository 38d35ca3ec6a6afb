"""TLS: the certificate, which can be reloaded, and connections until the end of their handshake."""

import asyncio
import socket
import ssl
from pathlib import Path

from telemetry_server.edge.limited_server import LimitedServer
from telemetry_server.observability.loggers import get_logger

PAUSE_SECONDS = 0.1  # after a failed accept: no descriptor is free

log = get_logger("edge")


class BadCertificate(Exception):
    """The certificate or its key cannot be used; one line says why."""


class Certificate:
    """
    The certificate and key of the server, read from two PEM files.

    Raises:
        BadCertificate: The files cannot be read, or do not belong together.
    """

    def __init__(self, certificate: Path, key: Path) -> None:
        self._files = certificate, key
        self.context = self._read()

    def read_again(self) -> None:
        """Read the files again for new connections; if they are not valid, keep the certificate in use."""
        try:
            # Into a new context first: a half-loaded context could serve no connection.
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
                f"{certificate} and {key} are not a usable certificate and key: {reason}"
            ) from None
        except OSError as error:
            raise BadCertificate(f"{certificate} or {key} cannot be read: {error.strerror}") from None
        return context


def _no_password() -> str:
    """Return an empty password, so that OpenSSL does not ask at a terminal."""
    return ""


class TlsListener:
    """
    Accepts connections and performs TLS handshakes.

    A handshake counts as a connection from its start: asyncio alone would
    permit any number of silent handshakes beyond the limit.
    """

    def __init__(self, server: LimitedServer, certificate: Certificate, listening: socket.socket) -> None:
        self._server = server
        self._certificate = certificate
        self._listening = listening
        self._handshakes: set[asyncio.Task[None]] = set()
        self._accepting = asyncio.get_running_loop().create_task(self._accept())

    def close(self) -> None:
        """Stop accepting connections."""
        self._accepting.cancel()

    async def wait_closed(self) -> None:
        """Cancel the handshakes under way, and wait for them to end."""
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
            # An answer is possible only after the handshake.
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
