"""The metrics of all processes of a server, read at one moment."""

import struct
import time
from collections.abc import Iterator
from typing import Any

READ_TRIES, RETRY_SECONDS = 5, 0.02


class MetricFamilies:
    """The metrics of all processes at one moment."""

    def __init__(self, registry: Any) -> None:
        for attempt in range(1, READ_TRIES + 1):
            try:
                self._found = list(registry.collect())
                return
            except (RuntimeError, OSError, ValueError, struct.error):
                # Another process was adding a series to its file at the same time, or ended.
                if attempt == READ_TRIES:
                    raise
                time.sleep(RETRY_SECONDS)

    def collect(self) -> Iterator[Any]:
        """Yield them, as `generate_latest` wants."""
        yield from self._found
