"""A sliding view of a byte stream: what a reader needs in memory, and no more."""

from telemetry_server.imports.formats.codecs import ByteSource

CHUNK_BYTES = 1 << 20


class BufferedReader:
    """
    The bytes of *source* from a position on, as much of them as was asked for.

    ``data[position:]`` is what is at hand.  `fill` may move both, so offsets
    that must outlive it are kept relative to `position`.
    """

    __slots__ = ("_no_line_end_before", "_source", "at_end", "data", "position", "stream_offset")

    def __init__(self, source: ByteSource) -> None:
        self.data = b""
        self.position = 0
        self.at_end = False  # data holds all that is left
        self.stream_offset = 0  # of data[0]
        self._source = source
        self._no_line_end_before = 0

    @property
    def available(self) -> int:
        """How many bytes are at hand."""
        return len(self.data) - self.position

    def fill(self, count_bytes: int) -> bool:
        """Have *count_bytes* at hand, or all that is left.  Returns whether anything is."""
        have = len(self.data) - self.position
        if have < count_bytes and not self.at_end:
            pieces = [self.data[self.position :]]
            while have < count_bytes + CHUNK_BYTES:
                piece = self._source.read(CHUNK_BYTES)
                if not piece:
                    self.at_end = True
                    break
                pieces.append(piece)
                have += len(piece)
            self.stream_offset += self.position
            self.data, self.position = b"".join(pieces), 0
        return have > 0

    def line_end(self, start: int, most_bytes: int) -> int:
        """
        How far from `position` the first LF at or after *start* is.

        Searches from one call to the next must not go backwards: what was
        searched is not searched again.

        Args:
            start: Relative to `position`.

        Returns:
            Its offset relative to `position`; -1 if it is not within *most_bytes* of *start*.
        """
        end = start + most_bytes
        while True:
            begin = max(self.position + start, self._no_line_end_before - self.stream_offset)
            found = self.data.find(b"\n", begin, self.position + end)
            searched_to = found if found >= 0 else min(len(self.data), self.position + end)
            self._no_line_end_before = max(self._no_line_end_before, self.stream_offset + searched_to)
            if found >= 0:
                return found - self.position
            if self.at_end or self.available >= end:
                return -1
            self.fill(min(end, 2 * max(self.available, CHUNK_BYTES)))
