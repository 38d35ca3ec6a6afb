"""
The table of settings: name, type, default and description.

`telemetry_server.settings.loader` makes a `Settings` when a command starts.  Only `cli`, `composition` and
`diagnostics` import it: the other rooms get plain values.
"""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import BeforeValidator, ConfigDict, Field, PrivateAttr

from histogram_specs.aliases import DEFAULT_ALIASES
from telemetry_server.settings.fuel_analytics_settings import FuelAnalyticsSettings
from telemetry_server.settings.queue_settings import QueueSettings
from telemetry_server.settings.retention_settings import RetentionSettings
from telemetry_server.settings.value_types import (
    MEBIBYTE,
    Bytes,
    ClientAddress,
    Days,
    FilePath,
    Flag,
    FuelSignatures,
    LogFormat,
    Network,
    PortNumber,
    SchemaFormats,
    Seconds,
    UnresolvedRevision,
    Whole,
    alias_list,
    database_url,
    definition_source,
    header_name,
    hours_or_off,
    name_pattern_list,
    namespace_list,
    network_list,
    origin_list,
    port_or_off,
    public_page_list,
    status_number,
    usable_cores,
)


class Settings(QueueSettings, FuelAnalyticsSettings, RetentionSettings):
    """All settings, checked and frozen; made by `load_settings`."""

    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=False)
    _origins: dict[str, str] = PrivateAttr(default_factory=dict)

    data_dir: FilePath = Field(Path("data"), description="Folder of all the data that the server keeps.")
    host: Annotated[str, Field(min_length=1)] = Field("127.0.0.1", description="Address to listen on.")
    port: Annotated[Whole, Field(ge=0, le=65535)] = Field(
        8080, description="Port to listen on; 0 means any free port.  The variable `PORT` works as well."
    )
    admin_host: Annotated[str, Field(min_length=1)] = Field(
        "127.0.0.1", description="Address to listen on for `admin_port`."
    )
    admin_port: Annotated[Whole, Field(ge=0, le=65535)] | None = Field(
        None,
        description="A second port for GET requests, without submissions.  `/metrics` is then on this "
        "port only.",
    )
    reports_host: Annotated[str, Field(min_length=1)] = Field(
        "127.0.0.1",
        description="Address of the reports.  One that is not the machine's own needs users.",
    )
    reports_port: Annotated[PortNumber | None, BeforeValidator(port_or_off)] = Field(
        8081,
        description="Port of the reports; 0 means any free port, `off` none.  The variable `REPORTS_PORT` "
        "works as well.",
    )
    reports_networks: Annotated[tuple[Network, ...], BeforeValidator(network_list)] = Field(
        (), description="Networks that may connect to the reports, such as `10.0.0.0/8`.  Empty: all."
    )
    public_pages: Annotated[tuple[str, ...], BeforeValidator(public_page_list)] = Field(
        (),
        description="What everyone who connects may see without signing in: `/collected`, `aggregates`, "
        "`old_api`, or single addresses of these.  Empty: nothing.",
    )
    reports_cors_origins: Annotated[tuple[str, ...], BeforeValidator(origin_list)] = Field(
        (),
        description="Origins of web pages that may read what `public_pages` names, and the old API if "
        "no user exists; `*` allows all.  Empty: none.",
    )
    reports_query_timeout_seconds: Seconds = Field(60.0, description="Time for one query of the reports.")
    reports_query_memory_bytes: Annotated[Bytes, Field(ge=64 * MEBIBYTE)] = Field(
        512 * MEBIBYTE, description="Memory for one query of the reports, beside its process's own."
    )
    trusted_user_header: Annotated[str, BeforeValidator(header_name)] = Field(
        "",
        description="Header in which a proxy in front of the reports names the signed-in user.  Empty: none.",
    )
    instance_name: Annotated[str, Field(max_length=60)] = Field(
        "", description="Name of this server, shown on every page of the reports."
    )
    tls_certificate: FilePath | None = Field(
        None,
        description="PEM file of the certificate and its chain.  `port` then accepts TLS (1.2 or later) "
        "only.  Read again on SIGHUP.",
    )
    tls_key: FilePath | None = Field(None, description="PEM file of the certificate's key, not encrypted.")
    workers: Annotated[Whole, Field(ge=1, le=256)] = Field(
        default_factory=usable_cores, description="Processes that receive submissions; default: one per core."
    )
    convert_processes: Annotated[Whole, Field(ge=1, le=256)] = Field(
        default_factory=usable_cores, description="Processes that convert; default: one per core."
    )
    max_body_bytes: Annotated[Bytes, Field(ge=1, le=2**31)] = Field(
        MEBIBYTE, description="Largest body accepted, as sent (compressed)."
    )
    oversize_status: Annotated[Literal[413, 202], BeforeValidator(status_number)] = Field(
        413, description="Status for a larger body: 413, or 202 (the body is discarded)."
    )
    namespaces: Annotated[tuple[str, ...], BeforeValidator(namespace_list)] = Field(
        (), description="Accepted namespaces; any other gets 404.  Empty: all are accepted."
    )
    submit_cors_origins: Annotated[tuple[str, ...], BeforeValidator(origin_list)] = Field(
        (),
        description="Origins of web pages that may submit, such as `https://app.example.org`; `*` "
        "allows all.  Empty: none.",
    )
    trusted_hops: Annotated[Whole, Field(ge=0, le=16)] = Field(
        0, description="Number of trusted proxies in front of the server, for X-Forwarded-For."
    )
    client_address: ClientAddress = Field(
        ClientAddress.DROPPED,
        description="Client addresses: `dropped`, or `truncated` to store the /24 or /48.",
    )
    partition_schema: FilePath | None = Field(
        None, description="JSON file of the partition schema; default: the one in StorageLayout.md."
    )
    revision_server: Annotated[str, BeforeValidator(definition_source)] = Field(
        "https://hg.mozilla.org",
        description="The only source of definitions: a Mercurial server, another telemetry-server "
        "(`upstream+https://…`), or a local clone, folder or archive.",
    )
    constants_file: FilePath | None = Field(
        None,
        description="JSON file of constants for spec files: an object of names, each with its number or "
        "the list of numbers that releases used.  These override the built-in ones.",
    )
    revision_cache_dir: FilePath = Field(
        default_factory=lambda given: given.get("data_dir", Path("data")) / "specs",
        description="Folder of cached definitions, by revision; default: `specs` in the data root.",
    )
    revision_offline: Flag = Field(
        False, description="Fetch nothing.  A revision that is not in the cache is `unknown_revision`."
    )
    repository_aliases: Annotated[tuple[str, ...], BeforeValidator(alias_list)] = Field(
        DEFAULT_ALIASES,
        description="`<repository>=<gecko repository>`: definitions for the first are looked up in the "
        "second, by build id or version.",
    )
    pending_days: Days = Field(
        14.0,
        description="How long a ping waits for definitions that cannot be fetched, in days.  Then it is "
        "`unknown_revision`.",
    )
    dedup_days: Days | None = Field(
        None,
        description="How long a document id is remembered to find duplicates, in days; default: as long "
        "as records are kept.",
    )
    tables: Flag = Field(
        True, description="Store records in tables (Parquet) as well; needs the extra `tables`."
    )
    aggregate_seconds: Seconds = Field(
        60.0, description="How far the aggregates may be behind the tables while the server runs."
    )
    suppress_below: Annotated[Whole, Field(ge=1)] = Field(
        1, description="Groups of fewer clients are not shown in answers; 10 suits a public server."
    )
    seal_below: Annotated[Whole, Field(ge=1)] = Field(
        10,
        description="When a day's records are removed, its aggregates of fewer clients are merged into "
        "`OTHER`.",
    )
    aggregates_hidden: Annotated[tuple[str, ...], BeforeValidator(name_pattern_list)] = Field(
        (),
        description="Metrics that the old API and public pages leave out: patterns such as `SEARCH_*`.",
    )
    schemas_dir: FilePath | None = Field(
        None, description="Folder of JSON Schemas, `<namespace>/<doctype>/<doctype>.<version>.schema.json`."
    )
    require_registration: Flag = Field(
        False, description="Quarantine pings with a generic path whose doctype has no schema."
    )
    schema_formats: SchemaFormats = Field(
        SchemaFormats.CHECKED,
        description="`format` in registered schemas: `checked` (in every draft) or `ignored`.",
    )
    stores_file: FilePath | None = Field(
        None,
        description="TOML file of stores: which store the pings of a doctype are of, and whether they may "
        "say who sent them.",
    )
    rules_file: FilePath | None = Field(
        None,
        description="TOML file of rules: which pings to refuse, and what to store less exactly or not at "
        "all.",
    )
    geo_database: FilePath | None = Field(
        None,
        description="MaxMind DB file to find countries by address; needs `client_address = truncated`.",
    )
    unresolved_revision: UnresolvedRevision = Field(
        UnresolvedRevision.QUARANTINE,
        description="A ping of an unknown revision: `quarantine`, or `self_described` to use the type, "
        "range and bucket count that each histogram carries.",
    )
    fuel: Flag = Field(False, description="Answer Fuel-stat senders at `/api/v1/`; needs the extra `fuel`.")
    fuel_database_url: Annotated[str, BeforeValidator(database_url)] = Field(
        "",
        description="Database of the Fuel collector: `sqlite:///FILE` or "
        "`postgresql+psycopg://USER@HOST/NAME`; default: `state/fuel.sqlite` in the data root.",
    )
    fuel_read_database_url: Annotated[str, BeforeValidator(database_url)] = Field(
        "", description="A streaming replica of that database, for backups and reports.  Empty: none."
    )
    fuel_analytics_database_url: Annotated[str, BeforeValidator(database_url)] = Field(
        "",
        description="Database of the Fuel reports, in the same form; default: `state/fuel-analytics.sqlite` "
        "in the data root.",
    )
    fuel_max_body_bytes: Annotated[Bytes, Field(ge=1, le=2**31)] = Field(
        8 * MEBIBYTE, description="Largest body of a Fuel request, as sent and inflated."
    )
    fuel_signatures: FuelSignatures = Field(
        FuelSignatures.OFF,
        description="Signatures of Fuel requests: `off`, `observe` (counted), or `enforce` (401 without a "
        "right one).",
    )
    fuel_check_responses: Flag = Field(
        False, description="Check every answer to a Fuel request against its schema, for tests."
    )
    fuel_builds_file: FilePath | None = Field(
        None, description="JSON file of the builds that Fuel reports count, by release.  None: all."
    )
    fuel_backup_hours: Annotated[float, BeforeValidator(hours_or_off), Field(ge=0, le=8760)] = Field(
        0.0,
        description="Hours between backups of the Fuel collector's database into `backups/` of the data "
        "root; `off` or 0 makes none.",
    )
    min_free_bytes: Bytes | None = Field(
        None,
        description="Free space below which submissions are refused (507); default: 5 % of the disk, at "
        "least 1 GiB, but a tenth of a small disk.",
    )
    max_connections: Annotated[Whole, Field(ge=1, le=1_000_000)] = Field(
        2048, description="Open connections per worker; more get 503."
    )
    max_in_flight_bytes: Annotated[Bytes, Field(ge=1)] = Field(
        64 * MEBIBYTE,
        description="Memory for clients per worker (bodies, unread responses).  Above it the slowest "
        "clients are disconnected, then new ones get 503.",
    )
    header_timeout_seconds: Seconds = Field(10.0, description="Time to receive the headers of a request.")
    body_timeout_seconds: Seconds = Field(30.0, description="Time to receive the body of a request.")
    keepalive_timeout_seconds: Seconds = Field(30.0, description="How long an idle connection stays open.")
    answer_timeout_seconds: Seconds = Field(
        10.0, description="Time for a client to read a blocked response; then the connection is closed."
    )
    commit_timeout_seconds: Seconds = Field(5.0, description="Time to write a submission to disk; then 503.")
    drain_timeout_seconds: Seconds = Field(20.0, description="Time to finish open requests after SIGTERM.")
    log_format: LogFormat = Field(
        LogFormat.AUTO,
        description="`auto` (text on a terminal, else JSON), `text` or `json`.",
    )
    fast_lane: Flag = Field(
        True,
        description="Handle plain submissions without the HTTP library: the same responses at less cost.",
    )

    def origin_of(self, name: str) -> str:
        """Return where the value of *name* comes from: a flag, a variable, a file, or "default"."""
        return self._origins.get(name, "default")


# Those of the parts after those of the table itself.
SETTING_NAMES: tuple[str, ...] = tuple(
    sorted(
        Settings.model_fields,
        key=lambda name: name in QueueSettings.model_fields or name in FuelAnalyticsSettings.model_fields,
    )
)
