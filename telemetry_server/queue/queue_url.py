"""The address of a queue: broker, stream, and how to connect."""

import ssl
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote, urlsplit

from telemetry_server.queue.errors import BadQueueUrl

DEFAULT_PORTS = {"nats": 4222, "kafka": 9092}
TLS_SUFFIX = "+tls"
RAW_SCHEME = "file"
EXAMPLES = "nats://HOST:4222/STREAM or kafka://HOST:9092/TOPIC"


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
    try:
        parts = urlsplit(text)
    except ValueError:
        raise BadQueueUrl(f"not a URL of a queue; write {EXAMPLES}") from None
    scheme = parts.scheme.removesuffix(TLS_SUFFIX)
    if scheme == RAW_SCHEME and parts.path.startswith("/") and not parts.netloc:
        return QueueUrl(RAW_SCHEME, (), unquote(parts.path).rstrip("/") or "/")
    if scheme not in DEFAULT_PORTS:
        raise BadQueueUrl(f"not a URL of a queue; write {EXAMPLES}")
    name = unquote(parts.path).strip("/")
    if not name or "/" in name or parts.query or parts.fragment:
        raise BadQueueUrl(f"the URL must end in the name of one stream or topic; write {EXAMPLES}")
    login, _, places = parts.netloc.rpartition("@")
    # An @ in the path: a / in a password ended the host early, which may be a part of that password.
    hosts = _with_ports(places.split(","), DEFAULT_PORTS[scheme], is_secret="@" in parts.path)
    user, has_password, password = login.partition(":")
    if credentials_file is None:
        secrets = (
            _Secrets(unquote(user), unquote(password)) if has_password else _Secrets(token=unquote(user))
        )
    elif login:
        raise BadQueueUrl("credentials are in the URL and in queue_credentials_file: keep one of the two")
    else:
        secrets = _read_secrets(credentials_file, is_nats=scheme == "nats")
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
        uses_tls=parts.scheme.endswith(TLS_SUFFIX) or ca_file is not None,
        ca_file=ca_file,
        creds_file=secrets.creds_file,
    )


@dataclass(frozen=True, slots=True)
class _Secrets:
    user: str = ""
    password: str = ""
    token: str = ""
    creds_file: Path | None = None


def _with_ports(places: list[str], default: int, *, is_secret: bool) -> tuple[str, ...]:
    """Return each of *places* as ``host:port``; an error names the one of several that is wrong."""
    hosts = []
    for number, place in enumerate(places, start=1):
        try:
            hosts.append(_with_port(place, default))
        except BadQueueUrl as error:
            if len(places) == 1:
                raise
            shown = "" if is_secret or not place else f", {place}"
            raise BadQueueUrl(f"host {number} of {len(places)}{shown}: {error}") from None
    return tuple(hosts)


def _with_port(place: str, default: int) -> str:
    """Return *place* as ``host:port``."""
    try:
        parts = urlsplit(f"//{place}")
        host, port = parts.hostname, parts.port or default
    except ValueError:
        # The place may hold a part of a password that was not percent-encoded, so it is not shown.
        raise BadQueueUrl(
            f"the port must be a number up to 65535, and / in a password is written %2F; write {EXAMPLES}"
        ) from None
    if not host:
        raise BadQueueUrl(f"no host is named; write {EXAMPLES}")
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def _check_certificates(file: Path) -> None:
    if not file.is_file():
        raise BadQueueUrl(f"queue_ca_file: {file} is not a file")
    try:
        certificates = ssl.create_default_context(cafile=str(file)).get_ca_certs()
    except ssl.SSLError:
        certificates = []
    except OSError as error:
        raise BadQueueUrl(f"queue_ca_file: {file} cannot be read: {error.strerror}") from None
    if not certificates:
        raise BadQueueUrl(f"queue_ca_file: {file} is not a file of certificates in PEM form")


def _read_secrets(file: Path, *, is_nats: bool) -> _Secrets:
    try:
        text = file.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not text"
        raise BadQueueUrl(f"queue_credentials_file: {file} cannot be read: {reason}") from None
    if is_nats and "BEGIN NATS USER JWT" in text:
        return _Secrets(creds_file=file)
    if not text or "\n" in text:
        raise BadQueueUrl(f"queue_credentials_file: {file} must hold one line, USER:PASSWORD")
    user, has_password, password = text.partition(":")
    return _Secrets(user, password) if has_password else _Secrets(token=user)
