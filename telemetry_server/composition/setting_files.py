"""Checks the files and folders that settings name."""

import os
from pathlib import Path

from telemetry_server.composition.conversion import setup_of
from telemetry_server.composition.listeners import check_certificate
from telemetry_server.settings.errors import ConfigurationError
from telemetry_server.settings.settings import Settings


def check_files(settings: Settings) -> None:
    """
    Check that the files and folders that the settings name exist and are valid.

    Raises:
        ConfigurationError: One of them is missing, unreadable or not valid.
    """
    for name in ("partition_schema", "stores_file", "rules_file", "schemas_dir", "geo_database"):
        path: Path | None = getattr(settings, name)
        if path is None:
            continue
        wanted = path.is_dir() if name == "schemas_dir" else path.is_file()
        if not wanted or not os.access(path, os.R_OK):
            kind = "folder" if name == "schemas_dir" else "file"
            raise ConfigurationError(f"{name} (from {settings.origin_of(name)}): no readable {kind} {path}")
    check_certificate(settings)
    setup_of(settings)
