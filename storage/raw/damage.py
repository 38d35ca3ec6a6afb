"""What a scan of a segment finds damaged."""

from dataclasses import dataclass, field


@dataclass(slots=True)
class Damage:
    """Damage that a scan skipped."""

    records: int = 0  # lost submissions by their sequence numbers; at least 1 for each damaged region
    bytes: int = 0
    regions: list[tuple[int, int]] = field(default_factory=list, compare=False)  # start and end, in order

    def skip(self, start: int, end: int) -> None:
        """Count the bytes from *start* to *end* as damaged."""
        if end > start:
            self.bytes += end - start
            self.regions.append((start, end))
