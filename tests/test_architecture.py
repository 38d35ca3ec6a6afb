"""The import table: which room may import which.  A room is a folder with modules, sub-folders included."""

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PACKAGES = ("histogram_specs", "storage", "telemetry_server")

MAY_IMPORT: dict[str, set[str]] = {
    # what a histogram is
    "histogram_specs": set(),
    "histogram_specs/sources": {"histogram_specs"},
    "histogram_specs/cache": {"histogram_specs", "histogram_specs/sources"},
    "histogram_specs/history": {
        "histogram_specs",
        "histogram_specs/sources",
        "histogram_specs/cache",
    },
    # every byte
    "storage": set(),
    "storage/checksums": set(),
    "storage/ledger": {"storage"},
    "storage/archive": {"storage", "storage/checksums", "storage/ledger"},
    "storage/raw": {"storage", "storage/checksums", "storage/ledger"},
    "storage/partitions": {"storage", "storage/archive", "storage/ledger"},
    "storage/tables/compiled": set(),
    "storage/tables/parquet": {"storage/tables/compiled"},
    "storage/tables": {
        "storage",
        "storage/archive",
        "storage/ledger",
        "storage/partitions",
        "storage/tables/compiled",
        "storage/tables/parquet",
    },
    "storage/aggregates": {"storage"},
    "storage/progress": {"storage", "storage/ledger", "storage/raw"},
    "storage/integrity": {
        "storage",
        "storage/archive",
        "storage/ledger",
        "storage/raw",
        "storage/partitions",
        "storage/aggregates",
    },
    "storage/backup": {"storage", "storage/ledger", "storage/raw"},
    # foundations of the server
    "terminal": set(),
    "charts": {"terminal"},
    "observability": {"terminal"},
    "settings": {"histogram_specs"},
    "supervision": {"terminal", "observability"},
    # HTTP in, files in
    "edge": {"storage", "storage/raw", "storage/progress", "observability"},
    "imports/formats": {"storage"},
    "imports": {"storage", "storage/ledger", "storage/raw", "imports/formats"},
    # a broker in and out
    "queue": {"storage", "storage/checksums", "storage/ledger", "storage/raw"},
    # one submission -> one outcome
    "pings": set(),
    "doctypes": {"storage", "pings"},
    "outcomes": {"histogram_specs", "storage/raw", "pings"},
    "probes": {"histogram_specs", "histogram_specs/history"},
    "convert/payloads": {"storage/partitions", "pings", "doctypes", "outcomes"},
    "convert/histograms": {
        "histogram_specs",
        "histogram_specs/history",
        "storage/partitions",
        "pings",
        "outcomes",
        "convert/payloads",
    },
    "convert/compiled": {"storage/partitions", "pings", "convert/histograms"},
    "convert/rules": {"storage/raw", "pings", "convert/histograms"},
    "convert": {
        "histogram_specs/history",
        "storage/checksums",
        "storage/raw",
        "storage/partitions",
        "pings",
        "doctypes",
        "outcomes",
        "convert/payloads",
        "convert/histograms",
        "convert/compiled",
        "convert/rules",
        "probes",
        "histogram_specs",
    },
    # stored records and the tables made of them
    "records": {
        "histogram_specs",
        "storage/partitions",
        "storage/tables",
        "pings",
        "convert/compiled",
    },
    "normandy": {"pings", "convert/compiled", "records"},
    "tables": {
        "histogram_specs",
        "histogram_specs/history",
        "storage",
        "storage/archive",
        "storage/ledger",
        "storage/partitions",
        "storage/tables",
        "observability",
        "convert/compiled",
        "records",
        "normandy",
    },
    # deletion: ids and their hashes, and what removes them everywhere
    "privacy/identifiers": {"storage", "storage/ledger", "storage/raw", "pings"},
    "privacy": {
        "archive",
        "supervision",
        "storage",
        "storage/archive",
        "storage/aggregates",
        "storage/ledger",
        "storage/raw",
        "storage/partitions",
        "storage/tables",
        "observability",
        "outcomes",
        "pings",
        "aggregates",
        "fuel/database",
        "fuel/analytics",
        "privacy/identifiers",
    },
    # many submissions -> committed records
    "coordinator": {
        "supervision",
        "histogram_specs",
        "histogram_specs/cache",
        "histogram_specs/history",
        "storage",
        "storage/ledger",
        "storage/raw",
        "storage/partitions",
        "storage/tables",
        "storage/progress",
        "storage/integrity",
        "observability",
        "pings",
        "doctypes",
        "outcomes",
        "convert/histograms",
        "convert/rules",
        "convert",
        "probes",
        "tables",
        "privacy/identifiers",
    },
    # closed days elsewhere
    "archive": {
        "supervision",
        "observability",
        "storage",
        "storage/archive",
        "storage/ledger",
        "storage/partitions",
        "storage/raw",
        "storage/tables",
    },
    # what is there: looking at it, mending it, asking it
    "inspection": {
        "histogram_specs",
        "histogram_specs/history",
        "supervision",
        "observability",
        "storage",
        "storage/archive",
        "storage/ledger",
        "storage/raw",
        "storage/partitions",
        "storage/integrity",
        "pings",
        "outcomes",
        "convert",
        "convert/compiled",
        "records",
        "probes",
        "privacy/identifiers",
        "coordinator",
    },
    "repair": {
        "storage",
        "storage/archive",
        "storage/ledger",
        "storage/raw",
        "storage/partitions",
        "storage/integrity",
        "pings",
        "outcomes",
        "convert",
        "privacy",
    },
    "analysis": {
        "histogram_specs",
        "histogram_specs/cache",
        "storage",
        "storage/archive",
        "storage/ledger",
        "storage/partitions",
        "storage/tables",
        "storage/integrity",
        "terminal",
        "outcomes",
        "pings",
        "probes",
    },
    "mapreduce": {
        "supervision",
        "storage",
        "storage/archive",
        "storage/ledger",
        "storage/partitions",
        "terminal",
        "settings",
        "records",
        "analysis",
    },
    "mapreduce/exports": {"storage", "mapreduce", "mapreduce/jobs"},
    "mapreduce/jobs": {"histogram_specs", "storage/partitions", "records", "mapreduce"},
    # sums of stored measurements, by build and day
    "aggregates/compiled": set(),
    "aggregates": {
        "supervision",
        "aggregates/compiled",
        "histogram_specs",
        "histogram_specs/cache",
        "storage",
        "storage/aggregates",
        "storage/archive",
        "storage/ledger",
        "storage/tables",
        "observability",
        "pings",
        "probes",
        "records",
        "analysis",
    },
    # what is older than its retention, and what is said of all that is collected
    "privacy/retention": {
        "observability",
        "storage",
        "storage/ledger",
        "storage/partitions",
        "coordinator",
    },
    "privacy/collected": {"convert/rules", "probes", "generator"},
    # who may see what, and the listener that answers
    "access": {"storage"},
    "reports/queries": {
        "histogram_specs",
        "histogram_specs/cache",
        "storage",
        "storage/archive",
        "storage/ledger",
        "storage/raw",
        "storage/partitions",
        "storage/progress",
        "outcomes",
        "pings",
        "coordinator",
        "inspection",
        "records",
        "queue",
        "analysis",
        "normandy",
        "probes",
        "doctypes",
        "aggregates",
        "generator",
        "privacy/collected",
        "fuel/documents",
        "fuel/database",
        "fuel/analytics",
        "fuel/reports",
        "fuel/exports",
    },
    "reports": {
        "supervision",
        "access",
        "edge",
        "observability",
        "terminal",
        "normandy",
        "fuel/database",
        "fuel/reports",
        "fuel/support",
        "reports/queries",
    },
    "reports/web": {
        "access",
        "charts",
        "observability",
        "terminal",
        "normandy",
        "fuel/facts",
        "fuel/reports",
        "reports",
        "reports/queries",
    },
    # the Fuel-stat collector: documents, their database, requests
    "fuel/documents": {"pings"},
    "fuel/signatures": set(),
    "fuel/contacts": {"storage"},
    "fuel/database": {"storage", "fuel/documents", "fuel/signatures"},
    "fuel/database/migrations": set(),
    "fuel/database/migrations/versions": {"fuel/database"},
    "fuel/housekeeping": {
        "storage",
        "observability",
        "fuel/documents",
        "fuel/database",
        "fuel/analytics",
    },
    "fuel/collector": {
        "observability",
        "edge",
        "pings",
        "fuel/documents",
        "fuel/signatures",
        "fuel/contacts",
        "fuel/database",
    },
    # facts of stored documents, and reports on them
    "fuel/facts": {"fuel/documents"},
    "fuel/analytics": {"fuel/database", "fuel/facts"},
    "fuel/analytics/migrations": set(),
    "fuel/analytics/migrations/versions": {"fuel/database"},
    "fuel/reports": {"fuel/facts", "fuel/analytics"},
    "fuel/exports": {"terminal", "fuel/documents", "fuel/database", "fuel/facts"},
    # failure reports: messages to support, and what support reads
    "fuel/notifications": {"storage", "observability", "pings", "fuel/contacts", "fuel/database"},
    "fuel/support": {"fuel/contacts", "fuel/database"},
    # the side of a product that records and sends
    "fuel/sender_state": set(),
    "fuel/recorder": {"fuel/sender_state"},
    "fuel/sender": {"fuel/documents", "fuel/signatures", "fuel/sender_state"},
    # pings of our own
    "generator": {"histogram_specs", "terminal"},
    "demo": {"supervision", "terminal", "generator"},
    # the wiring, and the commands
    "composition": {
        "archive",
        "histogram_specs",
        "histogram_specs/sources",
        "histogram_specs/cache",
        "histogram_specs/history",
        "storage",
        "storage/archive",
        "storage/ledger",
        "storage/raw",
        "storage/partitions",
        "storage/progress",
        "terminal",
        "settings",
        "supervision",
        "observability",
        "edge",
        "queue",
        "imports/formats",
        "imports",
        "pings",
        "doctypes",
        "convert/rules",
        "probes",
        "privacy",
        "privacy/retention",
        "coordinator",
        "inspection",
        "access",
        "aggregates",
        "reports/queries",
        "reports",
        "reports/web",
        "fuel/documents",
        "fuel/contacts",
        "fuel/database",
        "fuel/housekeeping",
        "fuel/collector",
        "fuel/analytics",
        "fuel/facts",
        "fuel/notifications",
        "fuel/support",
        "mapreduce",
        "mapreduce/jobs",
    },
    "diagnostics": {
        "archive",
        "histogram_specs",
        "histogram_specs/cache",
        "storage",
        "storage/archive",
        "storage/ledger",
        "storage/raw",
        "storage/progress",
        "storage/integrity",
        "settings",
        "access",
        "queue",
        "fuel/database",
        "composition",
    },
    "cli": {"storage", "terminal", "settings", "access", "fuel/database", "privacy/identifiers", "queue"},
    "cli/commands": {
        "archive",
        "charts",
        "histogram_specs",
        "histogram_specs/sources",
        "histogram_specs/cache",
        "histogram_specs/history",
        "storage",
        "storage/ledger",
        "storage/raw",
        "storage/partitions",
        "storage/tables",
        "storage/progress",
        "storage/integrity",
        "storage/backup",
        "terminal",
        "observability",
        "settings",
        "supervision",
        "edge",
        "queue",
        "imports/formats",
        "pings",
        "doctypes",
        "outcomes",
        "convert/histograms",
        "probes",
        "privacy",
        "privacy/retention",
        "privacy/identifiers",
        "tables",
        "coordinator",
        "inspection",
        "access",
        "repair",
        "analysis",
        "normandy",
        "mapreduce",
        "mapreduce/exports",
        "mapreduce/jobs",
        "aggregates",
        "generator",
        "demo",
        "fuel/database",
        "fuel/analytics",
        "fuel/reports",
        "fuel/exports",
        "fuel/sender_state",
        "fuel/sender",
        "composition",
        "diagnostics",
        "cli",
    },
    "__main__": {"cli"},
}
# histogram_specs may not import storage, so it syncs its own files.
MAY_SYNC = {Path("storage/disk.py")}
MAY_SYNC_IN = "histogram_specs"


def _room_of_parts(parts: tuple[str, ...]) -> str | None:
    """The room of a dotted module: its folder, without the prefix ``telemetry_server``."""
    if parts[0] not in PACKAGES:
        return None
    while not ROOT.joinpath(*parts).is_dir():
        parts = parts[:-1]
    room = "/".join(parts).removeprefix("telemetry_server").removeprefix("/")
    return room or None


def room_of(path: Path) -> str | None:
    """The room that a file of ours is in; None for the package's own ``__init__``."""
    if path == ROOT / "telemetry_server/__main__.py":
        return "__main__"
    return _room_of_parts(path.parent.relative_to(ROOT).parts)


@cache
def tree_of(path: Path) -> ast.Module:
    """The syntax tree of a file."""
    return ast.parse(path.read_bytes())


def imports_of(path: Path) -> Iterator[tuple[str, ...]]:
    """Every module that the file imports, as parts; imports for type checking included."""
    for node in ast.walk(tree_of(path)):
        if isinstance(node, ast.Import):
            yield from (tuple(alias.name.split(".")) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: imports are absolute here"
            assert node.module is not None
            for alias in node.names:
                # `from telemetry_server.pings import geo` names a module in its second half.
                yield (*node.module.split("."), alias.name)


def sources() -> list[Path]:
    """Every Python file of the three packages."""
    return sorted(path for package in PACKAGES for path in (ROOT / package).rglob("*.py"))


@cache
def arrows() -> list[tuple[Path, str, str]]:
    """Every import of one room by another: the file, its room, the imported room."""
    return [
        (path, room, other)
        for path in sources()
        if (room := room_of(path)) is not None
        for module in imports_of(path)
        if (other := _room_of_parts(module)) is not None and other != room
    ]


def test_every_room_is_in_the_table():
    """A new folder gets its line in the table before it gets code."""
    rooms = {room for path in sources() if path.stat().st_size and (room := room_of(path)) is not None}

    assert rooms == set(MAY_IMPORT)


def test_rooms_import_only_what_the_table_allows():
    """Arrows point one way."""
    wrong = {
        f"{path.relative_to(ROOT)}: {room} imports {other}"
        for path, room, other in arrows()
        if other not in MAY_IMPORT.get(room, set())
    }

    assert not wrong


def test_the_table_allows_only_what_is_used():
    """An arrow that the code no longer needs is removed from the table."""
    used = {(room, other) for _, room, other in arrows()}
    unused = {(room, other) for room, others in MAY_IMPORT.items() for other in others} - used

    assert not unused


def test_the_table_has_no_cycle():
    """A cycle would make "one way" meaningless."""
    left = dict(MAY_IMPORT)
    while left:
        leaves = [room for room, others in left.items() if not others & set(left)]

        assert leaves, f"a cycle among {sorted(left)}"
        for room in leaves:
            del left[room]


def test_the_import_scan_sees_real_imports():
    """A scan that found nothing would make every other test here pass."""
    found = {(room, other) for _, room, other in arrows()}

    assert ("cli/commands", "settings") in found
    assert ("convert", "convert/payloads") in found


def _calls_sync(path: Path) -> bool:
    for node in ast.walk(tree_of(path)):
        if isinstance(node, ast.Attribute) and node.attr in ("fsync", "fdatasync"):
            return True
        from_os = isinstance(node, ast.ImportFrom) and node.module == "os"
        if from_os and {alias.name for alias in node.names} & {"fsync", "fdatasync"}:
            return True
    return False


def test_only_the_disk_syncs():
    """Tests can make a sync fail only where it goes through `Disk`."""
    syncing = {path.relative_to(ROOT) for path in sources() if _calls_sync(path)}
    wrong = {path for path in syncing if path not in MAY_SYNC and path.parts[0] != MAY_SYNC_IN}

    assert not wrong
    assert Path("storage/disk.py") in syncing


@pytest.mark.parametrize("forbidden", ["utils", "helpers", "common", "core"])
def test_rooms_are_named_for_their_purpose(forbidden):
    """Code that several rooms need gets a room with a name of its own."""
    names = {part for path in sources() for part in path.relative_to(ROOT).with_suffix("").parts}

    assert forbidden not in names


MAX_MODULE_LINES = 300
MAX_FUNCTION_LINES = 60


def test_modules_and_functions_stay_short():
    """A module past 300 lines or a function past 60 holds a second thing."""
    long = set()
    for path in sources():
        text = path.read_text(encoding="utf-8")
        name = path.relative_to(ROOT)
        if text.count("\n") > MAX_MODULE_LINES:
            long.add(str(name))
        for node in ast.walk(tree_of(path)):
            is_function = isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
            if is_function and (node.end_lineno or 0) - node.lineno >= MAX_FUNCTION_LINES:
                long.add(f"{name}: {node.name}")

    assert not long
