"""
The table of settings: name, type, default and description.

`telemetry_server.settings.loader` makes a `Settings` when a command starts.  Only `cli`, `composition` and
`diagnostics` import it: the other rooms get plain values.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from histogram_specs.aliases import DEFAULT_ALIASES
from telemetry_server.settings.archive_settings import ArchiveSettings
from telemetry_server.settings.fields import computed_setting, parsers, setting
from telemetry_server.settings.fuel_analytics_settings import FuelAnalyticsSettings
from telemetry_server.settings.fuel_collector_settings import FuelCollectorSettings
from telemetry_server.settings.limits import text_of, within, word_of
from telemetry_server.settings.queue_settings import QueueSettings
from telemetry_server.settings.retention_settings import RetentionSettings
from telemetry_server.settings.value_types import (
    MEBIBYTE,
    ClientAddress,
    LogFormat,
    Network,
    SchemaFormats,
    UnresolvedRevision,
    alias_list,
    byte_count,
    days,
    definition_source,
    file_path,
    header_name,
    name_pattern_list,
    namespace_list,
    network_list,
    origin_list,
    port_number,
    port_or_off,
    public_page_list,
    seconds,
    size_bytes,
    status_for_large,
    true_or_false,
    usable_cores,
    whole_number,
)

DATA_DIR, SPECS = Path("data"), "specs"


@dataclass(frozen=True, kw_only=True, repr=False, eq=False)
class Settings(
    QueueSettings, ArchiveSettings, FuelAnalyticsSettings, FuelCollectorSettings, RetentionSettings
):
    """All settings, checked and frozen; made by `load_settings`."""

    origins: Mapping[str, str] = field(default_factory=dict, repr=False)  # of the settings that were given

    data_dir: Path = setting(DATA_DIR, "Folder of all the data that the server keeps.", file_path)
    host: str = setting("127.0.0.1", "Address to listen on.", text_of(1))
    port: int = setting(
        8080, "Port to listen on; 0 means any free port.  The variable `PORT` works as well.", port_number
    )
    admin_host: str = setting("127.0.0.1", "Address to listen on for `admin_port`.", text_of(1))
    admin_port: int | None = setting(
        None,
        "A second port for GET requests, without submissions.  `/metrics` is then on this port only.",
        port_number,
    )
    reports_host: str = setting(
        "127.0.0.1", "Address of the reports.  One that is not the machine's own needs users.", text_of(1)
    )
    reports_port: int | None = setting(
        8081,
        "Port of the reports; 0 means any free port, `off` none.  The variable `REPORTS_PORT` works as well.",
        port_or_off,
    )
    reports_networks: tuple[Network, ...] = setting(
        (), "Networks that may connect to the reports, such as `10.0.0.0/8`.  Empty: all.", network_list
    )
    public_pages: tuple[str, ...] = setting(
        (),
        "What everyone who connects may see without signing in: `/collected`, `aggregates`, "
        "`old_api`, or single addresses of these.  Empty: nothing.",
        public_page_list,
    )
    reports_cors_origins: tuple[str, ...] = setting(
        (),
        "Origins of web pages that may read what `public_pages` names, and the old API if "
        "no user exists; `*` allows all.  Empty: none.",
        origin_list,
    )
    reports_query_timeout_seconds: float = setting(60.0, "Time for one query of the reports.", seconds)
    reports_query_memory_bytes: int = setting(
        512 * MEBIBYTE,
        "Memory for one query of the reports, beside its process's own.",
        within(size_bytes, 64 * MEBIBYTE),
    )
    trusted_user_header: str = setting(
        "",
        "Header in which a proxy in front of the reports names the signed-in user.  Empty: none.",
        header_name,
    )
    instance_name: str = setting(
        "", "Name of this server, shown on every page of the reports.", text_of(most=60)
    )
    tls_certificate: Path | None = setting(
        None,
        "PEM file of the certificate and its chain.  `port` then accepts TLS (1.2 or later) "
        "only.  Read again on SIGHUP.",
        file_path,
    )
    tls_key: Path | None = setting(None, "PEM file of the certificate's key, not encrypted.", file_path)
    workers: int = computed_setting(
        usable_cores,
        "Processes that receive submissions; default: one per core.",
        within(whole_number, 1, 256),
    )
    convert_processes: int = computed_setting(
        usable_cores, "Processes that convert; default: one per core.", within(whole_number, 1, 256)
    )
    max_body_bytes: int = setting(
        MEBIBYTE, "Largest body accepted, as sent (compressed).", within(size_bytes, 1, 2**31)
    )
    oversize_status: Literal[413, 202] = setting(
        413, "Status for a larger body: 413, or 202 (the body is discarded).", status_for_large
    )
    namespaces: tuple[str, ...] = setting(
        (), "Accepted namespaces; any other gets 404.  Empty: all are accepted.", namespace_list
    )
    submit_cors_origins: tuple[str, ...] = setting(
        (),
        "Origins of web pages that may submit, such as `https://app.example.org`; `*` "
        "allows all.  Empty: none.",
        origin_list,
    )
    trusted_hops: int = setting(
        0,
        "Number of trusted proxies in front of the server, for X-Forwarded-For.",
        within(whole_number, 0, 16),
    )
    client_address: ClientAddress = setting(
        ClientAddress.DROPPED,
        "Client addresses: `dropped`, or `truncated` to store the /24 or /48.",
        word_of(ClientAddress),
    )
    partition_schema: Path | None = setting(
        None, "JSON file of the partition schema; default: the one in StorageLayout.md.", file_path
    )
    revision_server: str = setting(
        "https://hg.mozilla.org",
        "The only source of definitions: a Mercurial server, another telemetry-server "
        "(`upstream+https://…`), or a local clone, folder or archive.",
        definition_source,
    )
    constants_file: Path | None = setting(
        None,
        "JSON file of constants for spec files: an object of names, each with its number or "
        "the list of numbers that releases used.  These override the built-in ones.",
        file_path,
    )
    revision_cache_dir: Path = setting(
        DATA_DIR / SPECS,
        "Folder of cached definitions, by revision; default: `specs` in the data root.",
        file_path,
    )
    revision_offline: bool = setting(
        False, "Fetch nothing.  A revision that is not in the cache is `unknown_revision`.", true_or_false
    )
    repository_aliases: tuple[str, ...] = setting(
        DEFAULT_ALIASES,
        "`<repository>=<gecko repository>`: definitions for the first are looked up in the "
        "second, by build id or version.",
        alias_list,
    )
    pending_days: float = setting(
        14.0,
        "How long a ping waits for definitions that cannot be fetched, in days.  Then it is "
        "`unknown_revision`.",
        days,
    )
    dedup_days: float | None = setting(
        None,
        "How long a document id is remembered to find duplicates, in days; default: as long "
        "as records are kept.",
        days,
    )
    tables: bool = setting(
        True, "Store records in tables (Parquet) as well; needs the extra `tables`.", true_or_false
    )
    aggregate_seconds: float = setting(
        60.0, "How far the aggregates may be behind the tables while the server runs.", seconds
    )
    suppress_below: int = setting(
        1,
        "Groups of fewer clients are not shown in answers; 10 suits a public server.",
        within(whole_number, 1),
    )
    seal_below: int = setting(
        10,
        "When a day's records are removed, its aggregates of fewer clients are merged into `OTHER`.",
        within(whole_number, 1),
    )
    aggregates_hidden: tuple[str, ...] = setting(
        (),
        "Metrics that the old API and public pages leave out: patterns such as `SEARCH_*`.",
        name_pattern_list,
    )
    schemas_dir: Path | None = setting(
        None, "Folder of JSON Schemas, `<namespace>/<doctype>/<doctype>.<version>.schema.json`.", file_path
    )
    require_registration: bool = setting(
        False, "Quarantine pings with a generic path whose doctype has no schema.", true_or_false
    )
    schema_formats: SchemaFormats = setting(
        SchemaFormats.CHECKED,
        "`format` in registered schemas: `checked` (in every draft) or `ignored`.",
        word_of(SchemaFormats),
    )
    stores_file: Path | None = setting(
        None,
        "TOML file of stores: which store the pings of a doctype are of, and whether they may "
        "say who sent them.",
        file_path,
    )
    rules_file: Path | None = setting(
        None,
        "TOML file of rules: which pings to refuse, and what to store less exactly or not at all.",
        file_path,
    )
    geo_database: Path | None = setting(
        None, "MaxMind DB file to find countries by address; needs `client_address = truncated`.", file_path
    )
    unresolved_revision: UnresolvedRevision = setting(
        UnresolvedRevision.QUARANTINE,
        "A ping of an unknown revision: `quarantine`, or `self_described` to use the type, "
        "range and bucket count that each histogram carries.",
        word_of(UnresolvedRevision),
    )
    min_free_bytes: int | None = setting(
        None,
        "Free space below which submissions are refused (507); default: 5 % of the disk, at "
        "least 1 GiB, but a tenth of a small disk.",
        byte_count,
    )
    max_connections: int = setting(
        2048, "Open connections per worker; more get 503.", within(whole_number, 1, 1_000_000)
    )
    max_in_flight_bytes: int = setting(
        64 * MEBIBYTE,
        "Memory for clients per worker (bodies, unread responses).  Above it the slowest "
        "clients are disconnected, then new ones get 503.",
        within(size_bytes, 1),
    )
    header_timeout_seconds: float = setting(10.0, "Time to receive the headers of a request.", seconds)
    body_timeout_seconds: float = setting(30.0, "Time to receive the body of a request.", seconds)
    keepalive_timeout_seconds: float = setting(30.0, "How long an idle connection stays open.", seconds)
    answer_timeout_seconds: float = setting(
        10.0, "Time for a client to read a blocked response; then the connection is closed.", seconds
    )
    commit_timeout_seconds: float = setting(5.0, "Time to write a submission to disk; then 503.", seconds)
    drain_timeout_seconds: float = setting(20.0, "Time to finish open requests after SIGTERM.", seconds)
    log_format: LogFormat = setting(
        LogFormat.AUTO, "`auto` (text on a terminal, else JSON), `text` or `json`.", word_of(LogFormat)
    )
    fast_lane: bool = setting(
        True,
        "Handle plain submissions without the HTTP library: the same responses at less cost.",
        true_or_false,
    )

    def origin_of(self, name: str) -> str:
        """Return where the value of *name* comes from: a flag, a variable, a file, or "default"."""
        return self.origins.get(name, "default")


# Those of Fuel and of queues come last.
_LAST = frozenset(
    name for part in (FuelCollectorSettings, FuelAnalyticsSettings, QueueSettings) for name in parsers(part)
)
SETTING_NAMES: tuple[str, ...] = tuple(sorted(parsers(Settings), key=lambda name: name in _LAST))
