"""Tells the form of an export by looking at how it begins, a damaged beginning included."""

import re
from dataclasses import dataclass

from telemetry_server.imports.formats.dump import UUID_PATTERN, next_dump_header
from telemetry_server.imports.formats.exported_ping import ExportFormat
from telemetry_server.imports.formats.packed import layout_of

# Enough to hold a largest packed record after a damaged one.
LOOK_BYTES = 2 << 20

# A byte order mark may stand before the first line, or before a later one where files were joined.
_SURE_LINE = re.compile(
    rb"^(?:\xef\xbb\xbf)?(?:" + UUID_PATTERN + rb"(?:/[!-~]*)?|/submit/[!-~]*)\t", re.MULTILINE
)
_LIKELY_LINE = re.compile(rb"^[^\x00-\x1f]{1,1024}\t[ \t]*\{", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Detected:
    """The form of an export, and where in what was looked at its first record is."""

    format: ExportFormat
    offset: int


def detect(head: bytes, name: str = "") -> Detected | None:
    """
    The form of which a record comes first in *head*; None where none of any form does.

    Args:
        head: The first `LOOK_BYTES` of the export, or all of it.
        name: The file's, for what bytes leave open.
    """
    found = []
    packed = layout_of(head, name)
    if packed:
        found.append(Detected(ExportFormat.PACKED, packed[1]))
    dumped = next_dump_header(head, 0, len(head))
    if dumped >= 0:
        found.append(Detected(ExportFormat.EXPORT, dumped))
    sure = _SURE_LINE.search(head)
    if sure:
        found.append(Detected(ExportFormat.LINES, sure.start()))
    if found:
        return min(found, key=lambda each: each.offset)
    likely = _LIKELY_LINE.search(head)
    return Detected(ExportFormat.LINES, likely.start()) if likely else None
