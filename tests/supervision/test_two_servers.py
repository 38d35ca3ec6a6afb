"""Two servers share a data root on one machine: each submission is stored once, whichever server took it."""

import urllib.request
from concurrent.futures import ThreadPoolExecutor
from uuid import UUID

import pytest

from tests.support.running_server import result_of, running_server
from tests.support.waiting import PATIENCE_SECONDS, wait_for

PING = b'{"litres": 3}'
COUNT = 120


def submit(url: str, number: int) -> int:
    request = urllib.request.Request(f"{url}/submit/garden/watering/1/{UUID(int=number)}", PING)
    with urllib.request.urlopen(request, timeout=PATIENCE_SECONDS) as answer:
        return int(answer.status)


@pytest.mark.slow
def test_two_servers_on_one_data_root_store_each_ping_once(tmp_path):
    """Also what both got, and what the first had taken when it was killed."""
    with running_server(tmp_path) as first, running_server(tmp_path) as second:
        urls = [first.url, second.url]
        # Every third id goes to both servers.
        sent = [(urls[n % 2], n) for n in range(COUNT)] + [(urls[1 - n % 2], n) for n in range(0, COUNT, 3)]
        with ThreadPoolExecutor(8) as pool:
            statuses = list(pool.map(lambda pair: submit(*pair), sent))
        first.process.kill()
        first.process.wait(PATIENCE_SECONDS)
        assert submit(second.url, COUNT) == 200

        def books() -> dict[str, int]:
            return result_of("audit", "--data", str(tmp_path / "data"))["total"]

        wait_for(lambda: books()["stored"] + books()["duplicate"] == len(sent) + 1)

        found = books()

    assert set(statuses) == {200}
    assert found["received"] == len(sent) + 1
    assert found["stored"] == COUNT + 1
    assert found["duplicate"] == len(sent) - COUNT
