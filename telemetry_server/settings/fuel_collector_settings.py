"""Settings of the Fuel collector; a part of the table of settings."""

from dataclasses import dataclass
from pathlib import Path

from telemetry_server.settings.fields import setting
from telemetry_server.settings.limits import within, word_of
from telemetry_server.settings.value_types import (
    MEBIBYTE,
    FuelSignatures,
    database_url,
    file_path,
    hours_or_off,
    size_bytes,
    true_or_false,
)


@dataclass(frozen=True, init=False, repr=False, eq=False)
class FuelCollectorSettings:
    """Whether Fuel-stat senders are answered, and where their documents are kept."""

    fuel: bool = setting(
        False, "Answer Fuel-stat senders at `/api/v1/`; needs the extra `fuel`.", true_or_false
    )
    fuel_database_url: str = setting(
        "",
        "Database of the Fuel collector: `sqlite:///FILE` or "
        "`postgresql+psycopg://USER@HOST/NAME`; default: `state/fuel.sqlite` in the data root.",
        database_url,
    )
    fuel_read_database_url: str = setting(
        "", "A streaming replica of that database, for backups and reports.  Empty: none.", database_url
    )
    fuel_analytics_database_url: str = setting(
        "",
        "Database of the Fuel reports, in the same form; default: `state/fuel-analytics.sqlite` "
        "in the data root.",
        database_url,
    )
    fuel_max_body_bytes: int = setting(
        8 * MEBIBYTE, "Largest body of a Fuel request, as sent and inflated.", within(size_bytes, 1, 2**31)
    )
    fuel_signatures: FuelSignatures = setting(
        FuelSignatures.OFF,
        "Signatures of Fuel requests: `off`, `observe` (counted), or `enforce` (401 without a right one).",
        word_of(FuelSignatures),
    )
    fuel_check_responses: bool = setting(
        False, "Check every answer to a Fuel request against its schema, for tests.", true_or_false
    )
    fuel_builds_file: Path | None = setting(
        None, "JSON file of the builds that Fuel reports count, by release.  None: all.", file_path
    )
    fuel_backup_hours: float = setting(
        0.0,
        "Hours between backups of the Fuel collector's database into `backups/` of the data "
        "root; `off` or 0 makes none.",
        within(hours_or_off, 0, 8760),
    )
