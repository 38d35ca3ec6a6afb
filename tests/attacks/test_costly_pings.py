"""Pings built to cost memory: many refused histograms, millions of tiny values."""

import gzip
import re
from pathlib import Path
from random import Random

import pytest

from tests.attacks.test_bombs import MIB, inside, memory_limit, post_at_once, tree
from tests.attacks.test_mutated_bodies import ended, metric, scrape
from tests.support.edges import running_server
from tests.support.sizes import size
from tests.support.waiting import wait_for

INFO = b'{"reason":"saved-session","appName":"Firefox","revision":"https://hg.mozilla.org/x/rev/00ff"}'

OF_EACH = size(2, 10)  # costly pings, one after the other


@pytest.fixture(scope="module", autouse=True)
def has_fast_lane() -> None:
    """Replace the fixture that runs each test twice: these tests cover conversion."""


def a_body(histograms: bytes, more: bytes = b"") -> bytes:
    return gzip.compress(b'{"ver":1,"info":%b,"histograms":{%b}%b}' % (INFO, histograms, more), 6)


def many_refused_histograms() -> bytes:
    """Return 490,000 invalid histograms in under a mebibyte."""
    body = a_body(b",".join(b'"%x":{}' % number for number in range(490_000)))
    assert len(body) <= MIB
    return body


def many_tiny_objects() -> bytes:
    """Return as much text as the server accepts, made of objects of three bytes each."""
    unlike = Random(1).randbytes(30_000).hex().encode()
    more = b',"pad":"%b","x":[%b]' % (unlike, b",".join([b"{}"] * ((8 * MIB - 70_000) // 3)))
    return a_body(b"", more)


def peak_mebibytes(pid: int) -> int:
    [kibibytes] = re.findall(r"VmHWM:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text())
    return int(kibibytes) >> 10


@pytest.mark.slow
@pytest.mark.privileged
@pytest.mark.parametrize(
    ("tables", "mebibytes", "stated"),
    [
        pytest.param("false", 512, r"a process that holds one stays under (\d+) MiB", id="lines alone"),
        pytest.param("true", 640, r"and under (\d+) MiB where it writes tables", id="lines and tables"),
    ],
)
def test_the_documented_memory_is_enough_for_the_most_costly_pings(tables, mebibytes, stated, tmp_path):
    """No process is killed for memory, each ping gets an outcome, and each process stays within limits.md."""
    page = (Path(__file__).resolve().parents[2] / "docs/limits.md").read_text(encoding="utf-8")
    [limit] = re.findall(stated, page)
    environment = {
        "TELEMETRY_REVISION_OFFLINE": "true",
        "TELEMETRY_UNRESOLVED_REVISION": "self_described",
        "TELEMETRY_CONVERT_PROCESSES": "1",
        "TELEMETRY_TABLES": tables,
    }
    refused, tiny = many_refused_histograms(), many_tiny_objects()
    with memory_limit(mebibytes * MIB) as group:
        with inside(group):
            server_of = running_server(tmp_path, forks=False, environment=environment)
            server = server_of.__enter__()
        try:
            assert post_at_once(server, refused, OF_EACH, 1_000_000) == {200: OF_EACH}
            assert post_at_once(server, tiny, OF_EACH, 2_000_000) == {200: OF_EACH}
            wait_for(lambda: ended(scrape(server)) >= 2 * OF_EACH, 180)
            text = scrape(server)
            peaks = {pid: peak_mebibytes(pid) for pid in tree(server)}
            highest = int((group / "memory.max_usage_in_bytes").read_text()) >> 20
            control = (group / "memory.oom_control").read_text()
        finally:
            server_of.__exit__(None, None, None)
    written = sum(path.stat().st_size for path in (tmp_path).rglob("quarantine/**/*.zst"))
    print(f"{mebibytes} MiB: at most {highest} MiB with the page cache; peaks {sorted(peaks.values())} MiB")

    assert re.search(r"^oom_kill 0$", control, re.MULTILINE), control
    assert max(peaks.values()) < int(limit)
    assert metric(text, "telemetry_pings_quarantined_total")['{reason="too_large"}'] == OF_EACH
    assert sum(metric(text, "telemetry_pings_stored_total").values()) == OF_EACH
    assert written <= 2 * OF_EACH * MIB
