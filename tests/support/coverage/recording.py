"""
Records which marks of the product run, in all processes that have `FOLDER` in their environment.

The bytes are in one file, which the processes map into their memory.  So a forked process records without
help, and what a process has recorded stays if it is killed.
"""

import builtins
import json
import mmap
import os
import sys
from collections.abc import Mapping, Sequence
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder, SourceFileLoader
from pathlib import Path
from types import CodeType, ModuleType
from typing import Any

from tests.support.coverage.marks import HITS, marked

FOLDER = "COVERAGE_FOLDER"
ROOT = Path(__file__).resolve().parents[3]
RECORD = ROOT / "build/coverage"
PACKAGES = ("histogram_specs", "storage", "telemetry_server")


def prepare(folder: Path, root: Path = ROOT, packages: Sequence[str] = PACKAGES) -> None:
    """Write the number of the first mark of each source file, and a file with a byte for each mark."""
    first, after = {}, 0
    for package in packages:
        for path in sorted((root / package).rglob("*.py")):
            first[str(path)] = after
            after = marked(path.read_bytes(), str(path), after)[1].after
    folder.mkdir(parents=True)
    (folder / "numbers.json").write_text(json.dumps({"packages": packages, "first": first}))
    (folder / "hits").write_bytes(bytes(after))


def record(folder: Path) -> None:
    """Record in this process, and in those that it forks."""
    numbers = json.loads((folder / "numbers.json").read_text())
    with (folder / "hits").open("r+b") as file:
        setattr(builtins, HITS, mmap.mmap(file.fileno(), 0))
    sys.meta_path.insert(0, _Finder(folder, numbers["packages"], numbers["first"]))


def environment(folder: Path) -> dict[str, str]:
    """Return the environment of processes that record: each interpreter runs ``start/sitecustomize.py``."""
    return os.environ | {FOLDER: str(folder), "PYTHONPATH": str(Path(__file__).parent / "start")}


class _Finder(MetaPathFinder):
    def __init__(self, folder: Path, packages: Sequence[str], first: Mapping[str, int]) -> None:
        self._folder = folder
        self._packages = packages
        self._first = first

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if fullname.partition(".")[0] not in self._packages:
            return None
        spec = PathFinder.find_spec(fullname, path, target)
        if spec is not None and spec.origin in self._first:
            spec.loader = _Loader(fullname, spec.origin, self._folder, self._first[spec.origin])
        return spec


class _Loader(SourceFileLoader):
    """Loads a module with its marks.  Its byte code is kept in *folder*, apart from that without marks."""

    def __init__(self, name: str, path: str, folder: Path, first: int) -> None:
        super().__init__(name, path)
        self._cached = str(folder / "code" / f"{name}.pyc")
        self._first = first

    def source_to_code(self, data: Any, path: Any, *, _optimization: int = -1) -> CodeType:
        tree, _ = marked(data, path, self._first)
        return compile(tree, path, "exec", dont_inherit=True, optimize=_optimization)

    def get_data(self, path: str) -> bytes:
        return super().get_data(self._cached if path.endswith(".pyc") else path)

    def set_data(self, path: str, data: bytes, *, _mode: int = 0o666) -> None:
        super().set_data(self._cached, data, _mode=_mode)
