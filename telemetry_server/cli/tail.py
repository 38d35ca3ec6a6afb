"""``telemetry-server tail``: pings as they are stored, a line each."""

import argparse
import select
import sys
import time
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from telemetry_server.cli.options import add_json_option, add_settings_options, settings_of
from telemetry_server.cli.output import say
from telemetry_server.cli.status import ExitStatus
from telemetry_server.client_text import shown, shown_json

EPILOG = """\
examples:
  telemetry-server tail --data ./data
  telemetry-server tail --debug-id my-phone --json | jq .document_id

Each line: when it came (UTC), namespace/doctype, id, application, version and channel, and for pings with
histograms how many were kept and dropped.  Pings tagged `automation` are left out unless --all or their
own --debug-id asks for them; cat converted always has them.  Ctrl-C ends it."""

POLL_SECONDS = 0.25
# This program takes a moment to start: what came meanwhile is not to be missed.
LOOK_BACK_SECONDS = 2.0
NAME_WIDTH = 42  # firefox-desktop/nimbus-targeting-context fits
MAX_SHOWN = 64  # characters of a name or version


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of ``tail``."""
    parser.add_argument("--debug-id", metavar="TAG", help="only pings of the client with this X-Debug-ID")
    parser.add_argument("--all", action="store_true", help="those of automated tests too")
    add_json_option(parser)
    add_settings_options(parser)


def run(args: argparse.Namespace) -> int:
    """Show pings until interrupted, or until nobody reads."""
    from storage.ledger.ledger import Ledger
    from telemetry_server.cli.data_root import present_root
    from telemetry_server.inspection.following import Following

    began_at = time.time() - LOOK_BACK_SECONDS
    root = present_root(settings_of(args))
    since = datetime.fromtimestamp(began_at, UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    with Ledger.for_reading(root) as ledger:
        following = Following(root, ledger, since)
        say(f"following {root.path}: pings show as they are stored; Ctrl-C ends it")
        _show(following.recent(began_at), args)
        while _is_read(POLL_SECONDS):
            _show(following.news(), args)
    return ExitStatus.DONE


def _is_read(wait_seconds: float) -> bool:
    """Wait; whether somebody still reads stdout then."""
    poll = select.poll()
    # Asked for no event, it tells of errors alone: the other end of a pipe is gone.
    poll.register(sys.stdout.fileno(), 0)
    return not poll.poll(wait_seconds * 1000)


def _show(records: Iterable[dict[str, Any]], args: argparse.Namespace) -> None:
    import orjson

    shown = False
    for record in records:
        if _is_wanted(record["metadata"].get("header", {}), args):
            told = summary(record)
            sys.stdout.write(shown_json(orjson.dumps(told)).decode() if args.json else line_of(told))
            sys.stdout.write("\n")
            shown = True
    if shown:
        sys.stdout.flush()


def _is_wanted(header: dict[str, Any], args: argparse.Namespace) -> bool:
    from telemetry_server.pings.source_tags import is_automation

    if args.debug_id is not None:
        return bool(header.get("x_debug_id") == args.debug_id)
    return args.all or not is_automation(header.get("x_source_tags"))


def summary(record: dict[str, Any]) -> dict[str, Any]:
    """What is told of *record*."""
    from telemetry_server.inspection.following import histograms_in

    metadata = record["metadata"]
    app, version, channel = _application(record)
    return {
        "submission_timestamp": metadata["submission_timestamp"],
        "namespace": metadata["namespace"],
        "doctype": metadata["doctype"],
        "document_id": metadata["document_id"],
        "app": app,
        "version": version,
        "channel": channel,
        "debug_id": metadata.get("header", {}).get("x_debug_id"),
        "histograms_kept": histograms_in(record),
        "histograms_dropped": sum(metadata.get("dropped_histograms", {}).values()),
    }


def _application(record: dict[str, Any]) -> tuple[str | None, str | None, str | None]:
    """Name, version and channel, where each kind of record has them."""
    client_info = record.get("client_info")
    if isinstance(client_info, dict):
        names = ("app_display_version", "app_channel")
        return record["metadata"]["namespace"], *[_text(client_info.get(name)) for name in names]
    info = record.get("info")
    if not isinstance(info, dict):
        return None, None, None
    app, version, channel = (_text(info.get(n)) for n in ("appName", "appVersion", "appUpdateChannel"))
    return app, version, channel


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) and value else None


def line_of(told: dict[str, Any]) -> str:
    """*told*, for people."""
    name = f"{_cut(told['namespace'])}/{_cut(told['doctype'])}"
    parts = [told["submission_timestamp"][11:19], f"{name:<{NAME_WIDTH}}", told["document_id"]]
    parts += [" ".join(_cut(told[part]) for part in ("app", "version", "channel") if told[part]) or "-"]
    if told["histograms_kept"] or told["histograms_dropped"]:
        parts.append(f"{told['histograms_kept']} histograms, {told['histograms_dropped']} dropped")
    return "  ".join(parts)


def _cut(text: str) -> str:
    return shown(text, MAX_SHOWN)
