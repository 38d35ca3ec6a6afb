"""The content of a backup: its files, their committed lengths, and the list that proves it complete."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass

from storage.data_root import DataRoot
from storage.errors import LostFile
from storage.ledger.ledger import Ledger
from storage.raw.reader import scan_segment, segments

FORMAT = 1
LIST_NAME = "backup.json"
"""The last member: without it an archive was cut short."""
SCAN_BYTES = 1 << 62
SCAN_RECORDS = 1 << 62

_PATHS = re.compile(
    r"(?:\.identity|state/ledger\.sqlite|state/access\.json|state/queue\.json"
    r"|state/imports/[0-9a-f]{64}\.json|state/forget\.key|state/orders/[0-9]{10}\.json"
    r"|(?:raw|converted|quarantine|tables|specs)(?:/(?!\.)[A-Za-z0-9_.+-]{1,255})+)\Z"
)


@dataclass(frozen=True, slots=True)
class Part:
    """A file, up to the length that counts."""

    path: str  # below the data root
    length: int


@dataclass(frozen=True, slots=True)
class FileDigest:
    """The expected length and digest of a file in the archive."""

    length: int
    sha256: str


@dataclass(frozen=True, slots=True)
class CopyResult:
    """The result of a backup or a restore."""

    files: int
    bytes: int


def is_allowed(path: str) -> bool:
    """Whether a backup may hold a file at *path*: below one of the data root's folders, and not hidden."""
    return _PATHS.match(path) is not None


def is_of_ledger(path: str) -> bool:
    """Whether a ledger may name *path*: a plain path below a folder of submissions or records."""
    return is_allowed(path) and path.startswith(("raw/", "converted/", "quarantine/", "tables/"))


def committed_parts(root: DataRoot, ledger: Ledger) -> Iterator[Part]:
    """
    Yield the committed files below converted/, quarantine/ and tables/, up to their committed lengths.

    Those that are only in the archive are left out: the ledger says where they are.

    Raises:
        LostFile: One is gone.
    """
    for file in ledger.files():
        if _is_here(root, ledger, file.path):
            yield Part(file.path, file.length)
    for table_file in ledger.table_files():
        if _is_here(root, ledger, table_file.path):
            yield Part(table_file.path, table_file.bytes)


def _is_here(root: DataRoot, ledger: Ledger, path: str) -> bool:
    if (root.path / path).exists():
        return True
    if ledger.archived_object(path) is None:
        raise LostFile(path)
    return False


def raw_parts(root: DataRoot) -> Iterator[Part]:
    """Yield every segment up to its last whole record, as a writer may still append to it."""
    for segment in segments(root.raw):
        try:
            end = scan_segment(segment.path, 0, max_bytes=SCAN_BYTES, max_records=SCAN_RECORDS).end
        except FileNotFoundError:
            continue  # removed after its retention since it was listed
        yield Part(f"raw/{segment.name}", end)


def note_parts(root: DataRoot) -> Iterator[Part]:
    """Yield the notes of `convert FILE`, so that a waiting export is not imported twice, and of deletions."""
    noted = [*(root.state / "imports").glob("*.json"), *(root.state / "orders").glob("[0-9]*.json")]
    for path in sorted([*noted, *root.state.glob("forget.key")]):
        yield Part(path.relative_to(root.path).as_posix(), path.stat().st_size)


def needed_segments(ledger: Ledger) -> set[str]:
    """Return the paths of segments that *ledger* still reads from; finished ones may be removed meanwhile."""
    unfinished = {name for name, position in ledger.positions().items() if not position.finished}
    return {f"raw/{name}" for name in unfinished | ledger.pending_segments()}


def definition_parts(root: DataRoot) -> Iterator[Part]:
    """Yield the files of the revision cache if it is in the data root."""
    for path in sorted(root.specs.rglob("*")):
        name = str(path.relative_to(root.path))
        if path.is_file() and not path.is_symlink() and is_allowed(name):
            yield Part(name, path.stat().st_size)


def packed_list(sums: dict[str, FileDigest]) -> bytes:
    """Return the archive's list of files as bytes."""
    files = {path: [each.length, each.sha256] for path, each in sums.items()}
    return json.dumps({"format": FORMAT, "files": files}).encode()


def parse_list(text: bytes) -> dict[str, FileDigest]:
    """
    Parse the list that `packed_list` made.

    Raises:
        ValueError: It is not such a list, or of another format.
    """
    try:
        found = json.loads(text)
        if found["format"] != FORMAT:
            raise ValueError(f"format {found['format']}")
        return {
            path: FileDigest(int(length), str(digest)) for path, (length, digest) in found["files"].items()
        }
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError("not a list of files") from error
