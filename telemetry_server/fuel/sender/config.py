"""The settings of a sender, from its TOML file."""

import ipaddress
import tomllib
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit


class BadSenderConfig(Exception):
    """The file cannot be read, or a setting is wrong; the text names it."""


@dataclass(frozen=True, slots=True)
class SenderConfig:
    """The settings.  Seconds may have fractions."""

    collector: str  # a URL
    state: Path
    interval_seconds: float = 3600.0  # after a whole cycle
    recheck_seconds: float = 300.0  # while opted out
    retry_seconds: float = 300.0  # after a failure; doubled after each further one
    timeout_seconds: float = 5.0  # of one request
    first_delay_seconds: float = 3600.0  # at most, at random, after the user has opted in
    oswl_hold_back_days: int = 1


NEEDED = ("collector", "state")
MAX_SECONDS = 7 * 86400.0


def read_config(file: Path) -> SenderConfig:
    """
    Return the settings in *file*; a relative `state` is beside the file.

    Raises:
        BadSenderConfig: As named.
    """
    try:
        values = tomllib.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise BadSenderConfig(f"cannot read {file}: {error.strerror}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise BadSenderConfig(f"{file} is not TOML: {error}") from None
    known = {field.name for field in fields(SenderConfig)}
    for name in values:
        if name not in known:
            raise BadSenderConfig(
                f"{name} in {file} is not a setting: the settings are {', '.join(sorted(known))}"
            )
    for name in NEEDED:
        if not isinstance(values.get(name), str) or not values[name]:
            raise BadSenderConfig(f"{name} is missing in {file}")
    numbers: dict[str, Any] = {
        name: _number(file, name, value) for name, value in values.items() if name not in NEEDED
    }
    return SenderConfig(
        _url(file, values["collector"]),
        (file.parent / Path(values["state"]).expanduser()).absolute(),
        **numbers,
    )


def _url(file: Path, text: str) -> str:
    try:
        parts = urlsplit(text)
        _ = parts.port
    except ValueError:
        parts = urlsplit("")
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.fragment:
        raise BadSenderConfig(f"collector in {file} must be a URL like https://collector.example.org")
    if parts.scheme == "http" and not is_this_machine(parts.hostname):
        raise BadSenderConfig(
            f"collector in {file} must be https://: http:// is for a collector on this machine"
        )
    return text.rstrip("/")


def is_this_machine(host: str) -> bool:
    """Whether *host* names the loopback interface."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _number(file: Path, name: str, value: object) -> float:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    if name == "oswl_hold_back_days":
        if isinstance(value, int) and is_number and 0 <= value <= 14:
            return value
        raise BadSenderConfig(f"{name} in {file} must be a whole number of days, 0 to 14")
    if isinstance(value, int | float) and is_number and 0 <= value <= MAX_SECONDS:
        return float(value)
    raise BadSenderConfig(f"{name} in {file} must be seconds, 0 to {MAX_SECONDS:.0f}")
