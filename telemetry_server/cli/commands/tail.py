"""``telemetry-server tail``: a line for each ping when it is committed."""

import argparse
import select
import sys
import time
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from telemetry_server.cli.exit_status import ExitStatus
from telemetry_server.cli.shared_options import add_json_option, add_settings_options, settings_of
from telemetry_server.terminal.client_text import shown, shown_json
from telemetry_server.terminal.output import say

if TYPE_CHECKING:
    from telemetry_server.inspection.ping_summary import PingLine

EPILOG = """\
examples:
  telemetry-server tail --data ./data
  telemetry-server tail --debug-id my-phone --json | jq .document_id

Each line: time of arrival (UTC), namespace/doctype, id, application, version and channel, and for pings with
histograms how many were kept and dropped.  A ping that is not stored shows its outcome and reason instead:
pending, quarantined or duplicate (other bytes under a stored id).  A pending ping gets
another line when it is stored or refused.  --stored shows only stored pings.
Pings tagged `automation` are shown only with --all or with their own --debug-id;
cat converted always prints them.  Press Ctrl-C to stop."""

POLL_SECONDS = 0.25
# This program takes a moment to start: pings received meanwhile must be shown too.
LOOK_BACK_SECONDS = 2.0
NO_ID = "-"
NAME_WIDTH = 42  # firefox-desktop/nimbus-targeting-context fits
MAX_SHOWN = 64  # characters of a name or version


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of ``tail``."""
    parser.add_argument("--debug-id", metavar="TAG", help="only pings of the client with this X-Debug-ID")
    parser.add_argument("--all", action="store_true", help="include pings of automated tests")
    parser.add_argument("--stored", action="store_true", help="only pings that are stored")
    add_json_option(parser)
    add_settings_options(parser)


def run(args: argparse.Namespace) -> int:
    """Print pings until interrupted, or until the reader of stdout is gone."""
    from storage.ledger.ledger import Ledger
    from telemetry_server.composition.data_root import existing_data_root
    from telemetry_server.inspection.tail import RecordTail

    began_at = time.time() - LOOK_BACK_SECONDS
    root = existing_data_root(settings_of(args))
    since = datetime.fromtimestamp(began_at, UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    with Ledger.for_reading(root) as ledger:
        following = RecordTail(root, ledger, since, only_stored=args.stored)
        say(f"following {root.path}: one line for each ping when it is converted; Ctrl-C stops")
        _show(following.recent(began_at), args)
        while _is_read(POLL_SECONDS):
            _show(following.news(), args)
    return ExitStatus.DONE


def _is_read(wait_seconds: float) -> bool:
    """Wait, then return whether stdout still has a reader."""
    poll = select.poll()
    # Without events, poll reports only errors, such as a pipe without a reader.
    poll.register(sys.stdout.fileno(), 0)
    return not poll.poll(wait_seconds * 1000)


def _show(pings: "Iterable[PingLine]", args: argparse.Namespace) -> None:
    import orjson

    is_shown = False
    for seen in pings:
        if _is_wanted(seen, args):
            line = shown_json(orjson.dumps(seen.summary)).decode() if args.json else line_of(seen.summary)
            sys.stdout.write(line)
            sys.stdout.write("\n")
            is_shown = True
    if is_shown:
        sys.stdout.flush()


def _is_wanted(seen: "PingLine", args: argparse.Namespace) -> bool:
    from telemetry_server.pings.source_tags import is_automation

    if args.debug_id is not None:
        return bool(seen.summary["debug_id"] == args.debug_id)
    return args.all or not is_automation(seen.source_tags)


def line_of(summary: Mapping[str, Any]) -> str:
    """Return *summary* as a line for people."""
    name = f"{_cut(summary['namespace'])}/{_cut(summary['doctype'])}"
    document_id = _cut(summary["document_id"] or NO_ID)
    parts = [summary["submission_timestamp"][11:19], f"{name:<{NAME_WIDTH}}", document_id]
    parts += [" ".join(_cut(summary[part]) for part in ("app", "version", "channel") if summary[part]) or "-"]
    if summary["histograms_kept"] or summary["histograms_dropped"]:
        parts.append(f"{summary['histograms_kept']} histograms, {summary['histograms_dropped']} dropped")
    if summary["outcome"] == "pending":
        parts.append(f"pending: {shown(summary['detail'])}")
    elif summary["outcome"] != "stored":
        parts.append(f"{summary['outcome']}: {summary['reason']}: {shown(summary['detail'])}")
    return "  ".join(parts)


def _cut(text: str) -> str:
    return shown(text, MAX_SHOWN)
