"""The pings of several parts as Arrow arrays, in order of arrival."""

from array import array
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from storage.tables.arrays import Distinct, array_of, integers, without_surrogates
from storage.tables.columns import PINGS, schema_of
from storage.tables.rows import NO_SAMPLE, NO_WORD, PING_TEXTS, PingColumns

if TYPE_CHECKING:
    import pyarrow as pa

KeptPings = tuple[PingColumns, Sequence[bool] | None]
"""Pings, and for each whether it is wanted; None where all are."""


def ping_arrays(parts: Sequence[KeptPings], first: int) -> "dict[str, pa.Array]":
    """
    Return the columns of the table ``pings`` for the wanted pings of *parts*.

    Args:
        first: The number of the first ping; those behind it have the following ones.
    """
    import pyarrow as pa

    pings = [part for part, _ in parts]
    columns = _id_columns(pings) | _number_columns(pings) | _text_columns(pings)
    columns |= _experiment_columns(pings)
    if any(keep is not None for _, keep in parts):
        wanted = [each for part, keep in parts for each in (keep or [True] * len(part))]
        columns = {name: column.filter(pa.array(wanted, pa.bool_())) for name, column in columns.items()}
    count = len(columns["document_id"])
    return columns | {"ping": pa.arange(first, first + count)}


def _id_columns(pings: Sequence[PingColumns]) -> "dict[str, pa.Array]":
    import pyarrow as pa

    has_client = pa.array([number != NO_SAMPLE for part in pings for number in part.sample_ids], pa.bool_())
    ids = {
        "document_id": (None, b"".join(part.document_ids for part in pings)),
        "client_id": (has_client.buffers()[1], b"".join(part.client_ids for part in pings)),
    }
    count = len(has_client)
    return {
        name: pa.ExtensionArray.from_storage(
            pa.uuid(), pa.Array.from_buffers(pa.binary(16), count, [validity, pa.py_buffer(data)])
        )
        for name, (validity, data) in ids.items()
    }


def _number_columns(pings: Sequence[PingColumns]) -> "dict[str, pa.Array]":
    import pyarrow as pa
    import pyarrow.compute as pc

    stamps = _joined([part.timestamps for part in pings], pa.int64()).cast(pa.timestamp("us"))
    samples = _joined([part.sample_ids for part in pings], pa.int32())
    return {
        "submission_timestamp": stamps,
        "submission_date": stamps.cast(pa.date32()),
        "sample_id": pc.if_else(pc.equal(samples, NO_SAMPLE), pa.scalar(None, samples.type), samples),
        "profile_subsession_counter": pa.array(
            [counter for part in pings for counter in part.subsession_counters], pa.int64()
        ),
    }


def _text_columns(pings: Sequence[PingColumns]) -> "dict[str, pa.Array]":
    import pyarrow as pa

    words = Distinct()
    texts = [words.numbers_of(part.words).take(_places(part.texts, NO_WORD)) for part in pings]
    # A ping's texts lie side by side; a column takes each of these by a step.
    numbers = array("i")
    for each in texts:
        numbers.frombytes(each.fill_null(NO_WORD).buffers()[1])
    values = list(words.values)
    return (
        {
            name: _words_of(_places(numbers[position :: len(PING_TEXTS)], NO_WORD), values)
            for position, name in enumerate(PING_TEXTS)
        }
        if numbers
        else {name: array_of([], pa.string()) for name in PING_TEXTS}
    )


def _words_of(numbers: "pa.Array", words: Sequence[str]) -> "pa.Array":
    """Return the *words* at *numbers*, with a dictionary of those only."""
    import pyarrow as pa

    encoded = numbers.dictionary_encode()
    used = array_of([words[number] for number in encoded.dictionary.to_pylist()], pa.string())
    return pa.DictionaryArray.from_arrays(used.indices.take(encoded.indices), used.dictionary)


def _experiment_columns(pings: Sequence[PingColumns]) -> "dict[str, pa.Array]":
    import pyarrow as pa

    sets = Distinct()
    numbers = [
        sets.numbers_of(part.experiment_sets).take(integers(part.experiments, pa.int32())) for part in pings
    ]
    type_ = schema_of(PINGS).field("experiments").type
    try:
        distinct = pa.array(sets.values, type_)
    except UnicodeEncodeError:
        distinct = pa.array(without_surrogates(list(sets.values)), type_)
    return {"experiments": distinct.take(pa.concat_arrays(numbers))}


def _joined(parts: "Sequence[array[Any]]", type_: "pa.DataType") -> "pa.Array":
    return integers(b"".join(parts), type_)


def _places(numbers: Any, missing: int) -> "pa.Array":
    """Return *numbers* as an array with null for *missing*."""
    import pyarrow as pa
    import pyarrow.compute as pc

    found = integers(numbers, pa.int32())
    return pc.if_else(pc.equal(found, missing), pa.scalar(None, found.type), found)
