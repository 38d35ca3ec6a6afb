"""Compares the tables' files on disk with the ledger."""

from collections.abc import Iterator

from storage.archive.object_store import opened_store
from storage.data_root import DataRoot
from storage.ledger.ledger import Ledger
from storage.ledger.table_files import TABLES_FOLDER, TableFile


def table_findings(root: DataRoot, ledger: Ledger) -> list[str]:
    """
    Return the differences, one line each; tables that are behind the records are not a finding.

    The server may run meanwhile: files that it merges or commits after the start are not reported.

    Raises:
        OSError: A file exists but cannot be read.
    """
    findings = []
    unknown = unknown_table_files(root, ledger)
    for file in ledger.table_files():
        try:
            size = (root.path / file.path).stat().st_size
        except FileNotFoundError:
            size = _archived_size(ledger, file)
        if size != file.bytes and file in ledger.table_files(file.table, file.day):
            what = "gone" if size < 0 else f"{size} bytes where the ledger says {file.bytes}"
            findings.append(f"{file.path}: {what}")
    findings += [
        f"{path}: the ledger does not know this file; run: telemetry-server repair --dry-run"
        for path in unknown
    ]
    return findings


def _archived_size(ledger: Ledger, file: TableFile) -> int:
    """Return the bytes of the copy of *file* in the archive; -1 where there is none."""
    found = ledger.archived_object(file.path)
    size = None if found is None else opened_store(found.url).size(found.key)
    return -1 if size is None else size


def unknown_table_files(root: DataRoot, ledger: Ledger) -> list[str]:
    """Return files below tables/ that *ledger* does not have, sorted by path."""
    if not ledger.has_tables():
        return []  # the upgrade removes them
    strays = set(_files_below(root)) - _known(ledger)
    # Committed or removed since they were listed?
    known = _known(ledger) if strays else set()
    return sorted(path for path in strays if path not in known and (root.path / path).exists())


def _known(ledger: Ledger) -> set[str]:
    return {file.path for file in ledger.table_files()} | set(ledger.doubtful())


def _files_below(root: DataRoot) -> Iterator[str]:
    for path in (root.path / TABLES_FOLDER).rglob("*"):
        if not path.is_dir() or path.is_symlink():
            yield path.relative_to(root.path).as_posix()
