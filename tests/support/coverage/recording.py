"""
Records which marks of the product run, in all processes that have `FOLDER` in their environment.

The bytes are in one file, which the processes map into their memory.  So a forked process records without
help, and what a process has recorded stays if it is killed.
"""

import builtins
import json
import marshal
import mmap
import os
import pickle
from collections.abc import Mapping, Sequence
from importlib.machinery import SourceFileLoader as Loader
from importlib.util import MAGIC_NUMBER, cache_from_source
from pathlib import Path
from types import CodeType
from typing import Any

from tests.support.coverage import HITS

FOLDER = "COVERAGE_FOLDER"
ROOT = Path(__file__).resolve().parents[3]
RECORD = ROOT / "build/coverage"
PACKAGES = ("histogram_specs", "storage", "telemetry_server")


def prepare(folder: Path, root: Path = ROOT, packages: Sequence[str] = PACKAGES) -> None:
    """
    Write what a recording needs.

    That is the number of the first mark of each source file, all marks, a file with a byte for each, and the
    byte code with marks: many processes start at once, and each of them would compile it.
    """
    from tests.support.coverage.marks import marked

    code = folder / "code"
    code.mkdir(parents=True)
    first, marks, after = {}, {}, 0
    for package in packages:
        for path in sorted((root / package).rglob("*.py")):
            source, status = path.read_bytes(), path.stat()
            first[str(path)] = after
            tree, marks[str(path)] = marked(source, str(path), after)
            after = marks[str(path)].after
            compiled = marshal.dumps(compile(tree, path, "exec", dont_inherit=True))
            head = [number & 0xFFFFFFFF for number in (0, int(status.st_mtime), len(source))]
            version = MAGIC_NUMBER + b"".join(number.to_bytes(4, "little") for number in head)
            (code / f"{len(first) - 1}.pyc").write_bytes(version + compiled)
    (folder / "numbers.json").write_text(json.dumps(first))
    (folder / "marks.pickle").write_bytes(pickle.dumps(marks))
    (folder / "hits").write_bytes(bytes(after))


def record(folder: Path) -> None:
    """Record in this process, and in those that it forks."""
    first: dict[str, int] = json.loads((folder / "numbers.json").read_text())
    with (folder / "hits").open("r+b") as file:
        setattr(builtins, HITS, mmap.mmap(file.fileno(), 0))
    _change_loader(first, folder / "code")


def environment(folder: Path) -> dict[str, str]:
    """Return the environment of processes that record: each interpreter runs ``start/sitecustomize.py``."""
    return os.environ | {FOLDER: str(folder), "PYTHONPATH": str(Path(__file__).parent / "start")}


def _change_loader(first: Mapping[str, int], code: Path) -> None:
    """Have source files loaded with their marks; their byte code is kept in the folder *code*."""
    compiled = {cache_from_source(path): str(code / f"{place}.pyc") for place, path in enumerate(first)}
    to_code, get_data, set_data = Loader.source_to_code, Loader.get_data, Loader.set_data

    def marked_to_code(self: Loader, data: Any, path: Any, *, _optimize: int = -1) -> CodeType:
        if path not in first:
            return to_code(self, data, path, _optimize=_optimize)
        from tests.support.coverage.marks import marked

        tree, _ = marked(data, path, first[path])
        return compile(tree, path, "exec", dont_inherit=True, optimize=_optimize)

    Loader.source_to_code = marked_to_code
    Loader.get_data = lambda self, path: get_data(self, compiled.get(path, path))
    Loader.set_data = lambda self, path, data, **mode: set_data(self, compiled.get(path, path), data, **mode)
