"""Where `serve` listens, as settings say: the port for submissions, perhaps one for those who look, TLS."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from telemetry_server.settings import ConfigurationError, Settings
from telemetry_server.supervision.listening import HeldPort, PortTaken

if TYPE_CHECKING:
    from telemetry_server.edge.worker import Doors


@dataclass(frozen=True, slots=True)
class HeldPorts:
    """The ports of one server, held by its first process."""

    public: HeldPort
    admin: HeldPort | None = None

    def close(self) -> None:
        """Let go of them."""
        self.public.close()
        if self.admin is not None:
            self.admin.close()


def hold_ports(settings: Settings) -> HeldPorts:
    """
    Take the ports.

    Raises:
        ConfigurationError: One of them cannot be had, or the certificate cannot be used.
    """
    check_certificate(settings)
    try:
        public = HeldPort(settings.host, settings.port)
    except PortTaken as error:
        raise ConfigurationError(str(error)) from None
    if settings.admin_port is None:
        return HeldPorts(public)
    try:
        admin = HeldPort(settings.admin_host, settings.admin_port, options=("admin_host", "admin_port"))
    except PortTaken as error:
        public.close()
        raise ConfigurationError(str(error)) from None
    return HeldPorts(public, admin)


def check_certificate(settings: Settings) -> None:
    """
    Read certificate and key once, so that what is wrong with them is one line now.

    Raises:
        ConfigurationError: They are no pair, or only one of them is set.
    """
    certificate, key = settings.tls_certificate, settings.tls_key
    if certificate is None and key is None:
        return
    if certificate is None or key is None:
        there, lacking = ("tls_key", "tls_certificate") if key else ("tls_certificate", "tls_key")
        raise ConfigurationError(f"{there} is set and {lacking} is not: set both, or neither")
    for name, file in (("tls_certificate", certificate), ("tls_key", key)):
        # The library does not say which of the two it could not read.
        try:
            file.open("rb").close()
        except OSError as error:
            raise ConfigurationError(f"{name}: {file} cannot be read: {error.strerror}") from None
    from telemetry_server.edge.tls import BadCertificate, Certificate

    try:
        Certificate(certificate, key)
    except BadCertificate as error:
        raise ConfigurationError(f"tls_certificate: {error}") from None


def doors_of(settings: Settings, ports: HeldPorts) -> "Doors":
    """Where a worker listens."""
    from telemetry_server.edge.worker import Doors

    return Doors(
        public=ports.public.addresses,
        admin=ports.admin.addresses if ports.admin is not None else (),
        certificate=settings.tls_certificate and settings.tls_certificate.resolve(),
        key=settings.tls_key and settings.tls_key.resolve(),
    )
