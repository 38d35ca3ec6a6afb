"""Opens the ports that the settings name: for submissions, optionally for administration, with TLS."""

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from telemetry_server.settings.errors import ConfigurationError
from telemetry_server.settings.settings import Settings
from telemetry_server.supervision.held_port import HeldPort, PortTaken, share_an_address

if TYPE_CHECKING:
    from telemetry_server.edge.worker import Listeners


@dataclass(frozen=True, slots=True)
class HeldPorts:
    """The ports of one server, held by its first process."""

    public: HeldPort
    admin: HeldPort | None = None
    reports: HeldPort | None = None  # also None where something else has the port now

    def close(self) -> None:
        """Release the ports."""
        self.public.close()
        for held in (self.admin, self.reports):
            if held is not None:
                held.close()


def host_of_this_machine(host: str) -> str:
    """Return the address at which a client on this machine reaches *host*; loopback if all are meant."""
    return {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104


def check_ports(settings: Settings) -> None:
    """
    Check that `serve` could listen; a port that is in use now is not an error of the settings.

    Raises:
        ConfigurationError: A host or port is not usable, or both listeners have the same port.
    """
    _refuse_one_port_twice(settings)
    for host, port, options in _listeners(settings):
        try:
            HeldPort(host, port, options=options).close()
        except PortTaken as error:
            if not error.is_in_use:
                raise ConfigurationError(str(error)) from None


def _listeners(settings: Settings) -> Iterator[tuple[str, int, tuple[str, str]]]:
    yield settings.host, settings.port, ("--host", "--port")
    if settings.admin_port is not None:
        yield settings.admin_host, settings.admin_port, ("admin_host", "admin_port")
    if settings.reports_port is not None:
        yield settings.reports_host, settings.reports_port, ("reports_host", "reports_port")


def _refuse_one_port_twice(settings: Settings) -> None:
    port = settings.port
    if port == 0 or port != settings.admin_port:
        return
    with suppress(OSError):  # an unknown host has its own message
        if share_an_address(settings.host, settings.admin_host):
            raise ConfigurationError(
                f"port and admin_port are both {port}, on the same address: give admin_port another"
            )


def hold_ports(settings: Settings) -> HeldPorts:
    """
    Reserve the ports, and return them.

    Raises:
        ConfigurationError: A port cannot be reserved, or the certificate cannot be used.
    """
    check_certificate(settings)
    _refuse_one_port_twice(settings)
    try:
        own = [port for port in (settings.admin_port, settings.reports_port) if port]
        public = HeldPort(settings.host, settings.port, not_to_suggest=own)
    except PortTaken as error:
        raise ConfigurationError(str(error)) from None
    held = HeldPorts(public)
    try:
        if settings.admin_port is not None:
            options = ("admin_host", "admin_port")
            held = replace(held, admin=HeldPort(settings.admin_host, settings.admin_port, options=options))
        if settings.reports_port is not None:
            held = replace(held, reports=hold_reports_port(settings))
    except (PortTaken, ConfigurationError) as error:
        held.close()
        raise ConfigurationError(str(error)) from None
    return held


def hold_reports_port(settings: Settings) -> HeldPort | None:
    """
    Return the port of the reports, held; None where something else has it.

    Raises:
        ConfigurationError: It can never be had.
    """
    assert settings.reports_port is not None
    try:
        return HeldPort(
            settings.reports_host, settings.reports_port, options=("reports_host", "reports_port")
        )
    except PortTaken as error:
        if error.is_in_use:
            return None
        raise ConfigurationError(str(error)) from None


def check_certificate(settings: Settings) -> None:
    """
    Check that the certificate and its key can be used.

    Raises:
        ConfigurationError: They do not belong together, or only one of them is set.
    """
    certificate, key = settings.tls_certificate, settings.tls_key
    if certificate is None and key is None:
        return
    if certificate is None or key is None:
        there, lacking = ("tls_key", "tls_certificate") if key else ("tls_certificate", "tls_key")
        raise ConfigurationError(f"{there} is set and {lacking} is not: set both, or neither")
    for name, file in (("tls_certificate", certificate), ("tls_key", key)):
        # OpenSSL does not report which of the two files it could not read.
        try:
            file.open("rb").close()
        except OSError as error:
            raise ConfigurationError(f"{name}: {file} cannot be read: {error.strerror}") from None
    from telemetry_server.edge.tls import BadCertificate, Certificate

    try:
        Certificate(certificate, key)
    except BadCertificate as error:
        raise ConfigurationError(f"tls_certificate: {error}") from None


def listeners_of(settings: Settings, ports: HeldPorts) -> "Listeners":
    """Return the addresses that a worker listens on."""
    from telemetry_server.edge.worker import Listeners

    return Listeners(
        public=ports.public.addresses,
        admin=ports.admin.addresses if ports.admin is not None else (),
        certificate=settings.tls_certificate and settings.tls_certificate.resolve(),
        key=settings.tls_key and settings.tls_key.resolve(),
    )
