"""Failure reports as settings want them: the key of contacts, sinks of messages, and what support reads."""

from pathlib import Path
from typing import TYPE_CHECKING

from telemetry_server.composition.reports import reports_url
from telemetry_server.settings.errors import ConfigurationError
from telemetry_server.settings.settings import Settings

if TYPE_CHECKING:
    from telemetry_server.fuel.contacts.contact_keys import ContactKeyFile
    from telemetry_server.fuel.notifications.sink import Sink
    from telemetry_server.fuel.support.archive import FailureArchive

KEY_SUFFIX = ".fuel-contact-key"  # of the default file, beside the data root
TURN_SECONDS = 1.0


def contact_key_path(settings: Settings) -> Path:
    """
    Return the path of the key file.

    Raises:
        ConfigurationError: It is in the data root: a copy of that must not hold the key with it.
    """
    root = settings.data_dir.resolve()
    if settings.fuel_contact_key_file is None:
        return root.with_name(root.name + KEY_SUFFIX)
    path = settings.fuel_contact_key_file.resolve()
    if path.is_relative_to(root):
        raise ConfigurationError(
            f"fuel_contact_key_file: {path} is in the data root: name a file outside of it"
        )
    return path


def contact_keys(settings: Settings) -> "ContactKeyFile":
    """Return the key file; it is created at the first failure report."""
    from telemetry_server.fuel.contacts.contact_keys import ContactKeyFile

    return ContactKeyFile(contact_key_path(settings), creates=True)


def check_failure_settings(settings: Settings) -> None:
    """
    Check the key file that a setting names, and the sinks.

    Raises:
        ConfigurationError: One of them is wrong.
    """
    from telemetry_server.fuel.contacts.contact_keys import BadContactKeys, read_contact_keys

    path = contact_key_path(settings)
    try:
        if path.exists():
            read_contact_keys(path)
    except BadContactKeys as error:
        raise ConfigurationError(f"fuel_contact_key_file: {error}") from None
    if settings.fuel_contact_key_file is not None and not path.parent.is_dir():
        raise ConfigurationError(f"fuel_contact_key_file: the folder {path.parent} does not exist; make it")
    sinks_of(settings)


def sinks_of(settings: Settings) -> "list[Sink]":
    """
    Return the sinks of ``fuel_notify``.

    Raises:
        ConfigurationError: A value names none; the text holds no password.
    """
    from telemetry_server.fuel.notifications.sink import BadSink, sink_of

    found = []
    for number, text in enumerate(settings.fuel_notify, 1):
        try:
            found.append(sink_of(text))
        except BadSink as error:
            raise ConfigurationError(f"fuel_notify: sink {number}: {error}") from None
    return found


def run_notifier(settings: Settings, lifeline_fd: int) -> int:
    """Deliver messages in this process; return its exit status."""
    from telemetry_server.composition.fuel import collector_url
    from telemetry_server.fuel.housekeeping.turns import take_turns
    from telemetry_server.fuel.notifications.notifier import Notifier, NotifierOptions

    port = settings.reports_port
    options = NotifierOptions(
        collector_url(settings),
        contact_key_path(settings),
        sinks_of(settings),
        settings.instance_name,
        reports_url(settings, port) if port else "",
    )
    return take_turns(Notifier(options), TURN_SECONDS, lifeline_fd, lambda: None)


def failure_archive(settings: Settings) -> "FailureArchive | None":
    """Return what support reads; None where no failure reports are taken."""
    if not settings.fuel:
        return None
    from telemetry_server.composition.fuel import collector_url, need_the_extra
    from telemetry_server.fuel.support.archive import FailureArchive

    need_the_extra()
    return FailureArchive(collector_url(settings), contact_key_path(settings))
