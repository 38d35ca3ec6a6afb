"""
Finds whole records in a damaged segment by the prefix of each record.

It reads every byte of the file once, even with many damaged places: records found
for one place are kept for the next.
"""

import heapq
import os
from collections import deque

from storage.checksums.checksum import crc32c
from storage.raw.framing import HEAD_BYTES, TAIL_BYTES, RecordHead, parse_head

SEARCH_BYTES = 1 << 20

Found = tuple[int, RecordHead]
"""A record's offset in its file, and its head."""


def submissions_before(head: RecordHead) -> int:
    """Return how many submissions of the file precede the record of *head*."""
    return head.sequence - head.is_submission


def is_complete(descriptor: int, place: int, head: RecordHead) -> bool:
    """Return whether the record of *head* at *place* matches the checksum of its data."""
    end = place + head.record_bytes - TAIL_BYTES
    offset, crc = place + HEAD_BYTES, 0
    while offset < end:
        part = os.pread(descriptor, min(SEARCH_BYTES, end - offset), offset)
        if not part:
            return False
        crc = crc32c(part, crc)
        offset += len(part)
    return os.pread(descriptor, TAIL_BYTES, end) == crc.to_bytes(TAIL_BYTES, "little")


class RecordSearch:
    """
    The intact records of an open segment, from a place on.

    ``place`` and ``last`` must not decrease between calls: records before ``place``,
    or before submission ``last``, are dropped.

    A head alone is not enough here: a misplaced block may end in one, and its length
    would skip existing records.  So each record is checked as a whole.
    """

    def __init__(self, descriptor: int, size: int, prefix: bytes) -> None:
        """
        Search a segment.

        Args:
            descriptor: The open segment.
            size: Its length in bytes; records that end past it do not count.
            prefix: `record_prefix` of the file.
        """
        self._descriptor = descriptor
        self._size = size
        self._prefix = prefix
        self._searched_to = 0
        self._by_place: deque[Found] = deque()
        self._by_order: list[tuple[int, int, RecordHead]] = []  # a heap: submissions before it, place, head

    def first(self, place: int, last: int) -> Found | None:
        """Return the first record at or after *place* that does not belong before submission *last*."""
        self._searched_to = max(self._searched_to, place)
        while True:
            while self._by_place:
                found_at, head = self._by_place[0]
                if found_at >= place and submissions_before(head) >= last:
                    return found_at, head
                self._by_place.popleft()
            if self._searched_to >= self._size:
                return None
            self._search(self._searched_to + SEARCH_BYTES)

    def earliest(self, place: int, end: int, last: int) -> Found | None:
        """
        Return the record at or after *place* that belongs closest after submission *last*.

        Records that begin at *end* or later may count or not; of several equal ones it is the first.
        """
        self._searched_to = max(self._searched_to, place)
        while self._searched_to < min(end, self._size):
            self._search(end)
        while self._by_order:
            order, found_at, head = self._by_order[0]
            if found_at >= place and order >= last:
                return found_at, head
            heapq.heappop(self._by_order)
        return None

    def _search(self, end: int) -> None:
        """Search one more block for records that begin before *end*."""
        start = self._searched_to
        stop = min(start + SEARCH_BYTES, end, self._size)
        block = os.pread(self._descriptor, stop - start + HEAD_BYTES, start)
        index = block.find(self._prefix)
        while 0 <= index < stop - start and index + HEAD_BYTES <= len(block):
            place = start + index
            head = parse_head(block, index, self._prefix) if not place % 8 else None
            if (
                head is not None
                and place + head.record_bytes <= self._size
                and is_complete(self._descriptor, place, head)
            ):
                self._by_place.append((place, head))
                heapq.heappush(self._by_order, (submissions_before(head), place, head))
            index = block.find(self._prefix, index + 1)
        self._searched_to = stop
