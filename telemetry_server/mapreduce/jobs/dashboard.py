"""
The job behind ``export dashboard-v1``: stored rows, added up by build date, day of submission and filter.

One line for each channel, version and histogram: its definition, and its rows by path.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from histogram_specs.spec import HistogramKind
from histogram_specs.spec_file import load_definitions
from telemetry_server.mapreduce.jobs.histogram_sums import (
    Sums,
    add_stored_rows,
    add_sums,
    chosen_layout,
    compact_json,
    group_and_path_of,
    rows_of,
)
from telemetry_server.records.definitions import FindsSpecFile, revision_of
from telemetry_server.records.shapes import Shape

# The client computes buckets of these kinds only.
KINDS = {kind.value for kind in HistogramKind} - {HistogramKind.COUNT, HistogramKind.CATEGORICAL}
DESCRIPTIONS = "descriptions"


class DashboardJob:
    """
    The functions of the job.

    Args:
        finder: Finds the definitions that give buckets and descriptions.
    """

    def __init__(self, finder: FindsSpecFile) -> None:
        self._finder = finder
        self._descriptions: dict[str, Mapping[str, Any]] = {}

    def map(self, key: str, dims: Sequence[str], value: dict[str, Any], context: Any) -> None:
        """Write the histograms of a record; in their paths the day of submission follows the build date."""
        found = group_and_path_of(value)
        if found is None:
            return
        group, (build, *parts) = found
        path = "/".join([build, dims[-1], *parts])
        for name, shape, row in rows_of(value, self._finder):
            if shape.kind in KINDS:
                sums = {compact_json(definition_of(shape)): {path: [*row, 1]}}
                context.write(f"{group}/{name}", [sums, [build, self._description(value, name)]])

    def _description(self, record: Mapping[str, Any], name: str) -> str:
        revision = revision_of(record)
        spec_file = None if revision is None else self._finder.spec_file_of(revision)
        if spec_file is None:
            return ""
        if spec_file.digest not in self._descriptions:
            self._descriptions[spec_file.digest] = load_definitions(spec_file.text)
        definition = self._descriptions[spec_file.digest].get(name)
        return str(definition.get("description", "")) if isinstance(definition, dict) else ""

    def combine(self, key: str, values: Sequence[tuple[Sums, list[str]]], context: Any) -> None:
        """Add rows of equal paths, and keep the description of the newest build."""
        context.write(key, self._added(values))

    @staticmethod
    def _added(values: Sequence[Any]) -> list[Any]:
        sums = add_sums([value[0] for value in values], add_stored_rows)
        return [sums, max(value[1] for value in values)]

    def reduce(self, key: str, values: Sequence[tuple[Sums, list[str]]], context: Any) -> None:
        """Write the definition and the rows of the layout with the most instances."""
        sums, (_, description) = self._added(values)
        layout = chosen_layout(sums)
        words = compact_json({"description": description})
        rows = compact_json(sums[layout])
        context.write(key, f'{{"definition":[{layout},{words}],"values":{rows}}}')


def definition_of(shape: Shape) -> dict[str, Any]:
    """Return the part of a definition from which the client computes the buckets of *shape*."""
    definition: dict[str, Any] = {"kind": shape.kind}
    if shape.kind == HistogramKind.ENUMERATED:
        definition["n_values"] = len(shape.starts) - 1
    elif shape.kind in (HistogramKind.LINEAR, HistogramKind.EXPONENTIAL):
        definition |= {"low": shape.starts[1], "high": shape.starts[-1], "n_buckets": len(shape.starts)}
    return definition
