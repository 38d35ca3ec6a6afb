"""The actions ``fail`` and ``rotate-key`` of ``telemetry-server fuel-sender``."""

import argparse
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from telemetry_server.cli.exit_status import ExitStatus
from telemetry_server.terminal.output import print_json, print_text, say

if TYPE_CHECKING:
    from telemetry_server.fuel.sender.config import SenderConfig
    from telemetry_server.fuel.sender_state.state_file import StateFile


def add_fail_arguments(action: argparse.ArgumentParser) -> None:
    """Add the options of ``fail``; without any it reports the newest operation that failed."""
    action.add_argument("--operation", help="what failed, such as deploy")
    action.add_argument("--cluster", type=int, metavar="ID", help="the environment")
    action.add_argument("--external-id", type=int, metavar="ID", help="the action log of the operation")
    action.add_argument("--type", help="the kind of error")
    action.add_argument("--summary", help="what happened, in a sentence")


def fail(args: argparse.Namespace, config: "SenderConfig", state: "StateFile") -> int:
    """Store a failure report and send it."""
    from telemetry_server.fuel.sender.cycle import Ended, Sender
    from telemetry_server.fuel.sender_state.failures import queue_failure
    from telemetry_server.fuel.sender_state.state_file import utc_now

    facts = _facts(args, state)
    if facts is None:
        say("telemetry-server fuel-sender: no failed operation was recorded: name one with --operation")
        return ExitStatus.USAGE
    report_id = queue_failure(state, utc_now(), **facts)
    if report_id is None:
        return _without_contact(args, state)
    result = Sender(config, state).send_failures()
    is_sent = result.ended is Ended.DONE and not result.failed
    detail = result.detail or ("" if is_sent else "the collector refused it")
    if args.json:
        print_json({"report_id": report_id, "sent": is_sent, "detail": detail})
    elif is_sent:
        print_text(f"failure report {report_id} was sent")
    else:
        print_text(f"failure report {report_id} waits, and fuel-sender run sends it: {detail}")
    return ExitStatus.DONE if is_sent else ExitStatus.TRY_AGAIN


def _facts(args: argparse.Namespace, state: "StateFile") -> Mapping[str, Any] | None:
    """Return what the options say, or else the newest failed operation; None if there is none."""
    from telemetry_server.fuel.sender_state.failures import newest_failure

    given = {
        "operation": args.operation,
        "cluster_id": args.cluster,
        "external_id": args.external_id,
        "error_type": args.type,
        "summary": args.summary,
    }
    if any(value is not None for name, value in given.items() if name not in ("error_type", "summary")):
        return given
    item = newest_failure(state)
    if item is None:
        return given if args.summary or args.type else None
    body = item["body"]
    info = body["additional_info"]
    name = body.get("action_name")
    nodes = info.get("nodes_from_resp") or []
    return {
        "operation": name,
        "cluster_id": body.get("cluster_id"),
        "external_id": item.get("external_id"),
        "error_type": args.type or name,
        "summary": args.summary or f"{name} ended with status error",
        "failed_nodes": [{"id": node} for node in nodes if isinstance(node, int)],
    }


def _without_contact(args: argparse.Namespace, state: "StateFile") -> int:
    opted_in = state.choices().opted_in
    reason = "the user has not opted in (fuel-sender opt-in)"
    if opted_in:
        reason = "a failure report needs a contact with name, e-mail and company (fuel-sender contact)"
    if args.json:
        print_json({"report_id": None, "sent": False, "detail": reason})
    say(f"telemetry-server fuel-sender: nothing was sent: {reason}")
    return ExitStatus.FINDINGS


def rotate_key(args: argparse.Namespace, _config: "SenderConfig", state: "StateFile") -> int:
    """Make a new signing key."""
    is_changed = state.change_signing_key()
    if args.json:
        print_json({"changed": is_changed})
    elif is_changed:
        print_text("requests are signed with a new key from the next start of fuel-sender run on")
    if not is_changed:
        say("telemetry-server fuel-sender: no collector has accepted the last new key yet: send first")
    return ExitStatus.DONE if is_changed else ExitStatus.TRY_AGAIN
