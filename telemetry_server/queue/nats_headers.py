"""The headers of a NATS message, read when they are asked for."""

from collections.abc import Iterator, Mapping

from telemetry_server.queue.message_forms import PATH

_PATH_LINE = b"\r\n" + PATH.encode() + b":"


class NatsHeaders(Mapping[str, str]):
    """
    The fields of a header block, names in lower case; of a repeated field the last value counts.

    The path is found without reading the other fields: for a message of another share, no more is
    needed.
    """

    __slots__ = ("_block", "_fields")

    def __init__(self, block: bytes) -> None:
        self._block = block
        self._fields: dict[str, str] | None = None

    def __getitem__(self, name: str) -> str:
        if self._fields is None and name == PATH and (path := self._path()) is not None:
            return path
        return self._read()[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._read())

    def __len__(self) -> int:
        return len(self._read())

    def _path(self) -> str | None:
        """Return the field `path`; None if all fields must be read to find it."""
        block = self._block
        lowered = block.lower()
        if lowered.count(_PATH_LINE) != 1:
            return None
        start = lowered.find(_PATH_LINE) + len(_PATH_LINE)
        return block[start : block.find(b"\r\n", start)].strip().decode("utf-8", "replace")

    def _read(self) -> dict[str, str]:
        if self._fields is None:
            self._fields = fields_of(self._block)
        return self._fields


def fields_of(block: bytes) -> dict[str, str]:
    """Return the fields of a header block; other lines are ignored, as nats-py does."""
    fields: dict[str, str] = {}
    for line in block.split(b"\r\n")[1:]:
        name, colon, value = line.partition(b":")
        name = name.strip()
        if colon and name.isascii() and len(name.split()) == 1:
            fields[name.decode().lower()] = value.strip().decode("utf-8", "replace")
    return fields
