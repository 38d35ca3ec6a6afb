"""
Values in Thrift's compact protocol, in which Parquet's headers and footer are written.

Source: "Thrift Compact protocol encoding" of Apache Thrift.  Only what Parquet needs of it is here.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

FALSE, I16, I32, I64, BINARY, LIST, STRUCT = 2, 4, 5, 6, 8, 9, 12
# Encoded numbers: most of them are few, and come again in each column.
_KEPT = 1024
_LONG_LIST, _MAX_STEP, _MAX_BYTE = 15, 15, 127
_BYTES = [bytes([number]) for number in range(_MAX_BYTE + 1)]


@dataclass(frozen=True, slots=True)
class Value:
    """An encoded value, and its type in the protocol."""

    type: int
    data: bytes


Fields = Mapping[int, "Value | None"]
"""Values by the number of their field, in order; None stands for a field that is left out."""


def false() -> Value:
    """Return the boolean value false, as a field of a structure."""
    return Value(FALSE, b"")


def i16(number: int) -> Value:
    """Return a whole number of 16 bits."""
    return Value(I16, _zigzag(number))


@lru_cache(_KEPT)
def i32(number: int) -> Value:
    """Return a whole number of 32 bits."""
    return Value(I32, _zigzag(number))


@lru_cache(_KEPT)
def i64(number: int) -> Value:
    """Return a whole number of 64 bits."""
    return Value(I64, _zigzag(number))


def binary(data: bytes | str) -> Value:
    """Return bytes, or a text in UTF-8."""
    data = data.encode() if isinstance(data, str) else data
    return Value(BINARY, varint(len(data)) + data)


def list_of(values: Sequence[Value]) -> Value:
    """Return a list of *values*, which have one type; an empty list is one of structures."""
    type_ = values[0].type if values else STRUCT
    size = min(len(values), _LONG_LIST)
    long = varint(len(values)) if size == _LONG_LIST else b""
    return Value(LIST, bytes([size << 4 | type_]) + long + b"".join(value.data for value in values))


def structure(fields: Fields) -> Value:
    """Return a structure of *fields*."""
    parts = []
    before = 0
    for number, value in fields.items():
        if value is None:
            continue
        step = number - before
        if not 0 < step <= _MAX_STEP:
            raise ValueError(f"field {number} does not follow field {before}")
        parts += [bytes([step << 4 | value.type]), value.data]
        before = number
    return Value(STRUCT, b"".join(parts) + b"\0")


def varint(number: int) -> bytes:
    """Return a whole number that is not negative, 7 bits a byte."""
    if number <= _MAX_BYTE:
        return _BYTES[number]
    data = bytearray()
    while number > _MAX_BYTE:
        data.append(number & 127 | 128)
        number >>= 7
    data.append(number)
    return bytes(data)


def _zigzag(number: int) -> bytes:
    return varint(number << 1 if number >= 0 else (-number << 1) - 1)
