"""
Every setting of the server, with its unit, its default and what it is for.

Read once, at the start of a command, and frozen.  A flag goes before the
environment (``TELEMETRY_<NAME>``), that before a ``--config`` file (TOML),
that before the default.  Only `telemetry_server.cli` imports this: the other
rooms are handed plain values.
"""

import os
import re
import tomllib
from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import BeforeValidator, Field, PrivateAttr, ValidationError
from pydantic_settings import (
    BaseSettings,
    NoDecode,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
)

from histogram_specs.aliases import DEFAULT_ALIASES, parse_aliases
from telemetry_server.settings.nearest_name import did_you_mean

PREFIX = "TELEMETRY_"
UPSTREAM = "upstream+"
# Read elsewhere and before any setting: cli/main.py.
NOT_SETTINGS = frozenset({"TELEMETRY_TRACEBACK"})

KIBIBYTE, MEBIBYTE, GIBIBYTE = 2**10, 2**20, 2**30
SIZE_UNITS = {
    "": 1,
    "b": 1,
    "kb": 10**3,
    "mb": 10**6,
    "gb": 10**9,
    "tb": 10**12,
    "kib": KIBIBYTE,
    "mib": MEBIBYTE,
    "gib": GIBIBYTE,
    "tib": 2**40,
}
SECONDS_OF_UNIT = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
ORIGIN = re.compile(r"[a-z][a-z0-9+.-]*://(?:[a-z0-9._-]+|\[[0-9a-f:.]+\])(?::[0-9]{1,5})?")
DEFAULT_PORT = re.compile(r"^http:.*:80$|^https:.*:443$")
NUMBER = r"[0-9]+(?:\.[0-9]+)?"


class ConfigurationError(Exception):
    """The settings do not make sense.  Its text is one line for the user: what, where, what to do."""


class ClientAddress(StrEnum):
    """What is kept of the address that a submission came from."""

    DROPPED = "dropped"
    TRUNCATED = "truncated"  # to /24, or /48 for IPv6


class SchemaFormats(StrEnum):
    """Whether ``format`` in a registered schema refuses values."""

    CHECKED = "checked"
    IGNORED = "ignored"


class UnresolvedRevision(StrEnum):
    """What happens to a ping whose revision nobody can resolve."""

    QUARANTINE = "quarantine"
    SELF_DESCRIBED = "self_described"


class LogFormat(StrEnum):
    """How log lines look."""

    AUTO = "auto"  # as text on a terminal, else as JSON
    TEXT = "text"
    JSON = "json"


def whole_number(value: object) -> int:
    """An int, or decimal digits.  Raises ValueError for anything that would have to be guessed."""
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    if isinstance(value, str) and re.fullmatch(r"-?[0-9]{1,18}", value.strip()):
        return int(value)
    raise ValueError(f"must be a whole number, not {value!r}")


def size_bytes(value: object) -> int:
    """Bytes, as a whole number or as ``500MB`` (powers of 1000) or ``64MiB`` (powers of 1024)."""
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    found = re.fullmatch(rf"({NUMBER})\s*([A-Za-z]*)", value.strip()) if isinstance(value, str) else None
    if found and (unit := SIZE_UNITS.get(found[2].lower())) is not None:
        size = float(found[1]) * unit if "." in found[1] else int(found[1]) * unit
        if size == int(size):
            return int(size)
    raise ValueError(f"must be a number of bytes, or like 500MB or 64MiB, not {value!r}")


def _duration(value: object, bare_unit_seconds: float, example: str) -> float:
    if isinstance(value, int | float) and not isinstance(value, bool):
        return float(value) * bare_unit_seconds
    text = value.strip() if isinstance(value, str) else ""
    if re.fullmatch(NUMBER, text):
        return float(text) * bare_unit_seconds
    if re.fullmatch(rf"(?:{NUMBER}(?:ms|[smhd]))+", text):
        parts = re.findall(rf"({NUMBER})(ms|[smhd])", text)
        return sum(float(number) * SECONDS_OF_UNIT[unit] for number, unit in parts)
    raise ValueError(f"must be {example}, not {value!r}")


def duration_seconds(value: object) -> float:
    """Seconds, as a number or as ``500ms``, ``5m``, ``1h30m``, ``2d``."""
    return _duration(value, 1.0, "a number of seconds, or like 500ms, 5m or 1h30m")


def duration_days(value: object) -> float:
    """Days, as a number or as ``36h``, ``7d``."""
    return _duration(value, 86400.0, "a number of days, or like 36h or 7d") / 86400.0


def true_or_false(value: object) -> bool:
    """``true`` or ``false`` and nothing else: a guess at "yes" or "1" may guess wrong."""
    if isinstance(value, bool):
        return value
    if value in ("true", "false"):
        return value == "true"
    raise ValueError(f"must be true or false, not {value!r}")


def file_path(value: object) -> Path:
    """A path; ``~`` is the home directory."""
    if isinstance(value, Path) or (isinstance(value, str) and value and "\0" not in value):
        return Path(value).expanduser()
    raise ValueError(f"must be a path, not {value!r}")


def namespace_list(value: object) -> tuple[str, ...]:
    """Namespaces, as a list or with commas between."""
    names = value.split(",") if isinstance(value, str) else value
    if not isinstance(names, list | tuple) or not all(isinstance(name, str) for name in names):
        raise ValueError(f"must be a list of namespaces, not {value!r}")
    stripped = tuple(name.strip() for name in names)
    for name in stripped:
        if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._+-]{0,127}", name):
            raise ValueError(f"{name!r} is no namespace: letters, digits and ._+- only")
    return stripped


def alias_list(value: object) -> tuple[str, ...]:
    """Rules of `histogram_specs.aliases`, as a list or with commas between."""
    rules = value.split(",") if isinstance(value, str) else value
    if not isinstance(rules, list | tuple) or not all(isinstance(rule, str) for rule in rules):
        raise ValueError(f"must be a list like comm-central=mozilla-central, not {value!r}")
    stripped = tuple(rule.strip() for rule in rules)
    parse_aliases(stripped)
    return stripped


def origin_list(value: object) -> tuple[str, ...]:
    """Origins of web pages as browsers write them, as a list or with commas between; or ``*``."""
    texts = value.split(",") if isinstance(value, str) else value
    if not isinstance(texts, list | tuple) or not all(isinstance(text, str) for text in texts):
        raise ValueError(f"must be a list of origins, not {value!r}")
    origins = tuple(text.strip().lower() for text in texts)
    for origin in origins:
        if origin != "*" and not ORIGIN.fullmatch(origin):
            raise ValueError(
                f"{origin!r} is not an origin: write scheme, host and port, such as "
                "https://app.example.org or http://localhost:3000, or *"
            )
        if DEFAULT_PORT.search(origin):
            raise ValueError(f"{origin!r} names the default port of its scheme: browsers leave it out")
    return origins


def server_url(value: object) -> str:
    """An http or https URL without credentials, query or fragment; a slash at its end goes."""
    text = value if isinstance(value, str) else ""
    try:
        parts = urlsplit(text)
        parts.port  # noqa: B018 - reading it is what checks it
    except ValueError:
        parts = urlsplit("")
    plain = not (parts.query or parts.fragment or parts.username or parts.password)
    if parts.scheme not in ("http", "https") or not parts.hostname or not plain or re.search(r"\s", text):
        raise ValueError(f"must be a URL like https://hg.mozilla.org, not {value!r}")
    return text.rstrip("/")


def definition_source(value: object) -> str:
    """A `server_url`, one with ``upstream+`` before it, or the path of something that exists."""
    text = value if isinstance(value, str) else ""
    if text.startswith(UPSTREAM):
        return UPSTREAM + server_url(text.removeprefix(UPSTREAM))
    if "://" not in text and text and "\0" not in text and Path(text).expanduser().exists():
        return str(Path(text).expanduser().resolve())
    return server_url(value)


def status_number(value: object) -> int:
    """One of the two codes that an oversized body may be answered with."""
    return whole_number(value)


def usable_cores() -> int:
    """How many cores this process may run on; at least 1."""
    return max(1, len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1)


Whole = Annotated[int, BeforeValidator(whole_number)]
Bytes = Annotated[int, BeforeValidator(size_bytes), Field(ge=0)]
Seconds = Annotated[float, BeforeValidator(duration_seconds), Field(gt=0, le=86400)]
Days = Annotated[float, BeforeValidator(duration_days), Field(ge=0, le=36525)]
Flag = Annotated[bool, BeforeValidator(true_or_false)]
FilePath = Annotated[Path, BeforeValidator(file_path)]


class Settings(BaseSettings):
    """All settings, checked and frozen.  `load_settings` makes one."""

    model_config = SettingsConfigDict(frozen=True, extra="forbid", validate_default=False)
    _origins: dict[str, str] = PrivateAttr(default_factory=dict)

    data_dir: FilePath = Field(Path("data"), description="Root of everything the server keeps.")
    host: Annotated[str, Field(min_length=1)] = Field("127.0.0.1", description="Address to listen on.")
    port: Annotated[Whole, Field(ge=0, le=65535)] = Field(
        8080, description="Port to listen on; 0 takes a free one.  `PORT` counts as well."
    )
    admin_host: Annotated[str, Field(min_length=1)] = Field(
        "127.0.0.1", description="Address to listen on for `admin_port`."
    )
    admin_port: Annotated[Whole, Field(ge=0, le=65535)] | None = Field(
        None,
        description="A second port, without submissions: all that is read with GET is there, and "
        "`/metrics` nowhere else.",
    )
    tls_certificate: FilePath | None = Field(
        None,
        description="PEM file of the certificate and its chain: `port` then takes TLS (1.2 or later) only.  "
        "Read again on SIGHUP.",
    )
    tls_key: FilePath | None = Field(None, description="PEM file of the certificate's key, not encrypted.")
    workers: Annotated[Whole, Field(ge=1, le=256)] = Field(
        default_factory=usable_cores, description="Processes that take submissions; default: one per core."
    )
    convert_processes: Annotated[Whole, Field(ge=1, le=256)] = Field(
        default_factory=usable_cores, description="Processes that convert; default: one per core."
    )
    max_body_bytes: Annotated[Bytes, Field(ge=1, le=2**31)] = Field(
        MEBIBYTE, description="Largest body taken, as it comes over the wire."
    )
    oversize_status: Annotated[Literal[413, 202], BeforeValidator(status_number)] = Field(
        413, description="Answer to a larger body: 413, or 202 (taken and thrown away)."
    )
    namespaces: Annotated[tuple[str, ...], NoDecode, BeforeValidator(namespace_list)] = Field(
        (), description="Namespaces taken; any other is answered 404.  Empty: all are taken."
    )
    submit_cors_origins: Annotated[tuple[str, ...], NoDecode, BeforeValidator(origin_list)] = Field(
        (),
        description="Origins of web pages that may submit, such as `https://app.example.org`; `*` allows "
        "all.  Empty: none.",
    )
    trusted_hops: Annotated[Whole, Field(ge=0, le=16)] = Field(
        0, description="How many proxies in front may be believed in X-Forwarded-For."
    )
    client_address: ClientAddress = Field(
        ClientAddress.DROPPED, description="`dropped`, or `truncated` to keep a /24 or /48 of it."
    )
    partition_schema: FilePath | None = Field(
        None, description="JSON file of the partition schema; default: the one in StorageLayout.md."
    )
    revision_server: Annotated[str, BeforeValidator(definition_source)] = Field(
        "https://hg.mozilla.org",
        description="The only place that definitions are fetched from: a Mercurial server, another "
        "telemetry-server (`upstream+https://…`), or a local clone, folder or archive.",
    )
    constants_file: FilePath | None = Field(
        None,
        description="JSON object: each name that spec files write in place of a number, with its number "
        "or the list of those that releases used; they go before the built-in ones.",
    )
    revision_cache_dir: FilePath = Field(
        default_factory=lambda given: given.get("data_dir", Path("data")) / "specs",
        description="Where definitions are kept, by revision; default: `specs` in the data root.",
    )
    revision_offline: Flag = Field(
        False, description="Fetch nothing: what the cache cannot answer is `unknown_revision`."
    )
    repository_aliases: Annotated[tuple[str, ...], NoDecode, BeforeValidator(alias_list)] = Field(
        DEFAULT_ALIASES,
        description="`<repository>=<repository of its gecko>`: whose definitions are looked up there, by "
        "build id or version.",
    )
    pending_days: Days = Field(
        14.0,
        description="How long a ping waits for definitions that cannot be fetched, in days; "
        "then it is `unknown_revision`.",
    )
    dedup_days: Days | None = Field(
        None, description="How long an id is remembered, in days; default: as long as records are kept."
    )
    tables: Flag = Field(
        True, description="Keep records as tables (Parquet) as well; needs the extra `tables`."
    )
    raw_retention_days: Days = Field(
        30.0, description="How long raw submissions are kept, in days, and never less than until converted."
    )
    quarantine_retention_days: Days = Field(
        90.0,
        description="How long quarantined submissions and dropped histogram values are kept, in days.",
    )
    schemas_dir: FilePath | None = Field(
        None, description="Folder of JSON Schemas, `<namespace>/<doctype>/<doctype>.<version>.schema.json`."
    )
    require_registration: Flag = Field(
        False, description="Quarantine pings of the generic form whose doctype has no schema."
    )
    schema_formats: SchemaFormats = Field(
        SchemaFormats.CHECKED,
        description="`format` in registered schemas: `checked`, in every draft alike, or `ignored`.",
    )
    rules_file: FilePath | None = Field(None, description="TOML file of rules for unwanted pings.")
    geo_database: FilePath | None = Field(
        None,
        description="MaxMind DB file that countries are looked up in; needs `client_address = truncated`.",
    )
    unresolved_revision: UnresolvedRevision = Field(
        UnresolvedRevision.QUARANTINE,
        description="Ping of an unknown revision: `quarantine`, or `self_described` "
        "to pack what carries its own type, range and bucket count.",
    )
    min_free_bytes: Bytes | None = Field(
        None,
        description="Free space below which nothing is taken (507); default: 5 % of the disk, "
        "at least 1 GiB, but a tenth of a small disk.",
    )
    max_connections: Annotated[Whole, Field(ge=1, le=1_000_000)] = Field(
        2048, description="Open connections per worker; more are answered 503."
    )
    max_in_flight_bytes: Annotated[Bytes, Field(ge=1)] = Field(
        64 * MEBIBYTE,
        description="Bytes held for clients per worker (bodies, unread answers); "
        "past it the slowest clients are cut off, then 503.",
    )
    header_timeout_seconds: Seconds = Field(10.0, description="Time for a request's headers to arrive.")
    body_timeout_seconds: Seconds = Field(30.0, description="Time for a request's body to arrive.")
    keepalive_timeout_seconds: Seconds = Field(30.0, description="How long an idle connection stays open.")
    answer_timeout_seconds: Seconds = Field(
        10.0, description="Time for a client to read an answer that is stuck, then a close."
    )
    commit_timeout_seconds: Seconds = Field(5.0, description="Time for the disk to keep it, else 503.")
    drain_timeout_seconds: Seconds = Field(20.0, description="Time to finish in after SIGTERM.")
    log_format: LogFormat = Field(
        LogFormat.AUTO,
        description="`auto`: lines for people on a terminal, else JSON; or always `text`, or always `json`.",
    )
    fast_lane: Flag = Field(
        True,
        description="Serve plain submits without the HTTP library: the same answers at less cost.",
    )

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Only what is handed in: `load_settings` hands in every layer, so tests can too."""
        return (init_settings,)

    def origin_of(self, name: str) -> str:
        """Where the value of *name* comes from: a flag, a variable, a file, or "default"."""
        return self._origins.get(name, "default")


SETTING_NAMES: tuple[str, ...] = tuple(Settings.model_fields)


class _Layer:
    """The values of one place, and what to call that place for each."""

    def __init__(self, values: Mapping[str, Any], origins: Mapping[str, str]) -> None:
        self.values = dict(values)
        self.origins = dict(origins)


def _refuse_unknown(names: Mapping[str, str]) -> None:
    """Raise for the first of *names* (setting to how it was written) that is no setting."""
    for name, written in names.items():
        if name not in SETTING_NAMES:
            raise ConfigurationError(
                f"{written} is not a setting{did_you_mean(name, SETTING_NAMES)} "
                "(telemetry-server config show lists them all)"
            )


def _flag_layer(flags: Mapping[str, object]) -> _Layer:
    given = {name: value for name, value in flags.items() if value is not None}
    origins = {name: "--data" if name == "data_dir" else f"--{name.replace('_', '-')}" for name in given}
    _refuse_unknown(origins)
    return _Layer(given, origins)


def _environment_layer(environ: Mapping[str, str]) -> _Layer:
    """Empty variables count as not set: that is how containers unset them."""
    written = {
        variable.removeprefix(PREFIX).lower(): variable
        for variable, value in environ.items()
        if variable.startswith(PREFIX) and variable not in NOT_SETTINGS and value.strip()
    }
    _refuse_unknown(written)
    if "port" not in written and environ.get("PORT", "").strip():
        written["port"] = "PORT"
    return _Layer({name: environ[variable] for name, variable in written.items()}, written)


def _file_layer(config_file: Path | None) -> _Layer:
    if config_file is None:
        return _Layer({}, {})
    try:
        values = tomllib.loads(config_file.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigurationError(f"cannot read {config_file}: {error.strerror or error}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"{config_file} is not TOML: {error}") from error
    _refuse_unknown({name: f"{name} in {config_file}" for name in values})
    return _Layer(values, {name: str(config_file) for name in values})


def _one_line(error: ValidationError, origins: Mapping[str, str]) -> str:
    first = error.errors(include_url=False)[0]
    name = str(first["loc"][0]) if first["loc"] else "settings"
    reason = first["msg"].removeprefix("Value error, ")
    reason = reason[:1].lower() + reason[1:]
    return " ".join(f"{name} (from {origins.get(name, 'default')}): {reason}".split())


def load_settings(
    flags: Mapping[str, object], config_file: Path | None, environ: Mapping[str, str]
) -> Settings:
    """
    The settings in force.

    Args:
        flags: By setting's name; None where a flag was not given.
        config_file: The TOML file that ``--config`` names, if any.
        environ: Usually ``os.environ``.

    Raises:
        ConfigurationError: With one line that names the setting and where it was given.
    """
    layers = (_flag_layer(flags), _environment_layer(environ), _file_layer(config_file))
    values: dict[str, Any] = {}
    origins: dict[str, str] = {}
    for layer in reversed(layers):
        values |= layer.values
        origins |= layer.origins
    try:
        settings = Settings(**values)
    except ValidationError as error:
        raise ConfigurationError(_one_line(error, origins)) from None
    settings._origins = origins
    return settings
