"""How much an audit has to read."""

from dataclasses import dataclass

from storage.data_root import DataRoot
from storage.ledger.ledger import Ledger
from storage.raw.reader import segments


@dataclass(frozen=True, slots=True)
class Amount:
    """What is read: segments and partition files."""

    files: int
    size: int  # in bytes
    frames: int


def amount_to_read(root: DataRoot, ledger: Ledger) -> Amount:
    """Return how much an audit of *root* reads, about: the server may run meanwhile."""
    raw = [segment.size() for segment in segments(root.raw)]
    files = ledger.files()
    return Amount(
        len(raw) + len(files),
        sum(raw) + sum(file.length for file in files),
        sum(file.frames for file in files),
    )
