"""A sliding window over a byte stream: only the bytes that a reader needs are in memory."""

from telemetry_server.imports.formats.codecs import ByteSource

CHUNK_BYTES = 1 << 20


class BufferedReader:
    """
    The buffered bytes of *source* from a position on.

    ``data[position:]`` is available.  `fill` may change both, so offsets that must stay valid
    across a call are relative to `position`.
    """

    __slots__ = ("_no_line_end_before", "_source", "at_end", "data", "position", "stream_offset")

    def __init__(self, source: ByteSource) -> None:
        self.data = b""
        self.position = 0
        self.at_end = False  # data has all remaining bytes
        self.stream_offset = 0  # of data[0]
        self._source = source
        self._no_line_end_before = 0

    @property
    def available(self) -> int:
        """How many bytes are available."""
        return len(self.data) - self.position

    def fill(self, count_bytes: int) -> bool:
        """Buffer *count_bytes*, or all that remain.  Return whether any bytes are available."""
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

    def line_end(self, start: int, max_bytes: int) -> int:
        """
        Return the offset of the first LF at or after *start*.

        *start* must not decrease from call to call: searched bytes are not searched again.

        Args:
            start: Relative to `position`.

        Returns:
            The offset relative to `position`; -1 if there is no LF within *max_bytes* of *start*.
        """
        end = start + max_bytes
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
