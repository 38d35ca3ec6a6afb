"""The actions of ``telemetry-server fuel`` for failure reports: messages to support, and contacts."""

import argparse
from datetime import UTC, datetime

from telemetry_server.cli.exit_status import ExitStatus
from telemetry_server.settings.settings import Settings
from telemetry_server.terminal.output import print_json, print_table, print_text

MAX_LISTED = 1000


def add_failure_actions(actions: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the actions."""
    messages = actions.add_parser("messages", help="list messages about failures that were not delivered")
    messages.add_argument("--retry", action="store_true", help="try those again that were given up")
    removing = actions.add_parser("remove-contacts", help="remove the contacts of one installation")
    removing.add_argument("uid", metavar="UID", help="its master_node_uid")


def list_messages(args: argparse.Namespace, settings: Settings) -> int:
    """List open messages, or try those again that were given up."""
    from telemetry_server.composition.fuel import opened_collector
    from telemetry_server.fuel.database.outbox import open_messages, try_given_up_again

    with opened_collector(settings) as database:
        if args.retry:
            now = datetime.now(UTC)
            number = database.write(lambda connection: try_given_up_again(connection, now))
            print_json({"tried_again": number}) if args.json else print_text(f"{number:,} are tried again")
            return ExitStatus.DONE
        found = database.read(lambda connection: open_messages(connection, MAX_LISTED))
    if args.json:
        print_json(found)
    else:
        names = ("created_at", "kind", "master_node_uid", "state", "times", "sink", "failures", "last_error")
        print_table(names, [["-" if row[name] is None else row[name] for name in names] for row in found])
    return ExitStatus.DONE


def remove_contacts(args: argparse.Namespace, settings: Settings) -> int:
    """Remove the contacts of an installation."""
    from telemetry_server.composition.fuel import opened_collector
    from telemetry_server.fuel.database.contacts import remove_contacts_of

    with opened_collector(settings) as database:
        number = database.write(lambda connection: remove_contacts_of(connection, args.uid))
    print_json({"removed": number}) if args.json else print_text(f"{number:,} contacts were removed")
    return ExitStatus.DONE
