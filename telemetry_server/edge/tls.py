"""TLS: the certificate, which can be read again, and connections until their handshake is over."""

import asyncio
import ssl
from pathlib import Path
from typing import cast

import structlog

from telemetry_server.edge.guard import GuardedServer

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


class TlsDoor:
    """Makes the protocol of each new connection on a TLS port; the handshakes under way are its own."""

    def __init__(self, server: GuardedServer, certificate: Certificate) -> None:
        self.server = server
        self.certificate = certificate
        self.handshakes: set[asyncio.Task[None]] = set()

    def __call__(self) -> "Handshake":
        return Handshake(self)

    async def close(self) -> None:
        """Break off the handshakes under way."""
        for task in self.handshakes:
            task.cancel()
        await asyncio.gather(*self.handshakes, return_exceptions=True)


class Handshake(asyncio.Protocol):
    """
    A connection until it is encrypted.

    It counts as a connection from its first moment: if the library shook hands,
    any number of silent ones could stand beside the cap.
    """

    def __init__(self, door: TlsDoor) -> None:
        self._door = door
        self._came = bytearray()  # between the end of the handshake and handing over
        self._ended = False
        self._is_lost = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin, or hang up where there are too many: nobody can be answered before the handshake."""
        plain = cast(asyncio.Transport, transport)
        owner = self._door.server.owner
        if owner.open_connections >= owner.limits.max_connections:
            owner.count_answer(503)
            plain.abort()
            return
        owner.open_connections += 1
        plain.pause_reading()
        task = asyncio.get_running_loop().create_task(self._shake_hands(plain))
        self._door.handshakes.add(task)
        task.add_done_callback(self._door.handshakes.discard)

    def data_received(self, data: bytes) -> None:
        """Keep what came with the end of the handshake."""
        self._came += data

    def eof_received(self) -> None:
        """Keep in mind that nothing more comes."""
        self._ended = True

    def connection_lost(self, exc: BaseException | None) -> None:
        """There is nobody to hand over."""
        self._is_lost = True

    async def _shake_hands(self, plain: asyncio.Transport) -> None:
        owner = self._door.server.owner
        try:
            secure = await asyncio.get_running_loop().start_tls(
                plain,
                self,
                self._door.certificate.context,
                server_side=True,
                ssl_handshake_timeout=owner.limits.header_timeout_seconds,
                ssl_shutdown_timeout=owner.limits.lingering_seconds,
            )
        except (OSError, asyncio.CancelledError):
            plain.abort()
            return
        finally:
            owner.open_connections -= 1
        if secure is None or self._is_lost:
            return
        handler = self._door.server()
        secure.set_protocol(handler)
        handler.connection_made(secure)
        if self._came:
            handler.data_received(bytes(self._came))
        if self._ended:
            handler.eof_received()
