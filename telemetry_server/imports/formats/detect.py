"""Detects the format of an export from its first bytes, even if they are damaged."""

import re
from dataclasses import dataclass

from telemetry_server.imports.formats.dump import UUID_PATTERN, next_dump_header
from telemetry_server.imports.formats.exported_ping import ExportFormat
from telemetry_server.imports.formats.packed import layout_of

# Enough for a packed record of the maximum size after a damaged one.
LOOK_BYTES = 2 << 20

# A byte order mark may precede the first line, and later lines of joined files.
_SURE_LINE = re.compile(
    rb"^(?:\xef\xbb\xbf)?(?:" + UUID_PATTERN + rb"(?:/[!-~]*)?|/submit/[!-~]*)\t", re.MULTILINE
)
_LIKELY_LINE = re.compile(rb"^[^\x00-\x1f]{1,1024}\t[ \t]*\{", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Detected:
    """The format of an export, and the offset of its first record."""

    format: ExportFormat
    offset: int


def detect(head: bytes, name: str = "") -> Detected | None:
    """
    Return the format of the first record in *head*; None if it holds no record.

    Args:
        head: The first `LOOK_BYTES` of the export, or all of it.
        name: Name of the file, which decides between packed layouts.
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
