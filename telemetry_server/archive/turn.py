"""Short commits of the archive between the turns of the converter."""

from collections.abc import Iterator
from contextlib import contextmanager

from storage.data_root import DataRoot
from storage.ledger.ledger import Ledger
from storage.ledger.opening import check_fit
from storage.lock import FileLock


class Turn:
    """The converter's lock: while it is held, no other process commits."""

    def __init__(self, root: DataRoot, ledger: Ledger) -> None:
        self._root = root
        self._ledger = ledger
        self._lock = FileLock(root.state / "converter.lock")

    @contextmanager
    def held(self) -> Iterator[None]:
        """Hold the lock for the block; wait for it first."""
        with self._lock.held():
            if self._ledger.follow_replacement():
                check_fit(self._root)
            yield
