"""Settings: the origin of values, valid values, and messages about invalid ones."""

import string
from dataclasses import FrozenInstanceError
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from telemetry_server.settings.errors import ConfigurationError
from telemetry_server.settings.fields import descriptions
from telemetry_server.settings.loader import load_settings
from telemetry_server.settings.nearest_name import nearest
from telemetry_server.settings.settings import SETTING_NAMES, Settings
from telemetry_server.settings.value_types import (
    GIBIBYTE,
    ClientAddress,
    UnresolvedRevision,
    duration_days,
    duration_seconds,
    size_bytes,
    usable_cores,
)

CONTRACT_NAMES = [
    "data_dir",
    "host",
    "port",
    "workers",
    "max_body_bytes",
    "oversize_status",
    "namespaces",
    "trusted_hops",
    "client_address",
    "partition_schema",
    "revision_server",
    "revision_cache_dir",
    "revision_offline",
    "dedup_days",
    "raw_retention_days",
    "schemas_dir",
    "require_registration",
    "rules_file",
    "unresolved_revision",
    "min_free_bytes",
    "max_connections",
    "max_in_flight_bytes",
    "header_timeout_seconds",
    "body_timeout_seconds",
    "keepalive_timeout_seconds",
    "commit_timeout_seconds",
    "drain_timeout_seconds",
]


def test_every_name_of_the_contract_is_a_setting():
    """Operators rely on these names."""
    assert set(CONTRACT_NAMES) <= set(SETTING_NAMES)


@pytest.mark.parametrize(
    "written", ["own/repo=mozilla-central, x*=releases/y*", ["own/repo=mozilla-central", "x*=releases/y*"]]
)
def test_repository_aliases_are_a_list_that_replaces_the_default(written):
    """In a variable and in a file."""
    if isinstance(written, str):
        settings = load_settings({}, None, {"TELEMETRY_REPOSITORY_ALIASES": written})
    else:
        settings = load_settings({"repository_aliases": written}, None, {})

    assert settings.repository_aliases == ("own/repo=mozilla-central", "x*=releases/y*")
    assert "comm-central=mozilla-central" in load_settings({}, None, {}).repository_aliases
    with pytest.raises(ConfigurationError, match="repository_aliases"):
        load_settings({}, None, {"TELEMETRY_REPOSITORY_ALIASES": "comm-central"})


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("https://hg.example.org/", "https://hg.example.org"),
        ("upstream+https://telemetry.example.org/", "upstream+https://telemetry.example.org"),
        (".", str(Path.cwd().resolve())),
    ],
)
def test_definitions_come_from_a_server_an_upstream_or_a_folder(written, read):
    """A path must exist; a mistyped URL is not accepted as a path."""
    assert load_settings({"revision_server": written}, None, {}).revision_server == read


def test_every_setting_has_a_description():
    """`config show` and docs/settings.md print these lines."""
    assert all(descriptions(Settings).values())


def test_the_defaults_are_the_documented_ones():
    """Without settings: a server on loopback with its data in ./data."""
    settings = load_settings({}, None, {})

    assert settings.data_dir == Path("data")
    assert settings.revision_cache_dir == Path("data/specs")
    assert (settings.host, settings.port) == ("127.0.0.1", 8080)
    assert settings.workers == usable_cores() >= 1
    assert settings.max_body_bytes == 2**20
    assert settings.oversize_status == 413
    assert settings.namespaces == ()
    assert settings.client_address is ClientAddress.DROPPED
    assert settings.unresolved_revision is UnresolvedRevision.QUARANTINE
    assert settings.revision_server == "https://hg.mozilla.org"
    assert settings.revision_offline is False
    assert settings.require_registration is False
    assert settings.dedup_days is None
    assert settings.raw_retention_days == 30
    assert (settings.max_connections, settings.max_in_flight_bytes) == (2048, 64 * 2**20)
    timeouts = ("header", "body", "keepalive", "commit", "drain")
    assert [getattr(settings, f"{name}_timeout_seconds") for name in timeouts] == [10, 30, 30, 5, 20]


def test_a_flag_overrides_the_environment_a_file_and_the_default(tmp_path):
    """Each layer is used only for settings that the layers before it do not have, and is the origin."""
    file = tmp_path / "server.toml"
    file.write_text('port = 1\nhost = "from-file"\nworkers = 3\n')

    settings = load_settings(
        {"port": 3, "host": None}, file, {"TELEMETRY_PORT": "2", "TELEMETRY_HOST": "from-env"}
    )

    assert (settings.port, settings.host, settings.workers) == (3, "from-env", 3)
    assert settings.origin_of("port") == "--port"
    assert settings.origin_of("host") == "TELEMETRY_HOST"
    assert settings.origin_of("workers") == str(file)
    assert settings.origin_of("max_body_bytes") == "default"


def test_the_variable_port_is_used_without_telemetry_port():
    """Platforms set PORT."""
    assert load_settings({}, None, {"PORT": "9000"}).port == 9000
    assert load_settings({}, None, {"PORT": "9000", "TELEMETRY_PORT": "9001"}).port == 9001


def test_an_empty_variable_counts_as_unset():
    """Containers unset a variable by making it empty."""
    assert load_settings({}, None, {"TELEMETRY_PORT": ""}).port == 8080


def test_the_revision_cache_is_in_the_data_root():
    """Unless it is set to another folder."""
    assert load_settings({"data_dir": "/srv/t"}, None, {}).revision_cache_dir == Path("/srv/t/specs")
    moved = load_settings({"data_dir": "/srv/t"}, None, {"TELEMETRY_REVISION_CACHE_DIR": "/var/cache/t"})
    assert moved.revision_cache_dir == Path("/var/cache/t")


def test_namespaces_are_a_list_in_a_file_and_comma_separated_in_a_variable(tmp_path):
    """Both give the same value."""
    file = tmp_path / "server.toml"
    file.write_text('namespaces = ["telemetry", "org-mozilla-fenix"]\n')

    from_file = load_settings({}, file, {}).namespaces
    from_variable = load_settings(
        {}, None, {"TELEMETRY_NAMESPACES": "telemetry, org-mozilla-fenix"}
    ).namespaces

    assert from_file == from_variable == ("telemetry", "org-mozilla-fenix")


def test_cors_origins_are_a_list_in_a_file_and_comma_separated_in_a_variable(tmp_path):
    """They become lower case, as browsers send them."""
    file = tmp_path / "server.toml"
    file.write_text('submit_cors_origins = ["https://App.example.org", "http://localhost:3000"]\n')
    variable = "https://app.example.org, http://localhost:3000"

    from_file = load_settings({}, file, {}).submit_cors_origins
    from_variable = load_settings({}, None, {"TELEMETRY_SUBMIT_CORS_ORIGINS": variable}).submit_cors_origins

    assert from_file == from_variable == ("https://app.example.org", "http://localhost:3000")
    assert load_settings({}, None, {}).submit_cors_origins == ()
    assert load_settings({}, None, {"TELEMETRY_SUBMIT_CORS_ORIGINS": "*"}).submit_cors_origins == ("*",)
    extension = "moz-extension://11111111-2222-4333-8444-555555555555"
    assert load_settings({"submit_cors_origins": [extension]}, None, {}).submit_cors_origins == (extension,)


@pytest.mark.parametrize(
    ("name", "value", "says"),
    [
        ("port", "true", "whole number"),
        ("port", "8080.0", "whole number"),
        ("port", "65536", "less than or equal"),
        ("port", "-1", "greater than or equal"),
        ("workers", "0", "greater than or equal"),
        ("workers", "two", "whole number"),
        ("max_body_bytes", "1 banana", "500MB or 64MiB"),
        ("max_body_bytes", "0.5", "500MB or 64MiB"),
        ("max_body_bytes", "-5", "500MB or 64MiB"),
        ("oversize_status", "200", "413 or 202"),
        ("revision_offline", "True", "true or false"),
        ("revision_offline", "1", "true or false"),
        ("require_registration", "yes", "true or false"),
        ("client_address", "kept", "'dropped' or 'truncated'"),
        ("unresolved_revision", "guess", "'quarantine' or 'self_described'"),
        ("header_timeout_seconds", "soon", "number of seconds"),
        ("header_timeout_seconds", "0", "greater than 0"),
        ("header_timeout_seconds", "nan", "number of seconds"),
        ("dedup_days", "-1", "number of days"),
        ("namespaces", "telemetry,../x", "is not a namespace"),
        ("submit_cors_origins", "app.example.org", "is not an origin"),
        ("submit_cors_origins", "https://app.example.org/", "is not an origin"),
        ("submit_cors_origins", "https://*.example.org", "is not an origin"),
        ("submit_cors_origins", "https://app.example.org:443", "default port"),
        ("submit_cors_origins", "https://a.example.org,", "is not an origin"),
        ("revision_server", "ftp://example.org", "URL like"),
        ("revision_server", "https://user:word@example.org", "URL like"),
        ("revision_server", "https://example.org:port", "URL like"),
        ("host", "\udcff", "valid string"),
        ("instance_name", "x" * 61, "at most 60 characters"),
        ("reports_port", "65536", "less than or equal to 65535"),
        ("fuel_signatures", "on", "'off', 'observe' or 'enforce'"),
    ],
)
def test_an_invalid_value_is_refused_with_its_name(name, value, says):
    """One line: the setting, its origin, and valid values."""
    variable = f"TELEMETRY_{name.upper()}"

    with pytest.raises(ConfigurationError) as refused:
        load_settings({}, None, {variable: value})

    text = str(refused.value)
    assert name in text
    assert variable in text
    assert says in text
    assert "\n" not in text


@pytest.mark.parametrize(
    "line",
    [
        *("port = true", "port = 80.5", "port = 1979-05-27", "host = 127", "host = ''"),
        *("revision_offline = 1", "data_dir = 5", "dedup_days = nan", "header_timeout_seconds = inf"),
    ],
)
def test_types_of_values_in_a_file_are_checked(tmp_path, line):
    """true is not 1, and a number is not a text."""
    file = tmp_path / "server.toml"
    file.write_text(line)

    with pytest.raises(ConfigurationError, match=line.split()[0]):
        load_settings({}, file, {})


@pytest.mark.parametrize(
    ("wrong", "nearest"),
    [("prot", "port"), ("max_body", "max_body_bytes"), ("worker", "workers"), ("dedupe_days", "dedup_days")],
)
def test_an_unknown_name_is_refused_with_the_nearest_known_one(tmp_path, wrong, nearest):
    """In a file and in the environment."""
    file = tmp_path / "server.toml"
    file.write_text(f"{wrong} = 1\n")

    for config_file, environ in ((file, {}), (None, {f"TELEMETRY_{wrong.upper()}": "1"})):
        with pytest.raises(ConfigurationError, match=f"did you mean {nearest}"):
            load_settings({}, config_file, environ)


@pytest.mark.parametrize("content", [b"port = ", b"\xff\xfe", None])
def test_a_file_that_cannot_be_read_is_a_configuration_error(tmp_path, content):
    """Invalid TOML, invalid UTF-8, or a missing file: one line that names the file."""
    file = tmp_path / "server.toml"
    if content is not None:
        file.write_bytes(content)

    with pytest.raises(ConfigurationError, match=r"server\.toml"):
        load_settings({}, file, {})


@pytest.mark.parametrize(
    ("written", "expected"),
    [("500MB", 500_000_000), ("64MiB", 64 * 2**20), ("1 GiB", GIBIBYTE), ("1.5kB", 1500), ("2048", 2048)],
)
def test_sizes_may_have_units(written, expected):
    """MB is a power of 1000, MiB a power of 1024."""
    assert size_bytes(written) == expected


@pytest.mark.parametrize(
    ("written", "expected"),
    [("5m", 300), ("500ms", 0.5), ("1h30m", 5400), ("2d", 172_800), ("7", 7), (2.5, 2.5)],
)
def test_durations_may_have_units(written, expected):
    """A bare number is in seconds."""
    assert duration_seconds(written) == expected


def test_days_may_be_written_as_hours():
    """A bare number is in days."""
    assert (duration_days("36h"), duration_days("7"), duration_days("7d")) == (1.5, 7, 7)


@given(st.integers(0, 2**50), st.sampled_from(["", "B", "kB", "KB", "MiB", "GB", "TiB"]))
def test_a_size_in_digits_is_exact(number, unit):
    """It is not rounded."""
    plain = size_bytes(f"1{unit}")

    assert size_bytes(f"{number}{unit}") == number * plain


@given(st.text(string.printable, max_size=12))
def test_a_size_is_a_whole_number_or_refused(text):
    """For any text."""
    try:
        size = size_bytes(text)
    except ValueError:
        return
    assert type(size) is int
    assert size >= 0


@given(st.text(max_size=30))
def test_a_suggestion_is_a_known_setting(name):
    assert nearest(name, SETTING_NAMES) in (None, *SETTING_NAMES)


@pytest.mark.parametrize("wrong", ["frobnicate", "x", "colour", "sql"])
def test_an_unknown_name_without_similar_settings_gets_no_suggestion(wrong):
    with pytest.raises(ConfigurationError, match="is not a setting") as refused:
        load_settings({}, None, {f"TELEMETRY_{wrong.upper()}": "1"})

    assert "did you mean" not in str(refused.value)
    assert "config show" in str(refused.value)


def test_min_free_bytes_depends_on_the_disk_unless_it_is_set():
    """A number from the operator is not changed."""
    assert load_settings({}, None, {}).min_free_bytes is None
    assert load_settings({"min_free_bytes": "3GB"}, None, {}).min_free_bytes == 3_000_000_000


def test_settings_are_frozen():
    """They are read once."""
    with pytest.raises(FrozenInstanceError):
        load_settings({}, None, {}).port = 1  # type: ignore[misc]
