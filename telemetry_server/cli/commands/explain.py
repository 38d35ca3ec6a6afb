"""``telemetry-server explain``: prints what happened to one ping."""

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

exit status: 0 if the ping is known, 1 if nothing was received under this id"""


def _document_id(text: str) -> UUID:
    try:
        if len(text) == 36:
            return UUID(text)
    except ValueError:
        pass
    raise argparse.ArgumentTypeError(
        f"{text!r} is not a document id (8-4-4-4-12 hexadecimal digits);"
        " to see pings with other ids: telemetry-server cat quarantine --where reason=invalid_document_id"
    )


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of ``explain``."""
    parser.add_argument("docid", type=_document_id, metavar="DOCID", help="document id of the ping")
    add_json_option(parser)
    add_settings_options(parser)


def run(args: argparse.Namespace) -> int:
    """Print the outcome of a ping and its details; 1 if it is unknown."""
    from storage.ledger.ledger import Ledger
    from telemetry_server.composition.conversion import setup_of
    from telemetry_server.composition.data_root import existing_data_root
    from telemetry_server.inspection.explain import explain

    settings = settings_of(args)
    existing_data_root(settings)
    setup = setup_of(settings)
    with Ledger.for_reading(setup.root) as ledger:
        found = explain(setup.root, ledger, setup.resolver(), args.docid, setup.probe_checks())
    if found is None:
        say(f"telemetry-server explain: nothing was received under {args.docid}")
        return ExitStatus.FINDINGS
    if args.json:
        print_json(found.as_json())
    else:
        _print(found.as_json())
    return ExitStatus.DONE


MAX_DETAIL_CHARACTERS = 2000  # enough for a path of eight long keys and the schema's demand
MAX_DESCRIBED = 20
WIDTH = len("revision source") + 2
CLIENT_TYPES = {0: "exponential", 1: "linear", 2: "boolean", 3: "flag", 4: "count", 5: "categorical"}
LINES = (
    ("received", "received_at"),
    ("namespace", "namespace"),
    ("doctype", "doctype"),
    ("outcome", "outcome"),
    ("reason", "reason"),
    ("detail", "detail"),
    ("revision", "revision"),
    ("revision source", "revision_source"),
    ("location", "where"),
)


def _print(found: dict[str, Any]) -> None:
    print_text(f"ping {found['document_id']}")
    for title, name in LINES:
        if found[name] is not None:
            print_text(f"  {title:<{WIDTH}}{shown(found[name], MAX_DETAIL_CHARACTERS)}")
    dropped = found["dropped_histograms"]
    if found["checked"]:
        # The lines below show which histograms failed their check.
        unshown = {"histograms"} if dropped else set()
        names = (check["check"] for check in found["checked"] if check["passed"])
        passed = ", ".join(name for name in names if name not in unshown)
        print_text(f"  {'checks passed':<{WIDTH}}{passed or 'none'}")
    for line in _self_described(found["self_described"]):
        print_text(line)
    for name, count in found["metadata"].get("anomalies", {}).items():
        print_text(f"  {'anomaly':<{WIDTH}}{name}{f' ({count} times)' if count > 1 else ''}")
    for mark in found["anomalies"][:MAX_DESCRIBED]:
        if mark["metric"] is not None:
            place = f" (line {mark['line']} of its {mark['file']})" if "line" in mark else ""
            metric, process, detail = (shown(mark[part]) for part in ("metric", "process", "detail"))
            print_text(f"    {metric} in {process}: {mark['name']}: {detail}{place}")
    if len(found["anomalies"]) > MAX_DESCRIBED:
        print_text(f"    and {len(found['anomalies']) - MAX_DESCRIBED} more: --json lists all")
    if found["outcome"] == "stored":
        print_text(f"  {'kept':<{WIDTH}}{_histograms(found['kept_histograms'] or 0)}")
        print_text(f"  {'dropped':<{WIDTH}}{_histograms(len(dropped))}")
    for histogram in dropped:
        line = (
            f" (defined in line {histogram['spec_line']} of Histograms.json)"
            if "spec_line" in histogram
            else ""
        )
        name, detail, where = (shown(histogram[part]) for part in ("name", "detail", "where"))
        print_text(f"    {name}: {histogram['reason']}: {detail}{line}")
        print_text(f"      path in the ping: {where}")
    for other in found["others"]:
        reason = f": {other['reason']}" if other["reason"] else ""
        parts = (other[name] for name in ("received_at", "namespace", "doctype", "detail"))
        words = " ".join(shown(text, MAX_DETAIL_CHARACTERS) for text in parts if text)
        print_text(f"  {'also':<{WIDTH}}{other['outcome']}{reason} {words}".rstrip())


def _histograms(count: int) -> str:
    return f"{count} histogram{'' if count == 1 else 's'}"


def _self_described(described: dict[str, Any]) -> Iterator[str]:
    """Yield a line for each histogram that was packed with the definition it carries, up to a limit."""
    from telemetry_server.convert.histograms.self_description import descriptions

    packed = list(descriptions(described))
    if packed:
        yield f"  {'self-described':<{WIDTH}}{len(packed)} histograms were packed with their own definitions"
    for section, name, (client_type, low, high, bucket_count) in packed[:MAX_DESCRIBED]:
        kind = CLIENT_TYPES.get(client_type, f"type {client_type}")
        place = f" in {shown('.'.join(section))}" if section else ""
        yield f"    {shown(name)}{place}: {kind}, {low} to {high} in {bucket_count} buckets"
    if len(packed) > MAX_DESCRIBED:
        yield f"    and {len(packed) - MAX_DESCRIBED} more; --json prints all"
