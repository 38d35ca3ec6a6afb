"""The compiled parts of receiving stay within their memory, and without them the same is kept."""

import subprocess
import sys
from pathlib import Path

import pytest

from storage.raw import record_frames, segment_file
from telemetry_server.edge import fast_connection, fast_path
from telemetry_server.edge.fast_head import plain_fast_head
from telemetry_server.edge.whole_request import PlainReader
from tests.support.edges import a_request, running_edge
from tests.support.sanitizers import checked_runs
from tests.support.sizes import size

ROOT = Path(__file__).resolve().parents[2]
SOURCES = ("telemetry_server/edge/_head.c", "storage/raw/_records.c")
STEPPED = ("telemetry_server/edge/_connection.c", "storage/raw/_queue.c", "storage/raw/_handover.c")
SECONDS = size(2, 12)
WITHOUT = """
import sys
names = "edge._head", "edge._connection", "raw._records", "raw._queue", "raw._handover"
for name in names:
    sys.modules[f"{'telemetry_server' if name[0] == 'e' else 'storage'}.{name}"] = None
from storage.raw import handover, intact_records, record_frames, submission_queue, unreadable_headers
from telemetry_server.edge import fast_head, submit_connection, whole_request
modules = [fast_head, whole_request, submit_connection]
modules += [record_frames, intact_records, submission_queue, handover, unreadable_headers]
"""
PRINT = "print(*(module.IS_COMPILED for module in modules))"
TEST = "import pytest; sys.exit(pytest.main(sys.argv[1:]))"


@pytest.fixture(scope="module")
def has_fast_lane():
    """Only the fast path uses what is tested here."""


def test_the_package_works_without_the_compiled_parts():
    """They may not have been built."""
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT + PRINT], cwd=ROOT, check=True, capture_output=True, text=True
    )

    assert done.stdout == "False False False False False False False False\n"


@pytest.mark.parametrize("keeps_address", [True, False])
async def test_without_the_compiled_parts_the_same_is_kept(tmp_path, monkeypatch, keeps_address):
    """Every field of a submission; with an address it is read in steps."""
    kept = []
    for folder in ("with", "without"):
        if folder == "without":
            monkeypatch.setattr(fast_connection, "fast_head", plain_fast_head)
            monkeypatch.setattr(fast_path, "Reader", PlainReader)
            monkeypatch.setattr(segment_file, "frame", record_frames.plain_frame)
            monkeypatch.setattr(record_frames, "stamped", record_frames.plain_stamped)
        async with running_edge(tmp_path / folder, keeps_client_address=keeps_address) as edge:
            for body in (b"{}", b"\x1f\x8b" + bytes(40_000)):
                assert [answer.status for answer in await edge.talk(a_request(body=body))] == [200]
            kept.append([(s.path, s.host, s.headers, s.client_address, s.body) for s in edge.kept()])

    assert len(kept[0]) == 2
    assert kept[0] == kept[1]


@pytest.mark.slow
def test_all_that_is_tested_of_connections_holds_without_the_compiled_parts():
    """In an interpreter that has none of them."""
    tests = ["test_stalled_clients.py", "test_submit.py", "test_submit_connection.py"]
    words = [f"tests/edge/{name}" for name in tests] + ["tests/storage/raw/test_writer.py", "-q"]
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT + TEST, *words], cwd=ROOT, check=False, capture_output=True, text=True
    )

    assert done.returncode == 0, done.stdout[-4000:]


@pytest.mark.slow
def test_no_text_leads_the_compiled_parts_out_of_their_memory(tmp_path):
    """Under the compiler's own checks of addresses and of undefined behaviour."""
    assert checked_runs(tmp_path, "tests.edge.compiled_mutations", SOURCES, SECONDS) > 500


@pytest.mark.slow
def test_no_step_leads_the_compiled_connection_out_of_its_memory(tmp_path):
    """Nor the queue, under the same checks."""
    assert checked_runs(tmp_path, "tests.edge.compiled_steps", STEPPED, SECONDS) > 500
