"""Appends pings to their columns."""

from datetime import datetime
from typing import Any
from uuid import UUID

from storage.tables.rows import NO_SAMPLE, NO_WORD, PingColumns
from telemetry_server.records.fields import OS_NAMES, Record, RecordFields, fields_of

try:
    from telemetry_server.tables import _fields
except ImportError:  # built without a C compiler
    IS_COMPILED = False
else:
    IS_COMPILED = True

ID_DIGITS = 32
NO_ID = bytes(16)
EPOCH = datetime(1970, 1, 1)  # UTC, without a time zone as the timestamps of records
SECONDS_A_DAY, MICROSECONDS = 86_400, 1_000_000


class Numbers(dict[Any, int]):
    """Gives each value a number: its position in *values*, to which new values are added."""

    def __init__(self, values: list[Any]) -> None:
        super().__init__()
        self._values = values

    def __missing__(self, value: Any) -> int:
        number = self[value] = len(self._values)
        self._values.append(value)
        return number


class PingCollector:
    """
    Appends pings to *columns*.

    The fields of most records are read in C, where that is compiled.
    """

    def __init__(self, columns: PingColumns) -> None:
        self._columns = columns
        self._words = Numbers(columns.words)
        self._words[None] = NO_WORD
        self._experiments = Numbers(columns.experiment_sets)
        self._parts: list[tuple[bytes, bytes, bytes, bytes, bytes, bytes, int | None]] = []
        self.count = 0
        """How many pings were appended."""

    def add(self, record: Record) -> None:
        """
        Append the ping of *record*.

        Raises:
            ValueError, KeyError: It is not a stored record.
        """
        read = _fields.fields(record, self._words, self._experiments, OS_NAMES) if IS_COMPILED else None
        if read is None:
            self.join()
            self._add(fields_of(record))
        else:
            self._parts.append(read)
        self.count += 1

    def _add(self, fields: RecordFields) -> None:
        columns = self._columns
        client_id = fields.client_id
        columns.document_ids += _id_bytes(fields.document_id)
        columns.client_ids += NO_ID if client_id is None else _id_bytes(client_id)
        columns.timestamps.append(_microseconds(fields.submission_timestamp))
        columns.sample_ids.append(NO_SAMPLE if fields.sample_id is None else fields.sample_id)
        texts = (
            *fields[TEXTS_FROM:CLIENT_ID],
            *fields[APPLICATION:COUNTER],
            fields.source_tags,
            fields.country,
        )
        columns.texts.extend(map(self._words.__getitem__, texts))
        columns.subsession_counters.append(fields.profile_subsession_counter)
        columns.experiments.append(self._experiments[fields.experiments])

    def join(self) -> None:
        """Append what was added as bytes to the columns."""
        if not self._parts:
            return
        held = self._columns
        document_ids, client_ids, timestamps, samples, texts, experiments, counters = zip(
            *self._parts, strict=True
        )
        held.document_ids += b"".join(document_ids)
        held.client_ids += b"".join(client_ids)
        held.timestamps.frombytes(b"".join(timestamps))
        held.sample_ids.frombytes(b"".join(samples))
        held.texts.frombytes(b"".join(texts))
        held.experiments.frombytes(b"".join(experiments))
        held.subsession_counters += counters
        self._parts.clear()


# Places of the texts among the fields, which have the order of the columns.
TEXTS_FROM, CLIENT_ID, APPLICATION, COUNTER = map(
    RecordFields._fields.index, ("namespace", "client_id", "application", "profile_subsession_counter")
)


def _microseconds(moment: datetime) -> int:
    since = moment - EPOCH
    return (since.days * SECONDS_A_DAY + since.seconds) * MICROSECONDS + since.microseconds


def _id_bytes(text: str) -> bytes:
    # As UUID does, but several times as fast for the form that nearly all have.
    digits = text.replace("-", "")
    return bytes.fromhex(digits) if len(digits) == ID_DIGITS else UUID(text).bytes
