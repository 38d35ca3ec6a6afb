"""The address of a queue: broker, stream, and how to connect."""

import re
import ssl
from dataclasses import dataclass
from ipaddress import IPv6Address
from pathlib import Path
from urllib.parse import unquote

from telemetry_server.queue.errors import BadQueueFile, BadQueueUrl

DEFAULT_PORTS = {"nats": 4222, "kafka": 9092}
TLS_SUFFIX = "+tls"
RAW_SCHEME = "file"
EXAMPLES = "nats://HOST:4222/STREAM or kafka://HOST:9092/TOPIC"
MAX_PORT = 65_535
# Not urlsplit: some versions of Python refuse brackets in a list of hosts.
_URL = re.compile(
    r"(?P<scheme>[a-z+]+)://(?P<places>[^/?#]*)(?P<path>[^?#]*)(?P<rest>.*)", re.IGNORECASE | re.DOTALL
)
_PLACE = re.compile(r"(?P<host>\[[^\[\]]*\]|[^\[\]:]*)(:(?P<port>.*))?")
_NUMBER = re.compile(r"[0-9]{1,5}")
_HOST_NAME = re.compile(r"[\w.-]+")
# What is before the last @ of a URL whose second or later host has credentials: u:p@a,u:p or a:4222,u:p
_LATE_LOGIN = re.compile(r".*@.*,.*|((\[[^\]]*\]|[^\[:,@]+)(:\d*)?,)+[^,]*:.*")


@dataclass(frozen=True, slots=True)
class QueueUrl:
    """A queue's address, with the credentials for it."""

    scheme: str  # nats, kafka or file
    hosts: tuple[str, ...]  # "host:port"
    name: str  # the stream or topic; of file, the path of a data root
    user: str = ""
    password: str = ""
    token: str = ""  # NATS only: one word in place of a user and a password
    uses_tls: bool = False
    ca_file: Path | None = None  # trusted certificates; None: those of the machine
    creds_file: Path | None = None  # NATS only: a .creds file

    @property
    def shown(self) -> str:
        """The URL without credentials, for messages."""
        if self.scheme == RAW_SCHEME:
            return f"file://{self.name}"
        tls = TLS_SUFFIX if self.uses_tls else ""
        return f"{self.scheme}{tls}://{','.join(self.hosts)}/{self.name}"


def parse_queue_url(
    text: str, *, credentials_file: Path | None = None, ca_file: Path | None = None
) -> QueueUrl:
    """
    Return the queue that *text* names.

    Forms: ``nats://[USER:PASSWORD@]HOST[:PORT][,HOST…]/STREAM``, ``kafka://…/TOPIC``, each with ``+tls``
    after the scheme for TLS; ``file:///DATA_ROOT`` for the raw submissions of another data root.

    Args:
        credentials_file: A file with ``user:password`` (NATS: also a token, or the text of a .creds file).
        ca_file: PEM file of trusted certificates; the connection then uses TLS.

    Raises:
        BadQueueUrl: It is not such a URL, or a file cannot be read.  The text holds no password.
    """
    parts = _URL.fullmatch(text.strip())
    if parts is None:
        raise BadQueueUrl(f"not a URL of a queue; write {EXAMPLES}")
    written_scheme, path = parts["scheme"].lower(), parts["path"]
    scheme = written_scheme.removesuffix(TLS_SUFFIX)
    if scheme == RAW_SCHEME:
        if parts["places"] or not path:
            raise BadQueueUrl("the path of a data root must be absolute; write file:///DATA_ROOT")
        return QueueUrl(RAW_SCHEME, (), unquote(path).rstrip("/") or "/")
    if scheme not in DEFAULT_PORTS:
        raise BadQueueUrl(f"not a URL of a queue; write {EXAMPLES}")
    name = unquote(path).strip("/")
    if not name or "/" in name or parts["rest"]:
        raise BadQueueUrl(f"the URL must end in the name of one stream or topic; write {EXAMPLES}")
    login, _, places = parts["places"].rpartition("@")
    hosts = _with_ports(places.split(","), DEFAULT_PORTS[scheme])
    secrets = _secrets(login, credentials_file, is_nats=scheme == "nats")
    if ca_file is not None:
        _check_certificates(ca_file)
    if scheme == "kafka" and secrets.token:
        raise BadQueueUrl("credentials for Kafka are USER:PASSWORD")
    return QueueUrl(
        scheme,
        hosts,
        name,
        secrets.user,
        secrets.password,
        secrets.token,
        uses_tls=written_scheme.endswith(TLS_SUFFIX) or ca_file is not None,
        ca_file=ca_file,
        creds_file=secrets.creds_file,
    )


@dataclass(frozen=True, slots=True)
class _Secrets:
    user: str = ""
    password: str = ""
    token: str = ""
    creds_file: Path | None = None


def _with_ports(places: list[str], default: int) -> tuple[str, ...]:
    """Return each of *places* as ``host:port``; an error says which of several is wrong."""
    hosts = []
    for number, place in enumerate(places, start=1):
        try:
            hosts.append(_with_port(place, default))
        except BadQueueUrl as error:
            if len(places) == 1:
                raise
            raise BadQueueUrl(f"host {number} of {len(places)}: {error}") from None
    return tuple(hosts)


def _with_port(place: str, default: int) -> str:
    """Return *place* as ``host:port``; no error shows it, as it may hold a part of a password."""
    parts = _PLACE.fullmatch(place)
    if parts is None or _is_ipv6(place) or (place.startswith("[") and not _is_ipv6(parts["host"][1:-1])):
        raise BadQueueUrl("an IPv6 address is written between [ and ], like [::1]")
    host, port = parts["host"], parts["port"]
    if port and not (_NUMBER.fullmatch(port) and 1 <= int(port) <= MAX_PORT):
        raise BadQueueUrl(
            f"the port must be a number from 1 to {MAX_PORT}, and / in a password is written %2F;"
            f" write {EXAMPLES}"
        )
    if not host:
        raise BadQueueUrl(f"no host is named; write {EXAMPLES}")
    if not host.startswith("[") and not _HOST_NAME.fullmatch(host):
        raise BadQueueUrl("a host is a name of letters, digits, - and dots, or an IP address")
    address, percent, zone = host.partition("%")
    return f"{address.lower()}{percent}{zone}:{int(port) if port else default}"


def _is_ipv6(text: str) -> bool:
    try:
        IPv6Address(text)
    except ValueError:
        return False
    return True


def _check_certificates(file: Path) -> None:
    if not file.is_file():
        raise BadQueueFile(f"queue_ca_file: {file} is not a file")
    try:
        certificates = ssl.create_default_context(cafile=str(file)).get_ca_certs()
    except ssl.SSLError:
        certificates = []
    except OSError as error:
        raise BadQueueFile(f"queue_ca_file: {file} cannot be read: {error.strerror}") from None
    if not certificates:
        raise BadQueueFile(f"queue_ca_file: {file} is not a file of certificates in PEM form")


def _secrets(login: str, file: Path | None, *, is_nats: bool) -> _Secrets:
    """Return the credentials of a URL with *login* before its hosts, or those in *file*."""
    if _LATE_LOGIN.fullmatch(login):
        raise BadQueueUrl(
            "credentials are written once, before the first host; in them, @ is written %40, and a comma %2C"
        )
    if file is None:
        user, has_password, password = login.partition(":")
        return _Secrets(unquote(user), unquote(password)) if has_password else _Secrets(token=unquote(user))
    if login:
        raise BadQueueUrl("credentials are in the URL and in queue_credentials_file: keep one of the two")
    return _read_secrets(file, is_nats=is_nats)


def _read_secrets(file: Path, *, is_nats: bool) -> _Secrets:
    try:
        text = file.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not text"
        raise BadQueueFile(f"queue_credentials_file: {file} cannot be read: {reason}") from None
    if is_nats and "BEGIN NATS USER JWT" in text:
        return _Secrets(creds_file=file)
    if not text or "\n" in text:
        raise BadQueueFile(f"queue_credentials_file: {file} must hold one line, USER:PASSWORD")
    user, has_password, password = text.partition(":")
    return _Secrets(user, password) if has_password else _Secrets(token=user)
