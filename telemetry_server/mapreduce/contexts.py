"""What a job's functions get as ``context``."""

import csv
from typing import Any

from telemetry_server.mapreduce.errors import JobFailed
from telemetry_server.mapreduce.plain_values import NotPlain, checked_key, taken


class MapContext:
    """The context of ``map``: collects the pairs of one record."""

    def __init__(self) -> None:
        self.pairs: list[tuple[Any, Any, int]] = []
        self.failure: NotPlain | None = None

    def write(self, key: Any, value: Any) -> None:
        """
        Write a pair.

        Raises:
            NotPlain: *key* or *value* is not a plain value.
        """
        try:
            checked_key(key)
            copy, size = taken(value)
        except NotPlain as error:
            # Remembered, so that a job that catches it fails too.
            self.failure = self.failure or error
            raise
        self.pairs.append((key, copy, size))


class CombineContext:
    """The context of ``combine``: takes one pair."""

    def __init__(self) -> None:
        self._written: list[tuple[Any, Any]] = []

    def write(self, key: Any, value: Any) -> None:
        """Write the pair."""
        checked_key(key)
        self._written.append((key, taken(value)[0]))

    def only_value(self, key: Any) -> Any:
        """
        Return the one value that was written for *key*, and forget it.

        Raises:
            JobFailed: Another number of pairs was written, or another key.
        """
        written, self._written = self._written, []
        if len(written) != 1:
            raise JobFailed(f"combine wrote {len(written)} pairs for key {key!r}; it must write one")
        found, value = written[0]
        if found != key:
            raise JobFailed(f"combine wrote key {found!r} for key {key!r}; it must write the same key")
        return value


class _TextParts(list[str]):
    """A list of texts that a CSV writer can write to."""

    def write(self, text: str) -> None:
        self.append(text)


class OutputContext:
    """
    The context of ``reduce`` and ``setup_reduce``: collects lines of output.

    A job may set both separators in ``setup_reduce``.
    """

    def __init__(self) -> None:
        self.field_separator = "\t"
        self.record_separator = "\n"
        self._parts = _TextParts()
        self._csv = csv.writer(self._parts)

    def write(self, key: Any, value: Any) -> None:
        """Write a line of *key* and *value*."""
        checked_key(key)
        if type(value) is not str and type(value) is not int:
            taken(value)
        self._parts.append(f"{key}{self.field_separator}{value}{self.record_separator}")

    def writecsv(self, values: Any) -> None:
        """Write *values*, a list, as a line of CSV that ends with CR and LF."""
        taken(values)
        self._csv.writerow(values)

    def writeline(self, text: str) -> None:
        """Write *text* as a line."""
        self._parts.append(f"{text}{self.record_separator}")

    def take(self) -> bytes:
        """Return what was written since the last time, in UTF-8."""
        text = "".join(self._parts)
        self._parts.clear()
        return text.encode("utf-8", "backslashreplace")
