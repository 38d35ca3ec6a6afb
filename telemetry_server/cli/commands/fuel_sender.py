"""``telemetry-server fuel-sender``: the side of an installation that sends statistics to a collector."""

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from telemetry_server.cli.commands.fuel_sender_actions import add_fail_arguments, fail, rotate_key
from telemetry_server.cli.exit_status import ExitStatus
from telemetry_server.cli.number_arguments import natural
from telemetry_server.cli.shared_options import add_json_option
from telemetry_server.terminal.output import print_json, print_table, print_text, say

if TYPE_CHECKING:
    from telemetry_server.fuel.sender.config import SenderConfig
    from telemetry_server.fuel.sender_state.state_file import StateFile

EPILOG = """\
examples:
  telemetry-server fuel-sender opt-in --config sender.toml
  telemetry-server fuel-sender preview --config sender.toml
  telemetry-server fuel-sender once --config sender.toml
  telemetry-server fuel-sender record action_logs logs.jsonl --config sender.toml

FILE of --config is TOML with collector = "https://…" and state = "FILE"; docs/fuel.md has the other settings.

exit status: 1 without a contact (fail), 4 if a file of record is wrong, 5 if the collector did not take
everything (once, fail), 78 if the configuration is wrong"""
ACTIONS = {
    "run": "send at regular times, until it is stopped",
    "once": "send everything that is due now, once",
    "preview": "show exactly what would be sent now",
    "opt-in": "allow sending",
    "opt-out": "end sending, from the next request on",
    "status": "show the identifier, the choices, and how much waits",
    "contact": "show or change the contact that reports carry",
    "describe": "show what may be sent, and the data use policy",
    "fail": "send a failure report to support, with the contact",
    "rotate-key": "use a new signing key from the next start; a request signed with the old key announces it",
    "log": "show the operations that were recorded here",
    "record": "record documents from JSON lines",
}
KINDS = ("action_logs", "oswl_stats", "ostf_runs", "installation_structure")
SHOWN_LOGS = 50


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the actions."""
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    added = {name: actions.add_parser(name, help=text) for name, text in ACTIONS.items()}
    for name, action in added.items():
        action.add_argument(
            "--config", type=Path, required=name != "describe", metavar="FILE", help="TOML file"
        )
        if name != "run":
            add_json_option(action)
    for name in ("opt-in", "contact"):
        added[name].add_argument("--name", help="name of the person to ask")
        added[name].add_argument("--email", help="their e-mail address")
        added[name].add_argument("--company", help="their company")
    added["contact"].add_argument("--remove", action="store_true", help="forget the contact")
    added["log"].add_argument("--limit", type=natural, default=SHOWN_LOGS, metavar="N", help="newest only")
    add_fail_arguments(added["fail"])
    added["record"].add_argument("kind", choices=KINDS, metavar="KIND", help=", ".join(KINDS))
    added["record"].add_argument(
        "file", metavar="FILE", help="JSON lines without master_node_uid; - is stdin"
    )


def run(args: argparse.Namespace) -> int:
    """Do the action."""
    if args.action == "describe":
        return _describe(args)
    import sqlite3

    from telemetry_server.composition.fuel import need_the_extra
    from telemetry_server.fuel.sender.config import BadSenderConfig, read_config
    from telemetry_server.fuel.sender_state.state_file import StateFile
    from telemetry_server.settings.errors import ConfigurationError

    try:
        config = read_config(args.config)
    except BadSenderConfig as error:
        raise ConfigurationError(str(error)) from None
    need_the_extra()
    try:
        state = StateFile(config.state)
    except (sqlite3.Error, OSError) as error:
        raise ConfigurationError(f"state {config.state} cannot be used: {error}") from None
    actions = {
        "run": _run,
        "once": _once,
        "preview": _preview,
        "opt-in": _opt_in,
        "opt-out": _opt_out,
        "status": _status,
        "contact": _contact,
        "fail": fail,
        "rotate-key": rotate_key,
        "log": _log,
        "record": _record,
    }
    try:
        return actions[args.action](args, config, state)
    finally:
        state.close()


def _run(_args: argparse.Namespace, config: "SenderConfig", state: "StateFile") -> int:
    import signal
    from threading import Event

    from telemetry_server.fuel.sender.cycle import Sender
    from telemetry_server.observability import logs

    logs.configure(human=None)
    stopping = Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopping.set())
    Sender(config, state).run(stopping)
    return ExitStatus.DONE


def _once(args: argparse.Namespace, config: "SenderConfig", state: "StateFile") -> int:
    from telemetry_server.fuel.sender.cycle import Ended, Sender
    from telemetry_server.observability import logs

    logs.configure(human=None)
    result = Sender(config, state).cycle()
    if args.json:
        print_json(
            {
                "ended": str(result.ended),
                "sent": result.sent,
                "failed": result.failed,
                "detail": result.detail,
            }
        )
    elif result.ended is Ended.OPTED_OUT:
        print_text("nothing was sent: the user has not opted in (fuel-sender opt-in)")
    else:
        detail = f"; {result.detail}" if result.detail else ""
        print_text(f"{result.ended}: {result.sent:,} documents sent, {result.failed:,} not taken{detail}")
    return ExitStatus.TRY_AGAIN if result.ended is Ended.FAILED else ExitStatus.DONE


def _preview(args: argparse.Namespace, config: "SenderConfig", state: "StateFile") -> int:
    from telemetry_server.fuel.sender.requests import requests_due
    from telemetry_server.fuel.sender.sanitiser import Sanitiser
    from telemetry_server.fuel.sender_state.state_file import utc_now

    sanitiser = Sanitiser(state.uid, state.secret)
    due = list(requests_due(state, sanitiser, utc_now(), oswl_hold_back_days=config.oswl_hold_back_days))
    requests = [{"method": "POST", "path": request.path, "body": request.content} for request in due]
    if args.json:
        print_json({"requests": requests})
        return ExitStatus.DONE
    for request in due:
        print_text(
            f"POST {request.path}: {len(request.documents) or 1:,} documents, {len(request.body):,} bytes"
        )
        print_json(request.content)
    print_text(f"{len(due):,} requests" if due else "nothing is due")
    return ExitStatus.DONE


def _opt_in(args: argparse.Namespace, _config: "SenderConfig", state: "StateFile") -> int:
    choices = _with_contact(args, state)
    return _save(args, state, choices | {"send_anonymous_statistic": True, "user_choice_saved": True})


def _opt_out(args: argparse.Namespace, _config: "SenderConfig", state: "StateFile") -> int:
    return _save(args, state, {"send_anonymous_statistic": False, "user_choice_saved": True})


def _contact(args: argparse.Namespace, _config: "SenderConfig", state: "StateFile") -> int:
    if args.remove:
        nothing = {"name": "", "email": "", "company": ""}
        return _save(args, state, {"contact_info_provided": False, "contact": nothing})
    return _save(args, state, _with_contact(args, state))


def _with_contact(args: argparse.Namespace, state: "StateFile") -> dict[str, Any]:
    given = {
        name: getattr(args, name) for name in ("name", "email", "company") if getattr(args, name) is not None
    }
    return {"contact_info_provided": True, "contact": given} if given else {}


def _save(args: argparse.Namespace, state: "StateFile", values: dict[str, Any]) -> int:
    from telemetry_server.fuel.sender_state.choices import BadChoices, changed_choices

    before = state.choices()
    try:
        changed = changed_choices(before, values)
    except BadChoices as error:
        say(f"telemetry-server fuel-sender: {error}")
        return ExitStatus.USAGE
    if changed != before:
        state.save_choices(changed)
    if args.json:
        print_json({"opted_in": changed.opted_in, **changed.as_json()})
    else:
        print_text(f"statistics are {'sent' if changed.opted_in else 'not sent'}")
        contact = changed.user_information() if changed.opted_in else {"contact_info_provided": False}
        print_text("contact: " + (", ".join(str(v) for v in list(contact.values())[1:]) or "none"))
    return ExitStatus.DONE


def _status(args: argparse.Namespace, _config: "SenderConfig", state: "StateFile") -> int:
    from telemetry_server.fuel.sender_state.documents import DROPPED, Kind, quarantined, unsent

    choices = state.choices()
    facts: dict[str, Any] = {
        "master_node_uid": state.uid,
        "send_anonymous_statistic": choices.send_anonymous_statistic,
        "user_choice_saved": choices.user_choice_saved,
        "opted_in": choices.opted_in,
        "unsent": {str(kind): unsent(state, kind) for kind in (Kind.ACTION_LOGS, Kind.OSWL_STATS)},
        "unsent_health_check_runs": unsent(state, Kind.OSTF_RUNS),
        "unsent_failure_reports": unsent(state, Kind.FAILURE_REPORTS),
        "quarantined": quarantined(state),
        "dropped": int(state.fact(DROPPED) or 0),
        "redactions": int(state.fact("redactions") or 0),
    }
    if args.json:
        print_json(facts)
    else:
        waiting = facts.pop("unsent")
        rows = [*facts.items(), *((f"unsent {kind}", number) for kind, number in waiting.items())]
        print_table(("what", "value"), [(name, str(value)) for name, value in rows])
    return ExitStatus.DONE


def _describe(args: argparse.Namespace) -> int:
    from telemetry_server.fuel.sender.description import POLICY, SUMMARY, allowed_fields

    fields = allowed_fields()
    if args.json:
        print_json({"summary": SUMMARY, "policy": POLICY, "fields": fields})
        return ExitStatus.DONE
    print_text(f"{SUMMARY}\n\n{POLICY}\n")
    headings = ("document", "field", "sensitivity", "reviewer")
    print_table(headings, [[field[name] for name in headings] for field in fields])
    return ExitStatus.DONE


def _log(args: argparse.Namespace, _config: "SenderConfig", state: "StateFile") -> int:
    from telemetry_server.fuel.sender_state.documents import Kind, newest

    found = newest(state, Kind.ACTION_LOGS, args.limit)
    if args.json:
        print_json([{**item, "is_sent": is_sent} for item, is_sent in found])
        return ExitStatus.DONE
    names = ("start_timestamp", "end_timestamp", "action_group", "action_name", "cluster_id")
    rows = [
        [*(_cell(item["body"].get(name)) for name in names), "yes" if is_sent else "no"]
        for item, is_sent in found
    ]
    print_table(("start", "end", "group", "name", "cluster", "sent"), rows)
    return ExitStatus.DONE


def _record(args: argparse.Namespace, _config: "SenderConfig", state: "StateFile") -> int:
    from telemetry_server.fuel.sender.record_lines import BadLine, record_lines
    from telemetry_server.fuel.sender_state.state_file import utc_now

    try:
        if args.file == "-":
            recorded = record_lines(state, args.kind, sys.stdin.buffer, utc_now().date())
        else:
            with Path(args.file).open("rb") as lines:
                recorded = record_lines(state, args.kind, lines, utc_now().date())
    except (BadLine, OSError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        say(f"telemetry-server fuel-sender: {args.file}: {reason}")
        return ExitStatus.BAD_INPUT
    if args.json:
        print_json({"recorded": recorded})
    else:
        print_text(f"{recorded:,} recorded")
    return ExitStatus.DONE


def _cell(value: object) -> str:
    return "-" if value is None else str(value)
