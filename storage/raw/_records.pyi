"""The compiled framing of the raw store; see ``_records.c``."""

from datetime import datetime

from storage.raw.record_frames import RawRecord

def frame(
    records: list[RawRecord], offset: int, prefix: bytes, sequence: int
) -> tuple[list[bytes | memoryview], int]: ...
def stamped(moment: datetime, rest: bytes) -> bytes: ...
def intact(
    buffer: bytes | bytearray | memoryview, stop: int, prefix: bytes, last_sequence: int
) -> tuple[int, int, list[bytes], int]: ...
def unusual(headers: list[bytes]) -> list[bytes]: ...
