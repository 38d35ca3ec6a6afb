"""``telemetry-server tokens``: bearer tokens for the API."""

import argparse
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from telemetry_server.cli.commands.users import ROLES
from telemetry_server.cli.exit_status import ExitStatus
from telemetry_server.cli.shared_options import add_json_option, add_settings_options, settings_of
from telemetry_server.terminal.output import print_json, print_table, say

if TYPE_CHECKING:
    from telemetry_server.access.entries import AccessList

EPILOG = """\
examples:
  telemetry-server tokens create --role viewer --expires 90d
  telemetry-server tokens list --json
  telemetry-server tokens revoke 0f3a5b7c9d1e

create prints the token alone, once: only its hash is stored.  Programs send it as
"Authorization: Bearer TOKEN" (docs/access.md).

exit status: 1 if the id is unknown (revoke)"""


def _time_span(text: str) -> timedelta:
    from telemetry_server.access.time_spans import BadTimeSpan, time_span

    try:
        return time_span(text)
    except BadTimeSpan as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add ``create``, ``list`` and ``revoke``."""
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    create = actions.add_parser("create", help="make a token and print it")
    create.add_argument("--role", choices=ROLES, required=True)
    create.add_argument(
        "--expires", type=_time_span, metavar="90d", help="how long it is valid (default: until revoked)"
    )
    add_settings_options(create)
    listing = actions.add_parser("list", help="list the tokens, without their secrets")
    add_json_option(listing)
    add_settings_options(listing)
    revoke = actions.add_parser("revoke", help="revoke a token at once")
    revoke.add_argument("id", metavar="ID")
    add_settings_options(revoke)


def run(args: argparse.Namespace) -> int:
    """Create, list or revoke tokens."""
    return {"create": _create, "list": _list, "revoke": _revoke}[args.action](args)


def _create(args: argparse.Namespace) -> int:
    from dataclasses import replace

    from telemetry_server.access.access_file import AccessFile
    from telemetry_server.access.bearer_tokens import new_token
    from telemetry_server.access.roles import Role
    from telemetry_server.composition.data_root import prepare_data_root

    now = datetime.now(UTC)
    token, text = new_token(Role(args.role), now, args.expires and now + args.expires)

    def added(before: "AccessList") -> "AccessList":
        return replace(before, tokens=(*before.tokens, token))

    AccessFile(prepare_data_root(settings_of(args))).change(added)
    print(text)
    return ExitStatus.DONE


def _list(args: argparse.Namespace) -> int:
    from telemetry_server.access.access_file import AccessFile
    from telemetry_server.composition.data_root import existing_data_root

    names = ("id", "role", "created", "expires")
    rows = [
        (
            token.id,
            token.role.value,
            token.created.isoformat(timespec="seconds"),
            token.expires and token.expires.isoformat(timespec="seconds"),
        )
        for token in AccessFile(existing_data_root(settings_of(args))).read().tokens
    ]
    if args.json:
        print_json([dict(zip(names, row, strict=True)) for row in rows])
    else:
        print_table(names, [[cell or "never" for cell in row] for row in rows])
    return ExitStatus.DONE


def _revoke(args: argparse.Namespace) -> int:
    from dataclasses import replace

    from telemetry_server.access.access_file import AccessFile
    from telemetry_server.composition.data_root import writable_data_root

    file = AccessFile(writable_data_root(settings_of(args)))
    if file.read().token(args.id) is None:
        say(f"telemetry-server tokens: token {args.id} does not exist; see telemetry-server tokens list")
        return ExitStatus.FINDINGS

    def revoked(before: "AccessList") -> "AccessList":
        return replace(before, tokens=tuple(token for token in before.tokens if token.id != args.id))

    file.change(revoked)
    say(f"token {args.id} revoked")
    return ExitStatus.DONE
