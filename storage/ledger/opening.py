"""Opens the ledger of a data root for writing, once it is known to be the one of the files beside it."""

import os

from storage.data_root import DataRoot
from storage.disk import Disk
from storage.errors import ForeignLedger, LedgerError, OlderLedger
from storage.found_files import found_files
from storage.identity import CommitMark, Identity, new_identity, read_identity, write_identity
from storage.ledger.connection import REMEDY
from storage.ledger.ledger import Ledger
from storage.ledger.ledger_file import refuse_lost


def open_ledger(root: DataRoot, disk: Disk) -> Ledger:
    """
    The ledger of *root*, for writing; a new one where nothing was converted yet.

    Raises:
        UnfitLedger: It is gone, older than its files, another data root's, or of another version.
            Nothing was changed.
        LedgerError: It cannot be opened.
        StorageFull: There is no room to open it.
        OSError: The identity of the data root cannot be written.
    """
    check_fit(root)
    ledger = Ledger(root.ledger, mark=CommitMark(root.identity))
    try:
        _join(root, ledger, disk)
    except BaseException:
        ledger.close()
        raise
    return ledger


def unfitness(root: DataRoot) -> LedgerError | None:
    """What keeps the ledger of *root* from being written to; None if all is well, or nothing is there."""
    try:
        check_fit(root)
    except LedgerError as error:
        return error
    return None


def check_fit(root: DataRoot) -> None:
    """
    Hold the ledger against the identity of *root* and its files; nothing is changed.

    Raises:
        UnfitLedger: It is not theirs.
        LedgerError: It cannot be opened.
    """
    if not root.path.is_dir():
        return
    if not root.state.is_dir():
        refuse_lost(root)
        return
    with Ledger.for_reading(root) as ledger:
        if ledger.is_absent:
            return
        _check_identity(root, ledger, read_identity(root.identity))


def _check_identity(root: DataRoot, ledger: Ledger, identity: Identity | None) -> None:
    root_id = ledger.root_id()
    if identity is not None and root_id is not None and identity.root_id != root_id:
        raise ForeignLedger(
            f"{root.ledger}: it is the ledger of another data root; {REMEDY}"
            f" (its id is {root_id}, the files' {identity.root_id})"
        )
    # Without both witnesses only the numbers of files show it.
    is_behind = identity is not None and identity.commits > ledger.counter("commit")
    if is_behind or identity is None or root_id is None:
        newer = _newer_file(root, ledger, is_behind=is_behind)
        if newer is not None:
            raise OlderLedger(f"{root.ledger}: it is older than the files; {REMEDY} (newer: {newer})")


def _newer_file(root: DataRoot, ledger: Ledger, *, is_behind: bool) -> str | None:
    """A file that a later ledger must have known; None if there is none."""
    last = ledger.counter("file")
    lengths = {file.path: file.length for file in ledger.files()}
    there = set()
    for found in found_files(root.path):
        there.add(found.path)
        if (found.number or 0) > last:
            return found.path
        if is_behind and found.path == found.final_path and found.length != lengths.get(found.path):
            return found.path
    if is_behind:
        return next((path for path in lengths if path not in there), None)
    return None


def _join(root: DataRoot, ledger: Ledger, disk: Disk) -> None:
    """Give *root* and its *ledger* one identity, where either has none."""
    identity = read_identity(root.identity)
    root_id = ledger.root_id()
    if identity is None:
        identity = Identity(root_id, ledger.counter("commit")) if root_id is not None else new_identity()
        identity = _put_first(root, identity, disk)
    if root_id is not None and root_id != identity.root_id:
        raise ForeignLedger(f"{root.ledger}: it is the ledger of another data root; {REMEDY}")
    if root_id is None or identity.commits > ledger.counter("commit"):
        with ledger.transaction() as transaction:
            transaction.name_root(identity.root_id)
            transaction.reach("commit", identity.commits)


def _put_first(root: DataRoot, identity: Identity, disk: Disk) -> Identity:
    """Write *identity*; if another process was quicker, that one's counts."""
    mine = root.identity.with_name(f"{root.identity.name}.{os.getpid()}")
    write_identity(mine, identity, disk)
    try:
        disk.rename_new(mine, root.identity)
    except FileExistsError:
        disk.unlink(mine)
        found = read_identity(root.identity)
        if found is None:  # it says nothing
            write_identity(root.identity, identity, disk)
        return found or identity
    disk.sync_directory(root.path)
    return identity
