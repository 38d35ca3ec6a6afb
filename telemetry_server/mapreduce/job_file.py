"""Job files: Python files with ``map`` and, if they want, ``combine``, ``reduce`` and ``setup_reduce``."""

import inspect
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stdout
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from traceback import extract_tb
from types import ModuleType
from typing import Any

from telemetry_server.mapreduce.errors import JobFailed, UnreadableFile
from telemetry_server.mapreduce.plain_values import NotPlain

MODULE_NAME = "mapreduce_job"
PARAMETERS = {
    "map": ("key", "dims", "value", "context"),
    "combine": ("key", "values", "context"),
    "reduce": ("key", "values", "context"),
    "setup_reduce": ("context",),
}

Function = Callable[..., Any]


@dataclass(frozen=True, slots=True)
class JobFile:
    """
    A job file and the modules beside it that it imports, as texts: what goes to another machine.

    *modules* are by file name, sorted.
    """

    path: str
    source: bytes
    modules: tuple[tuple[str, bytes], ...] = ()

    @property
    def name(self) -> str:
        """The name of the file."""
        return Path(self.path).name

    @property
    def digest(self) -> str:
        """A hash of all texts."""
        digest = sha256(self.source)
        for name, source in self.modules:
            digest.update(b"\0%s\0%s" % (name.encode(), source))
        return digest.hexdigest()


@dataclass(frozen=True, slots=True)
class LoadedJob:
    """The functions of a job."""

    file: JobFile
    map: Function
    combine: Function | None = None
    reduce: Function | None = None
    setup_reduce: Function | None = None
    is_parsed: bool = False  # whether `map` gets the record as an object, not as text

    def failure(self, error: BaseException, during: str) -> JobFailed:
        """Return the message about *error*, which the job raised *during* something."""
        return JobFailed(f"{during}: {described(error, self.file)}")


def described(error: BaseException, file: JobFile) -> str:
    """Return *error* in one line, with the frames of *file* and its modules, the innermost first."""
    folder = str(Path(file.path).parent)
    names = {file.name, *(name for name, _ in file.modules)}
    frames = [
        f"{Path(frame.filename).name}:{frame.lineno} in {frame.name}"
        for frame in reversed(extract_tb(error.__traceback__))
        if frame.filename.startswith(folder) and Path(frame.filename).name in names
    ]
    words = " ".join(str(error).split())
    text = (
        f"it wrote {words}"
        if isinstance(error, NotPlain)
        else f"{type(error).__name__}: {words}".rstrip(": ")
    )
    return f"{text} ({', '.join(frames)})" if frames else text


def read_job(path: Path) -> JobFile:
    """
    Return the job file at *path*, with the modules beside it that it imports; runs its top level.

    Raises:
        UnreadableFile: It cannot be read.
        JobFailed: It cannot be imported, or has no usable ``map``.
    """
    path = path.resolve()
    try:
        file = JobFile(str(path), path.read_bytes())
    except OSError as error:
        raise UnreadableFile(f"{path}: {error.strerror}") from None
    load_job(file)
    return JobFile(file.path, file.source, _modules_beside(path))


def _modules_beside(path: Path) -> tuple[tuple[str, bytes], ...]:
    found = {}
    for module in list(sys.modules.values()):
        place = getattr(module, "__file__", None)
        if place is not None and Path(place).parent == path.parent and Path(place) != path:
            found[Path(place).name] = Path(place).read_bytes()
    return tuple(sorted(found.items()))


def load_job(file: JobFile) -> LoadedJob:
    """
    Run *file*, and return its functions; what it prints goes to stderr.

    Raises:
        JobFailed: It raises, or has no usable ``map``.
    """
    module = ModuleType(MODULE_NAME)
    module.__file__ = file.path
    sys.modules[MODULE_NAME] = module  # dataclasses look their module up
    try:
        with _importable(Path(file.path).parent), redirect_stdout(sys.stderr):
            exec(compile(file.source, file.path, "exec"), module.__dict__)  # noqa: S102 - that is what a job is
    except Exception as error:
        raise JobFailed(f"{file.name} cannot be loaded: {described(error, file)}") from None
    except SystemExit:
        raise JobFailed(f"{file.name} cannot be loaded: it calls exit") from None
    functions = {name: _function(file, module, name) for name in PARAMETERS}
    map_function = functions.pop("map")
    if map_function is None:
        raise JobFailed(f"{file.name} has no function map(key, dims, value, context)")
    return LoadedJob(file, map_function, **functions, is_parsed=bool(getattr(module, "parsed", False)))


def _function(file: JobFile, module: ModuleType, name: str) -> Function | None:
    function = module.__dict__.get(name)
    if function is None:
        return None
    wanted = PARAMETERS[name]
    try:
        inspect.signature(function).bind(*wanted)
    except TypeError:
        raise JobFailed(f"{file.name}: {name} must take ({', '.join(wanted)})") from None
    except ValueError:  # a function of C without a signature
        pass
    found: Function = function
    return found


@contextmanager
def _importable(folder: Path) -> Iterator[None]:
    """Let the job import modules beside it, without a trace of compiled files there."""
    writes_no_bytecode = sys.dont_write_bytecode
    sys.dont_write_bytecode = True
    if str(folder) not in sys.path:
        # It stays, for imports inside of functions.  Last: a job named json.py does not hide json.
        sys.path.append(str(folder))
    try:
        yield
    finally:
        sys.dont_write_bytecode = writes_no_bytecode
