"""``telemetry-server explain``: the life of one ping."""

import argparse
from collections.abc import Iterator
from typing import Any
from uuid import UUID

from telemetry_server.cli.exit_status import ExitStatus
from telemetry_server.cli.shared_options import add_json_option, add_settings_options, settings_of
from telemetry_server.terminal.client_text import shown
from telemetry_server.terminal.output import print_json, print_text, say

EPILOG = """\
example: telemetry-server explain --data ./data 17caa68c-25f5-450a-9cce-7d31318846d8

exit status: 0 if it is known, 1 if nothing ever came under this id"""


def _document_id(text: str) -> UUID:
    try:
        if len(text) == 36:
            return UUID(text)
    except ValueError:
        pass
    raise argparse.ArgumentTypeError(
        f"{text!r} is no document id (8-4-4-4-12 hexadecimal digits);"
        " pings under such are shown by: cat quarantine --where reason=invalid_document_id"
    )


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("docid", type=_document_id, metavar="DOCID")
    add_json_option(parser)
    add_settings_options(parser)


def run(args: argparse.Namespace) -> int:
    """Print what became of it."""
    from storage.ledger.ledger import Ledger
    from telemetry_server.composition.conversion import setup_of
    from telemetry_server.composition.data_root import existing_data_root
    from telemetry_server.inspection.explain import explain

    settings = settings_of(args)
    existing_data_root(settings)
    setup = setup_of(settings)
    with Ledger.for_reading(setup.root) as ledger:
        told = explain(setup.root, ledger, setup.resolver(), args.docid)
    if told is None:
        say(f"telemetry-server explain: nothing came under {args.docid}")
        return ExitStatus.FINDINGS
    if args.json:
        print_json(told.as_json())
    else:
        _print(told.as_json())
    return ExitStatus.DONE


MAX_DETAIL_CHARACTERS = 2000  # of a schema, with a place of eight long keys
MAX_DESCRIBED = 20
CLIENT_TYPES = {0: "exponential", 1: "linear", 2: "boolean", 3: "flag", 4: "count", 5: "categorical"}
LINES = (
    ("came", "received_at"),
    ("namespace", "namespace"),
    ("doctype", "doctype"),
    ("outcome", "outcome"),
    ("reason", "reason"),
    ("detail", "detail"),
    ("revision", "revision"),
    ("found by", "revision_source"),
    ("lies in", "where"),
)


def _print(told: dict[str, Any]) -> None:
    print_text(f"ping {told['document_id']}")
    for title, name in LINES:
        if told[name] is not None:
            print_text(f"  {title:<10}{shown(told[name], MAX_DETAIL_CHARACTERS)}")
    if told["checked"]:
        passed = ", ".join(check["check"] for check in told["checked"] if check["passed"])
        print_text(f"  {'passed':<10}{passed or 'nothing'}")
    for line in _self_described(told["self_described"]):
        print_text(line)
    dropped = told["dropped_histograms"]
    for name, count in told["metadata"].get("anomalies", {}).items():
        print_text(f"  {'anomaly':<10}{name}{f' ({count} times)' if count > 1 else ''}")
    if told["outcome"] == "stored":
        print_text(f"  {'kept':<10}{told['kept_histograms'] or 0} histograms")
        print_text(f"  {'dropped':<10}{len(dropped)} histograms")
    for histogram in dropped:
        line = f" (line {histogram['spec_line']} of its Histograms.json)" if "spec_line" in histogram else ""
        name, detail, where = (shown(histogram[part]) for part in ("name", "detail", "where"))
        print_text(f"    {name}: {histogram['reason']}: {detail}{line}")
        print_text(f"      at {where}")
    for other in told["others"]:
        reason = f": {other['reason']}" if other["reason"] else ""
        said = (other[name] for name in ("received_at", "namespace", "doctype", "detail"))
        words = " ".join(shown(text, MAX_DETAIL_CHARACTERS) for text in said if text)
        print_text(f"  {'also':<10}{other['outcome']}{reason} {words}".rstrip())


def _self_described(described: dict[str, Any]) -> Iterator[str]:
    """A line for each histogram that was packed by its own word, up to a limit."""
    from telemetry_server.convert.histograms.self_description import descriptions

    found = list(descriptions(described))
    if found:
        yield f"  {'by itself':<10}{len(found)} histograms are described by what was sent"
    for section, name, (client_type, low, high, bucket_count) in found[:MAX_DESCRIBED]:
        kind = CLIENT_TYPES.get(client_type, f"type {client_type}")
        place = f" in {shown('.'.join(section))}" if section else ""
        yield f"    {shown(name)}{place}: {kind}, {low} to {high} in {bucket_count} buckets"
    if len(found) > MAX_DESCRIBED:
        yield f"    and {len(found) - MAX_DESCRIBED} more: --json has all"
