"""What each file in quarantine holds: counts by hour, the newest line, the details of schema violations."""

import re
from collections import Counter, OrderedDict
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import orjson

from storage.ledger.values import StoredFile
from storage.partitions.frames import read_lines
from storage.partitions.quarantine_items import items_in
from telemetry_server.outcomes.outcome import QuarantineReason
from telemetry_server.outcomes.quarantine_line import one_by_one

MAX_FILES_REMEMBERED = 4096
MAX_DETAILS = 1000  # different ones of a file
# What is before the body of a line, which may be long.  In a text of a client the quotes are escaped.
END_OF_HEAD = b',"path":"'
_MOMENT = re.compile(
    rb'\{(?:"count":[0-9]+,)?"document_id":(?:null|"(?:[^"\\]|\\.)*"),"received_at":"([^"\\]{20,40})"'
)

Detail = tuple[str, str, str]
"""Namespace, doctype and what is wrong."""


@dataclass(slots=True)
class HeldLines:
    """What was read of one file so far."""

    length: int = 0
    hours: Counter[str] = field(default_factory=Counter)  # like 2026-11-27T14
    newest_at: str = ""
    newest: dict[str, Any] = field(default_factory=dict)  # fields of the newest line's last item
    details: Counter[Detail] = field(default_factory=Counter)  # of schema violations


class QuarantineFiles:
    """Reads quarantine files, each byte once as long as it is remembered."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._known: OrderedDict[str, HeldLines] = OrderedDict()

    def held(self, file: StoredFile) -> HeldLines:
        """Return what *file* holds."""
        held = self._known.setdefault(file.path, HeldLines())
        if held.length < file.length:
            self._read_on(file, held)
        self._known.move_to_end(file.path)
        while len(self._known) > MAX_FILES_REMEMBERED:
            self._known.popitem(last=False)
        return held

    def _read_on(self, file: StoredFile, held: HeldLines) -> None:
        try:
            stream = (self._root / file.path).open("rb")
        except FileNotFoundError:  # merged or expired meanwhile
            return
        counts_details = file.directory.endswith(f"/{QuarantineReason.SCHEMA_VIOLATION}")
        newest = b""
        with stream:
            stream.seek(held.length)
            for line in read_lines(stream, file.length - held.length):
                moment = moment_of(line)
                held.hours[moment[:13]] += items_in(line)
                if moment >= held.newest_at:
                    held.newest_at, newest = moment, line
                if counts_details:
                    _count_detail(held.details, line)
        if newest:
            held.newest = list(one_by_one(orjson.loads(newest.partition(b"\t")[2])))[-1]
            held.newest.pop("body_base64", None)
            held.newest.pop("body", None)
        held.length = file.length


def moment_of(line: bytes) -> str:
    """Return when the submission of a quarantine line came."""
    text = line.partition(b"\t")[2]
    found = _MOMENT.match(text)
    return found[1].decode() if found else str(orjson.loads(text)["received_at"])


def _count_detail(details: Counter[Detail], line: bytes) -> None:
    head, end, _ = line.partition(b"\t")[2].partition(END_OF_HEAD)
    fields = orjson.loads(head + b"}" if end else head)
    detail = fields["namespace"], fields["doctype"], fields["detail"]
    if detail in details or len(details) < MAX_DETAILS:
        details[detail] += 1
