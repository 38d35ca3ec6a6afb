"""The import table: which room may know which, drawn once and held."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PACKAGES = ("histogram_specs", "storage", "telemetry_server")
MAY_IMPORT: dict[str, set[str]] = {
    "histogram_specs": set(),
    "storage": set(),
    "client_text": set(),
    "observability": {"client_text"},
    "nearest": set(),
    "settings": {"histogram_specs", "nearest"},
    "supervision": {"client_text", "observability"},
    "generator": {"histogram_specs"},
    "pings": {"storage", "histogram_specs"},
    "doctypes": {"pings", "histogram_specs", "storage"},
    "edge": {"storage", "observability"},
    "convert": {"storage", "histogram_specs", "pings", "doctypes", "observability"},
    "repair": {"storage", "pings", "convert", "inspection"},
    "inspection": {"storage", "histogram_specs", "pings", "convert"},
    "cli": {
        "client_text",
        "storage",
        "histogram_specs",
        "observability",
        "settings",
        "nearest",
        "supervision",
        "generator",
        "pings",
        "doctypes",
        "edge",
        "convert",
        "inspection",
        "repair",
    },
    "__main__": {"cli"},
}
# histogram_specs may not import storage, and keeps its files itself.
MAY_SYNC = {Path("storage/disk.py")}
MAY_SYNC_IN_ROOM = {"histogram_specs"}


def room_of(path: Path) -> str | None:
    """The room that a file of ours is in; None for the package's own ``__init__``."""
    parts = path.relative_to(ROOT).with_suffix("").parts
    if parts[0] != "telemetry_server":
        return parts[0]
    return None if parts[1] == "__init__" else parts[1]


def room_of_module(module: str) -> str | None:
    """The room that the imported *module* is in; None if it is not ours."""
    parts = module.split(".")
    if parts[0] not in PACKAGES:
        return None
    if parts[0] != "telemetry_server":
        return parts[0]
    return parts[1] if len(parts) > 1 else None


def imports_of(path: Path) -> Iterator[str]:
    """Every module that the file names in an import, wherever in it that stands."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: imports are absolute here"
            assert node.module is not None
            yield node.module
            # `from telemetry_server import pings` names a room in its second half.
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def sources() -> list[Path]:
    """Every Python file of the three packages."""
    return sorted(path for package in PACKAGES for path in (ROOT / package).rglob("*.py"))


def arrows() -> Iterator[tuple[Path, str, str]]:
    """Every import of one room by another: the file, its room, the room it imports."""
    for path in sources():
        room = room_of(path)
        for module in imports_of(path):
            other = room_of_module(module)
            if room is not None and other is not None and other != room:
                yield path, room, other


def test_every_room_is_in_the_table():
    """A new folder gets its line in the table, and so its place, before it gets code."""
    rooms = {room for path in sources() if (room := room_of(path)) is not None}

    assert rooms <= set(MAY_IMPORT)


def test_rooms_import_what_the_table_allows_and_no_more():
    """Arrows point one way."""
    wrong = {
        f"{path.relative_to(ROOT)}: {room} imports {other}"
        for path, room, other in arrows()
        if other not in MAY_IMPORT.get(room, set())
    }

    assert not wrong


def test_the_table_itself_has_no_circle():
    """Else "one way" would mean nothing."""
    left = dict(MAY_IMPORT)
    while left:
        leaves = [room for room, others in left.items() if not others & set(left)]

        assert leaves, f"a circle among {sorted(left)}"
        for room in leaves:
            del left[room]


def test_the_walk_sees_real_imports():
    """A walk that found nothing would hold nothing."""
    assert ("cli", "settings") in {(room, other) for _, room, other in arrows()}


def _calls_sync(path: Path) -> bool:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Attribute) and node.attr in ("fsync", "fdatasync"):
            return True
        from_os = isinstance(node, ast.ImportFrom) and node.module == "os"
        if from_os and {alias.name for alias in node.names} & {"fsync", "fdatasync"}:
            return True
    return False


def test_only_the_disk_syncs():
    """A sync elsewhere could not be failed by a test's disk."""
    syncing = {path for path in sources() if _calls_sync(path)}
    wrong = {
        path.relative_to(ROOT)
        for path in syncing
        if path.relative_to(ROOT) not in MAY_SYNC and room_of(path) not in MAY_SYNC_IN_ROOM
    }

    assert not wrong
    assert ROOT / "storage/disk.py" in syncing


@pytest.mark.parametrize("forbidden", ["utils", "helpers", "common", "core"])
def test_rooms_are_named_for_what_they_are_for(forbidden):
    """What several rooms need gets a room of its own name."""
    names = {part for path in sources() for part in path.relative_to(ROOT).with_suffix("").parts}

    assert forbidden not in names
