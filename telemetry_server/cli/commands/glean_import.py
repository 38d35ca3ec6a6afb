"""``telemetry-server specs import-glean``: keeps the definitions of a Glean application."""

import argparse
import re
from pathlib import Path

from histogram_specs.atomic_files import opened_directory, write_file
from telemetry_server.cli.exit_status import ExitStatus
from telemetry_server.composition.data_root import revision_cache_path
from telemetry_server.probes.entries import text_of
from telemetry_server.probes.errors import NotADefinitionFile
from telemetry_server.probes.glean_cache import CACHE_NAME, cache_text
from telemetry_server.probes.glean_file import parse_glean
from telemetry_server.probes.glean_registry import digest_of
from telemetry_server.settings.settings import Settings
from telemetry_server.terminal.output import print_json, print_text, say

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}", re.ASCII)


def run_import(args: argparse.Namespace, settings: Settings) -> int:
    """Check the files and keep them; 4 if one is not accepted, and none is kept then."""
    for name in (args.application, args.name):
        if not _NAME.fullmatch(name):
            say(f"telemetry-server specs import-glean: {name!r:.100} is not 1 to 100 letters, digits, . _ -")
            return ExitStatus.USAGE
    paths = [Path(name) for name in args.files]
    found = parse_glean(paths)
    if found.problems:
        for problem in found.problems:
            say(f"telemetry-server specs import-glean: {problem}")
        return ExitStatus.BAD_INPUT
    if not found.metrics and not found.pings:
        raise NotADefinitionFile(f"{', '.join(args.files)}: no metric and no ping is defined")
    cache = revision_cache_path(settings)
    parts = ("glean", args.application, args.name)
    texts = {_file_name(path): text_of(path) for path in paths}
    with opened_directory(cache, parts, create=True) as directory:
        for name, text in texts.items():
            write_file(directory, name, text)
        folder = cache.joinpath(*parts)
        kept = sorted(folder.glob("*.yaml"))
        # An earlier import may have left other files there.
        write_file(directory, CACHE_NAME, cache_text(parse_glean(kept), digest_of(kept)))
    if args.json:
        print_json({"path": str(folder), "metrics": len(found.metrics), "pings": len(found.pings)})
    else:
        print_text(f"{len(found.metrics):,} metrics and {len(found.pings):,} pings in {folder}")
    return ExitStatus.DONE


def _file_name(path: Path) -> str:
    """Return the name under which a file is kept: its own, if that is plain."""
    if not _NAME.fullmatch(path.name):
        raise NotADefinitionFile(f"{path}: the name of the file is not 1 to 100 letters, digits, . _ -")
    return path.name if path.suffix == ".yaml" else f"{path.name}.yaml"
