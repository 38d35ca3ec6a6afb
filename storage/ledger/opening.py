"""Opens the ledger of a data root for writing, after a check that it matches the files."""

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
    Return the ledger of *root* for writing; create it if nothing was converted yet.

    Raises:
        UnfitLedger: It is missing, older than its files, or of another data root or version.
            Nothing was changed.
        LedgerError: It cannot be opened.
        StorageFull: Not enough space to open it.
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
    """Return why the ledger of *root* must not be written to; None if it may, or does not exist yet."""
    try:
        check_fit(root)
    except LedgerError as error:
        return error
    return None


def check_fit(root: DataRoot) -> None:
    """
    Compare the ledger with the identity and the files of *root*; nothing is changed.

    Raises:
        UnfitLedger: They do not match.
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
            f" (ledger id {root_id}, data root id {identity.root_id})"
        )
    # Without both ids only the file numbers show an older ledger.
    is_behind = identity is not None and identity.commits > ledger.counter("commit")
    if is_behind or identity is None or root_id is None:
        newer = _newer_file(root, ledger, is_behind=is_behind)
        if newer is not None:
            raise OlderLedger(f"{root.ledger}: it is older than the files; {REMEDY} (newer: {newer})")


def _newer_file(root: DataRoot, ledger: Ledger, *, is_behind: bool) -> str | None:
    """Return a file that only a later ledger can have written; None if there is none."""
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
        archived = ledger.archived_objects()
        return next((path for path in lengths if path not in there and path not in archived), None)
    return None


def _join(root: DataRoot, ledger: Ledger, disk: Disk) -> None:
    """Write the same identity to *root* and *ledger* where one of them has none."""
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
    """Write *identity* unless another process was faster; return the one in the file."""
    mine = root.identity.with_name(f"{root.identity.name}.{os.getpid()}")
    write_identity(mine, identity, disk)
    try:
        disk.rename_new(mine, root.identity)
    except FileExistsError:
        disk.unlink(mine)
        found = read_identity(root.identity)
        if found is None:  # the file is not valid
            write_identity(root.identity, identity, disk)
        return found or identity
    disk.sync_directory(root.path)
    return identity
