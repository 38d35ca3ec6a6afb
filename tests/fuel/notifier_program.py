"""A notifier in a process of its own, without limits of messages and with short pauses: to be killed."""

import sys
from pathlib import Path

from telemetry_server.fuel.database.outbox import MessageLimits
from telemetry_server.fuel.housekeeping.turns import take_turns
from telemetry_server.fuel.notifications import notifier
from telemetry_server.fuel.notifications.sink import sink_of
from telemetry_server.observability import logs

NO_LIMITS = MessageLimits(of_installation=10**6, in_all=10**6)


def main() -> None:
    """Deliver the messages of a database to sinks: URL, key file, sinks."""
    url, key_file, *sinks = sys.argv[1:]
    logs.configure(human=None)
    notifier.RETRY_SECONDS = (0.2,) * 10_000
    options = notifier.NotifierOptions(
        url, Path(key_file), [sink_of(text) for text in sinks], limits=NO_LIMITS
    )
    take_turns(notifier.Notifier(options), 0.05, -1, lambda: None)


main()
