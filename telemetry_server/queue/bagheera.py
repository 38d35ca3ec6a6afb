"""Reads Bagheera's protobuf messages."""

from collections.abc import Iterator
from dataclasses import dataclass

OPERATION, NAMESPACE, DOCUMENT_ID, IP_ADDRESS, PAYLOAD, TIMESTAMP = 1, 2, 3, 4, 5, 6
TEXTS = {NAMESPACE, DOCUMENT_ID, IP_ADDRESS, PAYLOAD}
DELETE = 1
VARINT, FIXED_64, LENGTH, FIXED_32 = 0, 1, 2, 5
MAX_VARINT_BYTES = 10


class BadBagheeraMessage(ValueError):
    """The bytes are not a message of Bagheera."""


@dataclass(frozen=True, slots=True)
class BagheeraMessage:
    """A message without the client's address, which is discarded."""

    namespace: str
    document_id: str
    payload: bytes
    timestamp_ms: int | None = None  # since 1970
    is_deletion: bool = False


def parse_bagheera(data: bytes) -> BagheeraMessage:
    """
    Return the message in *data*; of a repeated field the last value counts, as protobuf says.

    Raises:
        BadBagheeraMessage: It is not protobuf, or a field has another type, or namespace or id is missing.
    """
    found: dict[int, int | bytes] = {}
    for number, value in _fields(data):
        if number in TEXTS and isinstance(value, int):
            raise BadBagheeraMessage(f"field {number} is a number")
        if number in (OPERATION, TIMESTAMP) and not isinstance(value, int):
            raise BadBagheeraMessage(f"field {number} is not a number")
        if number != IP_ADDRESS:
            found[number] = value
    for number, name in ((NAMESPACE, "namespace"), (DOCUMENT_ID, "id")):
        if not found.get(number):
            raise BadBagheeraMessage(f"field {number} ({name}) is missing")
    timestamp = found.get(TIMESTAMP)
    return BagheeraMessage(
        namespace=_text(found, NAMESPACE),
        document_id=_text(found, DOCUMENT_ID),
        payload=bytes(found.get(PAYLOAD, b"")),
        timestamp_ms=None if timestamp is None else _zigzag(int(timestamp)),
        is_deletion=found.get(OPERATION) == DELETE,
    )


def _text(found: dict[int, int | bytes], number: int) -> str:
    value = found[number]
    assert isinstance(value, bytes)
    try:
        return value.decode()
    except UnicodeDecodeError:
        raise BadBagheeraMessage(f"field {number} is not UTF-8") from None


def _zigzag(value: int) -> int:
    return value >> 1 ^ -(value & 1)


def _fields(data: bytes) -> Iterator[tuple[int, int | bytes]]:
    """Yield number and value of each field, varints as numbers and the rest as bytes."""
    position = 0
    while position < len(data):
        tag, position = _varint(data, position)
        number, kind = tag >> 3, tag & 7
        if number == 0:
            raise BadBagheeraMessage("a field has the number 0")
        if kind == VARINT:
            value, position = _varint(data, position)
            yield number, value
            continue
        if kind == LENGTH:
            length, position = _varint(data, position)
        elif kind in (FIXED_64, FIXED_32):
            length = 8 if kind == FIXED_64 else 4
        else:
            raise BadBagheeraMessage(f"field {number} has the unknown wire type {kind}")
        end = position + length
        if end > len(data):
            raise BadBagheeraMessage(f"the message ends inside field {number}")
        yield number, data[position:end]
        position = end


def _varint(data: bytes, position: int) -> tuple[int, int]:
    """Return the number at *position*, and the position after it."""
    value = 0
    for shift in range(0, 7 * MAX_VARINT_BYTES, 7):
        if position >= len(data):
            raise BadBagheeraMessage("the message ends inside a number")
        byte = data[position]
        position += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value & (1 << 64) - 1, position
    raise BadBagheeraMessage("a number has more than 10 bytes")
