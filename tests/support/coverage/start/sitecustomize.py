"""Runs at the start of each interpreter that has this folder in PYTHONPATH: starts the recording."""

import os
import sys
from pathlib import Path

folder = os.environ.get("COVERAGE_FOLDER")
if folder:
    sys.path.append(str(Path(__file__).resolve().parents[4]))
    from tests.support.coverage.recording import record

    sys.path.pop()
    record(Path(folder))
