"""Loads the settings of a command: flags override the environment, the file, and the defaults."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from telemetry_server.settings.errors import ConfigurationError
from telemetry_server.settings.fields import parsers
from telemetry_server.settings.nearest_name import did_you_mean
from telemetry_server.settings.settings import DATA_DIR, SETTING_NAMES, SPECS, Settings

PREFIX = "TELEMETRY_"
# Flags that are not called like the setting that they give.
OTHER_FLAGS = {
    "data_dir": "--data",
    "pull_from": "--from",
    "queue_message": "--message",
    "queue_path_template": "--path-template",
    "reports_host": "--host",
    "reports_port": "--port",
}
# Not a setting: `cli/main.py` reads it before the settings are loaded.
NOT_SETTINGS = frozenset({"TELEMETRY_TRACEBACK"})


class _Layer:
    """The settings from one place, each with the name of that place for messages."""

    def __init__(self, values: Mapping[str, Any], origins: Mapping[str, str]) -> None:
        self.values = dict(values)
        self.origins = dict(origins)


def _refuse_unknown(names: Mapping[str, str]) -> None:
    """Raise for the first unknown setting in *names* (setting name to its spelling by the user)."""
    for name, written in names.items():
        if name not in SETTING_NAMES:
            raise ConfigurationError(
                f"{written} is not a setting{did_you_mean(name, SETTING_NAMES)} "
                "(telemetry-server config show lists them all)"
            )


def _flag_layer(flags: Mapping[str, object]) -> _Layer:
    given = {name: value for name, value in flags.items() if value is not None}
    origins = {name: OTHER_FLAGS.get(name, f"--{name.replace('_', '-')}") for name in given}
    _refuse_unknown(origins)
    return _Layer(given, origins)


def _environment_layer(environ: Mapping[str, str]) -> _Layer:
    """Return settings from environment variables.  Empty ones count as unset: containers unset them so."""
    written = {
        variable.removeprefix(PREFIX).lower(): variable
        for variable, value in environ.items()
        if variable.startswith(PREFIX) and variable not in NOT_SETTINGS and value.strip()
    }
    _refuse_unknown(written)
    if "port" not in written and environ.get("PORT", "").strip():
        written["port"] = "PORT"
    if "reports_port" not in written and environ.get("REPORTS_PORT", "").strip():
        written["reports_port"] = "REPORTS_PORT"
    return _Layer({name: environ[variable] for name, variable in written.items()}, written)


def _file_layer(config_file: Path | None) -> _Layer:
    if config_file is None:
        return _Layer({}, {})
    import tomllib

    try:
        values = tomllib.loads(config_file.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigurationError(f"cannot read {config_file}: {error.strerror or error}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"{config_file} is not TOML: {error}") from error
    _refuse_unknown({name: f"{name} in {config_file}" for name in values})
    return _Layer(values, {name: str(config_file) for name in values})


def load_settings(
    flags: Mapping[str, object], config_file: Path | None, environ: Mapping[str, str]
) -> Settings:
    """
    Load and check the settings in force.

    Args:
        flags: Flag values by setting name; None where a flag was not given.
        config_file: The TOML file that ``--config`` names, if any.
        environ: Usually ``os.environ``.

    Raises:
        ConfigurationError: A setting is unknown or not valid; the text names it and where it was given.
    """
    layers = (_flag_layer(flags), _environment_layer(environ), _file_layer(config_file))
    values: dict[str, Any] = {}
    origins: dict[str, str] = {}
    for layer in reversed(layers):
        values |= layer.values
        origins |= layer.origins
    checked: dict[str, Any] = {}
    for name, parse in parsers(Settings).items():
        if name in values:
            try:
                checked[name] = parse(values[name])
            except ValueError as error:
                reason = str(error)
                text = f"{name} (from {origins[name]}): {reason[:1].lower()}{reason[1:]}"
                raise ConfigurationError(" ".join(text.split())) from None
    checked.setdefault("revision_cache_dir", checked.get("data_dir", DATA_DIR) / SPECS)
    return Settings(**checked, origins=origins)
