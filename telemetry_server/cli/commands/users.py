"""``telemetry-server users``: who may sign in to the reports."""

import argparse
import sys
from datetime import UTC, datetime
from getpass import getpass
from typing import TYPE_CHECKING

from telemetry_server.cli.exit_status import ExitStatus
from telemetry_server.cli.shared_options import add_json_option, add_settings_options, settings_of
from telemetry_server.terminal.output import print_json, print_table, say

if TYPE_CHECKING:
    from telemetry_server.access.access_file import AccessFile
    from telemetry_server.access.entries import AccessList

ROLES = ("viewer", "analyst", "support", "admin")
EPILOG = """\
examples:
  telemetry-server users add alice --role analyst
  telemetry-server users list
  telemetry-server users remove alice

Roles: viewer sees counts, definitions and status; analyst also records, bodies and SQL; support also
contacts and failure reports; admin sees all (docs/access.md).  A running server reads changes at once.

exit status: 1 if the name is taken (add) or unknown (remove)"""


class _NoPassword(Exception):
    """The password is missing.  One line."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add ``add``, ``list`` and ``remove``."""
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    add = actions.add_parser("add", help="add a user; asks for the password")
    add.add_argument("name", metavar="NAME")
    add.add_argument("--role", choices=ROLES, required=True)
    add.add_argument(
        "--password-stdin", action="store_true", help="read the password from the first line of stdin"
    )
    add_settings_options(add)
    listing = actions.add_parser("list", help="list the users")
    add_json_option(listing)
    add_settings_options(listing)
    remove = actions.add_parser("remove", help="remove a user; open sessions of it end at once")
    remove.add_argument("name", metavar="NAME")
    add_settings_options(remove)


def run(args: argparse.Namespace) -> int:
    """Add, list or remove users."""
    from telemetry_server.access.user_names import BadUserName

    try:
        return {"add": _add, "list": _list, "remove": _remove}[args.action](args)
    except (_NoPassword, BadUserName) as error:
        say(f"telemetry-server users: {error}")
        return ExitStatus.USAGE


def _file_for_writing(args: argparse.Namespace) -> "AccessFile":
    from telemetry_server.access.access_file import AccessFile
    from telemetry_server.composition.data_root import prepare_data_root

    return AccessFile(prepare_data_root(settings_of(args)))


def _add(args: argparse.Namespace) -> int:
    from dataclasses import replace

    from telemetry_server.access.entries import User
    from telemetry_server.access.passwords import hash_of
    from telemetry_server.access.roles import Role
    from telemetry_server.access.user_names import user_name

    name = user_name(args.name)
    file = _file_for_writing(args)
    if file.read().user(name) is not None:
        return _is_taken(name)
    password = _password_from_stdin() if args.password_stdin else _asked_password(name)
    user = User(name, Role(args.role), hash_of(password), datetime.now(UTC))

    def added(before: "AccessList") -> "AccessList":
        if before.user(name) is not None:
            return before
        return replace(before, users=(*before.users, user))

    if file.change(added).user(name) != user:
        return _is_taken(name)
    say(f"user {name} added, role {args.role}")
    return ExitStatus.DONE


def _is_taken(name: str) -> int:
    say(
        f"telemetry-server users: there is a user {name} already; to change role or password, remove it first"
    )
    return ExitStatus.FINDINGS


def _password_from_stdin() -> str:
    try:
        password = sys.stdin.readline().rstrip("\r\n")
    except UnicodeDecodeError:
        raise _NoPassword("the password is not UTF-8") from None
    if not password:
        raise _NoPassword("the first line of stdin is empty; it must be the password")
    return _usable(password)


def _asked_password(name: str) -> str:
    if not sys.stdin.isatty():
        raise _NoPassword("stdin is not a terminal; give the password with --password-stdin")
    password = getpass(f"Password of {name}: ")
    if not password:
        raise _NoPassword("the password is empty")
    if getpass("The same again: ") != password:
        raise _NoPassword("the two passwords differ")
    return _usable(password)


def _usable(password: str) -> str:
    from telemetry_server.access.passwords import MAX_PASSWORD

    if len(password) > MAX_PASSWORD:
        raise _NoPassword(f"the password has more than {MAX_PASSWORD} characters")
    return password


def _list(args: argparse.Namespace) -> int:
    from telemetry_server.access.access_file import AccessFile
    from telemetry_server.composition.data_root import existing_data_root

    users = AccessFile(existing_data_root(settings_of(args))).read().users
    rows = [(user.name, user.role.value, user.created.isoformat(timespec="seconds")) for user in users]
    if args.json:
        print_json([dict(zip(("name", "role", "created"), row, strict=True)) for row in rows])
    else:
        print_table(("name", "role", "created"), rows)
    return ExitStatus.DONE


def _remove(args: argparse.Namespace) -> int:
    from dataclasses import replace

    from telemetry_server.access.access_file import AccessFile
    from telemetry_server.composition.data_root import writable_data_root

    file = AccessFile(writable_data_root(settings_of(args)))
    if file.read().user(args.name) is None:
        say(f"telemetry-server users: user {args.name} does not exist; see telemetry-server users list")
        return ExitStatus.FINDINGS

    def removed(before: "AccessList") -> "AccessList":
        return replace(before, users=tuple(user for user in before.users if user.name != args.name))

    file.change(removed)
    say(f"user {args.name} removed")
    return ExitStatus.DONE
