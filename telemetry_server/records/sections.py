"""The parts of a Firefox record that hold measurements: one for each process."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from telemetry_server.records.fields import Record, object_at

PARENT = "parent"
CONTENT = "content"
# A record with none of these has no section.  Most Glean pings have none.
_PARTS = frozenset(
    {"payload", "processes", "childPayloads", "histograms", "keyedHistograms"}
    | {"scalars", "keyedScalars", "simpleMeasurements", "events"}
)
ROOT_PLACES = ("", "payload.")
"""Places of the section of the payload itself."""


class Section(NamedTuple):
    """Measurements of one process."""

    process: str
    content: Mapping[str, Any]
    place: str  # its path in the record, "" for the outermost object, else ending with a dot


def sections_of(record: Record) -> list[Section]:
    """
    Return the sections of *record*, in its own order.

    The payload itself is of the parent process, each of ``processes`` of the process that it names,
    and each of ``childPayloads`` of a content process.  A record with none of their parts has no section.
    """
    if _PARTS.isdisjoint(record):
        return []
    payload = object_at(record, "payload")
    root, place = (payload, "payload.") if payload else (record, "")
    sections = [Section(PARENT, root, place)]
    if "processes" in root:
        for name, content in object_at(root, "processes").items():
            if isinstance(content, dict):
                sections.append(Section(name, content, f"{place}processes.{name}."))
    children = root.get("childPayloads") if "childPayloads" in root else None
    if isinstance(children, list):
        for position, content in enumerate(children):
            if isinstance(content, dict):
                sections.append(Section(CONTENT, content, f"{place}childPayloads[{position}]."))
    return sections
