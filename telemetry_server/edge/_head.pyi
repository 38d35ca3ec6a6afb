"""The compiled reading of plain submits; see ``_head.c``."""

from collections.abc import Callable
from datetime import datetime

from storage.raw.record_frames import RawRecord

def head(
    received: bytes, max_headers: int, max_target_bytes: int, max_kept_header_bytes: int
) -> tuple[int, str, int, bool, bool, str | None, bytes] | None: ...

class Reader:
    def __init__(
        self,
        head_limits: tuple[int, int, int],
        max_body_bytes: int,
        clock: Callable[[], datetime] | None,
        record_type: type[RawRecord],
    ) -> None: ...
    def __call__(self, received: bytes) -> tuple[RawRecord, str, int, bool] | None: ...
