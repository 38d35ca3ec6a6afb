"""Reads objects of the archive, and compares every byte with the checksums in the ledger."""

import hashlib
import io
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import BinaryIO, cast

from storage.archive.object_store import NoObject, ObjectStore, opened_store
from storage.checksums.checksum import crc32c
from storage.errors import DamagedObject
from storage.ledger.archived_files import ArchivedObject

BLOCK_BYTES = 1 << 20
"""Each block has a checksum of its own, so that a part of an object can be read and checked."""
CHECKSUM_BYTES = 4
HELD_BLOCKS = 16
READ_AHEAD_BLOCKS = 8
RunOut = Callable[[Exception], None]


@dataclass(frozen=True, slots=True)
class Checksums:
    """The checksums of some bytes."""

    length: int  # in bytes
    sha256: str  # hexadecimal
    blocks: bytes  # CRC-32C of each block


def checksums_of(chunks: Iterable[bytes]) -> Checksums:
    """Return the checksums of all bytes of *chunks*."""
    digest, length = hashlib.sha256(), 0
    blocks: list[bytes] = []
    block, left = 0, BLOCK_BYTES
    for chunk in chunks:
        digest.update(chunk)
        length += len(chunk)
        rest = memoryview(chunk)
        while rest:
            part, rest = rest[:left], rest[left:]
            block = crc32c(part, block)
            left -= len(part)
            if not left:
                blocks.append(block.to_bytes(CHECKSUM_BYTES, "little"))
                block, left = 0, BLOCK_BYTES
    if left < BLOCK_BYTES:
        blocks.append(block.to_bytes(CHECKSUM_BYTES, "little"))
    return Checksums(length, digest.hexdigest(), b"".join(blocks))


def open_object(found: ArchivedObject, on_failure: RunOut = lambda _: None) -> BinaryIO:
    """
    Return the object *found* as a file; nothing is read yet.

    Reading raises errors of the archive.

    Args:
        on_failure: Called with such an error, for readers that lose it on the way.
    """
    return cast(BinaryIO, _ObjectFile(found, on_failure))


def open_stored(root: Path, path: str, archived: Callable[[str], ArchivedObject | None]) -> BinaryIO:
    """
    Open the committed file *path* below *root*: the local copy, else the one in the archive.

    Args:
        archived: Returns the copy of a file in the archive, as `Ledger.archived_object` does.

    Raises:
        FileNotFoundError: There is none.
    """
    try:
        return (root / path).open("rb")
    except FileNotFoundError:
        found = archived(path)
        if found is None:
            raise
        return open_object(found)


def stored_source(
    root: Path, path: str, archived: Callable[[str], ArchivedObject | None]
) -> Path | ArchivedObject:
    """Return where the committed file *path* below *root* is read: here, or in the archive."""
    local = root / path
    found = None if local.exists() else archived(path)
    return found or local


def check_object(found: ArchivedObject) -> None:
    """
    Read the whole object *found* and compare it with its checksum.

    Raises:
        DamagedObject: It is gone or differs.
    """
    for _ in checked_chunks(found):
        pass


def checked_chunks(found: ArchivedObject) -> Iterator[bytes]:
    """Yield all bytes of the object *found*; raises `DamagedObject` at the end if they differ."""
    digest = hashlib.sha256()
    try:
        for chunk in opened_store(found.url).chunks(found.key):
            digest.update(chunk)
            yield chunk
    except NoObject:
        raise _gone(found) from None
    if digest.hexdigest() != found.sha256:
        raise _differs(found)


def _gone(found: ArchivedObject) -> DamagedObject:
    return DamagedObject(f"{place_of(found)}: gone from the archive (of {found.path})")


def _differs(found: ArchivedObject) -> DamagedObject:
    return DamagedObject(f"{place_of(found)}: its bytes differ from their checksum (of {found.path})")


def place_of(found: ArchivedObject) -> str:
    """Return the address of an object, for messages."""
    return f"{found.url.rstrip('/')}/{found.key}"


class _ObjectFile(io.RawIOBase):
    """An object as a file that can seek."""

    def __init__(self, found: ArchivedObject, on_failure: RunOut) -> None:
        super().__init__()
        self._found = found
        self._on_failure = on_failure
        self._position = 0
        self._next_block = 0  # that a sequential reader reads next
        self._held: OrderedDict[int, bytes] = OrderedDict()
        self._lock = Lock()
        self._store: ObjectStore | None = None

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._position

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self._found.length}[whence]
        self._position = max(0, base + offset)
        return self._position

    def size(self) -> int:
        """Return the number of bytes."""
        return self._found.length

    def readinto(self, buffer: bytearray | memoryview) -> int:  # type: ignore[override]
        data = self.read(len(buffer))
        buffer[: len(data)] = data
        return len(data)

    def readall(self) -> bytes:
        return self.read(-1)

    def read(self, size: int | None = -1, /) -> bytes:
        with self._lock:
            start = min(self._position, self._found.length)
            end = self._found.length if size is None or size < 0 else min(start + size, self._found.length)
            if start == end:
                return b""
            try:
                data = self._between(start, end)
            except Exception as error:
                self._on_failure(error)
                raise
            self._position = end
            return data

    def _between(self, start: int, end: int) -> bytes:
        first, last = start // BLOCK_BYTES, (end - 1) // BLOCK_BYTES
        blocks = [self._block(number, last) for number in range(first, last + 1)]
        self._next_block = last + 1
        joined = blocks[0] if len(blocks) == 1 else b"".join(blocks)
        return joined[start - first * BLOCK_BYTES : end - first * BLOCK_BYTES]

    def _block(self, number: int, last: int) -> bytes:
        held = self._held.get(number)
        if held is not None:
            self._held.move_to_end(number)
            return held
        # A sequential reader gets some blocks at once, so that it asks less often.
        if number == self._next_block:
            last = max(last, number + READ_AHEAD_BLOCKS - 1)
        end = number + 1
        while end <= min(last, number + HELD_BLOCKS - 1) and end not in self._held:
            end += 1
        self._fetch(number, end)
        return self._held[number]

    def _fetch(self, first: int, end: int) -> None:
        found = self._found
        if self._store is None:
            self._store = opened_store(found.url)
        start, stop = first * BLOCK_BYTES, min(end * BLOCK_BYTES, found.length)
        try:
            data = self._store.read(found.key, start, stop)
        except NoObject:
            raise _gone(found) from None
        if len(data) != stop - start:
            raise _differs(found)
        while len(self._held) + (end - first) > 2 * HELD_BLOCKS:
            self._held.popitem(last=False)
        for number in range(first, -(-stop // BLOCK_BYTES)):
            block = data[number * BLOCK_BYTES - start : (number + 1) * BLOCK_BYTES - start]
            wanted = found.blocks[number * CHECKSUM_BYTES : (number + 1) * CHECKSUM_BYTES]
            if crc32c(block).to_bytes(CHECKSUM_BYTES, "little") != wanted:
                raise _differs(found)
            self._held[number] = block
