"""``python -m tests.support.coverage WORDS``: runs pytest with *WORDS*; prints branch coverage by room."""

import shutil
import subprocess
import sys

from tests.support.coverage.recording import RECORD, ROOT, environment, prepare
from tests.support.coverage.report import print_report


def main() -> int:
    """Return the exit status of pytest."""
    shutil.rmtree(RECORD, ignore_errors=True)
    prepare(RECORD)
    tests = [sys.executable, "-m", "pytest", *sys.argv[1:]]
    status = subprocess.run(tests, cwd=ROOT, env=environment(RECORD), check=False).returncode
    print_report(RECORD)
    return status


if __name__ == "__main__":
    sys.exit(main())
