"""Writes the files that version 1 of telemetry.js loads."""

from collections.abc import Iterable
from datetime import date, timedelta
from typing import Any

from telemetry_server.mapreduce.exports.export_folder import ExportFolder
from telemetry_server.mapreduce.exports.filter_tree import FilterTree
from telemetry_server.mapreduce.exports.output_lines import Histograms, by_group
from telemetry_server.mapreduce.jobs.histogram_sums import Row, add_stored_rows

ROOT_ID = 0
MAX_AGE = timedelta(days=60)
"""Submissions later than this after the build are in no file by day of submission."""

Entries = dict[str, dict[tuple[str, ...], Row]]


def write_dashboard(lines: Iterable[bytes], folder: ExportFolder) -> int:
    """
    Write the output of the job ``dashboard`` as files; return how many.

    Args:
        lines: Of the job's output.
    """
    versions = {}
    for group, histograms in by_group(lines):
        _write_group(group, histograms, folder)
        versions[group] = group
    return folder.finish(versions)


def _write_group(group: str, histograms: Histograms, folder: ExportFolder) -> None:
    tree = FilterTree(ROOT_ID, folder.read(f"{group}/filter-tree.json"))
    tree.add_all({tuple(path.split("/")[2:]) for _, found in histograms for path in found["values"]})
    definitions: dict[str, Any] = {}
    for name, found in histograms:
        by_build: Entries = {}
        by_submission: Entries = {}
        for path, row in found["values"].items():
            build, day, *values = path.split("/")
            _add(by_build, build, tuple(values), row)
            if _is_recent(build, day):
                _add(by_submission, day, tuple(values), row)
        folder.write(f"{group}/{name}-by-build-date.json", _numbered(by_build, tree))
        folder.write(f"{group}/{name}-by-submission-date.json", _numbered(by_submission, tree))
        layout, words = found["definition"]
        definitions[name] = {**layout, **words}
    folder.write(f"{group}/filter-tree.json", tree.root)
    folder.write(f"{group}/histograms.json", definitions)


def _add(entries: Entries, day: str, values: tuple[str, ...], row: Row) -> None:
    of_day = entries.setdefault(day, {})
    known = of_day.get(values)
    of_day[values] = row if known is None else add_stored_rows(known, row)


def _numbered(entries: Entries, tree: FilterTree) -> dict[str, list[Row]]:
    return {
        day: sorted(
            ([*row, tree.id_of(values)] for values, row in of_day.items()), key=lambda entry: entry[-1]
        )
        for day, of_day in sorted(entries.items())
    }


def _is_recent(build: str, day: str) -> bool:
    """Whether *day* is within `MAX_AGE` of the date of the *build*."""
    try:
        return abs(_date(day) - _date(build)) <= MAX_AGE
    except ValueError:
        return False


def _date(text: str) -> date:
    return date(int(text[:4]), int(text[4:6]), int(text[6:8]))
