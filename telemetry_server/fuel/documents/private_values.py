"""How private values look: patterns, and the checks that a pattern alone cannot make."""

import ipaddress
import math
import re
from collections import Counter
from enum import StrEnum


class Leak(StrEnum):
    """A kind of private value; also the label of the metric."""

    ADDRESS = "address"
    MAC = "mac"
    EMAIL = "email"
    HOST_NAME = "host_name"
    PEM = "pem"
    KEY = "key"
    PASSWORD = "password"  # noqa: S105 - the name of a kind


# One quick look: only a text with one of these characters or a long run can hide anything.
SUSPECT = re.compile(
    r"[@.!#$%^&*?]|[0-9A-Fa-f]{1,4}:[0-9A-Fa-f:]|[0-9A-Fa-f]{2}-[0-9A-Fa-f]{2}-|-----BEGIN|[A-Za-z0-9+/_=-]{20}|"
    r"(?i:passw|secret|token|api.?key)"
)
# The usual texts of documents, which hide nothing: short words, moments, UUIDs, checksums.
IS_PLAIN = re.compile(
    r"(?:[A-Za-z0-9_ ]{0,19}|[0-9]{4}-[0-9]{2}-[0-9]{2}(?:[T ][0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]{1,6})?Z?)?"
    r"|[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}|[0-9a-f]{1,47})\Z"
).match
PEM = re.compile(r"-----BEGIN [A-Z0-9 ]{1,40}-----(?:.*?-----END [A-Z0-9 ]{1,40}-----|.*)", re.DOTALL)
URL_USER = re.compile(r"\b([a-z][a-z0-9+.-]{1,20}://)[^\s/@:]{1,200}:[^\s/@]{1,200}@")
SAID = re.compile(
    r"(?i)\b((?:pass(?:word|wd|phrase)?|pwd|secret|token|api[_-]?key|access[_-]?key|private[_-]?key)"
    r"[\"']?\s{0,3}[=:]\s{0,3}[\"']?)([^\s\"',;]{3,200})"
)
EMAIL = re.compile(r"[A-Za-z0-9._%+'-]{1,64}@[A-Za-z0-9-]{1,63}(?:\.[A-Za-z0-9-]{1,63}){0,8}")
MAC = re.compile(
    r"(?<![0-9A-Za-z:-])(?:[0-9A-Fa-f]{2}(?:([:-])[0-9A-Fa-f]{2})(?:\1[0-9A-Fa-f]{2}){4}|"
    r"[0-9A-Fa-f]{4}(?:\.[0-9A-Fa-f]{4}){2})(?![0-9A-Za-z:-])"
)
IPV4 = re.compile(r"(?<![0-9A-Za-z.-])(?:[0-9]{1,3}\.){3}[0-9]{1,3}(?![0-9A-Za-z-]|\.[0-9])")
IPV6 = re.compile(r"(?<![0-9A-Za-z:.])[0-9A-Fa-f:]{0,40}:[0-9A-Fa-f:.]{1,45}(?![0-9A-Za-z:])")
HOST = re.compile(
    r"(?<![A-Za-z0-9._-])(?:[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9])?\.){1,10}([A-Za-z][A-Za-z0-9-]{0,22}[A-Za-z0-9])"
    r"(?![A-Za-z0-9_-]|\.[A-Za-z0-9_])"
)
RUN = re.compile(r"[A-Za-z0-9+/_=-]{20,}")
WORD = re.compile(r"\S{8,}")
UUID = re.compile(r"[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}")
HEX = re.compile(r"[0-9A-Fa-f]+")
# Last labels that are not those of a host: suffixes of files and packages.
_NO_HOSTS = """
noarch i386 i486 i586 i686 x86 x86_64 amd64 arm64 aarch64 all any rpm deb src tar gz bz2 xz zip iso
img qcow2 py pyc sh rb pp erb js json yaml yml xml html css txt md log conf cfg ini service el6 el7
centos ubuntu mos fuel so jar war exe dll sys ko bin pem crt key lock sql csv
"""
NO_HOSTS = frozenset(_NO_HOSTS.split())
# With a single dot only these are taken for hosts: "nova.conf" and "task.error" are words of the field.
_HOST_ENDINGS = """
com org net edu gov mil int info biz io ai app dev cloud tech online site xyz local localdomain
localhost lan internal intranet corp home private test example invalid novalocal openstacklocal de
fr uk us ru cn jp ua pl nl eu it es se ch at be cz in br au ca kr tw
"""
HOST_ENDINGS = frozenset(_HOST_ENDINGS.split())
PUNCTUATION = frozenset("!@#$%^&*?~")
# Names of fields whose hexadecimal text is an identifier of the field, no key.
HEX_FIELDS = re.compile(r"(?:^|_)(?:id|ids|uid|uuid|sha|checksum)$")
# Names of fields whose text is private whatever it looks like.
PRIVATE_FIELDS: tuple[tuple[re.Pattern[str], Leak], ...] = (
    (re.compile(r"(?i)passw|passphrase|(?:^|_)pwd(?:$|_)|secret|credential"), Leak.PASSWORD),
    (
        re.compile(
            r"(?i)(?:api|access|private|secret|ssh|admin|mon|bootstrap\w*|radosgw)_?key(?:$|_)|(?:^|_)token$"
        ),
        Leak.KEY,
    ),
    (re.compile(r"(?i)(?:^|_)(?:fqdn|hostname|host_name|node_name)$"), Leak.HOST_NAME),
    (re.compile(r"(?i)(?:^|_)(?:mac|mac_address)$"), Leak.MAC),
    (re.compile(r"(?i)(?:^|_)(?:ip|ipaddr|ip_address)$"), Leak.ADDRESS),
    (re.compile(r"(?i)(?:^|_)e?mail$"), Leak.EMAIL),
)
PACKAGE = re.compile(r"[A-Za-z][A-Za-z0-9+._~-]*-[0-9][A-Za-z0-9+._~:-]*")


def is_package(text: str) -> bool:
    """Whether *text* is the name of a package with its version; its last part is not a domain."""
    last = text.rpartition(".")[2].lower()
    return PACKAGE.fullmatch(text) is not None and (not last.isalpha() or last in NO_HOSTS)


def is_ipv4(text: str) -> bool:
    """Whether *text* is an address."""
    try:
        ipaddress.IPv4Address(text)
    except ValueError:
        return False
    return True


def is_ipv6(text: str) -> bool:
    """Whether *text* is an address."""
    if text.count(":") < 2:
        return False
    try:
        ipaddress.IPv6Address(text.rstrip("."))
    except ValueError:
        return False
    return True


def is_host(match: re.Match[str]) -> bool:
    """Whether the dotted name of *match* is that of a host."""
    last = match[1].lower()
    if "_" in match[0]:
        return False  # the dotted name of a module or a test
    if last in NO_HOSTS or last.startswith("mos"):
        return False
    return last in HOST_ENDINGS or match[0].count(".") > 1


def is_key(text: str, field: str) -> bool:
    """Whether *text*, of the field *field*, looks random enough for a key."""
    core = text.strip("=-_/+")
    if UUID.fullmatch(core):
        return False
    if HEX.fullmatch(core):
        return len(core) >= 48 and not HEX_FIELDS.search(field)
    digits = sum(character.isdigit() for character in core)
    lower = sum(character.islower() for character in core)
    upper = sum(character.isupper() for character in core)
    if not digits or not upper or (not lower and ("-" in core or "_" in core)):
        return False
    return _bits_per_character(core) >= (3.6 if len(core) < 32 else 4.1)


def is_password(text: str) -> bool:
    """Whether *text* mixes characters as passwords do."""
    core = text.strip("\"'.,;:()[]{}<>")
    if len(core) < 8 or not PUNCTUATION.intersection(core):
        return False
    return (
        any(character.isdigit() for character in core)
        and any(character.islower() for character in core)
        and any(character.isupper() for character in core)
    )


def _bits_per_character(text: str) -> float:
    counts = Counter(text)
    return -sum(number / len(text) * math.log2(number / len(text)) for number in counts.values())
