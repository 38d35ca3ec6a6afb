"""``telemetry-server doctypes``: lists, shows, checks and imports JSON Schemas."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from telemetry_server.cli.exit_status import ExitStatus
from telemetry_server.cli.shared_options import add_json_option, add_settings_options, settings_of
from telemetry_server.settings.errors import ConfigurationError
from telemetry_server.settings.settings import Settings
from telemetry_server.terminal.client_text import shown
from telemetry_server.terminal.output import print_json, print_table, print_text, say

if TYPE_CHECKING:
    from telemetry_server.doctypes.catalogue import Catalogue, Registered

EPILOG = """\
examples:
  telemetry-server doctypes import ../mozilla-pipeline-schemas --schemas-dir ./schemas
  telemetry-server doctypes list --schemas-dir ./schemas
  telemetry-server doctypes show telemetry/main/4 --schemas-dir ./schemas
  telemetry-server doctypes check ping.json --as my-app/baseline/1 --schemas-dir ./schemas

check: FILE is a schema if its name ends with .schema.json, else a ping (JSON, may be gzipped).  --as names
the ping's doctype.  Without --as it is taken from the ping (Firefox pings) or from a file name such as
<namespace>/main.4.json.

exit status: 0 done, 1 if FILE is not valid or import refused a file, 4 if FILE is not JSON"""

MAX_LISTED = 20
MAX_VIOLATION_CHARACTERS = 2000  # enough for a path of eight long keys and the schema's demand


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of ``doctypes``."""
    actions = parser.add_subparsers(dest="action", metavar="list|show|check|import", required=True)
    for name, summary, argument in (
        ("list", "list the registered schemas", None),
        ("show", "print one schema", "DOCTYPE"),
        ("check", "check a ping against its schema, or check a schema", "FILE"),
        ("import", "copy the schemas of a folder, such as a checkout of mozilla-pipeline-schemas", "DIR"),
    ):
        action = actions.add_parser(
            name,
            help=summary,
            description=f"doctypes {name}: {summary}.",
            epilog=f"example: telemetry-server doctypes {_EXAMPLES[name]} --schemas-dir ./schemas",
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        if argument is not None:
            action.add_argument("subject", metavar=argument, help=_HELP[name])
        if name == "check":
            action.add_argument("--as", dest="doctype", metavar="NAMESPACE/DOCTYPE/VERSION", type=_name)
        action.add_argument(
            "--schemas-dir", metavar="DIR", help="the folder of schemas (setting schemas_dir)"
        )
        add_settings_options(action)
        add_json_option(action)


_EXAMPLES = {
    "list": "list",
    "show": "show telemetry/main/4",
    "check": "check ping.json --as my-app/baseline/1",
    "import": "import ../mozilla-pipeline-schemas",
}
_HELP = {
    "show": "<namespace>/<doctype>/<version>; without the version, the highest",
    "check": "a ping or a schema",
    "import": "a folder of schemas; if it contains a folder schemas/, that one is used",
}


def _name(text: str) -> list[str]:
    parts = text.split("/")
    if len(parts) == 3 and all(parts):
        return parts
    raise argparse.ArgumentTypeError(f"{text!r} is not <namespace>/<doctype>/<version>")


def run(args: argparse.Namespace) -> int:
    """Run the action; return the exit status."""
    settings = settings_of(args)
    return int(_ACTIONS[args.action](args, settings))


def _list(args: argparse.Namespace, settings: Settings) -> int:
    catalogue = _catalogue(settings)
    if args.json:
        print_json([_described(entry) for entry in catalogue.entries()])
    else:
        rows = [
            (entry.key.namespace, entry.key.doctype, entry.key.docversion, _origin(entry))
            for entry in catalogue.entries()
        ]
        print_table(("namespace", "doctype", "version", "from"), rows)
    for problem in catalogue.misplaced:
        say(f"telemetry-server doctypes: left out: {problem}")
    return ExitStatus.DONE


def _described(entry: "Registered") -> dict[str, Any]:
    return {
        "namespace": entry.key.namespace,
        "doctype": entry.key.doctype,
        "version": entry.key.docversion,
        "from": _origin(entry),
        "file": str(entry.file),
    }


def _origin(entry: "Registered") -> str:
    return "this package" if entry.is_shipped else "schemas_dir"


def _show(args: argparse.Namespace, settings: Settings) -> int:
    import orjson

    entry = _named(_catalogue(settings), args.subject)
    if entry is None:
        say(f"telemetry-server doctypes: {args.subject} is not registered; see doctypes list")
        return ExitStatus.FINDINGS
    text = entry.text()
    if args.json:
        print_json(_described(entry) | {"schema": orjson.loads(text)})
    else:
        print_text(text.decode().rstrip("\n"))
    return ExitStatus.DONE


def _named(catalogue: "Catalogue", name: str) -> "Registered | None":
    parts = name.split("/")
    found = [
        entry
        for entry in catalogue.entries()
        if parts == [entry.key.namespace, entry.key.doctype, entry.key.docversion][: max(2, len(parts))]
    ]
    return max(found, key=lambda entry: entry.key.docversion.rjust(20), default=None)


def _check(args: argparse.Namespace, settings: Settings) -> int:
    from telemetry_server.doctypes.checking import NotCheckable, check_ping_file, check_schema_file
    from telemetry_server.doctypes.layout import SUFFIX, DoctypeKey
    from telemetry_server.pings.errors import PingError

    file = Path(args.subject)
    asked = DoctypeKey(*args.doctype) if args.doctype else None
    try:
        if file.name.endswith(SUFFIX):
            found = check_schema_file(file)
        else:
            found = check_ping_file(file, asked, _catalogue(settings), most=MAX_LISTED)
    except OSError as error:
        say(f"telemetry-server doctypes: {file}: {error.strerror}")
        return ExitStatus.BAD_INPUT
    except PingError as error:
        say(f"telemetry-server doctypes: {file}: not a readable ping: {shown(error.detail)}")
        return ExitStatus.BAD_INPUT
    except NotCheckable as error:
        say(f"telemetry-server doctypes: {file}: {shown(str(error))}")
        return ExitStatus.FINDINGS
    if args.json:
        print_json(
            {
                "file": str(file),
                "doctype": found.name,
                "valid": not found.violations,
                "violations": found.violations,
            }
        )
    elif found.violations:
        for violation in found.violations:
            print_text(f"{file}: {shown(violation, MAX_VIOLATION_CHARACTERS)}")
    else:
        print_text(f"{file} is a valid {shown(found.name)}")
    return ExitStatus.FINDINGS if found.violations else ExitStatus.DONE


def _import(args: argparse.Namespace, settings: Settings) -> int:
    from storage.disk import Disk
    from telemetry_server.doctypes.importing import import_schemas

    if settings.schemas_dir is None:
        raise ConfigurationError("schemas_dir is not set: name the folder with --schemas-dir")
    source = Path(args.subject)
    if not source.is_dir():
        say(f"telemetry-server doctypes: {source}: no such folder")
        return ExitStatus.BAD_INPUT
    result = import_schemas(source, settings.schemas_dir, Disk())
    if args.json:
        print_json(
            {
                "taken": [str(key) for key in result.taken],
                "refused": [{"file": file, "reason": reason} for file, reason in result.refused],
            }
        )
    else:
        print_text(
            f"{len(result.taken)} schemas copied to {settings.schemas_dir}, {len(result.refused)} refused"
        )
        for file, reason in result.refused:
            print_text(f"  {file}: {reason}")
    if not result.taken and not result.refused:
        say(f"telemetry-server doctypes: {source} has no files named *.schema.json")
    return ExitStatus.FINDINGS if result.refused or not result.taken else ExitStatus.DONE


_ACTIONS = {"list": _list, "show": _show, "check": _check, "import": _import}


def _catalogue(settings: Settings) -> "Catalogue":
    from telemetry_server.composition.schemas import catalogue_of

    return catalogue_of(settings)
