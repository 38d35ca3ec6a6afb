"""Writes the files that the first frontend loads."""

from collections.abc import Iterable
from typing import Any

from telemetry_server.mapreduce.exports.export_folder import ExportFolder
from telemetry_server.mapreduce.exports.filter_tree import FilterTree
from telemetry_server.mapreduce.exports.output_lines import Histograms, by_group

ROOT_ID = "0"


def write_frontend(lines: Iterable[bytes], folder: ExportFolder) -> int:
    """
    Write the output of the job ``frontend`` as files; return how many.

    Args:
        lines: Of the job's output.
    """
    versions = []
    for group, histograms in by_group(lines):
        _write_group(group, histograms, folder)
        versions.append(group)
    return folder.finish(versions)


def _write_group(group: str, histograms: Histograms, folder: ExportFolder) -> None:
    tree = FilterTree(ROOT_ID, folder.read(f"{group}/filter.json"))
    tree.add_all({tuple(path.split("/")[1:]) for _, found in histograms for path in found["values"]})
    filters: dict[str, list[int]] = {}
    for name, found in histograms:
        by_date: dict[str, list[list[Any]]] = {}
        for path, row in found["values"].items():
            date, *values = path.split("/")
            by_date.setdefault(date, []).append([*row, tree.id_of(values)])
        entries = {date: sorted(rows, key=lambda row: row[-1]) for date, rows in sorted(by_date.items())}
        folder.write(f"{group}/{name}.json", {"buckets": found["buckets"], "values": entries})
        filters[name] = sorted({row[-1] for rows in entries.values() for row in rows})
    folder.write(f"{group}/filter.json", tree.root)
    folder.write(f"{group}/histograms.json", filters)
