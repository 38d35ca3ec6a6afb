"""
The expiry clock: the wall clock, as far as it is trusted.

Expired data cannot be restored, and a wall clock may be wrong for a while.  So a
clock that is more than a day ahead of the last check, or behind it, is reported
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
    """A clock as it was at the last check; all values in s since 1970, 0 for none."""

    believed: int  # the latest moment that was trusted
    doubted_since: int = 0  # the wall clock's moment at its jump, while it is not trusted
    doubted_last: int = 0  # the wall clock's moment at the last check since then
    jumped_at: int = 0  # the wall clock's moment before its last jump
    jumped_by: int = 0  # seconds; negative if it jumped back

    @classmethod
    def of_numbers(cls, numbers: Mapping[str, int]) -> "ClockRecord | None":
        """Return the record with these `numbers`; None if one of them is missing."""
        names = [field.name for field in fields(cls)]
        if any(PREFIX + name not in numbers for name in names):
            return None
        return cls(**{name: int(numbers[PREFIX + name]) for name in names})

    def numbers(self) -> dict[str, int]:
        """Return the record as numbers by name."""
        return {PREFIX + field.name: int(getattr(self, field.name)) for field in fields(self)}

    @property
    def is_doubted(self) -> bool:
        """Whether the wall clock is not trusted."""
        return self.doubted_since != 0

    def expiry_time(self, wall: int) -> int:
        """Return the moment to measure ages by when the wall clock shows *wall*."""
        return min(wall, self.believed)

    def after_check(self, wall: int) -> "ClockRecord":
        """Return the record after a check of the wall clock, which shows *wall*."""
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
