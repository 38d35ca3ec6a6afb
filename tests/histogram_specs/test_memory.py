"""The memory of a hundred revisions."""

import subprocess
import sys

import orjson
import pytest

from tests.support.shared_data import shared_data

MEBIBYTE = 2**20
REVISIONS = 100
LIMIT_MIB = 150

# In its own process, so that memory used or freed by other tests does not count.
LOAD_ALL = """
import sys
from pathlib import Path
from histogram_specs.cache.revision_cache import RevisionCache

def resident_bytes():
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096

cache = RevisionCache(Path(sys.argv[1]))
revisions = [entry.revision for entry in cache.list()]
before = resident_bytes()
for revision in revisions:
    spec_file = cache.load(revision)
    assert len(spec_file) > 1490
    assert spec_file.find(spec_file.names[0]).bucket_index
after = resident_bytes()
files = [cache.load(revision) for revision in revisions]
assert len({id(spec_file) for spec_file in files}) == len(files) == int(sys.argv[2])
print(after - before)
"""


def write_revisions(directory, changed):
    """Write a hundred variants of the large file, each with other definitions changed."""
    source = shared_data("probes", "telemetry-batch-view-d78f3bba1daf", "Histograms.json")
    definitions = orjson.loads(source.read_bytes())
    names = list(definitions)
    for number in range(REVISIONS):
        touched = dict(definitions)
        for name in names if changed == "all" else names[number : number + 5]:
            touched[name] = {**touched[name], "expires_in_version": str(100 + number)}
        path = directory / "mozilla-central" / f"{number:040x}" / "Histograms.json"
        path.parent.mkdir(parents=True)
        path.write_bytes(orjson.dumps(touched, option=orjson.OPT_INDENT_2))


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="needs /proc")
@pytest.mark.parametrize("changed", ["few", pytest.param("all", marks=pytest.mark.slow)])
def test_a_hundred_revisions_of_a_large_file_stay_under_150_mib(tmp_path, changed):
    """Neighbouring revisions differ in a few definitions, like real ones; in the worst case in all."""
    write_revisions(tmp_path, changed)
    command = [sys.executable, "-c", LOAD_ALL, str(tmp_path), str(REVISIONS)]
    used_mib = int(subprocess.run(command, check=True, capture_output=True, text=True).stdout) / MEBIBYTE
    print(f"{REVISIONS} revisions, {changed} definitions changed in each: {used_mib:.0f} MiB")

    assert used_mib < LIMIT_MIB
