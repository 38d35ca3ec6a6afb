"""
Reads packed logs, and finds the next record after damage.

Both readers of the time trusted a header's lengths and could lose the rest of
a file by it.  Here a record is believed when its header is plausible and what
follows agrees: the end of the log, or another plausible header.  Where they
disagree, a plausible record inside the claimed one shows that its length is
wrong; else a follower with one bad field, or the body's own account (a gzip
checksum, a JSON object's last brace), says that stray bytes follow a whole
record and do not belong to a broken one.
"""

from collections.abc import Iterator
from datetime import UTC, datetime

from telemetry_server.imports.formats.buffered_reader import BufferedReader
from telemetry_server.imports.formats.completeness import is_complete
from telemetry_server.imports.formats.exported_ping import ExportDamage, ExportedPing, submit_path
from telemetry_server.imports.formats.packed_layout import (
    EARLIEST_MS,
    UNSET_CLOCK_MS,
    Extent,
    Layout,
    PackedVersion,
)

ENOUGH_VOTES = 3  # records in a row: more than that proves no more
MAX_INNER_CHAIN = 16  # bounds the time, not what is true
_LF = 0x0A
_NEVER_HOLD_RECORDS = (b"{", b"\x1f\x8b")


class PackedReader:
    """
    The pings of one packed log, in order.

    A timestamp is the ping's time of arrival; a v2 record's address is not kept.
    """

    def __init__(self, window: BufferedReader, layout: Layout) -> None:
        self.damaged = ExportDamage()
        self._window = window
        self._layout = layout
        # A whole record and the header and path after it.
        self._reach_bytes = 2 * layout.most_record_bytes - layout.most_data_bytes + 1
        self._stray_bytes = 0

    def __iter__(self) -> Iterator[ExportedPing]:
        while self._window.fill(self._reach_bytes):
            yield from self._read_window()
        self._close_damage()

    def _read_window(self) -> Iterator[ExportedPing]:
        """Read while a whole record and what follows it are surely at hand."""
        window, layout = self._window, self._layout
        buffer = window.data
        last = len(buffer) if window.at_end else len(buffer) - self._reach_bytes + 1
        offset = window.position
        while offset < last:
            extent = layout.extent_at(buffer, offset)
            if extent is not None:
                self._close_damage()
                if self._is_whole(buffer, offset, extent):
                    yield _ping(buffer, extent)
                    offset = self._past_line_end(buffer, extent.end)
                    window.position = offset
                    continue
            found = layout.next_extent(buffer, offset + 1, last)
            found = last if found < 0 else found
            self._stray_bytes += found - offset
            offset = window.position = found

    def _is_whole(self, buffer: bytes, offset: int, extent: Extent) -> bool:
        """Whether the plausible record at *offset* has the lengths that it was written with."""
        layout, end = self._layout, extent.end
        if end > len(buffer):
            return False
        inner = layout.next_extent(buffer, offset + 1, end)
        if self._is_boundary(buffer, end):
            return inner < 0 or not self._has_swallowed(buffer, extent, inner)
        if inner >= 0:
            return False
        return layout.resembles_header(buffer, end) or is_complete(buffer[extent.data : end])

    def _has_swallowed(self, buffer: bytes, extent: Extent, inner: int) -> bool:
        """
        Whether the record at *inner* is one of its own, though *extent* ends where a later one begins.

        A false length, or a cut, may happen to end there; but a body may hold
        anything, a packed record too.  JSON and gzip hold none; of other bodies
        those have swallowed it in which something stands before records that
        follow each other to the very end.
        """
        if buffer.startswith(_NEVER_HOLD_RECORDS, extent.data, extent.end):
            return True
        if inner <= extent.data:
            return False
        for _ in range(MAX_INNER_CHAIN):
            found = self._layout.extent_at(buffer, inner)
            if found is None or found.end >= extent.end:
                return found is not None and found.end == extent.end
            inner = found.end
        return True

    def _is_boundary(self, buffer: bytes, offset: int) -> bool:
        past = self._past_line_end(buffer, offset)
        return past == len(buffer) or self._layout.extent_at(buffer, past) is not None

    def _past_line_end(self, buffer: bytes, offset: int) -> int:
        """Past one LF between records or at the end: people leave them, and nothing is lost by them."""
        if offset >= len(buffer) or buffer[offset] != _LF or self._layout.extent_at(buffer, offset):
            return offset
        is_lone = offset + 1 == len(buffer) or self._layout.extent_at(buffer, offset + 1) is not None
        return offset + 1 if is_lone else offset

    def _close_damage(self) -> None:
        """Count the stray bytes so far; what a header would fit in was a record."""
        if self._stray_bytes:
            records = 1 if self._stray_bytes >= self._layout.header_bytes else 0
            self.damaged += ExportDamage(records, self._stray_bytes)
            self._stray_bytes = 0


def votes_for(layout: Layout, buffer: bytes) -> tuple[int, int]:
    """
    How much speaks for *layout* in the first bytes of a log.

    Returns:
        How many records stand in a row from the first plausible one, up to
        `ENOUGH_VOTES`, and the offset of that one; (0, -1) where there is none.
    """
    first = layout.next_extent(buffer, 0, len(buffer))
    if first < 0:
        return 0, -1
    votes, offset = 1, first  # a header that could be cut short is still no accident
    while votes < ENOUGH_VOTES:
        extent = layout.extent_at(buffer, offset)
        if extent is None or extent.end >= len(buffer):
            break
        votes, offset = votes + 1, extent.end
    return votes, first


def layout_of(buffer: bytes, name: str = "") -> tuple[Layout, int] | None:
    """
    The layout of the packed log that begins with *buffer*, and where its first record is.

    Where no record has a time of this century, one of a clock that was never set will do.

    Args:
        name: The file's; ``.v1.`` or ``.v2.`` in it breaks a tie and does no more.
    """
    return _layout_since(EARLIEST_MS, buffer, name) or _layout_since(UNSET_CLOCK_MS, buffer, name)


def _layout_since(earliest_ms: int, buffer: bytes, name: str) -> tuple[Layout, int] | None:
    best: tuple[int, bool, int, PackedVersion] | None = None
    for version in PackedVersion:
        votes, first = votes_for(Layout(version, earliest_ms=earliest_ms), buffer)
        standing = (votes, f".{version}." in name, -first, version)
        if votes and (best is None or standing > best):
            best = standing
    return (Layout(best[3], earliest_ms=earliest_ms), -best[2]) if best else None


def _ping(buffer: bytes, extent: Extent) -> ExportedPing:
    return ExportedPing(
        path=submit_path(buffer[extent.path : extent.data]),
        received_at=datetime.fromtimestamp(extent.time_ms / 1000, UTC),
        body=buffer[extent.data : extent.end],
    )
