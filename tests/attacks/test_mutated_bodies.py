"""Every damaged submission is kept and gets exactly one documented outcome, and the metrics agree."""

import asyncio
import re
from collections import Counter
from pathlib import Path

import pytest

from histogram_specs.cache.revision_cache import RevisionCache
from storage.data_root import DataRoot
from storage.ledger.ledger import Ledger
from telemetry_server.outcomes.outcome import HistogramReason, QuarantineReason
from tests.attacks.mutation import Mutant, definitions, mutant
from tests.support.edges import RunningServer, running_server
from tests.support.running_server import result_of
from tests.support.sizes import size
from tests.support.waiting import PATIENCE_SECONDS, wait_for

SEED = 6
CONNECTIONS = 8


@pytest.fixture(scope="module", autouse=True)
def has_fast_lane() -> None:
    """Replace the fixture that runs each test twice: the edge does not read bodies."""


async def send(port: int, mutants: list[Mutant]) -> Counter[int]:
    """Post *mutants* on a few persistent connections; return the number of answers by status."""
    answers: Counter[int] = Counter()
    waiting = iter(mutants)

    async def post_some() -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        sent = 0
        for one in waiting:
            head = f"POST {one.path} HTTP/1.1\r\nHost: a\r\nContent-Length: {len(one.body)}\r\n\r\n"
            writer.write(head.encode() + one.body)
            answer = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), PATIENCE_SECONDS)
            answers[int(answer[9:12])] += 1
            await reader.readexactly(int(re.search(rb"Content-Length: (\d+)", answer)[1]))
            sent += 1
            if b"Connection: close" in answer or sent == 900:
                writer.close()
                reader, writer = await asyncio.open_connection("127.0.0.1", port)
                sent = 0
        writer.close()

    await asyncio.gather(*(post_some() for _ in range(CONNECTIONS)))
    return answers


def metric(text: str, name: str) -> Counter[str]:
    """Return the values of metric *name* by label set."""
    return Counter(
        {
            labels: int(float(value))
            for labels, value in re.findall(rf"^{name}(\{{.*\}})? (\S+)$", text, re.MULTILINE)
        }
    )


def scrape(server: RunningServer) -> str:
    (answer,) = server.talk(b"GET /metrics HTTP/1.1\r\nHost: a\r\n\r\n", half_close=True)
    return answer.body.decode()


def ended(text: str) -> int:
    names = ("pings_stored", "pings_quarantined", "pings_duplicate")
    return sum(sum(metric(text, f"telemetry_{name}_total").values()) for name in names)


def descendants(server: RunningServer) -> set[int]:
    found = set(server.children())
    for pid in list(found):
        found |= {int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()}
    return found


def send_and_check(tmp_path: Path, count: int, patience: float) -> None:
    mutants = [mutant(SEED, index) for index in range(count)]
    RevisionCache(tmp_path / "data" / "specs").store(definitions().revision, definitions().text)
    with running_server(tmp_path, environment={"TELEMETRY_REVISION_OFFLINE": "true"}) as server:
        wait_for(lambda: len(server.children()) == 2)  # the converter starts after the worker
        processes = server.children()
        answers = asyncio.run(send(server.port, mutants))
        wait_for(lambda: ended(scrape(server)) >= count, patience)
        text = scrape(server)
        assert server.children() == processes
        assert server.stop() == 0
    report = result_of("audit", "--data", str(server.data))
    total = report["total"]
    print(f"{count} mutants: {total}")

    assert answers == {200: count}
    assert report["balanced"]
    assert (total["received"], total["pending"]) == (count, 0)
    assert "Traceback" not in server.log()
    with Ledger.for_reading(DataRoot(server.data)) as ledger:
        lives = [
            life
            for one in mutants
            for life in ledger.outcomes_of(bytes.fromhex(one.document_id.replace("-", "")))
        ]
    assert not [life for life in lives if "killed" in life.detail or not life.outcome]

    # The metrics agree with the audit, and every label value comes from a fixed list.
    quarantined = metric(text, "telemetry_pings_quarantined_total")
    dropped = metric(text, "telemetry_histograms_dropped_total")
    assert sum(metric(text, "telemetry_pings_stored_total").values()) == total["stored"] > count // 20
    assert sum(quarantined.values()) == total["quarantined"] > count // 20
    assert sum(metric(text, "telemetry_pings_duplicate_total").values()) == total["duplicate"]
    assert sum(metric(text, "telemetry_submissions_received_total").values()) == count
    assert set(quarantined) <= {f'{{reason="{reason}"}}' for reason in QuarantineReason}
    assert set(dropped) <= {f'{{reason="{reason}"}}' for reason in HistogramReason}
    assert len(text.splitlines()) < 400


def test_each_of_300_mutants_gets_one_outcome(tmp_path):
    """Every answer is 200, no process ends, no submission stays pending, and the audit balances."""
    send_and_check(tmp_path, 300, 60)


@pytest.mark.slow
def test_each_of_thousands_of_mutants_gets_one_outcome(tmp_path):
    """The same with more mutants; a release needs 10,000."""
    send_and_check(tmp_path, size(1_500, 10_000), 240)


def test_a_mutant_is_always_the_same():
    """A mutant that breaks something can be rebuilt from its number."""
    assert [mutant(1, index) for index in range(20)] == [mutant(1, index) for index in range(20)]
