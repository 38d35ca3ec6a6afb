"""Records that a job could not map: how many, and the first of them."""

from dataclasses import dataclass, field

MAX_SHOWN = 10


@dataclass(slots=True)
class BadRecords:
    """Counts skipped records, and keeps the first `MAX_SHOWN` in the order of files and lines."""

    count: int = 0
    first: list[tuple[int, int, str]] = field(default_factory=list)  # file, line, one line of words

    def add(self, file: int, line: int, words: str) -> None:
        """Count a record; they come in order."""
        self.count += 1
        if len(self.first) < MAX_SHOWN:
            self.first.append((file, line, words))

    def add_all(self, other: "BadRecords") -> None:
        """Count those of *other*, too."""
        self.count += other.count
        self.first = sorted(self.first + other.first)[:MAX_SHOWN]


@dataclass(frozen=True, slots=True)
class BadLimit:
    """How many records may be bad: a count, or a share of all."""

    count: int | None = None
    share: float = 0.01

    def of(self, records: int) -> int:
        """Return how many of *records* records may be bad."""
        return int(self.share * records) if self.count is None else self.count


ONE_PERCENT = BadLimit()
