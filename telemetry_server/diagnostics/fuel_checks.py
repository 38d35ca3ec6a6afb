"""Checks of the Fuel collector: its database, the key of contacts, and messages that were given up."""

import os
import stat
from collections.abc import Iterator
from contextlib import closing

from telemetry_server.diagnostics.finding import Finding
from telemetry_server.settings.errors import ConfigurationError
from telemetry_server.settings.settings import Settings

CHECK = "fuel"


def fuel_collector(settings: Settings) -> Iterator[Finding]:
    """Check what the collector needs; yields nothing without a collector."""
    if not settings.fuel:
        return
    from telemetry_server.composition.fuel import check_fuel

    try:
        check_fuel(settings)
    except ConfigurationError as error:
        yield Finding(CHECK, False, str(error), "correct it, then run telemetry-server config check")
        return
    yield from _contact_key(settings)
    yield from _messages(settings)


def _contact_key(settings: Settings) -> Iterator[Finding]:
    from telemetry_server.composition.fuel_failures import contact_key_path

    path = contact_key_path(settings)
    if path.exists():
        if stat.S_IMODE(path.stat().st_mode) & 0o077:
            detail = f"the key of contacts {path} can be read by other users of this machine"
            yield Finding(CHECK, False, detail, f"chmod 600 {path}")
        else:
            yield Finding(CHECK, True, f"key of contacts: {path}")
    elif os.access(path.parent, os.W_OK):
        yield Finding(CHECK, True, f"key of contacts: {path} (created at the first failure report)")
    else:
        detail = f"failure reports are refused: {path} does not exist and cannot be created"
        yield Finding(CHECK, False, detail, "set fuel_contact_key_file to a file that the server may write")


def _messages(settings: Settings) -> Iterator[Finding]:
    from telemetry_server.composition.fuel import collector_url
    from telemetry_server.fuel.database.collector_database import CollectorDatabase
    from telemetry_server.fuel.database.errors import FuelDatabaseError
    from telemetry_server.fuel.database.outbox import count_messages

    try:
        with closing(CollectorDatabase(collector_url(settings), connections=1, only_reads=True)) as database:
            counts = database.read(count_messages)
    except FuelDatabaseError as error:
        yield Finding(
            CHECK, False, f"the database is away: {error}", "start it, or run telemetry-server fuel migrate"
        )
        return
    if counts.given_up:
        yield Finding(
            CHECK,
            False,
            f"{counts.given_up:,} messages about failures were given up after all retries",
            "mend the sink (telemetry-server fuel messages), then: telemetry-server fuel messages --retry",
        )
    if counts.open and not settings.fuel_notify:
        yield Finding(
            CHECK,
            False,
            f"{counts.open:,} messages about failures wait, and fuel_notify names no sink",
            "set fuel_notify to smtp://…, https://… or file:PATH",
        )
    if not counts.given_up and (settings.fuel_notify or not counts.open):
        yield Finding(CHECK, True, f"{counts.open:,} messages about failures wait, none was given up")
