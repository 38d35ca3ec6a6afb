"""A session returns the code of its libraries that only their start read, and works on."""

import subprocess
import sys

import pytest

from telemetry_server.analysis.code_pages import code_of

SCRIPT = """
import duckdb, pyarrow.dataset
from telemetry_server.analysis.code_pages import release_code_pages

def file_pages():
    with open("/proc/self/status") as status:
        return next(int(line.split()[1]) for line in status if line.startswith("RssFile"))

connection = duckdb.connect()
before = file_pages()
release_code_pages()
print(before, file_pages(), connection.execute("SELECT sum(range) FROM range(10)").fetchone()[0])
"""


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux lists mappings in /proc")
def test_a_process_has_less_memory_of_libraries_after_the_call_and_they_still_work():
    """Less than two thirds of the pages of files stay."""
    done = subprocess.run([sys.executable, "-c", SCRIPT], capture_output=True, text=True, check=True)
    before, after, total = map(int, done.stdout.split())

    assert after < before * 2 / 3
    assert total == 45


def test_only_large_mappings_of_code_below_the_paths_are_found():
    """Data, small mappings, and files beside the paths stay."""
    lines = [
        b"10000000-10200000 r-xp 00001000 fe:00 1 /env/pyarrow/libarrow.so.2600",
        b"20000000-20200000 r--p 00001000 fe:00 1 /env/pyarrow/libarrow.so.2600",
        b"30000000-30001000 r-xp 00001000 fe:00 1 /env/pyarrow/lib.so",
        b"40000000-40200000 r-xp 00001000 fe:00 1 /env/other/lib.so",
        b"50000000-50200000 r-xp 00000000 00:00 0",
        b"60000000-60200000 rw-p 00000000 00:00 0 [heap]",
    ]

    assert list(code_of(lines, ["/env/pyarrow"])) == [(0x10000000, 0x10200000)]
