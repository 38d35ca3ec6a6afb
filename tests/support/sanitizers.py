"""Runs compiled parts under the compiler's own checks of addresses and of undefined behaviour."""

import os
import subprocess
import sys
import sysconfig
from collections.abc import Sequence
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
CHECKS = ("-g", "-O1", "-fsanitize=address,undefined", "-fno-sanitize-recover=undefined")


def checked_runs(
    folder: Path, module: str, sources: Sequence[str], seconds: int, flags: Sequence[str] = ()
) -> int:
    """
    Compile *sources* with checks, and let *module* call them for some *seconds*.

    Args:
        module: It is given the paths of the libraries and the seconds, and prints how many inputs it tried.
        sources: C files, below the project's folder.
        flags: More flags of the compiler.

    Returns:
        How many inputs were tried; no check has failed.
    """
    libraries = [str(folder / f"{Path(source).stem}.so") for source in sources]
    include = f"-I{sysconfig.get_path('include')}"
    try:
        for source, library in zip(sources, libraries, strict=True):
            command = ["cc", *CHECKS, *flags, "-fPIC", "-shared", include, str(ROOT / source), "-o", library]
            subprocess.run(command, check=True, capture_output=True)
        sanitizer = subprocess.run(
            ["cc", "-print-file-name=libasan.so"], check=True, capture_output=True, text=True
        )
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("needs a C compiler with sanitizers")
    environment = os.environ | {
        "LD_PRELOAD": sanitizer.stdout.strip(),
        "ASAN_OPTIONS": "detect_leaks=0",  # the interpreter has leaks of its own
        "PYTHONMALLOC": "malloc",
    }
    command = [sys.executable, "-m", module, *libraries, str(seconds)]

    ended = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)

    assert ended.returncode == 0, ended.stderr[-4000:]
    return int(ended.stdout)
