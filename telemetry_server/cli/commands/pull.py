"""``telemetry-server pull``: pulls submissions from a queue into raw/."""

import argparse
from dataclasses import asdict

from telemetry_server.cli.exit_status import ExitStatus
from telemetry_server.cli.shared_options import add_json_option, add_settings_options, settings_of
from telemetry_server.terminal.output import print_json, print_text

EPILOG = """\
example: telemetry-server pull --from nats://localhost:4222/TELEMETRY --data ./data --once

It runs until a signal stops it, and keeps trying while the broker is away.  With --once it ends when
everything that the queue has now is in raw/.  `convert` or a running `serve` converts what was pulled.

exit status: with --once 5 if the broker is away, 4 if messages were removed before they were pulled"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of ``pull``."""
    parser.add_argument(
        "--from",
        dest="pull_from",
        action="append",
        metavar="URL",
        help="nats://HOST:4222/STREAM, kafka://HOST:9092/TOPIC or file:///DATA_ROOT; may be repeated",
    )
    parser.add_argument("--once", action="store_true", help="stop when everything was pulled")
    parser.add_argument(
        "--message",
        dest="queue_message",
        choices=("headers", "bagheera", "bare"),
        help="form of the messages (default: headers, as push_to sends them)",
    )
    parser.add_argument(
        "--path-template",
        dest="queue_path_template",
        metavar="PATH",
        help="path of bare messages (default: /submit/telemetry/{key})",
    )
    parser.add_argument("--share", metavar="I/N", help="take only this share of the document ids, like 1/2")
    parser.add_argument(
        "--accept-gap",
        action="store_true",
        help="continue at the oldest message that the queue has, although others were removed unread",
    )
    add_json_option(parser)
    add_settings_options(parser)


def run(args: argparse.Namespace) -> int:
    """Pull until a signal, or until the end of the queue."""
    import asyncio

    from telemetry_server.composition.data_root import prepare_data_root
    from telemetry_server.composition.queue import check_queues
    from telemetry_server.composition.queue_processes import accept_gap, pull
    from telemetry_server.observability import logs
    from telemetry_server.settings.errors import ConfigurationError

    settings = settings_of(args)
    if not settings.pull_from:
        raise ConfigurationError("no queue is named: use --from URL, or set pull_from")
    check_queues(settings)
    prepare_data_root(settings)
    if not args.once:
        logs.forgive_streams()
        logs.configure(human=None)
    if args.accept_gap:
        asyncio.run(accept_gap(settings))
    counts = asyncio.run(pull(settings, once=args.once))
    if args.json:
        print_json(asdict(counts))
    else:
        others = f", {counts.left_to_others:,} of other shares" if counts.left_to_others else ""
        faulty = f", of these {counts.faulty:,} for quarantine" if counts.faulty else ""
        print_text(f"{counts.received:,} submissions pulled{faulty}{others}")
    return ExitStatus.DONE
