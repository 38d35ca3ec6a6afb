"""``telemetry-server forget``: deletes everything of clients and documents, and proves that it is gone."""

import argparse
from pathlib import Path
from shlex import quote
from typing import TYPE_CHECKING, Any

from telemetry_server.cli.exit_status import ExitStatus
from telemetry_server.cli.shared_options import add_json_option, add_settings_options, settings_of
from telemetry_server.terminal.client_text import shown
from telemetry_server.terminal.output import print_json, print_table, print_text, say

if TYPE_CHECKING:
    from telemetry_server.privacy.forget_report import Report

EPILOG = """\
examples:
  telemetry-server forget --data ./data --client 1fb8a7a3-27ef-4b1d-9b9a-8f2f8a3b9a11
  telemetry-server forget --data ./data --orders --dry-run

It deletes everything that has one of the document ids, or contains one of the client ids anywhere.  The
identifier of a Fuel installation counts as a client id.  A ping that only mentions a document id stays, and
the last scan finds it; --client with that id deletes it too.  A line of --file is a client id, or "document"
and an id.  A run that was killed is finished by the next one.

exit status: 0 if nothing of them is left, 1 if the last scan found one of them or of the clients that earlier
runs deleted, 5 if a later run must go on"""
OUT_OF_REACH = (
    "backups, also those in backups/ of the data root",
    "brokers that submissions came from or went to",
    "files that were exported, and messages that were sent",
)


class BadOrders(Exception):
    """A line of the file is not an order.  One line."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of ``forget``."""
    chosen = parser.add_mutually_exclusive_group(required=True)
    chosen.add_argument("--client", nargs="+", metavar="ID", help="delete all data of these clients")
    chosen.add_argument("--document", nargs="+", metavar="ID", help="delete these pings")
    chosen.add_argument(
        "--file", type=Path, metavar="FILE", help='a client id, or "document ID", in each line'
    )
    chosen.add_argument(
        "--orders", action="store_true", help="carry out all deletion requests now, without their delay"
    )
    parser.add_argument("--dry-run", action="store_true", help="show what would be deleted; change nothing")
    add_json_option(parser)
    add_settings_options(parser)


def run(args: argparse.Namespace) -> int:
    """Delete, scan, and print what went; 1 if the scan found an id, 5 if something is left for later."""
    from telemetry_server.composition.data_root import writable_data_root
    from telemetry_server.composition.deletion import forgetter_of

    try:
        clients, documents = _ids_of(args)
    except OSError as error:
        say(f"telemetry-server forget: {args.file}: {error.strerror}")
        return ExitStatus.BAD_INPUT
    except BadOrders as error:
        say(f"telemetry-server forget: {error}")
        return ExitStatus.USAGE if args.file is None else ExitStatus.BAD_INPUT
    settings = settings_of(args)
    writable_data_root(settings)
    forgetter = forgetter_of(settings, lambda step: say(f"forget: {step}"))
    _say_ids_for_fuel_only(clients)
    if args.dry_run:
        _print(forgetter.preview(clients, documents, orders=args.orders), args)
        return ExitStatus.DONE
    report = forgetter.carry_out() if args.orders else forgetter.forget(clients, documents)
    say("forget: scanning every byte of the data root")
    report.scan = forgetter.scan(report.orders)
    _print(report, args)
    if report.scan.earlier_hits:
        files = len(report.scan.earlier_hits)
        say(
            f"forget: {files:,} file{'' if files == 1 else 's'} with ids of documents that earlier runs"
            f" deleted, such as {min(report.scan.earlier_hits)}; the exit status does not depend on them"
        )
    if report.scan.hits and not report.left:
        say(
            "forget: the files that the scan names still hold deleted ids: other pings mention them,"
            " or came during this run"
        )
        if documents:
            command = f"telemetry-server forget --data {quote(str(settings.data_dir))} --client ID"
            say(
                "forget: --document deletes only what was sent under an id; to delete every ping that"
                f" mentions it, run: {command}"
            )
        return ExitStatus.FINDINGS
    return ExitStatus.TRY_AGAIN if report.left else ExitStatus.DONE


def _ids_of(args: argparse.Namespace) -> tuple[list[str], list[bytes]]:
    """Return the client ids, and the document ids as bytes."""
    if args.file is not None:
        return _ids_in(args.file)
    for text in args.client or ():
        _check_client(text, "")
    return list(args.client or ()), [_document(text, "") for text in args.document or ()]


def _ids_in(path: Path) -> tuple[list[str], list[bytes]]:
    clients, documents = [], []
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except UnicodeDecodeError:
        raise BadOrders(f"{path}: not a text in UTF-8") from None
    for number, line in enumerate(lines, 1):
        words = line.split()
        place = f"{path}, line {number}: "
        if not words:
            continue
        if words[0] == "document" and len(words) == 2:
            documents.append(_document(words[1], place))
        elif len(words) == 1:
            _check_client(words[0], place)
            clients.append(words[0])
        else:
            raise BadOrders(f'{place}neither a client id nor "document" and an id')
    if not clients and not documents:
        raise BadOrders(f"{path}: no ids in it")
    return clients, documents


def _document(text: str, place: str) -> bytes:
    from telemetry_server.privacy.identifiers.keyed_hash import uuid_of

    found = uuid_of(text)
    if found is None:
        raise BadOrders(f"{place}{shown(text)} is not a document id (8-4-4-4-12 hexadecimal digits)")
    return found


def _check_client(text: str, place: str) -> None:
    from telemetry_server.privacy.identifiers.keyed_hash import COMMON_IDS, uuid_of

    if uuid_of(text) in COMMON_IDS:
        raise BadOrders(f"{place}{shown(text)} is sent by many clients, so it is the id of none")


def _say_ids_for_fuel_only(clients: list[str]) -> None:
    from telemetry_server.privacy.identifiers.keyed_hash import uuid_of

    for text in clients:
        if uuid_of(text) is None:
            say(f"forget: {shown(text)} is not a UUID: it is looked for in the databases of Fuel only")


def _print(report: "Report", args: argparse.Namespace) -> None:
    if args.json:
        print_json(_as_json(report, dry_run=args.dry_run))
        return
    print_table(("place", "would go" if args.dry_run else "deleted"), list(report.places().items()))
    for name, count in sorted(report.removed.items()):
        if count:
            print_text(f"{name}: {count:,}")
    for line in report.left:
        say(f"left: {line}")
    if args.dry_run:
        say("dry run: nothing was changed")
        return
    if report.sealed_days:
        print_text(f"sealed days stay as they are, without ids: {', '.join(report.sealed_days)}")
    scan = report.scan
    if scan is not None:
        print_text(f"scan: {scan.files:,} files, {scan.bytes:,} bytes, {len(scan.hits):,} files with hits")
        for path, count in sorted(scan.hits.items()):
            say(f"  {path}: {count} id{'' if count == 1 else 's'}")
        for line in scan.unreadable:
            say(f"  not read: {line}")
    print_text("out of reach:")
    for line in OUT_OF_REACH:
        print_text(f"  {line}")


def _as_json(report: "Report", *, dry_run: bool) -> dict[str, Any]:
    scan = report.scan
    return {
        "dry_run": dry_run,
        "orders": report.orders,
        "places": report.places(),
        "removed": {place: count for place, count in sorted(report.removed.items()) if count},
        "files_rewritten": report.files_rewritten,
        "sealed_days": report.sealed_days,
        "left": report.left,
        "out_of_reach": list(OUT_OF_REACH),
        "scan": None
        if scan is None
        else {
            "files": scan.files,
            "bytes": scan.bytes,
            "hits": scan.hits,
            "earlier_hits": scan.earlier_hits,
            "unreadable": scan.unreadable,
        },
    }
