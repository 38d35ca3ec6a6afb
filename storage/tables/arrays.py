"""Plain values as Arrow arrays.  PyArrow is optional, so it is imported inside functions."""

from array import array
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pyarrow as pa


class Distinct:
    """Values of several parts, with consecutive numbers."""

    def __init__(self) -> None:
        self.values: dict[Any, int] = {}

    def numbers_of(self, values: Sequence[Any]) -> "pa.Array":
        """Return the number here of each of *values*."""
        import pyarrow as pa

        return integers(self.places_of(values), pa.int32())

    def places_of(self, values: Sequence[Any]) -> "array[int]":
        """Return the number here of each of *values*."""
        known = self.values
        return array("i", [known.setdefault(value, len(known)) for value in values])


def array_of(values: Sequence[Any], type_: "pa.DataType") -> "pa.Array":
    """Return *values* as an array of *type_*; texts are dictionary-encoded."""
    import pyarrow as pa

    if type_ == pa.uuid():
        return pa.ExtensionArray.from_storage(type_, pa.array(values, pa.binary(16)))
    try:
        array = pa.array(values, type_)
    except UnicodeEncodeError:
        array = pa.array(without_surrogates(values), type_)
    return array.dictionary_encode() if type_ == pa.string() else array


def is_utf8(texts: Sequence[str]) -> bool:
    """Return whether UTF-8 can encode *texts*: lone surrogates it cannot."""
    try:
        "".join(texts).encode()
    except UnicodeEncodeError:
        return False
    return True


def without_surrogates(value: Any) -> Any:
    """Replace lone surrogates, which UTF-8 cannot encode, by question marks."""
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode()
    if isinstance(value, list | tuple):
        return type(value)(map(without_surrogates, value))
    return value


def integers(numbers: Any, type_: "pa.DataType") -> "pa.Array":
    """Return an Arrow array over *numbers* (an array or a bytearray), which must not grow afterwards."""
    import pyarrow as pa

    data = pa.py_buffer(numbers)
    return pa.Array.from_buffers(type_, data.size * 8 // type_.bit_width, [None, data])


def marks_of(marks: Mapping[int, str], count: int) -> "pa.Array":
    """Return *marks* of *count* rows, by position; null where a row has none."""
    import pyarrow as pa

    if not marks:
        return pa.nulls(count, pa.string())
    return pa.array(map(marks.get, range(count)), pa.string(), size=count)


def words_at(numbers: "pa.Array", words: Sequence[str]) -> "pa.Array":
    """Return the *words* at *numbers* as a dictionary of the distinct ones."""
    import pyarrow as pa

    distinct = array_of(words, pa.string())
    return pa.DictionaryArray.from_arrays(distinct.indices.take(numbers), distinct.dictionary)


def take(column: "pa.Array", places: "pa.Array") -> "pa.Array":
    """Return the values of *column* at *places*, each of which must be there: that is not checked."""
    import pyarrow as pa
    import pyarrow.compute as pc

    if not pa.types.is_dictionary(column.type):
        return pc.take(column, places, boundscheck=False)
    numbers = pc.take(column.indices, places, boundscheck=False)
    return pa.DictionaryArray.from_arrays(numbers, column.dictionary, safe=False)


def kept(
    pings: "pa.Array", numbers: Sequence[int | None] | int, columns: "Sequence[pa.Array]"
) -> "list[pa.Array]":
    """
    Return the places of *pings*, and *columns*, without the rows of unwanted pings.

    Args:
        numbers: The place of each ping (None where it is unwanted), or that of the first.
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    if isinstance(numbers, int):
        return [pc.add(pings, pa.scalar(numbers, pings.type)), *columns]
    places = pa.array(numbers, pings.type).take(pings)
    if not places.null_count:
        return [places, *columns]
    wanted = places.is_valid()
    return [column.filter(wanted) for column in (places, *columns)]


def bytes_of(numbers: "pa.Array") -> memoryview:
    """Return the bytes of *numbers*, which have no null."""
    data = numbers.buffers()[1]
    width = numbers.type.bit_width // 8
    if data is None:
        return memoryview(b"")
    return memoryview(data)[width * numbers.offset : width * (numbers.offset + len(numbers))]
