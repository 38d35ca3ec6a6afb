"""Options that several commands share, and the settings made from them."""

import argparse
import os
from pathlib import Path

from telemetry_server.settings.loader import load_settings
from telemetry_server.settings.settings import SETTING_NAMES, Settings


def add_settings_options(parser: argparse.ArgumentParser) -> None:
    """Add ``--data`` and ``--config``, for every command that touches data."""
    parser.add_argument("--data", dest="data_dir", metavar="DIR", help="the data root (default: ./data)")
    parser.add_argument("--config", type=Path, metavar="FILE", help="settings, as TOML")


def add_tls_options(parser: argparse.ArgumentParser) -> None:
    """Add ``--tls-certificate`` and ``--tls-key``, for commands that need the server's address."""
    parser.add_argument(
        "--tls-certificate",
        metavar="FILE",
        help="PEM file of the certificate; the server then accepts TLS only",
    )
    parser.add_argument("--tls-key", metavar="FILE", help="PEM file of the certificate's key")


def add_json_option(parser: argparse.ArgumentParser) -> None:
    """Add ``--json``, for every command that prints a result."""
    parser.add_argument("--json", action="store_true", help="print the result as JSON")


def settings_of(args: argparse.Namespace) -> Settings:
    """
    Return the settings in force; an argument with the name of a setting overrides it.

    Raises:
        ConfigurationError: A setting is not valid.
    """
    flags = {name: value for name, value in vars(args).items() if name in SETTING_NAMES}
    return load_settings(flags, getattr(args, "config", None), os.environ)
