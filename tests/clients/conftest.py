"""Real Glean SDKs, each installed once per session in its own folder."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.waiting import PATIENCE_SECONDS

INSTALL_SECONDS = 180


@pytest.fixture(scope="session")
def glean_python(tmp_path_factory) -> str:
    """A Python with glean-sdk; GLEAN_PYTHON may name an existing one."""
    if ready := os.environ.get("GLEAN_PYTHON"):
        return ready
    folder = tmp_path_factory.mktemp("glean")
    python = str(folder / "bin/python")
    # Without a pip of its own, whose installation takes longer than that of the SDK.
    empty = [sys.executable, "-m", "venv", "--without-pip", folder]
    words = ["--python", python, "--quiet", "--disable-pip-version-check", "install", "glean-sdk"]
    install = [sys.executable, "-m", "pip", *words]
    try:
        subprocess.run(empty, check=True, capture_output=True, timeout=120)
        subprocess.run(install, check=True, capture_output=True, timeout=INSTALL_SECONDS)
        subprocess.run(
            [python, "-c", "import glean"], check=True, capture_output=True, timeout=PATIENCE_SECONDS
        )
    except (subprocess.SubprocessError, OSError) as error:
        pytest.skip(f"glean-sdk cannot be installed here: {type(error).__name__}")
    return python


@pytest.fixture(scope="session")
def glean_js(tmp_path_factory) -> Path:
    """A folder whose node_modules has @mozilla/glean; GLEAN_JS may name an existing one."""
    if shutil.which("node") is None:
        pytest.skip("node is not installed")
    if ready := os.environ.get("GLEAN_JS"):
        return Path(ready)
    if shutil.which("npm") is None:
        pytest.skip("npm is not installed")
    folder: Path = tmp_path_factory.mktemp("glean-js")
    install = [
        "npm",
        "install",
        "--no-audit",
        "--no-fund",
        "--ignore-scripts",
        "--prefix",
        str(folder),
        "@mozilla/glean",
    ]
    try:
        subprocess.run(install, check=True, capture_output=True, timeout=INSTALL_SECONDS)
    except (subprocess.SubprocessError, OSError) as error:
        pytest.skip(f"@mozilla/glean cannot be installed here: {type(error).__name__}")
    return folder
