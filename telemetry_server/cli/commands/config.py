"""``config``: prints the settings in force and where each comes from, or checks them."""

import argparse
import os
import re
from enum import Enum
from pathlib import Path
from typing import Any

from telemetry_server.cli.exit_status import ExitStatus
from telemetry_server.cli.shared_options import add_json_option, add_settings_options, settings_of
from telemetry_server.composition.setting_files import check_files
from telemetry_server.settings.errors import ConfigurationError
from telemetry_server.settings.settings import SETTING_NAMES, Settings
from telemetry_server.terminal.output import print_json, print_table, print_text

EPILOG = """\
A flag overrides the environment variable TELEMETRY_<NAME>, which overrides
--config FILE (TOML), which overrides the default.

examples:
  telemetry-server config show --origin
  telemetry-server config check --config /etc/telemetry-server.toml
"""
_PASSWORD = re.compile(r"(://[^/@:\s]*):[^/@\s]*@")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of ``config``."""
    parser.add_argument(
        "what",
        choices=["show", "check"],
        metavar="show|check",
        help="print the settings, or only check that they are valid",
    )
    parser.add_argument("--origin", action="store_true", help="also print where each value comes from")
    add_settings_options(parser)
    add_json_option(parser)


def plain(value: Any) -> Any:
    """Return a setting's value in a form that JSON has."""
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, Path):
        return str(value)
    if isinstance(value, tuple):
        return [each if isinstance(each, str) else str(each) for each in value]
    return value


def run(args: argparse.Namespace) -> int:
    """
    Print the settings, or check them.

    Raises:
        ConfigurationError: A setting is not valid, or a file or port that it names cannot be used.
    """
    settings = settings_of(args)
    if args.what == "check":
        from telemetry_server.composition.elsewhere import check_elsewhere
        from telemetry_server.composition.fuel import check_fuel
        from telemetry_server.composition.listeners import check_ports

        check_files(settings)
        check_ports(settings)
        _check_data_dir(settings)
        check_fuel(settings)
        check_elsewhere(settings)
        if args.json:
            print_json({"ok": True})
        else:
            print_text("the settings are valid")
        return ExitStatus.DONE
    values = {name: _masked(plain(getattr(settings, name))) for name in SETTING_NAMES}
    if args.json:
        _print_json(settings, values, args.origin)
    else:
        headings = ("setting", "value", *(("from",) if args.origin else ()))
        rows = [
            (name, _shown(value), *((settings.origin_of(name),) if args.origin else ()))
            for name, value in values.items()
        ]
        print_table(headings, rows)
    return ExitStatus.DONE


def _masked(value: Any) -> Any:
    """Return *value* without the passwords that URLs may hold."""
    if isinstance(value, list):
        return [_masked(part) for part in value]
    return _PASSWORD.sub(r"\1:***@", value) if isinstance(value, str) else value


def _check_data_dir(settings: Settings) -> None:
    """Raise `ConfigurationError` if `serve` could not create or use the data root."""
    wanted = settings.data_dir.absolute()
    present = next(path for path in (wanted, *wanted.parents) if path.exists())
    trouble = None
    if not present.is_dir():
        trouble = f"{present} is not a folder"
    elif not os.access(present, os.R_OK | os.W_OK | os.X_OK):
        trouble = f"{present} is not writable for this user"
    if trouble is not None:
        raise ConfigurationError(f"data_dir (from {settings.origin_of('data_dir')}): {trouble}")


def _print_json(settings: Settings, values: dict[str, Any], with_origin: bool) -> None:
    if with_origin:
        print_json(
            {name: {"value": value, "origin": settings.origin_of(name)} for name, value in values.items()}
        )
    else:
        print_json(values)


def _shown(value: Any) -> str:
    if value is None:
        return "-"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list):
        return ",".join(value) or "-"
    if isinstance(value, float):
        return f"{value:g}"
    return str(value)
