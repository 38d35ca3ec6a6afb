"""
The expiry clock: the wall clock, as far as it is trusted.

Expired data cannot be restored, and a wall clock may be wrong for a while.  So a
clock that is more than a day ahead of the last look, or behind it, is reported
and not used.  After it has run from there for a day it is trusted: the server
was off for that long, or the clock was corrected.
"""

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace

DAY_SECONDS = 86_400
MAX_STEP_SECONDS = DAY_SECONDS
MAX_BACK_SECONDS = 300  # how far NTP or an operator may set the clock back
BELIEVED_AFTER_SECONDS = DAY_SECONDS
PREFIX = "clock_"


@dataclass(frozen=True, slots=True)
class ClockRecord:
    """The clock at the last look; moments in s since 1970, 0 for none."""

    believed: int  # the latest moment that was trusted
    doubted_since: int = 0  # the wall clock's moment at its jump, while it is in doubt
    doubted_last: int = 0  # the wall clock's moment at the last look since then
    jumped_at: int = 0  # the wall clock's moment before its last jump
    jumped_by: int = 0  # seconds; negative where it went back

    @classmethod
    def of_numbers(cls, numbers: Mapping[str, int]) -> "ClockRecord | None":
        """Return the record with the numbers of `numbers`; None if one is missing."""
        names = [field.name for field in fields(cls)]
        if any(PREFIX + name not in numbers for name in names):
            return None
        return cls(**{name: int(numbers[PREFIX + name]) for name in names})

    def numbers(self) -> dict[str, int]:
        """The record as numbers by name."""
        return {PREFIX + field.name: int(getattr(self, field.name)) for field in fields(self)}

    @property
    def is_doubted(self) -> bool:
        """Whether the wall clock is not trusted."""
        return self.doubted_since != 0

    def expiry_time(self, wall: int) -> int:
        """Return the moment to measure ages by at wall-clock moment *wall*."""
        return min(wall, self.believed)

    def looked_at(self, wall: int) -> "ClockRecord":
        """Return the record after a look at the wall clock at moment *wall*."""
        ahead = wall - self.believed
        if -MAX_BACK_SECONDS <= ahead <= MAX_STEP_SECONDS:
            return replace(self, believed=max(wall, self.believed), doubted_since=0, doubted_last=0)
        is_steady = self.is_doubted and -MAX_BACK_SECONDS <= wall - self.doubted_last <= MAX_STEP_SECONDS
        if not is_steady:
            last = self.doubted_last or self.believed
            return replace(self, doubted_since=wall, doubted_last=wall, jumped_at=last, jumped_by=wall - last)
        if wall - self.doubted_since >= BELIEVED_AFTER_SECONDS:
            return replace(self, believed=wall, doubted_since=0, doubted_last=0)
        return replace(self, doubted_last=max(wall, self.doubted_last))
