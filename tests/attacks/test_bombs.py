"""Bombs, crowds and large bodies at once: good clients are served, memory and counts are right."""

import os
import re
import resource
import threading
import time
import zlib
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.attacks.test_mutated_bodies import ended, metric, scrape
from tests.attacks.test_slow_clients import SILENT, SLOW_BODY, SLOW_HEADERS, TIMEOUTS, Crowd
from tests.support.data_root import an_id
from tests.support.edges import RunningServer, a_request, running_server
from tests.support.sizes import size
from tests.support.waiting import PATIENCE_SECONDS, bound_under_load, wait_for

MEMORY = Path("/sys/fs/cgroup/memory")
LIMIT_BYTES = 256 << 20
MIB = 1 << 20
SECONDS = float(size(4, 20))
CROWD = size(300, 1000)
GOOD_BODY = b'{"ver": 1, "info": {"reason": "idle-daily", "appName": "Firefox"}}'


@pytest.fixture(scope="module", autouse=True)
def has_fast_lane() -> None:
    """Replace the fixture that runs each test twice: the default settings are enough here."""


def bomb() -> bytes:
    """Return at most a mebibyte of gzip that inflates to nearly a gibibyte."""
    packer = zlib.compressobj(9, wbits=31)
    blank = b" " * MIB
    body = b"".join(packer.compress(blank) for _ in range(1000)) + packer.flush()
    assert 0.9 * MIB < len(body) <= MIB
    return body


def tree(server: RunningServer) -> set[int]:
    """Return the ids of all its processes except the first."""
    found = set(server.children())
    for pid in list(found):
        found |= {int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()}
    return found


def resident_mebibytes(server: RunningServer) -> float:
    """Return the proportional set size of its processes: VmRSS would count shared pages several times."""
    kibibytes = 0
    for pid in tree(server):
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                kibibytes += int(line.split()[1])
    return kibibytes / 1024


class GoodClients(threading.Thread):
    """A thread that sends two hundred good requests a second until it is stopped."""

    def __init__(self, server: RunningServer, per_second: float = 200.0, first: int = 0) -> None:
        super().__init__(daemon=True)
        self.statuses: Counter[int] = Counter()
        self.latencies: list[float] = []
        self._server = server
        self._per_second = per_second
        self._first = first
        self._stop_event = threading.Event()

    def run(self) -> None:
        started, number = time.monotonic(), 0
        while not self._stop_event.wait(max(0.0, started + number / self._per_second - time.monotonic())):
            number += 1
            path = f"/submit/telemetry/{an_id(self._first + number)}"
            sent = time.monotonic()
            answers = self._server.talk(a_request(GOOD_BODY, path=path), half_close=True)
            self.latencies.append(time.monotonic() - sent)
            self.statuses[answers[0].status if answers else 0] += 1

    def __enter__(self) -> "GoodClients":
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop_event.set()
        self.join(20)

    def p99(self) -> float:
        return sorted(self.latencies)[int(len(self.latencies) * 0.99) - 1]


def post_at_once(server: RunningServer, body: bytes, count: int, first: int) -> Counter[int]:
    """Post *body* *count* times, each in its own thread; return the number of answers by status."""
    statuses: Counter[int] = Counter()

    def post(number: int) -> None:
        request = a_request(body, path=f"/submit/telemetry/{an_id(number)}")
        answers = server.talk(request, half_close=True, patience=PATIENCE_SECONDS)
        statuses[answers[0].status if answers else 0] += 1

    threads = [threading.Thread(target=post, args=(first + number,)) for number in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    return statuses


@pytest.mark.slow
@pytest.mark.alone
def test_twenty_bombs_at_once_do_not_delay_good_clients(tmp_path):
    """Each bomb is quarantined as too large; good pings are answered and stored meanwhile."""
    settings = {"TELEMETRY_REVISION_OFFLINE": "true", "TELEMETRY_CONVERT_PROCESSES": "1"}
    sent = bomb()
    with running_server(tmp_path, forks=False, environment=settings) as server:
        post_at_once(server, b"{}", 40, 5_000_000)
        wait_for(lambda: ended(scrape(server)) >= 40)
        processes, before = tree(server), resident_mebibytes(server)
        with GoodClients(server) as good:
            time.sleep(SECONDS / 4)
            bombs = post_at_once(server, sent, 20, 6_000_000)
            highest = 0.0
            until = time.monotonic() + SECONDS * 0.75
            while time.monotonic() < until:
                highest = max(highest, resident_mebibytes(server) - before)
                time.sleep(0.1)
        total = 60 + len(good.latencies)
        wait_for(lambda: ended(scrape(server)) >= total)
        text = scrape(server)
        assert tree(server) >= processes
        assert server.stop() == 0
    print(
        f"bombs: p99 {good.p99() * 1000:.0f} ms, worst {max(good.latencies) * 1000:.0f} ms, "
        f"memory +{highest:.0f} MiB"
    )

    assert bombs == {200: 20}
    assert set(good.statuses) == {200}
    assert good.p99() <= bound_under_load(0.25)
    assert highest <= 150
    quarantined = metric(text, "telemetry_pings_quarantined_total")
    assert quarantined['{reason="too_large"}'] == 20
    assert sum(metric(text, "telemetry_submissions_received_total").values()) == total


@contextmanager
def memory_limit(limit_bytes: int = LIMIT_BYTES) -> Iterator[Path]:
    """Yield a control group limited to *limit_bytes*, without swap."""
    if not (MEMORY / "memory.limit_in_bytes").exists() or os.geteuid() != 0:
        pytest.skip("needs root and the memory controller of cgroup v1")
    group = MEMORY / f"telemetry-test-{os.getpid()}"
    try:
        group.mkdir()
    except OSError as error:
        pytest.skip(f"no control group can be made: {error.strerror}")
    try:
        (group / "memory.limit_in_bytes").write_text(str(limit_bytes))
        (group / "memory.swappiness").write_text("0")
        yield group
    finally:
        for _ in range(50):
            try:
                group.rmdir()
                break
            except OSError:
                time.sleep(0.1)


@contextmanager
def inside(group: Path) -> Iterator[None]:
    """Start processes of the block in *group*; this process leaves the group afterwards."""
    home = re.search(r"^\d+:memory:(.*)$", Path("/proc/self/cgroup").read_text(), re.MULTILINE)
    assert home is not None
    (group / "cgroup.procs").write_text(str(os.getpid()))
    try:
        yield
    finally:
        (MEMORY / home[1].lstrip("/") / "cgroup.procs").write_text(str(os.getpid()))


@pytest.mark.slow
@pytest.mark.alone
@pytest.mark.privileged
def test_256_mebibytes_are_enough_for_crowds_bombs_and_the_largest_bodies(tmp_path):
    """No process is killed for memory, good clients are served, and the metrics match what was sent."""
    if resource.getrlimit(resource.RLIMIT_NOFILE)[0] < 4 * CROWD + 200:
        pytest.skip("too few open files")
    sent = bomb()
    environment = TIMEOUTS | {"TELEMETRY_REVISION_OFFLINE": "true", "TELEMETRY_CONVERT_PROCESSES": "1"}
    with memory_limit() as group:
        with inside(group):
            server_of = running_server(
                tmp_path, environment=environment | {"TELEMETRY_MAX_CONNECTIONS": "8192"}, forks=False
            )
            server = server_of.__enter__()
        try:
            wait_for(lambda: len(server.children()) == 2)  # the converter starts after the worker
            processes = server.children()
            with GoodClients(server) as good:
                crowds = [Crowd.at(server, CROWD, first) for first in (SLOW_HEADERS, SLOW_BODY, SILENT)]
                bombs = post_at_once(server, sent, 20, 6_000_000)
                large = post_at_once(server, b"x" * MIB, 64, 7_000_000)
                for crowd in crowds[:2]:
                    crowd.drip()
                time.sleep(SECONDS)
                answers_of_crowds = [Counter(crowd.answers(10)) for crowd in crowds]
                for crowd in crowds:
                    crowd.leave()
            kept = len(good.latencies) + bombs[200] + large[200]
            wait_for(lambda: ended(scrape(server)) >= kept)
            text = scrape(server)
            highest = int((group / "memory.max_usage_in_bytes").read_text()) >> 20
            control = (group / "memory.oom_control").read_text()
            assert server.children() == processes
        finally:
            server_of.__exit__(None, None, None)
    print(
        f"256 MiB: p99 {good.p99() * 1000:.0f} ms, worst {max(good.latencies) * 1000:.0f} ms, "
        f"at most {highest} MiB with the page cache, large {dict(large)}"
    )

    assert re.search(r"^oom_kill 0$", control, re.MULTILINE), control
    assert bombs == {200: 20}
    assert set(large) <= {200, 503}
    assert set(good.statuses) == {200}
    assert good.p99() <= bound_under_load(1.0)  # two cores are shared with three thousand clients
    assert all(set(answers) == {b"HTTP/1.1 408"} for answers in answers_of_crowds), answers_of_crowds
    # At the end there are few series, and they match what was sent.
    codes = metric(text, "telemetry_responses_total")
    assert set(codes) <= {f'{{code="{code}"}}' for code in (200, 408, 503)}
    assert codes['{code="408"}'] == 3 * CROWD
    assert codes['{code="503"}'] == large[503]
    assert sum(metric(text, "telemetry_submissions_received_total").values()) == kept
    assert metric(text, "telemetry_pings_quarantined_total")['{reason="too_large"}'] == 20
    assert len(text.splitlines()) < 400
