"""Two sizes of costly tests: a sample that finds the same faults, and the whole, for ``make full``."""

import os

IS_FULL = os.environ.get("SIZES") == "full"


def size(sample: int, full: int) -> int:
    """Return the number of repetitions: *full* in ``make full`` and ``make faults``, *sample* elsewhere."""
    return full if IS_FULL else sample
