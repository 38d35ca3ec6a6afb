"""
The second net: finds addresses, host names, e-mails and keys in texts, and takes them out.

The sender sends only listed fields.  This net is behind that list, on the sender's side and again in the collector,
for what somebody put into a listed field by mistake.  It works on values: every text of a document, and every
key of an object.
"""

import ipaddress
import math
import re
from collections import Counter
from collections.abc import Mapping
from enum import StrEnum
from functools import lru_cache
from typing import Any

MAX_NESTING = 64


class Leak(StrEnum):
    """A kind of private value; also the label of the metric."""

    ADDRESS = "address"
    MAC = "mac"
    EMAIL = "email"
    HOST_NAME = "host_name"
    PEM = "pem"
    KEY = "key"
    PASSWORD = "password"


class NestedTooDeeply(ValueError):
    """The document is nested past `MAX_NESTING` levels."""


# One quick look: only a text with one of these characters or a long run can hide anything.
_SUSPECT = re.compile(
    r"[@.!#$%^&*?]|[0-9A-Fa-f]{1,4}:[0-9A-Fa-f:]|[0-9A-Fa-f]{2}-[0-9A-Fa-f]{2}-|-----BEGIN|[A-Za-z0-9+/_=-]{20}|"
    r"(?i:passw|secret|token|api.?key)"
)
_PEM = re.compile(r"-----BEGIN [A-Z0-9 ]{1,40}-----(?:.*?-----END [A-Z0-9 ]{1,40}-----|.*)", re.DOTALL)
_URL_USER = re.compile(r"\b([a-z][a-z0-9+.-]{1,20}://)[^\s/@:]{1,200}:[^\s/@]{1,200}@")
_SAID = re.compile(
    r"(?i)\b((?:pass(?:word|wd|phrase)?|pwd|secret|token|api[_-]?key|access[_-]?key|private[_-]?key)"
    r"[\"']?\s{0,3}[=:]\s{0,3}[\"']?)([^\s\"',;]{3,200})"
)
_EMAIL = re.compile(r"[A-Za-z0-9._%+'-]{1,64}@[A-Za-z0-9-]{1,63}(?:\.[A-Za-z0-9-]{1,63}){0,8}")
_MAC = re.compile(
    r"(?<![0-9A-Za-z:-])(?:[0-9A-Fa-f]{2}(?:([:-])[0-9A-Fa-f]{2})(?:\1[0-9A-Fa-f]{2}){4}|"
    r"[0-9A-Fa-f]{4}(?:\.[0-9A-Fa-f]{4}){2})(?![0-9A-Za-z:-])"
)
_IPV4 = re.compile(r"(?<![0-9A-Za-z.-])(?:[0-9]{1,3}\.){3}[0-9]{1,3}(?![0-9A-Za-z-]|\.[0-9])")
_IPV6 = re.compile(r"(?<![0-9A-Za-z:.])[0-9A-Fa-f:]{0,40}:[0-9A-Fa-f:.]{1,45}(?![0-9A-Za-z:])")
_HOST = re.compile(
    r"(?<![A-Za-z0-9._-])(?:[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9])?\.){1,10}([A-Za-z][A-Za-z0-9-]{0,22}[A-Za-z0-9])"
    r"(?![A-Za-z0-9_-])"
)
_RUN = re.compile(r"[A-Za-z0-9+/_=-]{20,}")
_WORD = re.compile(r"\S{8,64}")
_UUID = re.compile(r"[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}")
_HEX = re.compile(r"[0-9A-Fa-f]+")
# Last labels that are not those of a host: suffixes of files and packages.
_NO_HOSTS = frozenset(
    "noarch i386 i486 i586 i686 x86 x86_64 amd64 arm64 aarch64 all any rpm deb src tar gz bz2 xz zip iso img qcow2 py"
    " pyc sh rb pp erb js json yaml yml xml html css txt md log conf cfg ini service el6 el7 centos ubuntu mos fuel"
    " so jar war exe dll sys ko bin pem crt key lock sql csv".split()
)
# With a single dot only these are taken for hosts: "nova.conf" and "task.error" are words of the field.
_HOST_ENDINGS = frozenset(
    "com org net edu gov mil int info biz io ai app dev cloud tech online site xyz local localdomain localhost lan"
    " internal intranet corp home private test example invalid novalocal openstacklocal de fr uk us ru cn jp ua pl"
    " nl eu it es se ch at be cz in br au ca kr tw".split()
)
_PUNCTUATION = frozenset("!@#$%^&*?~")
# Names of fields whose hexadecimal text is an identifier of the field, no key.
_HEX_FIELDS = re.compile(r"(?:^|_)(?:id|ids|uid|uuid|sha|checksum)$")
# Names of fields whose text is private whatever it looks like.
_PRIVATE_FIELDS: tuple[tuple[re.Pattern[str], Leak], ...] = (
    (re.compile(r"(?i)passw|passphrase|(?:^|_)pwd(?:$|_)|secret|credential"), Leak.PASSWORD),
    (
        re.compile(r"(?i)(?:api|access|private|secret|ssh|admin|mon|bootstrap\w*|radosgw)_?key(?:$|_)|(?:^|_)token$"),
        Leak.KEY,
    ),
    (re.compile(r"(?i)(?:^|_)(?:fqdn|hostname|host_name|node_name)$"), Leak.HOST_NAME),
    (re.compile(r"(?i)(?:^|_)(?:mac|mac_address)$"), Leak.MAC),
    (re.compile(r"(?i)(?:^|_)(?:ip|ipaddr|ip_address)$"), Leak.ADDRESS),
    (re.compile(r"(?i)(?:^|_)e?mail$"), Leak.EMAIL),
)


def redacted_text(text: str, found: Counter[Leak], *, field: str = "", keeps_hosts: bool = False) -> str:
    """
    Return *text* with every private value replaced by ``[kind]``, and count these in *found*.

    Args:
        field: The name of the field that holds the text.
        keeps_hosts: Whether dotted names are package names.
    """
    if not _SUSPECT.search(text):
        return text

    def replaced(kind: Leak) -> str:
        found[kind] += 1
        return f"[{kind}]"

    if "-----BEGIN" in text:
        text = _PEM.sub(lambda _: replaced(Leak.PEM), text)
    if "://" in text:
        text = _URL_USER.sub(lambda match: match[1] + replaced(Leak.PASSWORD) + "@", text)
    text = _SAID.sub(
        lambda match: match[0] if match[2].startswith("[") else match[1] + replaced(Leak.PASSWORD), text
    )
    if "@" in text:
        text = _EMAIL.sub(lambda _: replaced(Leak.EMAIL), text)
    text = _MAC.sub(lambda _: replaced(Leak.MAC), text)
    if ":" in text:
        text = _IPV6.sub(lambda match: replaced(Leak.ADDRESS) if _is_ipv6(match[0]) else match[0], text)
    if "." in text:
        text = _IPV4.sub(lambda match: replaced(Leak.ADDRESS) if _is_ipv4(match[0]) else match[0], text)
        if not keeps_hosts:
            text = _HOST.sub(lambda match: replaced(Leak.HOST_NAME) if _is_host(match) else match[0], text)
    text = _RUN.sub(lambda match: replaced(Leak.KEY) if _is_key(match[0], field) else match[0], text)
    return _WORD.sub(lambda match: replaced(Leak.PASSWORD) if _is_password(match[0]) else match[0], text)


def redacted(value: Any, found: Counter[Leak], *, field: str = "", level: int = 1) -> Any:
    """
    Return *value* without private values; the same object if it holds none.

    Raises:
        NestedTooDeeply: As named.
    """
    if isinstance(value, str):
        return _redacted_leaf(value, found, field)
    if level > MAX_NESTING:
        raise NestedTooDeeply(f"nested past {MAX_NESTING} levels")
    if isinstance(value, dict):
        before = found.total()
        cleaned = {
            redacted_text(key, found): redacted(inner, found, field=key, level=level + 1)
            for key, inner in value.items()
        }
        return cleaned if found.total() != before else value
    if isinstance(value, list):
        before = found.total()
        items = [redacted(inner, found, field=field, level=level + 1) for inner in value]
        return items if found.total() != before else value
    return value


@lru_cache(maxsize=4096)
def _kind_of_field(field: str) -> Leak | None:
    return next((kind for names, kind in _PRIVATE_FIELDS if names.search(field)), None)


def _redacted_leaf(text: str, found: Counter[Leak], field: str) -> str:
    kind = _kind_of_field(field)
    if kind is not None and text and text != f"[{kind}]":
        found[kind] += 1
        return f"[{kind}]"
    return redacted_text(text, found, field=field, keeps_hosts=field == "fuel_packages" and _is_package(text))


def counts_of(found: Mapping[Leak, int]) -> dict[str, int]:
    """Return the counts by name, for messages."""
    return {str(kind): number for kind, number in sorted(found.items()) if number}


_PACKAGE = re.compile(r"[A-Za-z][A-Za-z0-9+._~-]*-[0-9][A-Za-z0-9+._~:-]*")


def _is_package(text: str) -> bool:
    """Whether *text* is the name of a package with its version."""
    return _PACKAGE.fullmatch(text) is not None


def _is_ipv4(text: str) -> bool:
    try:
        ipaddress.IPv4Address(text)
    except ValueError:
        return False
    return True


def _is_ipv6(text: str) -> bool:
    if text.count(":") < 2:
        return False
    try:
        ipaddress.IPv6Address(text.rstrip("."))
    except ValueError:
        return False
    return True


def _is_host(match: re.Match[str]) -> bool:
    last = match[1].lower()
    if last in _NO_HOSTS or last.startswith("mos"):
        return False
    return last in _HOST_ENDINGS or match[0].count(".") > 1


def _is_key(text: str, field: str) -> bool:
    core = text.strip("=-_/+")
    if _UUID.fullmatch(core):
        return False
    if _HEX.fullmatch(core):
        return len(core) >= 48 and not _HEX_FIELDS.search(field)
    digits = sum(character.isdigit() for character in core)
    lower = sum(character.islower() for character in core)
    upper = sum(character.isupper() for character in core)
    if digits < 2 or not upper or (not lower and ("-" in core or "_" in core)):
        return False
    return _bits_per_character(core) >= (3.6 if len(core) < 32 else 4.1)


def _is_password(text: str) -> bool:
    core = text.strip("\"'.,;:()[]{}<>")
    if len(core) < 8 or not _PUNCTUATION.intersection(core):
        return False
    return (
        any(character.isdigit() for character in core)
        and any(character.islower() for character in core)
        and any(character.isupper() for character in core)
    )


def _bits_per_character(text: str) -> float:
    counts = Counter(text)
    return -sum(number / len(text) * math.log2(number / len(text)) for number in counts.values())
