"""Records as they are committed: follows the ledger, and reads what it says is new."""

from collections.abc import Iterator
from typing import Any

import orjson

from storage.ledger.ledger import Ledger
from storage.ledger.values import StoredFile
from storage.partitions.frames import read_lines
from storage.root import DataRoot

CONVERTED = "converted"


class Following:
    """
    What was stored since it was made.

    A merged file begins closed and holds what was shown before; only files
    that are still appended to, and what they came to when they were closed, count.
    """

    def __init__(self, root: DataRoot, ledger: Ledger, since: str) -> None:
        """
        Begin with what stands in *ledger* now.

        Args:
            since: A `submission_timestamp`: what was received after it, and is stored already, is shown as
                well.  Whoever starts a tail and then a client must not miss what came in between.
        """
        self._root = root.path
        self._ledger = ledger
        self._since = since
        self._generation = ledger.generation()
        self._known = {file.path: file for file in ledger.files(CONVERTED, open_only=True)}

    def recent(self, began_at: float) -> Iterator[dict[str, Any]]:
        """Records that were received and stored since *began_at* (seconds since 1970), before `news`."""
        for file in list(self._known.values()):
            try:
                is_recent = (self._root / file.path).stat().st_mtime >= began_at
            except FileNotFoundError:
                continue
            if is_recent:
                for record in self._between(file, 0):
                    if record["metadata"]["submission_timestamp"] >= self._since:
                        yield record

    def news(self) -> Iterator[dict[str, Any]]:
        """Records that were committed since this was last asked; cheap while nothing was."""
        is_another = self._ledger.follow_replacement()
        generation = self._ledger.generation()
        if generation == self._generation and not is_another:
            return
        self._generation = generation
        now_open = {file.path: file for file in self._ledger.files(CONVERTED, open_only=True)}
        for path in self._known.keys() - now_open.keys():
            before = self._known[path]
            closed = [file for file in self._ledger.files(before.directory) if file.path == path]
            for file in closed:
                yield from self._between(file, before.length)
        for path, file in now_open.items():
            before_length = self._known[path].length if path in self._known else 0
            if file.length > before_length:
                yield from self._between(file, before_length)
        self._known = now_open

    def _between(self, file: StoredFile, start: int) -> Iterator[dict[str, Any]]:
        """The records of *file* whose frames lie past *start*."""
        if file.length <= start:
            return
        try:
            stream = (self._root / file.path).open("rb")
        except FileNotFoundError:
            return  # merged meanwhile
        with stream:
            stream.seek(start)
            for line in read_lines(stream, file.length - start):
                yield orjson.loads(line.partition(b"\t")[2])


def histograms_in(record: dict[str, Any]) -> int:
    """How many histograms *record* holds; each key of a keyed one counts."""
    payload = record.get("payload")
    places = [record, payload] if isinstance(payload, dict) else [record]
    for place in list(places):
        processes = place.get("processes")
        if isinstance(processes, dict):
            places += [each for each in processes.values() if isinstance(each, dict)]
    return sum(map(_histograms_of, places))


def _histograms_of(place: dict[str, Any]) -> int:
    plain, keyed = place.get("histograms"), place.get("keyedHistograms")
    count = len(plain) if isinstance(plain, dict) else 0
    if isinstance(keyed, dict):
        count += sum(len(keys) for keys in keyed.values() if isinstance(keys, dict))
    return count
